"""The subcommands of `rules-gen`, one module each; `parser` knows their arguments."""
