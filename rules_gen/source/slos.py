"""Compiles objectives to recording rules and multiwindow, multi-burn-rate alerts. Pure.

The method is the one of the SRE Workbook, chapter "Alerting on SLOs": an alert fires while the error budget burns
faster than a factor over a long and a short window. The factor is the share of the budget that may be gone when the
alert fires, times the objective's window over the long window (2% in 1h of 30d: 0.02 x 720 = 14.4).

Only the 5m rates are computed from the events themselves. The longer windows sum those, bad events and all events
apart, so that each is weighted by its traffic: an average of ratios would let a quiet night outvote a busy hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rules_gen.diagnostics import Place
from rules_gen.model import Alert, AlertRule, RuleGroup, Runbook, Scenario, Slo, Threshold
from rules_gen.model.rules import Pairs
from rules_gen.promql import parse_duration
from rules_gen.source.alerts import (
    Defaults,
    Environment,
    annotations_of,
    check_names,
    dashboard_url,
    labels_of,
    page_url,
    read_equivalents,
    read_runbook,
    read_team,
)
from rules_gen.source.context import Reader
from rules_gen.source.reserved import RESERVED_LABELS
from rules_gen.source.scenarios import Tests, build_scenarios
from rules_gen.source.slo_events import TOTAL, WINDOWS, Events, read_events, record_rules
from rules_gen.source.substitute import substitute
from rules_gen.source.thresholds import literal


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


@dataclass(frozen=True, slots=True)
class Objective:
    """What one `slos:` entry compiles to."""

    slo: Slo
    alert: Alert
    groups: tuple[tuple[str | None, RuleGroup], ...]


def build_slo(data: dict[str, Any], place: Place, defaults: Defaults, reader: Reader) -> Objective | None:
    """The objective's rules and alert; None, and problems, where that can't be."""
    before = len(reader.found)
    target = Decimal(data["objective"].rstrip("% ")) / 100
    if not 0 < target < 1:
        hint = "for example 99.9%"
        reader.report("slo", "an objective lies between 0% and 100%, both excluded", place.at("objective"), hint)
        return None
    slo = _Slo(data, place, defaults, reader, data["slo"], data.get("window", "30d"), 1 - target)
    slo.check_factors()
    severities = slo.severities()
    slo.check_names()
    groups: list[tuple[str | None, RuleGroup]] = []
    for environment in defaults.environments:
        events = read_events(data, place, environment, reader)
        if events is None or severities is None:
            return None
        groups.append((environment.name, slo.group(environment, events, severities)))
    rules = tuple(rule for _, group in groups for rule in group.rules if isinstance(rule, AlertRule))
    names = [environment.name for environment in defaults.environments]
    tests = Tests(slo.alert, data.get("tests", []), place.at("tests"), rules)
    scenarios = build_scenarios(tests, names, reader)
    if len(reader.found) > before:
        return None
    return Objective(slo.described(), slo.as_alert(rules, scenarios), tuple(groups))


@dataclass(slots=True)
class _Slo:
    """An objective while it is built. `budget` is the share of events that may be bad."""

    data: dict[str, Any]
    place: Place
    defaults: Defaults
    reader: Reader
    name: str
    window: str
    budget: Decimal
    runbook: Runbook | None = None
    runbook_url: str = ""
    notify: str | None = None

    def __post_init__(self) -> None:
        self.runbook, url = read_runbook(self.data, self.place, self.reader)
        self.runbook_url = url or page_url(self.alert, self.reader)
        self.notify = read_team(self.data.get("notify", self.defaults.notify), self.place.at("notify"), self.reader)

    @property
    def alert(self) -> str:
        """The alert's name."""
        return f"{self.name}ErrorBudgetBurn"

    def factor(self, burn: Burn) -> Decimal:
        """How many times faster than allowed the budget burns when the alert fires.

        Never below one, which is what the objective allows: a shorter window than 30d would ask for that.
        """
        return max(Decimal(1), burn.share * (parse_duration(self.window) or 0) / (parse_duration(burn.long) or 1))

    def check_factors(self) -> None:
        """Reports windows whose alert could never fire."""
        for burn in BURNS:
            factor = self.factor(burn)
            if factor * self.budget >= 1:
                self.reader.report(
                    "slo-unreachable",
                    f"the alert over {burn.long} could never fire: {literal(factor)} times a budget of "
                    f"{literal(self.budget * 100)}% is more than all requests",
                    self.place.at("objective"),
                    "raise the objective, or shorten its window",
                )

    def severities(self) -> tuple[str, str] | None:
        """The severities of the fast and of the slow burn."""
        page = self.reader.severity(self.data.get("page", "critical"), self.place.at("page"))
        ticket = self.reader.severity(self.data.get("ticket", "medium"), self.place.at("ticket"))
        if page is None or ticket is None:
            return None
        if page == ticket:
            self.reader.report("slo", "the fast and the slow burn need different severities", self.place.at("ticket"))
        return page, ticket

    def check_names(self) -> None:
        """Reports labels that the compiler sets."""
        reserved = RESERVED_LABELS | {"slo", "window"}
        check_names(self.data.get("labels", {}), reserved, "label", self.place.at("labels"), self.reader)
        fixed = {*reserved, *dict(self.reader.policy.labels), *self.defaults.labels, *self.data.get("labels", {})}
        fixed |= {label for environment in self.defaults.environments for label in environment.labels}
        for index, label in enumerate(self.data.get("by", ())):
            if label in fixed:
                # Prometheus drops all of a rule's series when two have the same labels: nobody would be told.
                self.reader.report(
                    "slo",
                    f"the rules set the label `{label}` to one value, so budgets that it tells apart would collide",
                    self.place.at("by", index),
                    "remove it from `by:`, or keep it under another name with a recording rule",
                )

    def own_labels(self, environment: Environment) -> Pairs:
        """The labels of the recorded series, which tell this objective from all others."""
        own = (("slo", self.name), ("service", self.reader.service), ("team", self.reader.team))
        return own if environment.name is None else (*own, ("environment", environment.name))

    def group(self, environment: Environment, events: Events, severities: tuple[str, str]) -> RuleGroup:
        """The objective's rules in one environment: what is recorded first, then the alerts on it."""
        own = self.own_labels(environment)
        matchers = "{" + ", ".join(f'{label}="{value}"' for label, value in own) + "}"
        records = record_rules(events, own, matchers, self.place)
        alerts = [self.rule(burn, environment, matchers, severities) for burn in BURNS]
        suffix = "" if environment.name is None else f"/{environment.name}"
        name = f"{self.reader.team}/{self.reader.service}{suffix}/slo/{self.name}"
        return RuleGroup(name, None, None, None, (*records, *alerts))

    def rule(self, burn: Burn, environment: Environment, matchers: str, severities: tuple[str, str]) -> AlertRule:
        """The alert over one pair of windows."""
        bound = self.factor(burn) * self.budget
        limit = literal(bound)
        severity = severities[0] if burn.page else severities[1]
        long = f"slo:error_ratio:rate{burn.long}{matchers}"
        promise = f"The objective {self.name} promises {self.data['objective']} over {self.window}."
        own, text = self.data.get("labels", {}), self.data.get("description", promise)
        if environment.name is not None:
            own, text = substitute([own, text], {"environment": environment.name})
        labels = {**own, "slo": self.name, "window": burn.long}
        return AlertRule(
            alert=self.alert,
            expr=f"{long} > {limit}\n  and slo:error_ratio:rate{burn.short}{matchers} > {limit}",
            signal=long,
            threshold=Threshold(f"above {literal(bound * 100)}%", ">", limit, float(bound), "%", "ratio"),
            hold="0m",
            keep_firing_for=None,
            severity=severity,
            rung=True,
            environment=environment.name,
            labels=labels_of(
                self.reader,
                self.defaults,
                environment,
                severity,
                labels,
                notify=self.notify,
                bypass_router=self.defaults.bypass_router,
            ),
            annotations=annotations_of(
                self.summary(burn),
                {"description": text},
                self.runbook,
                self.runbook_url,
                dashboard_url(self.reader),
                environment=environment.name,
            ),
            place=self.place,
            expr_place=self.place.at("latency" if "latency" in self.data else "events"),
            threshold_place=self.place.at("objective"),
            summary_place=self.place.at("description"),
        )

    def summary(self, burn: Burn) -> str:
        """What on-call reads first."""
        share = "{{ $value | humanizePercentage }}"
        return f"{self.name} burns its error budget: {share} of events were bad in the last {burn.long}"

    def described(self) -> Slo:
        """The objective for dashboards and pages. Its labels are those of the last environment."""
        return Slo(
            name=self.name,
            objective=self.data["objective"],
            target=float(1 - self.budget),
            window=self.window,
            description=self.data.get("description", ""),
            ratio_records=tuple((window, f"slo:error_ratio:rate{window}") for window in WINDOWS),
            total_record=TOTAL,
            labels=self.own_labels(self.defaults.environments[-1]),
            alert=self.alert,
        )

    def as_alert(self, rules: tuple[AlertRule, ...], scenarios: tuple[Scenario, ...]) -> Alert:
        """The burn-rate alert, with one page for all its rules."""
        return Alert(
            name=self.alert,
            summary=self.summary(BURNS[0]),
            description=self.data.get("description", ""),
            runbook=self.runbook,
            runbook_url=self.runbook_url,
            dashboard_url=dashboard_url(self.reader),
            rules=rules,
            scenarios=scenarios,
            inhibits=(),
            equal=("slo", *self.data.get("by", ())),
            notify=self.notify,
            bypass_router=self.defaults.bypass_router,
            exemptions=(),
            slo=self.name,
            place=self.place,
            equivalents=read_equivalents(self.data, self.place),
        )
