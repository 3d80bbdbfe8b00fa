from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import ALERT, DELIVERY, FIRING, INCIDENT, LOOK, OPENED, RESOLVED, snapshot

from router.messages.message import (
    PLAIN_LOOK,
    Link,
    Note,
    build_message,
    clock,
    date_and_time,
    decode_note,
    encode_note,
    humanize,
    one_line,
    safe_url,
)
from router.model import DAY, HOUR, MINUTE, SECOND, Shown, View


def built(*alerts, step=FIRING, look=LOOK, **changes):
    return build_message(snapshot(*alerts, **changes), step, DELIVERY, look)


def test_a_message_shows_what_the_lead_alert_says():
    message = built()
    assert message.name == "CheckoutErrorRate"
    assert message.summary == "Checkout answers 7.3% of requests with an error"
    assert message.impact == "This share of orders fails at the payment."
    assert message.action == "Undo any rollout of the last half hour."
    assert (message.team, message.service, message.response) == ("Payments", "checkout-api", "15m")
    assert (message.resolved, message.opened_at, message.closed_at, message.firing) == (False, OPENED, 0, 1)


def test_links_come_in_a_fixed_order_and_the_silence_carries_the_group_labels():
    links = {link.kind: link.url for link in built().links}
    assert list(links) == ["runbook", "dashboard", "silence", "query"]
    assert links["silence"] == (
        "https://alerts.example.com/#/silences/new?filter=%7Balertname%3D%22CheckoutErrorRate%22%2C"
        "service%3D%22checkout-api%22%2Cteam%3D%22payments%22%7D"
    )
    assert links["query"] == "http://prometheus.example.com/graph?g0.expr=up"


def test_a_group_label_that_looks_like_a_placeholder_or_a_quote_stays_text():
    group = {"alertname": '{cluster}"}&x=1\\', "service": "{matchers}"}
    (silence,) = [link.url for link in built(group=group).links if link.kind == "silence"]
    assert silence.endswith(
        "filter=%7Balertname%3D%22%7Bcluster%7D%5C%22%7D%26x%3D1%5C%5C%22%2Cservice%3D%22%7Bmatchers%7D%22%7D"
    )


QUERY = "https://query.example.com/graph?g0.expr={expr}&g0.tab=0"


def test_the_query_goes_to_the_page_that_the_routes_name_with_the_expression_that_prometheus_told():
    told = ALERT._replace(
        generator_url="http://prometheus-0:9090/graph?g0.expr=up%7Bjob%3D%22a%22%7D+%3D%3D+0&g0.tab=1"
    )
    (query,) = [link.url for link in built(told, look=LOOK._replace(query_url=QUERY)).links if link.kind == "query"]
    assert query == "https://query.example.com/graph?g0.expr=up%7Bjob%3D%22a%22%7D%20%3D%3D%200&g0.tab=0"


@pytest.mark.parametrize("generator", ["https://other.example.com/alert/7", "https://other.example.com/?g0.expr="])
def test_without_a_known_expression_the_query_is_the_address_that_came_with_the_alert(generator):
    told = ALERT._replace(generator_url=generator)
    (query,) = [link.url for link in built(told, look=LOOK._replace(query_url=QUERY)).links if link.kind == "query"]
    assert query == generator


def test_what_is_over_is_not_silenced():
    message = built(step=RESOLVED, open=False, closed_at=OPENED + 15 * MINUTE)
    assert message.resolved
    assert message.closed_at == OPENED + 15 * MINUTE
    assert "silence" not in {link.kind for link in message.links}


def test_an_earlier_episode_is_told_as_resolved_without_the_alerts_of_the_later_one():
    message = built(step=View(1, Shown.RESOLVED, 0), episode=2, closed_at=OPENED - MINUTE)
    assert (message.episode, message.resolved, message.closed_at) == (1, True, OPENED - MINUTE)
    assert (message.alerts, message.firing, message.total, message.opened_at) == ((), 0, 0, 0)


def test_an_earlier_episode_is_over_whatever_the_step_says():
    assert built(step=View(1, Shown.FIRING, 0), episode=2).resolved


@pytest.mark.parametrize(("episode", "is_open"), [(3, True), (2, False)])
def test_an_end_that_is_not_known_is_not_made_up(episode, is_open):
    message = built(step=View(1, Shown.RESOLVED, 0), episode=episode, open=is_open, closed_at=OPENED)
    assert message.closed_at == 0


def test_an_open_incident_that_no_longer_belongs_here_has_no_end():
    message = built(step=RESOLVED, closed_at=OPENED - DAY)
    assert (message.resolved, message.closed_at, message.firing) == (True, 0, 1)


def test_alerts_are_told_apart_by_the_labels_that_differ():
    other = ALERT._replace(labels={**ALERT.labels, "instance": "b:80", "zone": "2"})
    message = built(ALERT, other, firing=14)
    assert [line.labels for line in message.alerts] == [(("instance", "a:80"),), (("instance", "b:80"), ("zone", "2"))]
    assert message.labels == (("job", "checkout"),)
    assert message.more == 12


