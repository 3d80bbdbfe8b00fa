"""`rules-gen mutate` with nine mutants for each alert, evenly chosen among all: what the target speaks of.

Run as `python -m benchmarks.nine_mutants ROOT`, so that it is measured as a whole process like the command itself.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from rules_gen.model import Policy, Service
from rules_gen.mutation.mutant import Mutant
from rules_gen.mutation.mutants import mutants_of
from rules_gen.proof import mutation

NINE = 9


def nine_of(service: Service, policy: Policy) -> tuple[Mutant, ...]:
    """Nine mutants of each alert, in their order."""
    by_subject: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants_of(service, policy):
        by_subject[mutant.subject].append(mutant)
    return tuple(
        mine[index * len(mine) // NINE] for mine in by_subject.values() for index in range(min(NINE, len(mine)))
    )


if __name__ == "__main__":
    from rules_gen.cli import main

    mutation.mutants_of = nine_of  # type: ignore[attr-defined]
    sys.exit(main(["mutate", "--root", sys.argv[1], "--no-cache", "--no-proposals", "--quiet"]))
