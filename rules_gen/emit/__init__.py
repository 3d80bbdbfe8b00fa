"""Stable text for generated files: the same value always gives the same bytes."""
