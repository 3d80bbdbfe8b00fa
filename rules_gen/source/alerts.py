"""Builds alerts: rungs, environments, labels, annotations. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rules_gen.dashboards.uid import dashboard_uid
from rules_gen.diagnostics import Place
from rules_gen.model import SEVERITIES, Alert, AlertRule, EquivalentMutant, Exemption, Runbook
from rules_gen.model.rules import Pairs
from rules_gen.promql import analyse
from rules_gen.source.context import Reader
from rules_gen.source.expressions import read_condition
from rules_gen.source.reserved import RESERVED_ANNOTATIONS, RESERVED_LABELS
from rules_gen.source.runbooks import build_runbook
from rules_gen.source.scenarios import Tests, build_scenarios
from rules_gen.source.substitute import substitute
from rules_gen.source.templates import Raw


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment: its labels, and what it changes by alert. `name` is None for a service without environments."""

    name: str | None
    labels: Mapping[str, str]
    overlays: Mapping[str, dict[str, Any]]
    place: Place


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a service says for all its alerts."""

    labels: Mapping[str, str]
    notify: str | None
    bypass_router: bool
    environments: tuple[Environment, ...]


class _Layer(NamedTuple):
    """Where a rung's fields are looked up: the first layer that has a key wins."""

    data: Mapping[str, Any]
    place: Place


class _Rung(NamedTuple):
    """A rung's severity, the layers of its fields, and whether it is one of several."""

    severity: str
    layers: list[_Layer]
    is_rung: bool


@dataclass(slots=True)
class _Alert:
    """One alert while it is built."""

    raw: Raw
    defaults: Defaults
    reader: Reader
    name: str
    runbook: Runbook | None
    runbook_url: str
    dashboard_url: str
    notify: str | None
    bypass_router: bool


def build_alert(raw: Raw, defaults: Defaults, reader: Reader) -> Alert | None:
    """The alert with all its rules; None, and problems, where that can't be."""
    data, place = raw.data, raw.place
    before = len(reader.found)
    runbook, url = read_runbook(data, place, reader)
    alert = _Alert(
        raw,
        defaults,
        reader,
        data["alert"],
        runbook,
        url or page_url(data["alert"], reader),
        data.get("dashboard") or dashboard_url(reader),
        read_team(data["notify"], place.at("notify"), reader) if "notify" in data else defaults.notify,
        data.get("bypass_router", defaults.bypass_router),
    )
    if "labels" in data:
        check_names(data["labels"], RESERVED_LABELS, "label", place.at("labels"), reader)
    if "annotations" in data:
        check_names(data["annotations"], RESERVED_ANNOTATIONS, "annotation", place.at("annotations"), reader)
    rules: list[AlertRule] = []
    environments: list[str | None] = []
    for environment in defaults.environments:
        made = _rules(alert, environment)
        rules += made
        if made:
            environments.append(environment.name)
    if not rules and len(reader.found) == before:
        reader.report(
            "environment",
            f"{alert.name} is disabled in every environment, so nothing would watch for it",
            place.at("alert"),
            "keep it in one of them, or remove it",
        )
    tests = Tests(alert.name, data.get("tests", []), place.at("tests"), rules)
    scenarios = build_scenarios(tests, environments, reader)
    if len(reader.found) > before or not rules:
        return None
    return Alert(
        name=alert.name,
        summary=data["summary"],
        description=data.get("description", ""),
        runbook=runbook,
        runbook_url=alert.runbook_url,
        dashboard_url=alert.dashboard_url,
        rules=tuple(rules),
        scenarios=scenarios,
        inhibits=tuple(data.get("inhibits", ())),
        equal=tuple(data["equal"]) if "equal" in data else None,
        notify=alert.notify,
        bypass_router=alert.bypass_router,
        exemptions=read_exemptions(data, place),
        slo=None,
        place=place,
        equivalents=read_equivalents(data, place),
    )


def read_runbook(data: dict[str, Any], place: Place, reader: Reader) -> tuple[Runbook | None, str | None]:
    """The runbook's content, or the URL of a page elsewhere."""
    runbook = data["runbook"]
    if isinstance(runbook, str):
        return None, runbook
    return build_runbook(runbook, place, reader), None


def read_exemptions(data: dict[str, Any], place: Place) -> tuple[Exemption, ...]:
    """The checks that are switched off for this alert."""
    return tuple(
        Exemption(item["check"], item["reason"], item["until"], place.at("disable", index))
        for index, item in enumerate(data.get("disable", ()))
    )


