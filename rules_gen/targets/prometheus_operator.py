"""PrometheusRule manifests for the Prometheus operator, when the policy's outputs ask for them.

The custom resource is described at https://prometheus-operator.dev/docs/api-reference/api/ (PrometheusRule):
its `spec` is a rule file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.emit.yaml import emit_yaml, generated_header
from rules_gen.target import GeneratedFile
from rules_gen.target_support.rules import rules_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules_gen.model import Policy, Service
    from rules_gen.target import Output

OUTPUT = "prometheus-operator"
"""The name of this output in the policy."""


def service_files(service: Service, policy: Policy) -> Iterable[Output]:
    """The manifest of each environment that has rules; nothing unless the policy asks for it."""
    if OUTPUT not in policy.outputs:
        return
    for environment, _ in service.groups:
        spec = rules_document(service, environment)
        if not spec["groups"]:
            continue
        name = _object_name(service, environment)
        labels = {
            "app.kubernetes.io/managed-by": "rules-gen",
            "team": service.team,
            "service": service.name,
        }
        if environment is not None:
            labels["environment"] = environment
        manifest = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
        }
        text = emit_yaml(manifest, header=generated_header(service.source))
        yield GeneratedFile(f"rules/kubernetes/{name}.yaml", text.encode())


def _object_name(service: Service, environment: str | None) -> str:
    """The manifest's name, a DNS subdomain as Kubernetes wants it.

    Each part has at most 63 letters, digits and dashes, so the whole stays under Kubernetes' limit of 253.
    The parts are joined by dots, which no part contains: with dashes, team `a` with service `b-c` and team
    `a-b` with service `c` would overwrite each other.
    """
    parts = [service.team, service.name]
    if environment is not None:
        parts.append(environment)
    return ".".join(parts)
