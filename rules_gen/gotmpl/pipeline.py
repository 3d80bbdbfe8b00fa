"""Reads pipelines, commands and operands of one action, by the grammar of Go's ``text/template``."""

from dataclasses import dataclass

from rules_gen.gotmpl.cursor import TEXTS, ActionError, Cursor, unexpected
from rules_gen.gotmpl.functions import (
    FUNCTION_VERSIONS,
    FUNCTIONS,
    VARIABLES,
    closest,
    closest_function,
)
from rules_gen.gotmpl.info import LabelUse, QueryUse, TemplateError, Version
from rules_gen.gotmpl.lexer import Token, unquoted

# What a value is, as far as it matters for finding labels; ROOT is the data that the template starts with.
ROOT, LABELS, VALUE, UNKNOWN = "root", "labels", "value", ""

_CONSTANTS = TEXTS | {"bool", "char", "dot", "nil", "number"}
_OPERANDS = _CONSTANTS | {"field", "name", "open", "variable"}
# Python's own stack is the limit here; Go's parser allows 10,000.
_DEEPEST = 100

_START_VARIABLES = (
    ("$", ROOT),
    ("$labels", LABELS),
    ("$externalLabels", UNKNOWN),
    ("$externalURL", UNKNOWN),
    ("$value", VALUE),
)


@dataclass(slots=True)
class _Operand:
    token: Token
    value: str
    chained: bool = False


