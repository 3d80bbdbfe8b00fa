"""The kill test at length, by hand: 1,000 kills, some 20 minutes.

python scripts/soak.py [--kills 200] [--transitions 20000] [--seed 7] [--postgresql]
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = ["--kills", "1000", "--transitions", "100000"]
"""What is given on the command line comes after these, and wins."""

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

if __name__ == "__main__":
    from kill_run import main

    sys.exit(main([*DEFAULTS, *sys.argv[1:]]))
