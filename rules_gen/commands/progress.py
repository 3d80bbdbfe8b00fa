"""How far a long run is, for people who wait."""

from __future__ import annotations

import time
from typing import Any


class Progress:
    """One line on a terminal that says how far a long run is; nothing in a pipe, nothing for a short one."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401
        self._stream = stream
        self._on = bool(stream.isatty())
        self._started = time.monotonic()
        self._last = 0.0
        self._shown = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._on or now - self._started < 0.5 or now - self._last < 0.1:
            return
        self._last = now
        self._shown = True
        self._stream.write(f"\r\x1b[K{stage} {done}/{total}")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
