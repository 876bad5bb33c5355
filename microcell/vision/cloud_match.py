"""Where a model lies in a scan, with no idea beforehand: local features, pairs that agree, scored starts, refinement.

Features are fast point feature histograms (Rusu et al., ICRA 2009). Of the pairs of alike points, those are kept whose
distances agree with many others that agree with each other (second-order compatibility: Chen et al., CVPR 2022). No random
draw is made: the same clouds give the same pose. Where no features lead to it, turns that are spread evenly are tried.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.libraries import open3d
from microcell.vision.cloud import finite, thinned
from microcell.vision.cloud_refine import Refined, Surface, refine
from microcell.vision.cloud_variants import better_variant
from microcell.vision.optics import placed
from microcell.vision.uncertainty import WithCovariance

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Indices = npt.NDArray[np.intp]

FEATURE_POINTS = 1500
"""About so many points of each cloud are compared."""

FINE_POINTS = 6000
"""About so many points of each cloud decide which start is right."""

MIN_OVERLAP_RATIO = 0.3
"""Of the smaller cloud's points, how many must lie on the other cloud."""

_LEAST_POINTS = 4
_NEAREST_TO_SPACING = 1.5
"""Points that are strewn at random have their nearest at half the side that each takes; those of a grid at all of it."""

_PAIRS = 1200
_SEEDS = 60
_CONSENSUS = 24
_STARTS, _MOST_STARTS = 8, 40
_SURE_SCORE = 0.75
"""Score of coarse clouds that no wrong start has, unless the thing looks like itself in another pose."""

_TURNED = 4
_EXACT = 5
"""Starts that are looked at closely: first ones, then quarter and half turns of the best, then the best of both."""
_RADII_VOXELS = (6.0, 10.0)
"""Of the features; the larger are told apart better, the smaller are disturbed less by what is cut off."""


@dataclass(frozen=True)
class Match(WithCovariance):
    """`model_in_scan` is (4, 4). `overlap_ratio`: share of the smaller cloud that lies on the other one.

    `covariance` is (6, 6): shift in m, then a rotation vector in rad, about the scan's axes through the model's middle as it
    lies in the scan. `rms_m` is the distance of the points from the other surface. `runner_up_ratio` is the score of the
    best pose that is another one, over this one's: near 1 the thing may as well lie the other way.
    """

    model_in_scan: Floats
    overlap_ratio: float
    rms_m: float
    covariance: Floats
    runner_up_ratio: float


def locate_model(
    model_m: Floats, scan_m: Floats, viewer_m: tuple[float, float, float] | None = None, where: str = "cloud"
) -> Match:
    """Find a model, (n, 3) points of its surface, in a scan, (k, 3); both in m, NaN left out.

    `viewer_m` is where the scan was taken from, which makes its normals sure. Raises PART_NOT_FOUND where less than
    MIN_OVERLAP_RATIO of the smaller cloud comes to lie on the other one, and where the model's mirror image, or the model in
    another size, fits clearly better.
    """
    model, scan = finite(model_m), finite(scan_m)
    if min(len(model), len(scan)) < 50:
        detail = f"{len(model)} points of the model, {len(scan)} of the scan; 50 are needed"
        raise FaultError("PART_NOT_FOUND", where, detail)
    voxel = max(_voxel(cloud, FEATURE_POINTS) for cloud in (model, scan))
    fine = max(_voxel(cloud, FINE_POINTS) for cloud in (model, scan))
    thin = [thinned(cloud, side) for side in (voxel, fine) for cloud in (model, scan)]
    if min(map(len, thin)) < _LEAST_POINTS:
        across = [float(np.linalg.norm(np.ptp(cloud, axis=0))) for cloud in (model, scan)]
        detail = f"the model is {across[0]:.3g} m across, the scan {across[1]:.3g} m: at one scale nothing of one is left"
        raise FaultError("PART_NOT_FOUND", where, detail + " (both in m?)")
    coarse, exact = (Surface.of(thin[0]), Surface.of(thin[1])), (Surface.of(thin[2]), Surface.of(thin[3]))
    rough = _rough(_distinct(list(_starts(coarse, voxel, viewer_m)), coarse, voxel), coarse, voxel)
    if rough:
        turned = _distinct(_turned(rough[0].transform, coarse[0].points), coarse, voxel)[:_TURNED]
        rough = _best([*rough, *(refine(*coarse, start, 2.0 * voxel) for start in turned)])
    found = _best([refine(*exact, match.transform, 2.0 * fine) for match in rough[:_EXACT]])
    if not found or found[0].overlap_ratio < MIN_OVERLAP_RATIO:
        share = found[0].overlap_ratio if found else 0.0
        detail = f"{100 * share:.0f} % of the smaller cloud lies on the other; at least {100 * MIN_OVERLAP_RATIO:.0f} % must"
        raise FaultError("PART_NOT_FOUND", where, detail)
    best = found[0]
    if other := better_variant(*coarse, best.transform, voxel):
        raise FaultError("PART_NOT_FOUND", where, f"{other} fits the scan better than the model itself")
    others = [match.score for match in found[1:] if _apart(match.transform, best.transform, coarse[0].points) > 4.0 * voxel]
    runner_up = max(others, default=0.0) / best.score
    return Match(best.transform, best.overlap_ratio, best.rms_m, best.covariance, runner_up)


