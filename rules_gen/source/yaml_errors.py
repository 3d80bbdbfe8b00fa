"""What is wrong with a text that isn't YAML, or that is YAML but not what its author meant.

yaml-rs stops at the first mistake. A slip of a known kind is therefore painted over, keeping every position,
and the reading goes on behind it, so that one run tells of all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Place, Problem
from rules_gen.source.explain import SYNTAX, TEMPLATE_SLIP, THRESHOLD_SLIP, ParseError, Reading, sentence
from rules_gen.source.locate import Locator
from rules_gen.source.nodes import Node, read_tree, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

_DUPLICATE = "duplicate-key"

# Files with more mistakes than this aren't definitions.
_MOST = 25

# Both begin with something fixed, which the regular expression engine searches for at the speed of memory.
_THRESHOLD = re.compile(r"threshold:[ \t]+(?:>[ \t]*[=\d.+-]|!=)")
_DOCUMENT = re.compile(r"\n---(?=\s|$)")
_TOLD = re.compile(r"YAML parse error at line (\d+), column (\d+)")


def yaml_error(text: str, file: str) -> tuple[Problem, ...]:
    """Everything that can be told about a text that `yaml_rs.loads` rejects; nothing when it accepts it."""
    text = text.removeprefix("\ufeff")
    reading = Reading(text, file)
    found: list[Problem] = []
    told: set[int | None] = set()
    for _ in range(_MOST):
        error = _parse_error(reading.text)
        if error is None:
            break
        problem, repair = reading.explain(error)
        # What is painted over may look odd to the parser again, but has been told of.
        if problem.place.line in told:
            break
        told.add(problem.place.line)
        found.append(problem)
        if repair is None:
            break
        reading.paint(repair)
    found.extend(_duplicates(reading.text, file))
    if found and _parse_error(reading.text) is None:
        found.extend(yaml_slips(reading.text, file))
    if not found and (strict := _parse_error(text, strict=True)):
        found.append(Problem(SYNTAX, sentence(strict.reason), Place(file, line=1, column=1)))
    return tuple(found)


def yaml_slips(text: str, file: str) -> tuple[Problem, ...]:
    """Slips that are valid YAML with another meaning: `threshold: >5`, `threshold: != 0`, a bare `{{ ... }}`,
    and a second document. Costs next to nothing unless something looks like one.
    """
    text = text.removeprefix("\ufeff")
    starts = {text.rfind("\n", 0, found.start()) + 1: THRESHOLD_SLIP for found in _THRESHOLD.finditer(text)}
    starts |= dict.fromkeys(_template_lines(text), TEMPLATE_SLIP)
    documents = [found.start() + 1 for found in _DOCUMENT.finditer(text)]
    if not starts and not documents:
        return ()
    reading = Reading(text, file)
    found = [reading.second_document(start) for start in documents if not _is_first(text, start)]
    slips = [slip for line, pattern in starts.items() if (slip := pattern.match(text, line))]
    # What looks like a slip may be prose in a block of text; what the parser saw there decides.
    values = _values(text) if slips else {}
    for slip in slips:
        node = values.get(slip.end("lead"))
        if node is None:
            continue
        if slip.re is TEMPLATE_SLIP and node.flow:
            found.append(reading.template(slip)[0])
        elif slip.re is THRESHOLD_SLIP and (node.tag or not node.text.strip()):
            found.append(reading.threshold(slip)[0])
    return tuple(found)


def _template_lines(text: str) -> Iterator[int]:
    """Where the lines start in which a template stands behind a colon or a dash."""
    at = text.find("{{")
    while at >= 0:
        if text[at - 1 : at].isspace():
            line = text.rfind("\n", 0, at) + 1
            if text[line:at].rstrip().endswith((":", "-")):
                yield line
        at = text.find("{{", at + 2)


def _values(text: str) -> dict[int, Node]:
    """The values of mappings and the items of lists, by where they start."""
    return {
        value.start: value
        for document in read_tree(text).documents
        for node in walk(document)
        for value in ([below for _, below in node.pairs] + node.items)
    }


def _is_first(text: str, position: int) -> bool:
    """Whether this `---` opens the first document: nothing but comments and directives stands before it."""
    return all(not line.strip() or line[0] in "#%" for line in text[:position].splitlines())


def _parse_error(text: str, *, strict: bool = False) -> ParseError | None:
    import yaml_rs

    policy = yaml_rs.DuplicateKeyPolicy.Error if strict else yaml_rs.DuplicateKeyPolicy.LastWins
    try:
        yaml_rs.loads(text, parse_datetime=False, duplicate_key_policy=policy)
    except (ValueError, RecursionError) as error:
        said = str(error)
        told = _TOLD.match(said)
        reason = said.rstrip().rpartition("\n")[2].strip()
        return ParseError(int(told[1]), int(told[2]), reason) if told else ParseError(0, 0, reason)
    return None


def _duplicates(text: str, file: str) -> list[Problem]:
    """Every key that stands twice in one mapping."""
    locator = Locator(file, text)
    found = []
    for node in locator.nodes():
        first: dict[object, Node] = {}
        for key, _ in node.pairs:
            if key.kind != "scalar":
                continue
            before = first.setdefault(_identity(key), key)
            if before is key:
                continue
            again = locator.span_of(key)
            earlier = locator.span_of(before)
            found.append(
                Problem(
                    _DUPLICATE,
                    f"the key `{key.text}` stands here a second time",
                    Place(file, line=again.line, column=again.column, length=again.length),
                    "keep one of the two; YAML would silently take the last",
                    related=(
                        (
                            f"`{before.text}` is here first",
                            Place(file, line=earlier.line, column=earlier.column, length=earlier.length),
                        ),
                    ),
                )
            )
    return found


def _identity(key: Node) -> object:
    """What makes two keys the same: their value, where `1` and `1.0`, or `~` and `null`, are the same."""
    # Signs alone (-, ---, ...) would be a list or a document of their own below.
    if key.style or key.tag or key.text.isalpha() or not re.fullmatch(r"~|[-+.]*\w[-+.~\w]*", key.text):
        return {"true": True, "false": False, "null": None}.get(key.text.lower(), key.text)
    import yaml_rs

    value = yaml_rs.loads(f"- {key.text}", parse_datetime=False)
    return value[0] if isinstance(value, list) else key.text
