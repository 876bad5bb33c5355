"""Solids and poses as coal and Pinocchio know them. Imports both: imported where it is used."""

from __future__ import annotations

from typing import Any

import coal
import numpy as np
import pinocchio as pin

from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec
from microcell.geometry import Pose
from microcell.motion.hulls import HullShape


def coal_shape(shape: ShapeSpec) -> Any:
    """A shape as coal knows it."""
    if isinstance(shape, HullShape):
        corners = coal.StdVec_Vec3s()
        corners.extend(np.array(corner) for corner in shape.corners_m)
        hull = coal.Convex.convexHull(corners, True, "Qt")
        hull.setSweptSphereRadius(shape.grown_m)
        return hull
    if isinstance(shape, BoxShape):
        return coal.Box(*shape.box_m)
    if isinstance(shape, CylinderShape):
        return coal.Cylinder(shape.radius_m, shape.length_m)
    return coal.Sphere(shape.sphere_radius_m)


def se3(pose: Pose) -> pin.SE3:
    """A pose as Pinocchio knows it."""
    quaternion = np.array(pose.orientation)
    return pin.XYZQUATToSE3(np.concatenate((pose.position, quaternion / np.linalg.norm(quaternion))))
