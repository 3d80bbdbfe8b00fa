"""Turns a file's bytes into data: decoding, YAML 1.2, merge keys. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml_rs

from rules_gen.diagnostics import Place, Problem
from rules_gen.source.samples import SIGN, keep_samples

_ALIASES = yaml_rs.AliasLimits(max_total_replayed_events=100_000)
# The YAML library's parser recurses on nested blocks without a bound of its own for these forms (measured: a line of
# 30,000 dashes ends the process), so deeper ones than any definition needs are refused before it sees them.
_DEEPEST = 40
_TOO_DEEP = re.compile(rf"^(?: {{400}}|[ ]*(?:[-?][ \t]+){{{_DEEPEST}}})", re.MULTILINE)
# A look at every line would cost as much as reading the file. So blanks are taken out and both signs made one first:
# however they were mixed, they stand side by side then, and a long run of one sign is found at the speed of memory.
_ONE_SIGN = bytes.maketrans(b"?", b"-")
_DEEP_RUN = b"-" * _DEEPEST
_DEEP_INDENTATION = b" " * 400
_MERGE_KEY = re.compile("<<")  # A regular expression finds two characters three times as fast as `in` does.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROL_BYTES = bytes({*range(32), 127} - {9, 10, 13})


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data. `data` is a mapping with text keys."""

    file: str
    text: str
    data: dict[str, Any]


def decode(file: str, content: bytes) -> str | Problem:
    """The file's text, or what is wrong with its encoding."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        return Problem(
            "encoding",
            f"not UTF-8: byte 0x{content[error.start]:02x}",
            Place(file, line=line, column=column),
            suggestion="save the file as UTF-8",
        )
    text = text.removeprefix("\ufeff")
    # Deleting bytes is twenty times as fast as a regular expression, and nearly no file has any.
    if len(content.translate(None, _CONTROL_BYTES)) != len(content) and (found := _CONTROL.search(text)):
        return Problem(
            "encoding",
            f"a control character (U+{ord(found.group()):04X})",
            _at(file, text, found.start()),
            suggestion="remove it",
        )
    return text


def parse(file: str, text: str) -> Document | tuple[Problem, ...]:
    """The file's data, or all that is wrong with its YAML."""
    if _may_be_deep(text.encode("utf-8", "surrogatepass")) and (found := _TOO_DEEP.search(text)):
        return (Problem("yaml-syntax", "nested too deeply", _at(file, text, found.start())),)
    try:
        data: Any = yaml_rs.loads(text, parse_datetime=False, alias_limits=_ALIASES)
    except yaml_rs.YAMLDecodeError as error:
        if str(error).startswith("alias replay limit"):
            return (
                Problem(
                    "yaml-aliases",
                    "the aliases in this file expand to too much",
                    Place(file, line=1, column=1),
                    suggestion="use a template or a shared runbook instead of YAML aliases",
                ),
            )
        from rules_gen.source.yaml_errors import yaml_error

        return yaml_error(text, file)
    if data is None:
        return (Problem("yaml-syntax", "the file is empty", Place(file, line=1, column=1), "remove it"),)
    if not isinstance(data, dict):
        what = "several YAML documents or a list" if isinstance(data, list) else "a single value"
        return (Problem("yaml-syntax", f"a mapping is expected here, this is {what}", Place(file, line=1, column=1)),)
    if SIGN.search(text):
        keep_samples(text, data)
    if _MERGE_KEY.search(text):
        data = merge(data)
    return Document(file, text, data)


def _may_be_deep(content: bytes) -> bool:
    return _DEEP_INDENTATION in content or _DEEP_RUN in content.translate(_ONE_SIGN, b" \t")


def merge(data: Any) -> Any:  # noqa: ANN401 - YAML data is of any type
    """The same data with YAML's merge keys (`<<`) resolved: what a mapping says itself wins over what it merges."""
    if isinstance(data, list):
        return [merge(item) for item in data]
    if not isinstance(data, dict):
        return data
    own = {key: merge(value) for key, value in data.items() if key != "<<"}
    if "<<" not in data:
        return own
    bases = data["<<"] if isinstance(data["<<"], list) else [data["<<"]]
    if not all(isinstance(base, dict) for base in bases):
        return {**own, "<<": data["<<"]}
    merged: dict[Any, Any] = {}
    for base in reversed(bases):
        merged.update(merge(base))
    merged.update(own)
    return merged


def text_keys(data: Any) -> Any:  # noqa: ANN401 - YAML data is of any type
    """The same data with every key as text, as a JSON Schema wants them."""
    if isinstance(data, list):
        return [text_keys(item) for item in data]
    if isinstance(data, dict):
        return {key if isinstance(key, str) else _key(key): text_keys(value) for key, value in data.items()}
    return data


def _key(key: object) -> str:
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(key)


def _at(file: str, text: str, offset: int) -> Place:
    line_start = text.rfind("\n", 0, offset) + 1
    return Place(file, line=text.count("\n", 0, offset) + 1, column=offset - line_start + 1)
