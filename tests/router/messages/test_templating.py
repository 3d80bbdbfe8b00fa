from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest
from golden_mails import messages
from hypothesis import given, settings
from hypothesis import strategies as st
from message_samples import ALERT, DELIVERY, FIRING, LOOK, snapshot

from router.messages.message import Link, Note, build_message, decode_note, encode_note
from router.messages.templating import SOURCE_BYTES, Templates

MESSAGE = build_message(snapshot(), FIRING, DELIVERY, LOOK)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "payments").mkdir()
    return tmp_path


def render(folder, text, message=MESSAGE, name="email.txt"):
    """An override's text, and what was reported of it."""
    (folder / name).write_text(text, "utf-8")
    reported = []
    templates = Templates(folder, lambda *problem: reported.append(problem))
    return templates.render(name, "payments", message), reported


def test_the_built_in_template_is_used_when_nothing_overrides_it(folder):
    assert Templates(folder).render("email.txt", "payments", MESSAGE) == Templates().render("email.txt", "", MESSAGE)


def test_a_team_comes_before_everybody_and_everybody_before_the_built_in(folder):
    (folder / "email.txt").write_text("everybody's {{ message.name }}")
    (folder / "payments" / "email.txt").write_text("{{ team }}'s {{ message.name }}")
    templates = Templates(folder)
    assert templates.render("email.txt", "payments", MESSAGE) == "payments's CheckoutErrorRate"
    assert templates.render("email.txt", "shop", MESSAGE) == "everybody's CheckoutErrorRate"


@pytest.mark.parametrize("team", ["..", "../payments", "payments/..", "/etc", "", "PAYMENTS"])
def test_a_team_is_a_name_and_no_path(folder, team):
    (folder.parent / "email.txt").write_text("outside")
    (folder / "payments" / "email.txt").write_text("inside")
    text = Templates(folder).render("email.txt", team, MESSAGE)
    assert text not in {"outside", "inside"}


@pytest.mark.parametrize("name", ["../email.txt", "nothing.txt", "email.py", "builtin/email.txt"])
def test_a_name_that_there_is_not_is_a_key_error(name):
    with pytest.raises(KeyError):
        Templates().render(name, "payments", MESSAGE)


def test_a_channels_own_form_can_be_replaced_but_not_asked_for(folder):
    with pytest.raises(KeyError):
        Templates(folder).render("slack_title.txt", "payments", MESSAGE)
    (folder / "slack_title.txt").write_text("{{ message.name }}!")
    assert Templates(folder).render("slack_title.txt", "payments", MESSAGE) == "CheckoutErrorRate!"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ message.sumary }}", "sumary"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{% if %}", "line 1"),
        ("{{ 1 / 0 }}", "division"),
        ("{{ message.alerts }}", "can't be written"),
        ("{{ message }}", "can't be written"),
        ("{{ None }}", "can't be written"),
        ("{% include 'nothing.txt' %}", "nothing.txt"),
        ("{% include '/etc/passwd' %}", "passwd"),
        ("{% include '../secret.txt' %}", "secret"),
    ],
)
def test_an_override_that_fails_is_reported_and_replaced(folder, source, words):
    text, reported = render(folder, source)
    assert text == Templates().render("email.txt", "", MESSAGE)
    ((key, detail),) = reported
    assert key == "email.txt"
    assert words in detail


def test_when_a_teams_override_fails_everybodys_is_next(folder):
    (folder / "payments" / "email.txt").write_text("{{ oops }}")
    text, reported = render(folder, "everybody's")
    assert text == "everybody's"
    assert [key for key, _ in reported] == ["payments/email.txt"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (SOURCE_BYTES + 1)])
def test_an_override_that_can_not_be_read_is_reported_when_it_would_be_used(folder, content):
    (folder / "email.txt").write_bytes(content)
    reported = []
    templates = Templates(folder, lambda *problem: reported.append(problem))
    assert "CheckoutErrorRate" in templates.render("email.txt", "payments", MESSAGE)
    assert [key for key, _ in reported] == ["email.txt"]
    assert len(templates.check()) == 1


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ message.__class__.__mro__ }}",
        "{{ message._asdict() }}",
        "{{ message.summary.upper() }}",
        "{{ message.summary.format(message) }}",
        "{{ '{0.__class__}'.format(message) }}",
        "{{ message.alerts.count(1) }}",
        "{{ ('%s' % message.summary) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ cycler.__init__ }}",
        "{{ lipsum() }}",
        "{{ message.summary | safe }}",
        "{{ message.summary | attr('__class__') }}",
        "{{ message.summary | pprint }}",
        "{{ message.summary | center(1000) }}",
        "{{ {'a': 1} }}",
        "{% autoescape false %}x{% endautoescape %}",
        "{% import 'os' as os %}",
        "{{ environment }}",
        "{{ (message | map('x') | list) }}",
    ],
)
def test_a_template_has_no_way_out(folder, source):
    for name in ("email.txt", "email.html"):
        text, reported = render(folder, source, name=name)
        assert text == Templates().render(name, "", MESSAGE)
        assert len(reported) == 1


