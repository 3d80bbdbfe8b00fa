"""From definitions to outputs, service by service, then the catalogue of all. Pure: sources in, values out."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

from rules_gen import checks as checks_package
from rules_gen import targets as targets_package
from rules_gen.diagnostics import Level, Place, Problem
from rules_gen.inhibition import inhibitions_of
from rules_gen.model import Alert, AlertDigest, Catalog, Service, ServiceDigest
from rules_gen.source.context import Context
from rules_gen.source.documents import Document, decode, parse
from rules_gen.source.layout import Layout, Unit
from rules_gen.source.policy import build_policy
from rules_gen.source.services import build_service
from rules_gen.source.suggest import did_you_mean
from rules_gen.source.validate import kind_of, validate
from rules_gen.target import Fixture, GeneratedFile, Illustrated, Output

# Each begins with something fixed, which the regular expression engine searches for at the speed of memory.
_SLIPS = tuple(re.compile(sign) for sign in (r"threshold:[ \t][>! \t]", r" \{\{(?<=[:-] \{\{)", r"\n---"))
"""What makes a file worth a look for slips that are valid YAML; a real look costs more than all other reading."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What one service compiled to. With errors among `problems`, the rest is empty.

    `recheck` is the first day (ISO) on which a check that is switched off applies again.
    """

    unit: Unit
    problems: tuple[Problem, ...]
    files: tuple[GeneratedFile, ...] = ()
    fixtures: tuple[Fixture, ...] = ()
    illustrated: tuple[Illustrated, ...] = ()
    digest: ServiceDigest | None = None
    service: Service | None = None
    recheck: str | None = None


@dataclass(slots=True)
class Shared:
    """What all services are compiled with. `context` is None without a readable policy: nothing can be compiled."""

    context: Context | None
    problems: list[Problem] = field(default_factory=list)


def target_name(module: ModuleType) -> str:
    """A target's name: its module's, with dashes."""
    return module.__name__.rpartition(".")[2].replace("_", "-")


@cache
def plug_in_names(kind: str) -> tuple[str, ...]:
    """The names of all checks or targets, by listing their folder."""
    package = {"checks": checks_package, "targets": targets_package}[kind]
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


@cache
def plug_ins(kind: str, only: frozenset[str] | None = None) -> tuple[Any, ...]:
    """The modules of all checks or targets, or of those named (with dashes) in `only`."""
    return tuple(
        importlib.import_module(f"rules_gen.{kind}.{name}")
        for name in plug_in_names(kind)
        if only is None or name.replace("_", "-") in only
    )


def read_document(file: str, content: bytes, kind: str | None = None) -> tuple[Document | None, list[Problem]]:
    """A file's validated data. `kind` is what it must be by its place; None to take what its keys say."""
    text = decode(file, content)
    if isinstance(text, Problem):
        return None, [text]
    document = parse(file, text)
    if isinstance(document, tuple):
        return None, list(document)
    problems: list[Problem] = []
    if any(sign.search(text) for sign in _SLIPS):
        from rules_gen.source.yaml_errors import yaml_slips

        problems += yaml_slips(text, file)
    if not problems:
        problems = list(validate(kind or kind_of(document.data), document.data, Place(file)))
    return (None if problems else document), problems


def read_shared(layout: Layout, contents: Mapping[str, bytes]) -> Shared:
    """The policy, the templates and the shared runbook sections."""
    shared = Shared(None)
    kinds: dict[str, tuple[dict[str, str], str, str]] = {
        "template": (layout.templates, "template", "template"),
        "sharedRunbook": (layout.runbooks, "shared_runbook", "shared runbook"),
    }
    found: dict[str, dict[str, Document]] = {"template": {}, "sharedRunbook": {}}
    for kind, (paths, key, what) in kinds.items():
        for name, path in paths.items():
            document, problems = read_document(path, contents[path], kind)
            shared.problems += problems
            if document is None:
                continue
            if document.data[key] != name:
                shared.problems.append(
                    Problem(
                        "layout",
                        f"the {what} is called `{document.data[key]}`, its file `{name}`",
                        Place(path, (key,)),
                        f"write `{key}: {name}`, or rename the file",
                    )
                )
            found[kind][name] = document
    if layout.policy is None:
        shared.problems.append(
            Problem(
                "policy",
                "there is no alerts/policy.yaml",
                Place("alerts/policy.yaml", line=1, column=1),
                "start with `rules-gen init DIR`, which writes one",
            )
        )
        return shared
    document, problems = read_document(layout.policy, contents[layout.policy], "policy")
    shared.problems += problems
    if document is not None:
        policy, problems = build_policy(document)
        shared.problems += problems
        if policy is not None:
            shared.context = Context(policy, found["template"], found["sharedRunbook"])
    return shared


