"""Shows messages instead of sending them: what serve does until it has credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from router.messages.message import Look, build_message, decode_note
from router.messages.text import one_line
from router.model import Shown
from router.notifier import Delivered, Job, Outcome

if TYPE_CHECKING:
    from router.config.secrets import Secrets
    from router.config.settings_types import Settings
    from router.routes import Routes

log = structlog.get_logger("router.dry_run")


def is_dry(settings: Settings, secrets: Secrets, routes: Routes) -> bool:
    """Whether messages are shown instead of sent: when told so, or when no destination's secret is there."""
    if settings.dry_run != "auto":
        return settings.dry_run == "always"
    destinations = (d for team in routes.teams.values() for found in team.destinations.values() for d in found)
    can_mail = getattr(settings.channels.get("email"), "host", "")
    return not can_mail and not any(secrets.has(d.secret) for d in destinations if d.secret)


class DryRun:
    """Implements notifier.Notifier for every channel."""

    def __init__(self, channel: str, look: Callable[[], Look]) -> None:
        self._channel = channel
        self._look = look

    async def send(self, job: Job) -> Outcome:
        """Log what would be sent."""
        if job.snapshot is None:
            note = decode_note(job.delivery.payload)
            log.info("dry run: would send a note", destination=job.destination.key, title=note.title, text=note.text)
        else:
            message = build_message(job.snapshot, job.step, job.delivery, self._look())
            log.info(
                "dry run: would tell that it is over" if job.step.state is Shown.RESOLVED else "dry run: would tell",
                destination=job.destination.key,
                severity=message.severity,
                summary=one_line(message.summary),
                runbook=next((link.url for link in message.links if link.kind == "runbook"), ""),
                firing=message.firing,
                incident=message.incident_id,
            )
        return Delivered(provider_id="dry run", detail="shown, not sent")

    async def close(self) -> None:
        """It holds nothing."""
