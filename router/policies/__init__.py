"""Decisions that duties carry out: pure, and each on its own."""
