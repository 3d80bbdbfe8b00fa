from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.emit.markdown import escape_inline, fenced
from rules_gen.target_support.links import percent_encode
from rules_gen.target_support.prose import (
    code_block,
    comment_header,
    duration_words,
    inline,
    paragraphs,
    readable,
    response_words,
)

PIECES = st.sampled_from(
    (
        *(
            "a",
            "B1",
            " ",
            "  ",
            ".",
            ":",
            "//",
            "www.",
            "WWW.",
            "-",
            "+",
            "=",
            "1.",
            "1)",
            "*",
            "_",
            "`",
            "<b>",
        ),
        *("&", "|", "#", "\n", "\t", "\r", "\xa0", "…", "ü", "!", "[", "$", "~", "(", "'", "?", "%", "\x00"),
    )
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(PIECES).map("".join)


@given(TEXT)
def test_the_short_way_gives_what_escaping_gives(text):
    assert inline(text) == escape_inline(text)


@given(TEXT, st.sampled_from(["", "sh", "promql"]))
def test_a_block_of_code_is_what_fencing_gives(text, lang):
    assert code_block(text, lang) + "\n" == fenced(text, lang)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_percent_encoding_is_undone_by_a_browser(text):
    encoded = percent_encode(text)
    assert unquote(encoded, errors="strict") == text
    assert not set(encoded) & set(" \"'()<>[]{}|\\\\^`*_#&?")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ $labels.job }} is down", "<job> is down"),
        ("{{- .Labels.job | title -}} is down", "<job> is down"),
        ("{{ $value | humanize }}% of {{ `}}` }}", "…% of …"),
        ('{{ printf "}}" }} {{ if $labels.a }} {{ end }}x', "…x"),
        ("{{ $labels.a.b }}", "…"),
        ("an open {{ brace", "an open {{ brace"),
        ("plain }}", "plain }}"),
    ],
)
def test_templates_become_placeholders(template, text):
    assert readable(template) == text


def test_paragraphs_are_kept_apart_and_lines_joined():
    assert paragraphs("one\ntwo\n \n\n\nthree\n") == "one two\n\nthree"


def test_durations_and_response_times_are_words():
    assert duration_words("1h30m") == "1 hour 30 minutes"
    assert duration_words("a_* b") == escape_inline("a_* b")
    assert [response_words(text) for text in ("at once", "next business day", "15m")] == [
        "at once",
        "on the next business day",
        "within 15 minutes",
    ]


def test_the_header_is_one_comment_whatever_the_path():
    header = comment_header("alerts/a--><b>.yaml")
    assert header.count("-->") == 1
    assert header.endswith("-->\n")
