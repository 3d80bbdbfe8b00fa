"""The pictures of one service's scenarios, before they are drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from rules_gen.fixtures.layout import Case, entry_proof, questions
from rules_gen.fixtures.plan import FixturePlan, fixture_plans
from rules_gen.model import AlertRule
from rules_gen.promql.durations import parse_duration
from rules_gen.target import Answers, GeneratedFile
from rules_gen.timelines.paths import picture_path
from rules_gen.timelines.recording import FORMAT, picture_file, recalled

if TYPE_CHECKING:
    from rules_gen.model import Policy, Service
    from rules_gen.timelines.questions import Shoot


@dataclass(frozen=True, slots=True)
class Picture:
    """A scenario's picture: its path, the key of all that it shows, its case and which of the plans that is in."""

    path: str
    key: str
    case: Case
    plan: int


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of a service. `source` is its definition, `target` Prometheus's version."""

    source: str
    target: tuple[int, int]
    plans: tuple[FixturePlan, ...]
    pictures: Mapping[str, Picture]

    def recall(self, path: str, committed: bytes) -> str | None:
        """The drawing in the committed file of a picture, None when it has to be drawn."""
        return recalled(committed, self.pictures[path].key)

    def questions(self, wanted: frozenset[str]) -> tuple[tuple[GeneratedFile, GeneratedFile], ...]:
        """Rule files, each with a fixture that asks for what these pictures show."""
        asked: list[tuple[GeneratedFile, GeneratedFile]] = []
        for index, plan in enumerate(self.plans):
            mine = {p.case.key: p for p in self.pictures.values() if p.plan == index and p.path in wanted}
            if mine:
                cases = [case for case in plan.cases if case.key in mine]
                asking = {key: self._shoot(picture).questions() for key, picture in mine.items()}
                text = questions(plan.frame, cases, asking)
                asked.append((plan.rules, GeneratedFile(plan.frame.path, text.encode())))
        return tuple(asked)

    def draw(self, wanted: frozenset[str], answers: Answers) -> dict[str, str]:
        """These pictures by path, less those whose scenario promtool didn't play to its end."""
        from rules_gen.timelines.svg import draw

        return {
            path: draw(self._shoot(picture).timeline(answers))
            for path, picture in self.pictures.items()
            if path in wanted and entry_proof(self.plans[picture.plan].frame.path, picture.case.entry) in answers
        }

    def file(self, path: str, drawing: str) -> GeneratedFile:
        """A picture as it is committed."""
        return GeneratedFile(path, picture_file(self.source, self.pictures[path].key, drawing))

    def environment(self, path: str) -> str | None:
        """Where the scenario of this picture is played; None in a service without environments."""
        return self.pictures[path].case.scenario.environment

    def _shoot(self, picture: Picture) -> Shoot:
        # Only what has to be drawn needs these modules, and mostly nothing has.
        from rules_gen.timelines.curves import curves_of
        from rules_gen.timelines.questions import Shoot
        from rules_gen.timelines.window import window_of

        plan, case = self.plans[picture.plan], picture.case
        rules = _rules(plan)[case.scenario.alert]
        step = parse_duration(plan.frame.evaluation_interval) or 1
        curves = curves_of(rules, case.scenario, self.target)
        return Shoot(case.key, case.scenario, case.severities, window_of(case.scenario, step), curves)


def gallery_of(service: Service, policy: Policy) -> Gallery | None:
    """The pictures of all scenarios of a service; None when it has none."""
    plans = fixture_plans(service, policy)
    pictures: dict[str, Picture] = {}
    for index, plan in enumerate(plans):
        rules = _rules(plan)
        for case in plan.cases:
            path = picture_path(service.team, service.name, case.scenario)
            pictures[path] = Picture(path, _key(case, rules[case.scenario.alert]), case, index)
    return Gallery(service.source, policy.prometheus, plans, pictures) if pictures else None


def _rules(plan: FixturePlan) -> Mapping[str, list[AlertRule]]:
    rules: defaultdict[str, list[AlertRule]] = defaultdict(list)
    for group in plan.groups:
        for rule in group.rules:
            if isinstance(rule, AlertRule):
                rules[rule.alert].append(rule)
    return rules


def _key(case: Case, rules: list[AlertRule]) -> str:
    """What the picture depends on: all that is evaluated, and what is written on the picture besides."""
    typed = [rule.threshold.text if rule.threshold is not None else "" for rule in rules]
    text = "\0".join((FORMAT, case.evaluation, case.scenario.name, *typed))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