def _rough(starts: list[Floats], clouds: tuple[Surface, Surface], voxel: float) -> list[Refined]:
    """The first starts refined, and further ones until one of them lays the clouds surely on each other; best first."""
    refined: list[Refined] = []
    for start in starts:
        refined.append(refine(*clouds, start, 2.0 * voxel))
        if len(refined) >= _STARTS and max(match.score for match in refined) >= _SURE_SCORE:
            break
    if not refined or max(match.score for match in refined) < _SURE_SCORE:
        for turn in _turns():
            wide = refine(*clouds, _about_middles(clouds, turn), 4.0 * voxel)
            refined.append(refine(*clouds, wide.transform, 2.0 * voxel))
            if refined[-1].score >= _SURE_SCORE:
                break
    return _best(refined)


def _turns(count: int = 96) -> Iterator[Floats]:
    """Turns that are spread evenly over all there are (super-Fibonacci spiral: Alexa, CVPR 2022)."""
    phi, psi = math.sqrt(2.0), 1.533751168755204288118041
    for k in range(count):
        s = k + 0.5
        r, big_r = math.sqrt(s / count), math.sqrt(1.0 - s / count)
        alpha, beta = 2.0 * math.pi * s / phi, 2.0 * math.pi * s / psi
        quaternion = (r * math.sin(alpha), r * math.cos(alpha), big_r * math.sin(beta), big_r * math.cos(beta))
        yield placed(Pose((0.0, 0.0, 0.0), quaternion), np.eye(3)).T


def _about_middles(clouds: tuple[Surface, Surface], turn: Floats) -> Floats:
    """The transform that turns the model about its middle, and lays that on the scan's."""
    model, scan = (surface.points.mean(axis=0) for surface in clouds)
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = turn, scan - turn @ model
    return transform


def _best(matches: list[Refined]) -> list[Refined]:
    return sorted(matches, key=lambda match: -match.score)


def _voxel(points_m: Floats, wanted: int) -> float:
    """Side of cubes of which about `wanted` hold points; not under the distance of the points."""
    low, high = 0.0, float(np.linalg.norm(np.ptp(points_m, axis=0))) + 1e-12
    if len(points_m) <= wanted:
        return max(high / 200.0, _spacing_m(points_m))
    for _ in range(12):
        middle = (low + high) / 2.0
        low, high = (middle, high) if len(thinned(points_m, middle)) > wanted else (low, middle)
    return high


def _spacing_m(points_m: Floats) -> float:
    """About the side of the squares of surface that hold one point each."""
    from scipy.spatial import cKDTree

    nearest = cKDTree(points_m).query(points_m, k=2)[0][:, 1]
    return _NEAREST_TO_SPACING * float(np.median(nearest))


def _starts(clouds: tuple[Surface, Surface], voxel: float, viewer_m: tuple[float, float, float] | None) -> Iterator[Floats]:
    """Likely transforms from model to scan, by several kinds of features."""
    for radius in _RADII_VOXELS:
        for rule in ("middle", "bulge"):
            features = []
            for surface in clouds:
                oriented = _oriented(surface, rule, 2.0 * radius * voxel)
                features.append(_features(surface.points, oriented, radius * voxel))
            yield from _agreed(clouds, _pairs(*features), voxel)
    if viewer_m is not None:
        model, scan = clouds
        towards = np.sign(np.einsum("ni,ni->n", scan.normals, np.array(viewer_m) - scan.points))[:, None]
        there = _features(scan.points, scan.normals * np.where(towards == 0, 1.0, towards), _RADII_VOXELS[0] * voxel)
        here = _features(model.points, _oriented(model, "middle", 0.0), _RADII_VOXELS[0] * voxel)
        yield from _agreed(clouds, _pairs(here, there), voxel)


def _oriented(surface: Surface, rule: str, radius_m: float) -> Floats:
    """Normals that point away from the cloud's middle, or to where the surface bulges."""
    if rule == "middle":
        inwards = surface.points.mean(axis=0) - surface.points
    else:
        near = surface.tree.query_ball_point(surface.points, radius_m)
        inwards = np.stack([surface.points[index].mean(axis=0) for index in near]) - surface.points
    sign = -np.sign(np.einsum("ni,ni->n", surface.normals, inwards))[:, None]
    return surface.normals * np.where(sign == 0, 1.0, sign)


