"""YAML as data with the line of every key: for files that people write, whose mistakes are told with their place.

Scalars are read by the core schema of YAML 1.2, as the compiler reads them: 09:00 is a text rather than 540, and `no`
isn't false. Keys are always text. The tree is built from the parser's events, since PyYAML's composer recurses in C and
a file nested deep enough would end the process.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from router.config.problems import Problem

Keys = tuple[str | int, ...]

DEEPEST = 32
"""Levels of nesting. What the router reads has six."""

LARGEST = 8 * 1024 * 1024
"""Characters of a file that is read at all."""

_FOREIGN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "true": True, "false": False} | dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= {"True": True, "TRUE": True, "False": False, "FALSE": False}


class Document(NamedTuple):
    """A file's data, and where each part of it stands."""

    file: str
    data: Any
    lines: dict[Keys, int]
    """The line (from 1) of each key, or of each item of a list."""

    def place(self, keys: Keys) -> str:
        """`file:line` of these keys, or of what is nearest above them."""
        for length in range(len(keys), -1, -1):
            line = self.lines.get(keys[:length])
            if line is not None:
                return f"{self.file}:{line}"
        return f"{self.file}:1"


def read_yaml(text: str, file: str) -> Document | tuple[Problem, ...]:
    """The document, or all that is wrong with it as YAML. An empty file's data is None."""
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST:
        return (Problem(file, f"larger than {LARGEST} characters", "is it the right file?"),)
    foreign = _FOREIGN.search(text)
    if foreign:
        line = text.count("\n", 0, foreign.start()) + 1
        return (Problem(f"{file}:{line}", f"the character {ord(foreign[0]):#04x} can't stand in a file of text"),)
    reader = _Reader(file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            if not reader.take(event):
                break
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "can't be read as YAML"
        reader.say(mark.line + 1 if mark is not None else 1, f"not YAML: {what}")
    return tuple(reader.problems) or Document(file, reader.root, reader.lines)


class _Reader:
    """Puts data together from events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Any = None
        self.documents = 0
        self.lines: dict[Keys, int] = {}
        self.problems: list[Problem] = []
        self.open: list[dict[str, Any] | list[Any]] = []
        self.path: list[str | int | None] = []

    def say(self, line: int, message: str, hint: str = "") -> None:
        self.problems.append(Problem(f"{self.file}:{line}", message, hint))

    # The events are PyYAML's classes, which differ between its two loaders.
    def take(self, event: Any) -> bool:  # noqa: ANN401
        """Take one event; False when it makes no sense to go on."""
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "ScalarEvent":
            if self._awaits_key():
                return self._key(event.value, line)
            self._put(_scalar(event), line)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            if self._awaits_key():
                self.say(line, "a key has to be a text")
                return False
            if len(self.open) >= DEEPEST:
                self.say(line, f"nested deeper than {DEEPEST} levels")
                return False
            value: dict[str, Any] | list[Any] = {} if kind[0] == "M" else []
            self._put(value, line)
            self.open.append(value)
            self.path.append(None)
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self.open.pop()
            self.path.pop()
            self._done()
        elif kind == "AliasEvent":
            self.say(line, "aliases (*name) aren't read here", "write the value out")
            return False
        elif kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                self.say(line, "a second document begins here", "only one is read: remove the ---")
                return False
        return True

    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1], dict) and self.path[-1] is None

    def _key(self, key: str, line: int) -> bool:
        mapping = self.open[-1]
        assert isinstance(mapping, dict)
        self.path[-1] = key
        keys = self._keys()
        if key in mapping:
            first = self.lines[keys]
            self.say(line, f"the key `{key}` stands here a second time", f"it is in line {first} first; keep one")
        else:
            self.lines[keys] = line
        return True

    def _put(self, value: object, line: int) -> None:
        if not self.open:
            self.root = value
            self.lines[()] = line
            return
        above = self.open[-1]
        if isinstance(above, list):
            self.path[-1] = len(above)
            above.append(value)
            self.lines[self._keys()] = line
        else:
            above[str(self.path[-1])] = value
        if not isinstance(value, dict | list):
            self._done()

    def _done(self) -> None:
        """The value of a key is complete: a mapping awaits its next key."""
        if self.open and isinstance(self.open[-1], dict):
            self.path[-1] = None

    def _keys(self) -> Keys:
        return tuple(part for part in self.path if part is not None)


def _scalar(event: Any) -> object:  # noqa: ANN401
    text: str = event.value
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
