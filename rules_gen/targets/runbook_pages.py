"""The runbook pages that on-call reads: one per alert whose runbook is written in its definition.

A page is CommonMark with GitHub's tables, in which what people typed is text or code and never markup. Links
between pages are relative, so that they work in the repository and where the router serves the pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules_gen.emit.markdown import link
from rules_gen.model import SEVERITIES
from rules_gen.target import GeneratedFile
from rules_gen.target_support.condition import meaning
from rules_gen.target_support.links import query_link, query_links, repeated_link, silence_links
from rules_gen.target_support.prose import (
    code_block,
    comment_header,
    duration_words,
    inline,
    paragraphs,
    readable,
    response_words,
)
from rules_gen.timelines.gallery import gallery_of
from rules_gen.timelines.pages import IllustratedPages, proven_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rules_gen.model import Alert, Escalation, Policy, Runbook, Service, Slo, Step
    from rules_gen.target import Output
    from rules_gen.timelines.gallery import Gallery

_TO_ROOT = "../../../"
"""From a page to the repository's root."""
_LINE = re.compile(r"\n(?=[^\n])")
_INDEX_LINK = "[All runbooks](../../README.md)"


@dataclass(frozen=True, slots=True)
class _Around:
    """What the pages of one service share: its alerts, objectives and who keeps which quiet."""

    service: Service
    policy: Policy
    alerts: dict[str, Alert]
    slos: dict[str, Slo]
    inhibited_by: dict[str, list[str]]
    team: str
    """The owning team's name, as Markdown."""
    gallery: Gallery | None
    """The pictures of its scenarios."""


def service_files(service: Service, policy: Policy) -> Iterable[Output]:
    """The page of each alert of this service that has its runbook here."""
    alerts = {alert.name: alert for alert in service.alerts}
    slos = {slo.alert: slo for slo in service.slos}
    team = _team_name(service.team, policy)
    around = _Around(service, policy, alerts, slos, _inhibited_by(service), team, gallery_of(service, policy))
    header = comment_header(service.source)
    pages = [
        (
            f"runbooks/{service.team}/{service.name}/{alert.name}.md",
            f"{header}\n{_top(alert, around)}\n{_body(alert, alert.runbook, around)}",
        )
        for alert in service.alerts
        if alert.runbook is not None
    ]
    if around.gallery is None:
        yield from (GeneratedFile(path, page.encode()) for path, page in pages)
    else:
        yield IllustratedPages(around.gallery, tuple(pages), service.place)


def _inhibited_by(service: Service) -> dict[str, list[str]]:
    """By alert, the alerts of its service that keep it quiet."""
    sources: dict[str, list[str]] = {}
    for alert in service.alerts:
        for target in alert.inhibits:
            sources.setdefault(target, []).append(alert.name)
    return sources


def _body(alert: Alert, runbook: Runbook, around: _Around) -> str:
    policy = around.policy
    sections = (
        ("Do this first", paragraphs(runbook.first)),
        ("Meaning", _meaning(alert, around.slos.get(alert.name))),
        ("Impact", paragraphs(runbook.impact)),
        ("Potential causes", _bullets(runbook.causes)),
        ("Investigation", _steps(runbook.investigate, policy)),
        ("Resolution", _steps(runbook.resolve, policy)),
        ("Verify the recovery", _steps(runbook.verify, policy)),
        ("Escalation", _escalation(runbook.escalate, around)),
        ("Related alerts", _related(alert, around)),
        ("False positives", _bullets(runbook.false_positives)),
        ("Proven by", proven_by(alert, around.service, around.gallery)),
        ("Further links", _further_links(runbook.links)),
    )
    # A section that the alert has nothing for is left out rather than shown empty.
    return "".join(f"\n## {heading}\n\n{text}\n" for heading, text in sections if text)


def _top(alert: Alert, around: _Around) -> str:
    """The title with all that the first screen of a phone must show."""
    parts = (
        f"# {inline(alert.name)}",
        paragraphs(readable(alert.summary)),
        _responses(alert, around.policy),
        _owner(alert, around),
        _buttons(alert, around),
    )
    return "\n\n".join(part for part in parts if part)


def _rungs(alert: Alert) -> list[str]:
    """Its severities, the worst first."""
    severities = alert.severities
    return [name for name in SEVERITIES if name in severities]


