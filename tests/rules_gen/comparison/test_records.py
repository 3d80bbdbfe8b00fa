"""An alert whose own text is the same has changed when what it reads has."""

RECORD = """\
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
"""
OF_IT = """\
  - record: job:errors:share
    expr: job:errors:rate5m / 100
"""


OFF = "    disable:\n      - {check: scenario-vacuous, reason: the rule stands elsewhere, until: 2026-12-31}\n"


def reading(between, series):
    expression = 'sum by (job) (rate(errors_total{job="checkout"}[5m]))'
    return between.replaced(between.alert, (expression, f'{series}{{job="checkout"}}')) + OFF


def test_a_recording_rule_that_changed_is_told_at_the_alert_that_reads_it(between):
    alert = reading(between, "job:errors:rate5m")
    narrower = between.replaced(RECORD, ("errors_total[", 'errors_total{code!="404"}['))
    difference = between.alerts(RECORD + alert, narrower + alert)
    assert not difference.general, "said once, at the alert"
    assert [between.said(change) for change in difference.alerts] == [
        [
            (
                "recording-rule",
                "fewer-series",
                'recording rule job:errors:rate5m: errors_total: fewer series, now only code!="404"',
            )
        ]
    ]


def test_more_series_in_a_recording_rule_are_not_taken_for_more_alerts(between):
    alert = reading(between, "job:errors:rate5m").replace("above 5", "below 5")
    narrow = between.replaced(RECORD, ("errors_total[", 'errors_total{code!="404"}['))
    (change,) = between.alerts(narrow + alert, RECORD + alert).alerts
    assert [said[1] for said in between.said(change)] == ["other-series"]
    assert change.is_risky


def test_a_recording_rule_is_never_said_to_fire_sooner(between):
    old = "  - record: job:errors:rate5m\n    expr: absent_over_time(errors_total[1h])\n"
    alert = reading(between, "job:errors:rate5m")
    (change,) = between.alerts(old + alert, old.replace("1h", "5m") + alert).alerts
    assert between.said(change) == [
        (
            "recording-rule",
            "condition",
            "recording rule job:errors:rate5m: absent_over_time() looks back over 5m instead of 1h",
        )
    ]


def test_a_recording_rule_is_followed_through_another_and_across_services(between):
    def files(record):
        return {
            between.path: f"{between.head}alerts:\n{OF_IT}{reading(between, 'job:errors:share')}",
            "alerts/platform/shared.yaml": f"service: shared\nteam: platform\nalerts:\n{record}",
        }

    slower = between.replaced(RECORD, ("[5m]", "[1h]"))
    difference = between.files(files(RECORD), files(slower))
    assert [between.said(change)[0][:2] for change in difference.alerts] == [("recording-rule", "smoother")]
    assert not difference.general


def test_another_rung_of_the_threshold_is_not_judged_while_a_recording_rule_changes_too(between):
    alert = reading(between, "job:errors:rate5m")
    slower = between.replaced(RECORD, ("[5m]", "[1h]"))
    (change,) = between.alerts(RECORD + alert, slower + between.replaced(alert, ("above 5", "above 9"))).alerts
    assert between.said(change)[0] == (
        "threshold",
        "condition",
        "threshold above 5 -> above 9, and a recording rule that is compared has changed too",
    )


def test_an_exception_s_series_are_not_judged_while_a_recording_rule_changes_too(between):
    alert = reading(between, "job:errors:rate5m")
    quiet = 'job:errors:rate5m{job="checkout"}'
    old, new = (
        alert.replace(quiet, f"{quiet} > 5 unless on() job:errors:rate5m{{job=~{jobs}}}").replace(
            "    threshold: above 5\n", ""
        )
        for jobs in ('"a|b"', '"a"')
    )
    slower = between.replaced(RECORD, ("[5m]", "[1h]"))
    (change,) = between.alerts(RECORD + old, slower + new).alerts
    assert (
        "matcher",
        "condition",
        (
            'job:errors:rate5m: kept quiet by fewer series, now job=~"a" instead of job=~"a|b", '
            "and a recording rule that is read has changed too"
        ),
    ) in between.said(change)


