"""Reads a whole template: text, comments, actions and the blocks that actions open and close."""

import re
from dataclasses import dataclass, field

from rules_gen.gotmpl.cursor import ActionError
from rules_gen.gotmpl.functions import ELSE_WITH_VERSION
from rules_gen.gotmpl.info import TemplateError, TemplateInfo, Version
from rules_gen.gotmpl.lexer import LexError, Token, comment_end, tokens
from rules_gen.gotmpl.pipeline import UNKNOWN, PipelineReader

_CLOSE = frozenset({"close"})
_OPENERS = frozenset({"if", "with", "range", "define", "block"})
_DEFINERS = frozenset({"define", "block"})
_FIRST_WORD = re.compile(r"\{\{(?:-[ \t\r\n])?[ \t\r\n]*(\w+)")


@dataclass(slots=True)
class _Block:
    """A block that an action opened and no ``{{end}}`` has closed yet."""

    keyword: str
    offset: int
    length: int
    dot: str
    variables: int
    outer_variables: list[tuple[str, str]] = field(default_factory=list)
    name: str | None = None
    in_else: bool = False
    filled: bool = False


def parse(text: str, target: Version) -> TemplateInfo:
    """Check ``text`` as Prometheus ``target`` would, and go on after each mistake to find the next."""
    parser = _Parser(text, target)
    parser.run()
    reader = parser.reader
    return TemplateInfo(
        errors=tuple(sorted(reader.errors, key=lambda error: error.offset)),
        labels=tuple(reader.labels),
        uses_value=reader.uses_value,
        queries=tuple(reader.queries),
        functions_used=frozenset(reader.functions),
    )


