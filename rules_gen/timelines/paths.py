"""Where a scenario's picture goes."""

from __future__ import annotations

import re
from hashlib import blake2b

from rules_gen.model import Scenario

_LONGEST = 60
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_OTHER = re.compile(r"[^a-z0-9]+")


def picture_path(team: str, service: str, scenario: Scenario) -> str:
    """The path of a scenario's picture from the repository's root.

    It stays the same as long as the scenario's name does, and is unlike that of every other scenario of the alert,
    also on a disk that ignores case. A service with environments has one picture for each.
    """
    where = "" if scenario.environment is None else f".{scenario.environment}"
    return f"runbooks/{team}/{service}/{scenario.alert}{where}.{_slug(scenario.name)}.svg"


def _slug(name: str) -> str:
    """The name's words with dashes. What that loses of it is made up for by a hash, after a dot so that no other
    name can look like it.
    """
    if len(name) <= _LONGEST and _PLAIN.fullmatch(name):
        return name.replace(" ", "-")
    words = _OTHER.sub("-", name.lower()).strip("-")
    if len(words) > _LONGEST:
        words = words[: _LONGEST + 1].rpartition("-")[0] or words[:_LONGEST]
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{words}.{digest}" if words else digest
