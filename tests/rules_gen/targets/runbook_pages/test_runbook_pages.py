import re
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rules_gen.model import Escalation, Runbook, Step
from rules_gen.targets import runbook_pages

GOLDEN = Path(__file__).parent / "golden"

ALWAYS = (
    "Do this first",
    "Meaning",
    "Impact",
    "Potential causes",
    "Investigation",
    "Resolution",
    "Verify the recovery",
    "Escalation",
)

HOSTILE = (
    "# A heading\n\n## Another\n\n<script>alert(1)</script> [click](javascript:alert(1)) ![x](//evil.test)\n"
    "===\n---\n- a list\n1. numbered\n> quote\n| a | b |\n| --- | --- |\n```\nfence\n~~~\n"
    "<!-- comment\n    code &lt; **bold** `x`"
)


def render(make, *alerts, policy=None, **changes):
    files = runbook_pages.service_files(make.service(*alerts, **changes), policy or make.policy())
    return {file.path: file.content.decode() for file in files}


def page(make, alert, **kwargs):
    return render(make, alert, **kwargs)[f"runbooks/payments/checkout-api/{alert.name}.md"]


def tokens(text):
    return MarkdownIt("gfm-like", {"linkify": False}).parse(text)


def headings(text):
    parsed = tokens(text)
    return [
        (token.tag, parsed[at + 1].content)
        for at, token in enumerate(parsed)
        if token.type == "heading_open" and token.level == 0
    ]


def section(text, heading):
    return text.split(f"\n## {heading}\n\n", 1)[1].split("\n## ", 1)[0]


def flat(parsed):
    for token in parsed:
        yield token
        yield from token.children or ()


def links(text):
    return [token.attrs["href"] for token in flat(tokens(text)) if token.type == "link_open"]


def hostile_alert(make):
    step = Step(HOSTILE, run=HOSTILE, query=HOSTILE, expect=HOSTILE, then=HOSTILE, destructive=True)
    return make.alert(
        name="Hostile",
        summary=HOSTILE,
        description=HOSTILE,
        scenarios=(make.scenario(HOSTILE),),
        runbook=Runbook(
            first=HOSTILE,
            impact=HOSTILE,
            causes=(HOSTILE,),
            investigate=(step,),
            resolve=(step,),
            verify=(step,),
            escalate=Escalation("15m", HOSTILE),
            false_positives=(HOSTILE,),
            links=((HOSTILE, "docs/x.md"), ("bad", "javascript:alert(1)//://")),
        ),
    )


def golden_services(make):
    ladder = make.alert(rules=make.ladder(), inhibits=("CheckoutSlow", "CheckoutOdd"), notify="sre")
    slow = make.alert(name="CheckoutSlow", rules=(make.rule(hold="0m", keep_firing_for="10m"),))
    odd = make.alert(name="CheckoutOdd", runbook=None, runbook_url="https://wiki.example.com/odd")
    environments = make.alert(
        name="CheckoutEverywhere",
        rules=(
            *make.ladder("production"),
            make.rule(environment="staging", severity="low", expr="x > 0.05", signal="x"),
        ),
        scenarios=(make.scenario(environment="production"), make.scenario(environment="staging")),
        runbook=make.runbook(
            false_positives=("a load test",),
            links=(
                ("The provider's status", "https://status.example.com"),
                ("Our database", "docs/database.md#failover"),
            ),
            escalate=Escalation("1h30m", "the provider's hotline"),
        ),
    )
    return make.service(ladder, slow, odd, environments, make.burn_alert(), hostile_alert(make), slos=(make.slo(),))


def test_pages_are_as_reviewed(make):
    files = list(runbook_pages.service_files(golden_services(make), make.policy()))
    expected = {path.name: path.read_text() for path in GOLDEN.glob("*.md")}
    assert {file.path.rpartition("/")[2]: file.content.decode() for file in files} == expected


def test_an_alert_with_its_runbook_elsewhere_has_no_page(make):
    assert render(make, make.alert(runbook=None)) == {}


def test_the_same_service_gives_the_same_bytes(make):
    first, second = (list(runbook_pages.service_files(golden_services(make), make.policy())) for _ in range(2))
    assert first == second


