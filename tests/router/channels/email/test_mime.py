from __future__ import annotations

import email
from email import policy

import pytest
from golden_mails import FOLDER, rendered
from hypothesis import given
from hypothesis import strategies as st
from message_samples import OPENED

from router.channels.email.faults import Stage, judge
from router.channels.email.mime import Mail, Thread, compose, is_address, make_id
from router.notifier import Reason, Rejected, Retry

MAIL = Mail(
    "alerts@example.com",
    "oncall@example.com",
    "HIGH: CheckoutErrorRate",
    "text\n",
    "<p>page</p>\n",
    "<2@example.com>",
    "<1@example.com>",
    "0123abcd",
    OPENED,
)


def parsed(mail: Mail):
    return email.message_from_bytes(compose(mail), policy=policy.default)


@pytest.mark.parametrize("name", rendered())
def test_mails_look_as_they_did(name):
    # After a wanted change: python tests/support/golden_mails.py
    assert rendered()[name] == (FOLDER / name).read_text("utf-8")


def test_no_golden_file_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == set(rendered())


def test_a_mail_has_two_parts_and_the_headers_that_machines_read():
    message = parsed(MAIL)
    assert message["Message-ID"] == "<2@example.com>"
    assert message["In-Reply-To"] == message["References"] == "<1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Tocsin-Incident"] == "0123abcd"
    assert message["Date"] == "Sun, 01 Mar 2026 02:10:00 +0000"
    assert message.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content().split() == ["text"]
    assert message.get_body(("html",)).get_content().strip() == "<p>page</p>"


def test_the_first_mail_of_an_episode_answers_none():
    for first_id in ("", MAIL.message_id):
        message = parsed(MAIL._replace(first_id=first_id))
        assert message["In-Reply-To"] is None
        assert message["References"] is None


def test_the_same_mail_has_the_same_bytes():
    assert compose(MAIL) == compose(MAIL)
    assert compose(MAIL) != compose(MAIL._replace(text="other"))


@given(st.text(), st.text(), st.text())
def test_no_text_becomes_a_header_or_a_long_line(subject, text, incident):
    mail = MAIL._replace(
        subject=subject + "\r\nBcc: victim@example.com",
        incident=incident + "\r\nX-Evil: 1",
        text=text.encode("utf-8", "replace").decode(),
    )
    content = compose(mail)
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    message = email.message_from_bytes(content, policy=policy.default)
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "X-Tocsin-Incident", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert message.get_content_type() == "multipart/alternative"


def test_a_subject_is_cut_and_encoded():
    subject = " ".join(parsed(MAIL._replace(subject="日本語 " * 100))["Subject"].split())
    assert subject.startswith("日本語 日本語")
    assert len(subject) <= 200
    assert subject.endswith("…")


@pytest.mark.parametrize(
    "address",
    ["a", "a@", "@b", "a b@c", "a@b\r\nRCPT TO:<x@y>", "a@b>c", "a@b,c@d", "a\x00@b", "a@b@c", "x" * 250 + "@b.com"],
)
def test_what_is_no_address_gets_no_mail(address):
    assert not is_address(address)
    with pytest.raises(ValueError, match="not a mail address"):
        compose(MAIL._replace(recipient=address))


def test_an_address_beyond_ascii_asks_for_smtputf8():
    mail = MAIL._replace(recipient="müller@example.com")
    assert mail.needs_utf8
    assert "müller@example.com".encode() in compose(mail)
    assert not MAIL.needs_utf8


def told(thread: Thread, *steps: tuple[int, str]) -> list[tuple[str, str]]:
    ids = []
    for episode, what in steps:
        thread, message_id = Thread.of(thread._asdict()).next("incident", episode, what, "a@example.com")
        ids.append((message_id, thread.first_id))
    return ids


def test_telling_the_same_again_has_the_same_id():
    (first, _), (again, _) = told(Thread(), (1, "firing-1"), (1, "firing-1"))
    assert first == again == "<incident.1.1.firing-1@example.com>"


def test_telling_it_again_after_something_else_is_a_new_mail():
    ids = told(Thread(), (1, "firing-1"), (1, "firing-2"), (1, "firing-1"), (1, "resolved-1"))
    assert len({message_id for message_id, _ in ids}) == 4
    assert {first_id for _, first_id in ids} == {ids[0][0]}


def test_each_episode_is_a_thread_of_its_own():
    ids = told(Thread(), (1, "firing-1"), (1, "resolved-1"), (2, "firing-1"), (2, "resolved-1"))
    assert [first for _, first in ids] == [ids[0][0], ids[0][0], ids[2][0], ids[2][0]]
    assert len({message_id for message_id, _ in ids}) == 4


def test_parts_that_are_not_ours_count_as_nothing():
    assert Thread.of({"episode": "x", "mails": None}) == Thread()


@given(st.text(), st.text())
def test_an_id_is_one_whatever_it_is_made_of(incident, sender):
    message_id = make_id(sender, incident)
    assert message_id.isascii()
    assert message_id.count("<") >= 1
    assert make_id("a@example.com", incident).endswith("@example.com>")


@pytest.mark.parametrize(
    ("code", "text", "stage", "reason", "scope"),
    [
        (421, "", Stage.DATA, Reason.RATE_LIMITED, None),
        (450, "4.2.0 greylisted", Stage.RECIPIENT, Reason.RATE_LIMITED, None),
        (451, "", Stage.RECIPIENT, Reason.UNAVAILABLE, None),
        (452, "", Stage.SENDER, Reason.UNAVAILABLE, None),
        (454, "4.7.0 try later", Stage.LOGIN, Reason.UNAVAILABLE, None),
        (535, "", Stage.LOGIN, Reason.BAD_CREDENTIALS, "destination"),
        (530, "", Stage.SENDER, Reason.BAD_CREDENTIALS, "destination"),
        (554, "no service for you", Stage.CONNECT, Reason.BAD_CREDENTIALS, "destination"),
        (550, "", Stage.SENDER, Reason.MISCONFIGURED, "destination"),
        (552, "5.3.4 too big", Stage.SENDER, Reason.BAD_MESSAGE, "message"),
        (550, "5.1.1 unknown", Stage.RECIPIENT, Reason.NO_SUCH_DESTINATION, "destination"),
        (554, "5.7.1 relay access denied", Stage.RECIPIENT, Reason.NO_SUCH_DESTINATION, "destination"),
        (552, "5.2.2 mailbox full", Stage.RECIPIENT, Reason.NO_SUCH_DESTINATION, "destination"),
        (550, "", Stage.DATA, Reason.NO_SUCH_DESTINATION, "destination"),
        (550, "5.7.1 looks like spam", Stage.DATA, Reason.BAD_MESSAGE, "message"),
        (552, "5.2.3 too long for this mailbox", Stage.DATA, Reason.BAD_MESSAGE, "message"),
        (552, "5.2.2 mailbox full", Stage.DATA, Reason.NO_SUCH_DESTINATION, "destination"),
        (554, "5.1.1 unknown", Stage.DATA, Reason.NO_SUCH_DESTINATION, "destination"),
        (554, "", Stage.DATA, Reason.BAD_MESSAGE, "message"),
        (-1, "", Stage.DATA, Reason.BAD_ANSWER, None),
        (250, "", Stage.CONNECT, Reason.BAD_ANSWER, None),
    ],
)
def test_a_code_means_what_it_answers(code, text, stage, reason, scope):
    outcome = judge(code, text, stage, "detail")
    if scope:
        assert outcome == Rejected(reason, scope, "detail")
    else:
        assert outcome == Retry(reason, maybe_shown=code == -1, detail="detail")