def compile_unit(
    unit: Unit, contents: Mapping[str, bytes], context: Context | None, today: str, only: frozenset[str] | None = None
) -> Compiled:
    """One service, all the way. `today` (ISO) decides which checks are switched off; `only` names the targets."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for index, path in enumerate(unit.files):
        document, found = read_document(path, contents[path], "service" if index == 0 else "alert")
        problems += found
        if document is not None:
            documents.append(document)
    if context is None or len(documents) != len(unit.files):
        return Compiled(unit, tuple(problems))
    service, found_problems = build_service(unit, documents, context)
    used_at = {
        context.templates[use["template"]].file: Place(unit.main, ("use", index))
        for index, use in enumerate(documents[0].data.get("use", ()))
        if use["template"] in context.templates
    }
    problems += with_use(found_problems, used_at)
    recheck = None
    if service is not None:
        problems += with_use(run_checks(service, context, today), used_at)
        recheck = min((e.until for alert in service.alerts for e in alert.exemptions if e.until > today), default=None)
    if service is None or any(problem.level is Level.ERROR for problem in problems):
        return Compiled(unit, tuple(problems), recheck=recheck)
    outputs = [
        output
        for target in plug_ins("targets", only)
        if hasattr(target, "service_files")
        for output in target.service_files(service, context.policy)
    ]
    files = tuple(output for output in outputs if isinstance(output, GeneratedFile))
    illustrated = tuple(output for output in outputs if isinstance(output, Illustrated))
    fixtures = tuple(o for o in outputs if not isinstance(o, GeneratedFile) and not isinstance(o, Illustrated))
    paths = tuple(path for output in outputs for path in paths_of(output))
    digest = digest_of(service, context, paths)
    return Compiled(unit, tuple(problems), files, fixtures, illustrated, digest, service, recheck)


def paths_of(output: Output) -> tuple[str, ...]:
    """The files that an output becomes."""
    return (*output.pictures, *output.pages) if isinstance(output, Illustrated) else (output.path,)


def run_checks(service: Service, context: Context, today: str) -> list[Problem]:
    """What the checks say of a service, less what its alerts have switched off."""
    names = {name.replace("_", "-") for name in plug_in_names("checks")}
    problems = [
        Problem(
            "exemption",
            f"no check `{exemption.check}` can be switched off",
            exemption.place.at("check"),
            did_you_mean(exemption.check, names),
        )
        for alert in service.alerts
        for exemption in alert.exemptions
        if exemption.check not in names
    ]
    found = [problem for check in plug_ins("checks") for problem in check.check(service, context.policy)]
    exempt = [alert for alert in service.alerts if alert.exemptions]
    problems += [problem for problem in found if not any(_is_exempt(problem, alert, today) for alert in exempt)]
    return list(dict.fromkeys(problems))


def _is_exempt(problem: Problem, alert: Alert, today: str) -> bool:
    place, mine = problem.place, alert.place
    inside = place.file == mine.file and place.keys[: len(mine.keys)] == mine.keys
    overlay = place.keys[:1] == ("environments",) and place.keys[2:4] == ("alerts", alert.name)
    return (inside or overlay) and any(e.check == problem.check and e.until > today for e in alert.exemptions)


def digest_of(service: Service, context: Context, paths: tuple[str, ...]) -> ServiceDigest:
    """What the catalogue keeps of a service."""
    return ServiceDigest(
        team=service.team,
        service=service.name,
        description=service.description,
        source=service.source,
        alerts=tuple(
            AlertDigest(
                name=alert.name,
                severities=alert.severities,
                summary=alert.summary,
                runbook_url=alert.runbook_url,
                page=None if alert.runbook is None else f"runbooks/{service.team}/{service.name}/{alert.name}.md",
                bypass_router=alert.bypass_router,
                notify=alert.notify,
            )
            for alert in service.alerts
        ),
        inhibitions=inhibitions_of(service, context.policy),
        paths=paths,
    )


def compile_catalog(
    context: Context, digests: Iterable[ServiceDigest], only: frozenset[str] | None = None
) -> tuple[tuple[GeneratedFile, ...], tuple[Problem, ...]]:
    """The outputs that speak of all services. Two outputs whose paths are the same, but for case, are a problem."""
    catalog = Catalog(context.policy, tuple(sorted(digests, key=lambda d: (d.team, d.service))))
    files = tuple(
        file
        for target in plug_ins("targets", only)
        if hasattr(target, "catalog_files")
        for file in target.catalog_files(catalog)
    )
    problems: list[Problem] = []
    owners: dict[str, tuple[str, str]] = {file.path.casefold(): ("the catalogue", "") for file in files}
    for digest in catalog.services:
        key = f"{digest.team}/{digest.service}"
        for path in digest.paths:
            other = owners.setdefault(path.casefold(), (key, digest.source))
            if other[0] != key:
                related = (("the other one", Place(other[1], ("service",))),) if other[1] else ()
                problems.append(
                    Problem(
                        "collision",
                        f"{path} would be written for {other[0]} as well",
                        Place(digest.source, ("service",)),
                        "rename the service",
                        related=related,
                    )
                )
    return files, tuple(problems)


def with_use(problems: Iterable[Problem], used_at: Mapping[str, Place]) -> tuple[Problem, ...]:
    """Adds to problems inside a template the place where it is used, if they don't say it yet."""
    return tuple(
        replace(problem, related=(("used here", used_at[problem.place.file]),))
        if problem.place.file in used_at and not problem.related
        else problem
        for problem in problems
    )


def target_sentences() -> dict[str, str]:
    """What each target makes, in the first sentence of its documentation, by its name."""
    return {target_name(module): (module.__doc__ or "").strip().partition("\n")[0] for module in plug_ins("targets")}
