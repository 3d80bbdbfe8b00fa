"""The names that the compiler sets itself, on every rule. Pure."""

from __future__ import annotations

RESERVED_LABELS = frozenset({"severity", "team", "service", "alertname", "environment", "notify", "bypass_router"})
RESERVED_ANNOTATIONS = frozenset({"summary", "description", "impact", "action", "runbook_url", "dashboard_url"})