GREEDY = [
    "{% for a in range(10**9) %}x{% endfor %}",
    "{% for a in range(500) %}{% for b in range(500) %}{% for c in range(500) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(400) %}{% set b = range(500) | list | sort | join %}{% endfor %}" * 60,
    "{% set r = range(500) %}{% for a in range(500) %}{% set b = r | select('gt', 999) | list %}{% endfor %}" * 60,
    "{% for a in range(500) %}" + "{% if 1 %}{% endif %}" * 900 + "{% endfor %}",
    "{% set x = message.description * 1 %}",
    "{% set ns = namespace(x=message.description) %}{% for a in range(500) %}{% set ns.x = ns.x | upper %}"
    + "{{ '' if ns.x | lower }}" * 100
    + "{% endfor %}",
    "{{ 'x' * 10**9 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 9**9**9 }}",
    "{% set n = 9 %}" + "{% set n = n * n %}" * 20 + "{{ n }}",
    "{% set x = 'xxxxxxxx' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% set x = 'xxxxxxxx' %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
    "{% set x = [1] %}" + "{% set x = x + x %}" * 40 + "{{ x | length }}",
    "{% set x = [1] %}" + "{% set x = [x, x, x, x] %}" * 40 + "{{ x | join }}",
    "{% set x = 'aaaaaaaa' %}" + "{% set x = x | replace('a', 'aaaaaaaa') %}" * 20 + "{{ x }}",
    "{% set x = 'aaaaaaaa' * 1 %}",
    "{% set x = 'xxxxxxxxxxxxxxxx' %}" + "{% set x %}{{ x }}{{ x }}{{ x }}{{ x }}{% endset %}" * 30 + "{{ x }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "{% include 'email.txt' %}{% include 'email.txt' %}",
    "{% extends 'email.txt' %}",
    "{% for a in [1, 2] recursive %}{{ loop([1, 2]) }}{{ loop([1, 2]) }}{% endfor %}",
    "{% for a in range(500) %}" + "y" * 60_000 + "{% endfor %}",
    "{% for a in range(500) %}{{ message.description }}{% endfor %}" * 10,
    "{{ 'x' ~ " + " ~ ".join(["message.description"] * 60) + " }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'x' | urlencode " + "| urlencode " * 200 + "}}{{ oops }}",
    "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{{ range(0, 500) | list + range(0, 500) | list }}",
]


@pytest.mark.parametrize("source", GREEDY, ids=range(len(GREEDY)))
def test_a_template_that_wants_too_much_is_stopped_soon(folder, source):
    message = MESSAGE._replace(description="d" * 5_000)
    started = time.monotonic()
    text, reported = render(folder, source, message)
    assert len(reported) == 1, text[:100]
    assert text == Templates().render("email.txt", "", message)
    # With room for a busy machine; without limits these would never end.
    assert time.monotonic() - started < 5


@pytest.mark.full  # Tracing makes it several times slower.
@pytest.mark.parametrize("source", GREEDY, ids=range(len(GREEDY)))
def test_a_template_that_wants_too_much_gets_little_memory(folder, source):
    tracemalloc.start()
    try:
        render(folder, source, MESSAGE._replace(description="d" * 5_000))
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_what_templates_need_they_have(folder):
    source = """
    {%- set ns = namespace(n=0) -%}
    {%- for name, value in message.labels -%}
    {%- set ns.n = ns.n + 1 -%}{{- loop.index }}:{{ name }}={{ value | upper }};{%- endfor %}
    {{- ns.n }} {{ message.links | map(attribute="kind") | join(",") }} {{ message.summary | replace("7.3%", "some") -}}
    {{- " " ~ message.opened_at | clock }} {{ (2 * message.opened_at - message.opened_at) | date_and_time -}}
    {%- if message.severity in ("critical", "high") %} page{% endif %} {{ message.alerts[0].labels | length -}}
    """
    text, reported = render(folder, source)
    assert reported == []
    assert text.split("\n")[0].strip() == (
        "1:instance=A:80;2:job=CHECKOUT;2 runbook,dashboard,silence,query "
        "Checkout answers some of requests with an error 02:10 2026-03-01 02:10 UTC page 0"
    )


