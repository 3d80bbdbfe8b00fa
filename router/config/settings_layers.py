"""Settings in layers: files, variables and options, each checked by itself and laid over the one before. Pure.

What there is to set is told by a JSON Schema, which is made from the settings' own types: nothing is written twice. A
layer knows where each of its values comes from, so that a mistake is told with its file and line, its variable or its
option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from router.config.durations import PATTERN, format_duration, parse_duration
from router.config.problems import Problem, did_you_mean
from router.config.validation import FORM, validate
from router.config.yaml_text import Document, Keys, read_yaml

Schema = dict[str, Any]

PREFIX = "ALERT_ROUTER_"

DURATION = "x-duration"
"""Marks, in a type's extra JSON Schema, an integer of microseconds that is typed as a duration."""

# Kubernetes and Docker tell each container of the services around it by variables; one for a service called
# `alert-router` begins as ours do.
_FOREIGN = re.compile(
    r"ALERT_ROUTER(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_FOREIGN_PORT = re.compile(r"ALERT_ROUTER(_[A-Z0-9_]+)?_PORT")


class Layer(NamedTuple):
    """Values, and the place of each."""

    data: Mapping[str, Any]
    places: Mapping[Keys, str]


class Leaf(NamedTuple):
    """Something that can be set."""

    keys: Keys
    variable: str
    node: Schema
    """Its schema, with references resolved."""

    @property
    def dotted(self) -> str:
        """`delivery.call_timeout`"""
        return ".".join(map(str, self.keys))


def schema_of(settings: type, channels: Mapping[str, type]) -> Schema:
    """The schema of the settings, whose key `channels` takes each channel's own settings.

    Durations are texts in it. Every mapping with known keys refuses others.
    """
    schema = _inlined(msgspec.json.schema(settings))
    nodes = {name: _inlined(msgspec.json.schema(kind)) for name, kind in sorted(channels.items())}
    for name, node in nodes.items():
        node["description"] = f"Settings of the channel {name}."
    schema["properties"]["channels"] = {
        "description": "Settings of the channels, by the channel's name.",
        "type": "object",
        "additionalProperties": False,
        "properties": nodes,
    }
    return schema


def leaves(schema: Schema) -> list[Leaf]:
    """All that can be set, in the schema's order. A mapping with free keys, or a list of texts, is one leaf."""
    return list(_leaves(schema, ()))


def _leaves(node: Schema, keys: Keys) -> Iterable[Leaf]:
    if "properties" not in node:
        yield Leaf(keys, PREFIX + "_".join(map(str, keys)).upper(), node)
        return
    for name, child in node["properties"].items():
        yield from _leaves(child, (*keys, name))


def file_layer(document: Document, schema: Schema) -> Layer | tuple[Problem, ...]:
    """A file's layer. An empty file sets nothing."""
    if document.data is None:
        return Layer({}, {})
    problems = validate(document, schema)
    if problems:
        return problems
    return _converted(document.data, {keys: document.place(keys) for keys in document.lines}, schema)


def variables_layer(
    environ: Mapping[str, str], schema: Schema, others: Iterable[str] = ()
) -> Layer | tuple[Problem, ...]:
    """The layer of the variables that begin with PREFIX. `others`: names with that prefix that are no settings."""
    known = {leaf.variable: leaf for leaf in leaves(schema)}
    allowed = {*others, *(f"{name}_FILE" for name in others)}
    given = {}
    problems = []
    for name, value in sorted(environ.items()):
        # Compose files and charts pass on what isn't set as an empty text.
        if not name.startswith(PREFIX) or name in allowed or not value:
            continue
        leaf = known.get(name)
        if leaf is not None:
            given[name] = (leaf, value)
        elif not _FOREIGN.fullmatch(name) and not (_FOREIGN_PORT.fullmatch(name) and "://" in value):
            problems.append(Problem(name, "no setting has this variable", _nearest(name, known)))
    layer = _texts_layer(given, schema)
    if isinstance(layer, Layer) and not problems:
        return layer
    return (*problems, *(() if isinstance(layer, Layer) else layer))


def _nearest(name: str, known: Iterable[str]) -> str:
    # What they have in common must not count, or everything would be near.
    hint = did_you_mean(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known])
    return hint.replace("`", f"`{PREFIX}", 1) if hint.startswith("did") else ""


def options_layer(options: Mapping[str, str], schema: Schema) -> Layer | tuple[Problem, ...]:
    """The layer of a command line: texts by dotted names, such as `store.url`."""
    known = {leaf.dotted: leaf for leaf in leaves(schema)}
    unknown = [
        Problem(f"--set {name}", "there is no such setting", did_you_mean(name, known))
        for name in options
        if name not in known
    ]
    if unknown:
        return tuple(unknown)
    return _texts_layer({f"--set {name}": (known[name], text) for name, text in options.items()}, schema)


