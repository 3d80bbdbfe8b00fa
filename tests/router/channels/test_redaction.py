"""No secret survives, however it is written, and what survives is harmless and short."""

from __future__ import annotations

import html
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.channels.redaction import DETAIL_CHARACTERS, MASK, WINDOW_CHARACTERS, redact

HOOK = "https://hooks.example.com/services/T00/B00/s3cr3tpath99?token=qu3ry-t0ken"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ('{"authorization": "bearer abc.def-123"}', "abc.def-123"),
        ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("key 0123456789abcdef0123456789abcdef is unknown", "0123456789abcdef"),
        ("key R0UT1NGK3YABCDEFGHIJKLMNOPQRSTUV is unknown", "R0UT1NGK3Y"),
        ("token xoxb-123-456-abcDEF rejected", "abcDEF"),
        ("xoxe.xoxp-1-Mi0yLTEyMzQ", "Mi0yLTEyMzQ"),
        ("xapp-1-A0-99-beef", "A0-99"),
        ("https://user:pass@example.com/path", "pass"),
        ("POST https://example.com/x?sig=AAAA&b=1 failed", "AAAA"),
        ("https://example.com/#access=AAAA", "AAAA"),
        ("https://hooks.slack.com/services/T0/B0/zzzz", "zzzz"),
        ('{"routing_key": "short-one"}', "short-one"),
        ("api_key=hunter22&x", "hunter22"),
        ("password: hunter22", "hunter22"),
        ("t=1,v1=" + "0a1b" * 16, "0a1b"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, gone):
    shown = redact(text)
    assert gone not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "invalid_blocks: missing text",
        "550 5.1.1 no such user",
        "Event object is invalid ['payload.severity' is invalid]",
        "https://example.com/path/to answered 404",
        "Cannot connect to host events.example.com:443",
    ],
)
def test_ordinary_words_stay(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "written",
    [
        HOOK,
        quote(HOOK, safe=""),
        html.escape(HOOK),
        json.dumps(HOOK),
        HOOK.replace("/", "\\/"),
        "/services/T00/B00/s3cr3tpath99",
        "cannot POST services/T00/B00/s3cr3tpath99",
        "token=qu3ry-t0ken",
        "unknown hook s3cr3tpath99",
        "value qu3ry-t0ken",
    ],
)
def test_a_secret_address_is_masked_in_whole_and_in_parts(written):
    shown = redact(f"before {written} after", [HOOK])
    assert "s3cr3tpath99" not in shown
    assert "qu3ry-t0ken" not in shown
    assert shown.startswith("before ")


@given(
    st.text("abc/?&<>\"' 123é🔥", min_size=4, max_size=30).filter(
        lambda value: len(value.strip()) >= 4 and value not in MASK
    ),
    st.text("xyz \n", max_size=50),
)
def test_an_exact_value_is_masked_wherever_it_stands(secret, around):
    shown = redact(f"{around}{secret}{around}{secret}", [secret])
    assert secret not in shown.replace(MASK, "\x00")


def test_a_secret_across_the_end_of_what_is_looked_at_leaves_no_beginning():
    secret = "correct-horse-battery-staple"
    for inside in range(len(secret) + 1):
        text = " " * (WINDOW_CHARACTERS - inside) + secret + "x" * 500
        assert secret[:5] not in redact(text, [secret], limit=10_000)


def test_bytes_that_are_cut_through_a_secret_are_masked_when_it_is_known():
    secret = "correct-horse-battery-staple"
    text = "x" * (WINDOW_CHARACTERS + 10) + secret[:12]
    assert "corr" not in redact(text.encode(), [secret], limit=10_000)


def test_a_very_short_value_does_not_hide_the_text():
    assert redact("an error", ["a", "", " "]) == "an error"


def test_the_result_is_one_short_line():
    shown = redact("a\r\nb\x00c\x1b[31m\u202ed\u2028e\ud800" + "x" * 9_999)
    assert shown.startswith("a b c [31m d e x")
    assert len(shown) == DETAIL_CHARACTERS
    assert shown.endswith("…")


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are():
    assert redact(b"\xff\xfeok") == "\ufffd\ufffdok"


@given(st.one_of(st.text(), st.binary()), st.lists(st.text(), max_size=3))
def test_nothing_breaks_it(text, secrets):
    shown = redact(text, secrets)
    assert len(shown) <= DETAIL_CHARACTERS
    shown.encode()


@pytest.mark.parametrize("piece", ["a-", "bearer ", "https://", "token", "xoxb-", "://", "A1", "=:", "\\/", "🔥"])
def test_no_text_takes_long(piece):
    started = time.perf_counter()
    redact(piece * 200_000, [HOOK, "x" * 5_000])
    assert time.perf_counter() - started < 0.5
