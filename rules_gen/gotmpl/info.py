"""What a check of one template finds. Offsets count characters from the start of the template's text."""

from dataclasses import dataclass

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TemplateError:
    """A place where Prometheus would refuse the template; ``suggestion`` is a text to put there instead."""

    offset: int
    length: int
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class LabelUse:
    """A label of the alert that the template reads; the offset and length are those of the label's name."""

    name: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class QueryUse:
    """A PromQL text given to ``query``; the offset and length are those of what stands between the quotes."""

    text: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """The errors of a template, in order of offset, and what it uses, as far as errors let it be read."""

    errors: tuple[TemplateError, ...] = ()
    labels: tuple[LabelUse, ...] = ()
    uses_value: bool = False
    queries: tuple[QueryUse, ...] = ()
    functions_used: frozenset[str] = frozenset()


EMPTY = TemplateInfo()
