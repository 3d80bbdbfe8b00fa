"""What is in deploy/ fits the router: its flags, settings, secrets, addresses and exit codes.

Neither Docker nor a cluster nor systemd is asked: these hold everywhere. promtool and amtool are part of the set-up.
"""

import configparser
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.commands.parser import build_parser
from router.config.durations import parse_duration
from router.model import SECOND
from router.notifiers import channels
from router.settings import Settings, load_settings, settings_to_set
from router.web.health import routes as health_routes
from router.web.ports import Settings as WebSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHANNELS = {name: channel.Settings for name, channel in channels().items()}
SETTINGS = {leaf.variable: leaf for leaf in settings_to_set(CHANNELS)}
ROUTES = yaml.safe_load((ROOT / "rules" / "routes.yml").read_text(encoding="utf-8"))
PORT = 9095


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def documents(name: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text_of(name)) if document]


MANIFESTS = {path.stem: documents(f"kubernetes/{path.name}") for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))}


def manifest(name: str) -> dict[str, Any]:
    (document,) = MANIFESTS[name]
    return document


def container() -> dict[str, Any]:
    (one,) = manifest("deployment")["spec"]["template"]["spec"]["containers"]
    return dict(one)


def unit() -> dict[str, list[str]]:
    """The keys of [Service] with all their values."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text_of("alert-router.service").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "Service" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"\b(ALERT_ROUTER_[A-Z_]+)=(\S+)", text_of("Dockerfile")))


def environments() -> dict[str, dict[str, str]]:
    """The variables that each way of running the router sets."""
    compose = documents("compose.yaml")[0]["services"]["alert-router"]["environment"]
    kubernetes = {entry["name"]: entry.get("value", "postgresql://a:b@db/c") for entry in container()["env"]}
    return {
        "image": image_environment(),
        "compose": image_environment() | compose,
        "systemd": dict(value.split("=", 1) for value in unit()["Environment"]),
        "kubernetes": image_environment() | kubernetes,
    }


WAYS = ["image", "compose", "systemd", "kubernetes"]


@pytest.mark.parametrize("way", WAYS)
def test_its_variables_are_settings_whose_values_the_router_takes(way):
    environ = environments()[way]
    assert {name for name in environ if name not in SETTINGS} <= {"ALERT_ROUTER_TOKEN"}

    def read_file(path: str) -> bytes:
        if path.endswith("/ALERT_ROUTER_TOKEN"):
            return b"a-token\n"
        raise FileNotFoundError(path)

    environ = {"ALERT_ROUTER_TOKEN": "a-token"} | environ if "ALERT_ROUTER_SECRETS_DIR" not in environ else environ
    settings = load_settings({}, environ, read_file, CHANNELS)
    assert isinstance(settings, Settings), [str(problem) for problem in settings]
    assert (settings.port, settings.is_loopback) == (PORT, False)


@pytest.mark.parametrize("way", WAYS)
def test_without_its_token_it_would_not_start(way):
    environ = {name: value for name, value in environments()[way].items() if name != "ALERT_ROUTER_TOKEN"}

    def nothing(path: str) -> bytes:
        raise FileNotFoundError(path)

    assert not isinstance(load_settings({}, environ, nothing, CHANNELS), Settings)


def shown_commands() -> list[str]:
    """The command lines of the router, in the files and in their comments."""
    found = ["serve" for _ in re.findall(r'^CMD \["serve"\]$', text_of("Dockerfile"), re.MULTILINE)]
    found += [" ".join(container()["args"])]
    found += [shlex.join(shlex.split(line)[1:]) for line in unit()["ExecStart"]]
    found += re.findall(r"exec alert-router alert-router (.+)$", text_of("compose.yaml"), re.MULTILINE)
    return found


@pytest.mark.parametrize("line", shown_commands())
def test_its_commands_are_those_of_the_router(line):
    build_parser().parse_args(shlex.split(line))


def test_every_way_starts_the_server():
    assert shown_commands().count("serve") == 3


def test_the_command_of_the_image_and_of_the_unit_is_the_one_that_is_installed():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert "alert-router" in scripts
    assert 'ENTRYPOINT ["alert-router"]' in text_of("Dockerfile")
    assert unit()["ExecStart"] == ["/opt/alert-router/bin/alert-router serve"]


def probed_paths() -> set[str]:
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    paths = {container()[kind]["httpGet"]["path"] for kind in kinds}
    paths |= {endpoint["path"] for endpoint in manifest("servicemonitor")["spec"]["endpoints"]}
    return paths | set(re.findall(rf"http://127\.0\.0\.1:{PORT}(/[a-z/]+)", text_of("Dockerfile")))


def test_what_is_probed_is_served():
    class NoPorts:
        pass

    served = {route.path for route in health_routes(NoPorts(), WebSettings())}  # type: ignore[arg-type]
    assert probed_paths() <= served
    assert {"/health/live", "/health/ready", "/metrics"} <= probed_paths()


def test_a_stop_is_given_more_time_than_the_router_takes():
    grace = parse_duration(str(SETTINGS["ALERT_ROUTER_SHUTDOWN_GRACE"].node["default"]))
    assert grace is not None
    pod = manifest("deployment")["spec"]["template"]["spec"]
    pause = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    compose = parse_duration(documents("compose.yaml")[0]["services"]["alert-router"]["stop_grace_period"])
    assert compose is not None
    # The server's own connections get up to five seconds before it.
    for given in (int(unit()["TimeoutStopSec"][0]), pod["terminationGracePeriodSeconds"] - pause, compose // SECOND):
        assert given >= grace // SECOND + 10


def test_the_unit_has_a_credential_for_each_secret_that_the_routes_name():
    named = {value.partition(":")[0] for value in unit()["LoadCredential"]}
    teams = ROUTES["teams"].values()
    wanted = {team["pagerduty"]["routing_key"] for team in teams} | {team["slack"]["token"] for team in teams}
    assert named == wanted | {"ALERT_ROUTER_TOKEN"}
    for value in unit()["LoadCredential"]:
        name, _, path = value.partition(":")
        assert path == f"/etc/alert-router/secrets/{name}"


def test_the_unit_does_not_start_again_with_a_wrong_configuration():
    assert unit()["RestartPreventExitStatus"] == ["2"]
    assert "2 the command or the configuration is wrong" in (ROOT / "router" / "cli.py").read_text(encoding="utf-8")


def test_the_unit_parses_and_is_hardened():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text_of("alert-router.service"))
    assert parser.sections() == ["Unit", "Service", "Install"]
    for key, value in {
        "User": "alert-router",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "CapabilityBoundingSet": "",
        "StateDirectory": "alert-router",
    }.items():
        assert parser["Service"][key] == value


def test_nothing_runs_as_root():
    stages = text_of("Dockerfile").split("\nFROM ")
    assert re.search(r"^USER 10001:10001$", stages[-1], re.MULTILINE)
    pod = manifest("deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_image_takes_only_files_that_are_there_and_that_its_build_may_see():
    seen = {line.removeprefix("!") for line in text_of("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    taken = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text_of("Dockerfile"), re.MULTILINE):
        taken |= set(line.split()[:-1])
    assert taken == seen
    assert all((ROOT / name).exists() for name in taken)


def test_the_selectors_of_the_manifests_find_the_pods():
    labels = {"app": "alert-router"}
    assert manifest("deployment")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("deployment")["spec"]["template"]["metadata"]["labels"] == labels
    assert manifest("service")["spec"]["selector"] == labels
    assert manifest("poddisruptionbudget")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("networkpolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert manifest("servicemonitor")["spec"]["selector"]["matchLabels"] == manifest("service")["metadata"]["labels"]


def test_a_drain_leaves_a_replica():
    replicas = manifest("deployment")["spec"]["replicas"]
    assert replicas >= 2
    assert 1 <= manifest("poddisruptionbudget")["spec"]["minAvailable"] < replicas
    assert manifest("deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_several_replicas_share_a_database_whose_address_is_a_secret():
    (store,) = [entry for entry in container()["env"] if entry["name"] == "ALERT_ROUTER_STORE_URL"]
    assert "value" not in store
    assert store["valueFrom"]["secretKeyRef"] == {"name": "alert-router-store", "key": "url"}


def test_what_the_deployment_mounts_is_where_the_settings_look():
    environ = environments()["kubernetes"]
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert environ["ALERT_ROUTER_ROUTES"] == f"{mounts['routes']['mountPath']}/routes.yml"
    assert environ["ALERT_ROUTER_SECRETS_DIR"] == mounts["secrets"]["mountPath"]
    # A file that is mounted with subPath never changes in a running container.
    assert not [mount for mount in mounts.values() if "subPath" in mount]
    volumes = {volume["name"] for volume in manifest("deployment")["spec"]["template"]["spec"]["volumes"]}
    assert volumes == set(mounts)


def test_the_kustomization_names_every_manifest():
    listed = set(manifest("kustomization")["resources"])
    there = {f"{name}.yaml" for name in MANIFESTS}
    # The operator's kind exists only where there is an operator.
    assert there - listed == {"kustomization.yaml", "servicemonitor.yaml"}
    assert listed <= there


def test_the_runbooks_speak_of_what_is_deployed():
    told = (ROOT / "alerts" / "platform" / "alert-router.yaml").read_text(encoding="utf-8")
    assert manifest("kustomization")["namespace"] == "monitoring"
    assert set(re.findall(r"-l (app=[a-z-]+)", told)) == {"app=alert-router"}
    assert set(re.findall(r"deployment/([a-z-]+)", told)) == {manifest("deployment")["metadata"]["name"]}
    assert set(re.findall(r"http://alert-router:(\d+)", told)) == {str(PORT)}
    assert manifest("service")["spec"]["ports"][0]["port"] == PORT


# Prometheus and Alertmanager


def expected_jobs() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "rules").glob("*/*.rules.yml"):
        found |= set(re.findall(r'\bjob="([^"]+)"', path.read_text(encoding="utf-8")))
    return found


def test_prometheus_scrapes_every_job_that_an_alert_asks_for():
    jobs = {job["job_name"]: job for job in documents("prometheus.yml")[0]["scrape_configs"]}
    assert set(jobs) == expected_jobs()
    (targets,) = jobs["alert-router"]["static_configs"]
    assert targets["targets"] == [f"alert-router:{PORT}"]


def test_prometheus_loads_the_rules_of_every_team_and_has_the_labels_of_the_policy():
    config = documents("prometheus.yml")[0]
    found = {path for pattern in config["rule_files"] for path in DEPLOY.glob(pattern)}
    assert {path.resolve() for path in found} == set((ROOT / "rules").glob("*/*.rules.yml"))
    policy = yaml.safe_load((ROOT / "alerts" / "policy.yaml").read_text(encoding="utf-8"))
    assert set(config["global"]["external_labels"]) == set(policy["external_labels"])


@pytest.mark.parametrize(
    "command",
    [["promtool", "check", "config", "prometheus.yml"], ["amtool", "check-config", "alertmanager.demo.yml"]],
    ids=lambda command: command[0],
)
def test_their_own_tools_accept_the_configurations(command):
    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_sends_to_the_router_what_the_generated_configuration_sends():
    demo = documents("alertmanager.demo.yml")[0]
    generated = yaml.safe_load((ROOT / "rules" / "alertmanager.yml").read_text(encoding="utf-8"))
    (mine,) = demo["receivers"][0]["webhook_configs"]
    (theirs,) = next(r for r in generated["receivers"] if r["name"] == "router")["webhook_configs"]
    for key in ("send_resolved", "max_alerts"):
        assert mine[key] == theirs[key]
    assert mine["http_config"]["follow_redirects"] is theirs["http_config"]["follow_redirects"] is False
    assert mine["url"].rpartition("/")[2] == theirs["url"].rpartition("/")[2] == next(iter(ROUTES["clusters"]))
    assert demo["route"]["group_by"] == generated["route"]["group_by"]
    assert demo["route"]["routes"][0] == generated["route"]["routes"][0]
    token = documents("compose.yaml")[0]["services"]["alert-router"]["environment"]["ALERT_ROUTER_TOKEN"]
    assert mine["http_config"]["authorization"]["credentials"] == token


def test_the_demo_sends_nothing_and_is_reached_from_this_machine_only():
    services = documents("compose.yaml")[0]["services"]
    assert services["alert-router"]["environment"]["ALERT_ROUTER_DRY_RUN"] == "always"
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_demo_mounts_files_that_are_there():
    for service in documents("compose.yaml")[0]["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), source
    build = documents("compose.yaml")[0]["services"]["alert-router"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_the_names_of_the_peers_lead_to_the_alertmanager_of_the_demo():
    aliases = documents("compose.yaml")[0]["services"]["alertmanager"]["networks"]["default"]["aliases"]
    peers = {re.sub(r"^http://([^:]+):9093$", r"\1", peer) for peer in ROUTES["clusters"]["main"]["peers"]}
    assert set(aliases) == peers
