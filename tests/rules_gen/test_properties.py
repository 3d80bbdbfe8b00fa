"""What must hold for every definition that the schema admits, over definitions made up from the schema."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules_gen.compiler import compile_catalog, compile_unit, read_shared
from rules_gen.diagnostics import Level, Place
from rules_gen.emit.yaml import emit_yaml
from rules_gen.model import AlertRule
from rules_gen.promtool import Promtool
from rules_gen.report import render
from rules_gen.source.documents import parse
from rules_gen.source.layout import lay_out
from rules_gen.source.locate import diagnose
from rules_gen.source.validate import kind_of, validate

GOLDEN = Path(__file__).parent / "golden" / "basic"
TODAY = "2026-01-15"
POLICY = (GOLDEN / "alerts/policy.yaml").read_bytes()
slow_machine = settings(deadline=None, suppress_health_check=list(HealthCheck))

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
ALERT_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"x[a-zA-Z0-9_]{0,8}", fullmatch=True)
# Everything that may stand in a file, and what YAML, Go templates and promtool trip over most easily.
LETTERS = st.one_of(
    st.sampled_from(list("abc :#-'\"\\|>%@`!&*?,[]}(){\n\t<$/.0157~=é一")),
    st.characters(exclude_categories=("Cc", "Cs")),
)
ANY_TEXT = st.text(LETTERS, max_size=30)
DURATIONS = st.sampled_from(["0m", "1s", "90s", "5m", "1h30m", "1d", "2w", "1y"])
NUMBERS = st.sampled_from(
    ["0", "1", "-3", "+4", "0.05", ".5", "5.", "1e9", "1e-9", "123456789012345", "0.30000000000000004"]
)
THRESHOLDS = st.builds(
    lambda words, space, number: f"{words}{space}{number}",
    st.sampled_from(["above", "at least", "below", "at most", "equals", "not", ">", ">=", "<", "<=", "==", "!="]),
    st.sampled_from([" ", "  "]),
    NUMBERS,
)


PLACEHOLDER = re.compile("todo|fixme|xxx|tbd|lorem|<[a-z]", re.IGNORECASE)


def prose(text):
    """Text that isn't blank and neither a template nor a placeholder, which the checks are there to refuse."""
    return (
        bool(text.strip())
        and not any(part in text for part in ("{{", "}}", "${", "..."))
        and not PLACEHOLDER.search(text)
    )


TEXTS = ANY_TEXT.filter(prose).map(lambda text: "It is " + text)
LABEL_VALUES = ANY_TEXT.filter(lambda text: "{{" not in text and "${" not in text)


@st.composite
def selectors(draw):
    name = draw(st.sampled_from(["up", "http_requests_total", "job:errors:ratio", "node_load1"]))
    matchers = draw(st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=2))
    inner = ", ".join(
        f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in {"job": "api", **matchers}.items()
    )
    return f"{name}{{{inner}}}"


def compound(inner):
    ranges = st.builds("{}[{}]".format, selectors(), st.sampled_from(["5m", "1h", "1d"]))
    function = st.sampled_from(["rate", "increase", "max_over_time", "avg_over_time", "changes"])
    gathering = st.sampled_from(["sum", "max", "min", "count", "avg"])
    grouping = st.sampled_from(["by (job)", "by (job, instance)", "without (instance)", ""])
    join = st.sampled_from([" / ", "\n  / ", " + ", " - ", " * on (job) group_left () ", " and ", " or ", " unless "])
    return st.one_of(
        st.builds("{}({})".format, function, ranges),
        st.builds("{} {} ({})".format, gathering, grouping, inner),
        st.builds("({}){}({})".format, inner, join, inner),
        st.builds("{} # a > 5 comment {{\n".format, inner).map(lambda text: f"({text})"),
        st.builds("abs({})".format, inner),
        st.builds("topk(3, {})".format, inner),
        st.builds("max_over_time(({})[1h:5m])".format, inner),
        st.builds("label_replace({}, 'xa', '$1', 'job', '(.*)')".format, inner),
        st.builds("100 * ({})".format, inner),
    )


