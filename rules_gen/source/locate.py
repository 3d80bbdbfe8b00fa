"""From a place in terms of a definition (keys, an offset in a value) to line and column of the text.

This runs only when there is something to report, so a file is read a second time here, by a parser that tells
where every node stands. Lines end at a line feed (a carriage return before it is part of the ending), columns
count characters, both from 1. A BOM belongs to no line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Diagnostic, Keys, Place, Problem, Span
from rules_gen.source.nodes import Node, Tree, read_tree, unfamiliar_removed, walk
from rules_gen.source.scalars import Origins, content_start, origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BOM = "\ufeff"

SECRETS = frozenset({"secret-value"})
"""The checks whose source line isn't shown."""

# What a secret looks like wherever it was written, under a misspelt key too: Slack's tokens and webhooks, a password in
# an address, and a long run of letters and digits such as PagerDuty's routing keys.
_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|(?<=hooks\.slack\.com/)[^\s\"'`,}]+|(?<=://)[^\s/@\"'`]+:[^\s/@\"'`]+(?=@)"
    r"|\b(?=[A-Za-z]*[0-9])[0-9A-Za-z]{32,}\b"
)

# One step of a path: the key as a node, None for an item of a list, and what stands there.
_Step = tuple[Node | None, Node]


def locate(place: Place, text: str | None) -> Span:
    """Where this place is in the text of its file. The first character of the file when there is no text."""
    return Locator(place.file, text).locate(place)


