"""The subcommands of `alert-router`, one module each; `parser` names them without importing them."""