EXPRESSIONS = st.recursive(selectors(), compound, max_leaves=4)
RUNBOOKS = st.one_of(
    st.just("https://wiki.example.com/page"),
    st.fixed_dictionaries(
        {
            "first": TEXTS,
            "impact": TEXTS,
            "causes": st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=2)),
            "investigate": st.one_of(
                TEXTS,
                st.lists(st.fixed_dictionaries({"step": TEXTS, "run": TEXTS, "expect": TEXTS}), min_size=1, max_size=2),
            ),
            "resolve": TEXTS,
            "verify": st.lists(TEXTS, min_size=1, max_size=2),
            "escalate": st.fixed_dictionaries({"after": DURATIONS.filter(lambda d: d != "0m"), "to": TEXTS}),
        }
    ),
)
NO_SCENARIO = [{"check": "scenario-missing", "reason": "made up", "until": "9999-01-01"}]
COMMON = {
    "summary": TEXTS.map(lambda text: f"{{{{ $value | humanize }}}}: {text}"),
    "runbook": RUNBOOKS,
    "disable": st.just(NO_SCENARIO),
}
OPTIONAL = {
    "labels": st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=2),
    "annotations": st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=2),
    "description": TEXTS,
    "keep_firing_for": DURATIONS,
    "dashboard": st.just("https://grafana.example.com/d/x"),
    "notify": st.just("platform"),
}
SINGLES = st.fixed_dictionaries(
    {
        "expr": EXPRESSIONS,
        "severity": st.sampled_from(["critical", "high", "medium", "low", "P1", "P4"]),
        "threshold": THRESHOLDS,
        "for": DURATIONS,
        **COMMON,
    },
    optional=OPTIONAL,
)
CONDITIONS = st.fixed_dictionaries(
    {
        "expr": st.one_of(
            st.builds("absent({})".format, selectors()),
            st.builds("{} > {}".format, selectors(), NUMBERS),
            st.builds("{} > 1\n  and {} < 2".format, selectors(), selectors()),
        ),
        "severity": st.sampled_from(["medium", "low"]),
        "for": DURATIONS,
        **COMMON,
    },
    optional=OPTIONAL,
)
LADDERS = st.fixed_dictionaries(
    {
        "expr": st.builds("sum by (job) (rate({}[5m]))".format, selectors()),
        "severities": st.sampled_from(
            [
                {"high": {"threshold": "above 5", "for": "5m"}, "low": {"threshold": "above 1", "for": "15m"}},
                {"critical": {"threshold": "below 1", "for": "1m"}, "medium": {"threshold": "below 2", "for": "5m"}},
            ]
        ),
        **COMMON,
    },
    optional=OPTIONAL,
)
RECORDS = st.fixed_dictionaries(
    {"record": st.from_regex(r"[a-z_]{1,5}:[a-z0-9]{1,5}:[a-z_]{1,5}", fullmatch=True), "expr": EXPRESSIONS},
    optional={"labels": st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=2)},
)
SERVICES = st.fixed_dictionaries(
    {
        "alerts": st.lists(st.one_of(SINGLES, CONDITIONS, LADDERS), min_size=1, max_size=3),
        "names": st.lists(ALERT_NAMES, min_size=3, max_size=3, unique_by=str.casefold),
        "records": st.lists(RECORDS, max_size=2, unique_by=lambda record: record["record"]),
    },
    optional={
        "description": TEXTS,
        "labels": st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=2),
        "group": st.fixed_dictionaries(
            {}, optional={"interval": st.sampled_from(["30s", "5m"]), "limit": st.integers(0, 99)}
        ),
        "environments": st.fixed_dictionaries(
            {"production": st.just({})}, optional={"staging": st.just({"labels": {"xtier": "test"}})}
        ),
    },
)
REPOSITORIES = st.dictionaries(NAMES, SERVICES, min_size=1, max_size=4)


def documents(made):
    """The services as documents, by path."""
    found = {}
    for name, content in made.items():
        rest = {key: value for key, value in content.items() if key not in {"alerts", "names", "records"}}
        alerts = [{"alert": alert, **data} for alert, data in zip(content["names"], content["alerts"], strict=False)]
        rules = [*content["records"], *alerts]
        found[f"alerts/payments/{name}.yaml"] = {"service": name, "team": "payments", **rest, "alerts": rules}
    return found


def compiled(contents):
    layout = lay_out(contents)
    shared = read_shared(layout, contents)
    results = [compile_unit(unit, contents, shared.context, TODAY) for unit in layout.units]
    problems = [*layout.problems, *shared.problems, *(p for result in results for p in result.problems)]
    return shared.context, results, problems


