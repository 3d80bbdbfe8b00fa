"""Links to other tools' pages, from the patterns of the policy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rules_gen.emit.markdown import link

if TYPE_CHECKING:
    from rules_gen.model import Alert, Policy, Service

# RFC 3986's unreserved characters, but for the underscore, in which Markdown could see emphasis.
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.~")


class _PercentEncoding(dict[int, str]):
    """A table for `str.translate`, filled with the characters that were met.

    It takes a part of the time of `urllib.parse.quote`, which counts with 30,000 addresses on 10,000 pages.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        encoded = char if char in _UNRESERVED else "".join(f"%{byte:02X}" for byte in char.encode())
        self[code] = encoded
        return encoded


_PERCENT_ENCODING = _PercentEncoding()


def percent_encode(text: str) -> str:
    """Return ``text`` for use within a URL's query or fragment: all but unreserved characters encoded."""
    return text.translate(_PERCENT_ENCODING)


@lru_cache(maxsize=64)
def repeated_link(title: str, pattern: str) -> str:
    """Return `link`'s link, remembered: many pages have the same one."""
    return link(title, pattern)


def _filled(title: str, pattern: str, placeholder: str, text: str) -> str:
    """A Markdown link whose address has the text in place of ``{placeholder}``, which `link` has encoded."""
    return repeated_link(title, pattern).replace(f"%7B{placeholder}%7D", percent_encode(text))


def query_link(title: str, expr: str, policy: Policy) -> str:
    """Return a link that shows the expression in Prometheus; nothing when the policy has no pattern."""
    pattern = policy.urls.query
    return "" if pattern is None else _filled(title, pattern, "expr", expr)


def query_links(title: str, alert: Alert, policy: Policy) -> list[str]:
    """Return links to the alert's signal, which has a value also after the alert; one where it is shared."""
    signals: dict[str | None, str] = {}
    for rule in alert.rules:
        signals.setdefault(rule.environment, rule.signal)
    if policy.urls.query is None:
        return []
    if len(set(signals.values())) == 1:
        return [query_link(title, alert.rules[0].signal, policy)]
    return [query_link(f"{title} in {where}", signal, policy) for where, signal in signals.items()]


def silence_links(title: str, alert: Alert, service: Service, policy: Policy) -> list[str]:
    """Return links that begin a silence, one per environment, so that staging's leaves production alone."""
    pattern = policy.urls.silence
    if pattern is None:
        return []
    # None of the values can hold a quote or a backslash: the schema restricts names.
    labels = f'alertname="{alert.name}",team="{service.team}",service="{service.name}"'
    environments = list(dict.fromkeys(rule.environment for rule in alert.rules))
    links = []
    for environment in environments:
        shown = title if len(environments) == 1 else f"{title} in {environment}"
        matchers = labels if environment is None else f'{labels},environment="{environment}"'
        links.append(_filled(shown, pattern, "matchers", f"{{{matchers}}}"))
    return links
