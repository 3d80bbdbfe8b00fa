"""The Prometheus rule file of a service, for every target that shows, wraps or tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules_gen.emit.yaml import emit_yaml, generated_header
from rules_gen.model import AlertRule
from rules_gen.target import GeneratedFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules_gen.model import RecordingRule, RuleGroup, Service


def rules_path(service: Service, environment: str | None) -> str:
    """Where the rule file of this service and environment goes, from the repository's root."""
    suffix = "" if environment is None else f".{environment}"
    return f"rules/{service.team}/{service.name}{suffix}.rules.yml"


def rules_document(service: Service, environment: str | None) -> dict[str, Any]:
    """The rule file of this service and environment as plain values, its keys in the order of print.

    Groups without rules are left out, so `groups` can be empty. KeyError for an environment that the service
    hasn't.
    """
    for name, groups in service.groups:
        if name == environment:
            return groups_document(groups)
    raise KeyError(environment)


def groups_document(groups: Iterable[RuleGroup]) -> dict[str, Any]:
    """A rule file of these groups as plain values; groups without rules are left out."""
    return {"groups": [_group(group) for group in groups if group.rules]}


def rules_file(service: Service, environment: str | None) -> GeneratedFile | None:
    """The rule file of this service and environment, None without any rule. KeyError as `rules_document`."""
    document = rules_document(service, environment)
    if not document["groups"]:
        return None
    text = emit_yaml(document, header=generated_header(service.source))
    return GeneratedFile(rules_path(service, environment), text.encode())


def _group(group: RuleGroup) -> dict[str, Any]:
    document: dict[str, Any] = {"name": group.name}
    if group.interval is not None:
        document["interval"] = group.interval
    if group.limit is not None:
        document["limit"] = group.limit
    if group.query_offset is not None:
        document["query_offset"] = group.query_offset
    document["rules"] = [rule_document(rule) for rule in group.rules]
    return document


def rule_document(rule: AlertRule | RecordingRule) -> dict[str, Any]:
    """One rule as plain values, its keys in the order of print."""
    return _alerting(rule) if isinstance(rule, AlertRule) else _recording(rule)


def _alerting(rule: AlertRule) -> dict[str, Any]:
    document: dict[str, Any] = {"alert": rule.alert, "expr": rule.expr, "for": rule.hold}
    if rule.keep_firing_for is not None:
        document["keep_firing_for"] = rule.keep_firing_for
    if rule.labels:
        document["labels"] = dict(rule.labels)
    if rule.annotations:
        document["annotations"] = dict(rule.annotations)
    return document


def _recording(rule: RecordingRule) -> dict[str, Any]:
    document: dict[str, Any] = {"record": rule.record, "expr": rule.expr}
    if rule.labels:
        document["labels"] = dict(rule.labels)
    return document
