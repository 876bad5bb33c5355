"""Point clouds: thinning, normals, the plane that things lie on, and what stands on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.faults import FaultError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Indices = npt.NDArray[np.intp]

NORMAL_NEIGHBOURS = 16
_DRAWS = 200
_PLANE_POINTS = 4000


@dataclass(frozen=True)
class Plane:
    """Points p with normal p = offset_m; the normal points to the viewer. `sd_m` is the scatter of the points about it.

    `inside` says which of the points lie on it.
    """

    normal: Floats
    offset_m: float
    sd_m: float
    inside: npt.NDArray[np.bool_]

    def heights(self, points_m: Floats) -> Floats:
        """Distance of (..., 3) points above the plane, m."""
        heights: Floats = points_m @ self.normal - self.offset_m
        return heights


def finite(points_m: npt.NDArray[Any]) -> Floats:
    """The points of a (..., 3) cloud that hold no NaN or infinity, (n, 3); ValueError for one of another shape."""
    points = np.asarray(points_m, float)
    if points.ndim < 2 or points.shape[-1] != 3:
        raise ValueError(f"a cloud is (..., 3), not {points.shape}: leave out what is not x, y, z")
    points = points.reshape(-1, 3)
    return points[np.all(np.isfinite(points), axis=1)]


def thinned(points_m: Floats, voxel_m: float) -> Floats:
    """One point, the mean, for each cube of `voxel_m` that holds any; in a fixed order."""
    cells = np.floor((points_m - points_m.min(axis=0)) / voxel_m).astype(np.int64)
    _, index, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    index = index.ravel()
    means = np.stack([np.bincount(index, points_m[:, axis]) for axis in range(3)], axis=1)
    thin: Floats = means / count[:, None]
    return thin


def normals(points_m: Floats, neighbours: int = NORMAL_NEIGHBOURS) -> Floats:
    """(n, 3) unit normals from each point's nearest neighbours, of either sign."""
    from scipy.spatial import cKDTree

    nearest = cKDTree(points_m).query(points_m, min(neighbours, len(points_m)))[1]
    around = points_m[nearest]
    away = around - around.mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", away, away))
    smallest: Floats = axes[:, :, 0]
    return smallest


def fit_plane(
    points_m: Floats,
    within_m: float,
    seed: int = 0,
    viewer_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    where: str = "cloud",
) -> Plane:
    """The plane that most points lie on, by random sampling (Fischler and Bolles 1981) and least squares on its points.

    `within_m` is how far off it a point may lie. Raises PART_NOT_FOUND where there is none.
    """
    if len(points_m) < 3:
        raise FaultError("PART_NOT_FOUND", where, f"{len(points_m)} points hold no plane")
    draw = np.random.default_rng(seed)
    some = points_m[draw.permutation(len(points_m))[:_PLANE_POINTS]]
    best, normal, offset = 0, np.array([0.0, 0.0, 1.0]), 0.0
    for _ in range(_DRAWS):
        a, b, c = some[draw.choice(len(some), 3, replace=False)]
        across = np.cross(b - a, c - a)
        length = float(np.linalg.norm(across))
        if length < 1e-12:
            continue
        count = int(np.count_nonzero(np.abs((some - a) @ (across / length)) <= within_m))
        if count > best:
            best, normal, offset = count, across / length, float(a @ across / length)
    if best < 3:
        raise FaultError("PART_NOT_FOUND", where, "all points lie on one line: they hold no plane")
    return _fitted(points_m, normal, offset, within_m, np.array(viewer_m))


def _fitted(points_m: Floats, normal: Floats, offset_m: float, within_m: float, viewer_m: Floats) -> Plane:
    inside = np.abs(points_m @ normal - offset_m) <= within_m
    for _ in range(3):
        middle = points_m[inside].mean(axis=0)
        _, axes = np.linalg.eigh(np.cov((points_m[inside] - middle).T))
        normal = axes[:, 0]
        offset_m = float(normal @ middle)
        inside = np.abs(points_m @ normal - offset_m) <= within_m
    if viewer_m @ normal < offset_m:
        normal, offset_m = -normal, -offset_m
    spread = math.sqrt(float(np.mean((points_m[inside] @ normal - offset_m) ** 2)))
    return Plane(normal, offset_m, spread, inside)


def things_on(points_m: Floats, plane: Plane, least_m: float, gap_m: float, min_points: int = 50) -> list[Indices]:
    """Indices of the points of each thing that stands on a plane, most points first.

    Points less than `least_m` above it are left out; points nearer than `gap_m` to each other belong together.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    above = np.nonzero(plane.heights(points_m) > least_m)[0]
    if len(above) == 0:
        return []
    pairs = cKDTree(points_m[above]).query_pairs(gap_m, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(above), len(above)))
    count, labels = connected_components(links, directed=False)
    groups = [above[labels == label] for label in range(count)]
    return sorted((group for group in groups if len(group) >= min_points), key=lambda group: (-len(group), int(group[0])))
