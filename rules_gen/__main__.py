"""`python -m rules_gen` is the `rules-gen` command."""

import sys

from rules_gen.cli import main

if __name__ == "__main__":
    sys.exit(main())