def test_a_comparison_within_a_recording_rule_is_not_judged(between):
    old = between.replaced(RECORD, ("[5m]))", "[5m])) > 5"))
    alert = reading(between, "job:errors:rate5m")
    (change,) = between.alerts(old + alert, between.replaced(old, ("> 5", "> 9")) + alert).alerts
    assert between.said(change) == [
        ("recording-rule", "condition", "recording rule job:errors:rate5m: threshold > 5 -> > 9")
    ]


def test_a_recording_rule_that_is_gone_though_it_is_still_read(between):
    alert = reading(between, "job:errors:rate5m")
    difference = between.alerts(RECORD + alert, alert)
    assert between.said(difference.alerts[0]) == [
        ("recording-rule", "removed", "the recording rule job:errors:rate5m is gone, and is still read")
    ]
    assert difference.alerts[0].is_risky
    (change,) = between.alerts(alert, RECORD + alert).alerts
    assert between.said(change) == [
        ("recording-rule", "condition", "what it reads as job:errors:rate5m is now made by a recording rule")
    ]


def test_an_alert_that_reads_another_series_is_told_by_its_own_expression(between):
    one, other = reading(between, "job:errors:rate5m"), reading(between, "job:errors:share")
    (change,) = between.alerts(RECORD + OF_IT + one, RECORD + OF_IT + other).alerts
    assert between.said(change) == [("metric", "other-series", "reads job:errors:share instead of job:errors:rate5m")]


def test_the_spelling_of_a_recording_rule_is_no_change(between):
    alert = reading(between, "job:errors:rate5m")
    respelled = between.replaced(
        RECORD, ("sum by (job) (rate(errors_total[5m]))", "sum by(job)(rate(errors_total[300s]))")
    )
    assert between.alerts(RECORD + alert, respelled + alert).is_empty


def test_its_labels_matter(between):
    alert = reading(between, "job:errors:rate5m")
    labelled = RECORD + "    labels: {tier: one}\n"
    (change,) = between.alerts(RECORD + alert, labelled + alert).alerts
    assert between.said(change) == [
        ("recording-rule", "condition", "recording rule job:errors:rate5m: its labels have changed")
    ]


def test_a_recording_rule_that_no_alert_reads_is_told_at_its_service(between):
    difference = between.alerts(between.alert, RECORD + between.alert)
    assert not difference.alerts
    assert between.said(difference.general[0]) == [
        ("recording-rule", "setting", "recording rule job:errors:rate5m added")
    ]
    changed = between.replaced(RECORD, ("[5m]", "[1h]"))
    difference = between.alerts(RECORD + between.alert, changed + between.alert)
    assert between.said(difference.general[0])[0][:2] == ("recording-rule", "smoother")
    difference = between.alerts(RECORD + between.alert, between.alert)
    assert between.said(difference.general[0])[0][2] == "recording rule job:errors:rate5m removed"


def test_another_service_s_rule_of_the_same_name_is_told_too(between):
    def files(window):
        record = RECORD.replace("[5m]", f"[{window}]")
        mine = record + "    labels: {owner: checkout}\n"
        read = reading(between, "job:errors:rate5m").replace('{job="checkout"}', '{owner="checkout"}', 1)
        other = record.replace("errors_total", "faults_total") + "    labels: {owner: till}\n"
        return {
            between.path: f"{between.head}alerts:\n{mine}{read}",
            "alerts/payments/till.yaml": f"service: till\nteam: payments\nalerts:\n{other}",
        }

    difference = between.files(files("5m"), files("1h"))
    assert [change.service for change in difference.general] == ["till"]
    assert [change.service for change in difference.alerts] == ["checkout"]


def test_a_mutant_of_a_recording_rule_that_is_waved_through(between):
    accepted = RECORD + "    equivalent_mutants:\n      - {mutant: range, reason: it is the same}\n"
    difference = between.alerts(RECORD + between.alert, accepted + between.alert)
    assert between.said(difference.general[0]) == [
        ("equivalent-mutant", "mutant-accepted", "mutant range is accepted without a scenario: it is the same")
    ]
