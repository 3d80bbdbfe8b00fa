"""What has changed of a page, section by section."""

import pytest


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("first: Look at the rollout.", "first: Look at the log.", "runbook: first changed"),
        ("Nobody can pay.", "Few can pay.", "runbook: impact changed"),
        ("[a bad deploy, a full disk]", "[a bad deploy]", "runbook: causes changed, 1 entry gone"),
        ("[a bad deploy, a full disk]", "[a full disk, a bad deploy]", "runbook: causes changed, in another order"),
        ("Read the log.", "Read all logs.", "runbook: investigate changed, 1 entry new and 1 entry gone"),
        ("It answers again.", "It answers.", "runbook: verify changed, 1 entry new and 1 entry gone"),
        ("after: 15m", "after: 30m", "runbook: escalate changed, after 15m -> 30m"),
        ("to: payments-lead", "to: cto", "runbook: escalate changed, to payments-lead -> cto"),
        (
            "      verify: ",
            "      false_positives: [a load test]\n      verify: ",
            "runbook: false_positives added",
        ),
        ("      verify: ", "      links: {Log: https://log.example.com}\n      verify: ", "runbook: links added"),
    ],
)
def test_each_section_is_named(between, old, new, sentence):
    assert between.change((old, new)) == [("runbook", "runbook", sentence)]


def test_a_section_that_is_gone(between):
    with_it = between.replaced(
        between.alert, ("      verify: ", "      false_positives: [a load test]\n      verify: ")
    )
    assert between.change_of(with_it, between.alert) == [("runbook", "runbook", "runbook: false_positives removed")]


RUN = "          run: kubectl rollout undo deploy/checkout\n"


def test_a_destructive_step_is_flagged(between):
    found = between.change((RUN, RUN + "        - {step: Delete all, run: rm -rf /data, destructive: true}\n"))
    assert found == [
        ("destructive-step", "destructive", "runbook: a destructive step is new or changed in resolve: rm -rf /data"),
        ("runbook", "runbook", "runbook: resolve changed, 1 entry new"),
    ]


def test_a_step_that_loses_its_mark_is_flagged(between):
    marked = between.replaced(between.alert, (RUN, RUN + "          destructive: true\n"))
    found = between.change_of(marked, between.alert)
    assert found[0] == (
        "destructive-step",
        "destructive",
        "runbook: a step in resolve is no longer marked as destructive: kubectl rollout undo deploy/checkout",
    )


def test_a_page_elsewhere(between):
    start, end = between.alert.index("    runbook:"), between.alert.index("    tests:")
    elsewhere = between.alert[:start] + "    runbook: https://wiki.example.com/a\n" + between.alert[end:]
    assert between.change_of(between.alert, elsewhere) == [
        ("runbook", "runbook", "runbook: the page made from the definition gives way to https://wiki.example.com/a")
    ]
    assert between.change_of(elsewhere, between.alert) == [
        ("runbook", "runbook", "runbook: a page made from the definition takes the place of https://wiki.example.com/a")
    ]
    other = between.replaced(elsewhere, ("wiki.example.com/a", "wiki.example.com/b"))
    assert between.change_of(elsewhere, other) == [
        ("runbook", "runbook", "runbook: the page is now https://wiki.example.com/b")
    ]
