import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.dashboards import queries


@pytest.mark.parametrize(
    "expr",
    [
        'up{job="checkout-api"}',
        'up{job=~"checkout-.*$"}',
        'label_replace(up, "a", "$1", "b", "(.*)")',
        'up{path=~"[[:alpha:]]+"} # 100%',
    ],
)
def test_what_grafana_leaves_alone_stays_as_the_author_wrote_it(expr):
    assert queries.protect(expr).replace("\\x5b[", "[[") == expr


@pytest.mark.parametrize(
    ("expr", "protected"),
    [
        (
            'label_replace(up, "a", "$job", "b", "(?P<job>.*)")',
            'label_replace(up, "a", "\\x24job", "b", "(?P<job>.*)")',
        ),
        ('up{a="${instance}"}', 'up{a="\\x24{instance}"}'),
        ("up{a='$job'}", "up{a='\\x24job'}"),
        ('up{a=`$job"\\d`}', 'up{a="\\x24job\\"\\\\d"}'),
        ('up{a="[[job]]"}', 'up{a="\\x5b[job]]"}'),
        ("up # not $job", "up # not job"),
    ],
)
def test_what_grafana_would_replace_is_written_as_its_code(expr, protected):
    assert queries.protect(expr) == protected


@given(st.text(st.sampled_from("$[]{}jobx1\"'\\`#"), max_size=12))
def test_protecting_a_string_keeps_its_value(text):
    (before,) = promql_parser.parse(f"up{{a={queries.quote(text)}}}").matchers.matchers
    protected = queries.protect(f"up{{a={queries.quote(text)}}}")
    (after,) = promql_parser.parse(protected).matchers.matchers
    assert after.value == before.value == text
    assert "$j" not in protected
    assert "${" not in protected
    assert "[[" not in protected


def test_queries_are_named_as_grafana_counts():
    assert [queries.ref_id(index) for index in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == [
        "A",
        "B",
        "Z",
        "AA",
        "AB",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]


def test_a_filter_lets_alerts_without_the_label_pass():
    series = queries.alerts_series("payments", "checkout-api", ("job",), "firing")
    assert series == 'ALERTS{alertstate="firing", team="payments", service="checkout-api", job=~"$job|"}'


def test_a_runbook_elsewhere_overrides_the_pattern():
    query = queries.with_runbooks("ALERTS", "https://r.example.com/{alert}?a=$x", [("Down", "https://wiki/$b")])
    inner = 'label_replace(ALERTS, "runbook", "https://r.example.com/\\x24{1}?a=$\\x24x", "alertname", "(.+)")'
    assert query == f'label_replace({inner}, "runbook", "https://wiki/$\\x24b", "alertname", "Down")'


def test_words_in_strings_and_comments_are_not_words_of_the_expression():
    assert queries.without_strings('up{a="x-y"} # a - b') == "up{a=} "
