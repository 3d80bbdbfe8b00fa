"""A link to a page of the repository must stay inside the repository.

`links` of a runbook are addresses, or paths of Markdown pages counted from the repository's root. The
generated page turns them into relative links.

## Why

A path that begins with a slash or climbs out with `..` works on the author's machine at best. On the page
that on-call opens it leads nowhere, or to a file of the machine that serves it.

## Wrong

```yaml
links:
  How failover works: ../../wiki/failover.md
```

## Right

```yaml
links:
  How failover works: docs/failover.md
```

## How to mend it

Write the path from the repository's root, without a slash at its beginning. For what lies outside use its
`https://` address.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.diagnostics import Problem
from rules_gen.model import Policy, Service


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports paths that lead out of the repository."""
    for alert in service.alerts:
        if alert.runbook is None or not alert.runbook.links:
            continue
        for title, address in alert.runbook.links:
            if address.startswith(("https://", "http://")) or not _leads_out(address):
                continue
            yield Problem(
                "runbook-link",
                f"`{address}` leads out of the repository",
                alert.place.at("runbook", "links", title),
                "write the path from the repository's root, or an https:// address",
            )


def _leads_out(path: str) -> bool:
    depth = 0
    for step in path.replace("\\", "/").partition("#")[0].split("/"):
        if step == "..":
            depth -= 1
        elif step not in {"", "."}:
            depth += 1
        if depth < 0:
            return True
    return path.startswith(("/", "\\"))
