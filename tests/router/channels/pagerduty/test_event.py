"""PagerDuty's limits are kept at the byte, and what matters least goes first."""

from __future__ import annotations

import json

import message_samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_samples import FIRING, LOOK
from notifier_jobs import HOSTILE, NOTE, hostile_snapshot

from router.channels.pagerduty.event import (
    EVENT_BYTES,
    SUMMARY_CHARACTERS,
    built_in_summary,
    check_url,
    fitted,
    incident_event,
    note_event,
    plain_event,
    severity_of,
    size,
)
from router.messages.message import AlertLine, Link, Message, build_message


def sample(**changes: object) -> Message:
    message = build_message(message_samples.snapshot(), FIRING, message_samples.DELIVERY, LOOK)
    return message._replace(**changes)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("critical", "critical"),
        ("high", "error"),
        ("medium", "warning"),
        ("low", "info"),
        ("", "critical"),
        ("DISASTER", "critical"),
    ],
)
def test_a_severity_has_its_word_and_an_unknown_one_is_critical(ours, theirs):
    assert severity_of(ours) == theirs


def test_an_event_says_what_where_and_whose():
    event = incident_event(sample(), "a:80", client_url="https://router.example.com")
    payload = event["payload"]
    assert payload["summary"] == "CheckoutErrorRate: Checkout answers 7.3% of requests with an error"
    assert (payload["severity"], payload["source"]) == ("error", "a:80")
    assert (payload["component"], payload["group"], payload["class"]) == (
        "checkout-api",
        "Payments",
        "CheckoutErrorRate",
    )
    assert payload["timestamp"] == "2026-03-01T02:10:00.000+00:00"
    details = payload["custom_details"]
    assert details["impact"] == "This share of orders fails at the payment."
    assert details["firing"] == 1
    assert details["alerts"][0]["summary"] == "Checkout answers 7.3% of requests with an error"
    assert "cut" not in details
    assert {"href": "https://grafana.example.com/d/payments_checkout-api", "text": "Dashboard"} in event["links"]
    assert event["client_url"] == "https://router.example.com"
    assert all(link["href"] != event["client_url"] for link in event["links"])


def test_a_summary_names_the_alert_once_and_counts():
    assert built_in_summary(sample(summary="CheckoutErrorRate is high", firing=1)) == "CheckoutErrorRate is high"
    told = built_in_summary(sample(summary="It fails", firing=3, flaps=4, escalated=True))
    assert told == "CheckoutErrorRate: It fails (3 alerts, reopened 4 times, escalated)"


def test_a_long_summary_is_cut_at_a_character_and_keeps_its_ending():
    told = built_in_summary(sample(summary="\U0001f525" * 5_000, firing=3))
    assert len(told) <= SUMMARY_CHARACTERS
    assert told.endswith("\U0001f525… (3 alerts)")
    assert told.encode().decode() == told


@pytest.mark.parametrize("summary", ["", " \n\t", "\x00"])
def test_a_team_template_that_says_nothing_leaves_the_built_in_summary(summary):
    assert incident_event(sample(), "a", summary=summary)["payload"]["summary"] == built_in_summary(sample())


def test_a_team_template_is_one_line_of_1024_characters_at_most():
    summary = incident_event(sample(), "a", summary="one\r\ntwo " + "x" * 3_000)["payload"]["summary"]
    assert summary.startswith("one two x")
    assert len(summary) == SUMMARY_CHARACTERS


def test_hostile_alerts_stay_below_the_limit_and_keep_what_matters():
    message = build_message(hostile_snapshot(), FIRING, message_samples.DELIVERY, LOOK)
    event = incident_event(message, HOSTILE["crlf"])
    assert size(event) <= EVENT_BYTES
    assert event["payload"]["custom_details"]["action"]
    assert "\n" not in event["payload"]["source"]
    assert all(link["href"].startswith("http") for link in event["links"])


def wide(characters: int) -> Message:
    """A message whose alerts' labels alone hold so many characters of four bytes."""
    labels = tuple((f"l{number}", "\U0001f525" * (characters // 100)) for number in range(10))
    return sample(alerts=tuple(AlertLine("A", "high", "s", 1, labels) for _ in range(10)))


def test_labels_of_alerts_go_first_and_a_mark_says_so():
    event = incident_event(wide(200_000), "a")
    details = event["payload"]["custom_details"]
    assert size(event) <= EVENT_BYTES
    assert len(details["alerts"]) == 10
    assert "labels" not in details["alerts"][0]
    assert details["labels"]
    assert details["cut"].startswith("labels of alerts:")


def test_then_the_alerts_then_labels_then_texts_then_links():
    full = incident_event(wide(1_000), "a")
    seen = []
    for limit in range(size(full), 300, -50):
        event = fitted(full, limit)
        assert size(event) <= limit or set(event) == {"payload"}
        details = event["payload"].get("custom_details", {})
        seen.append((("alerts" in details), ("labels" in details), ("action" in details), ("links" in event)))
    # Once something has gone, it doesn't come back at a tighter limit.
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == (True, True, True, True)
    assert seen[-1] == (False, False, False, False)


@settings(max_examples=60)
@given(st.text(max_size=400), st.integers(300, 4_000))
def test_an_event_is_fitted_at_whole_characters(text, limit):
    event = incident_event(sample(description=text * 5, impact=text), "a")
    small = fitted(event, limit)
    encoded = json.dumps(small, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert json.loads(encoded.decode("utf-8", "surrogatepass")) == small
    assert size(small) <= limit or set(small) == {"payload"}


def test_a_plain_event_has_what_is_required_in_tame_characters():
    message = sample(summary="\U0001f525 fire \u202e" + "ä" * 2_000)
    plain = plain_event(incident_event(message, "a\U0001f525"))
    assert set(plain) == {"payload"}
    assert set(plain["payload"]) == {"summary", "source", "severity"}
    assert plain["payload"]["source"] == "a"
    assert plain["payload"]["summary"].startswith("CheckoutErrorRate: fire ää")
    assert len(plain["payload"]["summary"]) <= 512


def test_a_plain_event_is_never_empty():
    plain = plain_event(incident_event(sample(), "\U0001f525", summary="\U0001f525"))
    assert (plain["payload"]["source"], plain["payload"]["summary"]) == ("alert", "alert")


def test_a_note_is_a_trigger_of_its_own():
    event = note_event(NOTE, client_url="https://router.example.com")
    assert event["payload"]["summary"] == "PagerDuty is not answering for Payments"
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["custom_details"]["Undelivered"] == list(NOTE.sections[0][1])
    assert event["client_url"] == "https://router.example.com/deliveries"


def test_a_huge_note_is_cut_to_its_text():
    sections = tuple((f"s{number}", tuple("\U0001f525" * 900 for _ in range(200))) for number in range(20))
    event = note_event(NOTE._replace(sections=sections, links=(Link("router", "R", "https://r.example"),)))
    assert size(event) <= EVENT_BYTES
    assert event["payload"]["custom_details"]["text"] == NOTE.text


@pytest.mark.parametrize(
    "url",
    [
        "https://events.pagerduty.com",
        "https://events.eu.pagerduty.com/",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:80",
    ],
)
def test_https_and_loopback_are_allowed(url):
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://events.pagerduty.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "",
        "events.pagerduty.com",
        "https://user@events.pagerduty.com",
        "https://events.pagerduty.com?x=1",
        "https://events.pagerduty.com#x",
        "http://[::1",
    ],
)
def test_anything_else_would_show_the_routing_key(url):
    with pytest.raises(ValueError):
        check_url(url)
