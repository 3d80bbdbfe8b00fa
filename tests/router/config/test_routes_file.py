"""Routes are read as a whole or not at all, and every mistake is told with its line."""

import json
from pathlib import Path

import pytest
import yaml

from router.config.routes_file import Reload, RoutesFile, load_routes, routes_schema
from router.model import HOUR, MINUTE, SECOND, Destination
from router.routes import Routes, Urls

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "rules" / "routes.yml").read_text(encoding="utf-8")
KEY = "R0ABCDEFGHIJKLMNOPQRSTUVWXYZ0123"


def destinations_of(team):
    found = {}
    if "pagerduty" in team:
        found["pagerduty"] = (Destination("pagerduty", team["pagerduty"]["routing_key"], ""),)
    if "email" in team:
        found["email"] = tuple(Destination("email", "", address) for address in team["email"]["to"])
    return found


def load(text=TEXT):
    return load_routes(text, "routes.yml", destinations_of)


def refused(old, new):
    assert TEXT.count(old) >= 1, old
    problems = load(TEXT.replace(old, new, 1))
    assert not isinstance(problems, Routes)
    return [str(problem) for problem in problems]


def line_of(text):
    return TEXT[: TEXT.index(text)].count("\n") + 1


def test_the_compiled_routes_are_loaded():
    routes = load()

    assert isinstance(routes, Routes)
    assert routes.default_team == "platform"
    assert routes.group_by == ("team", "service", "alertname")
    assert routes.severities["critical"].response_after == 0
    assert routes.severities["high"].response_after == 15 * MINUTE
    assert routes.severities["low"].response_after == -1
    assert routes.aliases["sev-2"] == "high"
    assert routes.aliases["none"] == "none"
    assert routes.teams["data"].destinations["email"][1].address == "backups@example.com"
    assert routes.teams["payments"].escalate_medium
    assert routes.repeat_interval == 4 * HOUR
    assert routes.fallback_after == 60 * SECOND
    assert routes.digest.weekdays == (0, 1, 2, 3, 4)
    assert routes.clusters["main"].watchdog_deadline == 5 * MINUTE
    assert routes.maintenance[0].weekdays == (6,)
    assert routes.urls.silence.endswith("{matchers}")


def test_the_schema_s_own_example_is_loaded_and_patterns_of_links_may_be_absent():
    (example,) = routes_schema()["examples"]

    routes = load(json.dumps(example))

    assert isinstance(routes, Routes)
    assert routes.urls == Urls()


def test_all_mistakes_are_told_at_once_with_their_lines_and_a_way_out():
    broken = (
        TEXT.replace("repeat_interval: 4h", "repeat_intervall: 4h")
        .replace("fallback_after: 60s", "fallback_after: 60 seconds")
        .replace("      - pagerduty\n      - slack", "      - pagerdutty\n      - slack")
        .replace("    escalate_medium: true", "    escalate_medium: maybe")
    )
    problems = load(broken)

    expected = {
        "      - pagerduty": (
            4,
            (
                "`severities.high.channels[1]` has to be one of pagerduty, slack, email, webhook,"
                " not `pagerdutty` (did you mean `pagerduty`?)"
            ),
        ),
        "    escalate_medium: true": (0, "`teams.payments.escalate_medium` has to be true or false"),
        "repeat_interval": (0, "unknown key `repeat_intervall` (did you mean `repeat_interval`?)"),
        "fallback_after": (
            0,
            (
                "`fallback_after` has the wrong form: A Prometheus duration: 30s, 5m, 1h30m, 7d. Units from"
                " the largest to the smallest, each once (for example 5m)"
            ),
        ),
    }
    assert [str(problem) for problem in problems] == [
        f"routes.yml:{line_of(text) + below}: {told}" for text, (below, told) in expected.items()
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("default_team: platform", "default_team: platfrom", "no team `platfrom` (did you mean `platform`?)"),
        ("fallback: data", "fallback: dat", "no team `dat` (did you mean `data`?)"),
        ("fallback: data", "fallback: platform", "team `platform` falls back to itself (name another team)"),
        ("    pagerduty:\n      routing_key: PLATFORM_PAGERDUTY_KEY\n", "", "would hear nothing of a critical"),
        ("  main:\n", "  alert-router:\n", "`alert-router` is the source of the router's own alerts"),
        ("time_zone: UTC", "time_zone: Europe/Berlni", "no time zone `Europe/Berlni` (did you mean `Europe/Berlin`?)"),
        ("time_zone: UTC", "time_zone: Europe", "no time zone `Europe`"),
        ("repeat_interval: 4h", "repeat_interval: 0s", "`repeat_interval` is no duration above zero"),
        ("repeat_interval: 4h", "repeat_interval: 4000y", "`repeat_interval` is no duration above zero"),
        ("watchdog_deadline: 5m", "watchdog_deadline: 0", "has to be text (for example 5m)"),
        ("response: 15m", "response: 15m1h", "`severities.high.response` is no duration above zero"),
        ("  P2: high", "  p1: high", "`p1` and `P1` differ in case only"),
        ("  P2: high", "  Critical: low", "`Critical` is a severity itself"),
        ("to: '04:00'", "to: '01:00'", "the window doesn't end after its start"),
        ("      team: data", "      team: dta", "no team `dta`"),
        ("http://alertmanager-0", "http://me:hunter2@alertmanager-0", "an address with a user or password in it"),
        ("http://alertmanager-0.example.com:9093", "http://[::1", "not an address"),
        ("http://alertmanager-0.example.com:9093", "http://:9093", "an address without a host"),
        ("  - alertname", "  - severity", "`group_by[3]` has the wrong form"),
        ("version: 1", "version: 2", "`version` has to be 1"),
        ("default_team: platform\n", "", "`default_team` is missing"),
        ("repeat_interval: 4h", "repeat_interval: 4h\nrepeat_interval: 5h", "stands here a second time"),
        ("routing_key: PLATFORM_PAGERDUTY_KEY", f"routing_key: {KEY}", "not the name of a secret"),
        ("token: SLACK_TOKEN", "token: xoxb-1-hunter2", "A secret's name, never the secret"),
        ("channel: '#platform-alerts'", "channel: xoxb-1-hunter2", "`teams.platform.slack.channel` has the wrong form"),
    ],
)
def test_what_the_router_could_not_act_on_is_refused(old, new, told):
    (problem,) = refused(old, new)

    assert told in problem
    assert problem.startswith("routes.yml:")
    assert "hunter2" not in problem
    assert KEY not in problem


