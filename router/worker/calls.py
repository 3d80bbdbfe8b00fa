"""Makes one call to a notifier, and bounds it: whatever the notifier does, an outcome comes back in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from router.applier import Work
from router.model import Destination, Shown
from router.notifier import Job, Notifier, Outcome, Reason, Rejected, Retry

log = structlog.get_logger("router.worker.calls")

OVERRUN_SECONDS = 0.5
"""A notifier ends a call by itself in the time it is given. When it hasn't after this, it is left behind."""


class Caller:
    """Makes calls."""

    def __init__(self, notifiers: Mapping[str, Notifier], timeout: float) -> None:
        """`notifiers` by channel; `timeout` in seconds, for one call."""
        self._notifiers = notifiers
        self._timeout = timeout
        self._left_behind: set[asyncio.Task[Outcome]] = set()

    async def call(self, work: Work) -> Outcome:
        """Bring about what the row's claim says. Raises nothing: cancelled, it answers that it may have been shown."""
        row = work.delivery
        destination = Destination.parse(row.destination)
        notifier = self._notifiers.get(destination.channel)
        if notifier is None:
            return Rejected(
                Reason.MISCONFIGURED, "destination", f"no channel {destination.channel!r:.40} is configured"
            )
        uncertain = row.shown.state is Shown.UNKNOWN
        job = Job(destination, row, row.claim, work.snapshot, uncertain, self._timeout)
        call = asyncio.get_running_loop().create_task(notifier.send(job))
        try:
            # A notifier that swallows its cancellation must not keep its lane for ever, so it is watched, not awaited.
            await asyncio.wait({call}, timeout=self._timeout + OVERRUN_SECONDS)
        except asyncio.CancelledError:
            # The drain's time is over. What is known of the call has to be recorded all the same.
            self._leave_behind(call)
            return Retry(Reason.TIMEOUT, maybe_shown=True, detail="the router was stopped")
        if not call.done():
            self._leave_behind(call)
            return Retry(Reason.TIMEOUT, maybe_shown=True, detail=f"no answer within {self._timeout:g} s")
        if call.cancelled():
            return Retry(Reason.BUG, maybe_shown=True, detail="the notifier cancelled itself")
        error = call.exception()
        if error is not None:
            log.error("a notifier raised", destination=row.destination, incident=row.incident_id, exc_info=error)
            return Retry(Reason.BUG, maybe_shown=True, detail=type(error).__name__)
        return call.result()

    def _leave_behind(self, call: asyncio.Task[Outcome]) -> None:
        def ended(call: asyncio.Task[Outcome]) -> None:
            self._left_behind.discard(call)
            if not call.cancelled() and call.exception() is not None:
                log.warning("a call that was left behind failed", exc_info=call.exception())

        self._left_behind.add(call)
        call.add_done_callback(ended)
        call.cancel()
