"""Meshes of links as the convex bodies around them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field

from microcell.description.shape import BoxShape
from microcell.geometry import Vector

THINNEST_M = 1e-4


class HullShape(BoxShape):
    """A convex body by its corners. Where only boxes are understood, it is the box around it, which has the same middle."""

    corners_m: tuple[Vector, ...] = Field(description="From its middle.")
    grown_m: float = Field(0.0, ge=0, description="Its surface lies so far outside of that between the corners.")


@lru_cache(maxsize=256)
def mesh_hull(path: Path, _changed_ns: int, scale: tuple[float, float, float]) -> tuple[HullShape | BoxShape, Vector] | None:
    """The convex body around a mesh with the place of its middle; its box where it is flat, None where it cannot be read."""
    import coal
    import numpy as np

    try:
        points = np.asarray(coal.MeshLoader().load(str(path), np.array(scale)).vertices(), dtype=float)
    except (RuntimeError, ValueError):
        return None
    if not len(points) or not np.isfinite(points).all():
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = ((low + high) / 2.0).tolist()
    length_m, width_m, height_m = (max(edge, THINNEST_M) for edge in (high - low).tolist())
    edges_m = (length_m, width_m, height_m)
    corners = _corners(points - (x, y, z))
    if not corners:
        return BoxShape(box_m=edges_m), (x, y, z)
    return HullShape(box_m=edges_m, corners_m=corners), (x, y, z)


def _corners(points: Any) -> tuple[Vector, ...]:
    """Those of the points that are corners of the convex body around them; none where all lie in a plane."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        found = points[ConvexHull(points).vertices].tolist()
    except (QhullError, ValueError):
        return ()
    return tuple((x, y, z) for x, y, z in found)
