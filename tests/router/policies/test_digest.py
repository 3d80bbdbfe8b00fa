from datetime import UTC, datetime

import pytest
from decision_samples import delivery, incident
from hypothesis import given
from hypothesis import strategies as st

from router.messages.message import decode_note, encode_note
from router.model import DAY, HOUR, MINUTE, NOTHING, IncidentCounts, Mode, Shown, Status, View
from router.policies.digest import (
    LINES,
    OPEN,
    OPENED,
    RESOLVED,
    baseline,
    by_recipient,
    compose,
    due,
    next_due,
    note_id,
)
from router.policies.schedule import Occurrence, micros
from router.routes import Digest

SETTING = Digest("09:00", (0, 1, 2, 3, 4), "Europe/Berlin")
MAIL = "email:payments@example.com"


def utc(*fields):
    return micros(datetime(*fields, tzinfo=UTC))


FRIDAY, MONDAY = utc(2026, 1, 2, 8), utc(2026, 1, 5, 8)  # 09:00 in Berlin
TODAY = Occurrence("2026-01-05", MONDAY)
FIRING, OVER = View(1, Shown.FIRING, 3), View(1, Shown.RESOLVED, 3)


# When


def test_it_is_due_from_its_time_on_and_until_it_has_left():
    assert due(SETTING, "2026-01-02", MONDAY - 1) is None
    assert due(SETTING, "2026-01-02", MONDAY) == TODAY
    assert due(SETTING, "2026-01-02", MONDAY + 5 * HOUR) == TODAY
    assert due(SETTING, "2026-01-05", MONDAY + 5 * HOUR) is None


def test_after_a_week_of_downtime_one_catches_up():
    found = due(SETTING, "2025-12-24", MONDAY + HOUR)
    assert found == TODAY
    assert due(SETTING, found.day, MONDAY + HOUR) is None


def test_at_the_first_start_nothing_is_due():
    assert due(SETTING, None, MONDAY + HOUR) is None
    assert baseline(SETTING, MONDAY + HOUR) == "2026-01-05"
    assert due(SETTING, baseline(SETTING, MONDAY - HOUR), MONDAY) == TODAY


def test_a_clock_that_was_wrong_for_a_while_does_not_stop_digests():
    assert due(SETTING, "2031-01-01", MONDAY + HOUR) == TODAY
    # A clock set back by less than a digest sends none twice.
    assert due(SETTING, "2026-01-05", MONDAY - HOUR) is None


def test_a_new_time_of_day_sends_no_second_one_that_day():
    assert due(SETTING._replace(at="17:00"), "2026-01-05", MONDAY + 9 * HOUR) is None


def test_the_next_one_is_known():
    assert next_due(SETTING, FRIDAY) == TODAY


