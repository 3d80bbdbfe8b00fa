"""Whether anything has changed since the last build."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rules_gen import builder, freshness
from rules_gen.freshness import is_fresh
from rules_gen.source import files

ROOT = Path(__file__).parents[2]
CHECKOUT = "alerts/payments/checkout.yaml"
RULES = "rules/payments/checkout.rules.yml"


def fresh(repository, today=None, only=None):
    return is_fresh(str(repository.root), today or repository.today, only)


def test_it_is_fresh_right_after_a_build_and_not_before(repository):
    assert not fresh(repository)
    repository.build()
    assert fresh(repository)


def test_a_failed_build_and_a_check_leave_nothing_fresh(repository):
    repository.check()
    assert not fresh(repository)
    repository.write(CHECKOUT, "service: [\n")
    repository.build()
    assert not fresh(repository)


def edit(repository):
    repository.replace(CHECKOUT, "for: 1m", "for: 2m")


def edit_same_size_and_time(repository):
    path = repository.root / CHECKOUT
    status = path.stat()
    edit(repository)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def add_definition(repository):
    repository.write("alerts/payments/new.yaml", repository.service("new"))


def remove_definition(repository):
    (repository.root / CHECKOUT).unlink()


def remove_all_definitions(repository):
    (repository.root / "alerts").rename(repository.root / "elsewhere")


def link_definition(repository):
    (repository.root / CHECKOUT).rename(repository.root / "elsewhere.yaml")
    (repository.root / CHECKOUT).symlink_to(repository.root / "elsewhere.yaml")


def make_pipe(repository):
    os.mkfifo(repository.root / "alerts/pipe.yaml")


def edit_output(repository):
    repository.replace(RULES, "for: 1m", "for: 2m")


def remove_output(repository):
    (repository.root / RULES).unlink()


def link_output(repository):
    (repository.root / RULES).rename(repository.root / "elsewhere.yml")
    (repository.root / RULES).symlink_to(repository.root / "elsewhere.yml")


def add_stranger(repository):
    repository.write("rules/payments/mine.rules.yml", "groups: []\n")


def spoil_listing(repository):
    repository.write(".rules-gen/listing", b"\xff\xfe")


def empty_listing(repository):
    repository.write(".rules-gen/listing", "")


@pytest.mark.parametrize(
    "change",
    [
        edit,
        edit_same_size_and_time,
        add_definition,
        remove_definition,
        remove_all_definitions,
        link_definition,
        make_pipe,
        edit_output,
        remove_output,
        link_output,
        add_stranger,
        spoil_listing,
        empty_listing,
    ],
    ids=lambda change: change.__name__,
)
def test_every_change_is_noticed(built, change):
    assert fresh(built)
    change(built)
    assert not fresh(built)


def test_touched_definitions_stay_fresh_and_touched_outputs_do_after_a_look(built):
    for path in (built.root / "alerts").rglob("*.yaml"):
        os.utime(path, (1, 1))
    assert fresh(built)
    for path in built.outputs():
        os.utime(built.root / path, (1, 1))
    assert not fresh(built)
    result = built.build()
    assert (result.compiled, len(result.changes)) == (0, 0)
    assert fresh(built)


def test_a_stranger_among_the_outputs_is_looked_at_once(built):
    add_stranger(built)
    assert built.build().changes.foreign == ("rules/payments/mine.rules.yml",)
    assert fresh(built)


@pytest.mark.parametrize("name", [".#checkout.yaml", ".checkout.yaml.swp", "#checkout.yaml#", "checkout.yaml~"])
@pytest.mark.parametrize("link", [True, False])
def test_what_editors_leave_beside_a_definition_neither_matters_nor_hides_an_edit(built, name, link):
    beside = built.root / "alerts/payments" / name
    if link:
        beside.symlink_to("somebody@host.1234:1")
    else:
        beside.write_text("service: [\n")
    assert fresh(built)
    edit(built)
    assert not fresh(built)
    assert built.build().compiled == 1
    assert fresh(built)
    built.replace(CHECKOUT, "for: 2m", "for: 3m")
    assert not fresh(built)


def test_the_names_that_are_passed_over_are_those_that_are_not_read():
    assert freshness.IGNORED_PREFIXES == files.IGNORED_PREFIXES


def test_a_definition_that_changes_during_a_build_is_compiled_by_the_next(repository, monkeypatch):
    apply = builder.apply

    def and_then_edit(*arguments):
        apply(*arguments)
        edit(repository)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "apply", and_then_edit)
        repository.build()
    assert not fresh(repository)
    assert repository.build().changes.updated
    assert "for: 2m" in repository.read(RULES)


def test_another_version_of_the_tool_compiles_all_again(built, monkeypatch):
    monkeypatch.setattr(freshness, "tool_key", lambda: "another")
    assert not fresh(built)
    result = built.build()
    assert (result.compiled, len(result.changes)) == (2, 0)


@pytest.mark.full
@pytest.mark.parametrize("name", ["state.json", "digests.json", "listing"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"units": 1}'])
def test_a_broken_cache_costs_time_and_nothing_else(built, name, content):
    before = built.outputs()
    built.write(f".rules-gen/{name}", content)
    edit(built)
    built.build()
    built.replace(CHECKOUT, "for: 2m", "for: 1m")
    assert not built.build().failed
    assert built.outputs() == before
    assert fresh(built)


def test_a_cache_that_cannot_be_written_stops_no_build(repository):
    repository.write(".rules-gen", "a file")
    assert not repository.build().failed
    assert RULES in repository.outputs()


def test_a_build_that_was_killed_leaves_no_temporary_files_in_the_cache_for_ever(built):
    built.write(".rules-gen/state.json.4194303.tmp", "half")
    edit(built)
    built.build()
    assert not list((built.root / ".rules-gen").glob("*.tmp"))


def test_builds_of_some_targets_are_remembered_apart(built):
    some = frozenset({"prometheus-rules"})
    assert not fresh(built, only=some)
    built.build(only=some)
    assert fresh(built, only=some)
    assert fresh(built)
    edit(built)
    assert not fresh(built, only=some)


def test_a_check_that_is_switched_off_until_a_day_is_looked_at_again_on_that_day(repository):
    off = "    disable:\n      - {check: scenario-missing, reason: in work, until: 2026-02-01}\n"
    text = repository.service("checkout", more=off)
    start = text.index("    tests:\n")
    repository.write(CHECKOUT, text[:start] + off)
    assert not repository.build(today="2026-01-31").failed
    assert fresh(repository, "2026-01-31")
    assert not fresh(repository, "2026-02-01")
    result = repository.build(today="2026-02-01")
    assert [d.check for d in result.diagnostics] == ["scenario-missing"]


def test_a_folder_that_nobody_may_look_into_is_no_traceback(built, monkeypatch):
    scan = os.scandir

    def deny(path):
        if str(path).endswith("rules/payments"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("rules_gen.freshness.os.scandir", deny)
    assert not fresh(built)
    assert built.check().changes.created == (RULES, RULES.replace("rules.yml", "test.yml"))


def test_the_answer_needs_neither_the_compiler_nor_other_people_s_packages(built):
    code = (
        "import sys; before = set(sys.modules); from rules_gen.cli import main; code = main(['build']);"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "heavy = new - {'rules_gen', '_blake2', '__future__', 'time', 'os', 'sys'};"
        "print(sorted(name for name in sys.modules if name.startswith('rules_gen')), file=sys.stderr);"
        "print(sorted(heavy), file=sys.stderr); sys.exit(code)"
    )
    # The date of the machine is past the day that the fixture was built on, and nothing is switched off.
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {code}"],
        cwd=built.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "Nothing has changed: all outputs are current.\n"
    assert run.stderr.splitlines() == ["['rules_gen', 'rules_gen.cli', 'rules_gen.freshness']", "[]"]
