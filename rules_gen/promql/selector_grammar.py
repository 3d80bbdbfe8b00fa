"""The grammar of selectors: matchers, ranges, offsets, times and subqueries."""

from __future__ import annotations

from rules_gen.promql.functions import NAMES_OF_TYPES
from rules_gen.promql.lexer import Kind, Token, quoted
from rules_gen.promql.reader import Operand, StopReadingError, TokenReader


class SelectorReader(TokenReader):
    """Reads a selector, and what may follow an operand."""

    # Selectors

    def _selector(self, name: Token | None) -> Operand:
        start = (name or self._token).start
        end = name.end if name else start
        nonempty, named = name is not None, name is not None
        if self._text() == "{":
            opener = self._take()
            while self._text() != "}":
                matched, is_name = self._matcher()
                if is_name and named:
                    self._error(start, self._tokens[self._next - 1].end, "the metric's name is given twice")
                nonempty, named = nonempty or matched, named or is_name
                if self._text() != "}":
                    if self._keyword() == "or":
                        token = self._token
                        message = "Prometheus has no `or` between matchers"
                        self._error(
                            token.start,
                            token.end,
                            message,
                            "write a regular expression, or two selectors with `or`",
                        )
                        raise StopReadingError
                    self._expect(",", "`,` or `}`")
            end = self._take().end
            if not nonempty and self._needs_matcher(opener):
                self._error(start, end, "the selector needs a metric or a matcher that doesn't match the empty value")
        return Operand("vector", start, end, "selector" if name else "labels")

    def _needs_matcher(self, opener: Token) -> bool:
        """The second argument of info() may select everything."""
        before = self._tokens[: self._tokens.index(opener)]
        return not (before and before[-1].text == "," and any(token.text == "info" for token in before))

    def _matcher(self) -> tuple[bool, bool]:
        """One label matcher: whether it rules out the empty value, and whether it gives the metric's name."""
        label = self._token
        if label.kind is Kind.STRING:
            self._gate("a quoted metric or label name", label.start, label.end)
            self._take()
            name = self._value(label)
            if self._text() in (",", "}"):
                return True, True
        elif label.kind is Kind.NAME:
            name = self._take().text
        else:
            self._unexpected("a label or `}`")
        operator = self._text()
        if operator not in ("=", "!=", "=~", "!~"):
            if operator == "==":
                token = self._token
                self._error(token.start, token.end, "a matcher uses one `=`", "write `=`")
                raise StopReadingError
            self._unexpected("`=`, `!=`, `=~` or `!~`")
        self._take()
        if self._token.kind is not Kind.STRING:
            self._unexpected("a quoted string")
        token = self._take()
        value = self._value(token)
        if operator in ("=~", "!~"):
            self.regexes.append(token)
            return _rules_out_empty(operator, value), name == "__name__"
        return (operator == "=") == bool(value), name == "__name__"

    # What follows an operand

    def _postfix(self, operand: Operand) -> Operand:
        shifts: set[str] = set()
        while True:
            token, keyword = self._token, self._keyword()
            if keyword == "offset" or token.text == "@":
                if keyword in shifts:
                    self._error(token.start, token.end, f"`{token.text}` is given twice")
                shifts.add(keyword)
            if token.text == "[":
                operand = self._range(operand)
            elif keyword == "offset":
                self._take()
                self._duration(offset=True)
                self._may_shift(operand, token)
                operand = operand._replace(end=self._tokens[self._next - 1].end, form="shifted")
            elif token.text == "@":
                self._take()
                self._at()
                self._may_shift(operand, token)
                operand = operand._replace(end=self._tokens[self._next - 1].end, form="shifted")
            elif keyword in ("anchored", "smoothed"):
                self._take()
                self._gate("the anchored or smoothed modifier", token.start, token.end)
                operand = operand._replace(end=token.end)
            else:
                return operand

    def _may_shift(self, operand: Operand, token: Token) -> None:
        if operand.form not in ("selector", "labels", "range", "subquery", "shifted"):
            message = f"`{token.text}` follows a selector or a subquery only"
            self._error(token.start, token.end, message, "move it next to the selector")

    def _at(self) -> None:
        if self._keyword() in ("start", "end"):
            self._take()
            self._expect("(")
            self._expect(")")
            return
        if self._text() in ("+", "-"):
            self._take()
        if self._token.kind is Kind.DURATION:
            self._gate("a duration as a number", self._token.start, self._token.end)
        elif self._token.kind is not Kind.NUMBER:
            self._unexpected("a Unix time in seconds, `start()` or `end()`")
        self._number()

    def _range(self, operand: Operand) -> Operand:
        opener = self._take()
        self._duration()
        if self._token.kind is Kind.COLON:
            self._take()
            if self._text() != "]":
                self._duration()
            end = self._expect("]").end
            if operand.type not in (None, "vector"):
                self._error(
                    operand.start,
                    end,
                    f"a subquery is taken of an instant vector, this is {NAMES_OF_TYPES[operand.type]}",
                )
            return Operand("matrix", operand.start, end, "subquery")
        end = self._expect("]", "`]`, or `:` for a subquery").end
        if operand.form not in ("selector", "labels"):
            if operand.form == "shifted":
                suggestion = "write `offset` and `@` after the range"
            else:
                suggestion = "write a subquery, as in `[5m:]`"
            self._error(opener.start, end, "a range follows a selector only", suggestion)
        return Operand("matrix", operand.start, end, "range")

    def _duration(self, *, offset: bool = False) -> None:
        """A duration, or from Prometheus 3.4 on arithmetic with durations."""
        start = self._token.start
        signed = self._token.text in ("+", "-")
        explicit_plus = self._token.text == "+"
        if signed:
            self._take()
        first = self._duration_term()
        while not offset and self._token.kind is Kind.OPERATOR and self._text() in ("+", "-", "*", "/", "%", "^"):
            self._take()
            self._duration_term()
            signed = False
            self._gate("arithmetic in a duration", start, self._tokens[self._next - 1].end)
        plain = first is not None and self._tokens[self._next - 1] is first
        if first is None or not plain:
            return
        zero = not first.text.strip("0.ywdhms")
        if not offset and (signed or zero):
            self._error(start, first.end, "a range must be longer than zero")
        elif offset and zero and self._target < (3, 0):
            # 2.42 refuses it and 3.15 does not; the CHANGELOG is silent about when that changed.
            self._error(start, first.end, "an offset must not be zero", "leave the offset out")
        elif offset and explicit_plus:
            self._gate("a plus sign before an offset", start, first.end)

    def _duration_term(self) -> Token | None:
        token = self._token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            if token.kind is Kind.NUMBER:
                self._gate("a number as a duration", token.start, token.end)
            return self._number()
        if self._keyword() in ("step", "range", "min_of", "max_of") and self._text(1) == "(":
            keyword = self._keyword()
            self._next += 2
            feature = (
                f"{keyword}() in a duration" if keyword in ("step", "range") else "min_of() or max_of() in a duration"
            )
            self._gate(feature, token.start, token.end)
            if keyword in ("min_of", "max_of"):
                self._duration()
                self._expect(",")
                self._duration()
        elif token.text == "(":
            self._take()
            self._duration()
            self._gate("arithmetic in a duration", token.start, self._tokens[self._next - 1].end)
        elif token.text in ("+", "-"):
            self._take()
            return self._duration_term()
        else:
            self._unexpected("a duration such as `5m`")
        self._expect(")")
        return None


def _rules_out_empty(operator: str, value: str) -> bool:
    """Whether a regular expression rules out the empty value; promql-parser refuses such a lone matcher."""
    import promql_parser

    try:
        promql_parser.parse("{x" + operator + quoted(value) + "}")
    except ValueError as error:
        # A wrong expression is reported for itself.
        return "regex" in str(error)
    return True
