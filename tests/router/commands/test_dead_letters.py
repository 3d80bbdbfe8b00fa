from __future__ import annotations

import json
import re

import pytest
import yaml
from router_world import alert, incident_of

from router.model import SECOND, Quarantined, Shown, Status
from router.notifier import Delivered, Reason, Rejected, Retry

AT = 1_772_331_000 * SECOND
PAGER = "pagerduty:PAYMENTS_KEY"
SLACK = "slack:SLACK_TOKEN/#payments"


def fired(name="Down", severity="high", **changes):
    return alert(name, at=AT, severity=severity)._replace(**changes)


def ended(name="Down", severity="high"):
    return fired(name, severity, firing=False, ends_at=AT + 60 * SECOND)


def refuses(row):
    """The message is refused, as it is and as plain text."""
    return Rejected(Reason.BAD_MESSAGE, "message", "invalid_blocks") if row.status is Status.CLAIMED else None


def kill(world, *alerts, at=AT):
    """Make dead letters of all that these alerts want."""
    world.apply(alerts, at, refuses)
    world.tick(at + SECOND, refuses)


def listed(run, *arguments):
    code, out, err = run("dead-letters", "list", "--format", "json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


def kinds(world, incident):
    return [line.kind for line in world.ask(lambda tx: tx.history(incident, 100))[0]]


def test_a_list_tells_what_is_dead_since_when_and_why(world, run):
    kill(world, fired())
    code, out, err = run("dead-letters", "list")
    assert (code, err) == (0, "")
    heading, first, second = out.splitlines()
    assert heading.split() == ["ID", "DESTINATION", "SINCE", "(UTC)", "AGE", "SEVERITY", "INCIDENT", "REASON", "DETAIL"]
    assert first.startswith(incident_of(fired()))
    assert " 2026-03-01 02:10 " in first
    assert " high (urgent)  open " in first
    assert first.endswith("bad_message  invalid_blocks")
    assert SLACK in second
    assert [row["destination"] for row in listed(run, "--destination", SLACK)] == [SLACK]
    assert len(listed(run, "--limit", "1")) == 1


def test_an_empty_list_says_so(world, run):
    assert run("dead-letters", "list") == (0, "There are no dead letters.\n", "")
    assert run("dead-letters", "list", "--quarantine") == (0, "There is nothing in quarantine.\n", "")
    assert listed(run) == []


def test_bodies_in_quarantine_are_listed_and_shown(world, run):
    world.quarantine(Quarantined("q1", "main", AT, "the body is no JSON", 5000, b"{\x1b[2J broken\n\xff"))
    _, out, _ = run("dead-letters", "list", "--quarantine")
    assert re.split(" {2,}", out.splitlines()[1]) == [
        "q1",
        "main",
        "2026-03-01 02:10",
        "5,000",
        "the body is no JSON",
        "{[2J broken \ufffd",
    ]
    assert listed(run, "--quarantine")[0]["body"] == "{\x1b[2J broken\n\ufffd"
    code, out, _ = run("dead-letters", "show", "q1")
    assert code == 0
    assert "\x1b" not in out
    assert "the first 14 bytes" in out


def test_show_has_everything_of_one_delivery(world, run):
    kill(world, fired())
    code, out, _ = run("dead-letters", "show", incident_of(fired()), SLACK)
    assert code == 0
    shown = yaml.safe_load(out)
    assert shown["standing"].startswith("dead letter: it shows nothing and should show episode 1 firing; the message")
    assert [call["reason"] for call in shown["attempts_made"]] == ["bad_message", "bad_message"]
    assert [line["kind"] for line in shown["history"]] == ["dead"]
    assert shown["incident"]["summary"] == "Down on a"
    assert (
        json.loads(run("dead-letters", "show", incident_of(fired()), SLACK, "--format", "json")[1])["destination"]
        == SLACK
    )


def test_show_shows_a_note_s_content(world, run):
    def down(row):
        return Retry(Reason.UNREACHABLE) if row.destination == PAGER else Delivered()

    world.apply([fired(severity="critical")], AT, down)
    world.apply([ended(severity="critical")], AT + 60 * SECOND, down)
    code, out, _ = run("dead-letters", "show", f"missed-{incident_of(fired())}-1")
    assert code == 0
    assert yaml.safe_load(out)["note"]["title"].startswith("Over before it could be paged")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "there is no delivery, and nothing in quarantine, with the id nothing"),
        (["INCIDENT"], f"which destination is meant? There are:\n  {PAGER}: dead\n  {SLACK}: dead"),
        (["INCIDENT", "email:x@y"], "it has no destination email:x@y. There are:"),
    ],
)
def test_show_says_what_there_is(world, run, arguments, told):
    kill(world, fired())
    code, out, err = run("dead-letters", "show", *[incident_of(fired()) if a == "INCIDENT" else a for a in arguments])
    assert (code, out) == (1, "")
    assert told in err


