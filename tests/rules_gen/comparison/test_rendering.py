"""The same difference as text, Markdown and JSON; and that nothing which was typed acts on its reader."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rules_gen.comparison.data import as_data
from rules_gen.comparison.findings import Change, Difference, Finding, Impact, Typed
from rules_gen.comparison.markdown import LIMIT, Links, render_markdown
from rules_gen.comparison.text import render_text
from rules_gen.emit.json import emit_json

GOLDEN = Path(__file__).parent / "golden"
AGAINST = "origin/main (0123456789)"
BASE = "https://git.example.com/monitoring/blob/abc"


def rich(between):
    """One change of nearly everything."""
    record = "  - record: job:errors:rate5m\n    expr: sum by (job) (rate(errors_total[5m]))\n"
    expression = 'sum by (job) (rate(errors_total{job="checkout"}[5m]))'
    slow = between.replaced(
        between.alert,
        ("CheckoutErrors", "CheckoutSlow"),
        (expression, 'slow{job="checkout"}'),
        ("errors_total", "slow"),
    )
    gone = between.replaced(
        between.alert,
        ("CheckoutErrors", "DiskFull"),
        (expression, "disk_used"),
        ('errors_total{job="checkout"}', "disk_used"),
        ("fires", "shows"),
        ("stays", "is"),
        ("{{ $labels.job }} fails", "The disk is full"),
        ("Nobody", "Few"),
    )
    old = (
        between.head
        + "alerts:\n"
        + record
        + between.alert.replace(expression, 'job:errors:rate5m{job="checkout"}')
        + slow
        + gone
    )
    new = between.replaced(
        old,
        ("rate(errors_total[5m])", 'rate(errors_total{code!="404"}[10m])'),
        ("CheckoutSlow", "CheckoutCrawls"),
    )
    start = new.index("  - alert: CheckoutCrawls")
    new = new[:start] + new[start:].replace("severity: high", "severity: medium", 1).replace(
        "above 5", "above 10", 1
    ).replace("for: 5m", "for: 15m", 1)
    new = new[: new.index("  - alert: DiskFull")]
    new = new.replace("firing_at: [12m, 20m]", "firing_at: [12m]", 1)
    new = new.replace(
        "          run: kubectl rollout undo deploy/checkout\n",
        "          run: kubectl delete deploy/checkout\n          destructive: true\n",
        1,
    )
    policy = between.replaced(
        between.policy, ("mutation_score: 50%", "mutation_score: 20%"), ("response: 15m", "response: 30m")
    )
    unread = (
        (Typed("alerts/shop/a.yaml"), " at ", Typed("origin/main"), ": it is a symbolic link, which isn't followed"),
    )

    def picture(service, alert, scenario):
        return f"runbooks/{service.team}/{service.name}/{alert.name}.{len(scenario.name)}.svg"

    return between.services(old, new, policies=(between.policy, policy), unread=unread, picture=picture)


def rendered(difference, form):
    if form == "text":
        return render_text(difference, AGAINST)
    if form == "md":
        return render_markdown(difference, AGAINST, Links(BASE))
    against = {"revision": "origin/main", "commit": "0123456789", "day": "2026-01-15"}
    return emit_json(as_data(difference, against)).decode()


@pytest.mark.parametrize("form", ["text", "md", "json"])
def test_a_rich_change_reads_as_reviewed(between, form):
    path = GOLDEN / f"rich.{form.replace('text', 'txt')}"
    made = rendered(rich(between), form)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def test_nothing_changed_says_so(between):
    empty = between.alerts(between.alert, between.alert)
    assert render_text(empty, AGAINST) == f"Nothing has changed in meaning since {AGAINST}.\n"
    assert "Nothing has changed in meaning" in render_markdown(empty, AGAINST)


def found(*texts, count=1, code=False, hostile=False):
    findings = tuple(
        Finding("label", Impact.SLOWER, ("label ", Typed(text), " added"), text, text + "x", is_code=code)
        for text in texts
    )
    odd = texts[0] if hostile else ""
    alerts = tuple(
        Change("t", "s", f"Alert{i}", (f"alerts/{i}{odd}.yaml",), (findings[0]._replace(kind=f"k{i}"), *findings))
        for i in range(count)
    )
    return Difference((), alerts)


HOSTILE = [
    "@payments please merge",
    "<img src=x onerror=alert(1)>",
    "</details><h1>approved</h1>",
    "[click](https://evil.example.com)",
    "https://evil.example.com",
    "![x](https://evil.example.com/x.png)",
    "``` \n# heading\n```",
    "`code` and `` more ``",
    "`",
    "fixes #1 and owner/repo#2",
    "<!-- tocsin-review -->",
    "a\n\n# Everything is fine\n",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "| a | b |\n| - | - |",
    "- item\n  - deeper",
    "  \n</summary>",
    "&lt;b&gt;",
    "$\\mathbb{x}$",
]


def tokens(markdown):
    """Each token of the page with those inside it."""
    for token in MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(markdown):
        yield token
        yield from token.children or ()


OURS = {
    "<details><summary>before and after</summary>",
    "</details>",
}


def assert_harmless(markdown, text):
    for token in tokens(markdown):
        if token.type in ("html_block", "html_inline"):
            assert token.content.strip() in OURS
        assert token.type not in ("link_open", "image", "table_open")
        if token.type == "text":
            # Only inside code, where nobody is called and nothing is linked.
            assert "@" not in token.content
            assert "evil" not in token.content
            assert "\x1b" not in token.content
    headings = [token for token in tokens(markdown) if token.type == "heading_open"]
    assert len(headings) == 2
    if "\n" not in text:
        assert "tocsin-review" not in text or "<!-- tocsin-review -->" not in [
            line.strip() for line in markdown.splitlines()
        ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("code", [True, False])
def test_what_was_typed_stays_text_in_a_comment(text, code):
    assert_harmless(render_markdown(found(text, code=code, hostile=True), AGAINST), text)


@given(st.text(alphabet="`~<>@#[]()!|*_-\\\n\r\t &;:/ahtpsx1\u2028\u202e", max_size=60), st.booleans())
def test_whatever_was_typed_stays_text_in_a_comment(text, code):
    assert_harmless(render_markdown(found(text, code=code, hostile=True), AGAINST), text)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_typed_does_not_act_on_a_terminal(text):
    made = render_text(found(text, code=True), AGAINST)
    assert "\x1b" not in made
    assert "\u202e" not in made
    assert len(made.splitlines()) <= 14


def test_the_revision_that_somebody_named_mentions_nobody():
    made = render_markdown(found("x"), "@evil (#1)")
    assert "@evil" not in made
    assert "#1" not in made.replace("####", "")


def test_a_long_report_fits_into_a_comment_and_says_what_is_left_out():
    difference = found(*(f"label {i} " + "x" * 200 for i in range(3)), count=400)
    difference = Difference(
        (),
        tuple(
            change if i else Change("t", "s", "Long", ("a",), change.findings)
            for i, change in enumerate(difference.alerts)
        ),
    )
    own = tuple(
        Change("t", "s", f"A{i}", ("a",), (Finding("k", Impact.SLOWER, ("x ", Typed(f"{i} " + "y" * 250))),))
        for i in range(400)
    )
    made = render_markdown(Difference((), own), AGAINST)
    assert LIMIT - 500 < len(made) <= LIMIT
    shown = made.count("####")
    assert f"{400 - shown} changes are left out here for lack of room" in made
    assert len(render_markdown(difference, AGAINST)) <= LIMIT


def test_a_long_expression_is_cut_and_its_block_still_ends():
    made = render_markdown(found("\n".join(f"line {i} {'x' * 90}" for i in range(300)), code=True), AGAINST)
    assert "(cut here)" in made
    assert made.count("```diff") == made.count("  </details>") == 1
    assert len(made) < LIMIT


def test_what_many_alerts_share_is_said_once():
    made = render_text(found("tier", count=5), AGAINST)
    assert made.count("label tier added") == 6, "five of their own kind, and one for all"
    assert [line for line in made.splitlines() if line.startswith("Alert4")] == ["Alert4  (t/s, alerts/4.yaml)"] * 2


def test_links_lead_to_pages_and_pictures_only_where_an_address_is_known(between):
    linked = render_markdown(rich(between), AGAINST, Links(BASE))
    assert f"[page]({BASE}/runbooks/payments/checkout/CheckoutErrors.md)" in linked
    assert "[picture](https://git.example.com" in linked
    plain = render_markdown(rich(between), AGAINST)
    assert "](" not in plain
    assert "`runbooks/payments/checkout/CheckoutErrors.md`" in plain


def test_risks_come_first_and_are_marked(between):
    alerts = rich(between).alerts
    assert [change.is_risky for change in alerts] == sorted((change.is_risky for change in alerts), reverse=True)
    for change in alerts:
        marks = [finding.is_risky for finding in change.findings]
        assert marks == sorted(marks, reverse=True)


def test_an_alert_whose_code_has_no_room_is_told_in_words():
    """The riskiest comes first, and often has the most to show: without it the report would be a number."""
    found = [
        Finding("condition", Impact.CONDITION, (f"condition {n} has changed",), f"{n}" * 3000, "b" * 900, is_code=True)
        for n in range(20)
    ]
    changes = [Change("t", "s", name, ("f.yaml",), tuple(found)) for name in ("Wide",)]
    changes.append(Change("t", "s", "Small", ("f.yaml",), (Finding("for", Impact.FASTER, ("for is less",)),)))
    made = render_markdown(Difference((), tuple(changes)), AGAINST)
    assert len(made) < LIMIT
    assert "`Wide`" in made
    assert "condition 19 has changed" in made
    assert "`Small`" in made
    assert "left out" not in made
