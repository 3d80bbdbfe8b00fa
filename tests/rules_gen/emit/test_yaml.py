import math
import re
import subprocess

import pytest
import yaml
import yaml_rs
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.emit.yaml import emit_yaml, generated_header

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
# Mostly the characters that mean something to a YAML parser.
HARD_TEXT = st.text(
    alphabet=st.sampled_from(list("ab \t\n\n\n:#-?'\"{}[]|>&*!%@,`\\~=.019eoxy_\r\x85\xa0\u3000\u2028\ufeffü"))
)
SCALARS = st.one_of(
    TEXT,
    HARD_TEXT,
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)
KEYS = st.one_of(TEXT, HARD_TEXT)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def read_1_1(text):
    return yaml.load(text, Loader=yaml.CSafeLoader)


def read_1_2(text):
    return yaml_rs.loads(text, parse_datetime=False)


def assert_kept(value):
    text = emit_yaml(value)
    for read in (read_1_1, read_1_2):
        again = read(text)
        assert again == value, text
        assert repr(again) == repr(value), text


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_both_parsers_read_back_any_document(value):
    assert_kept(value)


@given(st.one_of(TEXT, HARD_TEXT))
def test_both_parsers_read_back_any_text_in_every_place(text):
    assert_kept({"a": text, "b": {"c": text}, "d": [text, [text, {"e": text, "f": text}]], "g": text})


@given(st.lists(st.sampled_from(["a", " a", "a ", "", " ", "\t", "\ta", "a\tb", "#", "- a", "ü"]), max_size=7))
def test_both_parsers_read_back_any_lines(lines):
    text = "\n".join(lines)
    assert_kept({"a": text, "b": [text, {"c": text}], "d": text})


@given(VALUES)
def test_a_document_of_any_kind_is_read_back(value):
    assert read_1_1(emit_yaml(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "n",
        "yes",
        "no",
        "On",
        "OFF",
        "true",
        "False",
        "null",
        "NULL",
        "~",
        "=",
        "<<",
        "0",
        "-0",
        "+1",
        "017",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "_0",
        "1:30",
        "190:20:30.15",
        "1e3",
        "1.5e+3",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".NaN",
        "2020-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "-",
        "?",
        ":",
        "---",
        "...",
        "|",
        ">",
        "!",
        "%",
        "@",
        "&",
        "*",
        "`",
        "{{",
        "[",
        "a:",
        "a:b:",
        "!!str",
        "%YAML",
        "404",
        "5xx",
    ],
)
def test_text_that_looks_like_something_else_stays_text(text):
    assert_kept({"a": text, text: "b", "c": [text]})


def test_quotes_stand_only_where_they_are_needed():
    texts = [
        "5m",
        "1h30m",
        "page",
        "sum(up) > 0",
        "$labels",
        "https://a.example/b#c",
        "Grüße – 5 %",
        "/a/b",
        "a 'b' \"c\"",
    ]
    assert emit_yaml(texts) == "".join(f"- {text}\n" for text in texts)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "''"),
        ("it's: so", "'it''s: so'"),
        ("{{ $value }}", "'{{ $value }}'"),
        ("a\n", "|\n  a"),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n\n", "|+\n  a\n"),
        ("a\n\nb\n", "|\n  a\n\n  b"),
        ("  a\nb\n", "|2\n    a\n  b"),
        ("\na\n", "|2\n\n  a"),
        ("\n", r'"\n"'),
        ("a\r\nb", r'"a\r\nb"'),
        ("a\u2028\x85\ufeff\x00\u202eb", r'"a\L\N\ufeff\0\u202eb"'),
        (" \na", r'" \na"'),
    ],
)
def test_text_is_written_in_the_plainest_style_that_keeps_it(text, written):
    assert emit_yaml({"a": text}) == f"a: {written}\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (1e16, "1.0e+16"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
        ({}, "{}"),
        ([], "[]"),
        ((), "[]"),
    ],
)
def test_other_values(value, written):
    assert emit_yaml({"a": value}) == f"a: {written}\n"
    assert emit_yaml(value) == f"{written}\n"


def test_a_file_of_rules_looks_as_people_write_it():
    rule = {
        "alert": "CheckoutHighErrorRate",
        "expr": 'sum(rate(errors_total{job="checkout"}[5m]))\n  / sum(rate(requests_total[5m]))\n  > 0.05\n',
        "for": "5m",
        "labels": {"severity": "high", "code": "404"},
        "annotations": {"summary": "{{ $value | humanizePercentage }} fail", "description": "One.\n\nTwo."},
    }
    value = {"groups": [{"name": "payments", "limit": 0, "rules": [rule, {"record": "a:b", "expr": "up"}]}]}
    assert emit_yaml(value, header=generated_header("alerts/payments/checkout.yaml")) == (
        "# Generated by rules-gen from alerts/payments/checkout.yaml."
        " Do not edit: change the source and run `make rules`.\n"
        """groups:
  - name: payments
    limit: 0
    rules:
      - alert: CheckoutHighErrorRate
        expr: |
          sum(rate(errors_total{job="checkout"}[5m]))
            / sum(rate(requests_total[5m]))
            > 0.05
        for: 5m
        labels:
          severity: high
          code: '404'
        annotations:
          summary: '{{ $value | humanizePercentage }} fail'
          description: |-
            One.

            Two.
      - record: a:b
        expr: up
"""
    )


def test_a_header_stays_a_comment_whatever_the_path():
    header = generated_header("a\nb: c\u2028.yaml")
    assert header.count("\n") == 1
    assert read_1_1(emit_yaml({"a": 1}, header=header)) == {"a": 1}


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {None: 1}}, {"a": object()}, [b"a"], {"a": {1, 2}}])
def test_what_yaml_files_never_hold_is_a_bug(value):
    with pytest.raises(TypeError):
        emit_yaml(value)


def test_a_key_too_long_for_parsers_is_refused():
    with pytest.raises(ValueError, match="1001 characters"):
        emit_yaml({"k" * 1001: 1})


def test_promtool_reads_the_rules_as_they_are_meant(tmp_path):
    texts = [
        "yes",
        "1:30",
        "a: b # c",
        " lead",
        "trail ",
        "a\tb",
        "l1\n l2\n\nl4\n\n",
        "\u2028",
        "a\r\nb",
        "ü\U0001f600",
        "~",
    ]
    rules = [
        {
            "alert": f"A{i}",
            "expr": "up\n  ==\n\n 0\n",
            "for": "5m",
            "labels": {"l": t},
            "annotations": {"a": t},
        }
        for i, t in enumerate(texts)
    ]
    (tmp_path / "rules.yml").write_text(emit_yaml({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
    case = {
        "eval_time": "10m",
        "alertname": "A0",
        "exp_alerts": [{"exp_labels": {"l": texts[0]}, "exp_annotations": {"a": texts[0]}}],
    }
    cases = [
        {
            **case,
            "alertname": f"A{i}",
            "exp_alerts": [{"exp_labels": {"l": text, "job": "x"}, "exp_annotations": {"a": text}}],
        }
        for i, text in enumerate(texts)
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": 'up{job="x"}', "values": "0x20"}],
        "alert_rule_test": cases,
    }
    (tmp_path / "test.yml").write_text(
        emit_yaml({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}),
        encoding="utf-8",
    )
    run = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "test.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search("SUCCESS", run.stdout)
