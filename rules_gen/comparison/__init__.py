"""What a change of the definitions means, in words. Pure: two sides in, findings and their text out."""

from rules_gen.comparison.compare import Side, compare
from rules_gen.comparison.findings import Change, Difference, Finding, Impact

__all__ = ["Change", "Difference", "Finding", "Impact", "Side", "compare"]
