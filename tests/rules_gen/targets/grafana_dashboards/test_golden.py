"""The whole dashboard of a small service, as a reviewer sees it in a diff."""

from pathlib import Path

from rules_gen.targets.grafana_dashboards import service_files

GOLDEN = Path(__file__).parent / "golden" / "checkout-api.json"


def test_the_dashboard_is_the_golden_one(model, policy):
    wanted = ("CheckoutHighErrorRate", "CheckoutDown")
    alerts = [alert for alert in model.every_kind().alerts if alert.name in wanted]
    (output,) = service_files(model.service(*alerts), policy)
    assert output.content.decode() == GOLDEN.read_text(encoding="utf-8")
