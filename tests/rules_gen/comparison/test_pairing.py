"""Alerts that are new, gone, renamed or moved."""

import pytest


def names(difference):
    return [
        (change.alert, *[(finding.kind, finding.impact, finding.sentence) for finding in change.findings])
        for change in difference.alerts
    ]


def test_a_new_and_a_removed_alert_say_who_is_told(between):
    other = between.replaced(
        between.alert,
        ("CheckoutErrors", "DiskFull"),
        ("errors_total", "disk_used"),
        ("fires", "shows"),
        ("stays", "is"),
        ("fails", "is full"),
    )
    said = "high, pages Payments by PagerDuty (PAYMENTS_KEY), tells Payments by Slack #payments"
    added = between.alerts(between.alert, between.alert + other)
    assert names(added) == [("DiskFull", ("alert", "added", f"new alert: {said}"))]
    assert not added.alerts[0].is_risky
    removed = between.alerts(between.alert + other, between.alert)
    assert names(removed) == [("DiskFull", ("alert", "removed", f"alert removed; it was {said}"))]
    assert removed.alerts[0].is_risky
    assert removed.alerts[0].page is None, "there is no page to read any more"
    assert added.alerts[0].page == "runbooks/payments/checkout/DiskFull.md"


def test_a_renamed_alert_is_one_alert(between):
    renamed = between.replaced(between.alert, ("CheckoutErrors", "CheckoutFails"), ("above 5", "above 6"))
    assert names(between.alerts(between.alert, renamed)) == [
        (
            "CheckoutFails",
            ("threshold", "less-sensitive", "threshold above 5 -> above 6: less sensitive"),
            ("name", "renamed", "renamed from CheckoutErrors"),
        )
    ]


def test_a_wholly_new_name_is_known_by_its_condition(between):
    renamed = between.replaced(between.alert, ("CheckoutErrors", "Zzz"))
    assert names(between.alerts(between.alert, renamed))[0][1] == ("name", "renamed", "renamed from CheckoutErrors")


def test_what_is_only_called_alike_is_another_alert(between):
    other = between.replaced(
        between.alert,
        ("CheckoutErrors", "CheckoutErrors2"),
        ("rate(errors_total", "delta(logins"),
        ("errors_total", "logins"),
        ("fires", "shows"),
        ("stays", "is"),
        ("Nobody can pay", "Few log in"),
    )
    assert [impact for _, (_, impact, _) in names(between.alerts(between.alert, other))] == ["removed", "added"]


def test_an_inhibition_follows_a_renamed_target(between):
    target = between.replaced(between.alert, ("CheckoutErrors", "CheckoutSlow"), ("errors_total", "slow_total"))
    source = between.replaced(between.alert, ("for: 5m", "for: 5m\n    inhibits: [CheckoutSlow]"))
    old = source + target
    new = between.replaced(old, ("CheckoutSlow", "CheckoutCrawls"))
    assert [change[0] for change in names(between.alerts(old, new))] == ["CheckoutCrawls"]


@pytest.mark.parametrize(
    ("path", "team", "service"),
    [
        ("alerts/payments/till.yaml", "payments", "till"),
        ("alerts/platform/checkout.yaml", "platform", "checkout"),
    ],
)
def test_a_service_that_is_renamed_or_handed_over_is_told_once(between, path, team, service):
    old = {between.path: f"{between.head}alerts:\n{between.alert}"}
    new = {path: f"service: {service}\nteam: {team}\nalerts:\n{between.alert}"}
    difference = between.files(old, new)
    (general,) = difference.general
    assert between.said(general) == [("service", "renamed", "renamed from payments/checkout")]
    told = [sentence for change in difference.alerts for _, _, sentence in between.said(change)]
    handed_over = (
        "no longer pages Payments by PagerDuty (PAYMENTS_KEY); no longer tells Payments by Slack #payments; "
        "now pages Platform by PagerDuty (PLATFORM_KEY); now tells Platform by Slack #platform"
    )
    assert told == ([handed_over] if team == "platform" else [])


def test_an_alert_that_moves_to_another_service_keeps_its_history(between):
    others = "".join(
        between.replaced(between.alert, ("CheckoutErrors", name), ("errors_total", name.lower()))
        for name in ("Slow", "Full")
    )
    path = "alerts/platform/hosts.yaml"
    hosts = "service: hosts\nteam: platform\nalerts:\n"
    disk = between.replaced(between.alert, ("CheckoutErrors", "Disk"), ("errors_total", "disk"))
    old = {between.path: f"{between.head}alerts:\n{between.alert}{others}", path: hosts + disk}
    new = {between.path: f"{between.head}alerts:\n{others}", path: hosts + disk + between.alert}
    difference = between.files(old, new)
    assert not difference.general
    (change,) = difference.alerts
    assert ("place", "moved", "moved from payments/checkout") in between.said(change)
    assert change.files == (path, between.path), "where it is, then where it was"


def test_an_alert_that_moves_with_another_threshold_is_no_other_alert(between):
    path = "alerts/platform/hosts.yaml"
    hosts = "service: hosts\nteam: platform\nalerts:\n"
    disk = between.replaced(between.alert, ("CheckoutErrors", "Disk"), ("errors_total", "disk"))
    slow = between.replaced(between.alert, ("CheckoutErrors", "Slow"), ("errors_total", "slow_total"))
    old = {between.path: f"{between.head}alerts:\n{between.alert}{slow}", path: hosts + disk}
    moved = between.replaced(between.alert, ("above 5", "above 9"))
    new = {between.path: f"{between.head}alerts:\n{slow}", path: hosts + disk + moved}
    (change,) = between.files(old, new).alerts
    told = [(kind, impact) for kind, impact, _ in between.said(change)]
    assert ("threshold", "less-sensitive") in told
    assert ("place", "moved") in told


def test_a_template_that_a_new_service_uses_too_is_no_move(between):
    other = between.replaced(between.alert, ('job="checkout"', 'job="till"'))
    old = {between.path: f"{between.head}alerts:\n{between.alert}"}
    new = {"alerts/platform/till.yaml": f"service: till\nteam: platform\nalerts:\n{other}"}
    assert [change.findings[0].impact for change in between.files(old, new).alerts] == ["removed", "added"]


def test_a_file_that_becomes_a_folder_is_no_change(between):
    folder = {
        "alerts/payments/checkout/service.yaml": between.head,
        "alerts/payments/checkout/errors.yaml": between.alert.replace("  - ", "    ", 1)
        .replace("    ", "", 1)
        .replace("\n    ", "\n"),
    }
    difference = between.files({between.path: f"{between.head}alerts:\n{between.alert}"}, folder)
    assert difference.is_empty