def _texts_layer(given: Mapping[str, tuple[Leaf, str]], schema: Schema) -> Layer | tuple[Problem, ...]:
    data: dict[str, Any] = {}
    places: dict[Keys, str] = {}
    problems: list[Problem] = []
    for name, (leaf, text) in given.items():
        value = _from_text(text, leaf.node)
        found = validate(Document(name, value, {(): 1}), leaf.node)
        # There is one value and no file: the name of the variable says what a path would.
        problems += [Problem(name, problem.message.replace("the file", "it", 1), problem.hint) for problem in found]
        _put(data, leaf.keys, value)
        places[leaf.keys] = name
    return tuple(problems) or _converted(data, places, schema)


def merged(layers: Iterable[Layer]) -> Layer:
    """Later layers win. Mappings are laid over each other key by key; anything else is replaced as a whole."""
    data: dict[str, Any] = {}
    places: dict[Keys, str] = {}
    for layer in layers:
        _lay(data, layer.data)
        places |= layer.places
    return Layer(data, places)


def place_of(layer: Layer, keys: Keys) -> str:
    """Where a value comes from: the place of what is nearest above it, or `settings` for a default."""
    for length in range(len(keys), 0, -1):
        if keys[:length] in layer.places:
            return layer.places[keys[:length]]
    return "settings"


def _lay(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(under.get(key), dict):
            _lay(under[key], value)
        else:
            under[key] = _copied(value)


def _copied(value: Any) -> Any:  # noqa: ANN401
    return {key: _copied(below) for key, below in value.items()} if isinstance(value, Mapping) else value


def _put(data: dict[str, Any], keys: Keys, value: object) -> None:
    for key in keys[:-1]:
        data = data.setdefault(str(key), {})
    data[str(keys[-1])] = value


def _from_text(text: str, node: Schema) -> object:
    """What a text means where a node of this kind is expected. What doesn't fit stays a text, and is refused as one."""
    kind = node.get("type")
    stripped = text.strip()
    if kind == "boolean":
        return {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }.get(stripped.lower(), text)
    if kind == "integer":
        return int(stripped) if re.fullmatch(r"[-+]?[0-9]{1,18}", stripped) else text
    if kind == "number":
        return float(stripped) if re.fullmatch(r"[-+]?[0-9]{1,18}(\.[0-9]{1,9})?", stripped) else text
    if kind == "array":
        return [part for part in (piece.strip() for piece in text.split(",")) if part]
    if kind == "object":
        document = read_yaml(text, "")
        return document.data if isinstance(document, Document) else text
    return stripped


def _converted(data: Mapping[str, Any], places: Mapping[Keys, str], schema: Schema) -> Layer | tuple[Problem, ...]:
    """The layer with its durations as microseconds."""
    problems: list[Problem] = []
    own: dict[str, Any] = _copied(data)
    layer = Layer(own, places)
    for leaf in leaves(schema):
        text = _at(layer.data, leaf.keys)
        if DURATION not in leaf.node or text is None:
            continue
        time = parse_duration(text)
        least, most = leaf.node[DURATION]
        if time is None:
            problems.append(Problem(place_of(layer, leaf.keys), f"`{leaf.dotted}` is no duration", "for example 1m30s"))
        elif not least <= time <= most:
            between = f"between {format_duration(least)} and {format_duration(most)}"
            problems.append(Problem(place_of(layer, leaf.keys), f"`{leaf.dotted}` has to be {between}"))
        else:
            _put(own, leaf.keys, time)
    return tuple(problems) or layer


def _at(data: Any, keys: Keys) -> Any:  # noqa: ANN401
    for key in keys:
        if not isinstance(data, Mapping) or key not in data:
            return None
        data = data[key]
    return data


def _inlined(schema: Schema) -> Schema:
    """The schema with its references replaced by what they name, durations as texts, and nothing unknown admitted."""
    definitions = schema.get("$defs", {})

    def inline(node: Any) -> Any:  # noqa: ANN401
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = definitions[node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        # The default of a mapping is told by those of its keys. `required` would refuse a layer that leaves out what
        # another one has; all settings have defaults.
        node = {key: inline(value) for key, value in node.items() if key not in {"$defs", "title", "required"}}
        if "properties" in node:
            node.pop("default", None)
            node["additionalProperties"] = False
        return _duration(node) if DURATION in node else node

    result: Schema = inline({key: value for key, value in schema.items() if key != "$defs"})
    return result


def _duration(node: Schema) -> Schema:
    least, most = node.get("minimum", 0), node.get("maximum", parse_duration("100y"))
    text = {key: value for key, value in node.items() if key not in {"minimum", "maximum"}}
    text |= {"type": "string", "pattern": PATTERN, DURATION: [least, most], "examples": ["1m30s"], FORM: "a duration"}
    if isinstance(node.get("default"), int):
        text["default"] = format_duration(node["default"])
    return text
