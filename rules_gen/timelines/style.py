"""How pictures look: one style sheet for light and dark, and how wide text is."""

from __future__ import annotations

# Classes rather than variables, because viewers outside of browsers know no variables. The background is part of the
# picture: a page's theme can differ from what the reader's system prefers. Lines differ in dashes, states in hatching
# and words, so that nothing is told by colour alone.
STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1f2328}"
    ".k{fill:#fff;stroke:#d1d9e0}"
    ".m{fill:#59636e}"
    ".g{stroke:#818b98;stroke-opacity:.28}"
    ".x{stroke:#818b98}"
    ".b{fill:#cf222e;fill-opacity:.09}"
    ".t{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 3}"
    ".w{fill:#a40e26;stroke:#fff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".l0{stroke:#0969da}.l1{stroke:#8250df;stroke-dasharray:7 4}.l2{stroke:#0a7580;stroke-dasharray:1 4}"
    ".l3{stroke:#59636e;stroke-dasharray:9 3 1 3}"
    ".q{fill:#818b98;fill-opacity:.16}"
    ".p{fill:#fff1c2}.h{stroke:#9a6700;stroke-width:2}.o{fill:none;stroke:#9a6700}"
    ".pw{fill:#4d2d00;stroke:#fff1c2;stroke-width:4px;stroke-linejoin:round;paint-order:stroke;font-weight:600}"
    ".f{fill:#c21f2d}.fw{fill:#fff;font-weight:600}"
    ".c{fill:none;stroke:#1f2328;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    "@media(prefers-color-scheme:dark){"
    "text{fill:#e6edf3}.k{fill:#151b23;stroke:#3d444d}.m{fill:#9198a1}"
    ".b{fill:#f85149;fill-opacity:.11}.t{stroke:#ff7b72}.w{fill:#ffa198;stroke:#151b23}"
    ".l0{stroke:#58a6ff}.l1{stroke:#d2a8ff}.l2{stroke:#56d4dd}.l3{stroke:#b1bac4}"
    ".p{fill:#3a2d0a}.h,.o{stroke:#d29922}.pw{fill:#f2cc60;stroke:#3a2d0a}"
    ".f{fill:#d1242f}.fw{fill:#fff}.c{stroke:#e6edf3}"
    "}"
)

_NARROW = frozenset("iljtf.,:;'|!()[]{}/ ")
_WIDE = frozenset("mwMW@%")
_FIRST_WIDE_SCRIPT = 0x2E80


def text_width(text: str) -> float:
    """About how wide a text is, in the picture's units; rather too much than too little."""
    return sum(map(_width, text))


def _width(char: str) -> float:
    if char in _NARROW:
        return 4.2
    if char in _WIDE:
        return 10.8
    if ord(char) >= _FIRST_WIDE_SCRIPT:
        return 12.5
    return 8.2 if char.isupper() else 6.9


def fitted(text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than that."""
    if text_width(text) <= width:
        return text
    room = width - 12
    for index, char in enumerate(text):
        room -= _width(char)
        if room < 0:
            return text[:index].rstrip() + "…"
    return text
