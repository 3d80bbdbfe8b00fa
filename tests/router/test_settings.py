"""Settings in layers, with all mistakes of all layers told at once."""

import json
from typing import Annotated

import msgspec
import pytest

from router.config.secrets import Secrets
from router.config.settings_types import Settings
from router.model import DAY, MINUTE, SECOND
from router.settings import check_credentials, is_authenticated, load, load_settings, settings_to_set


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: Annotated[str, msgspec.Meta(description="The server.")] = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    tls: bool = True
    password: str = ""
    bearer: dict[str, str] = {}
    proxy: str = ""

    def __post_init__(self):
        if self.port == 25 and self.tls:
            raise ValueError("port 25 has no TLS")


CHANNELS = {"email": Mail}
DATABASE = "The database: sqlite:///PATH, or postgresql://USER@HOST/NAME when several replicas share it"


def read(environ=None, files=None, options=None):
    files = {name: text.encode() for name, text in (files or {}).items()}

    def read_file(path):
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return load_settings(options or {}, environ or {}, read_file, CHANNELS)


def good(*layers, **more):
    settings = read(*layers, **more)
    assert isinstance(settings, Settings), [str(problem) for problem in settings]
    return settings


def bad(*layers, **more):
    problems = read(*layers, **more)
    assert not isinstance(problems, Settings)
    return [str(problem) for problem in problems]


def test_without_anything_it_listens_here_with_sqlite():
    settings = good()

    assert (settings.host, settings.port, settings.is_loopback) == ("127.0.0.1", 9095, True)
    assert settings.store.url == "sqlite:///alert-router.db"
    assert settings.channels == {"email": Mail()}
    assert settings.retention == 30 * DAY


def test_each_layer_goes_over_the_one_before():
    file = (
        "listen: 127.0.0.1:1\nretention: 1d\nlog: {level: debug, format: json}\ndelivery: {window: 1, heartbeat: 2s}\n"
    )
    settings = good(
        {
            "ALERT_ROUTER_ENVIRONMENT": "production",
            "ALERT_ROUTER_DELIVERY_WINDOW": "3",
            "ALERT_ROUTER_LISTEN": "127.0.0.1:3",
        },
        {"alert-router.yml": file, "alert-router.production.yml": "retention: 2d\nlog: {level: error}\n"},
        {"listen": "127.0.0.1:4"},
    )

    assert settings.environment == "production"
    assert settings.retention == 2 * DAY
    assert (settings.log.level, settings.log.format) == ("error", "json")
    assert (settings.delivery.window, settings.delivery.heartbeat) == (3, 2 * SECOND)
    assert settings.port == 4


def test_the_file_can_be_named_and_can_name_the_environment():
    files = {"/etc/r.yml": "environment: staging\n", "/etc/r.staging.yml": "retention: 9d\n"}

    assert good({"ALERT_ROUTER_CONFIG": "/etc/r.yml"}, files).retention == 9 * DAY
    assert good({}, files, {"config": "/etc/r.yml"}).retention == 9 * DAY
    assert bad({"ALERT_ROUTER_CONFIG": "/etc/gone.yml"}) == ["/etc/gone.yml: there is no such file"]


def test_an_environment_s_name_leads_out_of_no_folder():
    (problem,) = bad({"ALERT_ROUTER_ENVIRONMENT": "x/../../../etc/passwd"})

    assert problem.startswith("ALERT_ROUTER_ENVIRONMENT: it has the wrong form")


