import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from rules_gen.diagnostics import Place
from rules_gen.model import SEVERITIES, MaintenanceWindow
from rules_gen.target_support.muting import MutedRoute, muted_routes

LABELS = ("environment", "service", "zone")
VALUES = ("a", "b")
ALIASES = (("P2", "high"), ("warning", "medium"), ("info", "none"))
CANONICAL = {name: name for name in SEVERITIES} | dict(ALIASES)


def _window(name, matchers, severities=("high", "medium", "low"), start="02:00"):
    return MaintenanceWindow(
        name, matchers, severities, ("sunday",), start, "04:00", "UTC", None, Place("alerts/policy.yaml")
    )


def _matches(matcher: str, alert: dict[str, str]) -> bool:
    label, operator, value = re.fullmatch(r'(\w+)(=~|=)"(.*)"', matcher).groups()
    return re.fullmatch(value if operator == "=~" else re.escape(value), alert.get(label, "")) is not None


def _muting(routes: tuple[MutedRoute, ...], alert: dict[str, str]) -> tuple[str, ...]:
    """The windows of the route that takes this alert: the first that matches, down to the leaf."""
    for route in routes:
        if all(_matches(matcher, alert) for matcher in route.matchers):
            return _muting(route.routes, alert) or route.windows
    return ()


def _count(routes: tuple[MutedRoute, ...]) -> int:
    return sum(1 + _count(route.routes) for route in routes)


def _alerts():
    for values in itertools.product((None, *VALUES, "other"), repeat=len(LABELS)):
        labels = {label: value for label, value in zip(LABELS, values, strict=True) if value is not None}
        for severity in (None, *CANONICAL, "unknown"):
            yield labels if severity is None else {**labels, "severity": severity}


windows_lists = st.lists(
    st.builds(
        lambda matchers, severities, start: (
            tuple(sorted(matchers.items())),
            tuple(sorted(severities)),
            start,
        ),
        st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES), min_size=1),
        st.sets(st.sampled_from(SEVERITIES), min_size=1),
        st.sampled_from(("01:00", "02:00", "03:00")),
    ),
    max_size=5,
)


@given(windows_lists)
def test_every_alert_is_muted_at_exactly_the_times_of_the_windows_that_match_it(parts):
    windows = [_window(f"w{index}", *part) for index, part in enumerate(parts)]
    times = {window.name: window.start for window in windows}
    routes = muted_routes(windows, ALIASES)

    for alert in _alerts():
        expected = {
            window.start
            for window in windows
            if all(alert.get(label) == value for label, value in window.matchers)
            and CANONICAL.get(alert.get("severity", "")) in window.severities
        }
        assert {times[name] for name in _muting(routes, alert)} == expected


def test_overlapping_windows_get_a_route_for_what_both_match():
    routes = muted_routes(
        [
            _window("database", (("service", "postgres"),)),
            _window("staging", (("environment", "staging"),), start="22:00"),
        ],
        (),
    )

    assert routes == (
        MutedRoute(
            ('service="postgres"', 'severity=~"high|medium|low"'),
            ("database",),
            (MutedRoute(('environment="staging"',), ("database", "staging"), ()),),
        ),
        MutedRoute(('environment="staging"', 'severity=~"high|medium|low"'), ("staging",), ()),
    )


def test_windows_that_no_alert_can_share_are_not_combined():
    by_value = [_window("a", (("service", "a"),)), _window("b", (("service", "b"),), start="03:00")]
    by_severity = [
        _window("high", (("service", "a"),), ("high",)),
        _window("low", (("environment", "b"),), ("low",), "03:00"),
    ]

    assert _count(muted_routes(by_value, ())) == 2
    assert _count(muted_routes(by_severity, ())) == 2


def test_windows_with_the_same_matchers_share_one_route():
    routes = muted_routes(
        [
            _window("night", (("service", "a"), ("zone", "b"))),
            _window("noon", (("zone", "b"), ("service", "a")), start="12:00"),
        ],
        (),
    )

    assert [(route.windows, route.routes) for route in routes] == [(("night", "noon"), ())]


def test_a_wider_window_before_a_narrower_one_leaves_no_route_that_is_never_reached():
    routes = muted_routes(
        [
            _window("wide", (("service", "a"),)),
            _window("narrow", (("service", "a"), ("zone", "b")), start="03:00"),
        ],
        (),
    )

    assert [route.windows for route in routes] == [("wide",)]
    assert [inner.windows for inner in routes[0].routes] == [("wide", "narrow")]


def test_windows_with_the_same_times_are_not_combined():
    windows = [_window(f"w{index}", ((f"label{index}", "x"),)) for index in range(12)]

    assert _count(muted_routes(windows, ())) == 12


def test_a_window_names_its_severities_and_their_aliases():
    (route,) = muted_routes([_window("w", (("service", "a"),), ("high", "low"))], ALIASES)

    assert route.matchers == ('service="a"', 'severity=~"high|low|P2"')


def test_a_single_severity_is_matched_without_a_pattern():
    (route,) = muted_routes([_window("w", (("service", "a"),), ("low",))], ALIASES)

    assert route.matchers == ('service="a"', 'severity="low"')
