"""The commands beside a router that runs, with its providers' stubs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from router_process import ROOT, Providers, RouterProcess, eventually
from webhooks import alert, fingerprint

from router.model import Status

pytestmark = pytest.mark.full


def command(router, *arguments):
    """Run `alert-router` in the router's folder, with its secrets: exit code, standard output, standard error."""
    ran = subprocess.run(
        [sys.executable, "-m", "router", *arguments, "--store", router.store_url, "--routes", str(router.routes_path)],
        cwd=router.folder,
        env={"PYTHONPATH": str(ROOT), **router.secrets},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_test_alert_reaches_the_providers_and_is_gone_afterwards(tmp_path):
    with Providers() as providers:
        router = RouterProcess(tmp_path, providers).start()
        try:
            code, out, err = command(
                router, "send", "--severity", "high", "--team", "payments", "--url", router.url, "--format", "json"
            )
            report = json.loads(out)
            assert (code, err) == (0, "")
            for step in report["steps"]:
                told = {row["destination"]: row for row in step["destinations"]}
                assert set(told) == {"pagerduty:PAYMENTS_KEY", "slack:SLACK_TOKEN/#payments"}
                assert {row["outcome"] for row in told.values()} == {"accepted"}
                assert all(0 <= row["latency_seconds"] < 10 for row in told.values())
            assert report["incident"] in json.dumps(providers.pagerduty.calls())
            code, out, _ = command(router, "explain", report["fingerprint"])
            assert code == 0
            assert "pagerduty:PAYMENTS_KEY (route, payments): told at " in out
        finally:
            router.stop()


def test_a_replayed_dead_letter_is_delivered_by_the_running_router(tmp_path):
    made = alert("Down", labels={"team": "payments", "severity": "medium"})
    with Providers() as providers:
        providers.slack.faults({"always": {"kind": "status", "status": 400}})
        router = RouterProcess(tmp_path, providers).start()
        try:
            router.deliver([made])
            eventually(lambda: router.ask(lambda tx: tx.dead_letters(["dead"], 10)), what="there is a dead letter")
            providers.slack.faults({"always": {"kind": "ok"}})
            code, out, err = command(router, "dead-letters", "list", "--format", "json")
            assert (code, err) == (0, "")
            (dead,) = json.loads(out)
            assert (dead["destination"], dead["state"]) == ("slack:SLACK_TOKEN/#payments", "open")
            code, out, _ = command(router, "dead-letters", "replay", dead["incident_id"])
            assert code == 0
            assert "goes out again" in out

            def settled():
                rows = router.ask(lambda tx: tx.deliveries([dead["incident_id"]]))[dead["incident_id"]]
                return all(row.status is Status.SETTLED for row in rows)

            eventually(settled, what="it is delivered")
            _, out, _ = command(router, "explain", fingerprint(made["labels"]))
            assert "a dead letter is tried again (slack:SLACK_TOKEN/#payments: by hand)" in out
        finally:
            router.stop()