def test_sections_stand_in_their_order_and_none_is_empty(make):
    for file in runbook_pages.service_files(golden_services(make), make.policy()):
        text = file.content.decode()
        parsed = [token for token in tokens(text) if token.level == 0]
        titles = [title for tag, title in headings(text) if tag == "h2"]
        assert tuple(titles[: len(ALWAYS)]) == ALWAYS
        for at, token in enumerate(parsed):
            if token.type == "heading_close":
                assert parsed[at + 1].type != "heading_open", f"an empty section in {file.path}"
        assert parsed[-1].type != "heading_close"


def test_optional_sections_follow_only_where_there_is_something_to_say(make):
    bare = page(make, make.alert(scenarios=()))
    full = page(
        make,
        make.alert(
            inhibits=("Other",),
            runbook=make.runbook(false_positives=("a load test",), links=(("Wiki", "https://wiki.example.com"),)),
        ),
    )
    assert [title for _, title in headings(bare)] == ["CheckoutHighErrorRate", *ALWAYS]
    assert [title for _, title in headings(full)][-4:] == [
        "Related alerts",
        "False positives",
        "Proven by",
        "Further links",
    ]


def test_links_within_the_tree_resolve(make):
    service = golden_services(make)
    known = {"runbooks/README.md", "docs/database.md", "docs/x.md"}
    files = list(runbook_pages.service_files(service, make.policy()))
    known |= {file.path for file in files}
    relative = []
    for file in files:
        for href in links(file.content.decode()):
            if not urlsplit(href).scheme:
                target = normpath(join(dirname(file.path), href.partition("#")[0]))
                assert target in known, f"{file.path} links to {href}"
                relative.append(href)
    assert "CheckoutSlow.md" in relative
    assert "../../../docs/database.md#failover" in relative


def test_links_only_lead_to_the_web_or_into_the_tree(make):
    text = page(make, hostile_alert(make))
    assert {urlsplit(href).scheme for href in links(text)} == {"https", ""}
    assert not any(href.startswith("//") for href in links(text))


def test_a_path_into_the_runbooks_stays_among_them(make):
    runbook = make.runbook(links=(("Failover", "runbooks/data/postgres/PostgresDown.md"),))
    assert links(page(make, make.alert(runbook=runbook)))[-1] == "../../data/postgres/PostgresDown.md"


def test_the_query_button_holds_the_whole_signal(make):
    signal = 'rate(x{path=~"/a|b", name="ü_*"}[5m]) / 2 & {expr}'
    text = page(make, make.alert(rules=(make.rule(signal=signal),)))
    href = next(href for href in links(text) if "g0.tab" in href)
    assert parse_qs(urlsplit(href).query) == {"g0.expr": [signal], "g0.tab": ["0"]}


def test_a_silence_is_for_one_environment_of_one_service(make):
    text = page(make, make.alert(rules=make.ladder("production") + make.ladder("staging")))
    filters = [
        parse_qs(urlsplit(urlsplit(href).fragment).query)["filter"] for href in links(text) if "silences" in href
    ]
    labels = 'alertname="CheckoutHighErrorRate",team="payments",service="checkout-api"'
    assert filters == [[f'{{{labels},environment="{name}"}}'] for name in ("production", "staging")]


def test_without_addresses_in_the_policy_only_what_exists_is_linked(make):
    policy = make.policy()
    urls = policy.urls.__class__(policy.urls.runbook, policy.urls.dashboard, None, None)
    text = page(make, make.alert(), policy=make.policy(urls=urls))
    assert links(text) == ["https://grafana.example.com/d/payments-checkout-api", "../../README.md"]
    assert "Run this query" not in text


def test_the_condition_is_in_words(make):
    text = section(page(make, make.alert()), "Meaning")
    assert "Fires when the signal is **above 5 %** for **5 minutes**." in text


def test_a_rule_that_waits_for_nothing_says_so(make):
    text = section(page(make, make.alert(rules=(make.rule(hold="0m", keep_firing_for="10m"),))), "Meaning")
    assert "is **above 5 %** at once, **without waiting**. Goes on firing for 10 minutes after that." in text


def test_a_condition_of_its_own_is_shown_as_promql(make):
    rule = make.rule(expr="absent(up)", signal="absent(up)", threshold=None)
    text = section(page(make, make.alert(rules=(rule,))), "Meaning")
    assert "Fires when the condition below holds for **5 minutes**." in text
    assert "```promql\nabsent(up)\n```" in text


