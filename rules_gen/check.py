"""The seam of checks: what a check is.

A check is a module in `checks/` with a function `check(service, policy)`. Its docstring is the page
docs/checks/<name>.md, where the name is the module's with dashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rules_gen.diagnostics import Problem
from rules_gen.model import Policy, Service


class Check(Protocol):
    """A module that looks at one service."""

    def check(self, service: Service, policy: Policy) -> Iterable[Problem]:
        """What is wrong with this service."""
        ...
