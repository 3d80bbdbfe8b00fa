import pytest
from decision_samples import NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model import HOUR, MINUTE, SECOND
from router.policies import storm
from router.routes import Storm

SETTING = Storm(enabled=True, incidents_per_minute=3)


def rage(count, *, state=None, at=NOW, every=SECOND, name="Down", setting=SETTING):
    """The state after `count` openings, and for each whether it was folded."""
    state = state or storm.calm("payments")
    folded = []
    for n in range(count):
        state, found = storm.opened(state, name, setting, at + n * every)
        folded.append(bool(found))
    return state, folded


def test_up_to_the_limit_nothing_is_folded():
    state, folded = rage(3)
    assert folded == [False] * 3
    assert storm.step(state, SETTING, 0, NOW + MINUTE) == (state, None)


def test_what_is_over_the_limit_is_folded():
    state, folded = rage(5)
    assert folded == [False, False, False, True, True]
    assert state.folded == 2
    assert state.counts == {"Down": 2}


def test_what_opens_slowly_is_no_storm():
    _, folded = rage(50, every=20 * SECOND)
    assert not any(folded)


def test_a_minute_counts_without_its_first_moment():
    _, folded = rage(4, every=20 * SECOND)
    assert folded == [False] * 4
    _, folded = rage(4, every=20 * SECOND - 1)
    assert folded == [False, False, False, True]


def test_it_can_be_switched_off():
    off = Storm(enabled=False, incidents_per_minute=1)
    state, folded = rage(10, setting=off)
    assert not any(folded)
    assert state == storm.calm("payments")
    raging, _ = rage(10)
    after, summary = storm.step(raging, off, 0, NOW + MINUTE)
    assert summary is not None
    assert summary.over
    assert after.id == ""


