"""Which recording rules gave a result, as promtool tells it."""

ALERT = """
- alert: Down
  severity: medium
  expr: sum by (job) ({reads})
  threshold: equals 0
  for: 5m
  summary: Down
  runbook: https://wiki.example.com/down
  tests:
    - name: fires
      series: {{{series}}}
      firing_at: [15m]
"""


def alert(series, reads='up{job="a"}'):
    return ALERT.format(series=series, reads=reads)


UP = """'up{job="a"}': 0x20"""


def record(name, expr, labels="{}"):
    return f"""
- record: {name}
  expr: {expr}
  labels: {labels}
"""


def test_a_rule_is_reached_when_a_scenario_makes_it_give_a_result(measure):
    found = measure(record("job:up:sum", "sum by (job) (up)") + alert(UP))
    assert found.reached() == {"job:up:sum": ["fires"]}
    assert found.coverage.is_met


def test_a_rule_whose_metric_no_scenario_has_is_missing(measure):
    found = measure(record("job:down:sum", "sum by (job) (down)") + alert(UP))
    assert found.reached() == {"job:down:sum": []}
    assert not found.coverage.is_met
    assert found.coverage.records[0].missing


def test_it_is_not_missing_where_the_policy_does_not_demand_it(measure):
    found = measure(record("job:down:sum", "sum by (job) (down)") + alert(UP), proof="{recording_rules: false}")
    assert found.reached() == {"job:down:sum": []}
    assert found.coverage.is_met


def test_a_rule_that_never_matches_is_missing_though_its_metric_is_there(measure):
    found = measure(record("job:up:ratio", 'up{job="a"} / on (instance) up{job="b"}') + alert(UP))
    assert found.reached() == {"job:up:ratio": []}


def test_a_rule_is_reached_through_another(measure):
    rules = record("job:up:sum", "sum by (job) (up)") + record("job:up:double", "job:up:sum * 2")
    found = measure(rules + alert(UP, 'job:up:double{job="a"}'))
    assert found.reached() == {"job:up:sum": ["fires"], "job:up:double": ["fires"]}


def test_a_result_early_in_a_scenario_counts(measure):
    found = measure(record("job:early:sum", "sum by (job) (early)") + alert(UP + """, 'early{job="a"}': 1x1 stale"""))
    assert found.reached() == {"job:early:sum": ["fires"]}


def test_a_series_that_the_author_typed_is_no_result_of_the_rule(measure):
    found = measure(
        record("job:down:sum", "sum by (job) (down)") + alert("""'job:down:sum{job="a"}': 0x20""", "job:down:sum")
    )
    assert found.reached() == {"job:down:sum": []}


def test_rules_of_one_name_are_told_apart(measure):
    # The first one's selector finds the second one's series as well.
    rules = record("job:up:sum", 'sum by (job) (up{job="b"})') + record("job:up:sum", "sum by (job) (up)", "{x: all}")
    found = measure(rules + alert(UP))
    assert [bool(one.reached_by) for one in found.coverage.records] == [False, True]


def test_rules_of_one_name_are_told_apart_by_their_labels(measure):
    rules = record("up:sum", 'sum(up{job="a"})', "{x: a}") + record("up:sum", 'sum(up{job="b"})', "{x: b}")
    assert measure(rules + alert(UP)).reached() == {'up:sum{x="a"}': ["fires"], 'up:sum{x="b"}': []}


def test_a_number_is_a_result(measure):
    rules = record("one", "'1'") + record("one", '|-\n    2 # with a comment, and "quotes"', "{x: 'a\"b'}")
    assert all(one.reached_by for one in measure(rules + alert(UP)).coverage.records)


def test_it_is_told_which_of_the_scenarios_of_an_entry_reached_it(measure):
    other = alert("""'load{job="b"}': 0x20""", 'load{job="b"}').replace("Down", "Idle").replace("fires", "is idle")
    found = measure(record("job:load:sum", "sum by (job) (load)") + alert(UP) + other)
    assert found.reached() == {"job:load:sum": ["is idle"]}
    assert found.coverage.records[0].reached_by == (("Idle", "is idle"),)


def test_each_environment_needs_a_result_of_its_own(measure):
    head = """
    environments:
      production: {}
      staging: {}
    """
    rules = record("job:up:sum", 'sum by (job) (up{env="${environment}"})')
    found = measure(rules + alert("""'up{job="a", env="production"}': 0x20"""), head=head)
    assert found.reached("production") == {"job:up:sum": ["fires"]}
    assert found.reached("staging") == {"job:up:sum": []}


def test_without_any_scenario_nothing_is_reached(measure):
    watchdog = """
- alert: Watchdog
  severity: low
  expr: vector(1)
  for: 0m
  summary: All is well
  runbook: https://wiki.example.com/watchdog
"""
    found = measure(record("job:up:sum", "sum by (job) (up)") + watchdog)
    assert found.reached() == {"job:up:sum": []}
