"""Which file is what, by its path alone: so that a file is only read again when it has changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rules_gen.diagnostics import Place, Problem
from rules_gen.source.suggest import did_you_mean

FOLDER = "alerts"
POLICY = f"{FOLDER}/policy.yaml"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Unit:
    """The files of one service: the one that names it, and the alerts beside it in a folder."""

    team: str
    service: str
    main: str
    parts: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All its files."""
        return (self.main, *self.parts)


@dataclass(slots=True)
class Layout:
    """The files by what they are. `problems` are files that are nothing."""

    policy: str | None = None
    templates: dict[str, str] = field(default_factory=dict)
    runbooks: dict[str, str] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def lay_out(paths: Iterable[str]) -> Layout:
    """Sorts the definition files into a policy, templates, shared runbooks and services."""
    layout = Layout()
    folders: dict[tuple[str, str], list[str]] = {}
    singles: dict[tuple[str, str], str] = {}
    for path in sorted(paths):
        match path.split("/"):
            case [_, "policy.yaml"]:
                layout.policy = path
            case [_, "_templates", name]:
                layout.templates[name.removesuffix(".yaml")] = path
            case [_, "_runbooks", name]:
                layout.runbooks[name.removesuffix(".yaml")] = path
            case [_, team, name] if _is_name(team, path, layout) and _is_name(name.removesuffix(".yaml"), path, layout):
                singles[team, name.removesuffix(".yaml")] = path
            case [_, team, service, _] if _is_name(team, path, layout) and _is_name(service, path, layout):
                folders.setdefault((team, service), []).append(path)
            case [_, name]:
                hint = did_you_mean(name, ["policy.yaml"]) or "put it in its team's folder"
                _misplaced(path, layout, hint)
            case [_, _, _] | [_, _, _, _]:
                continue
            case _:
                _misplaced(path, layout, "folders are alerts/<team>/<service>/, no deeper")
    _add_units(layout, singles, folders)
    return layout


def _add_units(layout: Layout, singles: dict[tuple[str, str], str], folders: dict[tuple[str, str], list[str]]) -> None:
    for key, path in singles.items():
        if key in folders:
            layout.problems.append(
                Problem(
                    "layout",
                    f"service `{key[1]}` is both a file and a folder",
                    Place(path, line=1, column=1),
                    suggestion=f"move the file to {FOLDER}/{key[0]}/{key[1]}/service.yaml",
                )
            )
        layout.units.append(Unit(key[0], key[1], path))
    for key, files in folders.items():
        main = f"{FOLDER}/{key[0]}/{key[1]}/service.yaml"
        if main not in files:
            layout.problems.append(
                Problem(
                    "layout",
                    f"the folder of service `{key[1]}` has no service.yaml",
                    Place(files[0], line=1, column=1),
                    f"write {main}",
                )
            )
        elif key not in singles:
            layout.units.append(Unit(key[0], key[1], main, tuple(file for file in files if file != main)))
    layout.units.sort(key=lambda unit: (unit.team, unit.service))


def _is_name(text: str, path: str, layout: Layout) -> bool:
    if _NAME.fullmatch(text):
        return True
    _misplaced(path, layout, f"`{text}` isn't a name: lower-case letters, digits and dashes")
    return False


def _misplaced(path: str, layout: Layout, hint: str) -> None:
    layout.problems.append(
        Problem("layout", "this file isn't where a definition belongs", Place(path, line=1, column=1), hint)
    )
