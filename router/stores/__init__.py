"""SQLite and PostgreSQL behind router.store's Protocols. They share all their statements; see database.py."""

from __future__ import annotations

from router.store import Store, StoreError

_POSTGRESQL = ("postgresql://", "postgres://")


def open_store(url: str) -> Store:
    """The store of a URL, not yet connected: call its `open`.

    `postgresql://user:password@host/database`, `sqlite:///relative/path`, `sqlite:////absolute/path`, or a path.
    Raises StoreError for any other, without repeating what may be a password.
    """
    if url.startswith(_POSTGRESQL):
        # The driver and libpq take their time to load, which a router on SQLite needn't spend.
        from router.stores.postgresql import PostgresStore

        return PostgresStore(url)
    from router.stores.sqlite import SqliteStore

    scheme, found, rest = url.partition("://")
    if not found:
        return SqliteStore(url)
    if scheme != "sqlite":
        raise StoreError(f"no store has the scheme {scheme[:20]!r}: use postgresql://, sqlite:/// or a path")
    if not rest.startswith("/") or rest == "/":
        raise StoreError("a SQLite URL is sqlite:/// followed by the path")
    return SqliteStore(rest[1:])
