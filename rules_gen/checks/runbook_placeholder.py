"""A runbook, summary or description must not hold a placeholder.

TODO, TBD, FIXME, XXX, "lorem ipsum", `<fill in>` and a lone "..." say that somebody wanted to write
something later.

## Why

Later is when the alert fires. On-call opens the page, finds "TODO: describe rollback", and is alone with a
service that somebody else built. A section that is honestly short helps more than one that pretends to be
there.

## Wrong

```yaml
runbook:
  resolve: "TODO: describe the rollback"
```

## Right

```yaml
runbook:
  resolve:
    - step: Roll back the last deploy.
      run: kubectl rollout undo deploy/checkout-api
```

## How to mend it

Write the section. If nobody knows what to write yet, nobody will know in the night either: leave the alert
out until somebody does, or switch this check off for it with a reason and a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import Alert, Policy, Runbook, Service, Step

_PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME|XXX)\b|\b[Ll]orem ipsum\b|<(?:fill|insert|placeholder)\b[^<>\n]{0,60}>"
    r"|\A\s*(?:\.{3,}|…|\?{3,})\s*\Z"
)


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports placeholders in what on-call reads."""
    for alert in service.alerts:
        if _is_suspect(_joined(alert)):
            yield from _problems(alert)


def _joined(alert: Alert) -> str:
    """All texts of an alert as one, since one long text is searched faster than many short ones."""
    runbook = alert.runbook
    # A rule's first annotation is its summary.
    texts = [alert.description, *[rule.annotations[0][1] for rule in alert.rules]]
    if runbook is None:
        return "\n".join(texts)
    texts += (runbook.first, runbook.impact, runbook.escalate.to)
    texts += runbook.causes
    texts += runbook.false_positives
    for steps in (runbook.investigate, runbook.resolve, runbook.verify):
        for step in steps:
            texts.append(step.text)
            if step.run is not None:
                texts.append(step.run)
            if step.expect is not None:
                texts.append(step.expect)
            if step.then is not None:
                texts.append(step.then)
    return "\n".join(texts)


def _is_suspect(text: str) -> bool:
    """A quick look that lets nothing through that the real one would find.

    A single character is found at the speed of memory, a word at a fifth of it: so a rare letter is asked for first.
    """
    return (
        ("D" in text and ("TODO" in text or "TBD" in text))
        or ("X" in text and ("FIXME" in text or "XXX" in text))
        or "<" in text
        or "…" in text
        or ("?" in text and "???" in text)
        or "orem ipsum" in text
        or "..." in text
    )


def _problems(alert: Alert) -> Iterator[Problem]:
    for place, text in _texts(alert):
        found = _PLACEHOLDER.search(text)
        if found is None:
            continue
        written = found.group().strip()
        offset = text.index(written, found.start())
        yield Problem(
            "runbook-placeholder",
            f"`{written}` is a placeholder, and on-call will read it",
            place.within(offset, len(written)),
            "write what on-call needs to know",
        )


def _texts(alert: Alert) -> Iterator[tuple[Place, str]]:
    """Each text and where it was written, as far as the model still knows."""
    for rule in alert.rules:
        yield rule.summary_place, rule.annotations[0][1]
    yield alert.place.at("description"), alert.description
    runbook = alert.runbook
    if runbook is None:
        return
    place = alert.place.at("runbook")
    yield place.at("first"), runbook.first
    yield place.at("impact"), runbook.impact
    for name in ("causes", "false_positives"):
        texts: tuple[str, ...] = getattr(runbook, name)
        for index, text in enumerate(texts):
            yield place.at(name) if len(texts) == 1 else place.at(name, index), text
    for name in ("investigate", "resolve", "verify"):
        yield from _steps(place.at(name), runbook, name)
    yield place.at("escalate", "to"), runbook.escalate.to


def _steps(place: Place, runbook: Runbook, name: str) -> Iterator[tuple[Place, str]]:
    steps: tuple[Step, ...] = getattr(runbook, name)
    for index, step in enumerate(steps):
        where = place.at(index)
        more = [(key, getattr(step, key)) for key in ("run", "expect", "then") if getattr(step, key) is not None]
        # A step that is only a text is nearly always written as one, and a single one without a list around it.
        if more or step.query is not None:
            yield where.at("step"), step.text
        else:
            yield place if len(steps) == 1 else where, step.text
        for key, text in more:
            yield where.at(key), text
