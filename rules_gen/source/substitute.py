"""Replaces ${name} in definitions: template parameters, and the environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_REFERENCE = re.compile(r"\$\$\{|\$\{([a-z][a-z0-9_]*)\}")


def substitute(
    data: Any,  # noqa: ANN401 - YAML data is of any type
    values: Mapping[str, str | int | float | bool],
    unknown: Callable[[str, tuple[str | int, ...], int], None] | None = None,
    path: tuple[str | int, ...] = (),
) -> Any:  # noqa: ANN401
    """A copy of `data` with every ${name} replaced by its value, in keys as well; `$${` becomes `${`.

    A text that is one reference and nothing else takes the value with its type. `unknown` is told the name, the path
    and the offset of each reference that has no value; without `unknown` such references stay as they are, and so does
    `$${`.
    """
    if isinstance(data, str):
        if "${" not in data:
            return data
        whole = _REFERENCE.fullmatch(data)
        if whole and whole.group(1) in values:
            return values[whole.group(1)]

        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return "${" if unknown else match.group()
            if name in values:
                return _text(values[name])
            if unknown:
                unknown(name, path, match.start())
            return match.group()

        return _REFERENCE.sub(replace, data)
    if isinstance(data, dict):
        return {
            _text(substitute(key, values, unknown, path)): substitute(value, values, unknown, (*path, key))
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [substitute(item, values, unknown, (*path, i)) for i, item in enumerate(data)]
    return data


def references(
    data: Any,  # noqa: ANN401 - YAML data is of any type
    name: str,
    path: tuple[str | int, ...] = (),
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """The path and the offset of every ${name} in the values of `data`."""
    if isinstance(data, str):
        if "${" in data:
            yield from ((path, match.start()) for match in _REFERENCE.finditer(data) if match.group(1) == name)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from references(value, name, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from references(item, name, (*path, index))


def _text(value: str | float | bool) -> str:  # noqa: FBT001 - a value of YAML
    return str(value).lower() if isinstance(value, bool) else str(value)
