"""Timelines: pictures of scenarios, drawn from what promtool evaluates."""
