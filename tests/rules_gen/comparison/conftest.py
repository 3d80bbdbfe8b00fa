"""Two sides made from a little YAML each, and what is found between them."""

from pathlib import Path

import pytest

from rules_gen.comparison import Side, compare
from rules_gen.definitions import compile_definitions

TODAY = "2026-01-15"
PATH = "alerts/payments/checkout.yaml"

POLICY = """\
prometheus: "2.42"
urls:
  runbook: "https://runbooks.example.com/{team}/{service}/{alert}"
  dashboard: "https://grafana.example.com/d/{uid}"
severities:
  critical: {response: at once, channels: [pagerduty]}
  high: {response: 15m, channels: [pagerduty, slack]}
  medium: {response: 1h, channels: [slack]}
  low: {response: next business day, channels: [email]}
teams:
  payments:
    name: Payments
    pagerduty: {routing_key: PAYMENTS_KEY}
    slack: {channel: "#payments"}
    email: {to: [payments@example.com]}
  platform:
    name: Platform
    pagerduty: {routing_key: PLATFORM_KEY}
    slack: {channel: "#platform"}
    email: {to: [platform@example.com]}
default_team: platform
proof: {mutation_score: 50%}
maintenance:
  - name: sunday
    matchers: {team: payments}
    severities: [low]
    times: {weekdays: [sunday], from: "02:00", to: "04:00"}
    time_zone: UTC
"""

ALERT = """\
  - alert: CheckoutErrors
    severity: high
    expr: sum by (job) (rate(errors_total{job="checkout"}[5m]))
    threshold: above 5
    for: 5m
    summary: "{{ $labels.job }} fails"
    runbook:
      first: Look at the rollout.
      impact: Nobody can pay.
      causes: [a bad deploy, a full disk]
      investigate: Read the log.
      resolve:
        - step: Undo the rollout.
          run: kubectl rollout undo deploy/checkout
      verify: It answers again.
      escalate: {after: 15m, to: payments-lead}
    tests:
      - name: fires at ten
        series:
          'errors_total{job="checkout"}': 0+600x30
        pending_at: [6m]
        firing_at: [12m, 20m]
      - name: stays quiet at one
        series:
          'errors_total{job="checkout"}': 0+60x30
        quiet_at: [20m]
"""

HEAD = "service: checkout\nteam: payments\n"


def replaced(text, *pairs):
    """The text with each pair's first part replaced by its second; each must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def side(contents, policy=POLICY):
    """Paths and YAML, compiled; they must have no error."""
    files = {"alerts/policy.yaml": policy, **contents}
    found = compile_definitions({path: text.encode() for path, text in files.items()}, TODAY, frozenset())
    assert not found.errors, [(problem.message, problem.place) for problem in found.errors]
    return Side(found.services, found.policy)


class Between:
    """What is found between two sides."""

    policy = POLICY
    alert = ALERT
    head = HEAD
    path = PATH
    side = staticmethod(side)
    replaced = staticmethod(replaced)

    @staticmethod
    def files(old, new, *, policies=(POLICY, POLICY), **options):
        """The difference of two sets of files."""
        return compare(side(old, policies[0]), side(new, policies[1]), **options)

    def services(self, old, new, **options):
        """The difference of two texts of one service."""
        return self.files({PATH: old}, {PATH: new}, **options)

    def alerts(self, old, new, *, before="", after="", **options):
        """The difference of two texts of the service's alerts. `before` and `after` are what its head has more."""
        return self.services(f"{HEAD}{before}alerts:\n{old}", f"{HEAD}{after}alerts:\n{new}", **options)

    def change(self, *pairs, **options):
        """The findings on the one alert after these replacements, as (kind, impact, sentence)."""
        difference = self.alerts(ALERT, replaced(ALERT, *pairs), **options)
        assert not difference.general
        (change,) = difference.alerts or (None,)
        return [] if change is None else said(change)

    def expressions(self, old, new):
        """The findings between two expressions of an alert without a threshold of its own."""
        return self.change_of(*(replaced(BARE, ("EXPR", text)) for text in (old, new)))

    def change_of(self, old, new):
        """The findings between two texts of one alert."""
        difference = self.alerts(old, new)
        return [finding for change in difference.alerts for finding in said(change)]

    @staticmethod
    def said(change):
        return said(change)


BARE = """\
  - alert: Bare
    severity: medium
    expr: |
      EXPR
    for: 1m
    summary: bare
    runbook: https://wiki.example.com/bare
    disable:
      - {check: scenario-missing, reason: the expression is all that matters, until: 2026-12-31}
"""


def said(change):
    return [(finding.kind, finding.impact.value, finding.sentence) for finding in change.findings]


@pytest.fixture
def between():
    return Between()


@pytest.fixture(scope="session")
def shared_between():
    """The same, for hypothesis, which wants what lives longer than one example."""
    return Between()


@pytest.fixture(scope="session")
def library_root():
    """This repository, whose own alerts are a sample of everything."""
    return Path(__file__).parents[3]
