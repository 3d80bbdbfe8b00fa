"""Mutation runs of definitions typed in a test, with the real promtool."""

import textwrap

import pytest

from rules_gen.definitions import compile_definitions
from rules_gen.mutation.batches import Unplayable
from rules_gen.mutation.mutant import Status
from rules_gen.mutation.mutants import mutants_of
from rules_gen.promtool import Promtool
from rules_gen.proof import mutants as runner
from rules_gen.proof.mutation import MOST_PROPOSED, run_mutation

TODAY = "2026-01-15"


class Run:
    """A report; `status` and `verdict` find a mutant by its name."""

    def __init__(self, report):
        self.report = report

    def one(self, name, subject=None):
        found = [j for j in self.report.judged if j.mutant.name == name and subject in (None, j.mutant.subject)]
        assert len(found) == 1, (name, [j.mutant.name for j in self.report.judged])
        return found[0]

    def status(self, name, subject=None):
        return self.one(name, subject).verdict.status

    def names(self, status):
        return {one.mutant.name for one in self.report.of(status)}

    @property
    def survivors(self):
        return self.names(Status.SURVIVED)


@pytest.fixture
def compiled(repository):
    """The definitions of a service of these rules, as YAML; `proof` is the policy's."""

    def call(rules, *, head="", proof="", slos=""):
        policy = repository.policy + (f"proof: {proof}\n" if proof else "")
        parts = [f"service: checkout\nteam: payments\n{textwrap.dedent(head)}"]
        if rules:
            parts.append("alerts:\n" + textwrap.indent(textwrap.dedent(rules), "  "))
        if slos:
            parts.append("slos:\n" + textwrap.indent(textwrap.dedent(slos), "  "))
        contents = {"alerts/policy.yaml": policy.encode(), "alerts/payments/checkout.yaml": "".join(parts).encode()}
        definitions = compile_definitions(contents, TODAY, frozenset({"promtool-tests"}))
        assert not definitions.errors, definitions.errors
        return definitions

    return call


@pytest.fixture
def made(compiled):
    """The mutants of a service, unjudged, by name."""

    def call(rules, **more):
        definitions = compiled(rules, **more)
        [service] = definitions.services
        return {mutant.name: mutant for mutant in mutants_of(service, definitions.policy)}

    return call


@pytest.fixture
def mutate(compiled, tmp_path):
    """The verdicts on all mutants of a service; with `propose` also scenarios for the survivors."""

    def call(rules, *, names=(), promtool=None, propose=False, **more):
        definitions = compiled(rules, **more)
        tool = promtool or Promtool.find(tmp_path)
        most = MOST_PROPOSED if propose else 0
        return Run(run_mutation(definitions, names, tmp_path, tool, lambda *_: None, most_proposed=most))

    return call


@pytest.fixture
def one_by_one(monkeypatch):
    """From its call on no mutant is played in a batch."""

    def never(trials, *_args, **_options):
        return (), tuple(Unplayable(trial, mutant) for trial in trials for mutant in trial.mutants)

    def call():
        monkeypatch.setattr(runner, "make_batches", never)

    return call


@pytest.fixture
def both_ways(mutate, one_by_one, monkeypatch, tmp_path):
    """The run in batches, whose verdicts are those of rule files of their own. It proposes nothing."""

    def verdicts(run):
        return [(one.mutant.subject, one.mutant.name, one.verdict) for one in run.report.judged]

    def call(rules, **more):
        together = mutate(rules, **more)
        (tmp_path / ".rules-gen" / "mutants.json").unlink(missing_ok=True)
        one_by_one()
        assert verdicts(together) == verdicts(mutate(rules, **more))
        return together

    return call
