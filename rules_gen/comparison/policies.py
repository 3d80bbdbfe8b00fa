"""What a change of alerts/policy.yaml means for all alerts: told once, with how many it reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.comparison.wording import count
from rules_gen.model import PROOF_STATES, SEVERITIES, Policy, Service, Team
from rules_gen.model.destinations import team_addresses
from rules_gen.promql import parse_duration

_CHANNELS = {"pagerduty": "PagerDuty", "slack": "Slack", "email": "email", "webhook": "webhook"}


def policy_findings(old: Policy, new: Policy, services: Iterable[Service]) -> Iterator[Finding]:
    """Everything that differs. `services` are those of the new side, to count the alerts that it reaches."""
    if old == new:
        return
    severities: Counter[str] = Counter()
    teams: Counter[str] = Counter()
    for service in services:
        for alert in service.alerts:
            severities.update(alert.severities)
            teams.update(set(filter(None, (service.team, alert.notify))))
    for name in SEVERITIES:
        yield from _severity(name, old, new, severities[name])
    keys = dict.fromkeys(team.key for policy in (old, new) for team in policy.teams)
    for key in keys:
        yield from _team(key, old.team(key), new.team(key), teams[key])
    yield from _maintenance(old, new)
    yield from _proof(old, new)
    yield from _labels(old, new)
    yield from _settings(old, new)


def _reach(number: int) -> str:
    return f" ({count(number, 'alert')})"


def _severity(name: str, old: Policy, new: Policy, alerts: int) -> Iterator[Finding]:
    before, after = old.severity(name), new.severity(name)
    if before.response != after.response:
        words: Words = (f"{name}: response ", Typed(before.response), " -> ", Typed(after.response), _reach(alerts))
        yield Finding("response", Impact.SETTING, words, before.response, after.response)
    gone = [channel for channel in before.channels if channel not in after.channels]
    come = [channel for channel in after.channels if channel not in before.channels]
    if not gone and not come:
        return
    impact = Impact.ROUTE
    if not after.channels:
        impact = Impact.NOBODY_TOLD
    elif "pagerduty" in gone:
        impact = Impact.PAGES_FEWER
    elif "pagerduty" in come:
        impact = Impact.PAGES_MORE
    said = [f"no longer told by {_CHANNELS[channel]}" for channel in gone]
    said += [f"now told by {_CHANNELS[channel]}" for channel in come]
    words = (f"{name}: {', '.join(said)}", _reach(alerts))
    yield Finding("channels", impact, words, ", ".join(before.channels), ", ".join(after.channels))


def _team(key: str, old: Team | None, new: Team | None, alerts: int) -> Iterator[Finding]:
    if old is None or new is None:
        impact = Impact.ADDED if old is None else Impact.REMOVED
        words: Words = ("team ", Typed(key), " added" if old is None else " removed")
        yield Finding("team", impact, words, None if old is None else key, None if new is None else key)
        return
    before, after = team_addresses(old), team_addresses(new)
    for channel, was in before.items():
        now = after[channel]
        if was == now:
            continue
        impact = Impact.ROUTE
        if channel == "pagerduty" and not (was and now):
            impact = Impact.PAGES_MORE if now else Impact.PAGES_FEWER
        name = _CHANNELS[channel]
        words = ("team ", Typed(key), f": {name} ", Typed(was or "none"), " -> ", Typed(now or "none"), _reach(alerts))
        yield Finding("destination", impact, words, was or None, now or None)
    for field in ("name", "lead", "fallback", "escalate_medium", "slack_token"):
        yield from _setting(("team ", Typed(key), f": {field} "), getattr(old, field), getattr(new, field))


def _maintenance(old: Policy, new: Policy) -> Iterator[Finding]:
    # Where a window is written is no part of what it does.
    before, after = (
        {window.name: replace(window, place=old.place) for window in policy.maintenance} for policy in (old, new)
    )
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            words: Words = ("maintenance window ", Typed(name), " added: alerts are muted in it")
            yield Finding("maintenance", Impact.MUTES_MORE, words, None, name)
        elif name not in after:
            words = ("maintenance window ", Typed(name), " removed")
            yield Finding("maintenance", Impact.MUTES_LESS, words, name, None)
        elif before[name] != after[name]:
            words = ("maintenance window ", Typed(name), " changed: other alerts or times are muted")
            yield Finding("maintenance", Impact.CONDITION, words, name, name)


def _proof(old: Policy, new: Policy) -> Iterator[Finding]:
    for name in SEVERITIES:
        before, after = (set(policy.proof.demanded(name)) for policy in (old, new))
        for state in PROOF_STATES:
            if (state in before) == (state in after):
                continue
            demanded = state in after
            verb = "must now show" if demanded else "need no longer show"
            impact = Impact.PROOF_STRENGTHENED if demanded else Impact.PROOF_WEAKENED
            words: Words = (f"scenarios of {name} alerts {verb}: {state}",)
            yield Finding("proof", impact, words, None if demanded else state, state if demanded else None)
    for what, was, now in (
        ("recording rules must be covered: ", old.proof.recording_rules, new.proof.recording_rules),
        ("mutation score demanded: ", old.proof.mutation_score, new.proof.mutation_score),
    ):
        if was != now:
            impact = Impact.PROOF_STRENGTHENED if now > was else Impact.PROOF_WEAKENED
            yield from (one._replace(kind="proof", impact=impact) for one in _setting((what,), was, now))


def _labels(old: Policy, new: Policy) -> Iterator[Finding]:
    before, after = dict(old.labels), dict(new.labels)
    for name in dict.fromkeys((*before, *after)):
        words: Words = ("label ", Typed(name), " of all alerts: ")
        for one in _setting(words, before.get(name), after.get(name)):
            yield one._replace(kind="label", impact=Impact.LABELS)


def _settings(old: Policy, new: Policy) -> Iterator[Finding]:
    for name, was, now in (
        ("default team", old.default_team, new.default_team),
        ("external labels", old.external_labels, new.external_labels),
        ("alerts are grouped by", old.group_by, new.group_by),
        ("Prometheus", old.prometheus, new.prometheus),
        ("outputs", old.outputs, new.outputs),
    ):
        yield from _setting((f"{name} ",), was, now)
    before, after = dict(old.aliases), dict(new.aliases)
    for alias in dict.fromkeys((*before, *after)):
        yield from _setting(("severity's alias ", Typed(alias), ": "), before.get(alias), after.get(alias))
    for name in ("runbook", "dashboard", "query", "silence"):
        yield from _setting((f"urls.{name} ",), getattr(old.urls, name), getattr(new.urls, name))
    for part, names in (
        ("alertmanager", ("group_wait", "group_interval", "repeat_interval", "native_pagerduty_key_file")),
        (
            "router",
            ("url", "credentials_file", "repeat_interval", "fallback_after", "digest", "storm", "flap", "clusters"),
        ),
    ):
        for name in names:
            was, now = (getattr(getattr(policy, part), name) for policy in (old, new))
            for one in _setting((f"{part}.{name} ",), was, now):
                yield one._replace(impact=_delay(name, was, now))


def _delay(name: str, was: object, now: object) -> Impact:
    """Waiting longer before somebody is told is slower; the rest is a setting."""
    if name not in ("group_wait", "group_interval", "fallback_after"):
        return Impact.SETTING
    before, after = parse_duration(str(was)), parse_duration(str(now))
    if before is None or after is None or before == after:
        return Impact.SETTING
    return Impact.SLOWER if after > before else Impact.FASTER


def _setting(name: Words, was: object, now: object) -> Iterator[Finding]:
    if was != now:
        before, after = _text(was), _text(now)
        yield Finding("setting", Impact.SETTING, (*name, Typed(before), " -> ", Typed(after)), before, after)


def _text(value: object) -> str:
    """A value of the policy on one line."""
    match value:
        case None | () | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case (int(major), int(minor)):
            return f"{major}.{minor}"
        case float():
            # The policy's only number of this kind is a share.
            return f"{value * 100:g}%"
        case tuple():
            return ", ".join(map(_text, value))
        case _ if hasattr(value, "__dataclass_fields__"):
            return ", ".join(f"{name} {_text(getattr(value, name))}" for name in value.__dataclass_fields__)
        case _:
            return str(value)
