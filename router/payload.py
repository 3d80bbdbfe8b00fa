"""Alertmanager's webhook (payload v4) as alerts. Pure.

Whatever could be a page is read: unknown keys, another version, labels that aren't text, invalid UTF-8, a broken alert
among good ones. Two readers share the work. The quick one hands the body to msgspec together with the types that
Alertmanager sends, and is what every real webhook meets. What it refuses goes to the patient one, which looks at each
value by itself. Only a body without a list of alerts is Unreadable.

How deep a body may be nested is set by the interpreter: both readers stop at its recursion limit without harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec

from router.model import SECOND, Alert, Micros

VERSION = "4"
"""The version of the payload that this reads; others are read as far as they can be."""


class Limits(NamedTuple):
    """What is kept of a webhook. What is beyond is cut, not refused: a cut label still pages. Sizes in UTF-8 bytes."""

    alerts: int = 50_000
    """Alerts of one webhook; the rest is reported as broken. A storm has 10,000."""
    labels: int = 64
    """Labels, or annotations, of one alert; those that routing reads are kept first."""
    name: int = 256
    """A label's or annotation's name."""
    label: int = 4_096
    """A label's value."""
    annotation: int = 65_536
    """An annotation's value: templates can write whole tables."""
    url: int = 16_384
    """An address. A longer one is left out, since a cut one leads elsewhere."""


DEFAULT_LIMITS = Limits()

KEPT_FIRST = ("alertname", "severity", "team", "notify", "service", "summary", "description", "runbook_url")
"""Names that survive when an alert has too many labels or annotations: routing and messages read them."""


class Webhook(NamedTuple):
    """A webhook that could be read."""

    alerts: tuple[Alert, ...]
    broken: tuple[str, ...]
    """Why some of its alerts could not be read, one line each, with nothing in it of what they contain."""
    truncated: int
    """How many alerts Alertmanager left out (`truncatedAlerts`)."""
    group_key: str
    receiver: str
    external_url: str
    status: str
    version: str
    """As sent; one that isn't VERSION deserves a note."""
    cut: int
    """How many texts and addresses were cut or left out because of the limits."""


class Unreadable(NamedTuple):
    """A body that is no webhook."""

    reason: str
    """Nothing of the body is in it."""


def decode(body: bytes, cluster: str, received_at: Micros, limits: Limits = DEFAULT_LIMITS) -> Webhook | Unreadable:
    """Read a webhook of that cluster. It never raises, whatever the body.

    A firing alert's `ends_at` is 0. A time that is missing, before 1970 or unreadable becomes `received_at`. An alert
    whose status is neither firing nor resolved counts as firing. A fingerprint that is missing or isn't letters and
    digits is computed from the labels as Alertmanager does it, so that the same alert keeps its name.
    """
    # PostgreSQL's text can't hold NUL, and one such label must not make a whole webhook impossible to store.
    if b"\\u0000" not in body:
        try:
            return _convert(_decoder(limits).decode(body), cluster, received_at, limits.name // 4)
        except (ValueError, RecursionError):
            pass
    return _repair(body, cluster, received_at, limits)


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's fingerprint: FNV-1a of 64 bits in 16 hexadecimal digits, over each name and value in the order of
    the names, each followed by a byte 255 (prometheus/common, model/signature.go).
    """
    value = 0xCBF29CE484222325
    for name in sorted(labels):
        for text in (name, labels[name]):
            for byte in text.encode("utf-8", "surrogatepass") + b"\xff":
                value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def micros(text: str) -> Micros:
    """A time of RFC 3339 in microseconds: any offset, any number of decimals, of which those beyond six are dropped.

    0 for Go's zero time (year 1) and for all else before 1970. ValueError when it is no time.
    """
    if text == "0001-01-01T00:00:00Z":
        return 0
    try:
        when = datetime.fromisoformat(text)
        extra = 0
    except ValueError:
        # A leap second, which Python doesn't know, or the lower-case letters that RFC 3339 allows.
        when = datetime.fromisoformat(text.upper().replace(":60", ":59"))
        extra = SECOND if ":60" in text else 0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    since = when - _EPOCH
    return max(0, (since.days * 86_400 + since.seconds) * SECOND + since.microseconds + extra)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4)
def _decoder(limits: Limits) -> msgspec.json.Decoder[Any]:
    """The quick reader. It refuses what the limits would cut, counted in characters of which each takes four bytes.

    Names are left to `_convert`: msgspec reads them half as fast when their length is limited.
    """

    def mapping(value: int) -> Any:  # noqa: ANN401  (a type that is made at run time has no name)
        text = Annotated[str, msgspec.Meta(max_length=value // 4)]
        return Annotated[dict[str, text], msgspec.Meta(max_length=limits.labels)]

    url = Annotated[str, msgspec.Meta(max_length=limits.url // 4)]
    short = Annotated[str, msgspec.Meta(max_length=limits.label // 4)]
    alert: Any = msgspec.defstruct(
        "_Alert",
        [
            ("labels", mapping(limits.label)),
            ("annotations", mapping(limits.annotation), {}),
            ("status", str, "firing"),
            ("startsAt", str, ""),
            ("endsAt", str, ""),
            ("generatorURL", url, ""),
            ("fingerprint", str, ""),
        ],
        gc=False,
    )
    webhook: Any = msgspec.defstruct(
        "_Webhook",
        [
            ("alerts", Annotated[list[alert], msgspec.Meta(max_length=limits.alerts)]),
            ("truncatedAlerts", Annotated[int, msgspec.Meta(ge=0)], 0),
            ("groupKey", short, ""),
            ("receiver", short, ""),
            ("externalURL", url, ""),
            ("status", short, ""),
            ("version", short, ""),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(webhook)


def _convert(read: Any, cluster: str, received_at: Micros, longest: int) -> Webhook:  # noqa: ANN401  (see _decoder)
    """What the quick reader has read, as alerts. ValueError when a name has more than `longest` characters."""
    # Alerts of a group mostly start together: a time is read once.
    times: dict[str, Micros] = {}
    names: set[str] = set()
    alerts = []
    for row in read.alerts:
        names.update(row.labels)
        names.update(row.annotations)
        starts_at = times.get(row.startsAt)
        if starts_at is None:
            starts_at = times[row.startsAt] = _time(row.startsAt, received_at)
        firing = row.status != "resolved"
        ends_at = 0 if firing else _time(row.endsAt, received_at)
        known = row.fingerprint
        if not (known.isalnum() and known.isascii() and len(known) <= _FINGERPRINT):
            known = fingerprint(row.labels)
        alerts.append(Alert(cluster, known, firing, starts_at, ends_at, row.labels, row.annotations, row.generatorURL))
    if max(map(len, names), default=0) > longest:
        raise ValueError("a name is too long")
    return Webhook(
        alerts=tuple(alerts),
        broken=(),
        truncated=read.truncatedAlerts,
        group_key=read.groupKey,
        receiver=read.receiver,
        external_url=read.externalURL,
        status=read.status,
        version=read.version,
        cut=0,
    )


_FINGERPRINT = 64
"""Characters that a fingerprint may have; Alertmanager's has 16."""


def _time(value: object, received_at: Micros) -> Micros:
    try:
        return (micros(value) if isinstance(value, str) else 0) or received_at
    except ValueError:
        return received_at


def _repair(body: bytes, cluster: str, received_at: Micros, limits: Limits) -> Webhook | Unreadable:
    """The patient reader."""
    if not body.strip():
        return Unreadable("the body is empty")
    try:
        read = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_integer, strict=False)
    except ValueError:
        return Unreadable("the body is not JSON")
    except RecursionError:
        return Unreadable("the body is nested too deeply")
    if not isinstance(read, dict):
        return Unreadable("the body is not a JSON object")
    rows = read.get("alerts")
    if not isinstance(rows, list):
        return Unreadable("the body has no list of alerts")
    patient = _Patient(limits)
    alerts, broken = [], []
    for number, row in enumerate(rows[: limits.alerts], 1):
        if isinstance(row, dict) and isinstance(row.get("labels"), dict):
            alerts.append(patient.alert(row, cluster, received_at))
        else:
            what = "has no labels" if isinstance(row, dict) else "is not an object"
            broken.append(f"alert {number} of {len(rows)} {what}")
    if len(rows) > limits.alerts:
        broken.append(f"{len(rows) - limits.alerts} alerts more than the {limits.alerts} that one webhook may have")
    return Webhook(
        alerts=tuple(alerts),
        broken=tuple(broken),
        truncated=_count(read.get("truncatedAlerts")),
        group_key=patient.text(read.get("groupKey"), limits.label),
        receiver=patient.text(read.get("receiver"), limits.label),
        external_url=patient.url(read.get("externalURL")),
        status=patient.text(read.get("status"), limits.label),
        version=patient.text(read.get("version"), limits.label),
        cut=patient.cut,
    )


