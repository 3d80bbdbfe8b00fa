"""Our checker and promtool agree about each template of a corpus: both accept it or both refuse it."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_gen.emit.yaml import emit_yaml
from rules_gen.gotmpl import check_template

ACCEPTED = [
    "no action at all, and a stray }}",
    "{{ $labels.job }} on {{ $labels.instance }}",
    "{{$value|humanize}}",
    "{{ $value | humanizePercentage }}",
    '{{ $value | printf "%.2f" }}%',
    "{{- $value -}}",
    "{{ .Labels.job }} {{ .Value }} {{ .ExternalURL }}",
    "{{ $.Labels.job }}",
    "{{ $externalLabels.cluster }} {{ $externalURL }}",
    '{{ index $labels "a-b" }}',
    '{{ "job" | index $labels }}',
    "{{/* a comment */}}",
    "{{- /* a comment */ -}}",
    "{{/* several\nlines */}}",
    "{{ if gt $value 5.0 }}many{{ else }}few{{ end }}",
    "{{ if eq $labels.a `b` }}1{{ else if $value }}2{{ else if not $value }}3{{ else }}4{{ end }}",
    "{{ with $labels.job }}{{ . }}{{ end }}",
    "{{ with $x := $labels.job }}{{ $x }}{{ else }}{{ $x }}{{ end }}",
    '{{ with query "up" }}{{ . | first | value | humanize }}{{ end }}',
    '{{ range query "up" }}{{ .Labels.job }}{{ end }}',
    '{{ range $i, $s := query "up" }}{{ $i }}{{ $s.Value }}{{ else }}none{{ end }}',
    '{{ range sortByLabel "job" (query "up") }}{{ label "job" . }}={{ value . }}{{ end }}',
    "{{ range $labels }}{{ break }}{{ end }}",
    "{{ range $labels }}{{ if . }}{{ continue }}{{ end }}{{ end }}",
    "{{ $x := 1 }}{{ $x }}",
    "{{ $x := 1 }}{{ $x = 2 }}{{ $x }}",
    "{{ $neverDeclared = 2 }}",
    "{{ if $value }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}",
    '{{ define "part" }}{{ . }}{{ end }}{{ template "part" $value }}',
    '{{ define "part" }}{{ end }}{{ define "part" }}x{{ end }}',
    '{{ define "part" }}{{ $.x }}{{ end }}',
    '{{ block "part" $labels }}{{ .job }}{{ end }}',
    '{{ template "missing" }}',
    "{{ template `raw` . }}",
    "{{ (index $labels `job`) | toUpper }}",
    "{{ ($labels).job }}",
    "{{ (printf `%v` $value).Foo }}",
    "{{ print 1 -2 +3 0x1F 0b11 0o17 017 1_000 1.5 .5 1e3 1E-3 1. 3i 1+2i 0x1p-2 }}",
    "{{ print 'a' '\\n' '\\'' 'é' }}",
    '{{ print "tab\\t quote\\" \\x41 \\101 \\u00e9 \\U0001F600" }}',
    "{{ print true false }}",
    '{{ print "}}" }}',
    '{{ print "{{" }}',
    "{{ $value | }}",
    "{{ and $value (or $labels.a $labels.b) }}",
    "{{ print ($x := 1) $x }}",
    "{{\n$value\n}}",
    "{{ $labels.été }}",
    "{{ print | print }}",
    '{{ reReplaceAll "a" "b" $labels.job | title | toLower | safeHtml }}',
    "{{ toTime $value }}{{ parseDuration `5m` }}{{ pathPrefix }}{{ externalURL }}",
    '{{ args 1 2 }}{{ match "a" "b" }}{{ tableLink "up" }}{{ graphLink "up" }}{{ stripPort "a:1" }}',
    "{{ humanizeTimestamp 1 }}{{ humanize1024 2 }}{{ humanizeDuration 3 }}{{ stripDomain `a.b` }}",
    "{{ len $labels }}{{ slice `abc` 1 }}{{ js `a` }}{{ html `b` }}{{ urlquery `c` }}{{ println }}",
    "{{ $ }}",
    "{{ . }}",
    "{{ nil | print }}",
    "{{-3}}",
    "{{ if $value -}} x {{- end }}",
    "{{ if $value }}{{ end }}}}",
    "${{ $value }}",
    "{{ strvalue . }}",
    "{{ $labels.job.more }}",
]

REFUSED = [
    "{{ print(1) }}",
    "{{",
    "{{ $value",
    "{{ $value }",
    "{{ $value } }}",
    "{{}}",
    "{{ }}",
    "{{ $label.job }}",
    "{{ $x }}{{ $x := 1 }}",
    "{{ labels.job }}",
    "{{ $value | humanise }}",
    "{{ $value | humanizePercent }}",
    "{{ job }}",
    "{{ now }}",
    "{{ urlQueryEscape `a` }}",
    "{{ toDuration 1 }}",
    "{{ end }}",
    "{{ else }}",
    "{{ if }}x{{ end }}",
    "{{ if $value }}",
    "{{ if $value }}a{{ else }}b{{ else }}c{{ end }}",
    "{{ if $value }}a{{ else }}b{{ else if $value }}c{{ end }}",
    "{{ if $value }}a{{ else with $value }}b{{ end }}",
    "{{ with $value }}a{{ else if $value }}b{{ end }}",
    "{{ with $value }}a{{ else with $value }}b{{ end }}",
    "{{ range $labels }}{{ else }}{{ break }}{{ end }}",
    "{{ break }}",
    "{{ end x }}",
    "{{ if $value }}{{ $x := 1 }}{{ end }}{{ $x }}",
    "{{ with $x := 1 }}{{ end }}{{ $x }}",
    '{{ "open }}',
    "{{ `open }}",
    "{{ 'ab' }}",
    "{{ '' }}",
    "{{ 'a }}",
    '{{ "\\q" }}',
    '{{ "\\ud800" }}',
    '{{ print "\\\'" }}',
    "{{ ($value }}",
    "{{ $value) }}",
    "{{ () }}",
    "{{ | print }}",
    "{{ print || print }}",
    '{{ $value | "text" }}',
    "{{ $value | 1 }}",
    "{{ $value | . }}",
    "{{ 1.x }}",
    "{{ 1x }}",
    "{{ 08 }}",
    "{{ 0x }}",
    "{{ 1__0 }}",
    "{{ 1-2 }}",
    "{{ 99999999999999999999 }}",
    "{{ 1e999 }}",
    "{{ - }}",
    '{{ "a""b" }}',
    '{{ "a".b }}',
    "{{ true.x }}",
    "{{ ..x }}",
    "{{ $value > 5 }}",
    "{{ $value + 1 }}",
    "{{ $labels.job-name }}",
    "{{ $labels[`job`] }}",
    "{{ $labels.job, $value }}",
    "{{ $a, $b := 1 }}",
    "{{ range $a, $b, $c := $labels }}{{ end }}",
    "{{ $x : 1 }}",
    "{{ $x=1 }}",
    "{{/* open }}",
    "{{/* ends early */ $value }}",
    "{{ /* spaced */ }}",
    '{{ define "x" }}',
    '{{ define "x" }}{{ $labels.job }}{{ end }}',
    '{{ define "x" }}a{{ end }}{{ define "x" }}b{{ end }}',
    "{{ define x }}{{ end }}",
    '{{ if $value }}{{ define "x" }}{{ end }}{{ end }}',
    '{{ define "x" }}{{ else }}{{ end }}',
    '{{ block "x" }}{{ end }}',
    "{{ template x }}",
    "{{ template }}",
    "{{ $value and {{ $labels.job }}",
    "{{ print end }}",
    "{{ é }}",
    "{{ $labels.a² }}",
    "{{ print \u00a0 }}",
    "{{ if $value }}{{ if $value }}{{ end }}",
]


def promtool_refuses(templates, folder):
    rules = [
        {"alert": f"A{index}", "expr": "up == 0", "annotations": {"text": template}}
        for index, template in enumerate(templates)
    ]
    path = folder / "templates.yml"
    path.write_text(emit_yaml({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
    run = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    output = run.stdout + run.stderr
    # Were the file itself refused, no rule would be named and each template would seem right.
    assert run.returncode == 0 or "annotation" in output, output
    return {int(number) for number in re.findall(r', "A(\d+)": annotation "text"', output)}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    return promtool_refuses(ACCEPTED + REFUSED, tmp_path_factory.mktemp("templates"))


@pytest.mark.parametrize(("index", "template"), list(enumerate(ACCEPTED)))
def test_what_promtool_accepts_is_accepted(index, template, refused):
    assert index not in refused
    assert check_template(template).errors == ()


@pytest.mark.parametrize(("index", "template"), list(enumerate(REFUSED, start=len(ACCEPTED))))
def test_what_promtool_refuses_is_refused(index, template, refused):
    assert index in refused
    assert check_template(template).errors


PIECES = st.sampled_from(
    [
        "{{",
        "{{",
        "{{",
        "}}",
        "}}",
        "}}",
        "{{-",
        "-}}",
        "$value",
        "$labels.job",
        "$x",
        ":=",
        "=",
        "|",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "block",
        "template",
        "break",
        "(",
        ")",
        '"a"',
        "`b`",
        "'c'",
        "1",
        "-2",
        "1.5",
        ".",
        ".x",
        "$",
        "print",
        "printf",
        "humanize",
        ",",
        ":",
        "+",
        "nil",
        "true",
        "text",
        "/*",
        "*/",
        "query",
        "index",
        "{",
        "}",
    ]
)


@settings(max_examples=4, deadline=None)
@given(templates=st.lists(st.lists(PIECES, max_size=14).map(" ".join), min_size=150, max_size=150))
def test_arbitrary_pieces_are_judged_as_promtool_does(templates, tmp_path_factory):
    refused = promtool_refuses(templates, tmp_path_factory.mktemp("pieces"))
    differing = [t for i, t in enumerate(templates) if (i in refused) != bool(check_template(t).errors)]
    assert differing == []
