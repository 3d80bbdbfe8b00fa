"""Whole builds: what is compiled, proved, written and left alone."""

import os
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from rules_gen import builder
from rules_gen.output_tree import OutputError
from rules_gen.promtool import MINIMUM_VERSION, Promtool

GOLDEN = Path(__file__).parent / "golden" / "basic"
CHECKOUT = "alerts/payments/checkout.yaml"
RULES = "rules/payments/checkout.rules.yml"
FIXTURE = "rules/payments/checkout.test.yml"


def messages(result):
    return [(d.check, d.span.file, d.span.line) for d in result.diagnostics]


def texts(result):
    return "\n".join(f"{d.span.file}: {d.message}; {d.suggestion}" for d in result.diagnostics)


@pytest.mark.full
@pytest.mark.parametrize("processes", [1, 2])
def test_the_golden_repository_compiles_to_what_is_committed(tmp_path, repository, processes):
    root = tmp_path / "golden"
    shutil.copytree(GOLDEN / "alerts", root / "alerts")
    if Promtool.find(root).version() != MINIMUM_VERSION:
        # Prometheus 3 reads other samples into a range: what 2.42 has drawn is recalled then.
        shutil.copytree(GOLDEN / "runbooks", root / "runbooks")
    repository.root = root
    result = repository.build(processes=processes)
    assert (result.failed, texts(result)) == (False, "")
    outputs = repository.outputs()
    if os.environ.get("UPDATE_GOLDEN"):
        for folder in ("rules", "runbooks", "dashboards"):
            shutil.rmtree(GOLDEN / folder, ignore_errors=True)
            shutil.copytree(root / folder, GOLDEN / folder)
    golden = {
        str(path.relative_to(GOLDEN)): path.read_bytes()
        for path in sorted(GOLDEN.rglob("*"))
        if path.is_file() and path.relative_to(GOLDEN).parts[0] != "alerts"
    }
    assert sorted(outputs) == sorted(golden)
    for path, content in golden.items():
        assert outputs[path].decode() == content.decode(), path


def test_a_second_build_writes_nothing_and_starts_no_promtool(repository, promtool_calls):
    first = repository.build()
    assert not first.failed
    assert (first.services, first.compiled, first.recorded, first.verified) == (2, 2, 2, 2)
    assert any(call.startswith("test rules") for call in promtool_calls())
    calls = promtool_calls()
    before = {path: (repository.root / path).stat() for path in repository.outputs()}
    second = repository.build()
    assert (second.compiled, second.recorded, second.verified, len(second.changes)) == (0, 0, 0, 0)
    assert second.outputs == first.outputs == len(before)
    assert promtool_calls() == calls
    assert {path: (repository.root / path).stat() for path in before} == before


def test_without_its_cache_a_build_recalls_what_was_recorded_and_proves_it_again(built):
    shutil.rmtree(built.root / ".rules-gen")
    result = built.build()
    assert (result.compiled, result.recorded, result.verified, len(result.changes)) == (2, 0, 2, 0)


def test_one_changed_file_recompiles_one_service(built):
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    result = built.build()
    assert (result.services, result.compiled) == (2, 1)
    assert RULES in result.changes.updated
    assert not [path for path in result.changes.updated if "hosts" in path]


def test_a_changed_policy_recompiles_all(built):
    built.replace("alerts/policy.yaml", "runbooks.example.com", "pages.example.com")
    result = built.build()
    assert result.compiled == 2
    assert "https://pages.example.com/payments/checkout/Down" in built.read(RULES)


def test_touched_definitions_and_outputs_recompile_nothing(built):
    for path in [*built.root.rglob("*.yaml"), *built.root.rglob("*.yml"), *built.root.rglob("*.md")]:
        os.utime(path, (1, 1))
    result = built.build()
    assert (result.compiled, len(result.changes)) == (0, 0)


@pytest.mark.parametrize("path", [RULES, FIXTURE, "runbooks/README.md", "dashboards/platform/hosts.json"])
def test_a_deleted_output_is_restored(built, path):
    before = built.outputs()
    (built.root / path).unlink()
    assert built.check().changes.created == (path,)
    result = built.build()
    assert result.changes.created == (path,)
    assert result.compiled <= 1
    assert built.outputs() == before


@pytest.mark.parametrize("path", [RULES, FIXTURE, "runbooks/README.md", "rules/alertmanager.yml"])
def test_an_output_edited_by_hand_is_stale_and_overwritten(built, path):
    before = built.outputs()
    built.write(path, built.read(path) + "# mine\n")
    check = built.check()
    assert (check.failed, check.changes.updated) == (False, (path,))
    assert built.read(path).endswith("# mine\n"), "a check writes nothing"
    assert built.build().changes.updated == (path,)
    assert built.outputs() == before


