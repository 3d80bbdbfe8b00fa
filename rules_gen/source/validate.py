"""Validates data against the published JSON Schema, and says what is wrong in the author's terms."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from rules_gen.diagnostics import Keys, Place, Problem
from rules_gen.source.documents import text_keys

KINDS = {"service": "service", "template": "template", "alert": "alert", "shared_runbook": "sharedRunbook"}
"""A file's kind by the key that tells it; a file with none of them is the policy."""

SECRET = "secret-value"  # noqa: S105 - the name of a check
"""The check of values that may be a secret: neither the message nor the source line shows them."""

_PATTERNS = {
    "duration": ("not a duration", "write a number and a unit, the largest first: 30s, 5m, 1h30m, 7d"),
    "severity": ("not a severity", "one of critical, high, medium, low, or an alias from alerts/policy.yaml"),
    "threshold": (
        "not a threshold",
        "a comparison in words, a number and a unit if need be: above 5%, at least 500ms, at most 2GiB, equals 0",
    ),
    "name": ("not a name", "lower-case letters, digits and dashes, beginning with a letter or digit"),
    "alertName": ("not an alert's name", "letters, digits and underscores, beginning with a letter"),
    "labelName": ("not a label name", "letters, digits and underscores, not beginning with a digit"),
    "text": ("empty", "write it, or leave the key out where it is optional"),
    "expr": ("empty", "write a PromQL expression"),
    "percent": ("not a percentage", "a number below 100 and a percent sign: 99.9%"),
    "secret": (
        "not the name of a secret",
        "the name of a variable in capitals (PAYMENTS_PAGERDUTY_KEY), never the secret itself",
    ),
}


@cache
def schema_text() -> str:
    """The published JSON Schema."""
    data = pkgutil.get_data("rules_gen", "schema/definitions.schema.json")
    if data is None:
        raise FileNotFoundError("rules_gen/schema/definitions.schema.json")
    return data.decode()


@cache
def _schema() -> dict[str, Any]:
    import orjson

    data: dict[str, Any] = orjson.loads(schema_text())
    return data


def definition(name: str) -> dict[str, Any]:
    """A part of the schema that stands alone: the definition `name` as the root."""
    schema = _schema()
    return {"$schema": schema["$schema"], "$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(definition(name))


def kind_of(data: dict[str, Any]) -> str:
    """The definition in the schema that a file is of."""
    return next((kind for key, kind in KINDS.items() if key in data), "policy")


def validate(kind: str, data: Any, place: Place) -> tuple[Problem, ...]:  # noqa: ANN401 - YAML data is of any type
    """All that is wrong with `data`, which stands at `place`, by the schema's definition `kind`."""
    validator = _validator(kind)
    try:
        if validator.is_valid(data):
            return ()
    except ValueError:
        # Keys that aren't text (1:, null:, a list) are reported under the text that they are read as.
        data = text_keys(data)
    problems: dict[tuple[Keys, str], Problem] = {}
    for error in validator.iter_errors(data):
        for problem in _problems(error, data, place):
            problems.setdefault((problem.place.keys, problem.message), problem)
    # A key that is misspelt is missing as well: one mistake, told once.
    unknown = {(p.place.keys[:-1], str(p.place.keys[-1])) for p in problems.values() if p.check == "unknown-key"}
    return tuple(
        problem
        for problem in problems.values()
        if not any(problem.place.keys == keys and problem.suggestion == f"is `{key}` meant?" for keys, key in unknown)
    )


def _problems(error: jsonschema_rs.ValidationError, data: Any, root: Place) -> Iterator[Problem]:  # noqa: ANN401
    kind: Any = error.kind
    hint: str | None
    path = tuple(error.instance_path)
    place = Place(root.file, root.keys + path)
    found = _lookup(data, path)
    name = kind.name
    if name == "additionalProperties":
        known = _known_keys(error.schema_path)
        for key in kind.unexpected:
            near = _near(key, known)
            hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}"
            yield Problem("unknown-key", f"unknown key `{key}`", place.at(key).key(), hint)
    elif name == "required":
        yield _missing(kind.property, found, path, place)
    elif name == "type":
        yield Problem(
            "wrong-type",
            f"{_article(kind.types)} is expected here, this is {_describe(found)}",
            place,
            _mend_type(kind.types, found),
        )
    elif name in {"anyOf", "oneOf"}:
        yield from _alternatives(kind, error, data, root, place)
    elif name == "propertyNames":
        inner: Any = kind.error
        # The key that is wrong is the instance of the inner error.
        key = str(inner.instance)
        what, mend = _pattern(_definition_name(error.schema_path, inner), key)
        yield Problem("wrong-value", what, place.at(key).key(), mend)
    elif name == "pattern":
        message, hint = _pattern(_definition_name(error.schema_path, error), found)
        check = "empty-section" if message.startswith("empty") else "wrong-value"
        if _definition_name(error.schema_path, error) == "secret":
            check, message = SECRET, "not the name of a secret"
        if check == "empty-section":
            message = f"`{_last_key(path)}` is empty"
        yield Problem(check, message, place, hint)
    elif name == "enum":
        options = [str(option) for option in kind.options]
        near = _near(str(found), options)
        hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(options)}"
        yield Problem("wrong-value", f"{_describe(found)} isn't one of {', '.join(options)}", place, hint)
    elif name in {"minItems", "minProperties"}:
        yield Problem(
            "empty-section",
            f"`{_last_key(path)}` is empty",
            place,
            "fill it, or leave the key out where it is optional",
        )
    else:
        yield Problem("wrong-value", error.message, place)


