"""The Jinja environment in which templates run: few means, all of them measured. See templating.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, TypeVar, cast

from jinja2 import DictLoader, StrictUndefined, nodes, pass_eval_context
from jinja2.exceptions import TemplateRuntimeError, TemplateSyntaxError
from jinja2.filters import do_replace, sync_do_join
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from router.messages.text import clock, date_and_time, humanize, one_line

if TYPE_CHECKING:
    from jinja2.nodes import EvalContext
    from jinja2.runtime import Context

Value = TypeVar("Value")

STEPS = 20_000
"""What one rendering may do: a step is a pass through a loop, a macro, a block or a file, counted as more when its body
is long; an item of a list that a filter looks at; or NODES nodes, or CHARACTERS characters of a text that a filter or
`~` makes anew. The longest digest takes about 5,000."""

NODES = 10
CHARACTERS = 100

OUTPUT_CHARACTERS = 3_000_000
"""What one rendering may write, with what a macro or a block wrote counted again where it is used. The longest digest
writes about 1,600,000."""

TEXT_CHARACTERS = 100_000
"""The longest text that an expression may make."""

ITEMS = 500
"""The longest list that an expression may make, or count through with `range`."""

OPERANDS = 50
"""How many parts a list, or a chain of `~`, may be written with."""

NUMBER = 10**18
"""The largest number that an expression may make: well above the time in microseconds."""

FILTERS = frozenset(
    {"abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "items", "last", "length"}
    | {"list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr"}
    | {"sort", "title", "trim", "truncate", "unique", "upper", "urlencode"}
)
"""Jinja's filters that stay. `safe` isn't among them: with it a label could write HTML."""


class TooMuchError(TemplateRuntimeError):
    """A template does more than a message can need."""


class Meter:
    """What one rendering has used."""

    def __init__(self) -> None:
        self.steps = 0
        self.characters = 0

    def step(self, steps: int) -> None:
        """Count steps."""
        self.steps += steps
        if self.steps > STEPS:
            raise TooMuchError(f"it takes more than {STEPS:,} steps")

    def write(self, characters: int) -> None:
        """Count text."""
        self.characters += characters
        if self.characters > OUTPUT_CHARACTERS:
            raise TooMuchError(f"it writes more than {OUTPUT_CHARACTERS:,} characters")


# A rendering may happen in any thread; each has its own.
_meter: ContextVar[Meter] = ContextVar("meter")


class Sandbox(SandboxedEnvironment):
    """An environment over a fixed set of sources."""

    intercepted_binops = frozenset(SandboxedEnvironment.default_binop_table)

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(
            loader=DictLoader(sources),
            autoescape=lambda name: bool(name and name.endswith(".html")),
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self.filters = {name: _counted(self.filters[name]) for name in FILTERS} | {
            "clock": clock,
            "date_and_time": date_and_time,
            "humanize": humanize,
            "join": _counted(_join),
            "one_line": one_line,
            "replace": _counted(_replace),
        }
        self.globals = {"namespace": Namespace, "range": _range}
        # The names under which the instrumented templates find them.
        self.step = _step
        self.bounded = bounded
        self.flat = _flat

    def render(self, key: str, values: Mapping[str, object]) -> str:
        """The text of a template. Raises whatever is wrong with it."""
        token = _meter.set(Meter())
        try:
            return self.get_template(key).render(values)
        finally:
            _meter.reset(token)

    def is_safe_callable(self, obj: object) -> bool:
        """Only what templates define themselves, and our own functions: no method of any value."""
        if isinstance(obj, Macro | BlockReference | LoopContext):
            return True
        return obj in (Namespace, _range, _step, bounded, _flat) or isinstance(
            getattr(obj, "__self__", None), LoopContext
        )

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Arithmetic on numbers; `+` also joins texts and lists."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        alike = (isinstance(left, str) and isinstance(right, str)) or (
            isinstance(left, list) and isinstance(right, list)
        )
        if operator == "**" or not (numbers or (operator == "+" and alike)):
            raise TooMuchError(f"{operator} is for numbers")
        return bounded(super().call_binop(context, operator, left, right))

    def join_path(self, template: str, parent: str) -> str:
        """Text isn't escaped, so that a page may take in only pages."""
        if parent.endswith(".html") and not template.endswith(".html"):
            raise TemplateRuntimeError(f"{template} isn't HTML: a page can't include it")
        return template

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return cast("nodes.Template", _Instrument().visit(super()._parse(source, name, filename)))


