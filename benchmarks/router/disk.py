"""What the disk does by itself: appending to a file and waiting until that is safe, as a database's commit does."""

from __future__ import annotations

import os
import time
from pathlib import Path

SIZE = 4_096


def syncs_a_second(folder: Path, seconds: float = 0.5) -> float:
    """How often 4 KiB can be appended and synced, one after the other."""
    sync = getattr(os, "fdatasync", os.fsync)
    path = folder / "syncs"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    page = bytes(SIZE)
    try:
        count, started = 0, time.monotonic()
        while time.monotonic() - started < seconds:
            os.write(file, page)
            sync(file)
            count += 1
        return count / (time.monotonic() - started)
    finally:
        os.close(file)
        path.unlink()
