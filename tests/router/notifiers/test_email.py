from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import smtp_stub
from email_adapter import SECRETS
from http_stub import Fault, Kind
from message_samples import FIRING, RESOLVED, snapshot
from notifier_jobs import NOTE, context, make_job
from smtp_stub import SmtpStub
from store_factory import a_delivery

from router import planning
from router.messages.templating import Templates
from router.model import SECOND, Destination, Shown, Status, View
from router.notifier import Delivered, Reason, Rejected, Retry
from router.notifiers import email

ALICE = Destination("email", "", "alice@example.com")
BOB = Destination("email", "", "bob@example.com")


def settings(stub: SmtpStub, **changes):
    given = {"host": stub.host, "port": stub.port, "tls": "none", "from_address": "alerts@example.com"}
    return email.Settings(**(given | changes))


@asynccontextmanager
async def notifier(stub: SmtpStub, secrets=SECRETS, **changes):
    async with stub:
        made = email.build(context(settings(stub, **changes), secrets, None, templates=Templates()))
        try:
            yield made
        finally:
            await made.close()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 10))


def named(**changes):
    return {"username": "SMTP_USER", "password": "SMTP_PASSWORD", **changes}


def test_a_team_has_a_destination_for_each_address():
    team = {"name": "Platform", "email": {"to": ["a@example.com", "b@example.com"]}}
    assert [found.key for found in email.destinations(team)] == ["email:a@example.com", "email:b@example.com"]
    assert email.destinations({"name": "Platform"}) == ()


def test_an_episode_is_a_thread():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            fired = await sender.send(make_job(ALICE))
            worse = await sender.send(make_job(ALICE, step=FIRING._replace(content=0), parts=fired.parts))
            await sender.send(make_job(ALICE, resolved=True, parts=worse.parts))
            await sender.send(make_job(ALICE, step=View(3, Shown.FIRING, 1), parts=worse.parts))

    run(scenario)
    first, worse, resolved, anew = (mail.message for mail in stub.mails)
    assert first["In-Reply-To"] is None
    assert worse["In-Reply-To"] == resolved["In-Reply-To"] == resolved["References"] == first["Message-ID"]
    assert anew["In-Reply-To"] is None
    assert len({mail.message["Message-ID"] for mail in stub.mails}) == 4
    assert resolved["Subject"].startswith("Resolved: CheckoutErrorRate")


def test_a_mail_whose_answer_was_lost_comes_again_under_the_same_id():
    stub = SmtpStub()
    stub.plan.script.append(Fault(Kind.RESET_AFTER))

    async def scenario():
        async with notifier(stub) as sender:
            lost = await sender.send(make_job(ALICE))
            assert isinstance(lost, Retry)
            assert (lost.reason, lost.maybe_shown) == (Reason.RESET, True)
            again = await sender.send(make_job(ALICE, uncertain=True, parts=lost.parts))
            assert isinstance(again, Delivered)

    run(scenario)
    first, again = (mail.message for mail in stub.mails)
    assert first["Message-ID"] == again["Message-ID"]
    assert again["In-Reply-To"] is None


def test_a_resolve_after_a_lost_answer_answers_the_mail_that_may_have_arrived():
    stub = SmtpStub()
    stub.plan.script.append(Fault(Kind.RESET_AFTER))

    async def scenario():
        async with notifier(stub) as sender:
            lost = await sender.send(make_job(ALICE))
            await sender.send(make_job(ALICE, resolved=True, parts=lost.parts))

    run(scenario)
    fired, resolved = (mail.message for mail in stub.mails)
    assert resolved["In-Reply-To"] == fired["Message-ID"]


def test_recipients_are_judged_one_by_one():
    stub = SmtpStub()
    stub.plan.always = Fault(Kind.STATUS, 550, "rcpt:bob@example.com")

    async def scenario():
        async with notifier(stub) as sender:
            return [await sender.send(make_job(to)) for to in (ALICE, BOB, ALICE)]

    first, bob, last = run(scenario)
    assert isinstance(first, Delivered)
    assert isinstance(last, Delivered)
    assert (bob.reason, bob.scope) == (Reason.NO_SUCH_DESTINATION, "destination")
    assert "no such user" in bob.detail
    assert [mail.recipients for mail in stub.mails] == [("alice@example.com",)] * 2


