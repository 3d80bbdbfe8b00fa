import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.gotmpl import FUNCTION_VERSIONS, LabelUse, check_template
from rules_gen.gotmpl.functions import FUNCTIONS
from rules_gen.gotmpl.parser import parse


def errors(text, target=(2, 42)):
    """What each error marks, says and suggests."""
    return [
        (text[e.offset : e.offset + e.length], e.message, e.suggestion) for e in check_template(text, target).errors
    ]


def labels(text):
    found = check_template(text, (3, 0))
    assert found.errors == ()
    assert [text[use.offset : use.offset + use.length] for use in found.labels] == [use.name for use in found.labels]
    return [use.name for use in found.labels]


def test_text_without_actions_shares_one_answer():
    assert check_template("plain }}") is check_template("other")


@pytest.mark.parametrize(
    ("text", "marked", "suggestion"),
    [
        ("{{ $label.job }}", "$label", "$labels"),
        ("{{ $vale }}", "$vale", "$value"),
        ("{{ $Labels.job }}", "$Labels", "$labels"),
        ("{{ $job }}", "$job", "$labels.job"),
        ("{{ $value | humanise }}", "humanise", "humanize"),
        ("{{ $value | humanizepercentage }}", "humanizepercentage", "humanizePercentage"),
        ("{{ $labels.job | upper }}", "upper", "toUpper"),
        ("{{ value }}", "value", "$value"),
        ("{{ value | humanize }}", "value", "$value"),
        ("{{ labels.job }}", "labels.job", "$labels.job"),
        ("{{ Labels.job | toUpper }}", "Labels.job", "$labels.job"),
        ("{{ instance }}", "instance", "$labels.instance"),
        ("{{ $labels.job | zzz }}", "zzz", None),
    ],
)
def test_a_slip_is_marked_with_what_was_probably_meant(text, marked, suggestion):
    ((where, _, suggested),) = errors(text)
    assert (where, suggested) == (marked, suggestion)


@pytest.mark.parametrize(
    ("text", "marked", "message"),
    [
        ("a {{ $value", "{{", "the action isn't closed with }}"),
        ("a {{ $value and {{ $labels.job }}", "{{", "the action isn't closed with }}"),
        ("{{ if $value }}x", "{{ if $value }}", "this if has no {{end}}"),
        ("x{{ end }}", "{{ end }}", "this {{end}} closes nothing"),
        ("{{ else }}", "{{ else }}", "this {{else}} belongs to no if, with or range"),
        ("{{ print (1 }}", "(", "this ( isn't closed"),
        ("{{ print 1) }}", ")", "this ) closes nothing"),
        ('{{ print "a }}', '"a }}', "the text isn't closed with \""),
        ('{{ print "a\\q" }}', "\\q", "Go doesn't know the escape \\q"),
        ("{{ $labels.job-name }}", "-", "the character '-' can't follow .job"),
        ("{{ $value > 5 }}", ">", "> can't stand in a command"),
        ("{{/* open", "{{/*", "the comment isn't closed with */}}"),
        ("{{ }}", "}}", "an action needs a value"),
        ("{{ break }}", "{{ break }}", "break only works inside a range"),
    ],
)
def test_a_wrong_form_is_marked_where_it_stands(text, marked, message):
    assert errors(text) == [(marked, message, None)]


def test_every_mistake_is_reported_at_once_in_order():
    text = "{{ $lables.a }}{{ if }}{{ foobar }}{{ end }}{{ $value > 1 }}{{ with $value }}"
    assert [where for where, _, _ in errors(text)] == ["$lables", "}}", "foobar", ">", "{{ with $value }}"]


def test_a_wrong_opener_does_not_make_its_end_wrong():
    assert len(errors("{{ range 1x }}{{ end }}")) == 1
    assert len(errors("{{ if $value > 1 }}a{{ else }}b{{ end }}")) == 1