def test_a_template_can_change_a_part_of_the_built_in_one(folder):
    text, reported = render(
        folder, '{% extends "builtin/email.html" %}{% block footer %}<p>Ours</p>{% endblock %}', name="email.html"
    )
    assert reported == []
    assert "<p>Ours</p>" in text
    assert "Undo any rollout" in text


def test_a_page_takes_in_no_text(folder):
    (folder / "email.txt").write_text("{{ message.summary }}")
    message = MESSAGE._replace(summary="<script>")
    for source in ("{% include 'email.txt' %}", "{% extends 'email.txt' %}", "{% import 'email.txt' as t %}{{ t }}"):
        text, reported = render(folder, source, message, name="email.html")
        assert "<script>" not in text
        assert len(reported) == 1


@given(st.text(), st.sampled_from(["email.html", "email_note.html"]))
@settings(max_examples=30)
def test_messages_are_data_and_escaped(text, name):
    poison = f"<img src=x onerror=1>\"'{{{{ 7 * 191 }}}}{{% raw %}}{text}"
    alert = ALERT._replace(
        labels={**ALERT.labels, "a": poison}, annotations=dict.fromkeys(["summary", "description", "impact"], poison)
    )
    note = Note("digest", poison, poison, poison, ((poison, (poison,)),), (Link("x", poison, "https://example.com/"),))
    message = (
        note
        if "note" in name
        else build_message(snapshot(alert, alert._replace(labels={}), total=2), FIRING, DELIVERY, LOOK)
    )
    page = TEMPLATES.render(name, "payments", message)
    assert "<img" not in page
    assert "&lt;img" in page
    assert "{{ 7 * 191 }}" in page
    assert "1337" not in page


TEMPLATES = Templates()


@pytest.mark.parametrize("name", messages())
def test_built_in_templates_never_fail(name):
    kind = "email_note" if name == "digest" else "email"
    for ending in ("txt", "html"):
        assert TEMPLATES.render(f"{kind}.{ending}", "payments", messages()[name])


def test_the_largest_message_and_the_largest_note_fit():
    big, line = "'" * 6_000, "'" * 1_100
    same = {f"{big}{number}": big for number in range(50)}
    annotations = dict.fromkeys(["summary", "description", "impact", "action"], big)
    alerts = [
        ALERT._replace(labels=same | {f"n{n}": f"{row}{big}" for n in range(50)}, annotations=annotations)
        for row in range(10)
    ]
    message = build_message(snapshot(*alerts, firing=10, total=10), FIRING, DELIVERY, LOOK)
    long = Note("digest", big, big, "low", ((big, (line,) * 201),) * 21, (Link("x", big, "https://example.com/"),) * 10)
    many = long._replace(sections=((big, ("'",) * 201),) * 21)
    for ending in ("txt", "html"):
        assert TEMPLATES.render(f"email.{ending}", "payments", message)
        for note in (long, many):
            assert TEMPLATES.render(f"email_note.{ending}", "payments", decode_note(encode_note(note)))


def test_check_finds_what_is_wrong_before_a_message_does(folder):
    (folder / "email.txt").write_text("{{ message.name }}")
    (folder / "emial.txt").write_text("{{ message.name }}")
    (folder / "email_note.txt").write_text("{{ message.name }}")
    (folder / "slack_thread.txt").write_text("{{ change }}")
    (folder / "payments" / "email.html").write_text("line\n{% if message.resolved %}{{ message.closd_at }}{% endif %}")
    found = Templates(folder).check()
    assert len(found) == 3
    assert found[0].startswith("email_note.txt: ")
    assert found[1].startswith("emial.txt: no template has this name")
    assert found[2].startswith("payments/email.html: ")
    assert "closd_at" in found[2]
    assert Templates().check() == []


def test_files_are_read_again_on_request_only(folder):
    (folder / "email.txt").write_text("one")
    templates = Templates(folder)
    (folder / "email.txt").write_text("two")
    assert templates.render("email.txt", "payments", MESSAGE) == "one"
    templates.reload()
    assert templates.render("email.txt", "payments", MESSAGE) == "two"


def test_a_folder_that_is_not_there_overrides_nothing(tmp_path):
    assert Templates(tmp_path / "missing").check() == []


def test_jinja_is_imported_when_something_is_rendered():
    code = "import sys; from router.messages.templating import Templates; Templates(); print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "False"
