"""The compiler: alert definitions in, rules with their tests, dashboards, runbook pages and routes out."""

__version__ = "0.1.0"
