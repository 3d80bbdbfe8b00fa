"""The cases: each gives the figures of one question."""
