"""YAML text as a tree of nodes that know where they stand, for finding places; values are read elsewhere.

The tree is built from the parser's events rather than by PyYAML's own composer. That one recurses in C, and
text nested some 50,000 deep kills the process; it also gives nothing at all for a file with a mistake, where
the events up to the mistake are as good as ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# PyYAML speaks YAML 1.1, where U+0085, U+2028 and U+2029 break lines, and it stops at control characters, at
# lone surrogates and at a BOM in the middle. One ordinary character in place of each keeps every position.
_FOREIGN = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

# The compiler's reader gives up at 255 levels; what lies deeper is of no use to anybody.
_DEEPEST = 300


@dataclass(slots=True, eq=False)
class Node:
    """A scalar, mapping or sequence. `start` and `end` are indexes into the text, in characters.

    `start` is where the node's tag or anchor begins, if it has any. The `end` of a block collection or block
    scalar lies somewhere in the white space behind it.
    """

    kind: str
    start: int
    end: int
    text: str = ""
    """A scalar's value."""
    style: str = ""
    """Of a scalar: empty for plain, otherwise the character that opens it."""
    tag: str | None = None
    flow: bool = False
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tree:
    """What could be read of a text: the root of each document, and whether all of it could be read."""

    documents: tuple[Node, ...]
    complete: bool


def unfamiliar_removed(text: str) -> str:
    """The text with the characters that PyYAML can't take replaced, one for one."""
    return _FOREIGN.sub("\ufffd", text)


def read_tree(text: str) -> Tree:
    """The tree of a text without a BOM. A mistake in the YAML, or too deep a nesting, ends the tree there."""
    # PyYAML takes some 10 ms to import and is only needed once there is something to report.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(unfamiliar_removed(text), Loader=loader):
            if not builder.add(event):
                return builder.finish(complete=False)
    except yaml.YAMLError:
        return builder.finish(complete=False)
    return builder.finish(complete=True)


def walk(root: Node) -> Iterator[Node]:
    """Every node below and including this one, each once, in the order of the text."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        below = node.items or [part for pair in node.pairs for part in pair]
        waiting.extend(reversed(below))


class _Builder:
    """Puts nodes together from events."""

    def __init__(self) -> None:
        self.documents: list[Node] = []
        self.anchors: dict[str, Node] = {}
        self.open: list[Node] = []
        self.keys: list[Node | None] = []

    # The events are PyYAML's classes, which differ between the two loaders only in what they are made by.
    def add(self, event: Any) -> bool:  # noqa: ANN401
        """Take one event; False when the nesting is too deep to go on."""
        kind = type(event).__name__
        if kind == "ScalarEvent":
            start, end = event.start_mark.index, event.end_mark.index
            style = event.style or ""
            self._attach(Node("scalar", start, end, event.value, style, event.tag), event.anchor)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            name = "mapping" if kind[0] == "M" else "sequence"
            start, end = event.start_mark.index, event.end_mark.index
            node = Node(name, start, end, tag=event.tag, flow=bool(event.flow_style))
            self._attach(node, event.anchor)
            self.open.append(node)
            self.keys.append(None)
            return len(self.open) < _DEEPEST
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            node = self.open.pop()
            node.end = event.end_mark.index
            self.keys.pop()
        elif kind == "AliasEvent":
            empty = Node("scalar", event.start_mark.index, event.end_mark.index)
            self._attach(self.anchors.get(event.anchor, empty), None)
        elif kind == "DocumentStartEvent":
            self.anchors.clear()
        return True

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.documents.append(node)
            return
        parent = self.open[-1]
        if parent.kind == "sequence":
            parent.items.append(node)
            return
        key = self.keys[-1]
        if key is None:
            self.keys[-1] = node
        else:
            parent.pairs.append((key, node))
            self.keys[-1] = None

    def finish(self, *, complete: bool) -> Tree:
        # A key that was still waiting for its value when the reading stopped is worth keeping.
        for parent, key in zip(self.open, self.keys, strict=True):
            if key is not None:
                parent.pairs.append((key, Node("scalar", key.end, key.end)))
        return Tree(tuple(self.documents), complete)
