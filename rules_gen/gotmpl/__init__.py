"""Checks the Go templates in labels and annotations as Prometheus would, without running it.

The grammar is that of Go's ``text/template``, whose parser is all that ``promtool check rules`` puts a
template through. What only shows when an alert fires (a field that doesn't exist, a function given the wrong
type) isn't checked, with one exception: ``{{ value }}``, a common slip for ``{{ $value }}``, which fails
whenever it is expanded.
"""

import re
from functools import lru_cache

from rules_gen.gotmpl.functions import FUNCTION_VERSIONS, FUNCTIONS
from rules_gen.gotmpl.info import EMPTY, LabelUse, QueryUse, TemplateError, TemplateInfo, Version

__all__ = [
    "FUNCTIONS",
    "FUNCTION_VERSIONS",
    "LabelUse",
    "QueryUse",
    "TemplateError",
    "TemplateInfo",
    "check_template",
]

# The actions that nearly all annotations are made of, right whatever stands around them.
_COMMON = re.compile(
    r"\{\{ *(?:\$(?:labels\.(?P<label>[A-Za-z_][A-Za-z0-9_]*)|(?P<value>value)))"
    r"(?: *\| *(?P<function>humanize(?:1024|Duration|Percentage|Timestamp)?|title|to(?:Low|Upp)er"
    r"|strip(?:Domain|Port)))?"
    r" *\}\}"
)


def check_template(text: str, target: Version = (2, 42)) -> TemplateInfo:
    """Check a template for Prometheus ``target`` (major, minor).

    Mistakes come back in the answer, whatever the text; the latest 4,096 answers are kept.
    """
    if "{{" not in text:
        return EMPTY
    return _check(text, target)


@lru_cache(maxsize=4096)
def _check(text: str, target: Version) -> TemplateInfo:
    labels: list[LabelUse] = []
    functions: set[str] = set()
    uses_value = False
    offset = 0
    while (offset := text.find("{{", offset)) >= 0:
        match = _COMMON.match(text, offset)
        if not match:
            # Imported here because most templates never need it.
            from rules_gen.gotmpl.parser import parse

            return parse(text, target)
        name = match["label"]
        if name:
            labels.append(LabelUse(name, match.start("label"), len(name)))
        else:
            uses_value = True
        if match["function"]:
            functions.add(match["function"])
        offset = match.end()
    return TemplateInfo((), tuple(labels), uses_value, (), frozenset(functions))