def test_variables_hold_every_kind_of_value():
    settings = good(
        {
            "ALERT_ROUTER_RECONCILER_ENABLED": "Off",
            "ALERT_ROUTER_RECONCILER_PEER_UPTIME": "1m30s",
            "ALERT_ROUTER_LIMITS_BODY": " 65536 ",
            "ALERT_ROUTER_CREDENTIALS_WEBHOOK": "TOKEN_A, TOKEN_B",
            "ALERT_ROUTER_CREDENTIALS_CLUSTERS": "{main: [TOKEN_C]}",
            "ALERT_ROUTER_CHANNELS_EMAIL_HOST": "mail.example.com",
            "ALERT_ROUTER_CHANNELS_EMAIL_TLS": "false",
            "ALERT_ROUTER_CHANNELS_EMAIL_PORT": "25",
            "ALERT_ROUTER_TEMPLATES": "",
            "TOKEN_C": "hunter2",
        }
    )

    assert not settings.reconciler.enabled
    assert settings.reconciler.peer_uptime == MINUTE + 30 * SECOND
    assert settings.limits.body == 65_536
    assert settings.credentials.webhook == ("TOKEN_A", "TOKEN_B")
    assert settings.credentials.clusters == {"main": ("TOKEN_C",)}
    assert settings.channels["email"] == Mail("mail.example.com", 25, tls=False)