@pytest.mark.parametrize(
    ("typed", "operator", "words"),
    [
        ("above 5%", ">", "above 5 %"),
        ("at least 500ms", ">=", "at least 500 ms"),
        ("< 1.5e3", "<", "below 1.5e3"),
        ("at most 2 GiB", "<=", "at most 2 GiB"),
        ("equals 0", "==", "equal to 0"),
        ("not -1", "!=", "other than -1"),
        ("> .5 µs", ">", "above .5 µs"),
    ],
)
def test_a_threshold_keeps_its_authors_unit(make, typed, operator, words):
    threshold = make.above_5.__class__(typed, operator, "0", 0.0, "", "")
    assert f"**{words}**" in page(make, make.alert(rules=(make.rule(threshold=threshold),)))


def test_equal_environments_share_the_rows_of_the_table(make):
    text = section(page(make, make.alert(rules=make.ladder("production") + make.ladder("staging"))), "Meaning")
    assert re.findall(r"^\| (.*) \|$", text, re.MULTILINE) == [
        "Severity | Fires when | For",
        "--- | --- | ---",
        "high | above 5 % | 5 minutes",
        "medium | above 1 % | 15 minutes",
    ]


def test_environments_that_differ_have_rows_of_their_own(make):
    rules = (make.rule(environment="production"), make.rule(environment="staging", hold="1h30m"))
    text = section(page(make, make.alert(rules=rules)), "Meaning")
    assert "| production | high | above 5 % | 5 minutes |" in text
    assert "| staging | high | above 5 % | 1 hour 30 minutes |" in text


def test_an_environments_own_expression_is_shown(make):
    rules = tuple(
        make.rule(environment=name, expr=f'x{{env="{name}"}} > 1', signal=f'x{{env="{name}"}}')
        for name in ("production", "staging")
    )
    text = section(page(make, make.alert(rules=rules)), "Meaning")
    assert 'The signal in production:\n\n```promql\nx{env="production"}\n```' in text
    assert 'The signal in staging:\n\n```promql\nx{env="staging"}\n```' in text


def test_rungs_with_conditions_of_their_own_are_named(make):
    rules = (
        make.rule(rung=True, expr="a > b", signal="a > b", threshold=None),
        make.rule(rung=True, severity="low", expr="a > c", signal="a > c", threshold=None),
    )
    text = section(page(make, make.alert(rules=rules)), "Meaning")
    assert "| high | its condition holds | 5 minutes |" in text
    assert "The condition of **high**:\n\n```promql\na > b\n```" in text
    assert "The condition of **low**:\n\n```promql\na > c\n```" in text


def test_burn_rates_follow_from_the_objective(make):
    text = section(page(make, make.burn_alert(), slos=(make.slo(),)), "Meaning")
    assert "| critical | 1 hour and 5 minutes | 14.4 | 1.44 % | 2 % |" in text
    assert "| medium | 3 days and 6 hours | 1 | 0.1 % | 10 % |" in text
    assert "slo:error_ratio:rate1h > 0.0144\n  and slo:error_ratio:rate5m > 0.0144\n" in text


def test_placeholders_stand_for_templates(make):
    alert = make.alert(
        summary='{{ $labels.job }} on {{ .Labels.instance | title }}: {{ printf "}}" }} {{ $value }}%',
        description="",
    )
    assert "\n&lt;job&gt; on &lt;instance&gt;: …%\n" in page(make, alert)


def test_destructive_steps_are_flagged_and_others_are_not(make):
    text = section(page(make, make.alert()), "Resolution")
    assert "2. **Destructive.** Empty the queue\n" in text
    assert text.count("Destructive") == 1


def test_steps_stay_one_numbered_list_past_the_ninth(make):
    runbook = make.runbook(investigate=(Step("Look", run="a\n\n\tb\n  c"),) * 12)
    parsed = tokens(section(page(make, make.alert(runbook=runbook)), "Investigation"))
    assert sum(token.type == "ordered_list_open" for token in parsed) == 1
    assert [token.info for token in parsed if token.type == "list_item_open"] == [str(n) for n in range(1, 13)]
    assert {token.content for token in parsed if token.type == "fence"} == {"a\n\n\tb\n  c\n"}


def test_no_line_ends_in_blanks(make):
    assert not re.search(r"[ \t]$", page(make, make.alert()), re.MULTILINE)


def test_several_lines_to_expect_are_shown_as_output(make):
    assert "   Expect:\n\n   ```\n   NAME  READY\n" in page(make, make.alert())


