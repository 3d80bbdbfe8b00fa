"""${environment} is the environment's name wherever an alert can say it, and never gets out as plain text."""

import pytest

SERVICE = """\
service: cart
team: payments
labels: {{cluster: "eu-${{environment}}"}}
environments:
  live: {{labels: {{zone: "z-${{environment}}"}}}}
  lab:
    alerts:
      CartDown: {{labels: {{owner: "o-${{environment}}"}}}}
alerts:
  - alert: CartDown
    severity: medium
    expr: up{{job="cart"}}
    threshold: equals 0
    for: 1m
    summary: Cart is down
    runbook:
      first: kubectl -n cart-${{environment}} get pods
      impact: ${{environment}} can't sell.
      causes: a bad deploy
      investigate: Read the log.
      resolve: Roll back.
      verify: It answers again.
      escalate: {{after: 15m, to: the lead}}
    tests:
      - name: fires
        series: {{'up{{job="cart"}}': 0x10}}
        firing_at: [5m]
""".replace("{{", "{").replace("}}", "}")


def cart(repository, text=SERVICE):
    repository.write("alerts/payments/cart.yaml", text)
    return repository.build()


def test_labels_of_services_environments_and_overlays_and_the_first_step_name_the_environment(repository):
    assert not cart(repository).failed
    live, lab = (repository.read(f"rules/payments/cart.{name}.rules.yml") for name in ("live", "lab"))
    assert "cluster: eu-live\n" in live
    assert "zone: z-live\n" in live
    assert "impact: live can't sell.\n" in live
    assert "action: kubectl -n cart-live get pods\n" in live
    assert "cluster: eu-lab\n" in lab
    assert "owner: o-lab\n" in lab
    assert "${" not in live + lab


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('up{job="checkout"}\n', 'up{job="checkout", env="${environment}"}\n', 6),
        ("of checkout is down", "of ${environment} is down", 9),
        ("team: payments\n", 'team: payments\nlabels: {env: "${environment}"}\n', 3),
    ],
)
def test_without_environments_the_name_is_refused(repository, old, new, line):
    repository.replace("alerts/payments/checkout.yaml", old, new)
    (found,) = repository.build().diagnostics
    assert (found.check, found.span.line) == ("environment", line)
    assert "has no environments" in found.message


def test_without_environments_a_template_cannot_bring_the_name_in(repository):
    alert = repository.service("${job}").split("alerts:\n")[1].replace("{{ $", "{{ $")
    repository.write(
        "alerts/_templates/up.yaml",
        "template: up\nparameters: {job: {type: string, description: The job.}}\nalerts:\n" + alert,
    )
    repository.write(
        "alerts/payments/new.yaml",
        'service: new\nteam: payments\nuse: [{template: up, with: {job: "a-${environment}"}}]\n',
    )
    assert "environment" in {found.check for found in repository.build().diagnostics}


def test_a_shell_variable_in_a_runbook_is_no_environment(repository):
    repository.replace("alerts/payments/checkout.yaml", "Read the log.", "echo ${environment}")
    assert not repository.build().failed


def test_a_dollar_before_it_keeps_the_name_as_text(repository):
    repository.replace("alerts/payments/checkout.yaml", "of checkout is down", "of $${environment} is down")
    assert not repository.build().failed


@pytest.mark.parametrize(
    "overlay", ["{disabled: true}", "{severities: {high: {disabled: true}, low: {disabled: true}}}"]
)
def test_an_alert_that_no_environment_keeps_is_not_lost_in_silence(repository, overlay):
    path = "alerts/payments/checkout.yaml"
    overlays = "\n".join(f"  {name}: {{alerts: {{Down: {overlay}}}}}" for name in ("live", "lab"))
    repository.replace(path, "alerts:\n", f"environments:\n{overlays}\nalerts:\n")
    if "severities" in overlay:
        ladder = "severities: {high: {threshold: equals 0}, low: {threshold: below 1}}"
        repository.replace(path, "severity: medium", ladder)
        repository.replace(path, "    threshold: equals 0\n", "")
    found = [(d.check, d.message) for d in repository.build().diagnostics]
    assert ("environment", "Down is disabled in every environment, so nothing would watch for it") in found


def test_an_alert_may_be_left_out_of_one_environment(repository):
    path = "alerts/payments/checkout.yaml"
    environments = "environments: {live: {}, lab: {alerts: {Down: {disabled: true}}}}\n"
    repository.replace(path, "alerts:\n", environments + "alerts:\n")
    assert not repository.build().failed
