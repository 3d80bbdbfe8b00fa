from dataclasses import replace

import pytest

from rules_gen.diagnostics import Place
from rules_gen.model import (
    Alert,
    AlertmanagerPolicy,
    AlertRule,
    Assertion,
    Digest,
    Escalation,
    Flap,
    Policy,
    RouterPolicy,
    Runbook,
    Scenario,
    Service,
    SeverityPolicy,
    Slo,
    State,
    Step,
    Storm,
    Team,
    Threshold,
    Urls,
)

SOURCE = "alerts/payments/checkout-api.yaml"
PLACE = Place(SOURCE)
SIGNAL = 'sum by (job) (rate(http_requests_total{job="checkout-api", status=~"5.."}[5m]))'
ABOVE_5 = Threshold("above 5%", ">", "0.05", 0.05, "%", "ratio")
ABOVE_1 = Threshold("above 1%", ">", "0.01", 0.01, "%", "ratio")


class Make:
    """Values of the model, each a complete one that a test changes where it cares."""

    place = PLACE
    above_1 = ABOVE_1
    above_5 = ABOVE_5

    def policy(self, **changes):
        policy = Policy(
            prometheus=(2, 42),
            urls=Urls(
                runbook="https://runbooks.example.com/{team}/{service}/{alert}",
                dashboard="https://grafana.example.com/d/{uid}",
                query="https://prometheus.example.com/graph?g0.expr={expr}&g0.tab=0",
                silence="https://alertmanager.example.com/#/silences/new?filter={matchers}",
            ),
            severities=(
                SeverityPolicy("critical", "at once", ("pagerduty",)),
                SeverityPolicy("high", "15m", ("pagerduty", "slack")),
                SeverityPolicy("medium", "1h", ("slack",)),
                SeverityPolicy("low", "next business day", ("email",)),
            ),
            aliases=(),
            labels=(),
            external_labels=(),
            group_by=("team", "service", "alertname"),
            teams=(self.team("payments", "Payments", "payments-lead"), self.team("sre", "SRE", None)),
            default_team="sre",
            maintenance=(),
            alertmanager=AlertmanagerPolicy("10s", "1m", "4h", None),
            router=RouterPolicy(
                url="http://alert-router:9095",
                credentials_file=None,
                repeat_interval="4h",
                fallback_after="60s",
                digest=Digest("09:00", ("monday",), "UTC"),
                storm=Storm(enabled=True, incidents_per_minute=30),
                flap=Flap(enabled=True, reopenings=4, within="1h"),
                clusters=(),
            ),
            outputs=(),
            place=PLACE,
        )
        return replace(policy, **changes)

    def team(self, key, name, lead):
        return Team(key, name, lead, None, None, None, (), None, escalate_medium=False, place=PLACE)

    def rule(self, **changes):
        rule = AlertRule(
            alert="CheckoutHighErrorRate",
            expr=f"{SIGNAL} > 0.05",
            signal=SIGNAL,
            threshold=ABOVE_5,
            hold="5m",
            keep_firing_for=None,
            severity="high",
            rung=False,
            environment=None,
            labels=(("severity", "high"),),
            annotations=(),
            place=PLACE,
            expr_place=PLACE,
            threshold_place=PLACE,
            summary_place=PLACE,
        )
        return rule._replace(**changes)

    def ladder(self, environment=None):
        return (
            self.rule(rung=True, environment=environment),
            self.rule(
                rung=True,
                environment=environment,
                severity="medium",
                threshold=ABOVE_1,
                expr=f"{SIGNAL} > 0.01",
                hold="15m",
            ),
        )

    def runbook(self, **changes):
        runbook = Runbook(
            first="Users notice at once. Roll back if a deploy went out in the last hour.",
            impact="Customers can't pay.",
            causes=("a bad deploy", "the payment provider is down"),
            investigate=(
                Step(
                    "Look for a deploy in the last hour",
                    run="kubectl rollout history deploy/checkout-api",
                    expect="no rollout in the last hour",
                    then="If there was one, go to Resolution, step 1.",
                ),
                Step("See which status codes rise", query="sum by (status) (rate(http_requests_total[5m]))"),
                Step(
                    "Compare with a healthy pod",
                    run="kubectl get pods",
                    expect="NAME  READY\ncheckout-0  1/1",
                ),
            ),
            resolve=(
                Step("Roll back the deploy", run="kubectl rollout undo deploy/checkout-api"),
                Step("Empty the queue", run="redis-cli del checkout", destructive=True),
            ),
            verify=(Step("The error rate stays below 1% for ten minutes."),),
            escalate=Escalation("15m", "payments-lead"),
        )
        return runbook._replace(**changes)

    def scenario(self, name="fires when one request in ten fails", environment=None, severity=None):
        return Scenario(
            alert="CheckoutHighErrorRate",
            name=name,
            environment=environment,
            interval="1m",
            interval_ms=60_000,
            series=(("up", "1x20"),),
            assertions=(
                Assertion(State.QUIET, "0m", 0, None, PLACE),
                Assertion(State.PENDING, "6m", 360_000, None, PLACE),
                Assertion(State.FIRING, "12m", 720_000, severity, PLACE),
            ),
            place=PLACE,
        )

    def alert(self, **changes):
        alert = Alert(
            name="CheckoutHighErrorRate",
            summary="Checkout answers {{ $value | humanizePercentage }} of requests with an error",
            description="{{ $labels.job }} has answered more than 5% of requests with a 5xx.",
            runbook=self.runbook(),
            runbook_url="https://runbooks.example.com/payments/checkout-api/CheckoutHighErrorRate",
            dashboard_url="https://grafana.example.com/d/payments-checkout-api",
            rules=(self.rule(),),
            scenarios=(self.scenario(), self.scenario("stays quiet at one in fifty")),
            inhibits=(),
            equal=None,
            notify=None,
            bypass_router=False,
            exemptions=(),
            slo=None,
            place=PLACE,
        )
        return alert._replace(**changes)

    def service(self, *alerts, **changes):
        service = Service(
            name="checkout-api",
            team="payments",
            description="Takes the customers' payments.",
            environments=(None,),
            groups=(),
            alerts=alerts,
            slos=(),
            source=SOURCE,
            place=PLACE,
        )
        return replace(service, **changes)

    def slo(self):
        return Slo(
            name="CheckoutAvailability",
            objective="99.9%",
            target=0.999,
            window="30d",
            description="Checkout answers without an error.",
            ratio_records=(),
            total_record="checkout:total",
            labels=(),
            alert="CheckoutAvailabilityErrorBudgetBurn",
        )

    def burn_alert(self):
        rules = tuple(
            self.rule(
                alert="CheckoutAvailabilityErrorBudgetBurn",
                expr=f"slo:error_ratio:rate{window} > {limit}\n  and slo:error_ratio:rate{short} > {limit}",
                signal=f"slo:error_ratio:rate{window}",
                threshold=Threshold(f"above {limit}", ">", limit, float(limit), "", ""),
                hold="0m",
                severity=severity,
                rung=True,
                labels=(("severity", severity), ("window", window)),
            )
            for window, short, limit, severity in (
                ("1h", "5m", "0.0144", "critical"),
                ("6h", "30m", "0.006", "critical"),
                ("1d", "2h", "0.003", "medium"),
                ("3d", "6h", "0.001", "medium"),
            )
        )
        return self.alert(
            name="CheckoutAvailabilityErrorBudgetBurn",
            summary="Checkout spends its error budget too fast",
            description="",
            rules=rules,
            slo="CheckoutAvailability",
            scenarios=(),
        )


@pytest.fixture(scope="session")
def make():
    return Make()
