"""What a change means, as values: findings on alerts, each with an impact and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Typed(NamedTuple):
    """A piece of a sentence that somebody typed into a definition. Renderers show it and never interpret it."""

    text: str


Words: TypeAlias = tuple["str | Typed", ...]
"""A sentence: our own words, and what people typed."""


class Impact(StrEnum):
    """What a difference does, from what a reviewer must see to what is good to know."""

    REMOVED = "removed"
    PAGES_FEWER = "pages-fewer"
    NOBODY_TOLD = "nobody-told"
    LESS_SENSITIVE = "less-sensitive"
    LESS_URGENT = "less-urgent"
    SLOWER = "slower"
    FEWER_SERIES = "fewer-series"
    CONDITION = "condition"
    """The condition has changed, and nobody can say for certain in which direction."""
    OTHER_SERIES = "other-series"
    GROUPING = "grouping"
    SMOOTHER = "smoother"
    MUTES_MORE = "mutes-more"
    SCENARIO_REMOVED = "scenario-removed"
    SCENARIO_WEAKENED = "scenario-weakened"
    CHECK_DISABLED = "check-disabled"
    MUTANT_ACCEPTED = "mutant-accepted"
    PROOF_WEAKENED = "proof-weakened"
    DESTRUCTIVE = "destructive"
    ADDED = "added"
    RENAMED = "renamed"
    MOVED = "moved"
    PAGES_MORE = "pages-more"
    MORE_SENSITIVE = "more-sensitive"
    MORE_URGENT = "more-urgent"
    FASTER = "faster"
    MORE_SERIES = "more-series"
    NOISIER = "noisier"
    MUTES_LESS = "mutes-less"
    ROUTE = "route"
    HOLDS_LONGER = "holds-longer"
    HOLDS_SHORTER = "holds-shorter"
    RUNBOOK = "runbook"
    SCENARIO_CHANGED = "scenario-changed"
    SCENARIO_RENAMED = "scenario-renamed"
    SCENARIO_ADDED = "scenario-added"
    SCENARIO_STRENGTHENED = "scenario-strengthened"
    CHECK_ENABLED = "check-enabled"
    MUTANT_WITHDRAWN = "mutant-withdrawn"
    PROOF_STRENGTHENED = "proof-strengthened"
    LABELS = "labels"
    TEXT = "text"
    SETTING = "setting"


IMPACTS = tuple(Impact)
RISKY = frozenset(IMPACTS[: IMPACTS.index(Impact.DESTRUCTIVE) + 1])
"""Impacts after which an outage could be missed, or seen later, or that nobody can judge but a person."""


class Finding(NamedTuple):
    """One difference. `kind` is what has changed, `before` and `after` how it read, None where it wasn't there.

    `is_code`: before and after are text of several lines, to be shown as a difference. `link` is the path of a file in
    the repository that shows it.
    """

    kind: str
    impact: Impact
    words: Words
    before: str | None = None
    after: str | None = None
    is_code: bool = False
    link: str | None = None

    @property
    def is_risky(self) -> bool:
        """Whether a reviewer should look at it closely."""
        return self.impact in RISKY

    @property
    def sentence(self) -> str:
        """The words as plain text."""
        return plain(self.words)

    def within(self, *scope: str | Typed) -> Finding:
        """The same, with words before it that narrow it down; as it is for no words."""
        return self._replace(words=(*scope, ": ", *self.words)) if scope else self


def plain(words: Words) -> str:
    """A sentence as plain text."""
    return "".join(word if isinstance(word, str) else word.text for word in words)


@dataclass(frozen=True, slots=True)
class Change:
    """What has changed of one subject: an alert; its service, with `alert` None; the policy, with `service` None.

    `page` is the path of its runbook page; `files` are where it is defined: a template first, then what uses it.
    """

    team: str
    service: str | None
    alert: str | None
    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    page: str | None = None

    @property
    def is_risky(self) -> bool:
        """Whether a reviewer should look at it closely."""
        return any(finding.is_risky for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Difference:
    """All that has changed: of the policy and the services, and of alerts. `unread` says what couldn't be compared."""

    general: tuple[Change, ...]
    alerts: tuple[Change, ...]
    unread: tuple[Words, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed, as far as could be read."""
        return not self.general and not self.alerts

    @property
    def risky(self) -> int:
        """How many alerts need a close look."""
        return sum(change.is_risky for change in self.alerts)


def by_weight(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings, each once, the worst first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: IMPACTS.index(finding.impact)))
