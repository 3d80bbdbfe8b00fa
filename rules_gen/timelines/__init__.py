"""The picture of a scenario: its signal, threshold and states over time, as SVG. Pure."""