@pytest.mark.parametrize("cache", [pytest.param(True, marks=pytest.mark.full), False])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a of checkout is down", "all is well"),
        ("severity: medium", "severity: high"),
        ("0x10", "1x10"),
        ("exp_alerts:\n", "exp_alerts: []\n        unused:\n"),
    ],
)
def test_a_recording_edited_by_hand_is_caught(built, old, new, cache):
    """Also in a fresh clone, where nothing but the committed file knows what was recorded."""
    before = built.outputs()
    built.replace(FIXTURE, old, new)
    if not cache:
        shutil.rmtree(built.root / ".rules-gen")
    assert built.check().changes.updated == (FIXTURE,)
    built.build()
    assert built.outputs() == before


def test_a_scenario_that_does_not_fire_is_an_error_and_nothing_is_written(built):
    before = built.outputs()
    built.replace(CHECKOUT, "threshold: equals 0", "threshold: above 7")
    result = built.build()
    assert result.failed
    assert ("scenario-does-not-fire", CHECKOUT, 22) in messages(result)
    assert built.outputs() == before


def test_the_outputs_of_a_removed_definition_are_removed_with_their_folders(built):
    (built.root / "alerts/platform/hosts.yaml").unlink()
    result = built.build()
    assert set(result.changes.removed) == {
        "rules/platform/hosts.rules.yml",
        "rules/platform/hosts.test.yml",
        "runbooks/platform/hosts/Down.md",
        "runbooks/platform/hosts/Down.fires.svg",
        "dashboards/platform/hosts.json",
    }
    assert not (built.root / "rules/platform").exists()
    assert not (built.root / "runbooks/platform").exists()
    assert (built.root / "rules/payments").is_dir()


def test_orphans_are_known_by_their_first_line_even_without_a_cache(built):
    (built.root / "alerts/platform/hosts.yaml").unlink()
    shutil.rmtree(built.root / ".rules-gen")
    assert len(built.build().changes.removed) == 5


def test_what_nobody_generated_is_left_alone_and_named(built):
    own = {
        "rules/platform/notes.txt": "mine",
        "rules/legacy.rules.yml": "groups: []\n",
        "runbooks/how-to.md": "# How to\n\nThe pages beside this one are Generated by rules-gen from alerts/.\n",
    }
    for path, text in own.items():
        built.write(path, text)
    os.mkfifo(built.root / "rules/pipe.yml")
    result = built.build()
    assert set(result.changes.foreign) == {*own, "rules/pipe.yml"}
    assert not result.changes
    (built.root / "alerts/platform/hosts.yaml").unlink()
    built.build()
    assert {path: built.read(path) for path in own} == own


def test_a_foreign_file_whose_name_is_no_utf8_is_left_alone(built):
    name = built.write("rules/\udcff.yml", "mine")
    result = built.build()
    assert result.changes.foreign == ("rules/\\udcff.yml",)
    assert name.exists()


def test_a_service_that_moves_to_another_team_takes_its_outputs_along(built):
    text = built.read("alerts/platform/hosts.yaml").replace("team: platform", "team: payments")
    (built.root / "alerts/platform/hosts.yaml").unlink()
    built.write("alerts/payments/hosts.yaml", text)
    changes = built.build().changes
    assert "rules/payments/hosts.rules.yml" in changes.created
    assert "rules/platform/hosts.rules.yml" in changes.removed


def test_a_service_as_a_folder_compiles_to_the_same(built):
    before = built.outputs()
    text = built.read(CHECKOUT)
    head, _, alert = text.partition("alerts:\n")
    (built.root / CHECKOUT).unlink()
    built.write("alerts/payments/checkout/service.yaml", head)
    lines = [line.removeprefix("  - ").removeprefix("    ") for line in alert.splitlines()]
    built.write("alerts/payments/checkout/down.yaml", "\n".join(lines) + "\n")
    assert not built.build().failed

    def without_source(outputs):
        return {
            path: content.replace(b"/checkout/service.yaml", b"/checkout.yaml") for path, content in outputs.items()
        }

    assert without_source(built.outputs()) == before


@pytest.mark.parametrize("case", ["no folder", "empty folder", "policy only", "hidden only"])
def test_without_definitions_nothing_is_removed(built, case):
    before = built.outputs()
    shutil.rmtree(built.root / "alerts")
    if case == "policy only":
        built.write("alerts/policy.yaml", built.policy)
    elif case == "hidden only":
        built.write("alerts/.keep", "")
    elif case == "empty folder":
        (built.root / "alerts").mkdir()
    result = built.build()
    assert result.failed
    assert built.outputs() == before


