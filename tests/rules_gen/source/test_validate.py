"""The published schema: what it says of itself, and that two validators read it alike."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml_rs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules_gen.diagnostics import Place
from rules_gen.source.documents import merge, text_keys
from rules_gen.source.validate import definition, kind_of, schema_text, validate

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads(schema_text())
GOLDEN = ROOT / "tests/rules_gen/golden/basic/alerts"
HERE = Place("alerts/a/b.yaml")


def pointers(node, at="#"):
    """Every schema in the schema, by its JSON pointer."""
    if not isinstance(node, dict):
        return
    yield at, node
    for key in ("properties", "$defs"):
        for name, below in node.get(key, {}).items():
            yield from pointers(below, f"{at}/{key}/{name}")
    for key in ("additionalProperties", "items", "if", "then", "else", "propertyNames"):
        yield from pointers(node.get(key), f"{at}/{key}")
    for key in ("anyOf", "oneOf"):
        for number, below in enumerate(node.get(key, ())):
            yield from pointers(below, f"{at}/{key}/{number}")


ALL = dict(pointers(SCHEMA))
KEYS = {at: node for at, node in ALL.items() if at.split("/")[-2:-1] == ["properties"]}
EXAMPLES = [(at, example) for at, node in ALL.items() for example in node.get("examples", ())]


def resolved(node):
    while "$ref" in node:
        node = {**ALL[node["$ref"]], **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def reference(kind):
    return jsonschema.Draft202012Validator(definition(kind))


def load(path):
    """The documents of a file that are mappings, as the compiler reads them; nothing for broken YAML."""
    try:
        data = yaml_rs.loads(path.read_text("utf-8"), parse_datetime=False)
    except (ValueError, UnicodeDecodeError):
        return []
    return [text_keys(merge(item)) for item in (data if isinstance(data, list) else [data]) if isinstance(item, dict)]


def test_it_is_a_valid_schema_and_says_which():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("at", KEYS)
def test_every_key_has_a_description_and_an_example(at):
    node = resolved(KEYS[at])
    assert node.get("description", "").strip().endswith((".", "?", ")")), at
    assert node.get("examples"), at


def test_every_mapping_with_fixed_keys_refuses_others():
    for at, node in ALL.items():
        if "properties" in node and "/oneOf/" not in at:
            assert node.get("additionalProperties") is False, at


@pytest.mark.parametrize(("at", "example"), EXAMPLES)
def test_every_example_is_valid_where_it_stands(at, example):
    node = {**ALL[at], "$defs": SCHEMA["$defs"]}
    errors = [error.message for error in jsonschema.Draft202012Validator(node).iter_errors(example)]
    assert errors == []


def test_every_reference_leads_somewhere_and_every_definition_is_used():
    used = {node["$ref"] for node in ALL.values() if "$ref" in node}
    assert used <= set(ALL)
    assert {f"#/$defs/{name}" for name in SCHEMA["$defs"]} <= used | {"#/$defs/recordingRule", "#/$defs/alert"}


YAML_FILES = sorted(
    path
    for folder in ("alerts", "tests", "rules_gen/scaffold")
    for ending in ("*.yaml", "*.yml")
    for path in (ROOT / folder).rglob(ending)
)


@pytest.mark.full
@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_both_validators_agree_on_every_yaml_file_here(path):
    for data in load(path):
        for kind in {kind_of(data), "service", "policy"}:
            assert (validate(kind, data, HERE) == ()) is reference(kind).is_valid(data)


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.yaml")), ids=lambda path: path.name)
def test_the_whole_schema_accepts_what_its_parts_accept(path):
    """Editors validate with the root, which tells the kind by the keys; the compiler with the part."""
    (data,) = load(path)
    assert validate(kind_of(data), data, HERE) == ()
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


BASES = [data for path in sorted(GOLDEN.rglob("*.yaml")) for data in load(path)]
REFERENCES = {kind: reference(kind) for kind in {kind_of(data) for data in BASES}}


def agree(mutated, data):
    base = data.draw(st.sampled_from(BASES))
    spoilt = text_keys(mutated(base, data.draw))
    kind = kind_of(base)
    problems = validate(kind, spoilt, HERE)
    assert (problems == ()) is REFERENCES[kind].is_valid(spoilt)
    for problem in problems:
        assert problem.message
        assert problem.place.file == HERE.file


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_both_validators_agree_on_spoilt_definitions(mutated, data):
    agree(mutated, data)


@pytest.mark.full
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_both_validators_agree_on_many_spoilt_definitions(mutated, data):
    agree(mutated, data)


@pytest.mark.parametrize("key", [1, None, True, 1.5])
def test_keys_that_are_no_text_are_reported_under_the_text_they_are_read_as(key):
    problems = validate("service", {"service": "a", "team": "b", key: 1}, HERE)
    assert [problem.check for problem in problems] == ["unknown-key"]
