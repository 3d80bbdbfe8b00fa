"""The arguments of `alert-router`."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # See cli.py.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

_EXAMPLES = """examples:
  alert-router serve --dry-run             show messages instead of sending them
  alert-router check-config                is everything there that serve needs?
  alert-router explain 0f3a5c7e9b1d2468    why was I, or wasn't I, paged?
  alert-router send --severity medium      a test alert through the whole path
  alert-router dead-letters list           what could not be delivered
"""


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse's signature
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        import router
        from router.commands.console import say

        say(f"{parser.prog} {router.__version__}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser; each subcommand leaves its function in `run`."""
    parser = argparse.ArgumentParser(
        prog="alert-router",
        description="Takes Alertmanager's webhooks and carries each alert to the people whom its severity names.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    # Without `prog`, argparse formats a usage to find it, and loads shutil for the width of the terminal.
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog=parser.prog)
    _add_serve(commands)
    _add_check_config(commands)
    _add_explain(commands)
    _add_dead_letters(commands)
    _add_send(commands)
    _add_preview(commands)
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
    if run:
        command.set_defaults(run=_lazily(run))
    return command


def _lazily(target: str) -> Callable[[argparse.Namespace], int]:
    """`module` or `module:function`, imported when it is called: each subcommand only pays for itself."""
    module, _, function = target.partition(":")

    def run(arguments: argparse.Namespace) -> int:
        import importlib

        code: int = getattr(importlib.import_module(f"router.commands.{module}"), function or "run")(arguments)
        return code

    return run


def _add_settings(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "settings", "they come over the variables ALERT_ROUTER_..., which come over the file"
    )
    group.add_argument("--config", metavar="FILE", help="the settings' file (default: alert-router.yml, if it exists)")
    group.add_argument("--store", metavar="URL", help="sqlite:///PATH, or postgresql://USER@HOST/NAME")
    group.add_argument("--routes", metavar="FILE", help="the compiled routes (default: rules/routes.yml)")
    group.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="any setting, by its name"
    )


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")


def _add_serve(commands: Commands) -> None:
    command = _command(
        commands,
        "serve",
        "serve",
        "take webhooks and deliver, until SIGTERM or Ctrl-C; SIGHUP reads the routes again",
        "  alert-router serve --config /etc/alert-router.yml\n  alert-router serve --dry-run --set log.level=debug\n",
    )
    command.add_argument("--listen", metavar="HOST:PORT", help="where to listen (default: 127.0.0.1:9095)")
    command.add_argument("--dry-run", action="store_true", help="show messages in the log instead of sending them")
    _add_settings(command)


def _add_check_config(commands: Commands) -> None:
    command = _command(
        commands,
        "check-config",
        "check_config",
        "check the settings, the secrets, the routes and the templates, and show what is in force",
        "  alert-router check-config\n  alert-router check-config --format json | jq .destinations\n",
    )
    command.add_argument("--listen", metavar="HOST:PORT", help="where serve would listen")
    command.add_argument("--dry-run", action="store_true", help="check as `serve --dry-run` would start")
    _add_settings(command)
    _add_format(command)


def _add_explain(commands: Commands) -> None:
    command = _command(
        commands,
        "explain",
        "explain",
        "explain why somebody was, or wasn't, told of an alert",
        "  alert-router explain 0f3a5c7e9b1d2468\n"
        "  alert-router explain 7d1c0a9e --limit 1000     the first digits of an open incident's id\n",
    )
    command.add_argument(
        "subject",
        metavar="FINGERPRINT|INCIDENT",
        help="an alert's fingerprint as Alertmanager shows it, an incident's or a note's id, or the first 8 digits or"
        " more of an incident that is open or has dead letters",
    )
    command.add_argument(
        "--limit", type=_number, default=200, metavar="N", help="lines of history and ledger, the newest (default: 200)"
    )
    _add_settings(command)
    _add_format(command)