def errors(problems):
    return [problem for problem in problems if problem.level is Level.ERROR]


def outputs(contents):
    context, results, problems = compiled(contents)
    assert errors(problems) == []
    files, found = compile_catalog(context, [result.digest for result in results])
    assert found == ()
    return {f.path: f.content for f in (*files, *(file for result in results for file in result.files))}, results


def with_policy(made):
    return {"alerts/policy.yaml": POLICY, **{path: emit_yaml(data).encode() for path, data in made.items()}}


def holds(made):
    made = documents(made)
    for path, data in made.items():
        assert validate("service", data, Place(path)) == ()
        document = parse(path, emit_yaml(data))
        assert not isinstance(document, tuple), document
        assert document.data == data, "what is emitted and loaded again is the same"
    contents = with_policy(made)
    files, results = outputs(contents)
    again, _ = outputs(dict(reversed(contents.items())))
    assert files == again
    for result in results:
        for environment, groups in result.service.groups:
            suffix = "" if environment is None else f".{environment}"
            loaded = yaml.safe_load(files[f"rules/payments/{result.unit.service}{suffix}.rules.yml"])
            assert [group["name"] for group in loaded["groups"]] == [group.name for group in groups]
            for group, wanted in zip(loaded["groups"], groups, strict=True):
                assert group["rules"] == [as_data(rule) for rule in wanted.rules]
    rules = [file for result in results for file in result.files if file.path.endswith(".rules.yml")]
    assert Promtool.find(Path()).check_rules(rules) == ()


def as_data(rule):
    data = {"labels": dict(rule.labels), "expr": rule.expr}
    if isinstance(rule, AlertRule):
        data |= {"alert": rule.alert, "for": rule.hold, "annotations": dict(rule.annotations)}
        if rule.keep_firing_for is not None:
            data["keep_firing_for"] = rule.keep_firing_for
    else:
        data["record"] = rule.record
    return {key: value for key, value in data.items() if value != {}}


@settings(slow_machine, max_examples=8)
@given(REPOSITORIES)
def test_what_the_schema_admits_compiles_to_rules_that_promtool_accepts(made):
    """And to the same bytes each time, in any order of the files, and to what the model says."""
    holds(made)


@pytest.mark.full
@settings(slow_machine, max_examples=100)
@given(REPOSITORIES)
def test_many_such_repositories_compile(made):
    holds(made)


BASE = {
    f"alerts/{path.relative_to(GOLDEN / 'alerts')}": path.read_bytes()
    for path in sorted((GOLDEN / "alerts").rglob("*.yaml"))
}
LOADED = {path: parse(path, content.decode()).data for path, content in BASE.items()}


def survives(mutated, data):
    """Spoilt definitions are compiled or refused with places that exist; nothing raises."""
    path = data.draw(st.sampled_from(sorted(BASE)))
    spoilt = emit_yaml(mutated(LOADED[path], data.draw))
    contents = {**BASE, path: spoilt.encode()}
    context, results, problems = compiled(contents)
    if not errors(problems):
        _, found = compile_catalog(context, [result.digest for result in results])
        rules = [file for result in results for file in result.files if file.path.endswith(".rules.yml")]
        assert errors(found) or Promtool.find(Path()).check_rules(rules) == ()
    texts = {name: content.decode() for name, content in contents.items()}
    for diagnostic in diagnose(problems, texts):
        span = diagnostic.span
        lines = texts.get(span.file, "").split("\n")
        assert 1 <= span.line <= len(lines), diagnostic
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1, diagnostic
    for form in ("text", "json", "github", "sarif", "junit"):
        assert render(diagnose(problems, texts), form) or not problems


@settings(slow_machine, max_examples=25)
@given(data=st.data())
def test_spoilt_definitions_are_compiled_or_refused(mutated, data):
    survives(mutated, data)


@pytest.mark.full
@settings(slow_machine, max_examples=600)
@given(data=st.data())
def test_many_spoilt_definitions_are_compiled_or_refused(mutated, data):
    survives(mutated, data)


@pytest.mark.parametrize("path", sorted(BASE))
def test_the_kind_of_each_golden_definition_is_told(path):
    assert validate(kind_of(LOADED[path]), LOADED[path], Place(path)) == ()
