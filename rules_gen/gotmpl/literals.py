"""Numbers, characters and quoted text as Go writes them."""

import re

_DIGITS = {
    "decimal": r"[0-9](?:_?[0-9])*",
    "hex": r"0[xX](?:_?[0-9a-fA-F])+",
    "octal": r"0[oO]?(?:_?[0-7])+",
    "binary": r"0[bB](?:_?[01])+",
}
# These three are compiled at their first use: hardly any template holds a number that isn't plain.
_INTEGER = rf"[+-]?(?:0|[1-9](?:_?[0-9])*|{_DIGITS['hex']}|{_DIGITS['octal']}|{_DIGITS['binary']})"
_FLOAT_TEXT = (
    rf"(?:(?:{_DIGITS['decimal']}(?:\.(?:{_DIGITS['decimal']})?)?|\.{_DIGITS['decimal']})"
    rf"(?:[eE][+-]?{_DIGITS['decimal']})?"
    rf"|0[xX]_?(?:[0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?|\.[0-9a-fA-F_]+)[pP][+-]?{_DIGITS['decimal']})"
)
_FLOAT = rf"[+-]?{_FLOAT_TEXT}"
_IMAGINARY = rf"[+-]?{_FLOAT_TEXT}i|[+-]?{_FLOAT_TEXT}[+-]{_FLOAT_TEXT}i"
_ESCAPE = re.compile(
    r"\\(?:[abfnrtv\\]|(?P<quote>['\"])|(?P<octal>[0-7]{3})|x[0-9a-fA-F]{2}"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<bad>(?s:.)))"
)
_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)


def number_problem(value: str) -> str | None:
    """Why ``value`` isn't a number for Go, if it isn't."""
    if value.isascii() and value.isdigit() and len(value) < 19 and (value[0] != "0" or value == "0"):
        return None
    if re.fullmatch(_INTEGER, value):
        if _SMALLEST_INTEGER <= _integer(value) <= _LARGEST_INTEGER:
            return None
        return f"{value} doesn't fit into 64 bits"
    if re.fullmatch(_IMAGINARY, value):
        return None
    if re.fullmatch(_FLOAT, value) and any(mark in value for mark in ".eEpP"):
        decimal = "x" not in value.lower()
        if not decimal or float(value.replace("_", "")) not in (float("inf"), float("-inf")):
            return None
    return f"{value} isn't a number"


def _integer(value: str) -> int:
    digits = value.replace("_", "").lstrip("+-")
    base = {"x": 16, "o": 8, "b": 2}.get(digits[1:2].lower())
    if base:
        number = int(digits[2:], base)
    elif digits[0] == "0":
        number = int(digits, 8)
    else:
        # Python refuses to read thousands of decimal digits; so many are too large for Go in any case.
        number = int(digits[:40])
    return -number if value[0] == "-" else number


def char_problem(value: str) -> str | None:
    """Why ``value`` isn't a character constant for Go, if it isn't."""
    inside = value[1:-1]
    one = _ESCAPE.fullmatch(inside) if inside.startswith("\\") else len(inside) == 1
    if not one or bad_escape(value, "'"):
        return f"{value} isn't one character; text goes into double quotes"
    return None


def bad_escape(value: str, quote: str) -> re.Match[str] | None:
    """The first escape in the quoted ``value`` that Go doesn't know."""
    if "\\" not in value:
        return None
    for match in _ESCAPE.finditer(value, 1, len(value) - 1):
        code = int(match["short"] or match["long"] or "0", 16)
        if (
            match["bad"]
            or (match["quote"] and match["quote"] != quote)
            or (match["octal"] and int(match["octal"], 8) > 0xFF)
            or code > 0x10FFFF
            or 0xD800 <= code <= 0xDFFF
        ):
            return match
    return None


def bad_escape_error(match: re.Match[str], offset: int) -> tuple[str, int, int]:
    """Message, offset and length of the error for a bad escape in the text that begins at ``offset``."""
    return f"Go doesn't know the escape {match[0]}", offset + match.start(), len(match[0])


def resolved(inside: str) -> str:
    """What quoted text without a bad escape stands for; ``inside`` is what stands between its quotes."""
    return _ESCAPE.sub(_resolve, inside)


_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _resolve(match: re.Match[str]) -> str:
    body = match[0][1:]
    if body[0] in "xuU" and len(body) > 1:
        return chr(int(body[1:], 16))
    if match["octal"]:
        return chr(int(body, 8))
    return _SIMPLE_ESCAPES.get(body, body)
