"""`rules-gen diff`: what has changed since a revision, in words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rules_gen.commands.definitions import print_problems, read_definitions
from rules_gen.comparison import Difference, Side, compare
from rules_gen.comparison.findings import Typed, Words
from rules_gen.definitions import Definitions, compile_definitions
from rules_gen.diagnostics import Level
from rules_gen.git import Git, GitError, Revision, Tree
from rules_gen.source.layout import POLICY
from rules_gen.timelines.paths import picture_path

if TYPE_CHECKING:
    import argparse

    from rules_gen.diagnostics import Problem
    from rules_gen.model import Alert, Policy, Scenario, Service


def run(arguments: argparse.Namespace) -> int:
    """Compares and prints. Exit code 1 when the definitions have errors, or with --exit-code unless all is the same."""
    new = read_definitions(arguments.root, frozenset())
    if new.errors or new.policy is None:
        print_problems(new, new.errors)
        return 1
    try:
        git = Git.find(arguments.root)
        revision = git.resolve(arguments.revision)
        tree = git.definitions(revision)
    except GitError as error:
        print(f"rules-gen: {error}", file=sys.stderr)
        return 2
    difference = difference_of(tree, revision, new)
    sys.stdout.write(_rendered(difference, revision, arguments))
    # What couldn't be compared may differ.
    return 1 if arguments.exit_code and (difference.unread or not difference.is_empty) else 0


def difference_of(tree: Tree, revision: Revision, new: Definitions) -> Difference:
    """What the definitions now mean beside what they meant then, both as this rules-gen reads them."""
    today = datetime.now(tz=UTC).date().isoformat()
    # A check that was switched off when the commit was made is no error of that time, though the date has passed since.
    day = min(revision.day, today)
    old = compile_definitions(tree.contents, day, frozenset())
    unread: list[Words] = [(Typed(path), " at ", Typed(revision.name), f": {reason}") for path, reason in tree.left_out]
    if old.policy is None and POLICY in new.contents:
        old = compile_definitions({**tree.contents, POLICY: new.contents[POLICY]}, day, frozenset())
        unread.append((Typed(POLICY), " at ", Typed(revision.name), ": unreadable, the present one stands in"))
    unread += [
        (Typed(result.unit.main), " at ", Typed(revision.name), ": ", *_reason(result.problems))
        for result in old.compiled
        if result.service is None
    ]
    if old.policy is None or new.policy is None:
        raise AssertionError("both sides have a policy that could be read")
    return compare(_side(old, old.policy), _side(new, new.policy), tuple(unread), _picture)


def _picture(service: Service, _alert: Alert, scenario: Scenario) -> str:
    """Where a scenario's picture stands in the repository, for links in the report."""
    return picture_path(service.team, service.name, scenario)


def _reason(problems: tuple[Problem, ...]) -> Words:
    errors = [problem for problem in problems if problem.level is Level.ERROR]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ("it doesn't compile under this rules-gen: ", Typed(errors[0].message), more) if errors else ("unreadable",)


def _side(definitions: Definitions, policy: Policy) -> Side:
    unread = {f"{one.unit.team}/{one.unit.service}" for one in definitions.compiled if one.service is None}
    return Side(definitions.services, policy, frozenset(unread))


def _rendered(difference: Difference, revision: Revision, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        from rules_gen.comparison.data import as_data
        from rules_gen.emit.json import emit_json

        against = {"revision": revision.name, "commit": revision.commit, "day": revision.day}
        return emit_json(as_data(difference, against)).decode()
    if arguments.format == "markdown":
        from rules_gen.comparison.markdown import Links, render_markdown

        return render_markdown(difference, revision.described, Links(arguments.links))
    from rules_gen.comparison.text import render_text

    return render_text(difference, revision.described)
