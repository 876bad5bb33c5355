"""Gains of the joint controllers, from the masses that they move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pinocchio as pin

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

FREQUENCY_RAD_S = 100.0
"""Natural frequency of each joint at the inertia that the gains are made for."""

SAG = 0.0003
"""The weight of what the arm carries, which the controller does not know, bends no joint by more, rad or m: less than the
driver's tolerance. A heavy part makes a joint stiffer than that, and then less damped."""

GRAVITY_M_S2 = 9.81

DAMPING_RATIO = 1.0
STEP_S = 0.002
"""The physics step. Gazebo tells clock and joint states at every one of them, so a finer one costs more than physics."""

TORQUE_RATIO = 6.0
"""Greatest torque over that of the described acceleration: enough for all joints moving at once."""

GYRATION_M = 0.05
"""Radius of gyration of tool and part."""

_POSTURES = 200
_LEAST_INERTIA = 1e-3
_STABLE = 0.8
"""Damping times step over the least inertia: explicit damping is unstable from 2 on, and rings from 1 on."""


@dataclass(frozen=True)
class Gains:
    """Of one joint: torque per rad and per rad/s, and the greatest one; for a sliding joint force, per m and m/s.

    No integral part: links and tools are weightless, and it would only wind up on the way.
    """

    proportional: float
    damping: float
    most: float


def gains_of(
    model: pin.Model, accelerations: Vector, payload_kg: float, tip_frame: int, carried_kg: float = 0.0
) -> tuple[Gains, ...]:
    """Gains for each joint of a Pinocchio model with masses, and a payload at the tip.

    The inertia that a joint feels changes with the posture: the gains are made for the mean over random postures,
    the damping is kept under what the least of them bears at the physics step. `accelerations` bound the torque. Of the
    payload `carried_kg` has weight.
    """
    low, mean, high = _inertias(model, payload_kg, tip_frame)
    weight = carried_kg * GRAVITY_M_S2 * _levers(model, tip_frame)
    found = []
    for least, usual, most, acceleration, load in zip(low, mean, high, accelerations, weight, strict=True):
        damping = min(2.0 * DAMPING_RATIO * FREQUENCY_RAD_S * usual, _STABLE * least / STEP_S)
        proportional = min(usual * FREQUENCY_RAD_S**2, damping**2 / (4.0 * DAMPING_RATIO**2 * usual))
        gains = (max(proportional, load / SAG), damping, TORQUE_RATIO * most * acceleration + load)
        found.append(Gains(*(float(gain) for gain in gains)))
    return tuple(found)


def usual_inertias(model: pin.Model, tip_frame: int) -> Vector:
    """Mean inertia that each joint feels over random postures without a payload, kg m2; kg for a sliding joint."""
    return _inertias(model, 0.0, tip_frame)[1]


def _levers(model: pin.Model, tip_frame: int) -> Vector:
    """Greatest torque (force for a sliding joint) of a unit weight at the tip on each joint, m, over random postures."""
    data, rng = model.createData(), np.random.default_rng(0)
    rows = []
    for _ in range(_POSTURES):
        q = rng.uniform(model.lowerPositionLimit, model.upperPositionLimit)
        rows.append(pin.computeFrameJacobian(model, data, q, tip_frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)[2])
    return np.abs(np.array(rows)).max(axis=0)


def _inertias(model: pin.Model, payload_kg: float, tip_frame: int) -> tuple[Vector, Vector, Vector]:
    """Least, mean and greatest of the mass matrix's diagonal over random postures, without and with the payload."""
    data, rng = model.createData(), np.random.default_rng(0)
    rows = []
    for _ in range(_POSTURES):
        q = rng.uniform(model.lowerPositionLimit, model.upperPositionLimit)
        bare = np.diag(pin.crba(model, data, q)).copy()
        jacobian = pin.computeFrameJacobian(model, data, q, tip_frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        moved = np.sum(jacobian[:3] ** 2, axis=0) + GYRATION_M**2 * np.sum(jacobian[3:] ** 2, axis=0)
        rows += [bare, bare + payload_kg * moved]
    table = np.maximum(np.array(rows), _LEAST_INERTIA)
    return table.min(axis=0), table.mean(axis=0), table.max(axis=0)
