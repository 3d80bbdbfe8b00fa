"""PromQL's grammar, read over tokens to find the place of a mistake.

A recursive descent with operator precedence, after `generated_parser.y` of Prometheus 3.15. It only looks for
mistakes: the questions about a correct expression are answered from promql-parser's tree.
"""

from __future__ import annotations

import difflib
from typing import Final

from rules_gen.promql import gates
from rules_gen.promql.functions import AGGREGATIONS, NAMES_OF_TYPES, SIGNATURES, ValueType
from rules_gen.promql.lexer import Kind, Token
from rules_gen.promql.operators import COMPARISONS, PRECEDENCE, SET_OPERATORS
from rules_gen.promql.reader import Operand, StopReadingError
from rules_gen.promql.selector_grammar import SelectorReader

_NOT_A_METRIC: Final = frozenset({"atan2", "bool", "on", "ignoring", "group_left", "group_right"})


class Grammar(SelectorReader):
    """One reading of a whole expression."""

    def read(self) -> None:
        """Read the whole expression; never raises for a mistake in it."""
        try:
            self._expression(1)
            if self._next < len(self._tokens):
                self._unexpected("an operator or the end of the expression")
        except StopReadingError:
            pass

    # Operators

    def _expression(self, weakest: int) -> Operand:
        left = self._unary()
        while True:
            token = self._token
            operator = token.text.lower() if token.kind in (Kind.OPERATOR, Kind.NAME) else ""
            strength = PRECEDENCE.get(operator, 0)
            if strength < weakest:
                return left
            self._take()
            if operator in ("</", ">/"):
                self._gate("a histogram trimming operator", token.start, token.end)
            returns_bool, matching = self._modifiers()
            right = self._expression(strength if operator == "^" else strength + 1)
            left = self._binary(left, token, operator, right, returns_bool=returns_bool, matching=matching)

    def _unary(self) -> Operand:
        token = self._token
        if token.kind is Kind.OPERATOR and token.text in ("+", "-"):
            self._take()
            operand = self._expression(PRECEDENCE["^"])
            if operand.type in ("matrix", "string"):
                what = NAMES_OF_TYPES[operand.type]
                self._error(
                    token.start,
                    operand.end,
                    f"`{token.text}` applies to an instant vector or a number, not to {what}",
                )
            return Operand(operand.type, token.start, operand.end)
        return self._postfix(self._primary())

    def _modifiers(self) -> tuple[bool, tuple[Token, ...]]:
        """What may stand between an operator and its right side; gives `bool` and the matching keywords."""
        returns_bool = self._keyword() == "bool"
        if returns_bool:
            self._take()
        matching: list[Token] = []
        if self._keyword() in ("on", "ignoring"):
            matching.append(self._take())
            on = self._labels() if matching[0].text.lower() == "on" else self._labels() & set()
            if self._keyword() in ("group_left", "group_right"):
                matching.append(self._take())
                extra = self._labels() if self._text() == "(" else set()
                if both := sorted(on & extra):
                    token = matching[1]
                    self._error(
                        token.start,
                        token.end,
                        f"label `{both[0]}` can't stand in both `on` and `{token.text}`",
                    )
        while self._keyword() in ("fill", "fill_left", "fill_right") and self._text(1) == "(":
            token = self._take()
            self._gate("a fill modifier", token.start, token.end)
            self._take()
            if self._text() in ("+", "-"):
                self._take()
            if self._token.kind is not Kind.NUMBER and self._keyword() not in ("inf", "nan"):
                self._unexpected("a number")
            self._take()
            self._expect(")")
            matching.append(token)
        return returns_bool, tuple(matching)

    def _binary(
        self,
        left: Operand,
        token: Token,
        operator: str,
        right: Operand,
        *,
        returns_bool: bool,
        matching: tuple[Token, ...],
    ) -> Operand:
        wrong = [side for side in (left, right) if side.type in ("matrix", "string")]
        for side in wrong:
            what = NAMES_OF_TYPES[side.type] if side.type else ""
            suggestion = "wrap it in a function such as `rate`" if side.type == "matrix" else None
            self._error(
                side.start,
                side.end,
                f"`{operator}` works on instant vectors and numbers, this is {what}",
                suggestion,
            )
        both = {left.type, right.type}
        if returns_bool and operator not in COMPARISONS:
            self._error(token.start, token.end, f"`bool` belongs to a comparison, not to `{operator}`")
        elif operator in COMPARISONS and both == {"scalar"} and not returns_bool:
            self._error(
                token.start,
                token.end,
                "a comparison of two numbers must use `bool`",
                f"write `{operator} bool`",
            )
        elif operator in SET_OPERATORS and not wrong:
            if "scalar" in both:
                side = left if left.type == "scalar" else right
                self._error(
                    side.start,
                    side.end,
                    f"`{operator}` combines instant vectors, this is a number",
                    "wrap it in `vector(...)`",
                )
            elif extras := [token for token in matching if token.text.lower() not in ("on", "ignoring")]:
                extra = extras[0]
                self._error(extra.start, extra.end, f"`{extra.text}` can't be used with `{operator}`")
        elif matching and "scalar" in both and not wrong:
            first = matching[0]
            if self._tokens[self._tokens.index(first) + 2].text != ")":
                self._error(
                    first.start,
                    first.end,
                    f"`{first.text}` matches two instant vectors, but one side is a number",
                )
        kind: ValueType | None = "vector" if "vector" in both else "scalar"
        if wrong or None in both:
            kind = None
        return Operand(kind, left.start, right.end)

    # Operands

    def _primary(self) -> Operand:
        token = self._token
        if token.kind is Kind.STRING:
            self._take()
            self._value(token)
            return Operand("string", token.start, token.end)
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            self._number()
            if token.kind is Kind.DURATION:
                self._gate("a duration as a number", token.start, token.end)
            return Operand("scalar", token.start, token.end)
        if token.text == "(":
            self._take()
            inner = self._expression(1)
            return Operand(inner.type, token.start, self._expect(")", "an operator or `)`").end)
        if token.text == "{":
            return self._selector(None)
        if token.kind is not Kind.NAME or not token.text or self._keyword() in _NOT_A_METRIC:
            self._unexpected("a metric, a function or a number")
        self._take()
        keyword, following = token.text.lower(), self._text()
        if keyword in AGGREGATIONS and (following == "(" or following.lower() in ("by", "without")):
            return self._aggregation(token)
        if following == "(":
            return self._call(token)
        if keyword in ("inf", "nan"):
            return Operand("scalar", token.start, token.end)
        return self._selector(token)

    def _aggregation(self, name: Token) -> Operand:
        operator = name.text.lower()
        if (error := gates.check_function(operator, name.start, self._target)) is not None:
            self.errors.append(error)
        grouped = self._grouping()
        arguments, end = self._arguments()
        if not grouped and self._grouping():
            end = self._tokens[self._next - 1].end
        parameter = AGGREGATIONS[operator]
        expected: tuple[ValueType, ...] = ("vector",) if parameter is None else (parameter, "vector")
        if len(arguments) != len(expected):
            self._error(name.start, end, f"`{operator}` takes {_count(len(expected))}, not {len(arguments)}")
        else:
            self._check_types(operator, arguments, expected, name.start, end)
        return Operand("vector", name.start, end)

    def _grouping(self) -> bool:
        if self._keyword() not in ("by", "without"):
            return False
        self._take()
        self._labels()
        return True

    def _call(self, name: Token) -> Operand:
        arguments, end = self._arguments()
        signature = SIGNATURES.get(name.text)
        if signature is None:
            known = [known for known in (*SIGNATURES, *AGGREGATIONS) if gates.is_available(known, self._target)]
            near = difflib.get_close_matches(name.text.lower(), known, 1)
            message, suggestion = (
                f"unknown function `{name.text}`",
                f"did you mean `{near[0]}`?" if near else None,
            )
            self._error(name.start, name.end, message, suggestion)
            return Operand(None, name.start, end)
        if (error := gates.check_function(name.text, name.start, self._target)) is not None:
            self.errors.append(error)
        expected, variadic, result = signature
        fewest = len(expected) - (1 if variadic else 0)
        most = fewest + variadic if variadic >= 0 else None
        if len(arguments) < fewest or (most is not None and len(arguments) > most):
            many = (
                _count(fewest)
                if most == fewest
                else f"at least {_count(fewest)}"
                if most is None
                else f"{fewest} to {_count(most)}"
            )
            self._error(name.start, end, f"`{name.text}` takes {many}, not {len(arguments)}")
        else:
            repeated = (*expected, *(expected[-1:] * (len(arguments) - len(expected))))
            self._check_types(name.text, arguments, repeated, name.start, end)
            if name.text == "info" and len(arguments) > 1 and arguments[1].form != "labels":
                side = arguments[1]
                self._error(
                    side.start,
                    side.end,
                    'the second argument of `info` is label matchers only, as in `{k8s_cluster="a"}`',
                )
        return Operand(result, name.start, end)

    def _arguments(self) -> tuple[list[Operand], int]:
        self._expect("(")
        arguments: list[Operand] = []
        if self._text() == ")":
            return arguments, self._take().end
        while True:
            arguments.append(self._expression(1))
            if self._take_if(","):
                continue
            return arguments, self._expect(")", "an operator, `,` or `)`").end

    def _check_types(
        self, name: str, arguments: list[Operand], expected: tuple[ValueType, ...], start: int, end: int
    ) -> None:
        for argument, wanted in zip(arguments, expected, strict=False):
            if argument.type is not None and argument.type != wanted:
                got = NAMES_OF_TYPES[argument.type]
                suggestion = None
                if wanted == "matrix" and argument.form == "selector":
                    suggestion = "add a range, as in `[5m]`, after the selector"
                elif wanted == "matrix" and argument.type == "vector":
                    suggestion = "make it a subquery, as in `(...)[30m:1m]`"
                elif wanted == "vector" and argument.type == "matrix":
                    suggestion = "leave out the range, or apply a function such as `rate` to it first"
                self._error(start, end, f"`{name}` needs {NAMES_OF_TYPES[wanted]}, but gets {got}", suggestion)


def _count(number: int) -> str:
    return f"{number} argument{'' if number == 1 else 's'}"
