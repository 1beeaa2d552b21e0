"""Lines over time as points of SVG: a template draws them, and styles colour them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

_PAD = 3


def drawn(
    points: Sequence[Any],
    width: int,
    height: int,
    *,
    value: str = "score",
    low: float = 0.0,
    high: float = 1.0,
    steps: bool = False,
) -> list[str]:
    """The pieces of a line, each as `points` of a polyline; where nothing was known it has a gap.

    Args:
        points: each with `at`, and the value under the name `value`.
        steps: whether a value stands until the next one.
    """
    if not points:
        return []
    times = [dt.datetime.fromisoformat(point["at"]).timestamp() for point in points]
    span, size = times[-1] - times[0], (high - low) or 1.0
    pieces: list[list[str]] = [[]]
    before = None
    for at, point in zip(times, points, strict=True):
        x = _PAD + (width - 2 * _PAD) * ((at - times[0]) / span if span else 1.0)
        if point[value] is None:
            pieces.append([])
            before = None
            continue
        y = height - _PAD - (height - 2 * _PAD) * min(max((point[value] - low) / size, 0.0), 1.0)
        if steps and before is not None:
            pieces[-1].append(f"{x:.1f},{before:.1f}")
        pieces[-1].append(f"{x:.1f},{y:.1f}")
        before = y
    return [_long_enough(piece) for piece in pieces if piece]


def floor_of(points: Sequence[Any], value: str = "score") -> float:
    """Where an axis of shares begins: the tenth below the lowest one, and never above a half."""
    known = [point[value] for point in points if point[value] is not None]
    return min(int(min(known, default=0.0) * 10) / 10, 0.5)


def _long_enough(piece: Sequence[str]) -> str:
    """A single point as a short line, which can be seen."""
    if len(piece) > 1:
        return " ".join(piece)
    x, _, y = piece[0].partition(",")
    return f"{float(x) - _PAD:.1f},{y} {piece[0]}"


FUNCTIONS = {"drawn": drawn, "floor_of": floor_of}
