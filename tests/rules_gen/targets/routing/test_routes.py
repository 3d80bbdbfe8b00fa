import dataclasses

import yaml

from rules_gen.target import CatalogTarget
from rules_gen.targets import routes


def _load(policy, make):
    (file,) = routes.catalog_files(make.catalog(policy))
    return yaml.safe_load(file.content)


def test_the_module_is_a_catalogue_target():
    assert isinstance(routes, CatalogTarget)


def test_the_routes_are_as_the_golden_file_shows(make, matches_golden):
    (file,) = routes.catalog_files(make.catalog(make.policy()))

    assert file.path == "rules/routes.yml"
    matches_golden(file)


def test_a_destination_that_a_team_lacks_is_absent(make):
    teams = _load(make.policy(), make)["teams"]

    assert teams["platform"] == {
        "name": "Platform",
        "pagerduty": {"routing_key": "PLATFORM_KEY"},
        "escalate_medium": False,
    }


def test_a_webhook_and_patterns_of_links_are_written_where_the_policy_has_them(make):
    policy = make.policy()
    teams = (policy.teams[0], dataclasses.replace(policy.teams[1], webhook_url="PLATFORM_WEBHOOK_URL"))
    urls = dataclasses.replace(policy.urls, silence="https://am.example.com/#/silences/new?filter={matchers}")

    document = _load(dataclasses.replace(policy, teams=teams, urls=urls), make)

    assert document["teams"]["platform"]["webhook"] == {"url": "PLATFORM_WEBHOOK_URL"}
    assert "webhook" not in document["teams"]["payments"]
    assert document["urls"] == {"silence": urls.silence}
    assert "urls" not in _load(policy, make)


def test_a_window_without_days_is_on_every_day_and_without_notice_has_none(make):
    window = make.window(weekdays=(), notice=None)

    (written,) = _load(make.policy(maintenance=(window,)), make)["maintenance"]

    assert len(written["times"]["weekdays"]) == 7
    assert "notice" not in written


def test_days_stand_in_the_order_of_the_week(make):
    assert _load(make.policy(), make)["digest"]["weekdays"] == ["monday", "friday"]


def test_teams_and_aliases_keep_the_order_of_the_policy(make):
    policy = make.policy()
    policy = dataclasses.replace(policy, teams=policy.teams[::-1], aliases=policy.aliases[::-1])

    document = _load(policy, make)

    assert list(document["teams"]) == ["platform", "payments"]
    assert list(document["aliases"]) == ["info", "warning", "SEV-2", "P1"]


def test_yaml_does_not_take_a_name_for_something_else(make):
    policy = make.policy(aliases=(("no", "low"), ("on", "none")), default_team="null", group_by=("yes",))

    document = _load(policy, make)

    assert document["aliases"] == {"no": "low", "on": "none"}
    assert document["default_team"] == "null"
    assert document["group_by"] == ["yes"]
