import pytest

from rules_gen.dashboards.text import markdown, plain


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Checkout is down", "Checkout is down"),
        ("{{ $labels.job }} answers {{ $value | humanizePercentage }} late", "<job> answers <value> late"),
        ('{{ printf "%.1f" $value }}s', "<value>s"),
        ("{{ if $labels.env }}in {{ $labels.env }}{{ end }}", "<env>in <env>…"),
        ("two\n  lines", "two lines"),
    ],
)
def test_a_template_is_told_without_its_machinery(template, words):
    assert plain(template) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("costs \\$5", "costs \\$5"),
        ("\\$job", "&#36;job"),
        ("${job}", "&#36;{job}"),
        ("a$__from", "a&#36;__from"),
    ],
)
def test_grafana_finds_no_variable_in_a_description(text, shown):
    assert markdown(text) == shown