def test_a_replay_sends_what_is_true_now_and_stands_in_the_history(world, run):
    incident = incident_of(fired())
    kill(world, fired())
    code, out, _ = run("dead-letters", "replay", incident, SLACK)
    assert (code, out) == (0, f"{incident} {SLACK}: goes out again, as soon as the router looks\n")
    rows = world.rows(incident)
    assert (rows[SLACK].status, rows[PAGER].status) == (Status.WAITING, Status.DEAD)
    assert kinds(world, incident)[-1] == "replayed"
    assert world.tick(AT + 3600 * SECOND * 24 * 365 * 50) == 1
    assert world.rows(incident)[SLACK].shown.state is Shown.FIRING


def test_a_replay_that_is_repeated_changes_nothing(world, run):
    incident = incident_of(fired())
    kill(world, fired())
    run("dead-letters", "replay", incident)
    before, lines = world.rows(incident), kinds(world, incident)
    code, out, _ = run("dead-letters", "replay", incident)
    assert code == 0
    assert out == "".join(f"{incident} {key}: left alone, it is no dead letter (waiting)\n" for key in (PAGER, SLACK))
    assert (world.rows(incident), kinds(world, incident)) == (before, lines)


def test_a_replay_after_the_resolve_does_not_page(world, run):
    incident = incident_of(fired())
    kill(world, fired(severity="critical"))
    world.apply([ended(severity="critical")], AT + 60 * SECOND)
    assert world.rows(incident)[PAGER].status is Status.EXPIRED
    code, out, _ = run("dead-letters", "replay", incident)
    assert (code, out) == (0, f"{incident} {PAGER}: has nothing to say any more, and is settled\n")
    assert world.rows(incident)[PAGER].status is Status.SETTLED
    assert world.tick(AT + 3600 * SECOND * 24 * 365 * 50) == 0


def test_all_are_replayed_but_those_that_were_put_aside(world, run):
    kill(world, fired("A"), fired("B"), fired("C"))
    assert run("dead-letters", "expire", incident_of(fired("A")), "--reason", "told by phone")[0] == 0
    code, out, _ = run("dead-letters", "replay", "--all", "--format", "json")
    assert code == 0
    changed = {(row["incident_id"], row["destination"]) for row in json.loads(out)["changed"]}
    assert changed == {(incident_of(fired(name)), key) for name in "BC" for key in (PAGER, SLACK)}
    assert run("dead-letters", "replay", "--all") == (0, "There are no such dead letters.\n", "")


def test_many_are_changed_in_several_transactions(world, run, monkeypatch):
    monkeypatch.setattr("router.commands.dead_letters._AT_ONCE", 2)
    kill(world, *(fired(name) for name in "ABCDE"))
    assert run("dead-letters", "replay", "--destination", SLACK)[1].count("goes out again") == 5
    assert {row["destination"] for row in listed(run)} == {PAGER}


def test_what_is_put_aside_keeps_the_reason_and_comes_back_by_name(world, run):
    incident = incident_of(fired())
    kill(world, fired())
    code, out, _ = run("dead-letters", "expire", incident, PAGER, "--reason", "told by\nphone")
    assert (code, out) == (0, f"{incident} {PAGER}: put aside\n")
    assert [row["destination"] for row in listed(run)] == [SLACK]
    assert [row["status"] for row in listed(run, "--expired")] == ["expired", "dead"]
    last = world.ask(lambda tx: tx.history(incident, 100))[0][-1]
    assert (last.kind, last.detail) == ("expired", f"{PAGER}: told by phone")
    assert run("dead-letters", "replay", incident, PAGER)[0] == 0
    assert world.rows(incident)[PAGER].status is Status.WAITING


def test_a_resolve_is_delivered_although_the_page_was_put_aside(world, run):
    kill(world, fired(severity="medium"))
    run("dead-letters", "expire", "--all", "--reason", "seen")
    world.apply([ended(severity="medium")], AT + 60 * SECOND)
    assert world.rows(incident_of(fired()))[SLACK].shown.state is Shown.RESOLVED


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["replay"], 2, "name one ID (and its DESTINATION), or --all, or --destination KEY"),
        (["replay", "x", "--all"], 2, "name one ID"),
        (["expire", "--all", "--destination", SLACK, "--reason", "x"], 2, "name one ID"),
        (["expire", "--all", "--reason", " "], 2, "--reason says nothing"),
        (["replay", "x"], 1, "there is no delivery"),
    ],
)
def test_mistakes_are_told(world, run, arguments, code, told):
    got, out, err = run("dead-letters", *arguments)
    assert (got, out) == (code, "")
    assert told in err


def test_a_reason_is_mandatory(world, run, capsys):
    with pytest.raises(SystemExit) as ended_with:
        run("dead-letters", "expire", "--all")
    assert ended_with.value.code == 2
    assert "--reason" in capsys.readouterr().err


def test_nothing_is_kept_when_the_store_fails_half_way(world, run, monkeypatch):
    from router.store import StoreError
    from router.stores.transaction import SqlTransaction

    def fail(_self, _rows):
        raise StoreError("disk full")

    kill(world, fired())
    monkeypatch.setattr(SqlTransaction, "add_transitions", fail)
    code, out, err = run("dead-letters", "replay", "--all")
    assert (code, out, err) == (1, "", "alert-router: the store sqlite:///alert-router.db: disk full\n")
    assert len(listed(run)) == 2
