"""The webhook receiver that carries firing alerts to the people whom their severity names."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is first asked for: the metadata takes longer to read than `--help` may take."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("tocsin")
    except PackageNotFoundError:
        # A checkout that was never installed.
        found = "unknown"
    globals()[name] = found
    return found
