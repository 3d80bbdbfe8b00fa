"""Mutants of rules: what a mistake would make of them, and whether the scenarios tell it from the original. Pure."""
