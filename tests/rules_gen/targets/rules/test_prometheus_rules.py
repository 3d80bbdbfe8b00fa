import subprocess
from itertools import pairwise

import pytest
import yaml

from rules_gen.target import GeneratedFile, ServiceTarget
from rules_gen.target_support.rules import rules_document, rules_file
from rules_gen.targets import prometheus_rules


def _files(service, policy) -> list[GeneratedFile]:
    return list(prometheus_rules.service_files(service, policy))


def _only_rule(make, **changes):
    service = make.service((None, (make.group(make.alert_rule(**changes)),)))
    (file,) = _files(service, make.policy())
    return yaml.safe_load(file.content)["groups"][0]["rules"][0]


def test_the_module_is_a_service_target():
    assert isinstance(prometheus_rules, ServiceTarget)


def test_every_field_is_written_as_the_golden_file_shows(whole_service, make, matches_golden):
    (file,) = _files(whole_service, make.policy())

    assert file.path == "rules/payments/checkout-api.rules.yml"
    matches_golden(file)


def test_promtool_accepts_the_file_and_counts_every_rule(whole_service, make, tmp_path):
    (file,) = _files(whole_service, make.policy())
    path = tmp_path / "rules.yml"
    path.write_bytes(file.content)

    run = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "SUCCESS: 6 rules found" in run.stdout


def test_loading_the_file_gives_back_exactly_what_was_compiled(whole_service, make):
    (file,) = _files(whole_service, make.policy())

    assert yaml.safe_load(file.content) == rules_document(whole_service, None)


def test_text_survives_that_yaml_takes_for_something_else(make):
    labels = (("on", "no"), ("number", "1e3"), ("empty", ""), ("blank", " x "), ("time", "12:30:45"))
    annotations = (("lines", "a\n\n  b: c # d\n"), ("quotes", "'\"\\"), ("template", "{{ $value }}%"))

    rule = _only_rule(make, labels=labels, annotations=annotations)

    assert rule["labels"] == dict(labels)
    assert rule["annotations"] == dict(annotations)


def test_labels_and_annotations_keep_their_order(make):
    labels = (("severity", "low"), ("team", "b"), ("alpha", "1"))
    annotations = (("summary", "s"), ("description", "d"), ("action", "a"))

    rule = _only_rule(make, labels=labels, annotations=annotations)

    assert tuple(rule["labels"].items()) == labels
    assert tuple(rule["annotations"].items()) == annotations


def test_keep_firing_for_is_written_only_where_it_is_set(make):
    assert "keep_firing_for" not in _only_rule(make)
    assert _only_rule(make, keep_firing_for="10m")["keep_firing_for"] == "10m"


def test_for_is_kept_as_typed(make):
    assert _only_rule(make, hold="0m")["for"] == "0m"
    assert _only_rule(make, hold="90s")["for"] == "90s"


def test_group_fields_are_written_only_where_they_are_set(make):
    bare = make.group(make.alert_rule())
    full = make.group(make.alert_rule(), name="b", interval="30s", limit=0, query_offset="1m")

    groups = rules_document(make.service((None, (bare, full))), None)["groups"]

    assert list(groups[0]) == ["name", "rules"]
    assert list(groups[1]) == ["name", "interval", "limit", "query_offset", "rules"]
    assert groups[1]["limit"] == 0
    assert groups[1]["query_offset"] == "1m"


def test_recording_rules_stand_in_their_place_between_the_alerts(make):
    rules = (make.alert_rule("First"), make.recording_rule("a:b:c", "sum(up)"), make.alert_rule("Second"))

    (group,) = rules_document(make.service((None, (make.group(*rules),))), None)["groups"]

    assert [rule.get("alert", rule.get("record")) for rule in group["rules"]] == ["First", "a:b:c", "Second"]
    assert list(group["rules"][1]) == ["record", "expr"]


def test_each_environment_has_its_own_file(make):
    service = make.service(
        ("production", (make.group(make.alert_rule("InProduction"), name="p/c/production"),)),
        ("staging", (make.group(make.alert_rule("InStaging"), name="p/c/staging"),)),
    )

    files = _files(service, make.policy())

    assert [file.path for file in files] == [
        "rules/payments/checkout-api.production.rules.yml",
        "rules/payments/checkout-api.staging.rules.yml",
    ]
    assert b"InProduction" in files[0].content
    assert b"InProduction" not in files[1].content


def test_an_environment_without_rules_has_no_file(make):
    service = make.service(("production", (make.group(make.alert_rule()),)), ("staging", (make.group(),)))

    assert [file.path for file in _files(service, make.policy())] == [
        "rules/payments/checkout-api.production.rules.yml"
    ]
    assert rules_file(service, "staging") is None


def test_an_unknown_environment_is_refused(make):
    service = make.service(("production", (make.group(make.alert_rule()),)))

    with pytest.raises(KeyError):
        rules_document(service, "staging")


def test_the_header_names_the_source(make):
    (file,) = _files(make.service((None, (make.group(make.alert_rule()),))), make.policy())

    assert file.content.startswith(b"# Generated by rules-gen from alerts/payments/checkout-api.yaml.")


def test_compiling_twice_gives_the_same_bytes(whole_service, make):
    runs = [_files(whole_service, make.policy()) for _ in range(3)]

    assert all(first == second for first, second in pairwise(runs))
