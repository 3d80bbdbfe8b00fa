"""What has changed of a runbook, section by section."""

from __future__ import annotations

from collections.abc import Iterator

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.model import Alert, Escalation, Runbook, Step

_STEPS = ("investigate", "resolve", "verify")


def runbook_findings(old: Alert, new: Alert) -> Iterator[Finding]:
    """The sections that changed, came or went, and each destructive step that is new."""
    before, after = old.runbook, new.runbook
    if before is None or after is None:
        yield from _elsewhere(old, new)
        return
    for section in Runbook._fields:
        was, now = getattr(before, section), getattr(after, section)
        if was == now:
            continue
        words: Words = ("runbook: ", Typed(section), _verb(was, now), *_detail(was, now))
        yield Finding("runbook", Impact.RUNBOOK, words, _text(was), _text(now), is_code=section != "escalate")
    for section in _STEPS:
        yield from _destructive(section, getattr(before, section), getattr(after, section))


def _elsewhere(old: Alert, new: Alert) -> Iterator[Finding]:
    if old.runbook is None and new.runbook is None:
        if old.runbook_url != new.runbook_url:
            words: Words = ("runbook: the page is now ", Typed(new.runbook_url))
            yield Finding("runbook", Impact.RUNBOOK, words, old.runbook_url, new.runbook_url)
    elif new.runbook is None:
        words = ("runbook: the page made from the definition gives way to ", Typed(new.runbook_url))
        yield Finding("runbook", Impact.RUNBOOK, words, None, new.runbook_url)
    else:
        words = ("runbook: a page made from the definition takes the place of ", Typed(old.runbook_url))
        yield Finding("runbook", Impact.RUNBOOK, words, old.runbook_url, None)
        for section in _STEPS:
            yield from _destructive(section, (), getattr(new.runbook, section))


def _verb(was: object, now: object) -> str:
    if not was:
        return " added"
    return " changed" if now else " removed"


def _detail(was: object, now: object) -> Words:
    if isinstance(was, Escalation) and isinstance(now, Escalation):
        words: list[str | Typed] = []
        for name, before, after in (("after", was.after, now.after), ("to", was.to, now.to)):
            if before != after:
                words += ["; " if words else ", ", f"{name} ", Typed(before), " -> ", Typed(after)]
        return tuple(words)
    if not isinstance(was, tuple) or not isinstance(now, tuple) or not was or not now:
        return ()
    added, removed = len(set(now) - set(was)), len(set(was) - set(now))
    if not added and not removed:
        return (", in another order",)
    return (", " + " and ".join(_entries(n) + w for n, w in ((added, " new"), (removed, " gone")) if n),)


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _text(section: object) -> str | None:
    if not section:
        return None
    if isinstance(section, str):
        return section
    if isinstance(section, Escalation):
        return f"after {section.after} to {section.to}"
    lines = [_step(item) if isinstance(item, Step) else _entry(item) for item in section]  # type: ignore[attr-defined]
    return "\n".join(lines)


def _entry(item: object) -> str:
    return item if isinstance(item, str) else ": ".join(map(str, item))  # type: ignore[call-overload]


def _step(step: Step) -> str:
    parts = [step.text, *(part for part in (step.run, step.query, step.expect, step.then) if part)]
    return ("(destructive) " if step.destructive else "") + " | ".join(parts)


def _destructive(section: str, old: tuple[Step, ...], new: tuple[Step, ...]) -> Iterator[Finding]:
    for step in new:
        what = step.run or step.query or step.text
        if step.destructive and step not in old:
            words: Words = ("runbook: a destructive step is new or changed in ", Typed(section), ": ", Typed(what))
            yield Finding("destructive-step", Impact.DESTRUCTIVE, words, None, what)
    marked = {(step.text, step.run) for step in old if step.destructive}
    for step in new:
        if not step.destructive and (step.text, step.run) in marked:
            what = step.run or step.text
            words = ("runbook: a step in ", Typed(section), " is no longer marked as destructive: ", Typed(what))
            yield Finding("destructive-step", Impact.DESTRUCTIVE, words, what, what)
