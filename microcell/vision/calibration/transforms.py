"""Many poses at once as arrays of 4 x 4 matrices: `b_in_a` takes points of frame b to frame a."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from microcell.geometry import Pose

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def assembled(rotation: Rotation, positions_m: Any) -> Floats:
    """(n, 4, 4) transforms of n rotations and (n, 3) positions."""
    turns = rotation.as_matrix().reshape(-1, 3, 3)
    found = np.tile(np.eye(4), (len(turns), 1, 1))
    found[:, :3, :3] = turns
    found[:, :3, 3] = positions_m
    return found


def of_twist(values: Any) -> Floats:
    """The (4, 4) transform of a rotation vector in rad and a position in m, (6,)."""
    return assembled(Rotation.from_rotvec(values[:3]), values[3:6])[0]


def twist_of(transform: Floats) -> Floats:
    """Rotation vector in rad and position in m, (6,), of a (4, 4) transform."""
    return np.concatenate((rotation_vectors(transform[None])[0], transform[:3, 3]))


def inverse(transforms: Floats) -> Floats:
    """The inverse of each, (..., 4, 4)."""
    found = np.zeros_like(transforms)
    turned_back = np.swapaxes(transforms[..., :3, :3], -1, -2)
    found[..., :3, :3] = turned_back
    found[..., :3, 3] = -np.einsum("...ij,...j->...i", turned_back, transforms[..., :3, 3])
    found[..., 3, 3] = 1.0
    return found


def rotation_vectors(transforms: Floats) -> Floats:
    """(n, 3) rotation vectors in rad of (n, 4, 4) transforms or (n, 3, 3) rotations."""
    vectors: Floats = Rotation.from_matrix(transforms[:, :3, :3]).as_rotvec()
    return vectors


def turns_of(rotations: Floats) -> Floats:
    """The same of (n, 3, 3) rotations, ten times faster; near half a turn only the size is right."""
    sines = 0.5 * np.stack(
        [rotations[:, (k + 2) % 3, (k + 1) % 3] - rotations[:, (k + 1) % 3, (k + 2) % 3] for k in range(3)], axis=1
    )
    size = np.linalg.norm(sines, axis=1)
    angle = np.arctan2(size, 0.5 * (np.trace(rotations, axis1=1, axis2=2) - 1.0))
    factor = np.where(size > 1e-9, angle / np.maximum(size, 1e-9), 1.0)
    turned: Floats = sines * factor[:, None]
    return turned


def middle(transforms: Floats) -> Floats:
    """One (4, 4) transform amid many: the median position and the mean of the half of the turns nearest each other."""
    rotations = transforms[:, :3, :3]
    mean = nearest_rotation(rotations.mean(axis=0))
    for _ in range(3):
        cosines = np.einsum("ij,nij->n", mean, rotations)
        mean = nearest_rotation(rotations[np.argsort(-cosines, kind="stable")[: (len(rotations) + 1) // 2]].mean(axis=0))
    found = np.eye(4)
    found[:3, :3] = mean
    found[:3, 3] = np.median(transforms[:, :3, 3], axis=0)
    return found


def nearest_rotation(matrix: Floats) -> Floats:
    """The rotation nearest to a (3, 3) matrix."""
    u, _, vt = np.linalg.svd(matrix)
    nearest: Floats = u @ np.diag((1.0, 1.0, np.sign(np.linalg.det(u @ vt)))) @ vt
    return nearest


def as_pose(transform: Floats) -> Pose:
    """A (4, 4) transform as a pose; its quaternion with w >= 0."""
    x, y, z, w = (float(v) for v in Rotation.from_matrix(transform[:3, :3]).as_quat())
    sign = -1.0 if w < 0.0 else 1.0
    px, py, pz = (float(v) for v in transform[:3, 3])
    return Pose((px, py, pz), (sign * x, sign * y, sign * z, sign * w))


def of_pose(pose: Pose) -> Floats:
    """A pose as a (4, 4) transform."""
    return assembled(Rotation.from_quat(pose.orientation), pose.position)[0]
