from __future__ import annotations

import json

import pytest
from router_world import alert, incident_of

from router.model import SECOND, DestinationStatus, Shown, Status
from router.notifier import Delivered, Reason, Rejected, Retry

AT = 1_772_331_000 * SECOND
"""2026-03-01 02:10:00 UTC."""

FINGERPRINT = "0f3a5c7e9b1d2468"


def fired(**changes):
    made = alert("Down", at=AT, severity=changes.pop("severity", "high"))
    return made._replace(fingerprint=FINGERPRINT, **changes)


def explained(run, subject=FINGERPRINT, *arguments):
    code, out, err = run("explain", subject, "--format", "json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


def slack_limits(row):
    if row.destination.startswith("slack:"):
        return Retry(Reason.RATE_LIMITED, after=3600.0, detail="slow down")
    return Delivered(provider_id="dedup-1")


def test_it_tells_who_was_told_when_and_who_was_not(world, run):
    world.apply([fired()], AT + SECOND, slack_limits)
    (case,) = explained(run)
    pagerduty, slack, routes = case["in_short"]
    assert (
        pagerduty == "pagerduty:PAYMENTS_KEY (route, payments): told at 2026-03-01 02:10:01.005, 5 ms after the webhook"
    )
    assert slack.startswith(
        "slack:SLACK_TOKEN/#payments (route, payments): not told: it waits to show episode 1 firing"
    )
    assert slack.endswith("after 0 of 5 attempts; too many messages there (rate limited): slow down")
    assert routes == "By the routes, high of payments goes to pagerduty:PAYMENTS_KEY, slack:SLACK_TOKEN/#payments"
    assert case["incident"]["open"] is True
    assert case["incident"]["opened_at"] == "2026-03-01T02:10:00.000000Z"
    assert [row["status"] for row in case["deliveries"]] == ["settled", "waiting"]


def test_history_and_ledger_are_one_story_in_time_order(world, run):
    world.apply([fired()], AT + SECOND)
    world.apply([fired(firing=False, ends_at=AT + 60 * SECOND)], AT + 61 * SECOND)
    (case,) = explained(run)
    story = [(line["type"], line.get("kind") or line["destination"]) for line in case["history"]]
    assert story == [
        ("transition", "fired"),
        ("transition", "opened"),
        ("attempt", "pagerduty:PAYMENTS_KEY"),
        ("attempt", "slack:SLACK_TOKEN/#payments"),
        ("transition", "resolved"),
        ("transition", "closed"),
        ("attempt", "pagerduty:PAYMENTS_KEY"),
        ("attempt", "slack:SLACK_TOKEN/#payments"),
    ]
    code, out, _ = run("explain", FINGERPRINT)
    assert code == 0
    assert "  2026-03-01 02:10:01.000  the alert fired\n" in out
    assert "asked to show resolved, delivered after 5 ms (id-of-resolved)" in out
    assert "closed at 2026-03-01 02:11:00.000 after 1 min, high at its worst" in out


def test_an_incident_is_found_by_its_id_and_by_its_first_digits(world, run):
    world.apply([fired()], AT)
    known = incident_of(fired())
    for subject in (known, known[:8], known[:12].upper()):
        (case,) = explained(run, subject)
        assert case["id"] == known
        assert [found["fingerprint"] for found in case["alerts"]] == [FINGERPRINT]
    assert run("explain", known[:7])[0] == 1


def test_digits_of_several_incidents_are_refused(world, run):
    known = incident_of(fired())
    world.apply([fired()], AT)
    other = known[:10] + "f" * 22
    row = next(iter(world.rows(known).values()))
    world.ask(lambda tx: tx.save_deliveries([row._replace(incident_id=other, status=Status.DEAD)]))
    code, out, err = run("explain", known[:8])
    assert (code, out) == (1, "")
    assert f"2 incidents begin with {known[:8]}" in err


def test_of_other_alerts_of_the_incident_only_what_concerns_all_is_shown(world, run):
    world.apply([fired(), fired()._replace(fingerprint="other")], AT)
    (case,) = explained(run)
    assert {line["fingerprint"] for line in case["history"] if line["type"] == "transition"} == {"", FINGERPRINT}


def test_an_alert_of_two_clusters_has_two_cases(world, run):
    world.apply([fired(), fired(cluster="second")], AT)
    assert [case["incident"]["cluster"] for case in explained(run)] == ["main", "second"]


@pytest.mark.parametrize(
    ("alerts", "answer"),
    [
        ([fired(severity="info")], "nobody: its severity is recorded only"),
        ([fired(firing=False, ends_at=AT + SECOND)], "nobody: only its end has been seen"),
    ],
)
def test_it_tells_why_nobody_was_told(world, run, alerts, answer):
    world.apply(alerts, AT)
    (case,) = explained(run)
    assert case["in_short"][0].startswith(answer)
    assert case["deliveries"] == []


def test_a_held_firing_is_told_as_such(world, run):
    world.apply([fired()], AT)
    world.apply([fired(firing=False, ends_at=AT + 60 * SECOND)], AT + 60 * SECOND)
    world.apply([fired()], AT + 61 * SECOND)
    _, out, _ = run("explain", FINGERPRINT)
    assert "is held since 2026-03-01 02:11:01.000" in out
    assert "a firing with an old start is held" in out


def test_a_dead_letter_and_a_parked_destination_are_told(world, run):
    def refused(row):
        return Rejected(Reason.BAD_CREDENTIALS, "destination", "invalid_auth")

    world.apply([fired(severity="medium")], AT, refused)
    status = DestinationStatus("slack:SLACK_TOKEN/#payments", "parked", "bad_credentials", "invalid_auth", AT, 0)
    world.ask(lambda tx: tx.save_destination(status))
    (case,) = explained(run)
    assert case["in_short"][0].endswith("the destination is parked, the credentials were refused: invalid_auth")
    assert case["destinations"][0]["state"] == "parked"


def test_what_was_over_before_it_could_be_paged_is_told_with_its_line(world, run):
    def down(row):
        return Retry(Reason.UNREACHABLE, detail="refused") if row.destination.startswith("pager") else Delivered()

    world.apply([fired(severity="critical")], AT, down)
    world.apply([fired(severity="critical", firing=False, ends_at=AT + SECOND)], AT + SECOND, down)
    (case,) = explained(run)
    assert any(line.get("kind") == "superseded" for line in case["history"])
    assert any(row["destination"].startswith("slack:") and row["mode"] == "note" for row in case["deliveries"])
    assert any(line.startswith("slack:SLACK_TOKEN/#payments (notice, payments): told at") for line in case["in_short"])


def test_a_note_is_explained_by_its_id(world, run):
    def down(row):
        return Retry(Reason.UNREACHABLE) if row.destination.startswith("pager") else Delivered()

    world.apply([fired(severity="critical")], AT, down)
    world.apply([fired(severity="critical", firing=False, ends_at=AT + SECOND)], AT + SECOND, down)
    (case,) = explained(run, f"missed-{incident_of(fired())}-1")
    assert case["incident"] is None
    assert case["deliveries"][0]["mode"] == "note"


def test_only_the_newest_lines_are_shown(world, run):
    world.apply([fired()], AT)
    world.apply([fired(firing=False, ends_at=AT + SECOND)], AT + SECOND)
    (case,) = explained(run, FINGERPRINT, "--limit", "1")
    assert case["cut"] is True
    assert [line["type"] for line in case["history"]] == ["transition", "attempt"]
    assert "(older lines are left out, see --limit)" in run("explain", FINGERPRINT, "--limit", "1")[1]


def test_labels_can_not_steer_the_terminal(world, run):
    wild = fired(
        labels={**fired().labels, "note": "\x1b[2J\x07\nforged line\u202e"}, annotations={"summary": "\x1b[31m"}
    )
    world.apply([wild], AT)
    code, out, _ = run("explain", FINGERPRINT)
    assert code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "\nforged" not in out


def test_what_is_not_known_is_told_with_where_to_look(world, run):
    code, out, err = run("explain", "deadbeefdeadbeef")
    assert (code, out) == (1, "")
    assert "nothing is known of 'deadbeefdeadbeef'" in err
    for hint in ("amtool alert query", "dead-letters list --quarantine", "kept for 30d", "sqlite:///alert-router.db"):
        assert hint in err


def test_it_works_without_the_routes_file(world, run):
    world.apply([fired()], AT)
    (world.folder / "rules" / "routes.yml").unlink()
    (case,) = explained(run)
    assert not any(line.startswith("By the routes") for line in case["in_short"])


def test_no_store_is_made_where_no_router_has_run(folder, run):
    code, out, err = run("explain", FINGERPRINT)
    assert (code, out) == (1, "")
    assert "there is no alert-router.db: no router has run here" in err
    assert list(folder.iterdir()) == []


def test_a_file_that_is_no_database_is_told_in_a_line(folder, run):
    (folder / "alert-router.db").write_text("this is certainly no database" * 100)
    code, out, err = run("explain", FINGERPRINT)
    assert (code, out) == (1, "")
    assert err.startswith("alert-router: the store sqlite:///alert-router.db: ")
    assert err.count("\n") == 1


def test_it_needs_no_credential_of_those_who_post(world, run, monkeypatch):
    monkeypatch.setenv("ALERT_ROUTER_LISTEN", "0.0.0.0:9095")
    world.apply([fired()], AT)
    assert explained(run)[0]["deliveries"][0]["shown"]["state"] == Shown.FIRING
