"""Polylines in joint space with rounded corners, as geometric paths that a time parametrisation can follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from microcell.motion.splines import Rows

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class RoundedPath:
    """A path of parabolas and straight lines, with a continuous tangent.

    Piece k is `starts[k] + tangents[k] u + bends[k] u^2 / 2` for u from 0 to `breaks[k + 1] - breaks[k]`. The path parameter
    is the length of the polyline.
    """

    breaks: Rows
    starts: Rows
    tangents: Rows
    bends: Rows

    @property
    def length(self) -> float:
        return float(self.breaks[-1])

    def at(self, parameter: Rows, order: int = 0) -> Rows:
        """Positions (order 0), first or second derivatives at path parameters (k,): (k, n)."""
        piece = np.clip(np.searchsorted(self.breaks, parameter, side="right") - 1, 0, len(self.starts) - 1)
        u = (parameter - self.breaks[piece])[:, None]
        if order == 0:
            return self.starts[piece] + u * (self.tangents[piece] + u * self.bends[piece] / 2.0)
        return self.tangents[piece] + u * self.bends[piece] if order == 1 else self.bends[piece]

    def grid(self, least_pieces: int, spacing: float) -> Rows:
        """Path parameters with every break and at most `spacing` apart."""
        parts = []
        for a, b in zip(self.breaks[:-1], self.breaks[1:], strict=True):
            count = max(least_pieces, math.ceil((b - a) / spacing))
            parts.append(np.linspace(a, b, count, endpoint=False))
        return np.concatenate([*parts, self.breaks[-1:]])


def rounded(waypoints: Sequence[Sequence[float]] | Rows, deviation: float) -> RoundedPath:
    """Round each corner of a polyline by a parabola that stays within `deviation` (Euclidean) of the corner.

    A parabola takes no more than half of either of its legs. At least two different waypoints.
    """
    points = distinct(waypoints)
    ways = np.diff(points, axis=0)
    lengths = np.linalg.norm(ways, axis=1)
    units = ways / lengths[:, None]
    cuts = np.zeros(len(points))
    bends = np.diff(units, axis=0)
    turn = np.linalg.norm(bends, axis=1)
    # a parabola over the length l of both legs passes its corner at a distance of l |bend| / 4
    wanted = 4.0 * deviation / np.maximum(turn, 1e-6)
    cuts[1:-1] = np.where(turn > 1e-6, np.minimum(wanted, np.minimum(lengths[:-1], lengths[1:]) / 2.0), 0.0)
    pieces: list[tuple[float, Rows, Rows, Rows]] = []
    for k, unit in enumerate(units):
        straight = lengths[k] - cuts[k] - cuts[k + 1]
        if straight > _SAME:
            pieces.append((straight, points[k] + cuts[k] * unit, unit, np.zeros_like(unit)))
        if cuts[k + 1] > 0.0:
            corner = points[k + 1] - cuts[k + 1] * unit
            pieces.append((2.0 * cuts[k + 1], corner, unit, bends[k] / (2.0 * cuts[k + 1])))
    sizes, starts, tangents, curves = zip(*pieces, strict=True)
    return RoundedPath(np.concatenate([[0.0], np.cumsum(sizes)]), np.array(starts), np.array(tangents), np.array(curves))


def distinct(waypoints: Sequence[Sequence[float]] | Sequence[Rows] | Rows) -> Rows:
    """The waypoints (k, n) without those that repeat the one before."""
    rows = np.asarray(waypoints, dtype=float)
    kept = [rows[0]]
    for row in rows[1:]:
        if np.abs(row - kept[-1]).max() > _SAME:
            kept.append(row)
    return np.array(kept)