class _Patient:
    """Turns any JSON value into what an alert needs, and counts what it had to cut."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.cut = 0

    def alert(self, row: dict[str, Any], cluster: str, received_at: Micros) -> Alert:
        whole = {name: _text(value) for name, value in row["labels"].items()}
        known = row.get("fingerprint")
        if not (isinstance(known, str) and known.isalnum() and known.isascii() and len(known) <= _FINGERPRINT):
            # Of the labels as they came: cutting them doesn't make it another alert.
            known = fingerprint(whole)
        firing = row.get("status") != "resolved"
        return Alert(
            cluster=cluster,
            fingerprint=known,
            firing=firing,
            starts_at=_time(row.get("startsAt"), received_at),
            ends_at=0 if firing else _time(row.get("endsAt"), received_at),
            labels=self.mapping(whole, self.limits.label),
            annotations=self.mapping(row.get("annotations"), self.limits.annotation),
            generator_url=self.url(row.get("generatorURL")),
        )

    def mapping(self, value: object, limit: int) -> dict[str, str]:
        pairs = value if isinstance(value, dict) else {}
        names = list(pairs)
        if len(names) > self.limits.labels:
            names.sort(key=lambda name: name not in KEPT_FIRST)
            self.cut += len(names) - self.limits.labels
            del names[self.limits.labels :]
        return {self.text(name, self.limits.name): self.text(pairs[name], limit) for name in names}

    def text(self, value: object, limit: int) -> str:
        text = _UNSTORABLE.sub("\ufffd", _text(value))
        raw = text.encode()
        if len(raw) <= limit:
            return text
        self.cut += 1
        return raw[:limit].decode("utf-8", "ignore")

    def url(self, value: object) -> str:
        text = _UNSTORABLE.sub("\ufffd", _text(value))
        if len(text.encode()) <= self.limits.url:
            return text
        self.cut += 1
        return ""


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and lone surrogates, which no UTF-8 can hold."""

_DIGITS = 300
"""Digits of a number that is read as one; Python refuses to print numbers of thousands of digits."""


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits


def _text(value: object) -> str:
    """A JSON value as text; null is empty, which for Prometheus is the same as no label."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "(nested too deeply)"


def _count(value: object) -> int:
    """A number of alerts. What isn't one is 0."""
    text = _text(value).strip('"')
    return min(int(text), 2**63 - 1) if text.isdecimal() and len(text) <= _DIGITS else 0
