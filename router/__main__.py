"""`python -m router` is the `alert-router` command."""

import sys

from router.cli import main

if __name__ == "__main__":
    sys.exit(main())