def _responses(alert: Alert, policy: Policy) -> str:
    return "\n".join(
        f"- **{name.capitalize()}**: respond {response_words(policy.severity(name).response)}" for name in _rungs(alert)
    )


def _owner(alert: Alert, around: _Around) -> str:
    words = [f"Team **{around.team}**", f"service **{inline(around.service.name)}**"]
    environments = dict.fromkeys(rule.environment for rule in alert.rules if rule.environment)
    if environments:
        words.append("in " + ", ".join(map(inline, environments)))
    if alert.notify is not None:
        words.append(f"{_team_name(alert.notify, around.policy)} is told too")
    return " · ".join(words)


def _team_name(key: str, policy: Policy) -> str:
    team = policy.team(key)
    return inline(team.name if team else key)


def _buttons(alert: Alert, around: _Around) -> str:
    """The links that on-call opens first; one for each environment where they differ."""
    buttons = [repeated_link("Dashboard", alert.dashboard_url)]
    buttons += query_links("Query", alert, around.policy)
    buttons += silence_links("Silence", alert, around.service, around.policy)
    buttons.append(_INDEX_LINK)
    return " · ".join(buttons)


def _meaning(alert: Alert, slo: Slo | None) -> str:
    condition = meaning(alert, slo)
    return f"{paragraphs(readable(alert.description))}\n\n{condition}" if alert.description else condition


def _bullets(texts: Sequence[str]) -> str:
    return "\n".join(f"- {inline(text)}" for text in texts)


def _steps(steps: Sequence[Step], policy: Policy) -> str:
    return "\n\n".join(_step(number, step, policy) for number, step in enumerate(steps, 1))


def _step(number: int, step: Step, policy: Policy) -> str:
    """One item of a numbered list; what belongs to it is indented to its text."""
    text = paragraphs(step.text)
    parts = [f"**Destructive.** {text}" if step.destructive else text]
    if step.run is not None:
        parts.append(code_block(step.run, "sh"))
    if step.query is not None:
        parts.append(code_block(step.query, "promql"))
        if policy.urls.query is not None:
            parts.append(query_link("Run this query", step.query, policy))
    if step.expect is not None:
        parts.append(_expected(step.expect))
    if step.then is not None:
        parts.append(f"Then: {inline(step.then)}")
    marker = f"{number}. "
    return marker + _LINE.sub("\n" + " " * len(marker), "\n\n".join(parts))


def _expected(text: str) -> str:
    """What to expect: a sentence as prose, several lines as the output that they are."""
    lines = text.strip("\n")
    return f"Expect:\n\n{code_block(lines, '')}" if "\n" in lines else f"Expect: {inline(text)}"


def _escalation(escalation: Escalation, around: _Around) -> str:
    after, to = duration_words(escalation.after), inline(escalation.to)
    asked = f"After **{after}** without recovery, ask **{to}**."
    team = around.policy.team(around.service.team)
    if team is None or team.lead is None or team.lead == escalation.to:
        return asked
    return f"{asked} The lead of {inline(team.name)} is {inline(team.lead)}."


def _related(alert: Alert, around: _Around) -> str:
    lines = []
    if alert.inhibits:
        lines.append(f"- While it fires, it keeps quiet: {_alert_links(alert.inhibits, around)}")
    if alert.name in around.inhibited_by:
        lines.append(f"- It is kept quiet by: {_alert_links(around.inhibited_by[alert.name], around)}")
    if alert.is_ladder:
        rungs = _rungs(alert)
        lines += [
            f"- While it fires as {higher}, its {' and '.join(rungs[position:])} rule is kept quiet"
            for position, higher in enumerate(rungs[:-1], 1)
        ]
    return "\n".join(lines)


def _alert_links(names: Sequence[str], around: _Around) -> str:
    """Links to alerts of the same service: to their pages, or to where their runbook lies."""
    links = []
    for name in names:
        alert = around.alerts.get(name)
        if alert is None:
            links.append(inline(name))
        else:
            links.append(link(name, f"{name}.md" if alert.runbook is not None else alert.runbook_url))
    return ", ".join(links)


def _further_links(links: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {link(title, _from_page(address))}" for title, address in links)


def _from_page(address: str) -> str:
    """The address as seen from a page: a path is one from the repository's root."""
    if "://" in address:
        return address
    path = address.lstrip("/")
    inside = path.removeprefix("runbooks/")
    return f"../../{inside}" if inside != path else _TO_ROOT + path