def read_equivalents(data: dict[str, Any], place: Place) -> tuple[EquivalentMutant, ...]:
    """The mutants that are said to mean the same as the original."""
    return tuple(
        EquivalentMutant(item["mutant"], item["reason"], place.at("equivalent_mutants", index))
        for index, item in enumerate(data.get("equivalent_mutants", ()))
    )


def read_team(name: str | None, place: Place, reader: Reader) -> str | None:
    """The second team that is told, known to the policy."""
    if name is not None and reader.policy.team(name) is None:
        from rules_gen.source.suggest import did_you_mean

        reader.report(
            "team-unknown", f"no team `{name}`", place, did_you_mean(name, [team.key for team in reader.policy.teams])
        )
    return name


def page_url(alert: str, reader: Reader) -> str:
    """The address of an alert's generated page."""
    pattern = reader.policy.urls.runbook
    return pattern.replace("{team}", reader.team).replace("{service}", reader.service).replace("{alert}", alert)


def dashboard_url(reader: Reader) -> str:
    """The address of the service's generated dashboard."""
    return reader.policy.urls.dashboard.replace("{uid}", dashboard_uid(reader.team, reader.service))


def check_names(names: Mapping[str, Any], reserved: frozenset[str], what: str, place: Place, reader: Reader) -> None:
    """Reports names that the compiler sets itself."""
    for name in names:
        if name in reserved or name.startswith("__"):
            reader.report(
                f"reserved-{what}",
                f"the compiler sets the {what} `{name}` itself",
                place.at(name).key(),
                "use another name",
            )


def _rules(alert: _Alert, environment: Environment) -> list[AlertRule]:
    data = alert.raw.data
    if environment.name is not None:
        data = substitute(data, {"environment": environment.name})
    base = _Layer(data, alert.raw.place)
    overlay = environment.overlays.get(alert.name, {})
    if overlay.get("disabled"):
        return []
    over = _Layer(overlay, environment.place.at("alerts", alert.name) if overlay else base.place)
    rungs = _rungs(alert, base, over)
    own = {**data.get("labels", {}), **overlay.get("labels", {})}
    rules = [_rule(alert, environment, rung, data, own) for rung in rungs]
    return [rule for rule in rules if rule is not None]


def _rungs(alert: _Alert, base: _Layer, over: _Layer) -> list[_Rung]:
    """The rungs, from the worst severity down; an alert without a ladder is one rung."""
    reader = alert.reader
    if "severities" not in base.data:
        text, place = _pick("severity", [over, base])
        if text is None:
            reader.report(
                "missing-key", f"`severity` is missing in {alert.name}", base.place, "critical, high, medium or low"
            )
        if "severities" in over.data:
            reader.report(
                "wrong-value",
                f"{alert.name} isn't a ladder",
                over.place.at("severities").key(),
                "change `threshold`, `severity` or `for`",
            )
        # A wrong severity must not hide what else is wrong: the rest is read as if it were critical, then left out.
        severity = None if text is None else reader.severity(text, place)
        layers = [over, base] if over.data else [base]
        return [_Rung(severity or "critical", layers, is_rung=False)]
    for layer, key in (
        (base, "severity"),
        (over, "severity"),
        (over, "threshold"),
        (over, "for"),
        (over, "keep_firing_for"),
    ):
        if key in layer.data:
            reader.report(
                "wrong-value",
                f"{alert.name} is a ladder: `{key}` belongs into its rungs",
                layer.place.at(key).key(),
                "write it below `severities:`",
            )
    rungs: dict[str, list[_Layer]] = {}
    for layer in (base, over):
        for text, content in layer.data.get("severities", {}).items():
            place = layer.place.at("severities", text)
            severity = reader.severity(text, place.key())
            if severity is None:
                continue
            if layer is over and severity not in rungs:
                reader.report("wrong-value", f"{alert.name} has no rung `{severity}`", place.key())
            elif layer is base and severity in rungs:
                reader.report("wrong-value", f"two rungs are `{severity}`", place.key())
            rungs.setdefault(severity, [base]).insert(0, _Layer(content, place))
    kept = {s: layers for s, layers in rungs.items() if not any(layer.data.get("disabled") for layer in layers[:-1])}
    return [_Rung(severity, kept[severity], is_rung=True) for severity in SEVERITIES if severity in kept]


def _pick(key: str, layers: list[_Layer]) -> tuple[Any, Place]:  # the value, and where it was written
    for layer in layers:
        if key in layer.data:
            return layer.data[key], layer.place.at(key)
    return None, layers[0].place