def test_all_mistakes_of_all_layers_are_told_at_once():
    problems = bad(
        {"ALERT_ROUTER_LOG_LEVEL": "loud", "ALERT_ROUTER_DELIVERY_WINDWO": "3", "ALERT_ROUTER_LIMITS_BODY": "32MiB"},
        {"alert-router.yml": "delivery:\n  windwo: 3\n  lease: 1 minute\nstore: {url: mysql://x}\nretention: 1s\n"},
        {"dry_run": "perhaps"},
    )

    assert problems == [
        "alert-router.yml:2: unknown key `windwo` in `delivery` (did you mean `window`?)",
        "alert-router.yml:3: `delivery.lease` has the wrong form: a duration (for example 1m30s)",
        f"alert-router.yml:4: `store.url` has the wrong form: {DATABASE} (for example sqlite:///alert-router.db)",
        "ALERT_ROUTER_DELIVERY_WINDWO: no setting has this variable (did you mean `ALERT_ROUTER_DELIVERY_WINDOW`?)",
        "ALERT_ROUTER_LIMITS_BODY: it has to be a whole number",
        "ALERT_ROUTER_LOG_LEVEL: it has to be one of debug, error, info, warning, not `loud`",
        "--set dry_run: it has to be one of always, auto, never, not `perhaps`",
    ]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("retention: 1s", "`retention` has to be between 1h and 3650d"),
        ("listen: 127.0.0.1:70000", "`listen` has a port above 65535"),
        ("listen: '9095'", "`listen` has the wrong form: HOST:PORT to listen on"),
        ("delivery: {call_timeout: 15s}", "`delivery.call_timeout` has to be below half of `delivery.lease`: 15s"),
        ("delivery: {heartbeat: 11s}", "`delivery.heartbeat` has to be at most a third of `delivery.lease`: 10s"),
        ("delivery: {window: 0}", "`delivery.window` has to be at least 1"),
        ("channels: {pigeon: {}}", "unknown key `pigeon` in `channels` (known here: email)"),
        ("channels: {email: {prot: 1}}", "unknown key `prot` in `channels.email` (did you mean `port`?)"),
        ("channels: {email: {port: 25}}", "`channels.email`: port 25 has no TLS"),
        ("credentials: {webhook: [a, b]}", "`credentials.webhook[1]` has the wrong form: A secret's name, never"),
        ("credentials: {webhook: [A, B, C]}", "`credentials.webhook` has more than 2 parts"),
        ("external_url: javascript:alert(1)", "`external_url` has the wrong form"),
        ("store: null", "`store` has to be a mapping"),
        ("[1]", "the file has to be a mapping"),
        ("a: 1\na: 2", "the key `a` stands here a second time"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(file, told):
    problems = bad({}, {"alert-router.yml": file})

    assert any(told in problem for problem in problems)
    assert all(problem.startswith("alert-router.yml:") for problem in problems)


def test_a_secret_in_a_setting_s_place_is_not_shown():
    problems = bad(
        {"ALERT_ROUTER_CREDENTIALS_WEBHOOK": "xoxb-hunter2", "ALERT_ROUTER_CREDENTIALS_METRICS": "hunter2"},
        {"alert-router.yml": "credentials: {console: hunter2}\nstore: {url: 'mysql://me:hunter2@db/x'}\n"},
    )

    assert len(problems) == 4
    assert "hunter2" not in "".join(problems)


@pytest.mark.parametrize(
    "setting", ["password: hunter2", "bearer: {HOOK_URL: hunter2}", "proxy: 'http://me:hunter2@proxy:3128'"]
)
def test_a_channel_s_setting_holds_the_name_of_a_secret_never_the_secret(setting):
    (problem,) = bad({}, {"alert-router.yml": f"channels: {{email: {{{setting}}}}}"})

    assert "hunter2" not in problem
    good(
        {},
        {
            "alert-router.yml": f"channels: {{email: {{{setting}}}}}".replace("hunter2", "A_NAME").replace(
                "me:A_NAME@", ""
            )
        },
    )


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting():
    good(
        {
            "ALERT_ROUTER_SERVICE_HOST": "10.0.0.1",
            "ALERT_ROUTER_SERVICE_PORT": "9095",
            "ALERT_ROUTER_SERVICE_PORT_HTTP": "9095",
            "ALERT_ROUTER_PORT": "tcp://10.0.0.1:9095",
            "ALERT_ROUTER_PORT_9095_TCP": "tcp://10.0.0.1:9095",
            "ALERT_ROUTER_PORT_9095_TCP_PROTO": "tcp",
            "ALERT_ROUTER_PORT_9095_TCP_PORT": "9095",
            "ALERT_ROUTER_PORT_9095_TCP_ADDR": "10.0.0.1",
            "ALERT_ROUTER_HEADLESS_SERVICE_HOST": "10.0.0.2",
        }
    )
    assert bad({"ALERT_ROUTER_PORT": "9095"})[0].startswith("ALERT_ROUTER_PORT: no setting has this variable")


def test_the_variable_of_a_secret_is_no_misspelt_setting():
    environ = {"ALERT_ROUTER_TOKEN": "hunter2", "ALERT_ROUTER_OTHER_FILE": "token", "ALERT_ROUTER_THIRD": "hunter3"}
    files = {"alert-router.yml": "credentials: {webhook: [ALERT_ROUTER_OTHER]}", "token": "hunter4"}

    assert bad(environ, files) == ["ALERT_ROUTER_THIRD: no setting has this variable"]
    del environ["ALERT_ROUTER_THIRD"]
    good(environ, files)


@pytest.mark.parametrize("listen", ["0.0.0.0:9095", ":9095", "[::]:9095", "192.0.2.1:1", "alert-router.example.com:1"])
def test_an_open_door_is_refused_unless_only_this_machine_can_reach_it(listen):
    (problem,) = bad({"ALERT_ROUTER_LISTEN": listen})

    assert "anybody who reaches this address could post alerts (set ALERT_ROUTER_TOKEN or" in problem
    good({"ALERT_ROUTER_LISTEN": listen, "ALERT_ROUTER_TOKEN": "hunter2"})
    good({"ALERT_ROUTER_LISTEN": listen, "ALERT_ROUTER_TOKEN_NEXT": "hunter2"})


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:9095", "[::1]:9095", "127.8.8.8:1"])
def test_on_loopback_it_starts_without_a_credential_and_tells_so(listen):
    settings = good({"ALERT_ROUTER_LISTEN": listen})

    assert not is_authenticated(settings, Secrets({}))
    assert is_authenticated(settings, Secrets({"ALERT_ROUTER_TOKEN": "hunter2"}))


@pytest.mark.parametrize(
    ("file", "environ", "told"),
    [
        (
            "credentials: {clusters: {main: [A, B]}}",
            {},
            "credentials.clusters.main: there is no secret A or B (set A or",
        ),
        ("credentials: {users: {am: [A]}}", {"A": ""}, "credentials.users.am: there is no secret A"),
        ("credentials: {metrics: A}", {}, "credentials.metrics: there is no secret A"),
        ("credentials: {webhook: [A]}", {"A": "x", "A_FILE": "y"}, "A: both A and A_FILE are set"),
        ("credentials: {webhook: [A]}", {"A_FILE": "gone"}, "A_FILE: there is no file gone"),
        (
            "credentials: {clusters: {east: [A], west: [B]}}",
            {"A": "hunter2", "B": "hunter2"},
            "credentials.clusters.west: has the same token as credentials.clusters.east",
        ),
    ],
)
def test_a_credential_that_could_not_work_is_refused_at_start(file, environ, told):
    (problem,) = bad(environ, {"alert-router.yml": file})

    assert told in problem
    assert "hunter2" not in problem


def test_credentials_are_checked_again_when_asked():
    settings = good({"ALERT_ROUTER_LISTEN": ":1", "ALERT_ROUTER_TOKEN": "hunter2"})

    assert list(check_credentials(settings, Secrets({"ALERT_ROUTER_TOKEN": "other"}))) == []
    assert list(check_credentials(settings, Secrets({})))


@pytest.mark.parametrize(
    ("url", "password", "whole"),
    [
        ("postgresql://router@db:5432/alerts", "p/w@x:1", "postgresql://router:p%2Fw%40x%3A1@db:5432/alerts"),
        ("postgresql://router@db/alerts", None, "postgresql://router@db/alerts"),
        ("postgresql://router:typed@db/alerts", "other", "postgresql://router:typed@db/alerts"),
        ("postgresql://db/alerts", "other", "postgresql://db/alerts"),
        ("sqlite:////var/lib/router.db", "other", "sqlite:////var/lib/router.db"),
    ],
)
def test_the_database_s_password_comes_from_its_secret(url, password, whole):
    assert good({"ALERT_ROUTER_STORE_URL": url}).store_url(password) == whole


def test_what_is_shown_has_times_as_typed_and_no_password():
    settings = good(
        {"ALERT_ROUTER_STORE_URL": "postgresql://router:hun/ter2@db:5432/alerts?password=hunter3", "TOKEN": "hunter4"},
        {"alert-router.yml": "credentials: {webhook: [TOKEN]}"},
    )
    public = settings.to_public()

    assert public["store"]["url"] == "postgresql://router@db:5432/alerts"
    assert public["delivery"]["lease"] == "30s"
    assert public["retention"] == "30d"
    assert public["channels"] == {"email": msgspec.to_builtins(Mail())}
    assert not any(secret in json.dumps(public) for secret in ("hun/ter2", "hunter3", "hunter4"))
    assert settings.private_values() == ("hun/ter2", "password=hunter3")
    assert good({}).to_public()["store"]["url"] == "sqlite:///alert-router.db"


def test_what_is_shown_can_be_written_into_a_file():
    assert good({}, {"alert-router.yml": json.dumps(good().to_public())}) == good()


def test_every_setting_has_a_variable_of_its_own_and_a_description():
    leaves = settings_to_set({})
    variables = [leaf.variable for leaf in leaves]

    assert len(set(variables)) == len(variables)
    assert [leaf.dotted for leaf in leaves if not leaf.node.get("description")] == []


def test_every_default_is_within_its_own_bounds():
    for leaf in settings_to_set({}):
        default = leaf.node["default"]
        text = ",".join(default) if isinstance(default, list | tuple) else json.dumps(default).strip('"')
        assert isinstance(read({leaf.variable: text}), Settings), leaf.dotted


def test_a_process_loads_its_own_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alert-router.yml").write_text("secrets_dir: secrets\nretention: 2d\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ALERT_ROUTER_TOKEN").write_text("hunter2\n")
    monkeypatch.setenv("ALERT_ROUTER_LISTEN", ":0")

    settings, secrets = load({}, CHANNELS)

    assert (settings.retention, settings.port) == (2 * DAY, 0)
    assert secrets.get("ALERT_ROUTER_TOKEN") == "hunter2"
    monkeypatch.setenv("ALERT_ROUTER_LISTEN", "nowhere")
    assert [str(problem).partition(":")[0] for problem in load({}, CHANNELS)] == ["ALERT_ROUTER_LISTEN"]
