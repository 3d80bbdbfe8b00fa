"""Data against a JSON Schema, and what is wrong with it in words. Pure.

No message shows a value that may be a secret: what was typed is repeated only where a list of words is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from router.config.problems import Problem, did_you_mean
from router.config.yaml_text import Document, Keys

Schema = Mapping[str, Any]

_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "object": "a mapping",
    "array": "a list",
    "boolean": "true or false",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}
FORM = "x-form"
"""A schema's own words on the form of a text, where its description says what the text is for."""

_SHOWN = re.compile(r"[A-Za-z0-9 _-]{1,24}")


def validate(document: Document, schema: Schema) -> tuple[Problem, ...]:
    """All that is wrong with a document, in the order of its lines. The schema's references are `#/$defs/NAME`."""
    validator = jsonschema_rs.Draft202012Validator(dict(schema))
    found = [
        (document.place(keys), problem)
        for error in validator.iter_errors(document.data)
        for keys, problem in _problems(error, schema)
    ]
    misspelt = {problem.hint for _, problem in found if problem.message.startswith("unknown key")}
    problems = [
        problem._replace(place=place)
        for place, problem in found
        # A key that is misspelt is missing as well: one mistake, told once.
        if not (problem.message.endswith("is missing") and f"did you mean {problem.message.split(' ')[0]}?" in misspelt)
    ]
    return tuple(sorted(dict.fromkeys(problems), key=_by_line))


def _by_line(problem: Problem) -> int:
    return int(problem.place.rpartition(":")[2])


def _problems(error: jsonschema_rs.ValidationError, schema: Schema) -> Iterator[tuple[Keys, Problem]]:
    kind: Any = error.kind
    keys: Keys = tuple(error.instance_path)
    node = _node(schema, error.schema_path)
    if kind.name == "additionalProperties":
        known = list(node.get("properties", {}))
        for key in kind.unexpected:
            yield (*keys, key), Problem("", f"unknown key `{_cut(key)}`{_inside(keys)}", did_you_mean(key, known))
    elif kind.name == "required":
        yield keys, Problem("", f"`{kind.property}`{_inside(keys)} is missing")
    elif kind.name == "propertyNames":
        key = str(kind.error.instance)
        inner = _resolve(node.get("propertyNames", {}), schema)
        yield (*keys, key), Problem("", f"the key `{_cut(key)}` has the wrong form: {_form(inner)}", _example(inner))
    else:
        yield keys, _told(kind, node, f"`{_dotted(keys)}`" if keys else "the file", str(error.instance))


def _told(kind: Any, node: Schema, at: str, found: str) -> Problem:  # noqa: ANN401 - a class per keyword, without a base
    """What is wrong with a value."""
    name = kind.name
    if name == "type":
        return Problem("", f"{at} has to be {' or '.join(_TYPES[each] for each in kind.types)}", _example(node))
    if name == "enum":
        options = [str(option) for option in kind.options]
        shown = f", not `{found}`" if _SHOWN.fullmatch(found) else ""
        hint = did_you_mean(found, options)
        return Problem("", f"{at} has to be one of {', '.join(options)}{shown}", hint if "did" in hint[:3] else "")
    if name == "const":
        return Problem("", f"{at} has to be {node.get('const')}")
    if name in _BOUNDS:
        return Problem("", f"{at} has to be {_BOUNDS[name]} {node.get(name)}")
    if name in {"minItems", "minProperties", "minLength"}:
        return Problem("", f"{at} is empty", _example(node))
    if name in {"maxItems", "maxLength", "maxProperties"}:
        return Problem("", f"{at} has more than {node.get(name)} parts")
    if name == "uniqueItems":
        return Problem("", f"{at} names something twice")
    return Problem("", f"{at} has the wrong form: {_form(node)}", _example(node))


def _node(schema: Schema, path: list[str | int]) -> Schema:
    """The schema that holds the keyword which failed, told by the keyword's own place."""
    node: Any = schema
    for part in path[:-1]:
        node = node[part]
    return node if isinstance(node, Mapping) else {}


def _resolve(node: Schema, schema: Schema) -> Schema:
    reference = node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node


def _form(node: Schema) -> str:
    return str(node.get(FORM) or node.get("description", "it isn't what is expected here")).rstrip(".")


def _example(node: Schema) -> str:
    examples = [example for example in node.get("examples", ()) if isinstance(example, str)]
    return f"for example {examples[0]}" if examples else ""


def _inside(keys: Keys) -> str:
    return f" in `{_dotted(keys)}`" if keys else ""


def _dotted(keys: Keys) -> str:
    text = ""
    for key in keys:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{_cut(key)}" if text else _cut(key)
    return text


def _cut(key: str) -> str:
    return key if len(key) <= 40 else f"{key[:37]}..."