def test_alerts_of_different_names_are_named_by_their_group():
    other = ALERT._replace(labels={**ALERT.labels, "alertname": "CheckoutDown"})
    assert built(ALERT, other, group={"team": "payments", "empty": ""}).name == "team=payments"


def test_an_incident_without_alerts_is_still_a_message():
    message = build_message(snapshot()._replace(alerts=()), FIRING, DELIVERY, PLAIN_LOOK)
    assert (message.name, message.summary, message.team) == ("CheckoutErrorRate", INCIDENT.summary, "payments")


def test_flaps_are_told_only_while_it_flaps():
    assert built(reopened=(1, 2, 3, 4)).flaps == 0
    assert built(reopened=(1, 2, 3, 4), flapping=True).flaps == 4


def test_a_megabyte_never_reaches_a_channel():
    big = "x" * 1_000_000
    labels = {**ALERT.labels, "instance": big, **{f"label_{n}": big for n in range(200)}}
    alert = ALERT._replace(labels=labels, annotations=dict.fromkeys(ALERT.annotations, big))
    message = built(alert, alert._replace(labels={}), group={"alertname": big, "service": big})
    assert len(repr(message)) < 120_000
    assert len(message.summary) == 1_000
    assert len(message.description) == 5_000
    assert message.summary.endswith("…")


def test_control_characters_and_direction_marks_are_taken_out():
    annotations = {"summary": "a\r\nBcc: x\x00\x1b[31m\u202egnp.exe", "description": "one\r\ntwo\x07\u2028three\ud800"}
    message = built(ALERT._replace(annotations=annotations))
    assert message.summary == "a Bcc: x[31mgnp.exe"
    assert message.description == "one\ntwo\nthree"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)//http://x",
        "data:text/html,hello",
        "file:///etc/passwd",
        "//example.com/x",
        "https://",
        "https:///path",
        "https://bank.example@evil.example/",
        "https://user:word@example.com/",
        "https://example.com/a b",
        "https://example.com/\r\nBcc: x",
        "https://[::1",
        "https://example.com:99999/",
        "http://example.com/" + "x" * 2_000,
        "http://example.com/" + "é" * 1_000,
        "runbook.md",
        "",
    ],
)
def test_what_is_no_plain_web_address_is_no_link(url):
    assert safe_url(url) == ""
    assert built(ALERT._replace(annotations={"runbook_url": url}, generator_url=url), look=PLAIN_LOOK).links == ()


def test_a_link_has_no_character_that_markup_could_take_for_its_own():
    assert safe_url(" HTTPS://example.com/a?b=<c>|\"'`&d=%22é ") == (
        "HTTPS://example.com/a?b=%3Cc%3E%7C%22%27%60&d=%22%C3%A9"
    )


@given(st.text())
def test_one_line_is_one_line(text):
    line = one_line(text, 50)
    assert len(line) <= 50
    assert line == "".join(line.splitlines())
    line.encode()


@given(st.text())
def test_a_safe_url_is_ascii_on_the_web_or_nothing(text):
    for given_url in (text, "https://example.com/" + text):
        url = safe_url(given_url)
        assert url == "" or (url.isascii() and url.lower().startswith(("http://", "https://")))
        assert not set(url) & set("<>\"'`| \n\\")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (999_999, "0 s"),
        (45 * SECOND, "45 s"),
        (MINUTE + 30 * SECOND, "1 min"),
        (25 * MINUTE, "25 min"),
        (HOUR, "1 h"),
        (HOUR + 5 * MINUTE, "1 h 5 min"),
        (2 * DAY + 3 * HOUR + 9 * MINUTE, "2 d 3 h"),
        (400 * DAY, "400 d"),
    ],
)
def test_durations_are_told_in_units_that_matter(duration, text):
    assert humanize(duration) == text


def test_times_are_utc_and_never_fail():
    assert clock(OPENED) == "02:10"
    assert date_and_time(OPENED) == "2026-03-01 02:10 UTC"
    assert date_and_time(10**30).startswith("9999-")
    assert date_and_time(-(10**30)) == "0001-01-01 00:00 UTC"


def test_a_note_comes_back_as_it_was():
    note = Note(
        "digest", "Digest", "text\nmore", "low", (("Opened", ("one", "two")),), (Link("router", "A", "http://x/"),)
    )
    assert decode_note(encode_note(note)) == note


def test_a_note_from_the_store_is_cleaned_and_cut():
    lines = tuple(f"line {n}\r\nBcc: x" for n in range(1_000))
    note = Note("digest", "a\r\nb", "\ud800", "low", (("Opened", lines),), (Link("x", "y", "javascript:alert(1)"),))
    read = decode_note(encode_note(note))
    assert (read.title, read.text, read.links) == ("a b", "", ())
    assert read.sections[0][1][0] == "line 0 Bcc: x"
    assert read.sections[0][1][-1] == "… and 800 more"
    assert len(read.sections[0][1]) == 201


@pytest.mark.parametrize(
    "payload", ["", "{", "[]", "null", "{}", '{"kind":1,"title":""}', '{"kind":"a","title":"b","links":[1]}']
)
def test_a_payload_that_is_no_note_is_said_to_be_none(payload):
    with pytest.raises(ValueError, match="not a note"):
        decode_note(payload)
