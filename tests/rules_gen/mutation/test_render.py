"""What a report may hold, whatever the definitions are called."""

import re

from rules_gen.diagnostics import Place
from rules_gen.mutation.mutant import Mutant, Status, Verdict
from rules_gen.mutation.render import render_markdown
from rules_gen.mutation.score import Judged, MutationReport


def judged(name="arithmetic: * to /", status=Status.SURVIVED, reason=""):
    mutant = Mutant("Errors", name, "arithmetic", "expr: a * b", "expr: a / b", {}, Place("alerts/a/b.yaml"))
    return Judged("a/b", mutant, Verdict(status, reason))


def rendered(*found):
    return render_markdown(MutationReport(found, (), (), 1.0), lambda _: "alerts/a/b.yaml:7")


def test_a_title_is_shown_as_it_is():
    assert "<summary>Errors: arithmetic: * to /</summary>" in rendered(judged())


def test_a_name_is_no_markup_and_mentions_nobody():
    # Prometheus 3 takes any text for the name of a label.
    text = rendered(judged('matcher dropped: "</summary><b>@team #1" of up'))
    assert "<b>" not in text
    assert not re.search(r"@team|#1", text)


def test_a_mutant_that_could_not_be_judged_is_no_survivor():
    text = rendered(judged(status=Status.UNJUDGED, reason="promtool gave no answer: @team `x`"))
    assert "Errors: arithmetic: * to / could not be judged" in text
    assert "`` promtool gave no answer: @team `x` ``" in text


def test_a_long_report_fits_into_a_comment():
    text = rendered(*(judged(f"limit: > 1 to {number}") for number in range(1000)))
    assert len(text) < 21_000
    left = re.search(r"([0-9]+) more are left out here", text)
    assert text.count("<details>") == text.count("</details>") == 1000 - int(left[1])
