import dataclasses
import re
import subprocess

import yaml

from rules_gen.emit.yaml import emit_yaml
from rules_gen.target import ServiceTarget
from rules_gen.target_support.rules import rules_document
from rules_gen.targets import prometheus_operator

OUTPUT = "prometheus-operator"


def _manifests(service, policy):
    return list(prometheus_operator.service_files(service, policy))


def test_the_module_is_a_service_target():
    assert isinstance(prometheus_operator, ServiceTarget)


def test_nothing_is_written_unless_the_policy_asks_for_it(whole_service, make):
    assert _manifests(whole_service, make.policy()) == []


def test_the_manifest_is_as_the_golden_file_shows(whole_service, make, matches_golden):
    (file,) = _manifests(whole_service, make.policy(OUTPUT))

    assert file.path == "rules/kubernetes/payments.checkout-api.yaml"
    matches_golden(file)


def test_the_specification_is_the_rule_file_and_promtool_accepts_it(whole_service, make, tmp_path):
    (file,) = _manifests(whole_service, make.policy(OUTPUT))
    manifest = yaml.safe_load(file.content)
    assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert manifest["spec"] == rules_document(whole_service, None)

    path = tmp_path / "rules.yml"
    path.write_text(emit_yaml(manifest["spec"]))
    run = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr


def test_environments_are_told_apart_by_name_and_label(make):
    service = make.service(
        ("production", (make.group(make.alert_rule()),)),
        ("staging", (make.group(make.alert_rule()),)),
        ("empty", (make.group(),)),
    )

    manifests = [yaml.safe_load(file.content) for file in _manifests(service, make.policy(OUTPUT))]

    metadata = [manifest["metadata"] for manifest in manifests]
    assert [each["name"] for each in metadata] == [
        "payments.checkout-api.production",
        "payments.checkout-api.staging",
    ]
    assert [each["labels"]["environment"] for each in metadata] == ["production", "staging"]


def test_names_that_differ_only_in_where_a_dash_stands_do_not_collide(make):
    service = make.service((None, (make.group(make.alert_rule()),)))
    left = dataclasses.replace(service, team="a", name="b-c")
    right = dataclasses.replace(service, team="a-b", name="c")
    policy = make.policy(OUTPUT)

    assert _manifests(left, policy)[0].path != _manifests(right, policy)[0].path


def test_the_longest_names_are_valid_in_kubernetes(make):
    longest = "a" * 63
    service = make.service((longest, (make.group(make.alert_rule()),)))
    service = dataclasses.replace(service, team=longest, name=longest)

    (file,) = _manifests(service, make.policy(OUTPUT))

    metadata = yaml.safe_load(file.content)["metadata"]
    subdomain = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
    assert re.fullmatch(subdomain, metadata["name"])
    assert len(metadata["name"]) <= 253
    assert all(len(value) <= 63 for value in metadata["labels"].values())