def test_mails_share_a_connection_and_a_refusal_does_not_end_it():
    stub = SmtpStub()
    stub.plan.script.extend([Fault(), Fault(Kind.STATUS, 550, "rcpt"), Fault(Kind.STATUS, 554, "data"), Fault()])

    async def scenario():
        async with notifier(stub) as sender:
            outcomes = [await sender.send(make_job(ALICE)) for _ in range(4)]
            assert len(stub.sessions) == 1
            return outcomes

    kinds = [type(outcome) for outcome in run(scenario)]
    assert kinds == [Delivered, Rejected, Rejected, Delivered]
    assert len(stub.mails) == 2


def test_a_connection_that_the_server_has_closed_is_replaced():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            assert isinstance(await sender.send(make_job(ALICE)), Delivered)
            stub.drop_idle()
            assert isinstance(await sender.send(make_job(ALICE)), Delivered)

    run(scenario)
    assert len(stub.mails) == 2


def test_at_most_so_many_connections_are_open():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub, connections=2) as sender:
            outcomes = await asyncio.gather(*(sender.send(make_job(ALICE)) for _ in range(12)))
            assert len(stub.sessions) <= 2
            return outcomes

    assert all(isinstance(outcome, Delivered) for outcome in run(scenario))
    assert len(stub.mails) == 12


def test_a_password_that_was_rotated_opens_a_new_connection():
    stub, secrets = (
        SmtpStub(users={"u-one": "first-password"}),
        {"SMTP_USER": "u-one", "SMTP_PASSWORD": "first-password"},
    )

    async def scenario():
        async with notifier(stub, secrets, **named()) as sender:
            assert isinstance(await sender.send(make_job(ALICE)), Delivered)
            stub.users = {"u-one": "second-password"}
            secrets["SMTP_PASSWORD"] = "wrong-password"
            refused = await sender.send(make_job(ALICE))
            assert (refused.reason, refused.scope) == (Reason.BAD_CREDENTIALS, "destination")
            assert "password" not in refused.detail
            secrets["SMTP_PASSWORD"] = "second-password"
            assert isinstance(await sender.send(make_job(ALICE)), Delivered)

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "secrets", "word"),
    [
        ({"host": ""}, SECRETS, "email.host"),
        ({"from_address": ""}, SECRETS, "email.from_address"),
        (named(), {"SMTP_USER": "someone"}, "SMTP_PASSWORD"),
        (named(), {"SMTP_PASSWORD": "x"}, "SMTP_USER"),
        (named(password=""), SECRETS, "email.password"),
        (named(host="mail.example.com"), SECRETS, "without TLS"),
        ({"tls": "starttls"}, SECRETS, "no STARTTLS"),
        (named(), SECRETS, "takes no password"),
        ({"tls": "implicit", "ca_file": "/does/not/exist"}, SECRETS, "email.ca_file"),
    ],
)
def test_settings_that_can_not_work_park_the_destination_and_send_nothing(changes, secrets, word):
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub, secrets, **changes) as sender:
            return await sender.send(make_job(ALICE))

    outcome = run(scenario)
    assert (outcome.reason, outcome.scope) == (Reason.MISCONFIGURED, "destination")
    assert word in outcome.detail
    assert stub.mails == []


def test_a_recipient_that_would_end_the_command_gets_nothing():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            return await sender.send(make_job(Destination("email", "", "a@example.com>\r\nRCPT TO:<b@example.com")))

    outcome = run(scenario)
    assert outcome.reason is Reason.MISCONFIGURED
    assert stub.attempts == 0


@pytest.mark.parametrize("utf8", [True, False])
def test_an_address_beyond_ascii_needs_a_server_that_takes_it(utf8):
    stub = SmtpStub(utf8=utf8)

    async def scenario():
        async with notifier(stub) as sender:
            return await sender.send(make_job(Destination("email", "", "müller@example.com")))

    outcome = run(scenario)
    if utf8:
        assert isinstance(outcome, Delivered)
        assert stub.mails[0].recipients == ("müller@example.com",)
    else:
        assert (outcome.reason, outcome.scope) == (Reason.NO_SUCH_DESTINATION, "destination")


