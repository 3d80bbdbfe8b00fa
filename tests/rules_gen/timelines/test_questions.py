"""What promtool's answers become, without promtool."""

from rules_gen.diagnostics import Place
from rules_gen.model import Assertion, Scenario, State
from rules_gen.timelines.curves import MOST_LINES, Curve
from rules_gen.timelines.questions import Shoot
from rules_gen.timelines.timeline import Span
from rules_gen.timelines.window import Window

MINUTE = 60_000
TIMES = tuple(range(0, 6 * MINUTE, MINUTE))


def shoot(*curves, severities=("high",), asserted=()):
    made = tuple(Assertion(State.FIRING, f"{at}m", at * MINUTE, severity, Place("x")) for at, severity in asserted)
    scenario = Scenario("Down", "fires", None, "1m", MINUTE, (), made, Place("x"))
    return Shoot("key", scenario, severities, Window(0, 5 * MINUTE, MINUTE, TIMES, TIMES), curves)


def curve(*expressions, single=False):
    return Curve("a curve", "", tuple((text, text) for text in expressions), (), single=single)


def answered(made, expression, values):
    """Answers for an expression: by minute, label sets and values."""
    asked = [question for question, _ in made.questions() if question.startswith(expression)]
    assert len(asked) == len(TIMES)
    return {asked[minute]: tuple(found) for minute, found in values.items()}


def alerts(made, states):
    return answered(
        made,
        "ALERTS",
        {
            minute: [((("alertstate", state), ("severity", severity)), "1") for state, severity in found]
            for minute, found in states.items()
        },
    )


def test_questions_are_all_different_and_asked_at_their_times():
    made = shoot(curve("up"), curve("up", "down"))
    questions = list(made.questions())
    assert len({question for question, _ in questions}) == len(questions) == 3 * len(TIMES)
    assert {at for _, at in questions} == {"0s", "1m", "2m", "3m", "4m", "5m"}


def test_a_state_lasts_until_the_tick_at_which_it_is_another():
    made = shoot(severities=("high", "critical", "high"), asserted=[(3, None), (4, "high")])
    states = {1: [("pending", "high")], 2: [("pending", "high")], 3: [("firing", "high")], 5: [("firing", "high")]}
    critical, high = made.timeline(alerts(made, states)).bands
    assert (critical.severity, critical.spans, critical.asserted) == ("critical", (), (3 * MINUTE,))
    assert high.spans == (Span("pending", MINUTE, 3 * MINUTE), Span("firing", 3 * MINUTE, 4 * MINUTE))
    assert high.asserted == (3 * MINUTE, 4 * MINUTE)


def test_what_holds_at_the_end_lasts_to_the_end_and_firing_wins_over_pending():
    made = shoot()
    states = {minute: [("pending", "high"), ("firing", "high")] for minute in range(2, 6)}
    assert made.timeline(alerts(made, states)).bands[0].spans == (Span("firing", 2 * MINUTE, 5 * MINUTE),)


def test_what_has_no_number_is_a_gap():
    made = shoot(curve("up"))
    values = {0: "1", 1: "NaN", 2: "2", 3: "3", 4: "+Inf", 5: "{{count:1}}"}
    found = answered(made, "up", {minute: [((("job", "a"),), value)] for minute, value in values.items()})
    (panel,) = made.timeline(found).panels
    assert [[value for _, value in run] for run in panel.lines[0].runs] == [[1], [2, 3]]


def test_the_series_for_which_the_alert_woke_are_drawn_first():
    made = shoot(curve("up"))
    labels = [(("instance", f"i{number}"), ("job", "a")) for number in range(9)]
    found = answered(made, "up", {minute: [(one, "1") for one in labels] for minute in range(6)})
    awake = (("alertstate", "firing"), ("instance", "i8"), ("job", "a"), ("severity", "high"))
    found |= answered(made, "ALERTS", {3: [(awake, "1")]})
    (panel,) = made.timeline(found).panels
    assert [line.label for line in panel.lines] == ["i0", "i1", "i2", "i8"]
    assert panel.left_out == 9 - MOST_LINES


def test_a_series_of_another_scenario_in_the_entry_is_not_drawn():
    made = shoot(curve('up{job="a"}', single=True))
    own, other = (("__name__", "up"), ("job", "a")), (("__name__", "up"), ("instance", "x"), ("job", "a"))
    found = answered(made, 'up{job="a"}', {0: [(own, "1"), (other, "2")]})
    (panel,) = made.timeline(found).panels
    assert [line.runs for line in panel.lines] == [(((0, 1.0),),)]


def test_series_are_told_apart_by_what_differs():
    made = shoot(curve("up"))
    several = [(("instance", "a"), ("job", "x"), ("team", "t")), (("instance", "b"), ("job", "y"), ("team", "t"))]
    found = answered(made, "up", {0: [(labels, "1") for labels in several]})
    assert [line.label for line in made.timeline(found).panels[0].lines] == ["a, x", "b, y"]
    lacking = answered(made, "up", {0: [(several[0], "1"), ((("team", "t"),), "1")]})
    assert {line.label for line in made.timeline(lacking).panels[0].lines} == {"instance=a, job=x", ""}