def test_an_error_in_one_file_writes_nothing_of_any(built):
    before = built.outputs()
    built.replace("alerts/platform/hosts.yaml", "for: 1m", "for: 5m")
    built.replace(CHECKOUT, "severity: medium", "severty: medium")
    built.write("alerts/payments/other.yaml", "service: [\n")
    result = built.build()
    assert {d.span.file for d in result.diagnostics} == {CHECKOUT, "alerts/payments/other.yaml"}
    assert not result.changes
    assert built.outputs() == before


def test_a_warning_is_repeated_by_each_build_until_it_is_mended(built):
    built.write("alerts/payments/notes.txt", "mine")
    for _ in range(3):
        result = built.build()
        assert [d.level for d in result.diagnostics] == ["warning"]
    (built.root / "alerts/payments/notes.txt").unlink()
    assert built.build().diagnostics == ()


def test_a_services_own_warning_is_repeated_as_well(built, monkeypatch):
    from dataclasses import replace

    from rules_gen.diagnostics import Level, Place, Problem

    compile_unit = builder.compile_unit

    def warn(unit, *rest):
        made = compile_unit(unit, *rest)
        if unit.service != "checkout":
            return made
        problem = Problem("threshold-unit", "odd", Place(unit.main, ("alerts", 0)), level=Level.WARNING)
        return replace(made, problems=(*made.problems, problem))

    monkeypatch.setattr(builder, "compile_unit", warn)
    built.write(CHECKOUT, built.read(CHECKOUT) + "\n")
    for _ in range(3):
        assert messages(built.build()) == [("threshold-unit", CHECKOUT, 4)]


@pytest.mark.parametrize("folder", ["rules", "runbooks", "rules/payments"])
def test_an_output_folder_that_is_a_link_is_refused(repository, tmp_path, folder):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = repository.root / folder
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(OutputError, match=f"{folder} is a symbolic link"):
        repository.build()
    assert list(elsewhere.iterdir()) == []
    assert repository.outputs() == {}


def test_an_output_that_is_a_link_is_replaced_not_followed(built, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (built.root / RULES).unlink()
    (built.root / RULES).symlink_to(precious)
    assert RULES in built.build().changes.updated
    assert not (built.root / RULES).is_symlink()
    assert precious.read_text() == "mine"


def test_a_file_or_folder_in_the_way_is_named(repository):
    repository.write("rules", "mine")
    with pytest.raises(OutputError, match="rules is a file, but outputs go there"):
        repository.build()
    (repository.root / "rules").unlink()
    (repository.root / "rules/alertmanager.yml").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"rules/alertmanager.yml is a folder"):
        repository.build()
    assert repository.outputs() == {}


def links(repository, tmp_path):
    (tmp_path / "outside.yaml").write_text(repository.service("outside"))
    (repository.root / "alerts/payments/outside.yaml").symlink_to(tmp_path / "outside.yaml")


def link_to_a_folder(repository, tmp_path):
    (repository.root / "alerts/other").symlink_to(tmp_path)


def ten_megabytes(repository, tmp_path):
    repository.write("alerts/payments/big.yaml", "# " + "x" * 10_000_000)


def latin_1(repository, tmp_path):
    repository.write("alerts/payments/latin.yaml", "service: caf\xe9\n".encode("latin-1"))


