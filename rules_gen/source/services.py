"""Assembles a service from its documents. Pure."""

from __future__ import annotations

from typing import Any

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import Alert, RecordingRule, RuleGroup, Service, Slo
from rules_gen.promql import parse_duration
from rules_gen.source.alerts import Defaults, Environment, build_alert, check_names, read_equivalents, read_team
from rules_gen.source.context import Context, Reader
from rules_gen.source.documents import Document
from rules_gen.source.expressions import read_expression
from rules_gen.source.layout import Unit
from rules_gen.source.reserved import RESERVED_LABELS
from rules_gen.source.substitute import references, substitute
from rules_gen.source.suggest import did_you_mean
from rules_gen.source.templates import Raw, expand


def build_service(
    unit: Unit, documents: list[Document], context: Context
) -> tuple[Service | None, tuple[Problem, ...]]:
    """The service, and all that is wrong with it. `documents` are validated, the main one first.

    The service is None when something is wrong with its frame; alerts that are wrong are left out of it.
    """
    main = documents[0]
    data, place = main.data, Place(main.file)
    reader = Reader(context, unit.team, unit.service)
    _check_frame(unit, data, place, reader)
    if reader.found:
        return None, reader.problems
    defaults = _defaults(data, place, reader)
    raws = [raw for index, use in enumerate(data.get("use", ())) for raw in _used(use, place.at("use", index), reader)]
    raws += [Raw(item, place.at("alerts", index)) for index, item in enumerate(data.get("alerts", ()))]
    raws += [Raw(document.data, Place(document.file)) for document in documents[1:]]
    if "environments" not in data:
        _refuse_environment_names(documents, raws, reader)
    if not raws and not data.get("slos") and not reader.found:
        reader.report(
            "empty-section",
            f"service `{unit.service}` has no alerts",
            place.at("service"),
            "add `alerts:`, `use:` or `slos:`",
        )
    made: list[tuple[Raw, Alert | None]] = [
        (raw, None if "record" in raw.data else build_alert(raw, defaults, reader)) for raw in raws
    ]
    alerts = [alert for _, alert in made if alert is not None]
    groups = {
        environment.name: [_group(environment, data, place, made, reader)] for environment in defaults.environments
    }
    slos: list[Slo] = []
    for index, item in enumerate(data.get("slos", ())):
        from rules_gen.source.slos import build_slo

        objective = build_slo(item, place.at("slos", index), defaults, reader)
        if objective is not None:
            slos.append(objective.slo)
            alerts.append(objective.alert)
            for name, group in objective.groups:
                groups[name].append(group)
    _check_overlays(defaults, [raw.data.get("alert") for raw in raws], reader)
    service = Service(
        name=unit.service,
        team=unit.team,
        description=data.get("description", ""),
        environments=tuple(environment.name for environment in defaults.environments),
        groups=tuple(
            (name, tuple(group for group in made_groups if group.rules)) for name, made_groups in groups.items()
        ),
        alerts=tuple(alerts),
        slos=tuple(slos),
        source=main.file,
        place=place,
        left_out=frozenset(raw.data["alert"] for raw, alert in made if alert is None and "alert" in raw.data),
    )
    return service, reader.problems


def _used(use: dict[str, Any], place: Place, reader: Reader) -> list[Raw]:
    """A template's alerts. Problems inside the template also show where it was used."""
    before = set(reader.found)
    raws = list(expand(use, place, reader))
    for key in [key for key in reader.found if key not in before and key[1].file != place.file]:
        problem = reader.found[key]
        reader.found[key] = Problem(
            problem.check,
            problem.message,
            problem.place,
            problem.suggestion,
            problem.level,
            (*problem.related, ("used here", place)),
        )
    return raws


def _check_frame(unit: Unit, data: dict[str, Any], place: Place, reader: Reader) -> None:
    if data["team"] != unit.team:
        reader.report(
            "layout",
            f"the file is in team `{unit.team}`'s folder but says `team: {data['team']}`",
            place.at("team"),
            f"write `team: {unit.team}`, or move the file to alerts/{data['team']}/",
        )
    elif reader.policy.team(unit.team) is None:
        reader.report(
            "team-unknown",
            f"no team `{unit.team}` in alerts/policy.yaml",
            place.at("team"),
            did_you_mean(unit.team, [team.key for team in reader.policy.teams]),
        )
    if data["service"] != unit.service:
        reader.report(
            "layout",
            f"the file is called `{unit.service}` but says `service: {data['service']}`",
            place.at("service"),
            f"write `service: {unit.service}`, or rename the file",
        )