def test_the_first_summary_comes_at_once_and_says_what():
    state, _ = rage(4)
    state, summary = storm.step(state, SETTING, 0, NOW + 4 * SECOND, "https://router.example.com/storms/1")
    assert summary is not None
    assert summary.note.title == "Alert storm: 1 more new incident of team payments"
    assert summary.note.sections == (("By alert", ("Down: 1",)),)
    assert "https://router.example.com/storms/1" in summary.note.text
    assert not summary.over
    assert storm.step(state, SETTING, 0, NOW + HOUR // 60)[1] is None


def test_updates_come_ever_more_slowly_and_only_with_news():
    state, _ = rage(4)
    times = []
    for second in range(3, 1_200):
        now = NOW + second * SECOND
        state, _ = storm.opened(state, "Down", SETTING, now)
        state, summary = storm.step(state, SETTING, 0, now)
        if summary is not None:
            times.append(second)
    assert times == [3, 33, 93, 213, 453, 933]


def test_two_summaries_never_share_a_moment():
    state, _ = rage(4)
    state, _ = storm.step(state, SETTING, 0, NOW + 3 * SECOND)
    state, _ = rage(1, state=state, at=NOW + 3 * SECOND)
    assert storm.step(state, SETTING, 0, NOW + 3 * SECOND)[1] is None


def test_an_update_without_news_is_not_made():
    state, _ = rage(5)
    state, first = storm.step(state, SETTING, 0, NOW + 5 * SECOND)
    assert first is not None
    assert storm.step(state, SETTING, 0, NOW + 50 * SECOND)[1] is None


def test_it_is_over_after_a_calm_minute():
    state, _ = rage(4)
    end = NOW + 2 * MINUTE
    assert not storm.is_over(state, SETTING, end - 1)
    assert storm.is_over(state, SETTING, end)
    after, summary = storm.step(state, SETTING, 2, end)
    assert summary is not None
    assert summary.over
    assert summary.note.title == "The alert storm of team payments is over"
    assert " 1 incident was counted instead of told one by one. " in summary.note.text
    assert "2 of them are still open." in summary.note.text
    assert "from 00:00 to 00:02 UTC" in summary.note.text
    assert after.id == ""
    assert storm.step(after, SETTING, 0, end) == (after, None)


def test_few_openings_prolong_no_storm_but_are_folded_until_it_ends():
    state, _ = rage(4)
    state, folded = rage(1, state=state, at=NOW + 90 * SECOND)
    assert folded == [True]
    # Until 0:60 a minute had four; since then none has.
    assert not storm.is_over(state, SETTING, NOW + 2 * MINUTE - 1)
    assert storm.is_over(state, SETTING, NOW + 2 * MINUTE)


def test_nothing_is_folded_into_a_storm_that_has_ended_but_was_not_told_yet():
    state, _ = rage(4)
    state, folded = rage(1, state=state, at=NOW + HOUR)
    assert folded == [False]
    assert storm.step(state, SETTING, 0, NOW + HOUR)[1].over


def test_a_steady_rate_below_the_limit_is_calm():
    state, _ = rage(4)
    state, _ = rage(4, state=state, at=NOW + 25 * SECOND, every=25 * SECOND)
    assert storm.is_over(state, SETTING, NOW + 4 * MINUTE)
    assert storm.step(state, SETTING, 0, NOW + 4 * MINUTE)[0].id == ""


@pytest.mark.parametrize(("left", "words"), [(0, "None of them is open"), (1, "1 of them is still open"), (9, "9 of")])
def test_the_last_line_says_what_is_left(left, words):
    state, _ = rage(4)
    _, summary = storm.step(state, SETTING, left, NOW + HOUR)
    assert summary is not None
    assert words in summary.note.text


def test_alerts_are_counted_by_name_the_most_frequent_first():
    state, _ = rage(4)
    for name, count in (("Slow", 3), ("Full", 3), ("", 1)):
        state, _ = rage(count, state=state, at=NOW + 5 * SECOND, every=0, name=name)
    _, summary = storm.step(state, SETTING, 0, NOW + 6 * SECOND)
    assert summary is not None
    assert summary.note.sections[0][1] == ("Full: 3", "Slow: 3", "Down: 1", "unnamed: 1")


def test_a_hundred_names_are_not_all_counted():
    state, _ = rage(3)
    for n in range(100):
        state, _ = storm.opened(state, f"Alert{n}", SETTING, NOW + 4 * SECOND)
    assert len(state.counts) == storm.NAMES + 1
    _, summary = storm.step(state, SETTING, 0, NOW + 5 * SECOND)
    assert summary is not None
    assert summary.note.sections[0][1][-1] == f"other alerts: {100 - storm.NAMES}"


def test_each_summary_has_an_id_of_its_own_and_each_storm_too():
    state, _ = rage(4)
    again, _ = rage(4)
    assert state.id == again.id
    state, first = storm.step(state, SETTING, 0, NOW + 4 * SECOND)
    state, _ = rage(1, state=state, at=NOW + 40 * SECOND)
    state, second = storm.step(state, SETTING, 0, NOW + 40 * SECOND)
    state, last = storm.step(state, SETTING, 0, NOW + HOUR)
    later, _ = rage(4, state=state, at=NOW + HOUR)
    ids = [summary.note_id for summary in (first, second, last) if summary is not None]
    assert len(set(ids)) == 3
    assert later.id != again.id
    assert later.folded == 1


def test_a_clock_that_is_set_back_does_not_make_a_storm_eternal():
    state, _ = rage(5, at=NOW + HOUR)
    state, summary = storm.step(state, SETTING, 0, NOW)
    assert summary is not None
    assert not summary.over
    assert not storm.is_over(state, SETTING, NOW + 2 * MINUTE - 1)
    assert storm.is_over(state, SETTING, NOW + 2 * MINUTE)
    state, _ = storm.opened(state, "Down", SETTING, NOW)
    assert storm.is_over(state, SETTING, NOW + 2 * MINUTE)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"recent": 1}', "null", '{"recent":["x"]}'])
def test_a_state_that_is_none_is_calm(text):
    assert storm.decode("payments", text) == storm.calm("payments")


@settings(max_examples=150)
@given(
    gaps=st.lists(
        st.sampled_from([0, 1, 5, 12, 15, 20, 25, 30, 59, 60, 61, 90]).map(lambda n: n * SECOND), max_size=40
    ),
    limit=st.integers(1, 5),
)
def test_storms_agree_with_a_reference_and_survive_the_store(gaps, limit):
    """A storm begins when more than `limit` opened within the last minute, and ends after a minute in which that was
    never so; asked at each opening and shortly before."""
    setting = Storm(enabled=True, incidents_per_minute=limit)
    state = storm.calm("payments")
    times, raging, stormy_until, told = [], False, 0, 0
    now = NOW
    for gap in gaps:
        now += gap
        if raging and now >= stormy_until + MINUTE:
            raging = False
        state, summary = storm.step(storm.decode("payments", storm.encode(state)), setting, 0, now)
        if summary is not None and summary.over:
            told = 0
        assert bool(state.id) is raging
        times.append(now)
        window = [at for at in times if at > now - MINUTE]
        if len(window) > limit:
            raging = True
            stormy_until = window[-(limit + 1)] + MINUTE
        state, found = storm.opened(state, "Down", setting, now)
        assert bool(found) is raging
        told += raging
        assert state.folded == told
