"""Generates definitions for the benchmarks: services that differ, with alerts of the kinds that real ones have.

The mix follows the survey in the design pages: four of five alerts are a signal against a constant, one in eight
combines conditions, the rest are `absent()` and joins. Every alert has a full runbook, whose common sections are shared,
and two scenarios: about 0.9 KB of YAML each.
"""

from __future__ import annotations

import re
from pathlib import Path

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
"""
TEAM = """\
  team-{0}:
    pagerduty: {{routing_key: TEAM_{0}_KEY}}
    slack: {{channel: "#team-{0}"}}
    email: {{to: [team-{0}@example.com]}}
"""
TEAMS = 10
SHARED = """\
shared_runbook: service
investigate:
  - step: Look for a deploy in the last hour.
    run: kubectl rollout history deploy
    expect: no rollout in the last hour
  - step: Look at the dependency's latency.
    query: probe_duration_seconds
resolve:
  - step: Roll back the deploy.
    run: kubectl rollout undo deploy
verify: The panel on the dashboard is below its line again.
escalate: {after: 15m, to: the service's lead}
"""

_KINDS = (
    # (expression, threshold, firing series, quiet series)
    (
        'sum by (job) (rate(http_requests_total{{job="{job}", handler="/{n}", status=~"5.."}}[5m]))\n'
        '        / sum by (job) (rate(http_requests_total{{job="{job}", handler="/{n}"}}[5m]))',
        "above 5%",
        {'http_requests_total{{job="{job}", handler="/{n}", status="500"}}': "0+6x30", 'http_requests_total{{job="{job}", handler="/{n}", status="200"}}': "0+54x30"},
        {'http_requests_total{{job="{job}", handler="/{n}", status="500"}}': "0+1x30", 'http_requests_total{{job="{job}", handler="/{n}", status="200"}}': "0+59x30"},
    ),
    (
        'histogram_quantile(0.95, sum by (job, le) (rate(request_duration_seconds_bucket{{job="{job}", handler="/{n}"}}[5m])))',
        "above 500ms",
        {'request_duration_seconds_bucket{{job="{job}", handler="/{n}", le="0.25"}}': "0+1x30", 'request_duration_seconds_bucket{{job="{job}", handler="/{n}", le="1"}}': "0+9x30", 'request_duration_seconds_bucket{{job="{job}", handler="/{n}", le="+Inf"}}': "0+9x30"},
        {'request_duration_seconds_bucket{{job="{job}", handler="/{n}", le="0.25"}}': "0+9x30", 'request_duration_seconds_bucket{{job="{job}", handler="/{n}", le="+Inf"}}': "0+9x30"},
    ),
    (
        'max by (instance) (queue_length{{job="{job}", queue="q{n}"}})',
        "above 1000",
        {'queue_length{{job="{job}", queue="q{n}", instance="a"}}': "2000x30"},
        {'queue_length{{job="{job}", queue="q{n}", instance="a"}}': "900x30"},
    ),
    (
        'process_resident_memory_bytes{{job="{job}", pool="p{n}"}} / process_limit_bytes{{job="{job}", pool="p{n}"}}',
        "above 90%",
        {'process_resident_memory_bytes{{job="{job}", pool="p{n}"}}': "95x30", 'process_limit_bytes{{job="{job}", pool="p{n}"}}': "100x30"},
        {'process_resident_memory_bytes{{job="{job}", pool="p{n}"}}': "85x30", 'process_limit_bytes{{job="{job}", pool="p{n}"}}': "100x30"},
    ),
    (
        'rate(jobs_failed_total{{job="{job}", kind="k{n}"}}[10m])',
        "above 0.1",
        {'jobs_failed_total{{job="{job}", kind="k{n}"}}': "0+60x30"},
        {'jobs_failed_total{{job="{job}", kind="k{n}"}}': "0+1x30"},
    ),
    ('up{{job="{job}", shard="s{n}"}}', "equals 0", {'up{{job="{job}", shard="s{n}"}}': "0+0x30"}, {'up{{job="{job}", shard="s{n}"}}': "1x30"}),
    (
        'rate(cache_misses_total{{job="{job}", cache="c{n}"}}[5m]) > 10\n        and cache_size_bytes{{job="{job}", cache="c{n}"}} > 1e6',
        None,
        {'cache_misses_total{{job="{job}", cache="c{n}"}}': "0+1200x30", 'cache_size_bytes{{job="{job}", cache="c{n}"}}': "2000000x30"},
        {'cache_misses_total{{job="{job}", cache="c{n}"}}': "0+60x30", 'cache_size_bytes{{job="{job}", cache="c{n}"}}': "2000000x30"},
    ),
    (
        'absent(heartbeat_timestamp_seconds{{job="{job}", check="h{n}"}})',
        None,
        {'heartbeat_started{{job="{job}", check="h{n}"}}': "1x30"},
        {'heartbeat_timestamp_seconds{{job="{job}", check="h{n}"}}': "1x30"},
    ),
)  # fmt: skip
_METRIC = re.compile(r'\b(\w+)(?=\{job=")')
_SEVERITIES = ("critical", "high", "medium", "low")


def alert(service: str, number: int) -> str:
    """One alert as YAML, its scenarios included."""
    expr, threshold, fires, quiet = _KINDS[number % len(_KINDS)]
    fill = {"job": service, "n": number}
    label = "{{ $labels.job }}" if "by (instance)" not in expr else "{{ $labels.instance }}"
    lines = [
        f"  - alert: Alert{number}Of{service.title().replace('-', '')}",
        f"    severity: {_SEVERITIES[number % 4]}",
        "    expr: |",
        f"        {expr.format(**fill)}",
    ]
    lines += [f"    threshold: {threshold}"] if threshold else []
    lines += [
        "    for: 5m",
        f"    summary: Number {number} of {label} is at {{{{ $value | humanize }}}}",
        f"    description: What {service} does under number {number} has gone wrong for five minutes.",
        "    runbook:",
        "      include: [service]",
        f"      first: Look at the last deploy of {service}; users of number {number} notice within minutes.",
        "      impact: Users wait, and some give up.",
        "      causes: [a bad deploy, a slow dependency]",
        "    tests:",
    ]
    for name, series, state in (("fires", fires, "firing_at: [20m]"), ("stays quiet", quiet, "quiet_at: [20m]")):
        lines += [f"      - name: {name}", "        series:"]
        lines += [f"          '{key.format(**fill)}': {values}" for key, values in series.items()]
        lines += [f"        {state}"]
    return "\n".join(lines) + "\n"


def write(root: Path, alerts: int, files: int, *, distinct: bool = False) -> None:
    """Writes a repository of `alerts` alerts in `files` files below `root`.

    The expressions of a kind differ in the values of their matchers only, as those of one template do; with `distinct`
    every alert has metrics of its own.
    """
    folder = root / "alerts"
    folder.mkdir(parents=True)
    (folder / "policy.yaml").write_text(
        POLICY + "".join(TEAM.format(n) for n in range(TEAMS)) + "default_team: team-0\n", encoding="utf-8"
    )
    (folder / "_runbooks").mkdir()
    (folder / "_runbooks" / "service.yaml").write_text(SHARED, encoding="utf-8")
    for index in range(files):
        service = f"service-{index}"
        team = folder / f"team-{index % TEAMS}"
        team.mkdir(exist_ok=True)
        text = f"service: {service}\nteam: team-{index % TEAMS}\nalerts:\n"
        parts = [alert(service, number) for number in range(alerts // files)]
        if distinct:
            parts = [_METRIC.sub(rf"s{index}n{number}_\1", part) for number, part in enumerate(parts)]
        text += "".join(parts)
        (team / f"{service}.yaml").write_text(text, encoding="utf-8")
