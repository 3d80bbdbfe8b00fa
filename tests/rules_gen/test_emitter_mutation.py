"""A compiler that emits wrong rules is caught by the fixtures that were proved and committed before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rules_gen.builder import Options, build
from rules_gen.compiler import compile_unit, read_shared
from rules_gen.promtool import Promtool
from rules_gen.source import expressions
from rules_gen.source.files import read_sources
from rules_gen.source.layout import lay_out
from rules_gen.target import GeneratedFile
from rules_gen.target_support import rules

POLICY = """\
prometheus: "2.42"
urls:
  runbook: https://runbooks.example.com/{team}/{service}/{alert}
  dashboard: https://grafana.example.com/d/{uid}
severities:
  critical: {response: at once, channels: [pagerduty]}
  high: {response: 15m, channels: [pagerduty]}
  medium: {response: 1h, channels: [pagerduty]}
  low: {response: next business day, channels: [pagerduty]}
teams:
  shop: {pagerduty: {routing_key: SHOP_KEY}}
default_team: shop
"""
SERVICE = """\
service: api
team: shop
alerts:
  - record: job:queue:sum
    expr: sum by (job) (queue_length{job="api"})
  - alert: QueueTooLong
    severity: high
    expr: job:queue:sum{job="api"}
    threshold: above 100
    for: 5m
    keep_firing_for: 5m
    summary: "{{ $value | humanize }} messages wait for {{ $labels.job }}"
    runbook: https://wiki.example.com/queue
    tests:
      - name: fires above a hundred, and a little longer
        series: {'queue_length{job="api"}': 101x20 99x20}
        pending_at: [3m]
        firing_at: [10m, 24m]
        quiet_at: [30m]
      - name: stays quiet at a hundred
        series: {'queue_length{job="api"}': 100x20}
        quiet_at: [15m]
"""
EMIT_ALERT, EMIT_RECORD, COMPOSE = rules._alerting, rules._recording, expressions.compose_threshold


def without(key):
    def emit(rule):
        return {name: value for name, value in EMIT_ALERT(rule).items() if name != key}

    return emit


def with_label(name, value):
    def emit(rule):
        document = EMIT_ALERT(rule)
        return {**document, "labels": {**document["labels"], name: value}}

    return emit


def without_annotation(name):
    def emit(rule):
        document = EMIT_ALERT(rule)
        return {**document, "annotations": {k: v for k, v in document["annotations"].items() if k != name}}

    return emit


def unthresholded(rule):
    return {**EMIT_ALERT(rule), "expr": rule.signal}


def composed(change):
    return lambda signal, analysis, op, value: COMPOSE(signal, analysis, *change(op, value))


MUTATIONS = {
    "for is lost": (rules, "_alerting", without("for")),
    "keep_firing_for is lost": (rules, "_alerting", without("keep_firing_for")),
    "labels are lost": (rules, "_alerting", without("labels")),
    "annotations are lost": (rules, "_alerting", without("annotations")),
    "the severity is another": (rules, "_alerting", with_label("severity", "low")),
    "the team is another": (rules, "_alerting", with_label("team", "platform")),
    "the runbook's address is lost": (rules, "_alerting", without_annotation("runbook_url")),
    "the threshold is lost": (rules, "_alerting", unthresholded),
    "the recorded expression is another": (
        rules,
        "_recording",
        lambda rule: {**EMIT_RECORD(rule), "expr": "vector(0)"},
    ),
    "the operator is flipped": (expressions, "compose_threshold", composed(lambda _op, value: ("<", value))),
    "the operator takes the boundary in": (
        expressions,
        "compose_threshold",
        composed(lambda _op, value: (">=", value)),
    ),
    "the threshold is higher": (expressions, "compose_threshold", composed(lambda op, _value: (op, "101"))),
}


def compiled_rules(root: Path) -> GeneratedFile:
    sources, _ = read_sources(root)
    contents = {source.path: source.content for source in sources}
    layout = lay_out(contents)
    context = read_shared(layout, contents).context
    result = compile_unit(layout.units[0], contents, context, "2026-01-01", frozenset({"prometheus-rules"}))
    assert result.problems == ()
    return result.files[0]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    (root / "alerts" / "shop").mkdir(parents=True)
    (root / "alerts" / "policy.yaml").write_text(POLICY)
    (root / "alerts" / "shop" / "api.yaml").write_text(SERVICE)
    result = build(replace(Options(root, "2026-01-01"), processes=1))
    assert not result.diagnostics
    return root


def test_the_committed_fixture_passes_on_what_the_compiler_emits(repository):
    fixture = GeneratedFile("rules/shop/api.test.yml", (repository / "rules/shop/api.test.yml").read_bytes())

    assert Promtool.find(repository).verify([(compiled_rules(repository), fixture)]) == ()


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_emitter_fails_the_committed_fixture(repository, monkeypatch, name):
    fixture = GeneratedFile("rules/shop/api.test.yml", (repository / "rules/shop/api.test.yml").read_bytes())
    monkeypatch.setattr(*MUTATIONS[name])

    failures = Promtool.find(repository).verify([(compiled_rules(repository), fixture)])

    assert [failure.path for failure in failures] == ["rules/shop/api.test.yml"]
