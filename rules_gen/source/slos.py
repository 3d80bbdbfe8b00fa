"""Compiles objectives to recording rules and multiwindow, multi-burn-rate alerts. Pure.

The method is the one of the SRE Workbook, chapter "Alerting on SLOs": an alert fires while the error budget burns faster
than a factor over a long and a short window. The factor is the share of the budget that may be gone when the alert fires,
times the objective's window over the long window (2% in 1h of 30d: 0.02 x 720 = 14.4).

Only the 5m rates are computed from the events themselves. The longer windows sum those, bad events and all events apart,
so that each is weighted by its traffic: an average of ratios would let a quiet night outvote a busy hour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rules_gen.diagnostics import Place
from rules_gen.model import Alert, AlertRule, RecordingRule, RuleGroup, Slo, Threshold
from rules_gen.promql import parse_duration
from rules_gen.source.alerts import (
    RESERVED_LABELS,
    Defaults,
    Environment,
    annotations_of,
    check_names,
    dashboard_url,
    labels_of,
    page_url,
    read_runbook,
    read_team,
)
from rules_gen.source.context import Reader
from rules_gen.source.expressions import read_expression
from rules_gen.source.scenarios import build_scenarios
from rules_gen.source.substitute import substitute
from rules_gen.source.thresholds import literal, seconds

BASE = "5m"
"""The window of the rates that are computed from the events themselves."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows: the share of the budget that may burn in the long one, and how bad that is."""

    share: Decimal
    long: str
    short: str
    page: bool


