"""Renders messages: the built-in templates, or the overrides that a team has written.

Overrides are written by people who run the router, yet a mistake in one must neither lose a message nor hold up the
others. So what they may do is small: they read the message, loop, and use the filters and functions named below. Each
pass through a loop, a macro, a block or an included file is counted, each text and each list that grows is measured,
and an override that fails is reported and replaced by the built-in template. Messages are data for a template and are
never evaluated as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from router.messages.text import cut

if TYPE_CHECKING:
    from router.messages.sandbox import Sandbox

BUILT_IN = Path(__file__).parent / "templates"
"""The templates that come with the router. An override has the name of one of them, or of OWN_TEXT."""

OWN_TEXT = frozenset({"pagerduty_summary.txt", "slack_body.txt", "slack_thread.txt", "slack_title.txt"})
"""Names that have no built-in template: there the channel has its own form, which an override replaces."""

NAME = re.compile(r"[a-z][a-z_]*\.(?:txt|html)")
TEAM = re.compile(r"[a-z0-9][a-z0-9-]*")

SOURCE_BYTES = 65_536
"""The longest override that is read."""


class Templates:
    """Templates by name and team. An override is looked up as `<overrides>/<team>/<name>`, then `<overrides>/<name>`.

    An override can extend or include the built-in one as `builtin/<name>`. Files are read when this is made and by
    `reload`, never while a message waits. `report` is called with an override's path and what is wrong with it.
    """

    def __init__(self, overrides: Path | None = None, report: Callable[[str, str], None] | None = None) -> None:
        self._overrides = overrides
        self._report = report
        self._unreadable: dict[str, str] = {}
        self._sources: Mapping[str, str] = {}
        self._sandbox: Sandbox | None = None
        self.reload()

    def reload(self) -> None:
        """Read all files again. What can't be read is reported when it would have been used, and by `check`."""
        sources = {f"builtin/{path.name}": path.read_text("utf-8") for path in sorted(BUILT_IN.glob("*.*"))}
        unreadable: dict[str, str] = {}
        for path in self._override_files():
            assert self._overrides
            key = path.relative_to(self._overrides).as_posix()
            try:
                source = path.read_bytes()
                if len(source) > SOURCE_BYTES:
                    unreadable[key] = f"it has {len(source):,} bytes, at most {SOURCE_BYTES:,} are allowed"
                else:
                    sources[key] = source.decode("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                unreadable[key] = str(error)
        self._sources, self._unreadable, self._sandbox = sources, unreadable, None

    def render(self, name: str, team: str, message: object, **extra: object) -> str:
        """The text of template `name` for a team.

        KeyError when there is no such template; of a name of OWN_TEXT, when there is no override that works.
        """
        values = {"message": message, "team": team, **extra}
        for key in self._candidates(name, team):
            if key in self._unreadable:
                self._tell(key, self._unreadable[key])
            elif key in self._sources:
                text = self._attempt(key, values)
                if text is not None:
                    return text
        if f"builtin/{name}" not in self._sources:
            raise KeyError(name)
        return self._loaded().render(f"builtin/{name}", values)

    def names(self) -> list[str]:
        """The names that an override can have."""
        return sorted(OWN_TEXT | {key.removeprefix("builtin/") for key in self._sources if key.startswith("builtin/")})

    def check(self) -> list[str]:
        """What is wrong with the overrides, one line each; nothing is reported elsewhere.

        Each is rendered with the sample messages that a template of that name is used for.
        """
        from router.messages.sample import extra_values, template_samples

        names, found = self.names(), [f"{key}: {detail}" for key, detail in sorted(self._unreadable.items())]
        for key in sorted(key for key in self._sources if not key.startswith("builtin/")):
            name = key.rpartition("/")[2]
            if name not in names:
                found.append(f"{key}: no template has this name; there are {', '.join(names)}")
                continue
            team = key.rpartition("/")[0] or "platform"
            for message in template_samples(name):
                try:
                    self._loaded().render(key, {"message": message, "team": team, **extra_values(name)})
                except Exception as error:  # noqa: BLE001 - Whatever a template raises is its author's to know.
                    found.append(f"{key}: {describe(error)}")
                    break
        return found

    def _candidates(self, name: str, team: str) -> list[str]:
        if not NAME.fullmatch(name):
            raise KeyError(name)
        return [f"{team}/{name}", name] if TEAM.fullmatch(team) else [name]

    def _override_files(self) -> list[Path]:
        if self._overrides is None:
            return []
        files = [*self._overrides.glob("*.*"), *self._overrides.glob("*/*.*")]
        return sorted(path for path in files if path.suffix in {".txt", ".html"} and not path.is_dir())

    def _attempt(self, key: str, values: Mapping[str, object]) -> str | None:
        try:
            return self._loaded().render(key, values)
        except Exception as error:  # noqa: BLE001 - Whatever it raises, the message has to leave.
            self._tell(key, describe(error))
            return None

    def _tell(self, key: str, detail: str) -> None:
        if self._report is not None:
            self._report(key, detail)

    def _loaded(self) -> Sandbox:
        if self._sandbox is None:
            # jinja2 takes tens of milliseconds to import, which commands that render nothing needn't wait for.
            from router.messages.sandbox import Sandbox

            self._sandbox = Sandbox(self._sources)
        return self._sandbox


def describe(error: Exception) -> str:
    """What went wrong in a template, with its line where it is known."""
    line = getattr(error, "lineno", None)
    text = cut(" ".join(str(error).split()) or type(error).__name__, 300)
    return f"line {line}: {text}" if line else text
