"""What scenarios assert of a rule, and which alerts need none. Pure."""

from __future__ import annotations

from typing import Protocol

from rules_gen.model import Alert, Policy
from rules_gen.promql import analyse


class AssertionLike(Protocol):
    """An assertion of a definition, or the same after promtool has proved it."""

    @property
    def state(self) -> str:
        """What the alert is asserted to be: pending, firing or quiet."""
        ...

    @property
    def severity(self) -> str | None:
        """The rung that is meant, None for every rule of the alert."""
        ...


def asserts(assertion: AssertionLike, state: str, severity: str) -> bool:
    """Whether the assertion says that the rule of this severity is in this state."""
    return assertion.state == state and (assertion.severity is None or assertion.severity == severity)


def fires_by_construction(alert: Alert, policy: Policy) -> bool | None:
    """Whether it selects no series, as a Watchdog's `vector(1)` does: there is nothing that a scenario could show.

    None when its expression can't be parsed.
    """
    analysis = analyse(alert.rules[0].signal, policy.prometheus)
    return None if isinstance(analysis, tuple) else analysis.is_constant