def test_a_defined_template_does_not_see_the_variables_outside():
    text = '{{ define "a" }}{{ $labels.job }}{{ end }}'
    ((where, message, suggestion),) = errors(text)
    assert (where, suggestion) == ("$labels", None)
    assert "only sees what it is given" in message


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ $labels.job }}/{{ $labels.instance | toUpper }}", ["job", "instance"]),
        ("{{ .Labels.job }} {{ $.Labels.zone }}", ["job", "zone"]),
        (
            '{{ index $labels "job" }} {{ index .Labels `zone` }} {{ "x" | index $labels }}',
            ["job", "zone", "x"],
        ),
        ("{{ with $labels }}{{ .job }}{{ else }}{{ .Labels.zone }}{{ end }}", ["job", "zone"]),
        ("{{ with $l := .Labels }}{{ $l.job }}{{ end }}", ["job"]),
        ("{{ ($labels).job }}", ["job"]),
        ("{{ if $labels.job }}{{ .Labels.zone }}{{ end }}", ["job", "zone"]),
        ('{{ range query "up" }}{{ .Labels.job }}{{ .Value }}{{ end }}', []),
        ('{{ with query "up" }}{{ (. | first).Labels.job }}{{ end }}', []),
        ('{{ $labels := query "up" }}{{ $labels.job }}', []),
        ('{{ define "a" }}{{ .Labels.job }}{{ end }}', []),
        ("{{ $externalLabels.cluster }}", []),
        ("{{/* $labels.job */}}{{ print `$labels.job` }}", []),
        ("{{ with 0 }}{{ else with $labels }}{{ .job }}{{ end }}", ["job"]),
    ],
)
def test_the_labels_of_the_alert_are_found_and_no_others(text, names):
    assert labels(text) == names


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("{{ $value }}", True),
        ("{{ $value | humanize }}", True),
        ("{{ .Value }}", True),
        ("{{ $.Value | humanize }}", True),
        ('{{ range query "up" }}{{ .Value }}{{ end }}', False),
        ("{{ $labels.value }}", False),
        ("$value", False),
    ],
)
def test_the_use_of_the_value_is_seen(text, used):
    assert check_template(text).uses_value is used


def test_queries_are_found_with_their_place():
    text = r'{{ query `up{job="a"}` | first | value }}{{ "sum(\"x\")" | query }}{{ query (print $labels.job) }}'
    found = check_template(text).queries
    assert [query.text for query in found] == ['up{job="a"}', 'sum("x")']
    assert [text[query.offset : query.offset + query.length] for query in found] == [
        'up{job="a"}',
        r"sum(\"x\")",
    ]


@pytest.mark.parametrize(("name", "since"), FUNCTION_VERSIONS.items())
def test_a_function_newer_than_the_target_is_an_error(name, since):
    text = f"{{{{ {name} }}}}"
    ((where, message, _),) = errors(text, (since[0], since[1] - 1))
    assert where == name
    assert f"needs Prometheus {since[0]}.{since[1]}" in message
    assert errors(text, since) == []


def test_else_with_needs_a_newer_prometheus():
    text = "{{ with $value }}{{ else with $labels.job }}{{ end }}"
    assert [where for where, _, _ in errors(text)] == ["else with"]
    assert errors(text, (3, 0)) == []


def test_functions_used_are_listed():
    text = '{{ $value | humanize }}{{ if eq $labels.a "b" }}{{ now }}{{ end }}'
    assert check_template(text, (3, 6)).functions_used == {"humanize", "eq", "now"}


COMMON = st.sampled_from(
    [
        "{{ $labels.job }}",
        "{{$value}}",
        "{{ $value|humanize }}",
        "{{  $labels.a_b | toUpper  }}",
        " text ",
        "}}",
        "{",
        "\n",
    ]
)


@given(st.lists(COMMON).map("".join))
def test_the_quick_way_finds_what_the_parser_finds(text):
    assert check_template(text) == parse(text, (2, 42))


@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: "{{" + text + "}}"),
        st.lists(
            st.sampled_from(
                [
                    "{{",
                    "}}",
                    "-",
                    " ",
                    '"',
                    "\\",
                    "'",
                    "`",
                    "$",
                    ".",
                    "x",
                    "(",
                    ")",
                    "|",
                    "0",
                    "x",
                    "e",
                    "\x00",
                ]
            )
        ).map("".join),
        st.lists(st.sampled_from([*sorted(FUNCTIONS), "{{", "}}", "if", "end", "(", ")", " "])).map(" ".join),
    )
)
def test_any_text_gets_an_answer_whose_places_lie_inside_it(text):
    found = check_template(text)
    for place in (*found.errors, *found.labels, *found.queries):
        assert 0 <= place.offset <= place.offset + place.length <= len(text)
    assert all(error.length > 0 for error in found.errors)


def test_deep_nesting_gets_an_answer():
    assert len(check_template("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}").errors) == 1
    chain = "{{ if 1 }}" + "{{ else if 1 }}" * 5000 + "{{ end }}"
    assert check_template(chain).errors == ()
    assert check_template("{{ if 1 }}" * 3000 + "{{ end }}" * 3000).errors == ()


def test_a_label_use_says_where_its_name_stands():
    assert check_template("on {{ $labels.job }}").labels == (LabelUse("job", 14, 3),)


@pytest.mark.parametrize(
    "number", ["9" * 5000, "1" * 50000 + "z", "0x" + "f" * 50000 + "z", "1." + "1" * 5000, "1e" + "9" * 5000]
)
def test_very_long_numbers_get_an_answer(number):
    assert len(check_template("{{ " + number + " }}").errors) == (0 if number.startswith("1.") else 1)
