"""Grafana's grid: 24 columns, rows of panels from the top down."""

from collections.abc import Iterable
from dataclasses import dataclass

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Box:
    """A panel's place, in columns and in Grafana's height units of 30 pixels."""

    x: int
    y: int
    w: int
    h: int


def flow(sizes: Iterable[tuple[int, int]], top: int) -> tuple[tuple[Box, ...], int]:
    """Place boxes of (width, height) from left to right, line after line, from `top`; also the first free
    line below.

    ValueError for a box that is wider than the grid or has no area.
    """
    boxes: list[Box] = []
    x, y, tallest = 0, top, 0
    for width, height in sizes:
        if not 0 < width <= COLUMNS or height < 1:
            raise ValueError(f"a panel of {width} by {height} has no place on a grid of {COLUMNS} columns")
        if x + width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        boxes.append(Box(x, y, width, height))
        x += width
        tallest = max(tallest, height)
    return tuple(boxes), y + tallest
