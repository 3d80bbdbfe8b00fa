"""`rules-gen show`: what one alert compiles to, and whom it reaches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rules_gen.commands.definitions import no_such_alert, print_problems, read_definitions
from rules_gen.compiler import Compiled
from rules_gen.definitions import is_meant
from rules_gen.model.destinations import destinations

if TYPE_CHECKING:
    import argparse

    from rules_gen.model import Alert, AlertRule, Policy


def run(arguments: argparse.Namespace) -> int:
    """Shows the alert. Exit code 1 when there is none of that name, or its definition has errors."""
    definitions = read_definitions(arguments.root, frozenset())
    policy = definitions.policy
    found = [
        (result, alert)
        for result in definitions.compiled
        for alert in _alerts(result)
        if _is_shown(result, alert, arguments)
    ]
    if found and policy is not None:
        own = {problem for result, _ in found for problem in result.problems}
        errors = [problem for problem in definitions.errors if problem in own]
    else:
        errors = list(definitions.errors)
    if errors:
        print_problems(definitions, errors)
    if not found or policy is None:
        if not errors:
            print(no_such_alert(arguments.alert, definitions), file=sys.stderr)
        return 1
    shown = [describe(alert, result, policy) for result, alert in found]
    if arguments.format == "json":
        from rules_gen.emit.json import emit_json

        sys.stdout.write(emit_json(shown).decode())
    else:
        sys.stdout.write("\n".join(_text(item) for item in shown))
    return 1 if errors else 0


def _alerts(result: Compiled) -> tuple[Alert, ...]:
    return result.service.alerts if result.service is not None else ()


def _is_shown(result: Compiled, alert: Alert, arguments: argparse.Namespace) -> bool:
    return result.service is not None and is_meant(arguments.alert, result.service, alert)


def describe(alert: Alert, compiled: Compiled, policy: Policy) -> dict[str, Any]:
    """All there is to know about a compiled alert, as plain data."""
    service = compiled.service
    digest_inhibitions = compiled.digest.inhibitions if compiled.digest else ()
    if service is None:
        raise ValueError("a compiled service is needed")
    return {
        "alert": alert.name,
        "team": service.team,
        "service": service.name,
        "definition": alert.place.file,
        "rules": [
            {
                "severity": rule.severity,
                "environment": rule.environment,
                "response": policy.severity(rule.severity).response,
                "told": [str(who) for who in destinations(alert, rule.severity, service.team, policy)],
                "rule": _rule(rule),
            }
            for rule in alert.rules
        ],
        "runbook": {
            "url": alert.runbook_url,
            "page": None if alert.runbook is None else f"runbooks/{service.team}/{service.name}/{alert.name}.md",
        },
        "dashboard": alert.dashboard_url,
        "scenarios": [scenario.name for scenario in alert.scenarios],
        "keeps_quiet": sorted(
            {i.target for i in digest_inhibitions if i.source == alert.name and i.target != alert.name}
        ),
        "kept_quiet_by": sorted(
            {i.source for i in digest_inhibitions if i.target == alert.name and i.source != alert.name}
        ),
    }


def _rule(rule: AlertRule) -> dict[str, Any]:
    data: dict[str, Any] = {"alert": rule.alert, "expr": rule.expr, "for": rule.hold}
    if rule.keep_firing_for is not None:
        data["keep_firing_for"] = rule.keep_firing_for
    return {**data, "labels": dict(rule.labels), "annotations": dict(rule.annotations)}


def _text(item: dict[str, Any]) -> str:
    from rules_gen.emit.yaml import emit_yaml

    lines = [f"{item['alert']}  ({item['team']}/{item['service']}, {item['definition']})", ""]
    for entry in item["rules"]:
        environment = f" in {entry['environment']}" if entry["environment"] else ""
        lines.append(f"{entry['severity']}{environment}, respond: {entry['response']}")
        lines += [f"  tells {who}" for who in entry["told"]]
        lines += ["", *("  " + line for line in emit_yaml([entry["rule"]]).splitlines()), ""]
    lines.append(f"runbook    {item['runbook']['page'] or 'elsewhere'}  {item['runbook']['url']}")
    lines.append(f"dashboard  {item['dashboard']}")
    lines += [f"proved by  {name}" for name in dict.fromkeys(item["scenarios"])]
    if item["keeps_quiet"]:
        lines.append(f"keeps quiet    {', '.join(item['keeps_quiet'])}")
    if item["kept_quiet_by"]:
        lines.append(f"kept quiet by  {', '.join(item['kept_quiet_by'])}")
    return "\n".join(lines) + "\n"
