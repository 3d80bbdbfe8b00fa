from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model import DAY, HOUR, MINUTE, SECOND
from router.policies.schedule import clock, day_words, instant, latest, local, micros, minutes, next_after, stamp, zone

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


def utc(*fields):
    return micros(datetime(*fields, tzinfo=UTC))


def test_an_unknown_zone_is_told():
    with pytest.raises(ValueError, match="unknown time zone 'Mars/Olympus'"):
        zone("Mars/Olympus")


def test_a_plain_day():
    assert instant(date(2026, 1, 5), minutes("09:00"), "Europe/Berlin") == utc(2026, 1, 5, 8)


def test_the_end_of_the_day_is_the_next_midnight():
    assert instant(date(2026, 1, 31), minutes("24:00"), "UTC") == utc(2026, 2, 1)


def test_a_time_that_the_clock_skips_counts_as_the_jump():
    # Berlin, 29 March 2026: at 02:00 it is 03:00, which is 01:00 UTC.
    for text in ("02:00", "02:30", "02:59"):
        assert instant(date(2026, 3, 29), minutes(text), "Europe/Berlin") == utc(2026, 3, 29, 1), text
    assert instant(date(2026, 3, 29), minutes("03:00"), "Europe/Berlin") == utc(2026, 3, 29, 1)


def test_a_time_that_comes_twice_counts_the_first_time():
    # Berlin, 25 October 2026: 02:30 is 00:30 and 01:30 UTC.
    assert instant(date(2026, 10, 25), minutes("02:30"), "Europe/Berlin") == utc(2026, 10, 25, 0, 30)


def test_a_jump_of_half_an_hour():
    # Lord Howe, 4 October 2026: at 02:00 it is 02:30, which is 15:30 UTC on the 3rd.
    assert instant(date(2026, 10, 4), minutes("02:15"), "Australia/Lord_Howe") == utc(2026, 10, 3, 15, 30)


def test_the_next_and_the_latest_meet():
    friday = utc(2026, 1, 2, 9)
    assert next_after("09:00", (0, 1, 2, 3, 4), "UTC", friday - 1) == ("2026-01-02", friday)
    assert next_after("09:00", (0, 1, 2, 3, 4), "UTC", friday) == ("2026-01-05", utc(2026, 1, 5, 9))
    assert latest("09:00", (0, 1, 2, 3, 4), "UTC", friday) == ("2026-01-02", friday)
    assert latest("09:00", (0, 1, 2, 3, 4), "UTC", friday - 1) == ("2026-01-01", utc(2026, 1, 1, 9))


def test_midnight_at_the_end_belongs_to_the_day_before():
    assert next_after("24:00", (6,), "UTC", utc(2026, 1, 4, 12)) == ("2026-01-04", utc(2026, 1, 5))
    assert latest("24:00", (6,), "UTC", utc(2026, 1, 5)) == ("2026-01-04", utc(2026, 1, 5))


def test_no_weekday_is_told():
    with pytest.raises(ValueError, match="no weekday"):
        next_after("09:00", (), "UTC", 0)
    with pytest.raises(ValueError, match="no weekday"):
        latest("09:00", (), "UTC", 0)


@given(
    at=st.integers(0, 1439),
    name=st.sampled_from(ZONES),
    start=st.dates(date(2015, 1, 1), date(2035, 1, 1)),
)
def test_each_day_has_exactly_one_occurrence(at, name, start):
    text = f"{at // 60:02}:{at % 60:02}"
    found = []
    moment = instant(start, 0, name) - 1
    for _ in range(12):
        occurrence = next_after(text, EVERY_DAY, name, moment)
        assert occurrence.at > moment
        assert latest(text, EVERY_DAY, name, occurrence.at) == occurrence
        assert latest(text, EVERY_DAY, name, occurrence.at - 1).at < occurrence.at
        found.append(occurrence.day)
        moment = occurrence.at
    assert found == [(start + timedelta(days=n)).isoformat() for n in range(12)]


@given(at=st.integers(0, 1439), name=st.sampled_from(ZONES), day=st.dates(date(2015, 1, 1), date(2035, 1, 1)))
def test_an_instant_reads_as_its_time_or_follows_a_jump(at, name, day):
    found = instant(day, at, name)
    shown = local(found, name)
    if (shown.date(), shown.hour * 60 + shown.minute) != (day, at):
        # The clock jumped over it: a moment earlier it was before, at the moment it is after.
        before, after = local(found - SECOND, name), shown
        wanted = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=at)
        assert before.replace(tzinfo=UTC) < wanted < after.replace(tzinfo=UTC)


def test_times_read_without_the_locale():
    moment = utc(2026, 12, 6, 1, 10)
    assert clock(moment, "Europe/Berlin") == "02:10"
    assert day_words(moment, "Europe/Berlin") == "Sunday 6 December"
    assert stamp(moment, "Europe/Berlin") == "6 December 02:10"


@pytest.mark.parametrize("at", [-(10**30), 10**30])
def test_an_absurd_time_still_reads(at):
    assert stamp(at, "Australia/Lord_Howe")
    assert stamp(at, "America/New_York")


def test_microseconds_are_exact():
    assert micros(datetime(1970, 1, 2, 1, 1, 1, 1, tzinfo=UTC)) == DAY + HOUR + MINUTE + SECOND + 1
