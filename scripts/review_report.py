"""Writes what a pull request's reviewer should know into one Markdown file: the semantic diff, coverage, mutants.

    .venv/bin/python scripts/review_report.py review/report.md --base origin/main

It runs the pull request's own code and needs no token. The report is written whatever the three commands say; the exit
code is 1 when one of them wasn't content. scripts/review-comment.sh posts the file, from where nothing of the pull
request is run.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from rules_gen.comparison.markdown import safe
from rules_gen.emit.markdown import fenced

LIMIT = 65_536
"""The characters of a comment on GitHub."""

SHARE = 11_000
"""Characters of each report beside the diff, which keeps to its own 40,000."""

MOST_OF_AN_ERROR = 2_000
TIMEOUT_SECONDS = 3_000
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")


def main(argv: list[str] | None = None) -> int:
    """Makes the report. 0 when all three commands were content, else 1."""
    parser = argparse.ArgumentParser(description="Write a pull request's report as Markdown.")
    parser.add_argument("report", type=Path, help="the file to write")
    parser.add_argument("--base", required=True, metavar="REF", help="the branch that the pull request goes to")
    parser.add_argument("--links", metavar="URL", help="where the pull request's files can be read")
    parser.add_argument("--rules-gen", default=".venv/bin/rules-gen", metavar="PATH", help="the command to run")
    arguments = parser.parse_args(argv)
    links = ["--links", arguments.links] if arguments.links else []
    commands = (
        ["diff", "--format", "markdown", *links, "--", arguments.base],
        ["coverage", "--format", "markdown"],
        ["mutate", "--format", "markdown"],
    )
    sections, codes = zip(*(section(arguments.rules_gen, command) for command in commands), strict=True)
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    arguments.report.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    for command, code in zip(commands, codes, strict=True):
        print(f"rules-gen {command[0]}: exit code {code}")
    return 1 if any(codes) else 0


def section(rules_gen: str, command: list[str]) -> tuple[str, int]:
    """The report of one command, and its exit code; what it said instead where there is no report."""
    try:
        done = subprocess.run(  # noqa: S603 - a command of our own, without a shell
            [rules_gen, *command], capture_output=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"### rules-gen {command[0]}\n\nIt took more than {TIMEOUT_SECONDS} seconds.", 124
    except OSError as error:
        return f"### rules-gen {command[0]}\n\nIt can't be run: {safe(str(error))}", 127
    out, err = (stream.decode("utf-8", "replace").strip() for stream in (done.stdout, done.stderr))
    if out:
        return (out if command[0] == "diff" else cut(out, SHARE)), done.returncode
    said = err[-MOST_OF_AN_ERROR:] or "(nothing)"
    return (
        f"### rules-gen {command[0]}\n\nThere is no report. It said:\n\n{fenced(said, 'text').strip()}",
        done.returncode,
    )


def cut(text: str, limit: int) -> str:
    """The first lines of a Markdown text, with what they leave open closed again and a note."""
    if len(text) <= limit:
        return text
    kept: list[str] = []
    room = limit - 200
    fence, details = "", 0
    for line in text.splitlines():
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == mark[1] and mark[1].startswith(fence):
            fence = ""
        if not fence:
            details += line.count("<details") - line.count("</details>")
    closing = [fence] if fence else []
    closing += ["", "</details>"] * max(details, 0)
    return "\n".join([*kept, *closing, "", "The rest is left out here for lack of room."])


if __name__ == "__main__":
    sys.exit(main())
