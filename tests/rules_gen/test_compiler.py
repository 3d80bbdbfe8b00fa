"""From definitions to outputs, without a disk."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from rules_gen import compiler
from rules_gen.compiler import compile_catalog, compile_unit, plug_in_names, read_document, read_shared, with_use
from rules_gen.diagnostics import Level, Place, Problem
from rules_gen.source.layout import lay_out
from rules_gen.target import GeneratedFile

PACKAGE = Path(compiler.__file__).parent
CHECKOUT = "alerts/payments/checkout.yaml"
HOSTS = "alerts/platform/hosts.yaml"


@pytest.fixture
def contents(repository):
    """The small repository's definitions as bytes, by path."""
    return {
        str(path.relative_to(repository.root)): path.read_bytes()
        for path in (repository.root / "alerts").rglob("*.yaml")
    }


def compiled(contents, today="2026-01-15", only=None):
    layout = lay_out(contents)
    shared = read_shared(layout, contents)
    assert not [p for p in shared.problems if p.level is Level.ERROR]
    return shared.context, [compile_unit(unit, contents, shared.context, today, only) for unit in layout.units]


def everything(contents):
    context, results = compiled(contents)
    assert [problem for result in results for problem in result.problems] == []
    files, problems = compile_catalog(context, [result.digest for result in results])
    assert problems == ()
    rendered = {file.path: file.content for result in results for file in result.files}
    probes = {
        fixture.path: fixture.probe(frozenset(s.key for s in fixture.scenarios))
        for result in results
        for fixture in result.fixtures
    }
    return rendered | probes | {file.path: file.content for file in files}


def test_compiling_twice_gives_the_same_bytes(contents):
    assert everything(contents) == everything(contents)


def test_the_order_in_which_files_are_read_does_not_matter(contents):
    assert everything(contents) == everything(dict(reversed(contents.items())))


def test_all_outputs_lie_in_the_three_folders(contents):
    paths = list(everything(contents))
    assert {path.partition("/")[0] for path in paths} == {"rules", "runbooks", "dashboards"}
    assert not [path for path in paths if ".." in path or path.startswith("/")]


def test_only_the_targets_that_are_named_are_made(contents):
    _, results = compiled(contents, only=frozenset({"runbook-pages"}))
    assert [path for result in results for path in result.digest.paths] == [
        "runbooks/payments/checkout/Down.fires.svg",
        "runbooks/payments/checkout/Down.md",
        "runbooks/platform/hosts/Down.fires.svg",
        "runbooks/platform/hosts/Down.md",
    ]
    assert not any(result.fixtures for result in results)


def test_a_result_survives_the_way_from_one_process_to_another(contents):
    _, results = compiled(contents)
    for result in results:
        small = replace(result, service=None)
        assert pickle.loads(pickle.dumps(small)) == small


def test_without_a_policy_services_are_still_validated(contents):
    del contents["alerts/policy.yaml"]
    contents[CHECKOUT] = contents[CHECKOUT].replace(b"for: 1m", b"for: soon")
    layout = lay_out(contents)
    shared = read_shared(layout, contents)
    assert shared.context is None
    assert [problem.check for problem in shared.problems] == ["policy"]
    results = [compile_unit(unit, contents, None, "2026-01-15") for unit in layout.units]
    assert [(p.check, p.place.keys) for r in results for p in r.problems] == [("wrong-value", ("alerts", 0, "for"))]
    assert not any(result.files for result in results)


def test_with_an_error_there_are_no_outputs(contents):
    contents[CHECKOUT] = contents[CHECKOUT].replace(b'up{job="checkout"}', b'up{job="checkout"')
    _, (broken, good) = compiled(contents)
    assert [problem.check for problem in broken.problems] == ["promql-syntax"]
    assert (broken.files, broken.fixtures, broken.digest) == ((), (), None)
    assert good.files


def test_a_template_or_shared_runbook_that_is_called_otherwise_than_its_file_is_named(contents):
    contents["alerts/_runbooks/base.yaml"] = b"shared_runbook: basis\nfirst: Wait.\n"
    contents["alerts/_templates/web.yaml"] = b"template: wed\nalerts: [{alert: A}]\n"
    shared = read_shared(lay_out(contents), contents)
    assert [(p.place.file, p.suggestion) for p in shared.problems] == [
        ("alerts/_templates/web.yaml", "write `template: web`, or rename the file"),
        ("alerts/_runbooks/base.yaml", "write `shared_runbook: base`, or rename the file"),
    ]


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (b"\xff", "encoding"),
        (b"a: [", "yaml-syntax"),
        (b"- a\n", "yaml-syntax"),
        (b"service: a\nservice: b\n", "duplicate-key"),
        (b"service: a\nteam: b\nthreshold: >5\n", None),
        (b"service: A\nteam: b\n", "wrong-value"),
    ],
)
def test_a_file_that_cannot_be_read_gives_problems_and_no_document(text, check):
    document, problems = read_document("alerts/a/b.yaml", text, "service")
    assert document is None
    assert problems
    assert check is None or check in {problem.check for problem in problems}
    assert {problem.place.file for problem in problems} == {"alerts/a/b.yaml"}