class PipelineReader(Cursor):
    """Reads one action at a time and keeps what it finds; variables outlive their action."""

    def __init__(self, target: Version) -> None:
        super().__init__()
        self.target = target
        self.errors: list[TemplateError] = []
        self.labels: list[LabelUse] = []
        self.queries: list[QueryUse] = []
        self.functions: set[str] = set()
        self.uses_value = False
        self.variables: list[tuple[str, str]] = list(_START_VARIABLES)
        self.dot = ROOT
        self._depth = 0

    def pipeline(self, place: str, end: str = "close") -> str:
        """Read to the token ``end`` and return what the value is. Raises ActionError."""
        declared, assigned = self._declarations(place)
        value = UNKNOWN
        stages = 0
        fed: Token | None = None
        while (token := self.next()).kind != end:
            if token.kind not in _OPERANDS:
                raise unexpected(token, place)
            self._at -= 1
            arguments = self._command()
            stages += 1
            first = arguments[0]
            if stages > 1 and first.token.kind in _CONSTANTS:
                message = "only a function can follow |"
                raise ActionError(message, first.token.offset, len(first.token.text))
            self._note_command(arguments, stages - 1, fed)
            alone = len(arguments) == 1
            value = first.value if alone and stages == 1 else UNKNOWN
            fed = first.token if alone and first.token.kind in TEXTS else None
        if not stages:
            raise ActionError(f"{place} needs a value", token.offset, len(token.text))
        if assigned:
            names = {name for name, _ in self.variables[-declared:]}
            self.variables = [(n, UNKNOWN if n in names else v) for n, v in self.variables]
        elif declared == 1 and place != "range":
            self.variables[-1] = (self.variables[-1][0], value)
        return value

    def _declarations(self, place: str) -> tuple[int, bool]:
        """Read ``$x :=``, ``$x =`` or ``$i, $x :=``: how many variables, and whether only assigned."""
        count = 0
        while self.peek().kind == "variable":
            start = self._at
            variable = self.next()
            after = self.next()
            if after.kind in ("declare", "assign"):
                self.variables.append((variable.text, UNKNOWN))
                return count + 1, after.kind == "assign"
            if after.text != ",":
                self._at = start
                break
            self.variables.append((variable.text, UNKNOWN))
            count += 1
            if place != "range" or count > 1:
                raise ActionError(f"{place} can't declare several variables", after.offset, 1)
            if self.peek().kind not in ("variable", "close", "shut"):
                raise ActionError("a second variable must follow the comma", after.offset, 1)
        return count, False

    def _command(self) -> list[_Operand]:
        arguments: list[_Operand] = []
        while True:
            operand = self._operand()
            if operand:
                arguments.append(operand)
            token = self._tokens[self._at]
            self._at += 1
            if token.kind == "space":
                continue
            if token.kind in ("close", "shut"):
                self._at -= 1
            elif token.kind != "pipe":
                raise unexpected(token, "a command")
            return arguments

    def _operand(self) -> _Operand | None:
        token = self.next()
        if token.kind not in _OPERANDS:
            self._at -= 1
            return None
        value = UNKNOWN
        if token.kind == "open":
            value = self._parenthesised(token)
        elif token.kind == "dot":
            value = self.dot
        elif token.kind == "field":
            value = self._step(self.dot, token)
        elif token.kind == "variable":
            value = self._variable(token)
        self.uses_value |= value == VALUE
        first = self._at
        while self._tokens[self._at].kind == "field":
            if token.kind in _CONSTANTS:
                field = self._tokens[self._at]
                raise ActionError(f"{token.text} has no fields", field.offset, len(field.text))
            value = self._step(value, self._tokens[self._at])
            self._at += 1
        if token.kind == "name":
            self._function(token, "".join(field.text for field in self._tokens[first : self._at]))
        return _Operand(token, value, self._at > first)

    def _parenthesised(self, opening: Token) -> str:
        if self._depth == _DEEPEST:
            raise ActionError(f"parentheses stand more than {_DEEPEST} deep", opening.offset, 1)
        self._depth += 1
        try:
            return self.pipeline("a pair of parentheses", "shut")
        finally:
            self._depth -= 1

    def _step(self, value: str, field: Token) -> str:
        """What a field of a value is; a field of the labels is a label."""
        if value == ROOT and field.text == ".Labels":
            return LABELS
        if value == ROOT and field.text == ".Value":
            self.uses_value = True
            return VALUE
        if value == LABELS:
            self.labels.append(LabelUse(field.text[1:], field.offset + 1, len(field.text) - 1))
        return UNKNOWN

    def _variable(self, token: Token) -> str:
        for name, value in reversed(self.variables):
            if name == token.text:
                return value
        message = f"there is no variable {token.text}"
        suggestion: str | None = None
        if token.text in VARIABLES:
            message += " here: a defined template only sees what it is given, as ."
        else:
            known = [name for name, _ in self.variables if name != "$"]
            suggestion = closest(token.text, known)
            if not suggestion and self._tokens[self._at].kind != "field":
                suggestion = f"$labels.{token.text[1:]}"
        self.errors.append(TemplateError(token.offset, len(token.text), message, suggestion))
        return UNKNOWN

    def _function(self, token: Token, fields: str) -> None:
        name = token.text
        if name in FUNCTIONS:
            self.functions.add(name)
            since = FUNCTION_VERSIONS.get(name, self.target)
            if since > self.target:
                message = f"{name} needs Prometheus {_shown(since)}, and the rules are for {_shown(self.target)}"
                self.errors.append(TemplateError(token.offset, len(name), message))
            return
        variable = closest("$" + name, VARIABLES)
        suggestion = closest_function(name)
        if variable and (fields or variable.lower() == "$" + name.lower() or not suggestion):
            suggestion = variable + fields
        elif not suggestion and not fields and self._stands_alone(token):
            suggestion = f"$labels.{name}"
        length = len(name) + len(fields)
        self.errors.append(TemplateError(token.offset, length, f"there is no function {name}", suggestion))

    def _stands_alone(self, name: Token) -> bool:
        """Tell whether ``name`` opens the action and takes no argument, as a value would."""
        before = [token for token in self._tokens if token.kind != "space" and token.offset < name.offset]
        return not before and self.peek().kind in ("close", "pipe")

    def _note_command(self, arguments: list[_Operand], stage: int, fed: Token | None) -> None:
        """Keep the label of ``index $labels "name"`` and the text of ``query "..."``; judge ``value``."""
        function = arguments[0].token
        if function.kind != "name" or arguments[0].chained:
            return
        last = arguments[-1].token if len(arguments) > 1 else fed
        if function.text == "value" and len(arguments) == 1 and not stage:
            # Go's parser lets this pass, yet each expansion fails: the function wants a sample of a query.
            message = "value reads a sample of a query; the alert's own value is $value"
            self.errors.append(TemplateError(function.offset, len(function.text), message, "$value"))
        elif function.text == "query" and last and last.kind in TEXTS:
            self.queries.append(QueryUse(unquoted(last), last.offset + 1, len(last.text) - 2))
        elif function.text == "index" and len(arguments) > 1 and arguments[1].value == LABELS:
            name = arguments[2].token if len(arguments) > 2 else fed
            if name and name.kind in TEXTS:
                self.labels.append(LabelUse(unquoted(name), name.offset + 1, len(name.text) - 2))


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