def test_two_windows_of_one_name_are_told_once():
    window = yaml.safe_load(TEXT)["maintenance"][0]
    document = {**yaml.safe_load(TEXT), "maintenance": [window, window, window]}
    (problem,) = load(json.dumps(document))

    assert "several windows are called `postgres-sunday-night`" in str(problem)


def test_an_empty_group_by_is_one_incident_for_all():
    routes = load(TEXT.replace("group_by:\n  - team\n  - service\n  - alertname\n", "group_by: []\n"))

    assert isinstance(routes, Routes)
    assert routes.group_by == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "just text", "- a\n- b\n", "\x00"])
def test_what_is_no_mapping_at_all_is_refused(text):
    assert not isinstance(load(text), Routes)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "routes.yml").write_text(TEXT)
    said = []
    routes_file = RoutesFile(
        str(tmp_path / "routes.yml"), destinations_of, lambda result, problems: said.append((result, problems))
    )
    return tmp_path / "routes.yml", routes_file, said


def test_a_change_is_noticed_and_loaded(file):
    path, routes_file, said = file

    assert routes_file.check() is Reload.RELOADED
    assert routes_file.check() is Reload.UNCHANGED
    path.write_text(TEXT.replace("repeat_interval: 4h", "repeat_interval: 10h"))
    assert routes_file.check() is Reload.RELOADED
    assert routes_file.routes.repeat_interval == 10 * HOUR
    assert [result for result, _ in said] == [Reload.RELOADED, Reload.RELOADED]


def test_a_refused_change_keeps_the_last_good_routes_and_says_so_once(file):
    path, routes_file, said = file
    routes_file.check()
    before, digest = routes_file.routes, routes_file.digest

    path.write_text("version: 2\n")
    assert routes_file.check() is Reload.REFUSED
    assert routes_file.reload() is Reload.REFUSED
    assert routes_file.routes is before
    assert routes_file.digest == digest
    assert routes_file.problems
    assert [result for result, _ in said] == [Reload.RELOADED, Reload.REFUSED]


def test_a_change_that_is_taken_back_clears_the_refusal(file):
    path, routes_file, said = file
    routes_file.check()
    path.write_text("version: 2\n")
    routes_file.check()
    path.write_text(TEXT)

    assert routes_file.check() is Reload.UNCHANGED
    assert routes_file.problems == ()
    assert said[-1] == (Reload.RELOADED, ())


def test_a_file_that_vanishes_keeps_the_routes_and_is_found_again(file):
    path, routes_file, _ = file
    routes_file.check()
    away = path.rename(f"{path}.away")

    assert routes_file.check() is Reload.REFUSED
    assert "can't be read: No such file" in str(routes_file.problems[0])
    assert routes_file.routes.default_team == "platform"
    away.rename(path)
    assert routes_file.check() is Reload.UNCHANGED
    assert routes_file.problems == ()


def test_a_link_that_is_swapped_is_a_change(file, tmp_path):
    path, _, _ = file
    other = tmp_path / "other.yml"
    other.write_text(TEXT.replace("repeat_interval: 4h", "repeat_interval: 5h"))
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    routes_file = RoutesFile(str(link), destinations_of)
    routes_file.check()
    (tmp_path / "new").symlink_to(other)
    (tmp_path / "new").replace(link)

    assert routes_file.check() is Reload.RELOADED
    assert routes_file.routes.repeat_interval == 5 * HOUR


def test_bytes_that_are_no_text_are_refused(file):
    path, routes_file, _ = file
    path.write_bytes(b"\xff\xfe\x00")

    assert routes_file.check() is Reload.REFUSED
    assert "isn't UTF-8" in str(routes_file.problems[0])
    with pytest.raises(RuntimeError, match="has not been loaded"):
        _ = routes_file.routes