def test_two_outputs_in_one_place_are_a_problem_even_where_only_case_sets_them_apart(contents):
    context, (checkout, hosts) = compiled(contents)
    other = replace(hosts.digest, paths=("Rules/Payments/checkout.rules.yml", "rules/alertmanager.yml"))
    _, problems = compile_catalog(context, [checkout.digest, other])
    said = [(p.check, p.message, p.place.file, [place.file for _, place in p.related]) for p in problems]
    assert said == [
        (
            "collision",
            "Rules/Payments/checkout.rules.yml would be written for payments/checkout as well",
            HOSTS,
            [CHECKOUT],
        ),
        ("collision", "rules/alertmanager.yml would be written for the catalogue as well", HOSTS, []),
    ]


def test_services_whose_names_run_together_do_not_collide(contents, repository):
    text = contents["alerts/policy.yaml"].decode() + "outputs: [prometheus-operator]\n"
    contents["alerts/policy.yaml"] = (
        text.replace("teams:\n", "teams:\n  a: *team\n  a-b: *team\n")
        .replace("  a: *team\n  a-b: *team\n  payments: &team\n", "  payments: &team\n")
        .replace("  platform: *team\n", "  platform: *team\n  a: *team\n  a-b: *team\n")
        .encode()
    )
    contents["alerts/a/b-c.yaml"] = repository.service("b-c", "a").encode()
    contents["alerts/a-b/c.yaml"] = repository.service("c", "a-b").encode()
    context, results = compiled(contents)
    _, problems = compile_catalog(context, [result.digest for result in results])
    assert problems == ()


def test_a_check_that_is_switched_off_is_quiet_until_its_day(contents):
    text = contents[CHECKOUT].decode()
    start = text.index("    tests:\n")
    off = "    disable:\n      - {check: scenario-missing, reason: in work, until: 2026-02-01}\n"
    contents[CHECKOUT] = (text[:start] + off).encode()
    _, (before, _) = compiled(contents, "2026-01-31")
    assert (before.problems, before.recheck) == ((), "2026-02-01")
    _, (after, _) = compiled(contents, "2026-02-01")
    assert [problem.check for problem in after.problems] == ["scenario-missing"]


def test_a_check_that_does_not_exist_cannot_be_switched_off(contents):
    contents[CHECKOUT] += b"    disable:\n      - {check: scenario-mising, reason: in work, until: 2027-01-01}\n"
    _, (result, _) = compiled(contents)
    assert [(p.check, p.suggestion) for p in result.problems] == [("exemption", "did you mean `scenario-missing`?")]


def test_every_module_in_a_plug_in_folder_is_found_and_does_its_part():
    for kind, functions in (("checks", {"check"}), ("targets", {"service_files", "catalog_files"})):
        names = {path.stem for path in (PACKAGE / kind).glob("*.py")} - {"__init__"}
        assert set(plug_in_names(kind)) == names
        for module in compiler.plug_ins(kind):
            assert functions & set(vars(module)), module.__name__
            assert module.__doc__, module.__name__


def test_a_problem_in_a_template_says_where_it_is_used():
    here = Place("alerts/_templates/web.yaml", ("alerts", 0))
    used = Place("alerts/a/b.yaml", ("use", 0))
    inside, outside = Problem("x", "inside", here), Problem("x", "outside", used)
    made = with_use([inside, outside], {here.file: used})
    assert made == (replace(inside, related=(("used here", used),)), outside)


def test_a_problem_inside_a_template_shows_both_places_once(contents):
    contents["alerts/_templates/web.yaml"] = (
        b"template: web\nalerts:\n  - alert: A\n    severity: medium\n    expr: up{\n    threshold: equals 0\n"
        b"    for: 1m\n    summary: x\n    runbook: https://example.com/a\n"
    )
    contents[CHECKOUT] = b"service: checkout\nteam: payments\nuse:\n  - template: web\n"
    _, (result, _) = compiled(contents)
    (problem,) = result.problems
    assert problem.place.file == "alerts/_templates/web.yaml"
    assert [(word, place.file, place.keys) for word, place in problem.related] == [("used here", CHECKOUT, ("use", 0))]


@pytest.mark.parametrize("samples", ["0x10", "'0x10'", "0+0x10"])
def test_zero_and_ten_more_means_that_however_it_is_quoted(contents, samples):
    """YAML reads 0x10 as sixteen, promtool as eleven zeros; what the author types is what promtool gets."""
    contents[CHECKOUT] = contents[CHECKOUT].replace(b": 0x10", f": {samples}".encode())
    _, (result, _) = compiled(contents)
    (fixture,) = result.fixtures
    assert fixture.scenarios[0].series[0][1] == samples.strip("'")


def test_outputs_are_bytes_at_paths(contents):
    _, results = compiled(contents)
    for result in results:
        assert all(isinstance(file, GeneratedFile) and isinstance(file.content, bytes) for file in result.files)
        assert result.digest.paths == tuple(dict.fromkeys(result.digest.paths)), "one service writes no file twice"


def test_a_templates_alert_whose_name_is_no_text_is_a_diagnostic(contents):
    contents["alerts/_templates/web.yaml"] = b"template: web\nalerts:\n  - alert: []\n    expr: up\n"
    contents[CHECKOUT] = b"service: checkout\nteam: payments\nuse:\n  - template: web\n    except: [Other]\n"
    _, (result, _) = compiled(contents)
    assert "wrong-type" in {problem.check for problem in result.problems}
