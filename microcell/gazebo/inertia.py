"""Mass, centre and inertia of bodies made of several solids, and whether they are physical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from microcell.description.shape import ShapeSpec
from microcell.gazebo.elements import solid_inertia, volume_m3
from microcell.geometry import Pose, rotate

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

LEAST_MASS_KG = 1e-4
"""Physics engines become unstable with lighter bodies."""

LEAST_INERTIA_KG_M2 = 1e-8


@dataclass(frozen=True)
class Body:
    """Mass in kg, centre of mass in the link, (3, 3) inertia about it along the link's axes, kg m2."""

    mass_kg: float
    centre_m: tuple[float, float, float]
    inertia: Matrix

    @property
    def entries(self) -> tuple[float, ...]:
        """(ixx, ixy, ixz, iyy, iyz, izz)."""
        matrix = self.inertia
        return tuple(float(matrix[i, k]) for i, k in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))

    @property
    def pose(self) -> Pose:
        """The centre of mass as a frame along the link's axes."""
        return Pose(self.centre_m)

    def scaled(self, mass_kg: float) -> Body:
        """The same body with another density."""
        return Body(mass_kg, self.centre_m, self.inertia * (mass_kg / self.mass_kg))


FRAME = Body(1e-3, (0.0, 0.0, 0.0), np.eye(3) * 1e-6)
"""A link without a body gets next to none."""


def body_of(solids: Sequence[tuple[ShapeSpec, Pose]], mass_kg: float) -> Body:
    """A body of one density, of primitives that each have their middle at a pose of the link. At least one."""
    volumes = [volume_m3(shape) for shape, _ in solids]
    masses = [mass_kg * volume / sum(volumes) for volume in volumes]
    parts = [
        Body(mass, pose.position, turned(_matrix(solid_inertia(shape, mass)), pose))
        for mass, (shape, pose) in zip(masses, solids, strict=True)
    ]
    return joined(parts)


def given(mass_kg: float, pose: Pose, entries: Sequence[float]) -> Body:
    """A body as a robot file gives it: the inertia along the axes of its own frame."""
    return Body(mass_kg, pose.position, turned(_matrix(entries), pose))


def joined(bodies: Sequence[Body]) -> Body:
    """Several bodies as one (Steiner's theorem)."""
    mass_kg = sum(body.mass_kg for body in bodies)
    centre = np.sum([body.mass_kg * np.array(body.centre_m) for body in bodies], axis=0) / mass_kg
    inertia = np.zeros((3, 3))
    for body in bodies:
        off = np.array(body.centre_m) - centre
        inertia += body.inertia + body.mass_kg * (off @ off * np.eye(3) - np.outer(off, off))
    x, y, z = (float(value) for value in centre)
    return Body(mass_kg, (x, y, z), inertia)


def robust(body: Body) -> Body:
    """A body that a physics engine can work with: not lighter or thinner than its numbers can bear."""
    mass_kg = max(body.mass_kg, LEAST_MASS_KG)
    values, axes = np.linalg.eigh(body.inertia * (mass_kg / body.mass_kg))
    values = np.maximum(values, LEAST_INERTIA_KG_M2)
    values[2] = min(values[2], values[0] + values[1])
    return Body(mass_kg, body.centre_m, axes @ np.diag(values) @ axes.T)


def is_physical(body: Body) -> bool:
    """Whether a rigid body can have this: positive mass, positive definite, triangle inequality of the moments."""
    low, middle, high = np.linalg.eigvalsh(body.inertia)
    return bool(body.mass_kg > 0.0 and low > 0.0 and low + middle >= high * (1.0 - 1e-6))


def turned(inertia: Matrix, pose: Pose) -> Matrix:
    """The inertia of a turned frame along the axes of the frame around it."""
    axes = np.array([rotate(pose.orientation, axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]).T
    return np.asarray(axes @ inertia @ axes.T)


def _matrix(entries: Sequence[float]) -> Matrix:
    xx, xy, xz, yy, yz, zz = entries
    return np.array(((xx, xy, xz), (xy, yy, yz), (xz, yz, zz)))
