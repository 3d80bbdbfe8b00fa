"""Ids, places and keys, for services of any size."""

import warnings

import orjson
import promql_parser
from hypothesis import given, settings
from hypothesis import strategies as st

SIGNALS = st.sampled_from(
    [
        "a_total",
        'label_replace(up, "x", "$job", "job", "(.*)")',
        "up{p=`[[job]]`}",
        "a\n/ b # $job",
        "-a",
        "vector(1)",
    ]
)
LIMITS = st.sampled_from([None, (">", 0.05), ("<", 0.6), ("==", 0.0), ("!=", 1.0), ("==", 7.0), (">=", -3.0)])
RULES = st.lists(
    st.tuples(
        SIGNALS,
        LIMITS,
        st.sampled_from(["critical", "high", "medium", "low"]),
        st.sampled_from([None, "eu", "us"]),
    ),
    min_size=1,
    max_size=4,
)


def make(model, alerts):
    built = []
    for index, rules in enumerate(alerts):
        name = f"Alert{index}"
        made = [
            model.rule(
                name,
                signal if limit else f"({signal}\n) unless up",
                model.threshold("as typed", *limit) if limit else None,
                severity,
                environment=environment,
            )
            for signal, limit, severity, environment in rules
        ]
        built.append(model.alert(name, *made))
    return model.service(*built)


def cells(panel):
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}


def assert_disjoint(panels):
    taken = set()
    for panel in panels:
        mine = cells(panel)
        assert not mine & taken
        assert all(0 <= x < 24 and y >= 0 for x, y in mine)
        taken |= mine


def decoded_again(content):
    """What the SDK's types keep of a dashboard: a key that they don't know is lost on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.cog import plugins
        from grafana_foundation_sdk.models.dashboard import Dashboard
    plugins.register_default_plugins()
    back = Dashboard.from_json(content)
    return orjson.loads(orjson.dumps(back, default=lambda value: value.to_json()))


@settings(max_examples=60, deadline=None)
@given(alerts=st.lists(RULES, min_size=1, max_size=30))
def test_any_service_has_unique_ids_free_places_and_known_keys(model, compiled, panels_of, queries_of, alerts):
    dashboard = compiled(make(model, alerts))
    everything = [
        *dashboard["panels"],
        *(inner for row in dashboard["panels"] for inner in row.get("panels", ())),
    ]
    ids = [panel["id"] for panel in everything]
    assert len(ids) == len(set(ids))
    assert min(ids) == 1
    assert_disjoint(dashboard["panels"])
    for row in dashboard["panels"]:
        assert_disjoint(row.get("panels", ()))
    for panel in panels_of(dashboard):
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))
    for _, expr in queries_of(dashboard):
        assert promql_parser.parse(expr)
    assert decoded_again(dashboard) == dashboard


def test_the_sdk_s_types_know_every_key_of_every_kind_of_panel(dashboard):
    assert decoded_again(dashboard) == dashboard


def test_a_key_that_the_sdk_does_not_know_is_noticed(dashboard):
    misspelt = {**dashboard, "grafTooltip": 1}
    assert decoded_again(misspelt) != misspelt
