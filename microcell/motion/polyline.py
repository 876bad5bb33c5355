"""A way of several straight legs in space, its corners rounded, as poses at even steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from microcell.errors import UsageError
from microcell.geometry import Pose, distance, slerp
from microcell.motion.corners import rounded

MOST_STEPS = 500
_FINE_M = 0.0002
_SAME_M = 1e-6


def even_poses(way: Sequence[Pose], corner_m: float, step_m: float) -> tuple[list[Pose], float]:
    """Poses at even steps of about `step_m` along a way, both ends included, and the way's length, m.

    Corners are passed within `corner_m`; the orientation turns evenly over each leg. A long way gets longer steps.
    UsageError for a way that goes nowhere.
    """
    stops = [way[0], *(b for a, b in pairwise(way) if distance(a, b) > _SAME_M)]
    if len(stops) < 2:
        raise UsageError("a way needs two different places")
    path = rounded([pose.position for pose in stops], corner_m)
    fine = np.linspace(0.0, path.length, max(2, math.ceil(path.length / _FINE_M)))
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path.at(fine), axis=0), axis=1))])
    length_m = float(travelled[-1])
    count = min(MOST_STEPS, max(2, math.ceil(length_m / step_m)))
    at = np.interp(np.linspace(0.0, length_m, count + 1), travelled, fine)
    corners = np.concatenate([[0.0], np.cumsum([distance(a, b) for a, b in pairwise(stops)])])
    poses = [
        _pose(stops, corners, place, tuple(point.tolist())) for place, point in zip(at.tolist(), path.at(at), strict=True)
    ]
    return [*poses[:-1], stops[-1]], length_m


def _pose(stops: Sequence[Pose], corners: np.ndarray, place: float, position: tuple[float, float, float]) -> Pose:
    leg = min(int(np.searchsorted(corners, place, side="right")) - 1, len(stops) - 2)
    share = min(1.0, max(0.0, (place - corners[leg]) / (corners[leg + 1] - corners[leg])))
    return Pose(position, slerp(stops[leg].orientation, stops[leg + 1].orientation, share))
