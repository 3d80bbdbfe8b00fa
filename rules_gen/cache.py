"""What a build remembers for the next one, beside what `freshness` reads of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rules_gen import freshness
from rules_gen.freshness import content_hash
from rules_gen.model import AlertDigest, Inhibition, ServiceDigest

NEVER = "9999-12-31"


def load_state(root: Path, tool: str, only: frozenset[str] | None = None) -> dict[str, Any]:
    """What the last build of these targets left; empty when there was none, or another tool than `tool` wrote it."""
    import orjson

    try:
        state = orjson.loads((root / freshness.FOLDER / f"state{freshness.suffix_of(only)}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("tool") == tool else {}


def input_key(paths: Iterable[str], inputs: Mapping[str, str]) -> str:
    """The hash of some definition files: their paths and contents."""
    return content_hash("\n".join(f"{path} {inputs[path]}" for path in paths).encode())


def digest_bytes(digest: ServiceDigest) -> bytes:
    """A digest as it is kept."""
    import orjson

    return orjson.dumps(digest)


def load_digests(root: Path, name: str) -> dict[str, ServiceDigest]:
    """The digests of the last build, by team/service; empty when they can't be read."""
    import orjson

    try:
        data = orjson.loads((root / name).read_bytes())
        return {f"{item['team']}/{item['service']}": _digest(item) for item in data}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(data: dict[str, Any]) -> ServiceDigest:
    return ServiceDigest(
        team=data["team"],
        service=data["service"],
        description=data["description"],
        source=data["source"],
        alerts=tuple(
            AlertDigest(
                a["name"],
                tuple(a["severities"]),
                a["summary"],
                a["runbook_url"],
                a["page"],
                a["bypass_router"],
                a["notify"],
            )
            for a in data["alerts"]
        ),
        inhibitions=tuple(
            Inhibition(i["source"], i["source_severity"], i["target"], tuple(i["target_severities"]), tuple(i["equal"]))
            for i in data["inhibitions"]
        ),
        paths=tuple(data["paths"]),
    )


def save(
    root: Path,
    state: dict[str, Any],
    digests: Mapping[str, ServiceDigest] | None,
    only: frozenset[str] | None,
    world: tuple[str, dict[str, str], dict[str, freshness.Signature]] | None,
) -> None:
    """Keeps the state, and the digests unless they are those that stand there already.

    With `world`, the tool, the hashes of what was compiled without a warning and the signatures of the outputs, the
    next build may answer from the listing alone.

    A cache that can't be written costs time, never a build: errors are ignored.
    """
    import orjson

    with contextlib.suppress(OSError):
        suffix = freshness.suffix_of(only)
        folder = root / freshness.FOLDER
        folder.mkdir(exist_ok=True)
        for leftover in folder.glob("*.tmp"):
            # A build that was killed left it. One that runs at this moment loses its cache, nothing else.
            leftover.unlink(missing_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        if digests is not None:
            _replace(folder / f"digests{suffix}.json", orjson.dumps(list(digests.values())))
        _replace(folder / f"state{suffix}.json", orjson.dumps(state))
        if world is not None:
            freshness.remember(str(root), only, world, state["recheck"])
        else:
            freshness.forget(str(root), only)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
