"""Every query of a dashboard finds something in a real Prometheus filled with what the alerts look at."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

STEP = 15
END = 1_700_000_000
START = END - 3600


def sample_data(objective):
    """OpenMetrics text: an hour in which everything that the sample service watches goes wrong at the end."""
    slo = ",".join(f'{name}="{value}"' for name, value in objective.labels)
    alerts = 'team="payments",service="checkout-api",job="checkout-api",instance="a:9090"'
    per_second = {
        'http_requests_total{job="checkout-api",status="200"}': 9,
        'http_requests_total{job="checkout-api",status="500"}': 1,
    }
    constant = {
        'up{job="checkout-api",instance="a:9090"}': 0,
        "job:latency:p95": 0.7,
        "cache_hit_ratio": 0.4,
        "disk_free_bytes": 6e8,
        "queue_length": 950,
        "restarts": 3,
        objective.total_record + "{" + slo + "}": 10,
        **{record + "{" + slo + "}": 0.02 for _, record in objective.ratio_records},
        f'ALERTS{{alertname="CacheHitRateLow",severity="medium",alertstate="pending",{alerts}}}': 1,
    }
    firing = f'ALERTS{{alertname="CheckoutDown",severity="critical",alertstate="firing",{alerts}}}'
    lines = []
    for at in range(START, END + 1, STEP):
        lines += [f"{series} {rate * (at - START)} {at}" for series, rate in per_second.items()]
        lines += [f"{series} {value} {at}" for series, value in constant.items()]
        if at > END - 60:
            lines.append(f"{firing} 1 {at}")
    # Text of this format has one metric after the other.
    return "\n".join([*sorted(lines, key=lambda line: line.split("{")[0].split(" ")[0]), "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(model, tmp_path_factory):
    """The address of a Prometheus with the sample data, which lives as long as this module's tests."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "data.txt").write_text(sample_data(model.objective), encoding="utf-8")
    (folder / "prometheus.yml").write_text("{}\n", encoding="utf-8")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "data.txt", folder / "data"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                shutil.which("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_ready(f"http://{address}/-/ready", server)
        yield f"http://{address}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(timeout=10)


def wait_until_ready(url, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, "Prometheus has stopped"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Prometheus isn't ready after 30 s")


def ask(address, path, **parameters):
    query = urllib.parse.urlencode({name.replace("match", "match[]"): value for name, value in parameters.items()})
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{query}", timeout=10) as answer:
        return json.load(answer)["data"]


@pytest.mark.full
def test_every_query_finds_something(prometheus, dashboard, queries_of):
    found = queries_of(dashboard)
    assert len(found) > 20
    empty = []
    for name, expr in found:
        if name.startswith("variable "):
            values = ask(prometheus, f"label/{name.split()[1]}/values", match=expr, start=START, end=END)
        else:
            values = ask(prometheus, "query_range", query=expr, start=END - 300, end=END, step=60)["result"]
        if not values:
            empty.append((name, expr))
    assert not empty


@pytest.mark.full
def test_a_runbook_label_reaches_the_table(prometheus, compiled, titled, model):
    limit = model.threshold("above 1", ">", 1.0)
    down = model.alert("CheckoutDown", model.rule("CheckoutDown", "up", limit), runbook_url="https://wiki/$1/x")
    other = model.alert("CacheHitRateLow", model.rule("CacheHitRateLow", "up", limit))
    table = titled(compiled(model.service(down, other)), "Active alerts")
    expr = table["targets"][0]["expr"].replace("$job", ".+").replace("$instance", ".+")
    assert "${" not in expr
    rows = [row["metric"] for row in ask(prometheus, "query", query=expr, time=END)["result"]]
    assert {row["alertname"]: row["runbook"] for row in rows} == {
        "CheckoutDown": "https://wiki/$1/x",
        "CacheHitRateLow": "https://runbooks.example.com/payments/checkout-api/CacheHitRateLow",
    }


@pytest.mark.full
def test_the_history_tells_firing_from_pending(prometheus, dashboard, titled):
    expr = titled(dashboard, "Alert states")["targets"][0]["expr"].replace("$job", "x").replace("$instance", ".+")
    assert not ask(prometheus, "query", query=expr, time=END)["result"]
    expr = titled(dashboard, "Alert states")["targets"][0]["expr"].replace("$job", ".+").replace("$instance", "a.*")
    rows = ask(prometheus, "query", query=expr, time=END)["result"]
    assert {row["metric"]["alertname"]: row["value"][1] for row in rows} == {
        "CheckoutDown": "2",
        "CacheHitRateLow": "1",
    }
