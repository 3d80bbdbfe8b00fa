"""The arguments of `rules-gen`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rules_gen import __version__

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

_EXAMPLES = """examples:
  rules-gen build                        compile alerts/ into rules/, runbooks/ and dashboards/
  rules-gen check --format github        fail when an output is stale, with annotations for a pull request
  rules-gen show CheckoutHighErrorRate   the compiled rule, who gets it, where its page is
  rules-gen coverage                     what the scenarios show of each alert
  rules-gen mutate CheckoutDown          which mistakes in the rule its scenarios would miss
  rules-gen diff origin/main             what this branch changes, in words
  rules-gen init ~/monitoring            start a monitoring repository
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser; each subcommand leaves its function in `run`."""
    parser = argparse.ArgumentParser(
        prog="rules-gen",
        description="Compiles alert definitions into rules, promtool tests, dashboards, runbooks and routes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rules-gen {__version__}")
    # Without `prog`, argparse formats a usage to find it, and loads shutil for the width of the terminal.
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog=parser.prog)
    _add_build(commands)
    _add_check(commands)
    _add_init(commands)
    _add_schema(commands)
    _add_show(commands)
    _add_coverage(commands)
    _add_mutate(commands)
    _add_diff(commands)
    _add_explain(commands)
    _add_completion(commands, parser)
    return parser


def _command(commands: Commands, name: str, run: str, text: str, examples: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_lazily(run))
    return command


def _lazily(module: str) -> Callable[[argparse.Namespace], int]:
    """The module's `run`, imported when it is called: each subcommand only pays for itself."""

    def run(arguments: argparse.Namespace) -> int:
        import importlib

        code: int = importlib.import_module(f"rules_gen.commands.{module}").run(arguments)
        return code

    return run


def _add_root(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="the repository's root (default: here)"
    )


def _add_compile_options(command: argparse.ArgumentParser) -> None:
    _add_root(command)
    command.add_argument(
        "--format",
        choices=("text", "json", "github", "sarif", "junit"),
        default="text",
        help="how to print (default: text)",
    )
    command.add_argument(
        "--only", action="append", metavar="TARGET", help="make this output only; can be given several times"
    )
    command.add_argument(
        "--jobs",
        type=int,
        default=os_cpu_count(),
        metavar="N",
        help="processes to compile with (default: one per core)",
    )
    command.add_argument("--quiet", action="store_true", help="print nothing but problems")


def os_cpu_count() -> int:
    """The cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _add_build(commands: Commands) -> None:
    command = _command(
        commands,
        "build",
        "compile",
        "compile the definitions, prove them with promtool, and write what has changed",
        "  rules-gen build\n  rules-gen build --only prometheus-rules --only runbook-pages\n",
    )
    _add_compile_options(command)
    command.set_defaults(write=True)


def _add_check(commands: Commands) -> None:
    command = _command(
        commands,
        "check",
        "compile",
        "compile and prove without writing, and fail when an output is stale",
        "  rules-gen check\n  rules-gen check --format sarif > rules-gen.sarif\n",
    )
    _add_compile_options(command)
    command.set_defaults(write=False)


def _add_init(commands: Commands) -> None:
    command = _command(
        commands,
        "init",
        "scaffold",
        "start a working monitoring repository",
        "  rules-gen init ~/monitoring && make -C ~/monitoring rules\n",
    )
    command.add_argument("directory", type=Path, metavar="DIR", help="a new or empty folder")


def _add_schema(commands: Commands) -> None:
    command = _command(
        commands,
        "schema",
        "schema",
        "print the JSON Schema of the definitions, for editors",
        "  rules-gen schema > definitions.schema.json\n",
    )
    command.add_argument("--checks", action="store_true", help="list the checks and targets instead")


def _add_show(commands: Commands) -> None:
    command = _command(
        commands,
        "show",
        "show",
        "show an alert: the compiled rule, who gets it, where its page is",
        "  rules-gen show CheckoutDown\n  rules-gen show payments/checkout-api/CheckoutDown --format json\n",
    )
    _add_root(command)
    command.add_argument("alert", metavar="ALERT", help="its name, or team/service/name")
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")


def _add_coverage(commands: Commands) -> None:
    command = _command(
        commands,
        "coverage",
        "coverage",
        "prove the scenarios, and fail when they show less than the policy demands",
        "  rules-gen coverage\n"
        "  rules-gen coverage CheckoutDown            which scenarios show what of it\n"
        "  rules-gen coverage --format junit --output coverage.xml\n",
    )
    _add_root(command)
    command.add_argument(
        "alerts",
        nargs="*",
        metavar="ALERT",
        help="look at this alert only, not at recording rules: its name, or team/service/name",
    )
    command.add_argument(
        "--format",
        choices=("text", "json", "junit", "markdown"),
        default="text",
        help="how to print (default: text); markdown is for a comment on a pull request",
    )
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the report there, and print only what is missing",
    )


def _add_mutate(commands: Commands) -> None:
    command = _command(
        commands,
        "mutate",
        "mutate",
        "make mistakes in the rules, and tell which of them no scenario would notice",
        "  rules-gen mutate\n  rules-gen mutate CheckoutErrorRate\n  rules-gen mutate --format json > mutants.json\n",
    )
    _add_root(command)
    command.add_argument(
        "alerts",
        nargs="*",
        metavar="ALERT",
        help="its name, team/service/name, or a recording rule's name; all when absent",
    )
    command.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="how to print (default: text)"
    )
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report there, and print only how it went"
    )
    command.add_argument("--no-cache", action="store_true", help="judge every mutant anew")
    command.add_argument(
        "--no-proposals", action="store_true", help="don't look for the scenarios that would kill the survivors"
    )
    command.add_argument("--quiet", action="store_true", help="leave out the table of scores")


def _add_diff(commands: Commands) -> None:
    command = _command(
        commands,
        "diff",
        "diff",
        "say in words what has changed since a git revision: sensitivity, who is told, series, runbooks, scenarios",
        "  rules-gen diff                                what this branch and what isn't committed yet change\n"
        "  rules-gen diff HEAD                           only what isn't committed yet\n"
        "  rules-gen diff origin/main --format markdown  for a comment on a pull request\n",
    )
    command.add_argument(
        "revision",
        nargs="?",
        metavar="REF",
        help="compare with the commit where this branch left REF, which is REF itself when it is behind; "
        "the default is the main branch of `upstream` or `origin`, or HEAD without one",
    )
    _add_root(command)
    command.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="how to print (default: text)"
    )
    command.add_argument(
        "--links", metavar="URL", help="where the repository's files can be read, for links in Markdown"
    )
    command.add_argument(
        "--exit-code", action="store_true", help="exit with 1 when anything differs or can't be compared"
    )


def _add_explain(commands: Commands) -> None:
    command = _command(
        commands,
        "explain",
        "explain",
        "explain a check: what it reports, why, and how to mend it",
        "  rules-gen explain threshold-unit\n  rules-gen schema --checks\n",
    )
    command.add_argument("check", metavar="CHECK", help="its name, as a diagnostic shows it in brackets")


def _add_completion(commands: Commands, parser: argparse.ArgumentParser) -> None:
    command = _command(
        commands,
        "completion",
        "completion",
        "print the completion script of a shell",
        '  eval "$(rules-gen completion bash)"\n  rules-gen completion zsh > ~/.zfunc/_rules-gen\n',
    )
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    command.set_defaults(parser=parser)