@given(st.lists(st.integers(1, 40 * 60), min_size=1, max_size=60), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_each_planned_digest_leaves_once_at_most_and_the_last_one_always(steps, zone):
    setting = SETTING._replace(time_zone=zone, at="02:30")
    now = utc(2026, 3, 20)
    flushed, days = baseline(setting, now), []
    for minutes in steps:
        now += minutes * MINUTE
        found = due(setting, flushed, now)
        if found is not None:
            assert found.at <= now
            days.append(found.day)
            flushed = found.day
        assert flushed == baseline(setting, now)
    assert days == sorted(set(days))


# What


def row(known, wanted=FIRING, shown=NOTHING, **changes):
    return delivery(
        known,
        MAIL,
        **{"mode": Mode.DIGEST, "urgent": False, "wanted": wanted, "shown": shown, "since": FRIDAY, **changes},
    )


def low(known, **changes):
    values = {
        "severity": "low",
        "worst": "low",
        "counts": (IncidentCounts("low", "payments", "", 1),),
        "opened_at": FRIDAY + HOUR,
        "summary": f"Disk of {known} fills up",
    }
    return incident(known, **{**values, **changes})


def closed(known, **changes):
    return low(known, **{"open": False, "closed_at": FRIDAY + 3 * HOUR, "counts": (), **changes})


def digest(rows, incidents, **options):
    found = {one.id: one for one in incidents}
    return compose(MAIL, rows, found, setting=SETTING, occurrence=TODAY, now=MONDAY, **options)


def lines(rows, incidents, **options):
    note = digest(rows, incidents, **options).note
    return {title.partition(" (")[0]: texts for title, texts in note.sections} if note else {}


def test_it_tells_what_opened_what_is_open_and_what_resolved():
    made = digest(
        [row("a"), row("b", shown=FIRING), row("c", wanted=OVER, shown=FIRING)], [low("a"), low("b"), closed("c")]
    )
    assert made.note is not None
    assert made.note.sections == (
        (f"{OPENED} (1)", ("Disk of a fills up: open since 2 January 10:00, for 2 d 23 h",)),
        (f"{OPEN} (1)", ("Disk of b fills up: open since 2 January 10:00, for 2 d 23 h",)),
        (f"{RESOLVED} (1)", ("Disk of c fills up: resolved 2 January 12:00, after 2 h",)),
    )
    assert made.note.title == "1 opened, 1 still open, 1 resolved"
    assert made.note.text == "Alerts that can wait, as of Monday 5 January, 09:00 (Europe/Berlin)."
    assert made.team == "payments"


def test_what_began_and_ended_in_between_is_told_too():
    told = lines([row("a", wanted=OVER)], [closed("a")])
    assert told == {
        RESOLVED: ("Disk of a fills up: resolved 2 January 12:00, after 2 h; it began after the last digest",)
    }


def test_a_new_episode_of_what_was_told_as_open_is_told_as_new():
    told = lines([row("a", wanted=View(2, Shown.FIRING, 3), shown=FIRING)], [low("a", episode=2)])
    assert told == {OPENED: ("Disk of a fills up: open again since 2 January 10:00, for 2 d 23 h",)}


def test_what_was_told_as_resolved_is_not_told_again():
    assert digest([row("a", wanted=OVER, shown=OVER)], [closed("a")]).note is None
    assert digest([row("a", wanted=NOTHING)], [closed("a")]).note is None
    assert digest([], []).note is None


def test_a_worse_severity_is_said():
    told = lines([row("a", shown=FIRING)], [low("a", severity="high")])
    assert told[OPEN] == ("Disk of a fills up: open since 2 January 10:00, for 2 d 23 h, now high",)


def test_what_is_over_only_for_this_recipient_is_not_called_resolved():
    (text,) = lines([row("a", wanted=OVER, shown=FIRING)], [low("a", severity="high")])[RESOLVED]
    assert text == "Disk of a fills up: over here; the incident is open again or elsewhere"


def test_an_incident_of_many_alerts_says_how_many():
    counts = (IncidentCounts("low", "payments", "", 12),)
    (text,) = lines([row("a")], [low("a", counts=counts)])[OPENED]
    assert text.startswith("Disk of a fills up (+11 more): ")


def test_without_a_summary_the_alerts_name_stands_there():
    (text,) = lines([row("a")], [low("a", summary=" \n")])[OPENED]
    assert text.startswith("Slow: ")


def test_an_incident_without_details_is_not_left_out():
    assert lines([row("lost")], [])[OPENED] == ("incident lost, of which no details are left",)


def test_links_lead_to_the_console():
    made = digest(
        [row("a")],
        [low("a")],
        link=lambda known: f"https://router.example.com/incidents/{known}",
        overview="https://router.example.com/",
    )
    assert made.note is not None
    assert made.note.sections[0][1][0].endswith(" https://router.example.com/incidents/a")
    assert [link.url for link in made.note.links] == ["https://router.example.com/"]


def test_the_order_is_that_of_opening_whatever_the_rows_are():
    incidents = [low("a", opened_at=FRIDAY + 2), low("b", opened_at=FRIDAY + 1), low("c", opened_at=FRIDAY + 2)]
    rows = [row("c"), row("a"), row("b")]
    told = lines(rows, incidents)[OPENED]
    assert [text.split()[2] for text in told] == ["b", "a", "c"]
    assert lines(rows[::-1], incidents) == lines(rows, incidents)


def test_a_long_list_is_cut_and_counted():
    rows = [row(f"i{n:03}") for n in range(LINES + 17)]
    made = digest(rows, [low(f"i{n:03}") for n in range(LINES + 17)])
    assert made.note is not None
    ((title, texts),) = made.note.sections
    assert title == f"{OPENED} (67)"
    assert len(texts) == LINES + 1
    assert texts[-1] == "and 17 more"
    assert len(made.deliveries) == LINES + 17


def test_a_list_that_just_fits_is_not_cut():
    told = lines([row(f"i{n:03}") for n in range(LINES)], [low(f"i{n:03}") for n in range(LINES)])[OPENED]
    assert len(told) == LINES
    assert not told[-1].startswith("and ")


def test_hostile_text_stays_on_its_line():
    (text,) = lines([row("a")], [low("a", summary="x\r\nBcc: all@example.com\u202e")])[OPENED]
    assert text.startswith("x Bcc: all@example.com: open")


# What is kept


def test_the_rows_show_what_was_told():
    made = digest([row("a"), row("c", wanted=OVER, shown=FIRING)], [low("a"), closed("c")])
    assert [(one.shown, one.status, one.since, one.shown_at) for one in made.deliveries] == [
        (FIRING, Status.SETTLED, 0, MONDAY),
        (OVER, Status.SETTLED, 0, MONDAY),
    ]


def test_a_row_that_was_told_already_is_not_written_again():
    settled = row("b", shown=FIRING, status=Status.SETTLED, since=0)
    made = digest([settled], [low("b")])
    assert made.deliveries == ()
    assert made.note is not None


def test_a_second_run_after_a_crash_makes_the_same_note():
    rows, incidents = [row("a")], [low("a")]
    assert digest(rows, incidents) == digest(rows, incidents)
    assert digest(rows, incidents).note_id == note_id(MAIL, "2026-01-05")


def test_each_recipient_and_day_has_a_note_of_its_own():
    ids = {note_id(to, day) for to in (MAIL, "email:a@example.com") for day in ("2026-01-05", "2026-01-06")}
    assert len(ids) == 4


def test_rows_are_sorted_by_recipient_and_others_left_out():
    first = row("a")
    second = delivery("b", "email:a@example.com", mode=Mode.DIGEST)
    assert by_recipient([first, second, delivery("c", MAIL, mode=Mode.NOW)]) == {
        "email:a@example.com": [second],
        MAIL: [first],
    }


def test_the_note_survives_being_frozen():
    made = digest([row("a")], [low("a")])
    assert made.note is not None
    assert decode_note(encode_note(made.note)) == made.note


VIEWS = st.builds(View, st.integers(0, 3), st.sampled_from(Shown), st.integers(0, 1))


@given(st.lists(st.tuples(VIEWS, VIEWS), max_size=5))
def test_what_was_told_is_not_news_the_next_day(views):
    rows = [row(f"i{n}", wanted=wanted, shown=shown) for n, (wanted, shown) in enumerate(views)]
    incidents = [low(f"i{n}") for n in range(len(views))]
    after = {one.incident_id: one for one in digest(rows, incidents).deliveries}
    following = digest([after.get(one.incident_id, one) for one in rows], incidents)
    assert following.deliveries == ()
    titles = [title.partition(" (")[0] for title, _ in following.note.sections] if following.note else []
    assert set(titles) <= {OPEN}
    assert bool(titles) == any(wanted.state is Shown.FIRING for wanted, _ in views)


@pytest.mark.parametrize("days", [1, 400])
def test_durations_of_days_read(days):
    (text,) = lines([row("a")], [low("a", opened_at=MONDAY - days * DAY)])[OPENED]
    assert text.endswith(f"for {days} d")