class _Parser:
    def __init__(self, text: str, target: Version) -> None:
        self.text = text
        self.reader = PipelineReader(target)
        self.blocks: list[_Block] = []
        self.defined: set[str] = set()

    def run(self) -> None:
        offset = 0
        while (opening := self.text.find("{{", offset)) >= 0:
            if self.blocks and self.text[offset:opening].strip():
                self.blocks[-1].filled = True
            try:
                offset = comment_end(self.text, opening) or self._action(opening)
            except LexError as error:
                self._fail(error.message, error.offset, error.length)
                close = self.text.find("}}", error.offset)
                if close < 0:
                    # The rest of the text belongs to this action, so nothing is known about the open blocks.
                    return
                word = _FIRST_WORD.match(self.text, opening)
                self._keep_balance(word[1] if word else "", opening, close + 2)
                offset = close + 2
        for block in self.blocks:
            self._fail(f"this {block.keyword} has no {{{{end}}}}", block.offset, block.length)

    def _fail(self, message: str, offset: int, length: int) -> None:
        self.reader.errors.append(TemplateError(offset, length, message))

    def _action(self, opening: int) -> int:
        """Read the action at ``opening`` and return where it ends. Raises LexError."""
        found: list[Token] = []
        for token in tokens(self.text, opening):
            if token.text == "{" and found and found[-1].text == "{" and found[-1].end == token.offset:
                self._fail("the action isn't closed with }}", opening, 2)
                return found[-1].offset
            found.append(token)
        end = found[-1].end
        self.reader.load(found)
        keyword = self.reader.peek().kind
        depth = len(self.blocks)
        if self.blocks and keyword not in ("else", "end"):
            self.blocks[-1].filled = True
        try:
            self._keyword(keyword, opening, end)
        except ActionError as mistake:
            self.reader.errors.append(mistake.error)
            if len(self.blocks) == depth:
                self._keep_balance(keyword, opening, end)
        return end

    def _keep_balance(self, keyword: str, opening: int, end: int) -> None:
        """Open or close a block for an action that is wrong, lest its partner be called wrong too."""
        if keyword in _OPENERS:
            self._open(keyword, opening, end, len(self.reader.variables), UNKNOWN)
        elif keyword == "end" and self.blocks:
            self._close_block()

    def _keyword(self, keyword: str, opening: int, end: int) -> None:
        reader = self.reader
        if keyword in ("if", "with", "range"):
            reader.next()
            known = len(reader.variables)
            value = reader.pipeline(keyword)
            self._open(keyword, opening, end, known, self._dot_inside(keyword, value))
        elif keyword in _DEFINERS or keyword == "template":
            self._template(keyword, opening, end)
        elif keyword == "else":
            self._else(reader.next(), opening, end)
        elif keyword == "end":
            reader.next()
            reader.expect(_CLOSE, "{{end}}")
            if not self.blocks:
                raise ActionError("this {{end}} closes nothing", opening, end - opening)
            self._close_block()
        elif keyword in ("break", "continue"):
            reader.next()
            reader.expect(_CLOSE, f"{{{{{keyword}}}}}")
            if not self._in_range():
                raise ActionError(f"{keyword} only works inside a range", opening, end - opening)
        else:
            reader.pipeline("an action")

    def _dot_inside(self, keyword: str, value: str) -> str:
        return {"if": self.reader.dot, "with": value}.get(keyword, UNKNOWN)

    def _open(self, keyword: str, opening: int, end: int, known: int, dot: str) -> None:
        reader = self.reader
        block = _Block(keyword, opening, end - opening, reader.dot, known)
        if keyword in _DEFINERS:
            block.outer_variables = reader.variables
            reader.variables = [("$", UNKNOWN)]
        reader.dot = dot
        self.blocks.append(block)

    def _close_block(self) -> None:
        block = self.blocks.pop()
        self.reader.dot = block.dot
        if block.keyword not in _DEFINERS:
            del self.reader.variables[block.variables :]
            return
        self.reader.variables = block.outer_variables
        if block.name is not None and block.filled:
            if block.name in self.defined:
                self._fail(f"the template {block.name!r} is defined twice", block.offset, block.length)
            self.defined.add(block.name)

    def _template(self, keyword: str, opening: int, end: int) -> None:
        """Read ``define``, ``block`` or ``template``."""
        reader = self.reader
        word = reader.next()
        if keyword == "define" and self.blocks:
            raise ActionError("define can't stand inside another block", word.offset, len(word.text))
        name = reader.template_name(keyword)
        if keyword == "define":
            reader.expect(_CLOSE, "define")
        elif keyword == "block" or reader.peek().kind != "close":
            reader.pipeline(keyword)
        if keyword != "template":
            self._open(keyword, opening, end, len(reader.variables), UNKNOWN)
            self.blocks[-1].name = name

    def _else(self, word: Token, opening: int, end: int) -> None:
        reader = self.reader
        block = self.blocks[-1] if self.blocks else None
        if block is None or block.keyword in _DEFINERS or block.in_else:
            reason = "comes after another {{else}}" if block and block.in_else else "belongs to no if, with or range"
            raise ActionError(f"this {{{{else}}}} {reason}", opening, end - opening)
        chained = reader.peek()
        if chained.kind not in ("if", "with"):
            reader.expect(_CLOSE, "{{else}}")
            block.in_else = True
            reader.dot = block.dot
            return
        reader.next()
        length = chained.end - word.offset
        if chained.kind != block.keyword:
            message = f"else {chained.kind} can't continue a {block.keyword}"
            raise ActionError(message, word.offset, length)
        if chained.kind == "with" and reader.target < ELSE_WITH_VERSION:
            shown = ".".join(map(str, reader.target))
            raise ActionError(f"else with needs Prometheus 3.0, and the rules are for {shown}", word.offset, length)
        reader.dot = block.dot
        reader.dot = self._dot_inside(chained.kind, reader.pipeline(chained.kind))

    def _in_range(self) -> bool:
        for block in reversed(self.blocks):
            if block.keyword in _DEFINERS:
                return False
            if block.keyword == "range" and not block.in_else:
                return True
        return False
