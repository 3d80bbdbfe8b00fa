import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rules_gen.emit.markdown import code_span, escape_inline, fenced, link, slug, table

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("<>&|`*_[]()#~!\\-+=.:1a \n/\"'$")), st.characters(exclude_categories=["C", "Z"])
    ),
    max_size=30,
)


def one_line(text):
    return " ".join(text.split())


def shown(markdown):
    """The text of a page of one paragraph that formats nothing."""
    found = re.fullmatch(r"<p>(.*)</p>\n", RENDERER.render(markdown), re.DOTALL)
    assert found, RENDERER.render(markdown)
    assert "<" not in found[1], found[1]
    return html.unescape(found[1])


@given(HOSTILE)
def test_escaped_text_is_shown_as_it_was_typed(text):
    if one_line(text):
        assert shown(escape_inline(text)) == one_line(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("http_requests_total went up", "http_requests_total went up"),
        ("_private_", r"\_private\_"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("a | b * c `d` [e](f) #1", r"a \| b \* c \`d\` \[e\](f) \#1"),
        ("- a", r"\- a"),
        ("12. a", r"12\. a"),
        ("see https://a.b and www.c.d", r"see https:\/\/a.b and www\.c.d"),
        ("two\n\n# lines", r"two \# lines"),
    ],
)
def test_only_what_would_act_is_escaped(text, escaped):
    assert escape_inline(text) == escaped


@given(HOSTILE)
def test_a_code_span_shows_its_text(text):
    line = one_line(text)
    if line:
        assert RENDERER.render(
            "x " + code_span(text)
        ) == f"<p>x <code>{html.escape(line, quote=False)}</code></p>\n".replace('"', "&quot;")
    else:
        assert code_span(text) == ""


@given(st.lists(st.sampled_from(["`", "``", "```", "````", "~~~", "a", "\n", " "])).map("".join))
def test_nothing_inside_closes_a_code_block(text):
    tokens = RENDERER.parse(fenced(text, "promql") + "\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].info == "promql"
    assert tokens[0].content.rstrip("\n") == text.rstrip("\n")


def test_a_language_cannot_break_out_of_its_line():
    assert fenced("a", "sh`\n# b") == "```shb\na\n```\n"


@given(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=3))
def test_every_row_of_a_table_keeps_its_columns(rows):
    text = table(["a", "b"], [(escape_inline(left), escape_inline(right)) for left, right in rows])
    page = RENDERER.render(text)
    assert page.count("<td>") == 2 * len(rows)
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", page, re.DOTALL)]
    assert cells == [one_line(cell) for row in rows for cell in row]


@given(st.tuples(HOSTILE, HOSTILE))
def test_a_cell_that_is_not_escaped_keeps_its_columns_too(row):
    assert RENDERER.render(table(["a", "b"], [row])).count("<td") == 2


def test_a_row_of_the_wrong_length_is_a_bug():
    with pytest.raises(ValueError, match="a row of 1 cells"):
        table(["a", "b"], [["c"]])


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Checkout: high error rate!", "checkout-high-error-rate"),
        ("  A_b - c  ", "a_b---c"),
        ("Überlast (p99)", "überlast-p99"),
    ],
)
def test_an_anchor_is_the_one_github_makes(heading, anchor):
    assert slug(heading) == anchor


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/b?c=1&d=2#e", "https://a.example/b?c=1&amp;d=2#e"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("../team/A.md", "../team/A.md"),
        ("#section", "#section"),
        ("https://a.example/x (y)", "https://a.example/x%20%28y%29"),
        ("a.md|b", "a.md%7Cb"),
    ],
)
def test_web_and_relative_addresses_become_links(url, target):
    assert link("see [it]", url) == rf"[see \[it\]]({target})"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:x",
        "data:text/html,x",
        "//evil.example",
        "\\\\evil",
        "/\\evil",
        "mailto:a@b",
        "",
        "a\nb:c",
    ],
)
def test_any_other_address_leaves_the_text_alone(url):
    assert link("*x*", url) == r"\*x\*"


@given(HOSTILE, HOSTILE)
def test_a_link_never_becomes_more_than_a_link(text, url):
    page = RENDERER.render("x " + link(text, "https://a.example/" + url))
    assert re.fullmatch(r'<p>x( <a href="https://a\.example/[^"]*">[^<]*</a>| [^<]*)?</p>\n', page), page


def test_an_entity_in_an_address_cannot_hide_a_scheme():
    assert link("x", "javascript&colon;alert(1)") == "[x](javascript&amp;colon;alert%281%29)"
