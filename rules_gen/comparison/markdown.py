"""A difference as Markdown for a comment on a pull request, in which what people typed stays text.

A comment is read by many and written with a robot's rights, and what it quotes comes from whoever opened the pull
request: nothing that was typed formats anything, links anywhere or mentions anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from rules_gen.comparison.findings import Change, Difference, Finding, Words
from rules_gen.comparison.lines import line_difference
from rules_gen.comparison.sharing import Block, blocks
from rules_gen.comparison.text import headline
from rules_gen.comparison.wording import count
from rules_gen.emit.markdown import code_span, escape_inline, fenced
from rules_gen.emit.untrusted import unreferenced, visible

LIMIT = 40_000
"""Characters of a report. A comment on GitHub has 65,536, and coverage and mutation stand beside this one."""

_RISK = "\u26a0\ufe0f"
_MOST_NAMED = 12
_MOST_QUOTED = 300
_LONGEST_CODE = 4_000


@dataclass(frozen=True, slots=True)
class Links:
    """Where the repository's files can be read: the address before a path, None to name paths only."""

    base: str | None = None

    def to(self, path: str, text: str) -> str:
        """A link to a file of the repository. `text` is our own."""
        if self.base is None:
            return code_span(path)
        return f"[{text}]({self.base.rstrip('/')}/{quote(path)})"


def render_markdown(difference: Difference, against: str, links: Links | None = None, limit: int = LIMIT) -> str:
    """The report, at most `limit` characters long: alerts that have no room are counted, the least risky first."""
    links = links or Links()
    head = f"### What this changes\n\n{safe(headline(difference, against))}\n"
    if difference.risky or any(change.is_risky for change in difference.general):
        head += f"{_RISK} marks what a reviewer should look at closely.\n"
    if difference.unread:
        named = difference.unread[:_MOST_NAMED]
        head += "\n" + "".join(f"- {_RISK} not compared: {_words(words)}\n" for words in named)
        if len(difference.unread) > len(named):
            head += f"- and {len(difference.unread) - len(named)} more\n"
    left_out = "\n{} left out here for lack of room; `rules-gen diff` shows all of it.\n"
    room = limit - len(head) - len(left_out) - 20
    shown, left = [], 0
    for block in blocks(difference):
        texts = ("\n" + "\n".join(_block(block, links, code=code)) + "\n" for code in (True, False))
        text = next((text for text in texts if len(text) <= room), None)
        if left or text is None:
            left += len(block.subjects)
            continue
        shown.append(text)
        room -= len(text)
    return (
        head
        + "".join(shown)
        + (left_out.format(count(left, "change") + (" is" if left == 1 else " are")) if left else "")
    )


def safe(text: str) -> str:
    """Text as Markdown that shows it, and is neither markup nor a mention."""
    return unreferenced(escape_inline(visible(text)))


def _block(block: Block, links: Links, *, code: bool) -> Iterator[str]:
    """One block; without `code`, what it says in words."""
    named = block.subjects[:_MOST_NAMED]
    mark = f"{_RISK} " if block.is_risky else ""
    yield f"#### {mark}{', '.join(map(_name, named))}{_more(block.subjects)}"
    yield ""
    # Two blanks end a line.
    yield "  \n".join(dict.fromkeys(_where(change, links, alone=len(named) == 1) for change in named))
    yield ""
    for finding, in_full in block.once():
        yield from _finding(finding, links, in_full=in_full and code)


def _more(changes: Sequence[Change]) -> str:
    return f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""


def _name(change: Change) -> str:
    if change.service is None:
        return "Policy"
    return code_span(change.alert) if change.alert else f"Service {code_span(change.service)}"


def _where(change: Change, links: Links, *, alone: bool) -> str:
    parts = [code_span(f"{change.team}/{change.service}")] if change.service else []
    parts += [code_span(file) if links.base is None else _file(file, links) for file in change.files]
    if change.page is not None and alone:
        parts.append(f"runbook: {links.to(change.page, 'page')}")
    return " \u00b7 ".join(parts)


def _file(path: str, links: Links) -> str:
    return links.to(path, safe(path))


def _finding(finding: Finding, links: Links, *, in_full: bool) -> Iterator[str]:
    mark = f"{_RISK} " if finding.is_risky else ""
    picture = f" ({links.to(finding.link, 'picture')})" if finding.link else ""
    yield f"- {mark}{_words(finding.words)}{picture}"
    if in_full:
        text = "\n".join(visible(line) for line in line_difference(finding.before, finding.after))
        if len(text) > _LONGEST_CODE:
            text = text[:_LONGEST_CODE] + "\n  (cut here)"
        yield ""
        yield "  <details><summary>before and after</summary>"
        yield ""
        yield from (f"  {line}" for line in fenced(text, "diff").splitlines())
        yield ""
        yield "  </details>"
        yield ""


def _words(words: Words) -> str:
    """A sentence: what people typed as code, where nothing is markup."""
    return "".join(escape_ours(word) if isinstance(word, str) else _typed(word.text) for word in words)


def escape_ours(text: str) -> str:
    """Our own words: the blanks at their ends join them to what was typed."""
    core = text.strip()
    start = len(text) - len(text.lstrip())
    # The letter before it says that no line begins here, where a colon or a dash would be markup.
    return text[:start] + escape_inline("x" + core.replace("->", "\u2192"))[1:] + text[start + len(core) :]


def _typed(text: str) -> str:
    shown = visible(text)
    if len(shown) > _MOST_QUOTED:
        shown = shown[:_MOST_QUOTED] + "\u2026"
    return code_span(shown) or "(empty)"
