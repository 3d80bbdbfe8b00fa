"""A service with one alert of every kind that a dashboard draws differently, and its factories."""

import json
import types

import pytest

from rules_gen.diagnostics import Place
from rules_gen.model import Alert, AlertRule, Service, Slo, Threshold, Urls
from rules_gen.targets.grafana_dashboards import service_files

PLACE = Place("alerts/payments/checkout-api.yaml")
RUNBOOK = "https://runbooks.example.com/{team}/{service}/{alert}"


def threshold(text, operator, value, unit="", dimension=""):
    return Threshold(text, operator, f"{value:g}", value, unit, dimension)


def rule(name, signal, limit=None, severity="high", *, environment=None, hold="5m", rung=False):
    return AlertRule(
        alert=name,
        expr=f"({signal}\n) {limit.operator} {limit.literal}" if limit else signal,
        signal=signal,
        threshold=limit,
        hold=hold,
        keep_firing_for=None,
        severity=severity,
        rung=rung,
        environment=environment,
        labels=(("severity", severity), ("team", "payments"), ("service", "checkout-api")),
        annotations=(),
        place=PLACE,
        expr_place=PLACE,
        threshold_place=PLACE,
        summary_place=PLACE,
    )


def alert(name, *rules, summary="Customers notice.", runbook_url=None, slo=None):
    url = runbook_url or f"https://runbooks.example.com/payments/checkout-api/{name}"
    return Alert(
        name=name,
        summary=summary,
        description="",
        runbook=None,
        runbook_url=url,
        dashboard_url="",
        rules=rules,
        scenarios=(),
        inhibits=(),
        equal=None,
        notify=None,
        bypass_router=False,
        exemptions=(),
        slo=slo,
        place=PLACE,
    )


def service(*alerts, slos=(), name="checkout-api", team="payments"):
    return Service(
        name=name,
        team=team,
        description="Takes the money.",
        environments=(None,),
        groups=(),
        alerts=alerts,
        slos=slos,
        source="alerts/payments/checkout-api.yaml",
        place=PLACE,
    )


def make_policy():
    """What a dashboard asks a policy for, and no more."""
    return types.SimpleNamespace(
        prometheus=(2, 42), urls=Urls(RUNBOOK, "https://grafana.example.com/d/{uid}", None, None)
    )


ERROR_RATIO = (
    'sum by (job) (rate(http_requests_total{job="checkout-api", status=~"5.."}[5m]))\n'
    '  / sum by (job) (rate(http_requests_total{job="checkout-api"}[5m]))'
)

OBJECTIVE = Slo(
    name="CheckoutAvailability",
    objective="99.9%",
    target=0.999,
    window="30d",
    description="Checkout answers without an error.",
    ratio_records=tuple((window, f"slo:error_ratio:rate{window}") for window in ("5m", "30m", "1h", "2h", "6h")),
    total_record="slo:events:rate5m",
    labels=(("slo", "CheckoutAvailability"), ("service", "checkout-api")),
    alert="CheckoutAvailabilityErrorBudgetBurn",
)


def burn(long, short, factor, severity):
    first, second = (
        f'slo:error_ratio:rate{window}{{slo="CheckoutAvailability"}} > {factor} * 0.001' for window in (long, short)
    )
    return rule(OBJECTIVE.alert, f"{first} and {second}", severity=severity, hold="2m")


def every_kind():
    ladder = (
        rule("CheckoutHighErrorRate", ERROR_RATIO, threshold("above 5%", ">", 0.05, "%", "ratio"), rung=True),
        rule(
            "CheckoutHighErrorRate",
            ERROR_RATIO,
            threshold("above 1%", ">", 0.01, "%", "ratio"),
            severity="medium",
            rung=True,
        ),
    )
    return service(
        alert(
            "CheckoutHighErrorRate",
            *ladder,
            summary="{{ $labels.job }} answers {{ $value | humanizePercentage }} with an error",
        ),
        alert(
            "CheckoutSlow",
            rule(
                "CheckoutSlow",
                "job:latency:p95",
                threshold("above 500ms", ">", 0.5, "ms", "seconds"),
                "medium",
            ),
        ),
        alert(
            "CacheHitRateLow",
            rule("CacheHitRateLow", "cache_hit_ratio", threshold("below 60%", "<", 0.6, "%", "ratio"), "medium"),
        ),
        alert(
            "CheckoutDown",
            rule(
                "CheckoutDown",
                'up{job="checkout-api"}',
                threshold("equals 0", "==", 0.0),
                "critical",
                hold="1m",
            ),
        ),
        alert("CheckoutAbsent", rule("CheckoutAbsent", 'absent(up{job="checkout-db"})', severity="critical")),
        alert("DiskFull", rule("DiskFull", "disk_free_bytes - 5e8 < 1e9", severity="low")),
        alert(
            "QueueLong",
            rule("QueueLong", "queue_length", threshold("above 100", ">", 100.0), environment="production"),
            rule("QueueLong", "queue_length", threshold("above 900", ">", 900.0), "low", environment="staging"),
        ),
        alert(
            "RestartedTwice",
            rule("RestartedTwice", "sum(restarts) > 2 unless sum(deploys) > 0", severity="low"),
        ),
        alert(
            OBJECTIVE.alert,
            burn("1h", "5m", 14.4, "critical"),
            burn("6h", "30m", 6, "critical"),
            burn("2h", "30m", 3, "medium"),
            slo=OBJECTIVE.name,
        ),
        slos=(OBJECTIVE,),
    )


@pytest.fixture(scope="session")
def policy():
    return make_policy()


@pytest.fixture(scope="session")
def model():
    """The factories, for tests that need a service of their own."""
    return types.SimpleNamespace(
        rule=rule,
        alert=alert,
        service=service,
        threshold=threshold,
        every_kind=every_kind,
        objective=OBJECTIVE,
    )


@pytest.fixture(scope="session")
def compiled(policy):
    """Compile a service to the decoded dashboard."""

    def compiled(of):
        (output,) = service_files(of, policy)
        return json.loads(output.content)

    return compiled


@pytest.fixture(scope="session")
def dashboard(compiled):
    """The dashboard of the service with every kind of alert."""
    return compiled(every_kind())


@pytest.fixture(scope="session")
def panels_of():
    """All panels of a dashboard but rows, also those inside collapsed rows."""

    def panels_of(dashboard):
        for panel in dashboard["panels"]:
            yield from panel["panels"] if panel["type"] == "row" else [panel]

    return panels_of


@pytest.fixture(scope="session")
def titled(panels_of):
    """The panel of a title."""

    def titled(dashboard, title):
        (panel,) = (panel for panel in panels_of(dashboard) if panel["title"] == title)
        return panel

    return titled


@pytest.fixture(scope="session")
def queries_of(panels_of):
    """Every query of a dashboard, with Grafana's variables set to all: pairs of a name and PromQL."""

    def queries_of(dashboard):
        found = [
            (f"{panel['title']} {target['refId']}", target["expr"])
            for panel in panels_of(dashboard)
            for target in panel["targets"]
        ]
        found += [(f"annotation {one['name']}", one["expr"]) for one in dashboard["annotations"]["list"]]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                selector = variable["query"].removeprefix("label_values(").rpartition(",")[0]
                found.append((f"variable {variable['name']}", selector))
        return [(name, expr.replace("$job", ".+").replace("$instance", ".+")) for name, expr in found]

    return queries_of
