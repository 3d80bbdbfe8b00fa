from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_world import routes

from router.model import DAY, HOUR, MINUTE
from router.policies.maintenance import muted, notices
from router.policies.schedule import micros
from router.routes import Maintenance

WINDOW = Maintenance(
    "postgres-sunday",
    {"team": "payments", "service": "postgres"},
    ("high", "medium", "low"),
    (6,),
    "02:00",
    "04:00",
    "Europe/Berlin",
    DAY,
)


def utc(*fields):
    return micros(datetime(*fields, tzinfo=UTC))


SUNDAY = utc(2026, 12, 6, 1)  # 02:00 in Berlin


def due(now, *, window=WINDOW, told=()):
    return notices(routes(maintenance=(window,)), told, now)


def test_a_notice_is_due_that_long_before_and_until_the_start():
    assert due(SUNDAY - DAY - 1) == ()
    assert len(due(SUNDAY - DAY)) == 1
    assert len(due(SUNDAY - 1)) == 1
    assert due(SUNDAY) == ()


def test_it_says_when_in_the_zone_of_the_window():
    (notice,) = due(SUNDAY - HOUR)
    assert (notice.starts_at, notice.ends_at) == (SUNDAY, SUNDAY + 2 * HOUR)
    assert notice.note.title == "Planned maintenance: postgres-sunday"
    assert notice.note.text == (
        "Sunday 6 December, 02:00 to 04:00 (Europe/Berlin), 2 h. Alerts of severity high, medium, low are muted "
        "meanwhile. Critical alerts still page."
    )
    assert notice.note.sections == (("Which alerts", ("service = postgres", "team = payments")),)
    assert notice.note.kind == "maintenance"


def test_muted_criticals_are_not_promised():
    (notice,) = due(SUNDAY - HOUR, window=WINDOW._replace(severities=("critical",)))
    assert "Critical alerts don't page either." in notice.note.text


@pytest.mark.parametrize(
    ("matchers", "team"),
    [({"team": "payments"}, "payments"), ({"service": "postgres"}, "platform"), ({"team": "gone"}, "platform")],
)
def test_the_team_that_is_matched_is_told_or_the_default_team(matchers, team):
    (notice,) = due(SUNDAY - HOUR, window=WINDOW._replace(matchers=matchers))
    assert notice.teams == (team,)


def test_each_occurrence_is_told_once():
    (notice,) = due(SUNDAY - DAY)
    (again,) = due(SUNDAY - HOUR)
    assert again.id == notice.id
    assert due(SUNDAY - HOUR, told={notice.id}) == ()
    (following,) = due(SUNDAY + 7 * DAY - HOUR, told={notice.id})
    assert following.id != notice.id


def test_a_window_that_moves_is_told_anew():
    (notice,) = due(SUNDAY - HOUR)
    (moved,) = due(SUNDAY - HOUR, window=WINDOW._replace(end="05:00"))
    assert moved.id != notice.id


def test_all_that_begin_within_the_notice_are_told_the_nearest_first():
    window = WINDOW._replace(weekdays=(0, 2, 6), notice=7 * DAY)
    found = due(SUNDAY - 7 * DAY, window=window)
    assert [notice.starts_at for notice in found] == [SUNDAY - 6 * DAY, SUNDAY - 4 * DAY, SUNDAY]


def test_no_notice_is_given_where_none_is_wanted():
    assert due(SUNDAY - 1, window=WINDOW._replace(notice=0)) == ()


def test_to_the_end_of_the_day():
    (notice,) = due(SUNDAY - HOUR, window=WINDOW._replace(end="24:00"))
    assert "02:00 to 24:00" in notice.note.text
    assert notice.ends_at == SUNDAY + 22 * HOUR


def test_a_window_across_a_jump_of_the_clock_is_shorter_or_longer():
    spring = utc(2026, 3, 29, 1)
    (notice,) = due(spring - HOUR)
    assert (notice.starts_at, notice.ends_at) == (spring, spring + HOUR)
    assert "03:00 to 04:00" in notice.note.text
    autumn = utc(2026, 10, 25, 0)
    (notice,) = due(autumn - HOUR)
    assert notice.ends_at - notice.starts_at == 3 * HOUR


def test_a_window_in_an_hour_that_is_skipped_does_not_happen():
    assert due(utc(2026, 3, 29, 0), window=WINDOW._replace(start="02:15", end="02:45")) == ()


LABELS = {"team": "payments", "service": "postgres", "alertname": "Lag"}


def is_muted(now, labels=LABELS, severity="high", window=WINDOW):
    return muted(routes(maintenance=(window,)), labels, severity, now)


def test_what_matches_is_muted_within_the_window():
    assert [is_muted(SUNDAY + offset) for offset in (-1, 0, 2 * HOUR - 1, 2 * HOUR)] == [False, True, True, False]
    assert not is_muted(SUNDAY + DAY)


def test_what_does_not_match_is_not_muted():
    assert not is_muted(SUNDAY, {**LABELS, "service": "redis"})
    assert not is_muted(SUNDAY, {"team": "payments"})
    assert not is_muted(SUNDAY, severity="critical")
    assert not is_muted(SUNDAY, severity=None)


def test_without_windows_nothing_is_muted():
    assert not muted(routes(), LABELS, "high", SUNDAY)


@given(st.integers(0, 400 * 24 * 60), st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_it_is_muted_when_the_notice_says_so(minute, zone):
    window = WINDOW._replace(time_zone=zone, weekdays=(0, 1, 2, 3, 4, 5, 6), notice=2 * DAY)
    before = utc(2026, 1, 1) + minute * MINUTE
    for notice in due(before, window=window):
        assert is_muted(notice.starts_at, window=window)
        assert not is_muted(notice.starts_at - MINUTE, window=window)
        assert is_muted(notice.ends_at - MINUTE, window=window)
        assert not is_muted(notice.ends_at, window=window)
