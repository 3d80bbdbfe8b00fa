"""The router on a machine whose wall clock is set: the file that CLOCK_OFFSET names holds by how many seconds."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from router import app
from router.clock import Clock

OFFSET = Path(os.environ["CLOCK_OFFSET"])


def wall() -> float:
    """Wall time on that machine, in seconds."""
    return time.time() + float(OFFSET.read_text() or 0)


if __name__ == "__main__":
    app.Clock = lambda: Clock(wall)  # type: ignore[assignment, misc]
    from router.cli import main

    sys.exit(main())