def _add_dead_letters(commands: Commands) -> None:
    command = _command(
        commands,
        "dead-letters",
        "",
        "look after what could not be delivered",
        "  alert-router dead-letters list\n"
        "  alert-router dead-letters replay --all\n"
        '  alert-router dead-letters expire 7d1c0a9e... --reason "told by phone"\n',
    )
    actions = command.add_subparsers(metavar="ACTION", required=True, prog=command.prog)
    listed = _command(
        actions,
        "list",
        "dead_letters:run_list",
        "list what could not be delivered, the oldest first",
        "  alert-router dead-letters list --destination pagerduty:PAYMENTS_KEY\n"
        "  alert-router dead-letters list --quarantine\n",
    )
    listed.add_argument("--destination", metavar="KEY", help="of this destination only")
    listed.add_argument("--expired", action="store_true", help="those that were put aside as well")
    listed.add_argument("--quarantine", action="store_true", help="bodies that could not be read, the newest first")
    listed.add_argument("--limit", type=_number, default=1000, metavar="N", help="at most so many (default: 1000)")
    shown = _command(
        actions,
        "show",
        "dead_letters:run_show",
        "show everything about a delivery, or a body in quarantine",
        "  alert-router dead-letters show 7d1c0a9e... pagerduty:PAYMENTS_KEY\n",
    )
    shown.add_argument("id", metavar="ID", help="the incident's, the note's, or the quarantined body's id")
    shown.add_argument("destination", metavar="DESTINATION", nargs="?", help="its key; needed when there are several")
    replay = _command(
        actions,
        "replay",
        "dead_letters:run_replay",
        "try dead letters once more, with what is true now",
        "  alert-router dead-letters replay 7d1c0a9e...\n"
        "  alert-router dead-letters replay --destination slack:SLACK_TOKEN/#payments\n",
    )
    _add_choice(replay)
    expire = _command(
        actions,
        "expire",
        "dead_letters:run_expire",
        "put dead letters aside for good",
        '  alert-router dead-letters expire 7d1c0a9e... --reason "told by phone"\n',
    )
    _add_choice(expire)
    expire.add_argument("--reason", required=True, metavar="TEXT", help="why; it stays in the history")
    for action in (listed, shown, replay, expire):
        _add_settings(action)
        _add_format(action)


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("id", metavar="ID", nargs="?", help="the incident's or the note's id")
    command.add_argument("destination_of", metavar="DESTINATION", nargs="?", help="only the one of this destination")
    command.add_argument("--all", action="store_true", help="all dead letters")
    command.add_argument("--destination", metavar="KEY", help="all dead letters of this destination")


def _add_send(commands: Commands) -> None:
    command = _command(
        commands,
        "send",
        "send",
        "send a test alert through the running router and follow it to its destinations, then resolve it",
        "  alert-router send\n"
        "  alert-router send --severity critical --team payments\n"
        "  alert-router send --keep-firing          it prints how to resolve it later\n",
    )
    command.add_argument(
        "--severity", default="medium", metavar="S", help="as a label would have it (default: medium, to wake nobody)"
    )
    command.add_argument("--team", metavar="T", help="default: the default team of the routes")
    command.add_argument("--alertname", default="AlertRouterTest", metavar="NAME", help="default: AlertRouterTest")
    command.add_argument("--cluster", metavar="NAME", help="whose webhook it is (default: the first of the routes)")
    command.add_argument("--url", metavar="URL", help="the router's address (default: where the settings listen)")
    command.add_argument("--timeout", default="60s", metavar="TIME", help="how long to follow it (default: 60s)")
    command.add_argument("--keep-firing", action="store_true", help="don't resolve it")
    command.add_argument("--resolve", metavar="FINGERPRINT", help="resolve a test alert that was kept firing")
    command.add_argument("--listen", metavar="HOST:PORT", help="where the router listens (default: 127.0.0.1:9095)")
    _add_settings(command)
    _add_format(command)


def _add_preview(commands: Commands) -> None:
    command = _command(
        commands,
        "preview",
        "preview",
        "preview the messages of an example alert, without sending anything",
        "  alert-router preview --severity high --team payments\n"
        '  alert-router preview --channel slack --annotation "summary=The queue is full"\n',
    )
    command.add_argument("--severity", default="critical", metavar="S", help="as a label would have it")
    command.add_argument("--team", metavar="T", help="default: the default team of the routes")
    command.add_argument("--channel", metavar="C", help="only this one, also when the severity doesn't go there")
    for name in ("label", "annotation"):
        command.add_argument(
            f"--{name}", action="append", default=[], metavar="NAME=VALUE", help=f"one {name} of the alert"
        )
    _add_settings(command)
    _add_format(command)


def _add_completion(commands: Commands, parser: argparse.ArgumentParser) -> None:
    command = _command(
        commands,
        "completion",
        "completion",
        "print the completion script of a shell",
        '  eval "$(alert-router completion bash)"\n  alert-router completion zsh > ~/.zfunc/_alert-router\n',
    )
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    command.set_defaults(parser=parser)


def _number(text: str) -> int:
    """A number of lines: 1 to a million."""
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("must be between 1 and 1000000")
    return number
