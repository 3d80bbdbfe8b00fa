"""What people typed, as Markdown prose: paragraphs, durations in words, placeholders for templates."""

import re
from functools import lru_cache

from rules_gen.emit.markdown import escape_inline, fenced
from rules_gen.emit.yaml import generated_header
from rules_gen.promql.durations import format_duration, parse_duration

# An action of a Go template; `}}` within a quoted string doesn't end it.
_ACTION = re.compile(r"""\{\{(?:"(?:\\.|[^"\\])*"|`[^`]*`|[^"`}]|\}(?!\}))*\}\}""", re.DOTALL)
_LABEL = re.compile(r"\{\{-?\s*(?:\$labels|\.Labels)\.([A-Za-z_][A-Za-z0-9_]*)\s*(?:\||-?\}\})")
_UNKNOWN = "…"
_REPEATED_UNKNOWN = re.compile(r"…(?:\s*…)+")
# Whatever Markdown, HTML or a bare address could begin with stands outside of this set.
_NOT_PLAIN = re.compile(r"""[^A-Za-z0-9 ,.;:'"()%/?=+…-]""")
_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")


def _placeholder(action: re.Match[str]) -> str:
    label = _LABEL.match(action[0])
    return f"<{label[1]}>" if label else _UNKNOWN


def readable(text: str) -> str:
    """Return a Prometheus template as plain text: a label becomes ``<its name>``, any other action ``…``."""
    if "{{" not in text:
        return text
    return _REPEATED_UNKNOWN.sub(_UNKNOWN, _ACTION.sub(_placeholder, text))


def inline(text: str) -> str:
    """Return what `escape_inline` returns, at once where the text is plain, as most of it is."""
    if (
        text[:1].isalpha()
        and text[-1] != " "
        and _NOT_PLAIN.search(text) is None
        and "  " not in text
        and "//" not in text
        and "www" not in text.lower()
    ):
        return text
    return escape_inline(text)


def code_block(text: str, lang: str) -> str:
    """Return what `fenced` returns, without the last newline; at once where the text needs no care."""
    if "`" in text or "\r" in text or not text:
        return fenced(text, lang).rstrip("\n")
    return f"```{lang}\n{text}```" if text[-1] == "\n" else f"```{lang}\n{text}\n```"


def paragraphs(text: str) -> str:
    """Return text as Markdown that formats nothing, its paragraphs kept apart, ending without a newline."""
    if "\n" not in text:
        return inline(text)
    lines = (inline(part) for part in _BLANK_LINES.split(text))
    return "\n\n".join(line for line in lines if line)


@lru_cache(maxsize=1024)
def duration_words(duration: str) -> str:
    """Return a Prometheus duration in words (``5 minutes``), and what isn't one as it is, escaped."""
    milliseconds = parse_duration(duration)
    return escape_inline(duration) if milliseconds is None else format_duration(milliseconds)


@lru_cache(maxsize=1024)
def is_zero(duration: str) -> bool:
    """Whether a Prometheus duration is no time at all."""
    return parse_duration(duration) == 0


@lru_cache(maxsize=64)
def response_words(response: str) -> str:
    """Return a severity's response time as the end of a sentence: ``at once``, ``within 15 minutes``."""
    if response == "at once":
        return response
    if response == "next business day":
        return "on the next business day"
    return f"within {duration_words(response)}"


def comment_header(source: str) -> str:
    """Return the HTML comment that opens a generated page; ``source`` is the path of what was typed."""
    line = generated_header(source).removeprefix("# ").rstrip("\n")
    return f"<!-- {line.replace('-->', '--&gt;')} -->\n"