def test_escalation_names_who_and_when(make):
    runbook = make.runbook(escalate=Escalation("15m", "the hotline"))
    text = section(page(make, make.alert(runbook=runbook)), "Escalation")
    assert text.startswith("After **15 minutes** without recovery, ask **the hotline**.")
    assert "The lead of Payments is payments-lead." in text
    assert "The lead of" not in page(make, make.alert())


def test_related_alerts_are_told_from_both_ends(make):
    files = render(make, make.alert(inhibits=("CheckoutSlow",)), make.alert(name="CheckoutSlow"))
    source, target = (section(text, "Related alerts") for text in files.values())
    assert "keeps quiet: [CheckoutSlow](CheckoutSlow.md)" in source
    assert "kept quiet by: [CheckoutHighErrorRate](CheckoutHighErrorRate.md)" in target


def test_a_ladder_says_which_rung_hides_which(make):
    text = section(page(make, make.alert(rules=make.ladder())), "Related alerts")
    assert text == "- While it fires as high, its medium rule is kept quiet\n"


def test_a_scenario_of_every_environment_is_told_once(make):
    scenarios = tuple(make.scenario(environment=name, severity="high") for name in ("production", "staging"))
    text = section(page(make, make.alert(scenarios=scenarios)), "Proven by")
    states = "quiet at the start, pending after 6 minutes, firing as high after 12 minutes"
    assert text.splitlines() == [f"- fires when one request in ten fails: {states}"]


BREAKERS = (
    *("# h", "## Impact", "<b>", "<script>", "<!--", "-->", "```", "~~~", "---", "===", "1. ", "- ", "> "),
    *(
        "| a | b |",
        "[a]: x",
        "[a](x)",
        "![a](x)",
        "&lt;",
        "\\",
        "*",
        "_",
        "`",
        "www.x.y",
        "{{ $value }}",
        "{{",
    ),
    *("\n", "\n\n", "\n    ", "\t", " "),
)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.lists(st.sampled_from(BREAKERS), min_size=1).map("".join),
    # Each ends with a letter, so that none is empty once its blanks are gone.
).map(lambda text: text + "a")

STEPS = st.builds(
    Step,
    text=TEXT,
    run=st.none() | TEXT,
    query=st.none() | TEXT,
    expect=st.none() | TEXT,
    then=st.none() | TEXT,
    destructive=st.booleans(),
)
RUNBOOKS = st.builds(
    Runbook,
    first=TEXT,
    impact=TEXT,
    causes=st.lists(TEXT, min_size=1, max_size=2).map(tuple),
    investigate=st.lists(STEPS, min_size=1, max_size=2).map(tuple),
    resolve=st.lists(STEPS, min_size=1, max_size=1).map(tuple),
    verify=st.lists(STEPS, min_size=1, max_size=1).map(tuple),
    escalate=st.builds(Escalation, after=st.just("15m"), to=TEXT),
    false_positives=st.lists(TEXT, min_size=1, max_size=1).map(tuple),
    links=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=1).map(tuple),
)


@given(runbook=RUNBOOKS, summary=TEXT, description=TEXT, name=TEXT)
def test_no_text_makes_a_heading_or_html(make, runbook, summary, description, name):
    alert = make.alert(runbook=runbook, summary=summary, description=description, scenarios=(make.scenario(name),))
    text = page(make, alert)
    parsed = tokens(text)
    assert headings(text) == [
        ("h1", "CheckoutHighErrorRate"),
        *(("h2", title) for title in (*ALWAYS, "False positives", "Proven by", "Further links")),
    ]
    assert sum(token.type == "heading_open" for token in parsed) == len(ALWAYS) + 4
    blocks = [token for token in parsed if token.type == "html_block"]
    assert [token.content.count("\n") for token in blocks] == [1]
    forbidden = {
        "html_inline",
        "image",
        "em_open",
        "s_open",
        "blockquote_open",
        "hr",
        "code_block",
        "table_open",
    }
    assert not forbidden & {token.type for token in flat(parsed)}
    commands = [
        text
        for step in (*runbook.investigate, *runbook.resolve, *runbook.verify)
        for text in (step.run, step.query)
        if text is not None
    ]
    shown = [token.content for token in parsed if token.type == "fence" and token.info]
    assert shown[1:] == [text if text.endswith("\n") else text + "\n" for text in commands]