def test_a_plain_mail_has_no_page():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            await sender.send(make_job(ALICE, plain=True))

    run(scenario)
    assert stub.mails[0].message.get_content_type() == "text/plain"
    assert "Undo any rollout" in stub.mails[0].part("plain")


def test_a_note_is_a_mail_of_its_own_and_has_one_id():
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            for _ in range(2):
                await sender.send(make_job(ALICE, note=NOTE))

    run(scenario)
    first, second = (mail.message for mail in stub.mails)
    assert first["Message-ID"] == second["Message-ID"] == "<note.note-0001@example.com>"
    assert first["Subject"] == NOTE.title
    assert "CartQueueLong, since 02:11" in stub.mails[0].part("plain")
    assert "CartQueueLong, since 02:11" in stub.mails[0].part("html")


def test_a_team_has_its_own_words(tmp_path):
    (tmp_path / "payments").mkdir()
    (tmp_path / "payments" / "email_subject.txt").write_text("Payments! {{ message.name }}")
    stub = SmtpStub()

    async def scenario():
        async with stub:
            made = email.build(context(settings(stub), {}, None, templates=Templates(tmp_path)))
            await made.send(make_job(ALICE))
            await made.close()

    run(scenario)
    assert stub.mails[0].message["Subject"] == "Payments! CheckoutErrorRate"


def test_the_preview_is_the_mail():
    made = context(email.Settings(), {}, None, templates=Templates())
    text = email.preview(make_job(ALICE), made)
    assert text.startswith("To: alice@example.com\nSubject: HIGH: CheckoutErrorRate")
    assert "Undo any rollout" in text


def test_what_fell_to_a_lower_severity_says_where_it_went():
    about = snapshot(severity="medium")
    stub = SmtpStub()

    async def scenario():
        async with notifier(stub) as sender:
            await sender.send(make_job(ALICE, step=RESOLVED, snapshot=about))

    run(scenario)
    assert "It still fires, as medium" in stub.mails[0].part("plain")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return folder


@pytest.mark.full
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mails_go_encrypted_to_a_server_whose_certificate_is_trusted(tls, certificate):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    async def attempt(**changes):
        stub = SmtpStub(users={"u-one": "first-password"}, tls=server, implicit=tls == "implicit")
        secrets = {"SMTP_USER": "u-one", "SMTP_PASSWORD": "first-password"}
        async with notifier(stub, secrets, **named(tls=tls, **changes)) as sender:
            outcomes = [await sender.send(make_job(ALICE)) for _ in range(2)]
            return outcomes, len(stub.mails)

    async def scenario():
        outcomes, mails = await attempt(ca_file=str(certificate / "cert.pem"))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert mails == 2
        outcomes, mails = await attempt()
        assert {outcome.reason for outcome in outcomes} == {Reason.UNREACHABLE}
        assert not any(outcome.maybe_shown for outcome in outcomes)
        assert mails == 0

    run(scenario)


@pytest.mark.full
def test_the_stub_runs_as_a_process():
    command = [sys.executable, Path(smtp_stub.__file__), "--plan", '{"script": [{"kind": "status", "status": 451}]}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]

            def state():
                with urllib.request.urlopen(f"{url}/_state", timeout=5) as answer:
                    return json.load(answer)

            async def scenario():
                given = email.Settings(host="127.0.0.1", port=state()["port"], tls="none", from_address="a@example.com")
                made = email.build(context(given, {}, None, templates=Templates()))
                outcomes = [await made.send(make_job(ALICE)) for _ in range(2)]
                await made.close()
                return outcomes

            refused, delivered = run(scenario)
            assert refused.reason is Reason.UNAVAILABLE
            assert isinstance(delivered, Delivered)
            assert [mail["to"] for mail in state()["mails"]] == [["alice@example.com"]]
        finally:
            process.terminate()
            process.wait(5)


def test_a_take_over_does_not_send_a_mail_once_more_for_good_measure():
    claimed = a_delivery(destination=ALICE.key)._replace(
        status=Status.CLAIMED, owner="dead", claim=View(1, Shown.FIRING, 0)
    )
    taken = planning.take_over(claimed, 10 * SECOND, email.TRAITS, 5 * SECOND)
    assert (taken.shown.state, taken.repeat_at) == (Shown.UNKNOWN, 0)
