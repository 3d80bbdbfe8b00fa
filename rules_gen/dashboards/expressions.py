"""The answers of PromQL's analysis that a dashboard needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.dashboards.page import Questions
from rules_gen.promql import Analysis, analyse

if TYPE_CHECKING:
    from rules_gen.dashboards.plan import Comparison


def questions(prometheus: tuple[int, int]) -> Questions:
    """The questions of a dashboard, answered for a version of Prometheus. An expression with an error has no
    answer.
    """

    def known(expr: str) -> Analysis | None:
        result = analyse(expr, prometheus)
        return None if isinstance(result, tuple) else result

    def comparison(expr: str) -> Comparison | None:
        analysis = known(expr)
        top = analysis.top_comparison if analysis else None
        return (top.signal_text, top.op, top.value) if top else None

    def may_have(expr: str, label: str) -> bool:
        analysis = known(expr)
        return analysis is not None and analysis.labels.may_have(label)

    return Questions(comparison, may_have)
