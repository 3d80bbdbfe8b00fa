"""Benchmarks: ratios measured in one run, never timed tests. `make bench` runs them."""
