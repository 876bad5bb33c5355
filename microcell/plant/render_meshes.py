"""Triangles of parts as they truly are: with bore, chamfered edges, and what is wrong with their outline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.extents import half_extents, top_m
from microcell.description.product import Box, Cylinder, Part, Screw
from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec
from microcell.plant.scene import EdgeFlaw

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

_CORNERS = 240
_CHAMFER_M = 0.00015
_THIN_RATIO = 0.2
"""A chamfer takes no more than this share of a part's height or half size."""

_BURR_M, _BURR_UNDER_TOP_M = 0.00012, 0.00005
"""A burr is a thin film a little under the upper edge, where the halves of the mould meet."""


@dataclass(frozen=True)
class Mesh:
    """`points` (n, 3) m and `faces` (m, 3); the first `tops` faces are the upper side."""

    points: Floats
    faces: npt.NDArray[np.uint32]
    tops: int


@lru_cache(maxsize=256)
def part_mesh(part: Part, edges: tuple[EdgeFlaw, ...] = ()) -> Mesh:
    """A part in its own frame. Its underside is left open: no camera looks at it."""
    outline, top = _outline(part, [edge for edge in edges if edge.kind == "short"]), top_m(part)
    shape = part.shape
    bore = _circle(shape.bore_m / 2, len(outline)) if isinstance(shape, Cylinder) and shape.bore_m > 0 else None
    pieces = [_block(outline, bore, 0.0, top, min(_CHAMFER_M, _THIN_RATIO * min(top, *half_extents(part))))]
    if isinstance(shape, Screw):
        pieces.append(_block(_circle(0.25 * shape.head_diameter_m, 24), None, -shape.length_m, 0.0, 0.0))
    burrs = [edge for edge in edges if edge.kind == "burr"]
    if burrs:
        upper = top - min(_BURR_UNDER_TOP_M, top / 4)
        widened = bore * 1.02 if bore is not None else None
        pieces.append(_block(_outline(part, edges), widened, max(0.0, upper - _BURR_M), upper, 0.0))
    return _joined(pieces)


def solid_mesh(shape: ShapeSpec) -> Mesh:
    """A station's solid around its middle; a sphere as the cylinder around it."""
    if isinstance(shape, BoxShape):
        x, y, z = (edge / 2 for edge in shape.box_m)
        return _block(np.array(((x, y), (-x, y), (-x, -y), (x, -y))), None, -z, z, 0.0)
    radius, length = (shape.radius_m, shape.length_m) if isinstance(shape, CylinderShape) else (shape.sphere_radius_m,) * 2
    return _block(_circle(radius, 72), None, -length / 2, length / 2, 0.0)


def _outline(part: Part, edges: Sequence[EdgeFlaw]) -> Floats:
    """Corners of the outline anticlockwise, (n, 2) m: moved inwards by short shots, outwards by burrs."""
    a, b = half_extents(part)
    if not isinstance(part.shape, Box):
        outline = _circle(a, _CORNERS)
    elif not edges:
        return np.array(((a, b), (-a, b), (-a, -b), (a, -b)))
    else:
        share = np.linspace(0.0, 1.0, _CORNERS // 4, endpoint=False)[:, None]
        corners = np.array(((a, b), (-a, b), (-a, -b), (a, -b), (a, b)))
        outline = np.concatenate([c + share * (d - c) for c, d in pairwise(corners)])
    for edge in edges:
        outline = outline + _bump(outline, edge)
    return outline


def _bump(outline: Floats, edge: EdgeFlaw) -> Floats:
    """By how much an edge flaw moves each point of an outline, to or from the axis, (n, 2) m."""
    from_axis = np.hypot(*outline.T)
    angle = np.arctan2(outline[:, 1], outline[:, 0]) - edge.at_rad
    along = np.abs(np.arctan2(np.sin(angle), np.cos(angle))) * from_axis
    # A plateau with steep sides: a mould that was not filled ends bluntly, a film of burr as well.
    height = edge.depth_m * np.clip(1.5 * np.cos(np.clip(along / edge.span_m, 0.0, 0.5) * math.pi), 0.0, 1.0)
    outwards = outline / from_axis[:, None]
    return outwards * (height if edge.kind == "burr" else -height)[:, None]


def _circle(radius_m: float, corners: int) -> Floats:
    angle = np.arange(corners) * (2.0 * math.pi / corners)
    return radius_m * np.stack((np.cos(angle), np.sin(angle)), axis=1)


def _block(outline: Floats, hole: Floats | None, low_m: float, high_m: float, chamfer_m: float) -> Mesh:
    """What stands on an outline (as seen from its axis no point hides another), with a hole of as many points."""
    shoulder = high_m - chamfer_m
    upper = _ring(_inset(outline, chamfer_m), high_m)
    pieces = [_strip(_ring(outline, shoulder), upper), _strip(_ring(outline, low_m), _ring(outline, shoulder))]
    if hole is None:
        top = _fan(upper)
    else:
        rim = _ring(_inset(hole, -chamfer_m), high_m)
        top = _strip(upper, rim)
        pieces += [_strip(rim, _ring(hole, shoulder)), _strip(_ring(hole, shoulder), _ring(hole, low_m))]
    joined = _joined([top, *pieces])
    return Mesh(joined.points, joined.faces, len(top.faces))


def _inset(outline: Floats, by_m: float) -> Floats:
    """The outline smaller by so much on all sides."""
    if len(outline) == 4:
        return outline - by_m * np.sign(outline)
    return outline * (1.0 - by_m / np.hypot(*outline.T))[:, None]


def _ring(outline: Floats, height_m: float) -> Floats:
    return np.hstack((outline, np.full((len(outline), 1), height_m)))


def _strip(lower: Floats, upper: Floats) -> Mesh:
    """The band between two rings of equally many points, facing outwards (the upper one lies within or above)."""
    count = len(lower)
    here = np.arange(count, dtype=np.uint32)
    there = np.roll(here, -1)
    faces = np.concatenate(
        (np.stack((here, there, there + count), axis=1), np.stack((here, there + count, here + count), axis=1))
    )
    return Mesh(np.concatenate((lower, upper)), faces.astype(np.uint32), 0)


def _fan(ring: Floats) -> Mesh:
    """The area within a ring."""
    count = len(ring)
    here = np.arange(count, dtype=np.uint32)
    faces = np.stack((here, np.roll(here, -1), np.full(count, count, np.uint32)), axis=1)
    return Mesh(np.concatenate((ring, ((0.0, 0.0, ring[0, 2]),))), faces.astype(np.uint32), 0)


def _joined(pieces: Sequence[Mesh]) -> Mesh:
    """Several meshes as one; the upper side is the first one's."""
    starts = np.cumsum([0, *(len(piece.points) for piece in pieces[:-1])])
    faces = np.concatenate([piece.faces + np.uint32(start) for piece, start in zip(pieces, starts, strict=True)])
    return Mesh(np.concatenate([piece.points for piece in pieces]), faces.astype(np.uint32), pieces[0].tops)