def alias_bomb(repository, tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    repository.write("alerts/payments/bomb.yaml", "\n".join(lines))


def deep_blocks(repository, tmp_path):
    repository.write("alerts/payments/deep.yaml", "".join(" " * n + "a:\n" for n in range(2000)))


def deep_dashes(repository, tmp_path):
    repository.write("alerts/payments/dashes.yaml", "alerts: \n" + "- " * 100_000)


def deep_flow(repository, tmp_path):
    repository.write("alerts/payments/flow.yaml", "alerts: " + "[" * 100_000 + "]" * 100_000)


def other_ending(repository, tmp_path):
    repository.write("alerts/payments/other.yml", repository.service("other"))


def empty_file(repository, tmp_path):
    repository.write("alerts/payments/empty.yaml", "")


def two_documents(repository, tmp_path):
    repository.write("alerts/payments/two.yaml", repository.service("two") + "---\n" + repository.service("two"))


def a_pipe(repository, tmp_path):
    os.mkfifo(repository.root / "alerts/payments/pipe.yaml")


def wrong_folder(repository, tmp_path):
    repository.write("alerts/payments/a/b/c.yaml", repository.service("c"))


def a_folder_without_service(repository, tmp_path):
    repository.write("alerts/payments/half/down.yaml", "alert: Down\n")


def file_and_folder(repository, tmp_path):
    repository.write("alerts/payments/checkout/service.yaml", "service: checkout\nteam: payments\n")


def a_name_of_bytes(repository, tmp_path):
    repository.write("alerts/\udcff.yaml", "service: x\n")


def nul_bytes(repository, tmp_path):
    repository.write("alerts/payments/nul.yaml", b"service: a\0b\n")


def a_policy_without_teams(repository, tmp_path):
    repository.replace("alerts/policy.yaml", "default_team: platform", "default_team: nobody")


def unknown_team(repository, tmp_path):
    repository.write("alerts/strangers/api.yaml", repository.service("api", "strangers"))


BAD = {
    links: ("alerts/payments/outside.yaml", "a symbolic link"),
    link_to_a_folder: ("alerts/other", "a symbolic link"),
    ten_megabytes: ("alerts/payments/big.yaml", "10 MB; a definition file may have 4 MB"),
    latin_1: ("alerts/payments/latin.yaml", "not UTF-8: byte 0xe9"),
    alias_bomb: ("alerts/payments/bomb.yaml", "aliases"),
    deep_blocks: ("alerts/payments/deep.yaml", "nested too deeply"),
    deep_dashes: ("alerts/payments/dashes.yaml", "nested too deeply"),
    deep_flow: ("alerts/payments/flow.yaml", ""),
    other_ending: ("alerts/payments/other.yml", "rename it to alerts/payments/other.yaml"),
    empty_file: ("alerts/payments/empty.yaml", "the file is empty"),
    two_documents: ("alerts/payments/two.yaml", ""),
    a_pipe: ("alerts/payments/pipe.yaml", "not a regular file"),
    wrong_folder: ("alerts/payments/a/b/c.yaml", "no deeper"),
    a_folder_without_service: ("alerts/payments/half/down.yaml", "has no service.yaml"),
    file_and_folder: ("alerts/payments/checkout.yaml", "both a file and a folder"),
    a_name_of_bytes: ("alerts/\\udcff.yaml", "isn't printable UTF-8"),
    nul_bytes: ("alerts/payments/nul.yaml", "control character (U+0000)"),
    a_policy_without_teams: ("alerts/policy.yaml", "no team `nobody`"),
    unknown_team: ("alerts/strangers/api.yaml", "no team `strangers`"),
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_bad_input_is_named_and_nothing_is_written(repository, tmp_path, spoil):
    spoil(repository, tmp_path)
    result = repository.build()
    assert result.failed
    file, words = BAD[spoil]
    assert f"{file}: " in texts(result)
    assert words in texts(result)
    assert repository.outputs() == {}


IN_A_PROCESS = [links, ten_megabytes, latin_1, alias_bomb, deep_dashes, deep_flow, a_pipe, a_name_of_bytes]


@pytest.mark.full
@pytest.mark.parametrize("spoil", IN_A_PROCESS, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif", "junit"])
def test_bad_input_never_ends_in_a_traceback(repository, tmp_path, spoil, form):
    spoil(repository, tmp_path)
    code, out, err = repository.command("build", "--format", form, env={"PYTHONIOENCODING": "ascii"})
    assert code == 1
    assert "Traceback" not in out + err
    assert BAD[spoil][0].rpartition("/")[2].removeprefix("\\") in unquote(out + err)
    assert repository.outputs() == {}


def test_a_file_that_cannot_be_read_is_named(repository, monkeypatch):
    opened = os.open

    def deny(path, *rest, **options):
        if str(path).endswith("checkout.yaml"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **options)

    monkeypatch.setattr("rules_gen.source.files.os.open", deny)
    result = repository.build()
    assert f"{CHECKOUT}: can't be read: Permission denied" in texts(result)
    assert repository.outputs() == {}


def test_a_missing_promtool_is_a_diagnostic(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = repository.build()
    assert "promtool is not on PATH" in texts(result)
    assert repository.outputs() == {}


def test_only_makes_what_it_names_and_leaves_the_rest(repository):
    result = repository.build(only=frozenset({"prometheus-rules"}))
    assert not result.failed
    assert sorted(repository.outputs()) == ["rules/payments/checkout.rules.yml", "rules/platform/hosts.rules.yml"]
    repository.build()
    everything = repository.outputs()
    repository.replace(CHECKOUT, "for: 1m", "for: 3m")
    changes = repository.build(only=frozenset({"prometheus-rules"})).changes
    assert (changes.created, changes.updated, changes.removed) == ((), (RULES,), ())
    assert sorted(repository.outputs()) == sorted(everything)
    assert set(repository.check().changes.updated) >= {FIXTURE}
    assert RULES not in repository.check().changes.updated


def many(repository):
    for number in range(12):
        name = f"service-{number}"
        repository.write(f"alerts/payments/{name}.yaml", repository.service(name, threshold=f"below {number + 1}"))


def test_one_process_and_two_write_the_same_bytes(repository, tmp_path):
    many(repository)
    assert not repository.build(processes=1).failed
    single = repository.outputs()
    for folder in ("rules", "runbooks", "dashboards", ".rules-gen"):
        shutil.rmtree(repository.root / folder)
    result = repository.build(processes=2)
    assert (result.failed, result.compiled) == (False, 14)
    assert repository.outputs() == single


def test_several_processes_report_the_same_problems_as_one(repository):
    many(repository)
    for number in (1, 4, 7):
        repository.replace(f"alerts/payments/service-{number}.yaml", "for: 1m", "for: soon")
    assert repository.build(processes=2).diagnostics == repository.build(processes=1).diagnostics


def test_the_order_in_which_the_disk_lists_files_does_not_matter(built, monkeypatch):
    scan = os.scandir

    class Reversed:
        def __init__(self, path):
            with scan(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def __iter__(self):
            return self

        def __next__(self):
            if not self.entries:
                raise StopIteration
            return self.entries.pop()

    before = built.outputs()
    monkeypatch.setattr(os, "scandir", Reversed)
    shutil.rmtree(built.root / ".rules-gen")
    assert not built.build().changes
    assert built.outputs() == before


def slow_promtool(folder, started, seconds, when="test"):
    """A promtool that takes its time over one kind of call, and says when that has begun."""
    real = shutil.which("promtool")
    folder.mkdir()
    script = folder / "promtool"
    script.write_text(
        f'#!/bin/sh\ncase "$1" in {when}) touch {started}; exec sleep {seconds} ;; esac\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def wait_for(path, process):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def leftovers(root):
    return [str(path) for path in root.rglob("*.tmp")]


def test_ctrl_c_while_promtool_runs_leaves_nothing(repository, tmp_path):
    started, temporary = tmp_path / "started", tmp_path / "temporary"
    temporary.mkdir()
    path = slow_promtool(tmp_path / "bin", started, 60)
    process = repository.start("build", env={"PATH": path, "TMPDIR": str(temporary)})
    wait_for(started, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.strip() == "interrupted; nothing half written"
    assert repository.outputs() == {}
    assert leftovers(repository.root) == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_several_processes_compile_ends_them_all(repository, tmp_path):
    many(repository)
    pids = tmp_path / "pids"
    pids.mkdir()
    code = f"""
import os, sys, time
from rules_gen import builder, cli
def stuck(*_):
    open({str(pids)!r} + f"/{{os.getpid()}}", "w").close()
    time.sleep(60)
builder.compile_unit = stuck
sys.exit(cli.main())
"""
    process = repository.start("build", "--jobs", "2", code=code)
    deadline = time.monotonic() + 20
    while len(list(pids.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err.strip()) == (130, "interrupted; nothing half written")
    for pid in (int(path.name) for path in pids.iterdir()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert repository.outputs() == {}


def test_a_build_that_was_killed_while_writing_is_made_good_by_the_next(repository, tmp_path):
    code = """
import os, signal, sys
from rules_gen import cli, output_tree
replace, calls = os.replace, []
def die(*paths):
    calls.append(paths)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
output_tree.os.replace = die
sys.exit(cli.main())
"""
    process = repository.start("build", code=code)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert leftovers(repository.root)
    result = repository.build()
    assert not result.failed
    assert not result.changes.foreign
    assert leftovers(repository.root) == []
    outputs = repository.outputs()
    for folder in ("rules", "runbooks", "dashboards", ".rules-gen"):
        shutil.rmtree(repository.root / folder)
    repository.build()
    assert repository.outputs() == outputs


@pytest.mark.full
def test_two_builds_at_the_same_time_do_not_disturb_each_other(repository):
    running = [repository.start("build") for _ in range(2)]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
    assert leftovers(repository.root) == []
    assert not repository.check().changes


def test_memory_is_collected_again_after_a_build(repository):
    import gc

    repository.write(CHECKOUT, "service: [\n")
    repository.build()
    assert gc.isenabled()
