"""Slack: blocks and their limits, what to call next, what an answer means."""
