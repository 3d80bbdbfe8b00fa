from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_samples import ALERT, DELIVERY, FIRING, LOOK, OPENED, RESOLVED, snapshot
from notifier_jobs import HOSTILE, NOTE, hostile_snapshot
from slack_limits import problem, size
from slack_stub import flaws, links, pings, texts

from router.channels.slack.blocks import Content, Pieces, incident_content, incident_text, note_content, note_text
from router.channels.slack.markup import date, escape, fit, length
from router.messages.message import Link, Message, Note, build_message
from router.model import MINUTE, Snapshot, View


def message(about: Snapshot | None = None, step: View = FIRING, **changes: Any) -> Message:
    return build_message(about or snapshot(), step, DELIVERY, LOOK)._replace(**changes)


def resolved(**changes: Any) -> Message:
    about = snapshot(open=False, counts=(), closed_at=OPENED + 15 * MINUTE)
    return message(about, RESOLVED, **changes)


def given_to_slack(content: Content) -> dict[str, Any]:
    """As JSON, the way it is sent."""
    fields = {"text": content.text, "blocks": content.blocks, "attachments": content.attachments}
    told: dict[str, Any] = json.loads(json.dumps(fields))
    return told | {"options": {"parse": "none"}}


def sendable(content: Content) -> dict[str, Any]:
    """What is sent, when Slack would take it and nobody is called by it."""
    told = given_to_slack(content)
    assert problem({name: told[name] for name in ("text", "blocks", "attachments")}) is None
    assert pings(told) == []
    assert flaws(told) == []
    return told


def blocks(content: Content) -> list[dict[str, Any]]:
    [attachment] = sendable(content)["attachments"]
    found: list[dict[str, Any]] = attachment["blocks"]
    return found


def said(content: Content) -> str:
    return "\n".join(text for text, _ in texts(sendable(content)))


# What an incident looks like


def test_a_message_has_a_header_and_everything_else_in_its_colour():
    told = sendable(incident_content(message()))
    assert told["blocks"] == [
        {
            "type": "header",
            "text": {
                "type": "plain_text",
                "text": "🟠 High: CheckoutErrorRate · checkout-api",
                "emoji": False,
            },
        }
    ]
    assert told["text"].startswith("🟠 High: CheckoutErrorRate · checkout-api\nCheckout answers 7.3%")
    assert [attachment["color"] for attachment in told["attachments"]] == ["#f57c00"]


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low"])
def test_severities_differ_in_colour_icon_and_word(severity: str):
    told = sendable(incident_content(message(severity=severity)))
    others = [sendable(incident_content(message(severity=other))) for other in {"critical", "low"} - {severity}]
    assert severity.capitalize() in told["blocks"][0]["text"]["text"]
    for other in others:
        assert told["attachments"][0]["color"] != other["attachments"][0]["color"]
        assert told["blocks"][0]["text"]["text"][0] != other["blocks"][0]["text"]["text"][0]


def test_a_firing_incident_says_what_it_means_and_what_to_do():
    text = said(incident_content(message()))
    assert "*Impact*\nThis share of orders fails at the payment." in text
    assert "*What to do*\nUndo any rollout of the last half hour." in text
    assert "*Severity*\nhigh, respond: 15m" in text
    assert "*Team*\nPayments" in text


def test_a_resolved_incident_says_when_it_fired_and_for_how_long_and_not_what_to_do():
    content = incident_content(resolved())
    text = said(content)
    assert "Impact" not in text
    assert "What to do" not in text
    assert "lasted 15 min" in text
    assert f"fired {date(OPENED)} · resolved {date(OPENED + 15 * MINUTE)}" in text
    assert sendable(content)["attachments"][0]["color"] == "#2e7d32"


def test_times_are_shown_in_the_readers_time_zone_and_in_utc_elsewhere():
    assert date(OPENED) == f"<!date^{OPENED // 1_000_000}^{{date_short_pretty}} {{time}}|2026-03-01 02:10 UTC>"
    assert date(-62_135_596_800_000_000) == "0001-01-01 00:00 UTC"


def test_buttons_lead_to_what_there_is():
    def buttons(content: Content) -> list[tuple[str, str]]:
        rows = [block["elements"] for block in blocks(content) if block["type"] == "actions"]
        return [(button["text"]["text"], button["url"].partition("?")[0]) for row in rows for button in row]

    assert buttons(incident_content(message()))[:3] == [
        ("Runbook", "https://runbooks.example.com/payments/checkout-api/CheckoutErrorRate"),
        ("Dashboard", "https://grafana.example.com/d/payments_checkout-api"),
        ("Silence", "https://alerts.example.com/#/silences/new"),
    ]
    assert buttons(incident_content(message(links=()))) == []


def test_links_as_text_lead_to_the_same_places():
    link = Link("query", "Query <a|b>", "https://example.com/?a=1&b=%7C")
    content = incident_content(message(links=(link,)), as_buttons=False)
    assert "<https://example.com/?a=1&amp;b=%7C|Query &lt;a|b&gt;>" in said(content)
    assert [block["type"] for block in blocks(content)].count("actions") == 0


def test_several_alerts_are_listed_with_what_tells_them_apart():
    alerts = [ALERT._replace(labels={**ALERT.labels, "instance": f"{name}:80"}) for name in "abc"]
    text = said(incident_content(message(snapshot(*alerts, firing=5))))
    assert "*Firing (5)*\n• instance=a:80, since" in text
    assert "… and 2 more" in text


def test_one_alert_that_is_told_by_the_summary_is_not_listed():
    assert "*Firing" not in said(incident_content(message()))


