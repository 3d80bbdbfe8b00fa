"""What can be set, with its defaults, bounds and meaning. Pure.

The descriptions are what `alert-router check-config` and the documentation show; the JSON Schema against which files,
variables and options are checked is made from these types. Times are microseconds here and durations (`1m30s`) where
they are typed.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal
from urllib.parse import quote

from msgspec import Meta, Struct, to_builtins

from router.config.durations import format_duration
from router.config.settings_layers import DURATION, leaves, schema_of
from router.model import DAY, MINUTE, SECOND

_TIME: dict[str, Any] = {"extra_json_schema": {DURATION: True}}
_NAME = "^[A-Z][A-Z0-9_]*$"

SecretName = Annotated[
    str, Meta(pattern=_NAME, description="A secret's name, never the secret", examples=["ALERT_ROUTER_TOKEN"])
]
Names = Annotated[tuple[SecretName, ...], Meta(min_length=1, max_length=2)]
OptionalName = Annotated[str, Meta(pattern="^([A-Z][A-Z0-9_]*)?$")]


class Store(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the router keeps what it knows."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(sqlite:///\S+|postgresql(\+psycopg)?://\S+)$",
            description="The database: sqlite:///PATH, or postgresql://USER@HOST/NAME when several replicas share it.",
            examples=["sqlite:///alert-router.db"],
        ),
    ] = "sqlite:///alert-router.db"
    password_secret: Annotated[
        SecretName, Meta(description="The secret with the database's password, for an address without one.")
    ] = "ALERT_ROUTER_STORE_PASSWORD"  # noqa: S105  (a name)


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least serious level that is written.")
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "console"], Meta(description="auto: for people on a terminal, JSON lines elsewhere.")
    ] = "auto"


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may talk to the router. Two of a kind are live at once, so that they can be rotated."""

    webhook: Annotated[Names, Meta(description="Secrets with the bearer tokens that may post for any cluster.")] = (
        "ALERT_ROUTER_TOKEN",
        "ALERT_ROUTER_TOKEN_NEXT",
    )
    clusters: Annotated[
        dict[str, Names], Meta(description="Secrets with bearer tokens that may post for one cluster, by its name.")
    ] = {}
    users: Annotated[
        dict[Annotated[str, Meta(pattern=r"^[^:\s]+$")], Names],
        Meta(description="Secrets with the passwords of users of basic authentication, by the user's name."),
    ] = {}
    metrics: Annotated[
        OptionalName, Meta(description="The secret with the bearer token for /metrics; none is asked for when empty.")
    ] = ""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a webhook; what is beyond is cut. A body over its limit goes into quarantine."""

    body: Annotated[int, Meta(ge=65_536, le=1 << 30, description="Bytes of a body. 10,000 alerts take some 15 MB.")] = (
        32 * 1024 * 1024
    )
    alerts: Annotated[int, Meta(ge=1, le=1_000_000, description="Alerts of one webhook.")] = 50_000
    labels: Annotated[int, Meta(ge=8, le=10_000, description="Labels, or annotations, of one alert.")] = 64
    name: Annotated[int, Meta(ge=16, le=65_536, description="Bytes of a label's name.")] = 256
    label: Annotated[int, Meta(ge=64, le=1 << 20, description="Bytes of a label's value.")] = 4_096
    annotation: Annotated[int, Meta(ge=256, le=1 << 24, description="Bytes of an annotation.")] = 65_536
    url: Annotated[int, Meta(ge=64, le=1 << 20, description="Bytes of an address.")] = 16_384


class DeliverySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages are carried."""

    call_timeout: Annotated[
        int,
        Meta(ge=SECOND // 10, le=5 * MINUTE, description="How long one call may take; below half the lease.", **_TIME),
    ] = 10 * SECOND
    lease: Annotated[
        int,
        Meta(ge=SECOND, le=30 * MINUTE, description="How long a silent replica keeps what it has claimed.", **_TIME),
    ] = 30 * SECOND
    heartbeat: Annotated[
        int, Meta(ge=SECOND // 10, le=5 * MINUTE, description="How often a replica says that it lives.", **_TIME)
    ] = 5 * SECOND
    window: Annotated[
        int, Meta(ge=1, le=10_000, description="Calls under way at once; after kill -9 these may be told twice.")
    ] = 256


class Reconciler(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks the Alertmanagers what still fires, since resolves do get lost."""

    enabled: Annotated[bool, Meta(description="Whether it asks.")] = True
    interval: Annotated[int, Meta(ge=SECOND // 10, le=60 * MINUTE, description="How often.", **_TIME)] = 30 * SECOND
    peer_uptime: Annotated[
        int,
        Meta(ge=0, le=DAY, description="How long a peer must have run before its silence proves anything.", **_TIME),
    ] = 15 * MINUTE
    known_for: Annotated[
        int, Meta(ge=0, le=DAY, description="How long an alert must be known before it is missed there.", **_TIME)
    ] = 30 * SECOND
    absent_for: Annotated[
        int, Meta(ge=0, le=DAY, description="How long an alert must be gone there before it is closed here.", **_TIME)
    ] = 2 * MINUTE
    missed_after: Annotated[
        int, Meta(ge=0, le=DAY, description="How long one must fire there, unknown here, before it is opened.", **_TIME)
    ] = 5 * MINUTE
    held_horizon: Annotated[
        int,
        Meta(ge=SECOND // 10, le=10 * MINUTE, description="How long a stale firing is held before it pages.", **_TIME),
    ] = 10 * SECOND


class Switch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that can be switched off here, whatever routes.yml says."""

    enabled: Annotated[bool, Meta(description="Whether it works.")] = True


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that can be set, apart from where alerts go, which is in routes.yml."""

    environment: Annotated[
        str,
        Meta(
            pattern="^([a-z0-9][a-z0-9_-]{0,31})?$",
            description="The environment's name: in the log, and of the file that is laid over the first one.",
            examples=["production"],
        ),
    ] = ""
    listen: Annotated[
        str,
        Meta(
            pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]*):[0-9]{1,5}$",
            description="HOST:PORT to listen on.",
            examples=["127.0.0.1:9095"],
        ),
    ] = "127.0.0.1:9095"
    external_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s@]+)?$",
            description="The address at which people reach the router, for links; none when empty.",
            examples=["https://alert-router.example.com"],
        ),
    ] = ""
    routes: Annotated[str, Meta(min_length=1, description="The compiled routes.")] = "rules/routes.yml"
    templates: Annotated[str, Meta(description="A folder with templates of one's own; none when empty.")] = ""
    secrets_dir: Annotated[
        str, Meta(description="A folder in which each file holds the secret of its name; none when empty.")
    ] = ""
    dry_run: Annotated[
        Literal["auto", "always", "never"],
        Meta(description="Show messages instead of sending them. auto: when no secret of any destination is there."),
    ] = "auto"
    shutdown_grace: Annotated[
        int, Meta(ge=0, le=10 * MINUTE, description="How long calls under way may take to finish.", **_TIME)
    ] = 25 * SECOND
    retention: Annotated[
        int, Meta(ge=60 * MINUTE, le=3650 * DAY, description="How long what has ended is kept.", **_TIME)
    ] = 30 * DAY
    store: Store = Store()
    log: Log = Log()
    credentials: Credentials = Credentials()
    limits: Limits = Limits()
    delivery: DeliverySettings = DeliverySettings()
    reconciler: Reconciler = Reconciler()
    watchdog: Switch = Switch()
    escalation: Switch = Switch()
    storm: Switch = Switch()
    flap: Switch = Switch()
    digest: Switch = Switch()
    channels: dict[str, Any] = {}
    """Each channel's own Settings, by the channel's name."""

    @property
    def host(self) -> str:
        """The address to listen on; empty for all."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0: any that is free."""
        return int(self.listen.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def store_url(self, password: str | None) -> str:
        """The store's address with its password; one that stands in the address already is kept."""
        scheme, user, known, rest = _parts(self.store.url)
        if password is None or known or not user:
            return self.store.url
        return f"{scheme}{user}:{quote(password, safe='')}@{rest}"

    def to_public(self) -> dict[str, Any]:
        """What may be shown: times as they are typed, secrets by name, the store without its password."""
        public: dict[str, Any] = to_builtins(self)
        for leaf in leaves(schema_of(Settings, {})):
            if DURATION in leaf.node:
                *above, last = map(str, leaf.keys)
                section = public[above[0]] if above else public
                section[last] = format_duration(section[last])
        scheme, user, _, rest = _parts(self.store.url)
        # libpq also takes a password among the parameters.
        public["store"]["url"] = scheme + (f"{user}@" if user else "") + rest.partition("?")[0]
        return public

    def private_values(self) -> tuple[str, ...]:
        """What of the settings themselves must not be shown: a password that was typed into the store's address."""
        _, _, password, rest = _parts(self.store.url)
        return tuple(text for text in (password, rest.partition("?")[2]) if text)


def _parts(url: str) -> tuple[str, str, str, str]:
    """`scheme://`, user, password, and the rest of a database's address. urllib takes a password's / for the path."""
    scheme, separator, rest = url.partition("://")
    before, at, after = rest.rpartition("@")
    user, _, password = before.partition(":")
    return (scheme + separator, user, password, after) if at else (scheme + separator, "", "", rest)
