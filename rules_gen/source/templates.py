"""Expands the templates that a service uses. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules_gen.diagnostics import Place
from rules_gen.promql import parse_duration
from rules_gen.source.context import Reader
from rules_gen.source.documents import Document
from rules_gen.source.substitute import substitute
from rules_gen.source.suggest import did_you_mean
from rules_gen.source.thresholds import parse_threshold
from rules_gen.source.validate import validate


@dataclass(frozen=True, slots=True)
class Raw:
    """An alert or recording rule as data, and where it was written."""

    data: dict[str, Any]
    place: Place


def expand(data: dict[str, Any], place: Place, reader: Reader) -> Iterator[Raw]:
    """The alerts and recording rules of one `use:` entry, validated, with the parameters' values in place."""
    name = data["template"]
    template = reader.context.templates.get(name)
    if template is None:
        reader.report(
            "template-unknown",
            f"no template `{name}`",
            place.at("template"),
            did_you_mean(name, reader.context.templates),
        )
        return
    values = _values(template, data.get("with", {}), place, reader)
    if values is None:
        return
    # What a template holds is only validated once its parameters have values: a name may be anything here.
    names = [item.get("alert") for item in template.data["alerts"]]
    left_out = tuple(data.get("except", ()))
    expanded = []
    for index, item in enumerate(template.data["alerts"]):
        where = Place(template.file, ("alerts", index))
        unknown: list[tuple[str, tuple[str | int, ...], int]] = []
        content = substitute(item, values, lambda *found: unknown.append(found))  # noqa: B023 - called at once
        for parameter, path, offset in unknown:
            reader.report(
                "template-parameter",
                f"no parameter `{parameter}`",
                where.at(*path).within(offset, len(parameter) + 3),
                did_you_mean(parameter, template.data.get("parameters", {})) or "a plain ${ is written $${",
            )
        if unknown or content.get("alert") in left_out or item.get("alert") in left_out:
            expanded.append(content.get("alert"))
            continue
        expanded.append(content.get("alert"))
        problems = validate("recordingRule" if "record" in content else "alert", content, where)
        for problem in problems:
            reader.add(problem)
        if not problems:
            yield Raw(content, where)
    for index, gone in enumerate(data.get("except", ())):
        if gone not in expanded and gone not in names:
            reader.report(
                "template-unknown",
                f"the template has no alert `{gone}`",
                place.at("except", index),
                did_you_mean(gone, [n for n in expanded if isinstance(n, str)]),
            )


def _values(template: Document, given: dict[str, Any], place: Place, reader: Reader) -> dict[str, Any] | None:
    parameters = template.data.get("parameters", {})
    values: dict[str, Any] = {}
    good = True
    for name in given:
        if name not in parameters:
            reader.report(
                "template-parameter",
                f"the template has no parameter `{name}`",
                place.at("with", name).key(),
                did_you_mean(name, parameters),
            )
            good = False
    for name, parameter in parameters.items():
        if name in given:
            value, where = given[name], place.at("with", name)
        elif "default" in parameter:
            value, where = parameter["default"], Place(template.file, ("parameters", name, "default"))
        else:
            reader.report(
                "template-parameter",
                f"`{name}` is missing: {parameter['description']}",
                place.at("with") if given else place,
                f"add it to `with:` ({parameter['type']})",
            )
            good = False
            continue
        if problem := _mistyped(parameter["type"], value, reader, where):
            reader.report("template-parameter", f"`{value}` isn't {problem}", where)
            good = False
        values[name] = value
    return values if good else None


def _mistyped(kind: str, value: Any, reader: Reader, place: Place) -> str | None:  # noqa: ANN401
    match kind:
        case "number" if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
        case "integer" if isinstance(value, bool) or not isinstance(value, int):
            return "a whole number"
        case "string" | "name" if not isinstance(value, str):
            return "text"
        case "name" if validate("name", value, place):
            return "a name"
        case "duration" if not isinstance(value, str) or parse_duration(value) is None:
            return "a duration"
        case "threshold" if not isinstance(value, str) or parse_threshold(value) is None:
            return "a threshold"
        case "severity" if not isinstance(value, str) or reader.severity(value, place) is None:
            return "a severity"
    return None
