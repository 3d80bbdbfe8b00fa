"""A build after a build: nothing has changed, or one file has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Case, Sample, interleave
from benchmarks.report import Figure
from benchmarks.setting import UNRECORDED, Setting, build, check_rules, only


def figures(setting: Setting) -> list[Figure]:
    """Builds with current outputs, over a bare interpreter and over `promtool check rules`."""
    sizes = setting.sizes
    rules = setting.repository("reference", sizes.alerts, sizes.files)
    whole = setting.repository("whole", sizes.alerts, sizes.files)
    rules_command = build(*only("prometheus-rules"))
    whole_command = build(*only(*UNRECORDED))
    interleave({"rules": Case(rules_command, rules), "whole": Case(whole_command, whole)}, 1)
    pages = setting.repository("pages", sizes.proved, sizes.proved_files)
    interleave({"everything": Case(build("--quiet"), pages)}, 1)
    found = interleave(
        {
            "everything": Case(build("--quiet"), pages),
            "bare": setting.bare(),
            "rules": Case(rules_command, rules),
            "whole": Case(whole_command, whole),
        },
        3 * sizes.rounds,
    )
    bare = found["bare"]
    outputs, in_all = (
        sum(1 for name in ("rules", "runbooks", "dashboards") for path in (root / name).rglob("*.*"))
        for root in (whole, pages)
    )
    group = "nothing has changed, over `python -c pass`"
    result = [
        *_over(group, f"rules: {sizes.files} outputs", found["rules"], bare),
        *_over(group, f"all but what promtool is asked for: {outputs:,} outputs", found["whole"], bare),
        *_over(group, f"everything, of {sizes.proved:,} alerts: {in_all:,} outputs", found["everything"], bare),
    ]
    edited = interleave(
        {
            "promtool": Case(check_rules(rules), rules),
            "unchanged": Case(rules_command, rules),
            "changed": Case(rules_command, rules, _edit(rules)),
            "unchanged whole": Case(whole_command, whole),
            "changed whole": Case(whole_command, whole, _edit(whole)),
        },
        sizes.rounds,
    )
    group = f"one file of {sizes.files} has changed: what it adds, over `promtool check rules` on all"
    for name, suffix, target in (("rules", "", 0.02), ("all but what promtool is asked for", " whole", None)):
        more = edited["changed" + suffix] - edited["unchanged" + suffix]
        cpu, of = more.cpu, edited["promtool"].cpu
        basis = f"CPU/CPU: {cpu * 1000:.0f} ms / {of:.2f} s"
        result.append(Figure(group, name, cpu / of, "x", basis, target))
    return result


def _over(group: str, name: str, sample: Sample, bare: Sample) -> list[Figure]:
    return [
        Figure(
            group,
            name,
            sample.cpu / bare.cpu,
            "x",
            f"CPU/CPU: {sample.cpu * 1000:.1f} ms / {bare.cpu * 1000:.1f} ms",
            3,
        ),
        Figure(
            group,
            f"{name}, wall",
            sample.wall / bare.wall,
            "x",
            f"wall/wall: {sample.wall * 1000:.1f} ms / {bare.wall * 1000:.1f} ms",
            3,
        ),
    ]


def _edit(root: Path) -> Callable[[], None]:
    """Changes one alert in one file: how long its condition must hold, to and fro."""
    path = root / "alerts" / "team-1" / "service-1.yaml"

    def edit() -> None:
        text = path.read_text(encoding="utf-8")
        one, other = ("for: 5m", "for: 6m") if text.index("for: ") == text.find("for: 5m") else ("for: 6m", "for: 5m")
        path.write_text(text.replace(one, other, 1), encoding="utf-8")

    return edit
