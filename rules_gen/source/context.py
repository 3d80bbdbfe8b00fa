"""What every service is compiled with: the policy, the templates, the shared runbook sections. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import SEVERITIES, Policy, Step
from rules_gen.source.documents import Document
from rules_gen.source.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Context:
    """`templates` and `runbooks` are validated documents by name."""

    policy: Policy
    templates: dict[str, Document]
    runbooks: dict[str, Document]


@dataclass(slots=True)
class Reader:
    """Builds one service: what it needs to know, and the problems that it has found so far, each once."""

    context: Context
    team: str
    service: str
    found: dict[tuple[str, Place, str], Problem] = field(default_factory=dict)
    steps: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    """Runbook steps by the identity of their data, which lives as long as the service's documents do."""

    @property
    def policy(self) -> Policy:
        """The policy."""
        return self.context.policy

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found."""
        return tuple(self.found.values())

    def report(self, check: str, message: str, place: Place, suggestion: str | None = None, **more: Any) -> None:  # noqa: ANN401
        """Adds a problem."""
        self.add(Problem(check, message, place, suggestion, **more))

    def add(self, problem: Problem) -> None:
        """Adds a problem unless the same stands there already."""
        self.found.setdefault((problem.check, problem.place, problem.message), problem)

    def severity(self, text: str, place: Place) -> str | None:
        """The canonical severity of `text`; None, and a problem, when the policy doesn't know it."""
        if text in SEVERITIES:
            return text
        for alias, severity in self.policy.aliases:
            if alias == text:
                if severity == "none":
                    self.report(
                        "severity-unknown",
                        f"`{text}` is only recorded, nobody is told",
                        place,
                        "choose one of " + ", ".join(SEVERITIES),
                    )
                    return None
                return severity
        known = [*SEVERITIES, *dict(self.policy.aliases)]
        lowered = next((name for name in known if name.lower() == text.lower()), None)
        hint = f"did you mean `{lowered}`?" if lowered else did_you_mean(text, known)
        self.report("severity-unknown", f"no severity `{text}`", place, hint)
        return None