def _value(key: str, layers: list[_Layer]) -> Any:  # noqa: ANN401 - YAML data is of any type
    for layer in layers:
        if key in layer.data:
            return layer.data[key]
    return None


def _rule(
    alert: _Alert, environment: Environment, rung: _Rung, data: Mapping[str, Any], own: Mapping[str, str]
) -> AlertRule | None:
    severity, layers, is_rung = rung
    place = layers[0].place if is_rung else alert.raw.place
    hold = _value("for", layers)
    if hold is None:
        alert.reader.report(
            "missing-key",
            f"`for` is missing in {alert.name}" + (f"'s rung `{severity}`" if is_rung else ""),
            place,
            "how long must the condition hold? `for: 0m` says at once, on purpose",
        )
    expr, expr_place = _pick("expr", layers)
    threshold, threshold_place = _pick("threshold", layers)
    summary, summary_place = _pick("summary", layers)
    condition = read_condition(expr, expr_place, threshold, threshold_place, alert.reader)
    if condition is None or hold is None:
        return None
    labels = labels_of(
        alert.reader,
        alert.defaults,
        environment,
        severity,
        own,
        notify=alert.notify,
        bypass_router=alert.bypass_router,
    )
    # A threshold changes no label, and the signal has been analysed already.
    _check_overwritten(labels, condition.signal, expr_place, alert.reader)
    return AlertRule(
        alert=alert.name,
        expr=condition.expr,
        signal=condition.signal,
        threshold=condition.threshold,
        hold=hold,
        keep_firing_for=_value("keep_firing_for", layers),
        severity=severity,
        rung=is_rung,
        environment=environment.name,
        labels=labels,
        annotations=annotations_of(
            summary, data, alert.runbook, alert.runbook_url, alert.dashboard_url, environment=environment.name
        ),
        place=place,
        expr_place=expr_place,
        threshold_place=threshold_place,
        summary_place=summary_place,
    )


def _check_overwritten(labels: Pairs, expr: str, place: Place, reader: Reader) -> None:
    """Reports labels that the result is kept apart by and that the rule sets to one value.

    Prometheus evaluates such a rule until two results fire that differ in nothing else; then it drops all of them.
    """
    analysis = analyse(expr, reader.policy.prometheus)
    if isinstance(analysis, tuple) or not analysis.labels.labels:
        return
    kept = analysis.labels.labels - analysis.labels.guaranteed
    for name, value in labels:
        if name in kept and "{{" not in value:
            reader.report(
                "reserved-label",
                f"the expression keeps the label `{name}`, and the rule sets it to `{value}`: when two of its results "
                "fire, Prometheus drops both",
                place,
                f"leave `{name}` out of the expression's labels, match one value of it, or call the label otherwise",
            )


def labels_of(
    reader: Reader,
    defaults: Defaults,
    environment: Environment,
    severity: str,
    own: Mapping[str, str],
    *,
    notify: str | None,
    bypass_router: bool,
) -> tuple[tuple[str, str], ...]:
    """A rule's labels in the order in which they are printed; the nearer definition wins."""
    labels = {"severity": severity, "team": reader.team, "service": reader.service}
    if environment.name is not None:
        labels["environment"] = environment.name
    labels.update(reader.policy.labels)
    labels.update(defaults.labels)
    labels.update(environment.labels)
    labels.update(own)
    if notify is not None and notify != reader.team:
        labels["notify"] = notify
    if bypass_router:
        labels["bypass_router"] = "true"
    return tuple(labels.items())


def annotations_of(
    summary: str,
    data: Mapping[str, Any],
    runbook: Runbook | None,
    runbook_url: str,
    dashboard: str,
    *,
    environment: str | None,
) -> tuple[tuple[str, str], ...]:
    """A rule's annotations in the order in which they are printed."""
    annotations = {"summary": summary.strip()}
    if "description" in data:
        annotations["description"] = data["description"].strip()
    if runbook is not None:
        annotations["impact"] = _named(runbook.impact.strip(), environment)
        annotations["action"] = _named(runbook.first.strip(), environment)
    annotations["runbook_url"] = runbook_url
    annotations["dashboard_url"] = dashboard
    annotations.update(data.get("annotations", {}))
    return tuple(annotations.items())


def _named(text: str, environment: str | None) -> str:
    """A text of the runbook, which all environments share, for one of them."""
    return text if environment is None else str(substitute(text, {"environment": environment}))