def _features(points: Floats, oriented: Floats, radius_m: float) -> Floats:
    """(n, 33) histograms, each of unit length."""
    library = open3d()
    cloud = library.geometry.PointCloud(library.utility.Vector3dVector(points))
    cloud.normals = library.utility.Vector3dVector(oriented)
    search = library.geometry.KDTreeSearchParamHybrid(radius=radius_m, max_nn=120)
    histograms = np.sqrt(np.asarray(library.pipelines.registration.compute_fpfh_feature(cloud, search).data).T)
    return histograms / np.maximum(np.linalg.norm(histograms, axis=1, keepdims=True), 1e-9)


def _pairs(here: Floats, there: Floats) -> Indices:
    """(n, 2) indices of alike points: each one's best in the other cloud, those that choose each other first."""
    alike = here @ there.T
    forth, back = np.argmax(alike, axis=1), np.argmax(alike, axis=0)
    forwards = np.column_stack((np.arange(len(here)), forth))
    backwards = np.column_stack((back, np.arange(len(there))))
    pairs = np.unique(np.concatenate((forwards, backwards)), axis=0)
    mutual = (forth[pairs[:, 0]] == pairs[:, 1]) & (back[pairs[:, 1]] == pairs[:, 0])
    order = np.lexsort((-alike[pairs[:, 0], pairs[:, 1]], ~mutual))
    return pairs[order[:_PAIRS]]


def _agreed(clouds: tuple[Surface, Surface], pairs: Indices, voxel: float) -> Iterator[Floats]:
    """Transforms by groups of pairs whose distances agree."""
    here, there = clouds[0].points[pairs[:, 0]], clouds[1].points[pairs[:, 1]]
    apart_here, apart_there = (np.linalg.norm(p[:, None] - p[None], axis=2) for p in (here, there))
    agree = (np.abs(apart_here - apart_there) < 1.5 * voxel) & (np.minimum(apart_here, apart_there) > 3.0 * voxel)
    links = agree.astype(np.float32)
    common = links * (links @ links)
    for seed in np.argsort(-common.sum(axis=1), kind="stable")[:_SEEDS]:
        group = np.argsort(-common[seed], kind="stable")[:_CONSENSUS]
        group = group[common[seed, group] > 0]
        if len(group) < 3:
            continue
        transform = _rigid(here[group], there[group])
        for _ in range(2):
            near = np.linalg.norm(moved(transform, here) - there, axis=1) < 2.0 * voxel
            if np.count_nonzero(near) < 3:
                break
            transform = _rigid(here[near], there[near])
        yield transform


def _turned(transform: Floats, points: Floats) -> list[Floats]:
    """A transform after each quarter and half turn of the model about its main axes: a box nearly fits in all of them."""
    middle = points.mean(axis=0)
    axes = np.linalg.svd(points - middle, full_matrices=False)[2]
    axes[2] *= np.sign(np.linalg.det(axes))
    turns: list[Floats] = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turn = np.eye(3)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(turn) < 0 or np.allclose(turn, np.eye(3)):
                continue
            first = np.eye(4)
            first[:3, :3] = axes.T @ turn @ axes
            first[:3, 3] = middle - first[:3, :3] @ middle
            turns.append(transform @ first)
    return turns


def _distinct(starts: list[Floats], clouds: tuple[Surface, Surface], voxel: float) -> list[Floats]:
    """The starts that lay most of one cloud on the other, no two of them alike."""
    model, scan = clouds
    few = model.points[:: max(1, len(model.points) // 400)]
    scored = []
    for start in starts:
        forth = scan.tree.query(moved(start, few), distance_upper_bound=2.0 * voxel)[0]
        other = scan.points[:: max(1, len(scan.points) // 400)]
        back = model.tree.query(moved(np.linalg.inv(start), other), distance_upper_bound=2.0 * voxel)[0]
        scored.append(max(float(np.mean(1.0 - np.minimum(d / (2.0 * voxel), 1.0) ** 2)) for d in (forth, back)))
    kept: list[Floats] = []
    for index in np.argsort(-np.array(scored), kind="stable"):
        if all(_apart(starts[index], other, few) > 2.0 * voxel for other in kept):
            kept.append(starts[index])
        if len(kept) == _MOST_STARTS:
            break
    return kept


def _apart(a: Floats, b: Floats, points: Floats) -> float:
    """How far two transforms take points apart, root mean square."""
    return math.sqrt(float(np.mean(np.sum((moved(a, points) - moved(b, points)) ** 2, axis=1))))


def moved(transform: Floats, points: Floats) -> Floats:
    """(n, 3) points by a (4, 4) transform."""
    there: Floats = points @ transform[:3, :3].T + transform[:3, 3]
    return there


def _rigid(here: Floats, there: Floats) -> Floats:
    """The rigid transform of least squares between paired points (Kabsch 1976)."""
    a, b = here.mean(axis=0), there.mean(axis=0)
    u, _, vt = np.linalg.svd((here - a).T @ (there - b))
    turn = vt.T @ np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = turn, b - turn @ a
    return transform
