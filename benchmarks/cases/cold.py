"""A build of everything, with no outputs and nothing remembered."""

from __future__ import annotations

import os

from benchmarks.measure import Case, interleave
from benchmarks.report import Figure
from benchmarks.setting import UNRECORDED, Setting, build, check_rules, emptied, only, without_pages

MEGABYTE = 1_000_000


def figures(setting: Setting) -> list[Figure]:
    """Cold compiles over `promtool check rules`, and their memory."""
    sizes = setting.sizes
    root = setting.repository("cold", sizes.alerts, sizes.files)
    distinct = setting.repository("distinct", sizes.alerts, sizes.files, distinct=True)
    reference = setting.repository("reference", sizes.alerts, sizes.files)
    rules = build(*only("prometheus-rules"), "--quiet", "--jobs")
    empty = emptied(root)
    interleave({"reference": Case([*rules, "2"], reference)}, 1)
    found = interleave(
        {
            "bare": setting.bare(),
            "promtool": Case(check_rules(reference), reference),
            "one": Case([*rules, "1"], root, empty),
            "two": Case([*rules, "2"], root, empty),
            "distinct": Case([*rules, "1"], distinct, emptied(distinct)),
        },
        sizes.rounds,
    )
    apart = interleave(
        {
            "dashboards": Case(build(*only("grafana-dashboards"), "--quiet", "--jobs", "1"), root, empty),
            "all but what promtool is asked for": Case(
                build(*only(*UNRECORDED), "--quiet", "--jobs", "1"), root, empty
            ),
        },
        max(1, sizes.rounds // 3),
    )
    pages = setting.repository("pages", sizes.proved, sizes.proved_files)
    interleave({"pages": Case(build("--quiet"), pages)}, 1)
    shown = interleave(
        {
            "promtool": Case(check_rules(pages), pages),
            "pages": Case(build(*only("runbook-pages"), "--quiet", "--jobs", "1"), pages, without_pages(pages)),
        },
        sizes.rounds,
    )
    bare, promtool, one, two = (found[name] for name in ("bare", "promtool", "one", "two"))
    group = f"cold compile of {sizes.alerts:,} alerts in {sizes.files} files, over `promtool check rules`"
    net = one - bare
    differing = found["distinct"] - bare
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    result = [
        Figure(
            group,
            "rules, one process",
            net.cpu / promtool.cpu,
            "x",
            _cpu(net.cpu, promtool.cpu),
            0.22,
        ),
        Figure(
            group,
            "rules, two processes",
            two.wall / promtool.wall,
            "x",
            f"wall/wall: {two.wall:.2f} s / {promtool.wall:.2f} s, on {cores} cores",
            0.12,
        ),
        Figure(
            group,
            "rules, no two expressions alike",
            differing.cpu / promtool.cpu,
            "x",
            _cpu(differing.cpu, promtool.cpu),
        ),
    ]
    for name, sample in apart.items():
        cpu = (sample - bare).cpu
        result.append(Figure(group, name, cpu / promtool.cpu, "x", _cpu(cpu, promtool.cpu)))
    own, reference_cpu = (shown["pages"] - bare).cpu, shown["promtool"].cpu
    result.append(
        Figure(
            f"cold compile of {sizes.proved:,} alerts in {sizes.proved_files} files, over `promtool check rules`",
            "runbook pages, their pictures recalled",
            own / reference_cpu,
            "x",
            _cpu(own, reference_cpu),
        )
    )
    memory = f"peak memory of a cold compile of {sizes.alerts:,} alerts in one process"
    for name, sample in (
        ("rules", one),
        ("all but what promtool is asked for", apart["all but what promtool is asked for"]),
    ):
        result.append(Figure(memory, name, sample.peak / MEGABYTE, "MB", "resident, as wait4 tells it", 250))
    return result


def _cpu(own: float, promtool: float) -> str:
    return f"CPU/CPU: {own:.2f} s / {promtool:.2f} s, net of a bare start"