def diagnose(problems: Iterable[Problem], texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The problems with their places found, in reading order. `texts` holds each file's text by its name."""
    locators: dict[str, Locator] = {}

    def find(place: Place) -> Span:
        if place.file not in locators:
            locators[place.file] = Locator(place.file, texts.get(place.file))
        span = locators[place.file].locate(place)
        return Span(span.file, span.line, span.column, span.length, dotted(span.source))

    found = [
        Diagnostic(
            check=problem.check,
            level=problem.level,
            message=dotted(problem.message),
            span=hidden(find(problem.place)) if problem.check in SECRETS else find(problem.place),
            suggestion=None if problem.suggestion is None else dotted(problem.suggestion),
            related=tuple((word, find(place)) for word, place in problem.related),
        )
        for problem in problems
    ]
    return tuple(sorted(found, key=Diagnostic.sort_key))


def dotted(text: str) -> str:
    """The text with dots for all that looks like a secret: what is printed ends up in the log of a build server."""
    return _SECRET.sub(lambda found: "•" * len(found.group()), text)


def hidden(span: Span) -> Span:
    """The same span with dots for the text under its caret and all that follows: it may be a secret."""
    start = span.column - 1
    return Span(span.file, span.line, span.column, span.length, span.source[:start] + "•" * (len(span.source) - start))


class Locator:
    """Finds places in one file. The text is read at the first question that needs it, and then kept."""

    def __init__(self, file: str, text: str | None) -> None:
        self._file = file
        self._text = (text or "").removeprefix(_BOM)
        self._line_starts: list[int] | None = None
        self._tree: Tree | None = None
        self._clean = ""
        self._members: dict[int, tuple[dict[str, _Step], list[Node]]] = {}
        self._origins: dict[int, Origins | None] = {}

    def locate(self, place: Place) -> Span:
        """Where this place is. A path that isn't there is located at the nearest part of it that is."""
        if place.line is not None:
            return self._told(place.line, place.column, place.length)
        trail = self._follow(place.keys)
        missing = len(trail) <= len(place.keys)
        if missing and not self.tree.complete:
            return self._search(place)
        if not trail:
            return self._told(1, None, 0)
        key, node = trail[-1]
        if not missing and place.on_key and key is not None:
            node = key
        elif missing or place.on_key or node.kind != "scalar" or node.start >= node.end:
            return self._name(key, node)
        if node.kind == "scalar" and place.offset is not None:
            return self._part(node, place.offset, place.length)
        return self._whole(node)

    @property
    def tree(self) -> Tree:
        """The text as nodes."""
        if self._tree is None:
            self._clean = unfamiliar_removed(self._text)
            self._tree = read_tree(self._text)
        return self._tree

    def nodes(self) -> Iterable[Node]:
        """Every node of every document."""
        for document in self.tree.documents:
            yield from walk(document)

    def span_of(self, node: Node) -> Span:
        """Where a node of this file is."""
        return self._whole(node)

    # Following a path.

    def _follow(self, keys: Keys) -> list[_Step]:
        """The root and then one step for each key, as far as the path goes."""
        if not self.tree.documents:
            return []
        trail: list[_Step] = [(None, self.tree.documents[0])]
        for key in keys:
            node = trail[-1][1]
            if node.kind == "sequence" and isinstance(key, int) and 0 <= key < len(node.items):
                trail.append((None, node.items[key]))
                continue
            text = unfamiliar_removed(str(key))
            # A key that YAML reads as true comes back as Python's True.
            step = self._member(node, text) or self._member(node, text.lower())
            if step is None:
                break
            trail.append(step)
        return trail

    def _member(self, mapping: Node, name: str) -> _Step | None:
        """A mapping's member by the text of its key: its own, or else one that it merges in with `<<`."""
        waiting, seen = [mapping], set[int]()
        while waiting:
            node = waiting.pop()
            # An anchor may merge itself.
            if id(node) in seen:
                continue
            seen.add(id(node))
            members, merged = self._members_of(node)
            if name in members:
                return members[name]
            waiting.extend(reversed(merged))
        return None

    def _members_of(self, node: Node) -> tuple[dict[str, _Step], list[Node]]:
        """A mapping's own members, and the mappings that it merges in."""
        if id(node) not in self._members:
            members: dict[str, _Step] = {}
            merged: list[Node] = []
            for key, value in node.pairs:
                if key.kind == "scalar":
                    members.setdefault(key.text, (key, value))
                    if key.text == "<<" and not key.style:
                        merged.extend(value.items or [value])
            self._members[id(node)] = (members, merged)
        return self._members[id(node)]

    # From nodes to spans.

    def _name(self, key: Node | None, node: Node) -> Span:
        """What a reader knows this by: its key, or the first line of a list's item."""
        return self._whole(key if key is not None else node)

    def _whole(self, node: Node) -> Span:
        """A node; the first line of it where there are several."""
        start, end = content_start(self._clean, node), node.end
        if node.kind != "scalar" and not node.flow:
            end = self._line_end(start)
        elif node.style in {"|", ">"}:
            found = self._origins_of(node)
            first = next((i for i, c in enumerate(found.characters) if not c.isspace()), None) if found else None
            if found is not None and first is not None:
                start = found.starts[first]
                end = self._line_end(start)
            else:
                end = start + 1
        return self._span(start, end)

    def _part(self, node: Node, offset: int, length: int) -> Span:
        found = self._origins_of(node)
        if found is None or not found.starts:
            return self._whole(node)
        offset = max(offset, 0)
        count = len(found.starts)
        if offset >= count:
            # Just behind the last thing typed, which is where something is missing.
            last = next((i for i in range(count - 1, -1, -1) if found.characters[i] != "\n"), 0)
            return self._span(found.ends[last], found.ends[last] + 1)
        last = min(offset + max(length, 1), count) - 1
        return self._span(found.starts[offset], found.ends[last])

    def _origins_of(self, node: Node) -> Origins | None:
        if id(node) not in self._origins:
            self._origins[id(node)] = origins(self._clean, node)
        return self._origins[id(node)]

    def _search(self, place: Place) -> Span:
        """Find a path in a text that no parser could read to its end: by its keys, one after the other."""
        cursor, best = 0, (0, 0)
        for key in place.keys:
            step = _item(self._clean, cursor, key) if isinstance(key, int) else None
            step = step or _member(self._clean, cursor, str(key))
            if step is None:
                return self._span(*best) if best != (0, 0) else self._told(1, None, 0)
            best, cursor = step
        if not place.keys:
            return self._told(1, None, 0)
        value_end = self._line_end(cursor)
        value_start = cursor + len(self._clean[cursor:value_end]) - len(self._clean[cursor:value_end].lstrip())
        if place.on_key or value_start >= value_end or isinstance(place.keys[-1], int):
            return self._span(*best)
        return self._span(value_start, value_end)

    # Lines.

    def _told(self, line: int, column: int | None, length: int) -> Span:
        """A line and column that somebody else has found, kept within the text."""
        line = min(max(line, 1), len(self._starts))
        start = self._starts[line - 1]
        end = self._line_end(start)
        if column is None:
            text = self._text[start:end]
            begin = start + len(text) - len(text.lstrip())
            return self._span(begin, begin + length if length else end)
        begin = min(start + max(column, 1) - 1, end)
        return self._span(begin, begin + max(length, 1))

    @property
    def _starts(self) -> list[int]:
        if self._line_starts is None:
            self._line_starts = [0, *(found.end() for found in re.finditer("\n", self._text))]
        return self._line_starts

    def _line_end(self, index: int) -> int:
        """Where the text of the line that holds this index ends, white space at its end left out."""
        stop = self._text.find("\n", index)
        stop = len(self._text) if stop < 0 else stop
        return max(index, index + len(self._text[index:stop].rstrip()))

    def _span(self, start: int, end: int) -> Span:
        # Behind the last line there is nothing to show: its end is the better place.
        if start and start == len(self._text) and self._text[-1] == "\n":
            start -= 1
            start -= start > 0 and self._text[start - 1 : start + 1] == "\r\n"
        line = bisect_right(self._starts, start)
        begin = self._starts[line - 1]
        stop = self._text.find("\n", start)
        stop = len(self._text) if stop < 0 else stop
        source = self._text[begin:stop].removesuffix("\r")
        # What goes on in the next line is shown to the end of this one.
        if end > stop:
            end = self._line_end(start)
        return Span(self._file, line, start - begin + 1, max(end - start, 1), source)


def _member(text: str, cursor: int, key: str) -> tuple[tuple[int, int], int] | None:
    """The next thing that looks like this key: where it is, and where its value starts."""
    word = re.escape(unfamiliar_removed(key))
    pattern = re.compile(rf"(?:^[ \t]*(?:-[ \t]+)*|[{{,][ \t]*)((['\"]?){word}\2)[ \t]*:(?=\s|$)", re.MULTILINE)
    found = pattern.search(text, cursor)
    return (found.span(1), found.end()) if found else None


def _item(text: str, cursor: int, index: int) -> tuple[tuple[int, int], int] | None:
    """The next list's item of this index: its first line, and where it starts."""
    dash = re.compile(r"^( *)-(?=[ \t\r\n])[ \t]*", re.MULTILINE)
    first = dash.search(text, cursor)
    if first is None:
        return None
    for found in dash.finditer(text, first.start()):
        if len(found[1]) < len(first[1]):
            return None
        if len(found[1]) > len(first[1]):
            continue
        if index == 0:
            stop = text.find("\n", found.end())
            stop = len(text) if stop < 0 else stop
            # Begin at the dash's line, so that the item's first key is found as a key.
            return (found.end(), stop), found.start()
        index -= 1
    return None
