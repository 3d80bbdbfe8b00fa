"""SVG text: numbers, elements, and what people typed as text and nothing else."""

from __future__ import annotations

import re

WIDTH = 360
"""A phone's width, so that text of 12 units is about 11 pixels there."""
LEFT = 10
"""Where captions begin."""

# What XML 1.0 has no way to spell.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Invisible characters that reorder or hide what stands beside them.
_HIDDEN = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(words: str) -> str:
    """Text as XML, on one line."""
    line = " ".join(_HIDDEN.sub("", _FORBIDDEN.sub(" ", words)).split())
    # xml.sax.saxutils would load all of urllib.
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def number(value: float) -> str:
    """A length with one decimal."""
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


def text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    """A text element; `kind` is its class, `anchor` where the place is in it (start, middle, end), both or nothing."""
    attributes = f' class="{kind}"' if kind else ""
    if anchor:
        attributes += f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}"{attributes}>{plain(words)}</text>'