def _defaults(data: dict[str, Any], place: Place, reader: Reader) -> Defaults:
    check_names(data.get("labels", {}), RESERVED_LABELS, "label", place.at("labels"), reader)
    environments = []
    for name, content in data.get("environments", {}).items():
        where = place.at("environments", name)
        check_names(content.get("labels", {}), RESERVED_LABELS, "label", where.at("labels"), reader)
        labels = {**data.get("labels", {}), **content.get("labels", {})}
        named = {"environment": name}
        overlays = substitute(content.get("alerts", {}), named)
        environments.append(Environment(name, substitute(labels, named), overlays, where))
    if "query_offset" in data.get("group", {}) and reader.policy.prometheus < (2, 53):
        version = ".".join(map(str, reader.policy.prometheus))
        reader.report(
            "promql-version",
            f"query_offset needs Prometheus 2.53, the policy's target is {version}",
            place.at("group", "query_offset").key(),
            "remove it, or raise `prometheus:` in alerts/policy.yaml",
        )
    return Defaults(
        labels=data.get("labels", {}),
        notify=read_team(data.get("notify"), place.at("notify"), reader),
        bypass_router=data.get("bypass_router", False),
        environments=tuple(environments) or (Environment(None, {}, {}, place),),
    )


def _group(
    environment: Environment, data: dict[str, Any], place: Place, made: list[tuple[Raw, Alert | None]], reader: Reader
) -> RuleGroup:
    fields = data.get("group", {})
    if "interval" in fields and not parse_duration(fields["interval"]):
        reader.report("wrong-value", "an interval can't be 0", place.at("group", "interval"))
    rules: list[Any] = []
    for raw, alert in made:
        if alert is not None:
            rules += [rule for rule in alert.rules if rule.environment == environment.name]
        elif "record" in raw.data and (record := _record(raw, environment, reader)) is not None:
            rules.append(record)
    suffix = "" if environment.name is None else f"/{environment.name}"
    return RuleGroup(
        f"{reader.team}/{reader.service}{suffix}",
        fields.get("interval"),
        fields.get("limit"),
        fields.get("query_offset"),
        tuple(rules),
    )


def _record(raw: Raw, environment: Environment, reader: Reader) -> RecordingRule | None:
    data = raw.data if environment.name is None else substitute(raw.data, {"environment": environment.name})
    read = read_expression(data["expr"], raw.place.at("expr"), reader)
    if read is None:
        return None
    expr, analysis = read
    if analysis.result_type not in {"vector", "scalar"}:
        reader.report(
            "promql-type",
            f"a recording rule needs an instant vector, this is a {analysis.result_type}",
            raw.place.at("expr"),
        )
        return None
    labels = dict(data.get("labels", {}))
    if "__name__" in labels:
        reader.report(
            "reserved-label",
            "the label `__name__` is the series' name",
            raw.place.at("labels", "__name__").key(),
            "write the name in `record:`",
        )
        return None
    if environment.name is not None:
        labels.setdefault("environment", environment.name)
    equivalents = read_equivalents(data, raw.place)
    return RecordingRule(data["record"], expr, tuple(labels.items()), raw.place, equivalents=equivalents)


def _refuse_environment_names(documents: list[Document], raws: list[Raw], reader: Reader) -> None:
    """Reports ${environment} in a service without environments: as plain text in a matcher it never matches."""
    texts = [document.text for document in documents]
    used = [use["template"] for use in documents[0].data.get("use", ())]
    texts += [reader.context.templates[name].text for name in used if name in reader.context.templates]
    if not any("${environment}" in text for text in texts):
        return
    main = Place(documents[0].file)
    parts = [(raw.data, raw.place) for raw in raws]
    parts += [(slo, main.at("slos", index)) for index, slo in enumerate(documents[0].data.get("slos", ()))]
    parts += [(documents[0].data.get("labels", {}), main.at("labels"))]
    for part, place in parts:
        # A runbook's commands may well speak of a variable of the shell.
        for path, offset in references({key: part[key] for key in part if key != "runbook"}, "environment"):
            reader.report(
                "environment",
                "`${environment}` stands for nothing: the service has no environments",
                place.at(*path).within(offset, len("${environment}")),
                "add `environments:`, or write the name itself",
            )


def _check_overlays(defaults: Defaults, names: list[str | None], reader: Reader) -> None:
    for environment in defaults.environments:
        for name in environment.overlays:
            if name not in names:
                reader.report(
                    "environment",
                    f"the service has no alert `{name}`",
                    environment.place.at("alerts", name).key(),
                    did_you_mean(name, [n for n in names if n]),
                )
