"""One router at a time on a SQLite file.

A router that starts takes all that it finds in its file for a dead process's: it sends what that one had claimed. A
second one on the same file would tell people twice. The command line, which claims nothing, opens the file as it likes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from router.store import StoreError

SUFFIX = ".lock"
"""A file of its own: closing SQLite's in another place would give up the locks that SQLite has on it."""


@contextmanager
def only_one(url: str) -> Generator[None]:
    """Hold a store for this process alone, as far as it is one that isn't shared; PostgreSQL is. However the process
    ends, the system lets go of it.

    StoreError when another process holds it.
    """
    path = url.removeprefix("sqlite:///")
    if path in (url, ":memory:"):
        yield
        return
    try:
        held = os.open(path + SUFFIX, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        # The folder isn't there, or isn't ours: opening the database tells so in better words.
        yield
        return
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"another router serves from {path}: stop it first, or give each a store of its own;"
                " several share one on PostgreSQL only"
            ) from None
        except OSError:
            # A file system without locks, on which SQLite itself couldn't work safely either.
            pass
        yield
    finally:
        os.close(held)
