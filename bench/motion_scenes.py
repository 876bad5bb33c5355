"""Random obstacles around an arm, and a collision check that shares no code with the planner's.

Ten boxes and cylinders stand on the bench within the arm's reach. Where an arm works from above with a sliding joint, they
end where half of its stroke is: a fixture in the height of a SCARA's arms would cut its room in two, and nobody puts
one there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from microcell.geometry import Pose
from microcell.motion.limits import Joints
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, box, cylinder

OBSTACLES = 10
PLATE_M = 0.04
POSTURES = 300


@dataclass(frozen=True)
class Obstacle:
    """An upright box (three edges) or cylinder (radius and length), m, by its middle in the arm's base."""

    size_m: tuple[float, ...]
    middle_m: tuple[float, float, float]

    @property
    def is_box(self) -> bool:
        return len(self.size_m) == 3


@dataclass(frozen=True)
class Room:
    """What an arm reaches: how far, and from which height its obstacles stand up (or hang down) to which."""

    reach_m: float
    from_m: float
    to_m: float

    @classmethod
    def of(cls, model: RobotModel) -> Room:
        limits = model.limits
        random = np.random.default_rng(0)
        tips = [model.forward(tuple(q)).position for q in random.uniform(limits.lower, limits.upper, (POSTURES, model.n))]
        reach = max(math.hypot(x, y) for x, y, _ in tips)
        slides = zip(limits.sliding, model.zero_posture().axes, strict=True)
        if not any(sliding and abs(axis[2]) > 0.9 for sliding, axis in slides):
            return cls(reach, -PLATE_M, 0.45 * reach)
        half = model.forward(tuple((a + b) / 2.0 for a, b in zip(limits.lower, limits.upper, strict=True))).position[2]
        shoulders = model.pin_model.jointPlacements
        arms = shoulders[1].translation[2] + shoulders[2].translation[2]
        return cls(reach, half - math.copysign(0.4 * reach, arms - half), half)


def obstacles(model: RobotModel, ready: Joints, seed: int) -> list[Obstacle]:
    """A plate and obstacles, none of which touches the arm in the posture `ready`."""
    random = np.random.default_rng(seed)
    room = Room.of(model)
    plate_m = room.from_m - math.copysign(PLATE_M / 2.0, room.to_m - room.from_m)
    made = [Obstacle((3.0 * room.reach_m, 3.0 * room.reach_m, PLATE_M), (0.0, 0.0, plate_m))]
    while len(made) <= OBSTACLES:
        candidate = _obstacle(room, random)
        if independent_check(model, [candidate], clearance_m=0.03)(ready):
            made.append(candidate)
    return made


def _obstacle(room: Room, random: np.random.Generator) -> Obstacle:
    angle, away = random.uniform(-math.pi, math.pi), random.uniform(0.4, 0.9) * room.reach_m
    height = random.uniform(0.4, 1.0) * (room.to_m - room.from_m)
    slides = room.from_m != -PLATE_M
    middle_z = room.to_m - height / 2.0 if slides else room.from_m + height / 2.0
    middle = (away * math.cos(angle), away * math.sin(angle), middle_z)
    if random.random() < 0.5:
        across, along = random.uniform(0.08, 0.2, 2) * room.reach_m
        return Obstacle((float(across), float(along), abs(height)), middle)
    return Obstacle((float(random.uniform(0.03, 0.07) * room.reach_m), abs(height)), middle)


def scene_of(obstacles: list[Obstacle]) -> Scene:
    """The obstacles as the planner knows them; the cell frame is the arm's base."""
    scene = Scene()
    for number, obstacle in enumerate(obstacles):
        name, pose = f"obstacle_{number}", Pose(obstacle.middle_m)
        solid = box(name, obstacle.size_m, pose) if obstacle.is_box else cylinder(name, *obstacle.size_m, pose)  # type: ignore[arg-type]
        scene = scene.with_body(name, [solid])
    return scene


def independent_check(model: RobotModel, obstacles: list[Obstacle], clearance_m: float = 0.0) -> Callable[[Joints], bool]:
    """Whether joints are free, by Pinocchio's plain check of all pairs on a geometry model that is made here.

    The clearance is that to the obstacles: an arm's own links may be nearer to each other.
    """
    geometry = model.pin_geometry.copy()
    own = len(geometry.collisionPairs)
    links = len(geometry.geometryObjects)
    for number, obstacle in enumerate(obstacles):
        shape = coal.Box(*obstacle.size_m) if obstacle.is_box else coal.Cylinder(*obstacle.size_m)
        placed = pin.SE3(np.eye(3), np.array(obstacle.middle_m))
        added = geometry.addGeometryObject(pin.GeometryObject(f"obstacle_{number}", 0, 0, placed, shape))
        for link in range(links):
            if geometry.geometryObjects[link].parentJoint > 0:
                geometry.addCollisionPair(pin.CollisionPair(link, added))
    data, results = model.pin_model.createData(), geometry.createData()
    for number, request in enumerate(results.collisionRequests):
        request.security_margin = clearance_m if number >= own else 0.0

    def free(joints: Joints) -> bool:
        return not pin.computeCollisions(model.pin_model, data, geometry, results, np.asarray(joints), True)

    return free
