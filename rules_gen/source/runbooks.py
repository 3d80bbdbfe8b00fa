"""Builds a runbook from what the alert says and the shared sections it includes. Pure."""

from __future__ import annotations

from typing import Any

from rules_gen.diagnostics import Place
from rules_gen.model import Escalation, Runbook, Step
from rules_gen.source.context import Reader
from rules_gen.source.suggest import did_you_mean

SECTIONS = ("first", "impact", "causes", "investigate", "resolve", "verify", "escalate")
"""The sections that a page must have, in the order of the page."""


def build_runbook(data: dict[str, Any], place: Place, reader: Reader) -> Runbook | None:
    """The runbook of the alert at `place`, or None, and problems, where sections are missing."""
    content: dict[str, Any] = data
    for index, name in enumerate(data.get("include", ())):
        shared = reader.context.runbooks.get(name)
        if shared is None:
            reader.report(
                "runbook-unknown",
                f"no shared runbook `{name}`",
                place.at("runbook", "include", index),
                did_you_mean(name, reader.context.runbooks),
            )
            return None
        content = {**shared.data, **content}
    missing = [section for section in SECTIONS if section not in content]
    if missing:
        sections = ", ".join(f"`{section}`" for section in missing)
        reader.report(
            "runbook-missing-section",
            f"the runbook has no {sections}",
            place.at("runbook").key(),
            "write it, or include a shared runbook that has it",
        )
        return None
    return Runbook(
        first=content["first"],
        impact=content["impact"],
        causes=_texts(content["causes"]),
        investigate=_steps(content["investigate"], reader),
        resolve=_steps(content["resolve"], reader),
        verify=_steps(content["verify"], reader),
        escalate=Escalation(content["escalate"]["after"], content["escalate"]["to"]),
        false_positives=_texts(content["false_positives"]) if "false_positives" in content else (),
        links=tuple(content["links"].items()) if "links" in content else (),
    )


def _texts(data: Any) -> tuple[str, ...]:  # noqa: ANN401
    return (data,) if isinstance(data, str) else tuple(data)


def _steps(data: Any, reader: Reader) -> tuple[Step, ...]:  # noqa: ANN401
    if isinstance(data, str):
        return (Step(data),)
    # Shared sections are the same objects for every alert that includes them.
    known = reader.steps.get(id(data))
    if known is None:
        known = reader.steps[id(data)] = tuple([Step(step) if isinstance(step, str) else _step(step) for step in data])
    return known


def _step(data: dict[str, Any]) -> Step:
    get = data.get
    return Step(data["step"], get("run"), get("query"), get("expect"), get("then"), get("destructive", False))