BURNS = (
    Burn(Decimal("0.02"), "1h", "5m", page=True),
    Burn(Decimal("0.05"), "6h", "30m", page=True),
    Burn(Decimal("0.1"), "1d", "2h", page=False),
    Burn(Decimal("0.1"), "3d", "6h", page=False),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Objective:
    """What one `slos:` entry compiles to."""

    slo: Slo
    alert: Alert
    groups: tuple[tuple[str | None, RuleGroup], ...]


def build_slo(data: dict[str, Any], place: Place, defaults: Defaults, reader: Reader) -> Objective | None:
    """The objective's rules and alert; None, and problems, where that can't be."""
    before = len(reader.found)
    name = data["slo"]
    target = Decimal(data["objective"].rstrip("% ")) / 100
    window = data.get("window", "30d")
    window_ms = parse_duration(window) or 0
    budget = 1 - target
    if not 0 < target < 1:
        reader.report("slo", "an objective lies between 0% and 100%, both excluded", place.at("objective"), "for example 99.9%")
        return None
    factors = [burn.share * window_ms / (parse_duration(burn.long) or 1) for burn in BURNS]
    for burn, factor in zip(BURNS, factors, strict=True):
        if factor * budget >= 1:
            reader.report(
                "slo-unreachable",
                f"the alert over {burn.long} could never fire: {literal(factor)} times a budget of {literal(budget * 100)}% is more than all requests",
                place.at("objective"),
                "raise the objective, or shorten its window",
            )
        if factor < 1 and not burn.page:
            reader.report("slo-unreachable", f"the window {window} is too short for a burn rate over {burn.long}", place.at("window") if "window" in data else place, "7d or longer")
    page = reader.severity(data.get("page", "critical"), place.at("page"))
    ticket = reader.severity(data.get("ticket", "medium"), place.at("ticket"))
    if page == ticket and page is not None:
        reader.report("slo", "the fast and the slow burn need different severities", place.at("ticket"))
    runbook, url = read_runbook(data, place, reader)
    check_names(data.get("labels", {}), RESERVED_LABELS | {"slo", "window"}, "label", place.at("labels"), reader)
    notify = read_team(data.get("notify", defaults.notify), place.at("notify"), reader)
    alert_name = f"{name}ErrorBudgetBurn"
    runbook_url = url or page_url(alert_name, reader)
    groups: list[tuple[str | None, RuleGroup]] = []
    rules: list[AlertRule] = []
    own: tuple[tuple[str, str], ...] = ()
    for environment in defaults.environments:
        events = _events(data, place, environment, reader)
        if events is None or page is None or ticket is None:
            return None
        own = (("slo", name), ("service", reader.service), ("team", reader.team))
        if environment.name is not None:
            own = (*own, ("environment", environment.name))
        matchers = "{" + ", ".join(f'{label}="{value}"' for label, value in own) + "}"
        records = tuple(_records(events, own, matchers, place))
        made = [
            _burn_rule(
                burn, factor, budget, matchers, alert_name, page if burn.page else ticket, data, place,
                labels_of(reader, defaults, environment, page if burn.page else ticket,
                          {**data.get("labels", {}), "slo": name, "window": burn.long}, notify, bypass_router=defaults.bypass_router),
                annotations_of(_summary(name, burn), {"description": data.get("description", f"The objective {name} promises {data['objective']} over {window}.")}, runbook, runbook_url, dashboard_url(reader)),
                environment.name,
            )
            for burn, factor in zip(BURNS, factors, strict=True)
        ]  # fmt: skip
        suffix = "" if environment.name is None else f"/{environment.name}"
        groups.append((environment.name, RuleGroup(f"{reader.team}/{reader.service}{suffix}/slo/{name}", None, None, None, (*records, *made))))
        rules += made
    severities = tuple(dict.fromkeys(rule.severity for rule in rules))
    names = [environment.name for environment in defaults.environments]
    scenarios = build_scenarios(alert_name, data.get("tests", []), place.at("tests"), names, severities, reader)
    if len(reader.found) > before:
        return None
    slo = Slo(
        name=name,
        objective=data["objective"],
        target=float(target),
        window=window,
        description=data.get("description", ""),
        ratio_records=tuple((w, f"slo:error_ratio:rate{w}") for w in WINDOWS),
        total_record=f"slo:events:rate{BASE}",
        labels=own,
        alert=alert_name,
    )
    alert = Alert(
        name=alert_name,
        summary=_summary(name, BURNS[0]),
        description=data.get("description", ""),
        runbook=runbook,
        runbook_url=runbook_url,
        dashboard_url=dashboard_url(reader),
        rules=tuple(rules),
        scenarios=scenarios,
        inhibits=(),
        equal=("slo", *data.get("by", ())),
        notify=notify,
        bypass_router=defaults.bypass_router,
        exemptions=(),
        slo=name,
        place=place,
    )
    return Objective(slo, alert, tuple(groups))


def _summary(name: str, burn: Burn) -> str:
    return f"{name} burns its error budget: {{{{ $value | humanizePercentage }}}} of events were bad in the last {burn.long}"


def _events(data: dict[str, Any], place: Place, environment: Environment, reader: Reader) -> tuple[str, str] | None:
    """The rates of all events and of bad events, as PromQL."""
    content = substitute(data, {"environment": environment.name}) if environment.name else data
    by = f"sum by ({', '.join(data.get('by', ()))})"
    if "latency" in content:
        where = place.at("latency")
        histogram = _selector(content["latency"]["histogram"], where.at("histogram"), reader)
        bound = seconds(content["latency"]["at_most"])
        if histogram is None or bound is None:
            return None
        name = histogram.partition("{")[0].strip()
        if not name.endswith("_bucket"):
            reader.report("slo", "the selector of a classic histogram ends with _bucket", where.at("histogram"), f"is `{name}_bucket` meant?")
            return None
        inner = histogram.partition("{")[2].rpartition("}")[0].strip().rstrip(",")
        # 2.x stores the bucket of one second as le="1", 3.x as le="1.0": both spellings are accepted.
        le = literal(bound)
        spelt = f'le=~"{re.escape(le)}|{re.escape(le)}[.]0"' if "." not in le else f'le="{le}"'
        spelt = spelt.replace("\\", "\\\\")
        good = f"{name}{{{inner}{', ' if inner else ''}{spelt}}}"
        total = f"{name.removesuffix('_bucket')}_count" + (f"{{{inner}}}" if inner else "")
        kind = "good"
    else:
        events = content["events"]
        kind = "good" if "good" in events else "bad"
        where = place.at("events")
        selected = _selector(events[kind], where.at(kind), reader)
        total_selector = _selector(events["total"], where.at("total"), reader)
        if selected is None or total_selector is None:
            return None
        good, total = selected, total_selector
    all_rate = f"{by} (rate({total}[{BASE}]))"
    # A counter that hasn't counted yet has no series: that is no event, not no answer.
    rate = f"({by} (rate({good}[{BASE}])) or 0 * {all_rate})"
    return all_rate, rate if kind == "bad" else f"{all_rate} - {rate}"


def _selector(text: str, place: Place, reader: Reader) -> str | None:
    read = read_expression(text, place, reader)
    if read is None:
        return None
    selector, _ = read
    if not _SELECTOR.fullmatch(selector):
        reader.report("slo", "the selector of a counter is expected here, without rate() or a range", place, 'for example http_requests_total{job="checkout-api"}')
        return None
    return selector


def _records(events: tuple[str, str], own: tuple[tuple[str, str], ...], matchers: str, place: Place) -> list[RecordingRule]:
    total, bad = events
    total_name, bad_name = f"slo:events:rate{BASE}", f"slo:bad_events:rate{BASE}"
    records = [(total_name, total), (bad_name, bad)]
    records.append((f"slo:error_ratio:rate{BASE}", f"{bad_name}{matchers} / ({total_name}{matchers} > 0)"))
    records += [
        (
            f"slo:error_ratio:rate{window}",
            f"sum_over_time({bad_name}{matchers}[{window}])\n  / (sum_over_time({total_name}{matchers}[{window}]) > 0)",
        )
        for window in WINDOWS[1:]
    ]
    return [RecordingRule(name, expr, own, place, written=False) for name, expr in records]


def _burn_rule(
    burn: Burn,
    factor: Decimal,
    budget: Decimal,
    matchers: str,
    alert: str,
    severity: str,
    data: dict[str, Any],
    place: Place,
    labels: tuple[tuple[str, str], ...],
    annotations: tuple[tuple[str, str], ...],
    environment: str | None,
) -> AlertRule:
    bound = factor * budget
    limit = literal(bound)
    long = f"slo:error_ratio:rate{burn.long}{matchers}"
    return AlertRule(
        alert=alert,
        expr=f"{long} > {limit}\n  and slo:error_ratio:rate{burn.short}{matchers} > {limit}",
        signal=long,
        threshold=Threshold(f"above {literal(bound * 100)}%", ">", limit, float(bound), "%", "ratio"),
        hold="0m",
        keep_firing_for=None,
        severity=severity,
        rung=True,
        environment=environment,
        labels=labels,
        annotations=annotations,
        place=place,
        expr_place=place.at("latency" if "latency" in data else "events"),
        threshold_place=place.at("objective"),
        summary_place=place.at("description"),
    )
