"""Spreads work over forked processes.

Processes, since the PromQL parser holds the interpreter's lock; forked, since a fresh interpreter would have to import
everything again. The parent does a share itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], processes: int) -> list[Result]:
    """`work(items)`, done in slices by several processes; results in the order of `items`.

    RuntimeError when a process dies or raises; its traceback has gone to stderr.
    """
    if processes < 2 or len(items) < 2 or not hasattr(os, "fork"):
        return work(items)
    slices = [items[index::processes] for index in range(processes)]
    children = [_start(work, part) for part in slices[1:] if part]
    try:
        results = [work(slices[0])]
        results += [_collect(reader) for _, reader in children]
    except BaseException:
        # Nobody will read what they are working on.
        for pid, _ in children:
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        for pid, reader in children:
            os.close(reader)
            os.waitpid(pid, 0)
    merged: list[Result] = []
    for position in range(len(slices[0])):
        merged += [part[position] for part in results if position < len(part)]
    return merged


def _start(work: Callable[[Sequence[Item]], list[Result]], part: Sequence[Item]) -> tuple[int, int]:
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    code = 1
    try:
        import pickle

        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(pickle.dumps(work(part), protocol=pickle.HIGHEST_PROTOCOL))
        code = 0
    except (KeyboardInterrupt, BrokenPipeError):
        code = 130
    except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _collect(reader: int) -> list[Result]:
    import pickle

    chunks = []
    while chunk := os.read(reader, 1 << 20):
        chunks.append(chunk)
    if not chunks:
        raise RuntimeError("a compiling process died; see above")
    result: list[Result] = pickle.loads(b"".join(chunks))  # noqa: S301 - from our own child
    return result
