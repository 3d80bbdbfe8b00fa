"""The functions that a Prometheus template may call, and since which version.

Names come from Prometheus' ``template/template.go`` (3.15) and Go's ``text/template`` built-ins;
versions newer than 2.42, the oldest supported, from Prometheus' changelog.
"""

from collections.abc import Iterable
from types import MappingProxyType

BUILTINS = frozenset(
    {
        "and",
        "call",
        "eq",
        "ge",
        "gt",
        "html",
        "index",
        "js",
        "le",
        "len",
        "lt",
        "ne",
        "not",
        "or",
        "print",
        "printf",
        "println",
        "slice",
        "urlquery",
    }
)
PROMETHEUS_FUNCTIONS = frozenset(
    {
        "args",
        "externalURL",
        "first",
        "graphLink",
        "humanize",
        "humanize1024",
        "humanizeDuration",
        "humanizePercentage",
        "humanizeTimestamp",
        "label",
        "match",
        "now",
        "parseDuration",
        "pathPrefix",
        "query",
        "reReplaceAll",
        "safeHtml",
        "sortByLabel",
        "stripDomain",
        "stripPort",
        "strvalue",
        "tableLink",
        "title",
        "toDuration",
        "toLower",
        "toTime",
        "toUpper",
        "urlQueryEscape",
        "value",
    }
)
FUNCTIONS = BUILTINS | PROMETHEUS_FUNCTIONS

# Pull requests 16619 (3.6.0) and 17403 (3.8.0).
FUNCTION_VERSIONS = MappingProxyType({"now": (3, 6), "toDuration": (3, 6), "urlQueryEscape": (3, 8)})

# ``{{else with}}`` came with Go 1.23 (its release notes), which every 3.x release is built with.
ELSE_WITH_VERSION = (3, 0)

VARIABLES = ("$labels", "$value", "$externalLabels", "$externalURL")

# Names that authors bring from Helm, Sprig or British spelling, with the nearest that Prometheus has.
_FOREIGN = MappingProxyType(
    {
        "humanise": "humanize",
        "humanisePercentage": "humanizePercentage",
        "lower": "toLower",
        "percentage": "humanizePercentage",
        "regexReplaceAll": "reReplaceAll",
        "replace": "reReplaceAll",
        "upper": "toUpper",
    }
)


def closest_function(name: str) -> str | None:
    """The function that ``name`` was probably meant to be."""
    return _FOREIGN.get(name) or closest(name, FUNCTIONS)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, whatever its capitals."""
    import difflib  # Imported here because only a mistake needs it.

    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None
