"""When something that is planned by the wall clock happens, and how times read to people. Pure.

A wall clock skips an hour in spring and repeats one in autumn. A time that is skipped counts as the moment of the jump,
a time that comes twice counts the first time: so everything that is planned for a day happens on it exactly once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.messages.text import moment
from router.model import SECOND, Micros

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEK = 7
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""Not strftime's, which depend on the machine's locale."""


class Occurrence(NamedTuple):
    """One time that something is planned for."""

    day: str
    """The local date that it belongs to, YYYY-MM-DD: what tells it from every other occurrence."""
    at: Micros


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name. ValueError when this machine knows none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def minutes(clock_time: str) -> int:
    """`HH:MM` as minutes after midnight; 24:00 is 1440. The form is held by the schema of routes.yml."""
    hours, _, rest = clock_time.partition(":")
    return int(hours) * 60 + int(rest)


def micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds since the epoch, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def local(at: Micros, time_zone: str) -> datetime:
    """A time on the wall clock of a zone."""
    found = moment(at)
    try:
        return found.astimezone(zone(time_zone))
    except OverflowError:
        # Somebody's alert claims to be from the first or the last day that a calendar knows.
        return found


def instant(day: date, minute: int, time_zone: str) -> Micros:
    """When the wall clock of a zone shows that minute of that day; 1440 is the next midnight."""
    naive = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001  (its zone comes next)
    first = naive.replace(tzinfo=zone(time_zone))
    second = first.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None
    assert after is not None
    if before >= after:
        return micros(first)
    # The clock jumps over this minute. The jump lies between the two readings that the offsets give; PEP 495 says
    # that fold 0 is read with the offset before the jump, fold 1 with the one after it.
    low, high = micros(second) // SECOND, micros(first) // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if local(middle * SECOND, time_zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high * SECOND


def _days(start: date, weekdays: Collection[int], step: int) -> Iterator[date]:
    """That day and those after (step 1) or before it (step -1) that fall on one of the weekdays, over ten days."""
    for distance in range(WEEK + 3):
        day = start + timedelta(days=step * distance)
        if day.weekday() in weekdays:
            yield day


def next_after(clock_time: str, weekdays: Collection[int], time_zone: str, after: Micros) -> Occurrence:
    """The first occurrence later than that time. ValueError when there are no weekdays."""
    # A day's 24:00 lies on the next day, so the search begins a day early.
    for day in _days(local(after, time_zone).date() - timedelta(days=1), weekdays, 1):
        at = instant(day, minutes(clock_time), time_zone)
        if at > after:
            return Occurrence(day.isoformat(), at)
    raise ValueError("nothing is planned on no weekday")


def latest(clock_time: str, weekdays: Collection[int], time_zone: str, until: Micros) -> Occurrence:
    """The last occurrence not later than that time. ValueError when there are no weekdays."""
    for day in _days(local(until, time_zone).date(), weekdays, -1):
        at = instant(day, minutes(clock_time), time_zone)
        if at <= until:
            return Occurrence(day.isoformat(), at)
    raise ValueError("nothing is planned on no weekday")


def clock(at: Micros, time_zone: str) -> str:
    """`02:10`, as a wall clock shows it."""
    return f"{local(at, time_zone):%H:%M}"


def day_words(at: Micros, time_zone: str) -> str:
    """`Sunday 7 December`."""
    found = local(at, time_zone)
    return f"{DAY_NAMES[found.weekday()]} {found.day} {MONTH_NAMES[found.month - 1]}"


def stamp(at: Micros, time_zone: str) -> str:
    """`7 December 02:10`: a time that may be days ago, in a list."""
    found = local(at, time_zone)
    return f"{found.day} {MONTH_NAMES[found.month - 1]} {found:%H:%M}"
