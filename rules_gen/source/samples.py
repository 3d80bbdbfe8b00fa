"""Keeps the samples of a scenario's series as typed where YAML reads a number into them. Pure.

`0x20` is the number 32 in YAML, but zero and twenty zeros more in promtool (2.42 to 3.x), which asks YAML for a text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rules_gen.source.nodes import Node

# It begins with something fixed, which the regular expression engine searches for at the speed of memory.
SIGN = re.compile(r" 0x(?<=[: ] 0x)")
"""What makes a text worth the look, which costs more than all other reading."""


def keep_samples(text: str, data: dict[str, Any]) -> None:
    """Puts the text back into `data`, the first document of `text`, wherever a series is `0x` and a count."""
    from rules_gen.source.nodes import read_tree

    documents = read_tree(text).documents
    if documents:
        _visit(data, documents[0])


def _visit(data: Any, node: Node) -> None:  # noqa: ANN401 - YAML data is of any type
    if isinstance(data, list):
        for item, below in zip(data, node.items, strict=False):
            _visit(item, below)
    elif isinstance(data, dict):
        for key, below in node.pairs:
            if key.text == "series" and isinstance(data.get("series"), dict):
                _restore(data["series"], below)
            elif key.text in data:
                _visit(data[key.text], below)


def _restore(series: dict[Any, Any], node: Node) -> None:
    for key, value in node.pairs:
        plain = value.kind == "scalar" and not value.style and not value.tag
        if plain and value.text.startswith("0x") and isinstance(series.get(key.text), int):
            series[key.text] = value.text
