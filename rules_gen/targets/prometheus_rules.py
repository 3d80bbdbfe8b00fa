"""The rule files that Prometheus loads: one per service, or one per service and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.target_support.rules import rules_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules_gen.model import Policy, Service
    from rules_gen.target import Output


def service_files(service: Service, policy: Policy) -> Iterable[Output]:  # noqa: ARG001 - set by the seam
    """The rule file of each environment; an environment without rules has none."""
    for environment, _ in service.groups:
        file = rules_file(service, environment)
        if file is not None:
            yield file
