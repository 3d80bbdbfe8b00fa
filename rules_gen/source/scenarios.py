"""Builds an alert's scenarios. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rules_gen.diagnostics import Place
from rules_gen.model import AlertRule, Assertion, Scenario, State
from rules_gen.promql import parse_duration
from rules_gen.source.context import Reader
from rules_gen.source.substitute import substitute
from rules_gen.source.suggest import did_you_mean

_STATES = (("pending_at", State.PENDING), ("firing_at", State.FIRING), ("quiet_at", State.QUIET))


class Tests(NamedTuple):
    """An alert's `tests:`, where they stand, and its rules."""

    alert: str
    data: list[dict[str, Any]]
    place: Place
    rules: Sequence[AlertRule]


def build_scenarios(tests: Tests, environments: Sequence[str | None], reader: Reader) -> tuple[Scenario, ...]:
    """The scenarios, one for each environment that they hold for."""
    alert, data, place, rules = tests
    severities = tuple(dict.fromkeys([rule.severity for rule in rules]))
    scenarios: list[Scenario] = []
    names: set[str] = set()
    for index, test in enumerate(data):
        where = place.at(index)
        if test["name"] in names:
            reader.report(
                "scenario",
                f"two scenarios of {alert} are called `{test['name']}`",
                where.at("name"),
                "say what sets them apart",
            )
        names.add(test["name"])
        wanted = test.get("environment")
        if wanted is not None and wanted not in environments:
            known = [name for name in environments if name]
            reader.report(
                "scenario",
                f"the alert has no environment `{wanted}`",
                where.at("environment"),
                did_you_mean(wanted, known),
            )
            continue
        interval = test.get("interval", "1m")
        interval_ms = parse_duration(interval) or 0
        if interval_ms < 1000:
            reader.report("scenario", "the time between samples must be at least 1s", where.at("interval"))
            continue
        assertions = _assertions(test, where, severities, reader)
        for environment in environments:
            if wanted is None or environment == wanted:
                series = (
                    test["series"] if environment is None else substitute(test["series"], {"environment": environment})
                )
                held = assertions if environment is None else _within(assertions, environment, rules)
                if held:
                    samples = tuple([(name, str(values)) for name, values in series.items()])
                    scenarios.append(
                        Scenario(alert, test["name"], environment, interval, interval_ms, samples, held, where)
                    )
    return tuple(scenarios)


def _within(assertions: tuple[Assertion, ...], environment: str, rules: Sequence[AlertRule]) -> tuple[Assertion, ...]:
    """The assertions less those about rungs that the environment leaves out."""
    present = {rule.severity for rule in rules if rule.environment == environment}
    return tuple(one for one in assertions if one.severity is None or one.severity in present)


def _assertions(
    test: dict[str, Any], place: Place, severities: tuple[str, ...], reader: Reader
) -> tuple[Assertion, ...]:
    assertions = []
    for key, state in _STATES:
        times = test.get(key)
        if times is None:
            continue
        if isinstance(times, list):
            assertions += [
                Assertion(state, at, parse_duration(at) or 0, None, place.at(key, i)) for i, at in enumerate(times)
            ]
            continue
        where = place.at(key)
        for name, rung_times in times.items():
            severity = reader.severity(name, where.at(name).key())
            if severity is None:
                continue
            if severity not in severities:
                reader.report(
                    "scenario",
                    f"the alert has no rung `{severity}`",
                    where.at(name).key(),
                    did_you_mean(severity, severities),
                )
                continue
            assertions += [
                Assertion(state, at, parse_duration(at) or 0, severity, where.at(name, i))
                for i, at in enumerate(rung_times)
            ]
    return tuple(assertions)