def _near(found: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    import difflib  # Imported here because only a mistake needs it.

    return difflib.get_close_matches(found, list(known), n=1, cutoff=cutoff)


def _missing(key: str, found: Any, path: Keys, place: Place) -> Problem:  # noqa: ANN401
    hints: dict[str, tuple[str, str | None]] = {
        "runbook": (
            "runbook-missing",
            "an alert without a runbook leaves on-call alone: write its content, or the URL of a page",
        ),
        "severities": ("wrong-value", "all four: critical, high, medium, low"),
    }
    check, hint = hints.get(key, ("missing-key", None))
    near = _near(key, [k for k in found if isinstance(k, str)], cutoff=0.75) if isinstance(found, dict) else []
    if near:
        hint = f"is `{near[0]}` meant?"
    what = f" in {_title(found)}" if isinstance(found, dict) and path else ""
    return Problem(check, f"`{key}` is missing{what}", place, hint)


def _title(found: dict[str, Any]) -> str:
    for key in ("alert", "record", "slo", "name", "template"):
        if isinstance(found.get(key), str):
            return f"{found[key]}"
    return "this mapping"


def _alternatives(
    kind: Any,  # noqa: ANN401 - the library has a class per keyword, without a common base
    error: jsonschema_rs.ValidationError,
    data: Any,  # noqa: ANN401 - YAML data is of any type
    root: Place,
    place: Place,
) -> Iterator[Problem]:
    branches: list[list[Any]] = getattr(kind, "context", [])
    missing = [str(branch[0].kind.property) for branch in branches if branch and branch[0].kind.name == "required"]
    found = _lookup(data, tuple(error.instance_path))
    if missing and len(missing) == len(branches):
        yield Problem("missing-key", f"one of {', '.join(f'`{key}`' for key in missing)} is needed", place)
        return
    if kind.name == "oneOf" and any(not branch for branch in branches):
        # Several fit. Where no mapping stands they all do, and its type is reported by itself.
        if isinstance(found, dict):
            yield Problem("wrong-value", "only one of these keys can be given", place)
        return
    # The branch that comes closest is the one whose type fits; its errors are the ones to show.
    fitting = [
        branch
        for branch in branches
        if not any(e.kind.name == "type" and tuple(e.instance_path) == tuple(error.instance_path) for e in branch)
    ]
    if fitting:
        best = max(fitting, key=lambda branch: max(len(e.instance_path) for e in branch))
        for inner in best:
            yield from _problems(inner, data, root)
        return
    yield Problem("wrong-type", f"{_describe(found)} doesn't fit here", place, _mend_type(["string"], found))


def _lookup(data: Any, path: Keys) -> Any:  # noqa: ANN401
    for key in path:
        data = data[key]
    return data


def _last_key(path: Keys) -> str:
    return str(next((key for key in reversed(path) if isinstance(key, str)), "this"))


def _definition_name(schema_path: list[str | int], error: Any) -> str:  # noqa: ANN401
    path = [*schema_path, *error.schema_path]
    names = [path[i + 1] for i, part in enumerate(path[:-1]) if part == "$defs"]
    last = str(names[-1]) if names else ""
    return last if last in _PATTERNS else ""


def _pattern(name: str, found: Any) -> tuple[str, str | None]:  # noqa: ANN401
    what, hint = _PATTERNS.get(name, ("not of the form that is expected here", None))
    if what == "empty":
        return what, hint
    return f"{_describe(found)} is {what}", _better(name, found) or hint


def _better(name: str, found: Any) -> str | None:  # noqa: ANN401
    if name == "duration" and isinstance(found, str):
        import re

        match = re.fullmatch(r"\s*(\d+)\s*([a-zA-Z]+)\.?\s*", found)
        units = {
            "second": "s",
            "sec": "s",
            "minute": "m",
            "min": "m",
            "hour": "h",
            "hr": "h",
            "day": "d",
            "week": "w",
            "year": "y",
        }
        if match and (unit := units.get(match.group(2).lower().rstrip("s"))):
            return f"did you mean `{match.group(1)}{unit}`?"
    return None


def _known_keys(schema_path: list[str | int]) -> list[str]:
    node: Any = _schema()
    path = list(schema_path)
    if "$defs" in path:
        last = len(path) - 1 - path[::-1].index("$defs")
        node, path = _schema(), path[last:]
    for part in path[:-1]:
        if part == "$ref":
            continue
        node = node[part]
    return list(node.get("properties", {}))


def _article(types: list[str]) -> str:
    words = {
        "string": "text",
        "number": "a number",
        "integer": "a whole number",
        "object": "a mapping",
        "array": "a list",
        "boolean": "true or false",
        "null": "nothing",
    }
    return " or ".join(words[name] for name in types)


def _describe(found: Any) -> str:  # noqa: ANN401
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return f"the truth value `{str(found).lower()}`"
    if isinstance(found, dict):
        return "a mapping"
    if isinstance(found, list):
        return "a list"
    if isinstance(found, str):
        return f"`{found if len(found) <= 60 else found[:57] + '...'}`" if found else "empty text"
    return f"the number `{found}`"


def _mend_type(types: list[str], found: Any) -> str | None:  # noqa: ANN401
    if found is None:
        return "give it a value, or remove the key"
    if "string" in types and isinstance(found, bool | int | float):
        return f'quote it: "{str(found).lower() if isinstance(found, bool) else found}"'
    if "array" in types and isinstance(found, str):
        return f"put it in brackets: [{found}]" if len(found) <= 60 else "make it a list"
    return None
