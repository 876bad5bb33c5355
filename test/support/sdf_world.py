"""A generated SDF world, read back: where each collision stands, what each body weighs, which topics there are."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

import coal
import numpy as np

from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec, SphereShape
from microcell.gazebo.inertia import Body, given
from microcell.geometry import Pose


@dataclass(frozen=True)
class Felt:
    """One collision: its model, shape and pose in the world, and what it collides with."""

    model: str
    shape: ShapeSpec
    pose: Pose
    mask: int


def models(root: ET.Element) -> dict[str, ET.Element]:
    return {model.attrib["name"]: model for model in root.iter("model")}


def pose_of(element: ET.Element) -> Pose:
    told = element.find("pose")
    if told is None or not told.text:
        return Pose()
    x, y, z, *q = map(float, told.text.split())
    return Pose((x, y, z), (q[0], q[1], q[2], q[3])) if q else Pose((x, y, z))


def link_poses(model: ET.Element) -> dict[str, Pose]:
    """Pose of each link in the world with all joints at zero."""
    joints = {joint.attrib["name"]: joint for joint in model.findall("joint")}
    links = {link.attrib["name"]: link for link in model.findall("link")}

    def resolve(name: str) -> Pose:
        told = links[name].find("pose")
        if told is None or "relative_to" not in told.attrib:
            return pose_of(model) @ pose_of(links[name])
        joint = joints[told.attrib["relative_to"]]
        frame = joint.find("pose")
        parent = joint.findtext("parent", "")
        origin = pose_of(joint)
        assert frame is None or frame.get("relative_to", parent) == parent
        return resolve(parent) @ origin @ pose_of(links[name])

    return {name: resolve(name) for name in links}


def bodies(model: ET.Element) -> Iterator[Body]:
    for link in model.findall("link"):
        inertial = link.find("inertial")
        if inertial is not None:
            keys = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
            entries = [float(inertial.findtext(f"inertia/{key}", "nan")) for key in keys]
            yield given(float(inertial.findtext("mass", "nan")), pose_of(inertial), entries)


def felt(root: ET.Element) -> Iterator[Felt]:
    for name, model in models(root).items():
        poses = link_poses(model)
        for link in model.findall("link"):
            for collision in link.findall("collision"):
                mask = int(collision.findtext("surface/contact/collide_bitmask", "65535"))
                yield Felt(name, shape_of(collision), poses[link.attrib["name"]] @ pose_of(collision), mask)


def shape_of(element: ET.Element) -> ShapeSpec:
    size = element.findtext("geometry/box/size")
    if size:
        x, y, z = map(float, size.split())
        return BoxShape(box_m=(x, y, z))
    ball = element.findtext("geometry/sphere/radius")
    if ball:
        return SphereShape(sphere_radius_m=float(ball))
    radius, length = (float(element.findtext(f"geometry/cylinder/{key}", "")) for key in ("radius", "length"))
    return CylinderShape(radius_m=radius, length_m=length)


def depth_m(a: Felt, b: Felt) -> float:
    """How deep two collisions are in each other, m."""
    request, result = coal.CollisionRequest(), coal.CollisionResult()
    request.enable_contact = True
    coal.collide(_geometry(a.shape), _transform(a.pose), _geometry(b.shape), _transform(b.pose), request, result)
    return -min((result.getContact(k).penetration_depth for k in range(result.numContacts())), default=0.0)


def _geometry(shape: ShapeSpec) -> coal.CollisionGeometry:
    if isinstance(shape, BoxShape):
        return coal.Box(*shape.box_m)
    if isinstance(shape, CylinderShape):
        return coal.Cylinder(shape.radius_m, shape.length_m)
    return coal.Sphere(shape.sphere_radius_m)


def _transform(pose: Pose) -> coal.Transform3s:
    axes = np.array([np.array(pose.apply(axis)) - np.array(pose.position) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]).T
    return coal.Transform3s(axes, np.array(pose.position))
