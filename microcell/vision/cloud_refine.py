"""Lay one cloud on another from near by: point to plane, with robust weights, and the covariance of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.vision.cloud import normals

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

_ITERATIONS = 25
_CORRELATED = 4.0
"""Neighbouring points of a surface share their error: so many count as one."""


@dataclass(frozen=True)
class Surface:
    """Points with their normals (of either sign) and a search tree."""

    points: Floats
    normals: Floats
    tree: Any

    @classmethod
    def of(cls, points: Floats) -> Surface:
        from scipy.spatial import cKDTree

        return cls(points, normals(points), cKDTree(points))


@dataclass(frozen=True)
class Refined:
    """A transform with how well it lays the clouds on each other; `score` is greater for a better one."""

    transform: Floats
    overlap_ratio: float
    rms_m: float
    covariance: Floats
    score: float


def refine(model: Surface, scan: Surface, start: Floats, within_m: float) -> Refined:
    """Improve a transform from model to scan; pairs farther apart than `within_m` do not count.

    Point to plane (Chen and Medioni 1992) from the cloud that lies more wholly on the other.
    """
    inverse = _overlap(model, scan, start, within_m) < _overlap(scan, model, np.linalg.inv(start), within_m)
    source, target = (scan, model) if inverse else (model, scan)
    transform = _inverted(start) if inverse else start
    normal: Floats = np.eye(6)
    sigma = within_m
    for iteration in range(_ITERATIONS):
        reach = within_m * max(1.0, 3.0 - 0.4 * iteration)
        step, normal, sigma = _step(source, target, transform, reach)
        transform = _nudged(transform, step, source)
        if iteration > 5 and np.abs(step).max() < 1e-9 * max(1.0, float(np.abs(source.points).max())):
            break
    distance, index = target.tree.query(_moved(transform, source.points))
    near = distance < within_m
    off = np.abs(np.einsum("ni,ni->n", _moved(transform, source.points) - target.points[index], target.normals[index]))
    share = float(np.mean(near))
    rms = float(np.sqrt(np.mean(off[near] ** 2))) if near.any() else within_m
    score = float(np.mean(np.where(near, 1.0 - np.minimum(off / within_m, 1.0), 0.0)))
    covariance = sigma**2 * _CORRELATED * np.linalg.pinv(normal)
    if inverse:
        covariance = _of_inverse(covariance, transform, source, model)
        transform = _inverted(transform)
    return Refined(transform, share, rms, covariance, score)


def _step(source: Surface, target: Surface, transform: Floats, within_m: float) -> tuple[Floats, Floats, float]:
    """One Gauss-Newton step (shift, rotation vector about the moved source's middle), its normal matrix and the spread."""
    there = _moved(transform, source.points)
    distance, index = target.tree.query(there, distance_upper_bound=within_m)
    near = np.isfinite(distance)
    if np.count_nonzero(near) < 10:
        return np.zeros(6), np.eye(6), within_m
    points, across = there[near], target.normals[index[near]]
    off = np.einsum("ni,ni->n", points - target.points[index[near]], across)
    spread = max(1.4826 * float(np.median(np.abs(off))), 1e-3 * within_m)
    weight = 1.0 / (1.0 + (off / (2.0 * spread)) ** 2)
    arms = points - there.mean(axis=0)
    rows = np.hstack((across, np.cross(arms, across)))
    normal = rows.T @ (rows * weight[:, None])
    step = -np.linalg.lstsq(normal, rows.T @ (weight * off), rcond=1e-10)[0]
    return step, normal, spread


def _nudged(transform: Floats, step: Floats, source: Surface) -> Floats:
    middle = _moved(transform, source.points).mean(axis=0)
    change = np.eye(4)
    change[:3, :3] = cv2.Rodrigues(np.ascontiguousarray(step[3:]))[0]
    change[:3, 3] = middle - change[:3, :3] @ middle + step[:3]
    nudged: Floats = change @ transform
    return nudged


def _of_inverse(covariance: Floats, transform: Floats, source: Surface, model: Surface) -> Floats:
    """The covariance of the inverse transform, about the model's middle as it lies in the scan.

    An error (shift s, turn w about c) of scan-in-model is, seen in the scan, the turn -R'w and the shift of the model's
    middle m, -R'(s + w x (m - c)).
    """
    turn = transform[:3, :3].T
    arm = model.points.mean(axis=0) - _moved(transform, source.points).mean(axis=0)
    cross = np.array([[0.0, -arm[2], arm[1]], [arm[2], 0.0, -arm[0]], [-arm[1], arm[0], 0.0]])
    change = np.zeros((6, 6))
    change[:3, :3], change[:3, 3:], change[3:, 3:] = -turn, turn @ cross, -turn
    turned: Floats = change @ covariance @ change.T
    return turned


def _overlap(source: Surface, target: Surface, transform: Floats, within_m: float) -> float:
    distance = target.tree.query(_moved(transform, source.points), distance_upper_bound=within_m)[0]
    return float(np.mean(np.isfinite(distance)))


def _inverted(transform: Floats) -> Floats:
    inverse: Floats = np.linalg.inv(transform)
    return inverse


def _moved(transform: Floats, points: Floats) -> Floats:
    moved: Floats = points @ transform[:3, :3].T + transform[:3, 3]
    return moved