class _Instrument(NodeTransformer):
    """Adds a count to each body, and a measurement to each expression that makes a list or a text."""

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """The node, with all below it, as it may run. TemplateSyntaxError for what may not be written."""
        match node:
            case nodes.Template() | nodes.For() | nodes.Macro() | nodes.CallBlock() | nodes.Block():
                size = sum(1 for _ in node.find_all(nodes.Node))
                characters = sum(len(text.data) for text in node.find_all(nodes.TemplateData))
                self.generic_visit(node, *args, **kwargs)
                count = _call("step", [nodes.Const(1 + size // NODES), nodes.Const(characters)], node.lineno)
                node.body.insert(0, nodes.Output([count], lineno=node.lineno))
                return node
            case nodes.Concat():
                return _measured("bounded", self.generic_visit(node, *args, **kwargs), len(node.nodes))
            case nodes.List() | nodes.Tuple(ctx="load"):
                return _measured("flat", self.generic_visit(node, *args, **kwargs), len(node.items))
            case nodes.Dict():
                raise TemplateSyntaxError("a dictionary can't be written here", node.lineno)
            case nodes.ScopedEvalContextModifier() | nodes.EvalContextModifier():
                raise TemplateSyntaxError("escaping can't be switched", node.lineno)
            case _:
                return self.generic_visit(node, *args, **kwargs)


def _call(function: str, arguments: list[nodes.Expr], line: int) -> nodes.Expr:
    return nodes.Call(nodes.EnvironmentAttribute(function), arguments, [], None, None, lineno=line)


def _measured(function: str, node: nodes.Node, operands: int) -> nodes.Node:
    if operands > OPERANDS:
        raise TemplateSyntaxError(f"more than {OPERANDS} parts are written in one expression", node.lineno)
    return _call(function, [cast("nodes.Expr", node)], node.lineno)


def _step(steps: int, characters: int) -> str:
    meter = _meter.get()
    meter.step(steps)
    meter.write(characters)
    return ""


def _effort(value: object) -> None:
    """Count what it takes to go through a value."""
    meter = _meter.get(None)
    if meter is not None and isinstance(value, Sized):  # None while constants are folded.
        meter.step(len(value) // CHARACTERS if isinstance(value, str) else len(value))


def _counted(function: Callable[..., object]) -> Callable[..., object]:
    """The filter, with the effort that it is counted. What is lazy, such as `map`, is counted by what it reads."""
    # Jinja hands some filters its own context before the value, and marks them with this attribute.
    place = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def counted(*arguments: object, **named: object) -> object:
        _effort(arguments[place])
        return function(*arguments, **named)

    return counted


def _finalize(value: Value) -> Value:
    if not isinstance(value, str | int | float):
        if isinstance(value, StrictUndefined):
            str(value)  # Its own exception names what is undefined.
        raise TemplateRuntimeError(f"a {type(value).__name__} can't be written")
    meter = _meter.get(None)
    if meter is not None:  # None while constants are folded.
        meter.write(len(str(value)))
    return value


def bounded(value: Value) -> Value:
    """The value, or TooMuchError when it is larger than an expression may make."""
    _effort(value)
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
        raise TooMuchError(f"a text has more than {TEXT_CHARACTERS:,} characters")
    if isinstance(value, int | float) and abs(value) > NUMBER:
        raise TooMuchError(f"a number is above {NUMBER:,}")
    if isinstance(value, list) and len(value) > ITEMS:
        raise TooMuchError(f"a list has more than {ITEMS:,} items")
    return value


def _flat(items: list[object]) -> list[object]:
    """Lists in lists could grow without end when they are written."""
    for item in items:
        if not isinstance(item, str | int | float):
            raise TooMuchError("a list may hold texts and numbers only")
    return items


def _range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > ITEMS:
        raise TooMuchError(f"range has more than {ITEMS:,} numbers")
    return numbers


@pass_eval_context
def _join(context: EvalContext, values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    items = list(values)
    text = sync_do_join(context, items, separator, attribute) if _size(items, separator) else ""
    return bounded(text)


def _size(items: list[object], separator: str) -> int:
    size = sum(len(str(item)) + len(separator) for item in items)
    if size > 10 * TEXT_CHARACTERS:
        raise TooMuchError(f"a text has more than {TEXT_CHARACTERS:,} characters")
    return size


@pass_eval_context
def _replace(context: EvalContext, text: str, old: str, new: str, count: int | None = None) -> str:
    size = len(text) + text.count(old) * len(new)
    if size > TEXT_CHARACTERS:
        raise TooMuchError(f"a text has more than {TEXT_CHARACTERS:,} characters")
    return do_replace(context, text, old, new, count)
