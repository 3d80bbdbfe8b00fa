"""Whatever a verdict depends on makes it judged anew; what is remembered is never another verdict than a fresh one."""

import shutil

import orjson
import pytest

from rules_gen.promtool import Promtool

RULES = """\
- record: bytes:rate5m
  expr: sum by (instance) (rate(in_total[5m]))
  labels: {direction: in}
- record: bytes:rate5m
  expr: sum by (instance) (rate(out_total{device="a"}[5m]))
  labels: {direction: out}
- alert: Traffic
  severity: medium
  expr: bytes:rate5m{direction="in"}
  threshold: above 5
  for: 0m
  summary: "{{ $labels.instance }}"
  runbook: https://wiki.example.com/traffic
  tests:
    - name: fires
      series:
        'in_total{instance="1"}': 0+600x20
        'out_total{instance="1", device="b"}': 0+600x20
      firing_at: [15m]
- alert: ManyFiring
  severity: medium
  expr: count(ALERTS{alertname="Traffic", alertstate="firing"})
  threshold: at least 1
  for: 0m
  summary: "{{ $value }}"
  runbook: https://wiki.example.com/down
  tests:
    - name: fires
      series: {'in_total{instance="1"}': 0+600x20, 'in_total{instance="2"}': 0+360x20}
      firing_at: [15m]
"""
CHANGES = {
    "a rule that only a mutant reads": ('{device="a"}', '{device="b"}'),
    "an alert that is read as an alert": ("above 5", "above 7"),
    "what is recorded": ("rate(in_total[5m])", "rate(in_total[5m]) * 2"),
    "the name of a scenario": ("name: fires", "name: does fire"),
    "a series": ("0+360x20", "0+0x20"),
    "a time": ("firing_at: [15m]", "firing_at: [6m]"),
    "for": ("threshold: above 5\n  for: 0m", "threshold: above 5\n  for: 2m"),
    "a template": ('"{{ $labels.instance }}"', '"{{ $value }}"'),
}


def verdicts(run):
    return {(one.mutant.subject, one.mutant.name): one.verdict for one in run.report.judged}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_verdict_depends_on_is_in_its_key(mutate, tmp_path, change):
    old, new = CHANGES[change]
    changed = RULES.replace(old, new)
    assert changed != RULES
    mutate(RULES)
    remembered = verdicts(mutate(changed))
    (tmp_path / ".rules-gen" / "mutants.json").unlink()
    assert remembered == verdicts(mutate(changed))


@pytest.mark.parametrize("group", ["interval: 30s", "limit: 1"])
def test_how_a_group_is_evaluated_is_in_the_key(mutate, tmp_path, group):
    head = f"group: {{{group}}}\n"
    mutate(RULES)
    remembered = verdicts(mutate(RULES, head=head))
    (tmp_path / ".rules-gen" / "mutants.json").unlink()
    assert remembered == verdicts(mutate(RULES, head=head))


def test_another_promtool_judges_anew(mutate, tmp_path):
    mutate(RULES)
    path = tmp_path / ".rules-gen" / "mutants.json"
    other = tmp_path / "promtool"
    other.write_text(f'#!/bin/sh\nexec {Promtool.find(tmp_path).executable} "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    before = orjson.loads(path.read_bytes())["key"]
    mutate(RULES, promtool=Promtool(str(other)))
    assert orjson.loads(path.read_bytes())["key"] != before


@pytest.mark.parametrize(
    "entry",
    [[], ["killed"], ["killed", "", "", ""], ["unjudged", "", ""], ["marked", "", ""], "killed", 5, [["killed"]], None],
)
def test_a_broken_entry_is_judged_anew(mutate, tmp_path, entry):
    fresh = verdicts(mutate(RULES))
    path = tmp_path / ".rules-gen" / "mutants.json"
    content = orjson.loads(path.read_bytes())
    content["verdicts"] = dict.fromkeys(content["verdicts"], entry)
    path.write_bytes(orjson.dumps(content))
    assert verdicts(mutate(RULES)) == fresh


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{", b'{"key": 1}', b"\xff"])
def test_a_broken_file_is_as_good_as_none(mutate, tmp_path, content):
    (tmp_path / ".rules-gen").mkdir()
    (tmp_path / ".rules-gen" / "mutants.json").write_bytes(content)
    assert mutate(RULES).report.judged


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(mutate, tmp_path):
    (tmp_path / ".rules-gen" / "mutants.json").mkdir(parents=True)
    assert mutate(RULES).report.judged
    assert {path.name for path in (tmp_path / ".rules-gen").iterdir()} <= {".gitignore", "mutants.json"}
    shutil.rmtree(tmp_path / ".rules-gen")
    (tmp_path / ".rules-gen").write_text("no folder", encoding="utf-8")
    assert mutate(RULES).report.judged
