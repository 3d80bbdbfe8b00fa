"""Pages on the mistakes that aren't found by a module in `checks`, but while definitions are read and proved.

Each page is Markdown whose first line says in a sentence what must hold. They can't be switched off for an alert:
what they report has no meaning that could be compiled.
"""

from __future__ import annotations

from rules_gen.structural_checks import build, definitions, objectives, text, values

PAGES: dict[str, str] = {**text.PAGES, **values.PAGES, **definitions.PAGES, **objectives.PAGES, **build.PAGES}
"""Each page by the name that diagnostics show."""
