"""The binary operators of PromQL and how tightly they bind."""

from __future__ import annotations

from typing import Final

COMPARISONS: Final = frozenset({"==", "!=", "<=", "<", ">=", ">"})
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})
# The higher binds tighter. Only `^` groups to the right; a unary sign binds like `*`.
PRECEDENCE: Final = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys((*COMPARISONS, "</", ">/"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