def test_a_flapping_or_escalated_incident_says_so():
    text = said(incident_content(message(flaps=4, escalated=True)))
    assert "flapping: reopened 4 times lately" in text
    assert "escalated" in text


def test_a_team_says_it_in_its_own_words():
    pieces = Pieces("Checkout & co", "*Read* <this> first")
    told = sendable(incident_content(message(), pieces))
    assert told["blocks"][0]["text"]["text"] == "Checkout &amp; co"
    assert told["attachments"][0]["blocks"][0]["text"]["text"] == "*Read* &lt;this&gt; first"
    assert incident_text(message(), pieces).text.startswith("Checkout &amp; co\n*Read* &lt;this&gt; first\n")


def test_plain_text_says_the_same_without_blocks():
    content = incident_text(resolved())
    assert content.blocks == content.attachments == ()
    assert content.text.startswith("✅ Resolved: CheckoutErrorRate · checkout-api\nCheckout answers 7.3%")
    assert "lasted 15 min" in content.text
    assert "Runbook: https://runbooks.example.com/" in content.text
    sendable(content)


# Notes


def test_a_note_lists_its_sections():
    content = note_content(NOTE)
    assert "*Undelivered*\n• CheckoutErrorRate, since 02:10\n• CartQueueLong, since 02:11" in said(content)
    assert sendable(content)["attachments"][0]["color"] == "#d32f2f"
    assert "• CartQueueLong, since 02:11" in note_text(NOTE).text


def test_a_long_list_says_how_many_of_its_lines_are_left_out():
    entries = tuple(f"alert number {number}" for number in range(900))
    text = said(note_content(NOTE._replace(sections=(("Open", entries),))))
    shown = text.count("• alert number")
    assert 50 < shown < 900
    assert f"… and {900 - shown} more" in text


def test_a_note_of_one_line_is_a_header():
    sendable(note_content(Note("missed", "Over before it could be paged", "", "", (), ())))


# Limits and hostile text


@pytest.mark.parametrize("as_buttons", [True, False])
@pytest.mark.parametrize("step", [FIRING, RESOLVED])
def test_hostile_labels_are_text(step: View, as_buttons: bool):
    about = message(hostile_snapshot(), step)
    for content in (incident_content(about, as_buttons=as_buttons), incident_text(about)):
        told = sendable(content)
        text = said(content)
        assert "&lt;!channel&gt;" in text
        assert "<script" not in text
        assert not [address for address in links(told) if not address.startswith("http")]


def test_every_piece_at_its_longest_still_fits():
    worst = '"&<>\\\n🔥' * 150
    url = "https://example.com/" + "x" * 1_980
    about = message(
        name=worst,
        service=worst,
        team=worst,
        summary=worst,
        description=worst,
        impact=worst,
        action=worst,
        firing=500,
        more=490,
        flaps=7,
        escalated=True,
        labels=tuple((worst[:300], worst[:300]) for _ in range(50)),
        links=tuple(Link("query", worst, url) for _ in range(9)),
        alerts=tuple(
            line._replace(summary=worst, labels=((worst, worst),))
            for line in message(snapshot(*[ALERT] * 10, firing=500)).alerts
        ),
    )
    for content in (
        incident_content(about),
        incident_content(about, as_buttons=False),
        incident_content(about, Pieces(worst, worst)),
        incident_text(about),
        note_content(
            Note("digest", worst, worst, "low", tuple((worst, (worst,) * 200) for _ in range(20)), about.links)
        ),
        note_text(Note("digest", worst, worst, "low", tuple((worst, (worst,) * 200) for _ in range(20)), about.links)),
    ):
        sendable(content)


hostile_text = st.one_of(
    st.text(max_size=60),
    st.text(alphabet='<>&!@#|*`"\\\n🔥 a', max_size=400),
    st.sampled_from([*(value[:5_000] for value in HOSTILE.values()), "", " ", "\n"]),
)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_text_in_any_place_is_taken_by_slack_and_calls_nobody(data: st.DataObject):
    def text() -> str:
        return data.draw(hostile_text)

    base = message(snapshot(*[ALERT] * 3, firing=7))
    about = base._replace(
        name=text(),
        service=text(),
        team=text(),
        summary=text(),
        description=text(),
        impact=text(),
        action=text(),
        response=text(),
        labels=tuple((text(), text()) for _ in range(3)),
        alerts=tuple(line._replace(summary=text(), labels=((text(), text()),)) for line in base.alerts),
        resolved=data.draw(st.booleans()),
    )
    pieces = Pieces(text(), text())
    for content in (incident_content(about), incident_content(about, pieces), incident_text(about, pieces)):
        sendable(content)
    note = Note("digest", text(), text(), "low", tuple((text(), (text(), text())) for _ in range(3)), ())
    for content in (note_content(note), note_text(note)):
        sendable(content)


# Escaping, counting and cutting


def test_only_three_characters_are_escaped():
    assert escape("<!channel> & \"quotes\" 'too'") == "&lt;!channel&gt; &amp; \"quotes\" 'too'"


@given(st.text(alphabet="&<>🔥é\ud800 ab", max_size=80), st.integers(1, 60))
def test_a_text_is_cut_between_characters_and_keeps_to_its_limit(text: str, limit: int):
    cut = fit(text, limit)
    assert size(cut) == length(cut) <= limit
    assert re.search("&(?!amp;|lt;|gt;)", cut) is None
    plain = html.unescape(cut)
    whole = text.replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    assert plain == whole or (plain.endswith("…") and whole.startswith(plain[:-1]))


def test_a_text_that_fits_is_left_alone():
    assert fit("a & b", 9) == "a &amp; b"
    assert fit("a & b", 7) == "a…"
