"""The pages on all checks, for docs/checks/: what is reported, why, and how to mend it. Pure."""

from __future__ import annotations

from types import ModuleType

from rules_gen.compiler import plug_ins, target_name
from rules_gen.emit.markdown import link
from rules_gen.structural_checks import PAGES

INDEX = "README"
"""The name of the page that lists all others."""


def pages() -> dict[str, str]:
    """Markdown by the name of the check, in the order of the alphabet, and the list of all of them under `INDEX`."""
    checks = {target_name(module): module for module in plug_ins("checks")}
    texts = {name: (PAGES[name], "rules_gen/structural_checks/") for name in PAGES}
    texts |= {name: (_text(module), f"rules_gen/checks/{name.replace('-', '_')}.py") for name, module in checks.items()}
    made = {name: _page(name, text, source) for name, (text, source) in sorted(texts.items())}
    made[INDEX] = _index({name: text for name, (text, _) in sorted(texts.items())}, frozenset(checks))
    return made


def first_sentences() -> dict[str, str]:
    """What each check is about, in a sentence, by its name."""
    texts = {**PAGES, **{target_name(module): _text(module) for module in plug_ins("checks")}}
    return {name: text.partition("\n")[0] for name, text in sorted(texts.items())}


def _text(module: ModuleType) -> str:
    return (module.__doc__ or "").strip() + "\n"


def _header(source: str) -> str:
    how = "`UPDATE_GOLDEN=1 python -m pytest tests/rules_gen/test_check_pages.py`"
    return f"<!-- Generated from {source}. Do not edit: change the source and run {how}. -->\n"


def _page(name: str, text: str, source: str) -> str:
    return f"{_header(source)}\n# {name}\n\n{text}"


def _index(texts: dict[str, str], switchable: frozenset[str]) -> str:
    lines = [_header("rules_gen/checks/").rstrip("\n"), "", "# Checks", ""]
    lines += ["Each diagnostic names its check in square brackets, and each check has a page here.", ""]
    for heading, wanted in (("Checks of alerts", True), ("Mistakes in files, and what promtool finds", False)):
        lines += [f"## {heading}", ""]
        if wanted:
            lines += ["These can be switched off for one alert, with a reason and a date: `disable:`.", ""]
        lines += [
            f"- {link(name, f'{name}.md')}: {text.partition(chr(10))[0]}"
            for name, text in texts.items()
            if (name in switchable) is wanted
        ]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"
