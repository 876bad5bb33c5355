"""Motions of one arm of a line, each worked out once: a line repeats them for unit after unit, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.motion.contacts import Allowed, Touch, deeper, told
from microcell.motion.limits import Joints, Limits
from microcell.motion.payload import check_carrying
from microcell.motion.trajectory import JointTrajectory

if TYPE_CHECKING:
    from microcell.motion.collision import CollisionChecker, Pairs
    from microcell.motion.planning import Free

KEPT_MOTIONS = 512
"""So many of each kind are remembered, the latest used ones: some tens of kB each."""

KEPT_CHECKERS = 48
COLUMN_M = 0.02
"""So near to a pocket's axis a line leads into the pocket, or out of it."""

CORNER_M = 0.0005
"""So near to each of its corners a way of several legs passes."""

PATH_STEP_M = 0.002
"""Steps of such a way: a rounded corner has three or more."""

LOOK_M = 0.002
"""Near something, no point of the arm goes further from one look to the next: nothing of that thickness is jumped over."""

CLEARANCE_M = 0.015
"""A joint motion that keeps so far from everything needs no finer look."""

MARGIN_M = 0.004
"""What ways around keep to everything: more than a look at every 0.01 rad can miss."""

SEED = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What hangs at the flange: a tool of the line and a part (or unit) of its product by name, "" for none.

    `product` is the part's; "" for that of the cell's first line.
    """

    tool: str = ""
    part: str = ""
    product: str = ""


class MotionPlanner:
    """Plans for one arm among what stands in its cell, and remembers: the same question gets the very same answer.

    Joints in rad (m for sliding joints), base to tip; poses are those of the flange in the arm's base. Faults are not
    remembered but raised anew: ARM_UNREACHABLE, ARM_SINGULAR, ARM_LIMIT, ARM_OVERLOADED, and ARM_BLOCKED with the names
    of what would collide.
    """

    def __init__(self, line: Line, arm: str) -> None:
        from microcell.motion.cell_scene import cell_scene
        from microcell.motion.inverse import InverseKinematics
        from microcell.motion.robot import RobotModel

        spec: ArmSpec = line.cell_description.devices[arm]  # type: ignore[assignment]
        self.name = arm
        self.spec = spec
        self.limits = Limits.of(spec.joints)
        self._line = line
        self.model = RobotModel.of(spec, arm)
        self._inverse = InverseKinematics(self.model, careful=True)
        self._scene = cell_scene(line, arm)
        self._pockets = {name: crib.pockets for name, crib in line.cell_description.of_kind("tool_crib").items()}
        # A model of its own: it is asked where the arm is while another thread plans with the first.
        self.forward = lru_cache(maxsize=KEPT_MOTIONS)(RobotModel.of(spec, arm).forward)
        self.inverse = lru_cache(maxsize=KEPT_MOTIONS)(self._solve)
        self.line = lru_cache(maxsize=KEPT_MOTIONS)(self._line_rows)
        self.joint_move = lru_cache(maxsize=KEPT_MOTIONS)(self._plan_joint_move)
        self.straight_move = lru_cache(maxsize=KEPT_MOTIONS)(self._plan_straight_move)
        self.path_move = lru_cache(maxsize=KEPT_MOTIONS)(self._plan_path_move)
        self._checker = lru_cache(maxsize=KEPT_CHECKERS)(self._make_checker)
        self._alone = lru_cache(maxsize=KEPT_CHECKERS)(self._make_alone)

    def check_payload(self, load: Load) -> None:
        """ARM_OVERLOADED when a load is too heavy for the arm or reaches too far out: with it, no motion is planned."""
        check_carrying(self._line, self.name, load.tool, load.part)

    def reach(self, flange_in_base: Pose, near: Joints) -> Joints:
        """Joints that bring the flange there, nearest to `near`, whatever is in the way."""
        return self._inverse.solve(flange_in_base, near)

    def hits(self, joints: Joints, load: Load) -> Pairs:
        """What the arm with a load touches."""
        return self._checker(load).hits(joints)

    def check_line(
        self, rows: Sequence[Joints], load: Load, working_at: frozenset[str], guarded: bool, finely: bool = True
    ) -> None:
        """ARM_BLOCKED when on a straight `line` tool or part would be where they may not (`Allowed`).

        Not looked at `finely`, something thinner than the line's steps of a centimetre may be passed over.
        """
        coupling = self._coupling_at(self.model.forward(rows[-1]), working_at)
        self._check_rows(rows, load, Allowed(working_at, coupling, guarded), finely)

    def check_way(self, start: Joints, goal: Joints, load: Load) -> None:
        """ARM_BLOCKED where `joint_move` finds no way: it asks as that does, but leaves out what makes a way found quick."""
        self._joint_way(start, goal, load, shortened=False)

    def _solve(self, flange_in_base: Pose, near: Joints, load: Load) -> Joints:
        """Joints that bring the flange there without a collision, nearest to `near`."""
        from microcell.motion.postures import posture

        checker = self._checker(load)
        try:
            return posture(self._inverse, flange_in_base, near, checker, self._alone(load))
        except FaultError as error:
            if error.fault.code != "ARM_BLOCKED":
                raise
        raise self._blocked("the goal", checker.hits(self.reach(flange_in_base, near)))

    def _plan_joint_move(self, start: Joints, goal: Joints, speed_ratio: float, load: Load) -> JointTrajectory:
        """All joints together from rest to rest; around what stands in the way."""
        from microcell.motion.planning import time_way

        return time_way(self.limits, *self._joint_way(start, goal, load), speed_ratio)

    def _joint_way(self, start: Joints, goal: Joints, load: Load, shortened: bool = True) -> tuple[tuple[Joints, ...], Free]:
        """Corners of a free way in joint space, both ends among them, and what says of joints whether they are free."""
        from microcell.motion.planning import plan_path

        checker = self._checker(load)
        if self._checker(load, CLEARANCE_M).way_surely_free(start, goal):
            return (start, goal), checker.free
        known = () if checker.free(start) else checker.touches(start)
        self._check_free(checker, goal, known, "the goal")
        careful = self._checker(load, MARGIN_M)
        if careful.free(start) and careful.free(goal):  # else it leaves or enters a narrow place
            checker = careful

        def free(row: Joints) -> bool:
            return not _new_hits(checker, row, known)

        try:
            return plan_path(self.limits, start, goal, free, SEED, shortened=shortened), free
        except FaultError as error:
            in_the_way = told(checker.way_hits(start, goal))
            detail = f"{error.fault.detail}; on the straight way {in_the_way}" if in_the_way else error.fault.detail
            raise FaultError(error.fault.code, self.name, detail) from None

    def _plan_straight_move(
        self,
        start: Joints,
        flange_in_base: Pose,
        speed_m_s: float,
        load: Load,
        working_at: frozenset[str],
        guarded: bool = False,
    ) -> JointTrajectory:
        """The flange on a straight line (and evenly turning) from rest to rest at up to a speed.

        At the stations `working_at`, tool and part may be where they have to (`Allowed`). What is touched at the start may
        be left, or pressed on by a `guarded` motion, which a force sensor stops.
        """
        from microcell.motion.timing import time_line

        rows = self.line(start, flange_in_base)
        self.check_line(rows, load, working_at, guarded)
        return time_line(self.limits, rows, distance(self.model.forward(start), flange_in_base), speed_m_s)

    def _line_rows(self, start: Joints, flange_in_base: Pose) -> tuple[Joints, ...]:
        """Joints along the straight line of the flange, both ends included, whatever is in the way."""
        from microcell.motion.straight import line_rows

        return line_rows(self._inverse, start, flange_in_base)

    def _plan_path_move(
        self, start: Joints, way_in_base: tuple[Pose, ...], speed_m_s: float, load: Load, working_at: frozenset[str]
    ) -> JointTrajectory:
        """The flange through the corners of a way, rounded by up to `CORNER_M`, from rest to rest, as evenly as it can.

        Between its ends the speed is the same everywhere: what the tightest corner allows, and no more than `speed_m_s`.
        """
        from microcell.motion.polyline import even_poses
        from microcell.motion.timing import time_line

        poses, length_m = even_poses((self.model.forward(start), *way_in_base), CORNER_M, PATH_STEP_M)
        rows = self._inverse.along(poses[1:], start)
        self._check_rows((start, *rows), load, Allowed(working_at))
        return time_line(self.limits, (start, *rows), length_m, speed_m_s)

    def _check_rows(self, rows: Sequence[Joints], load: Load, allowed: Allowed, finely: bool = True) -> None:
        """ARM_BLOCKED where a line touches what it may not: legs that keep well clear are not looked at finely."""
        checker = self._checker(load)
        if not checker.free(rows[0]):
            allowed.start_with(checker.touches(rows[0]))
        for a, b in pairwise(rows):
            if not finely:
                self._check_allowed(checker, b, allowed)
            elif not self._checker(load, CLEARANCE_M).way_surely_free(a, b):
                count = math.ceil(checker.sweep_m(a, b) / LOOK_M) or 1
                for k in range(1, count + 1):
                    self._check_allowed(checker, tuple(p + (q - p) * k / count for p, q in zip(a, b, strict=True)), allowed)

    def _check_allowed(self, checker: CollisionChecker, joints: Joints, allowed: Allowed) -> None:
        if not checker.free(joints) and (pairs := allowed.forbidden(checker.touches(joints))):
            raise self._blocked("the straight way", pairs)

    def _check_free(self, checker: CollisionChecker, joints: Joints, known: Sequence[Touch], what: str) -> None:
        if pairs := _new_hits(checker, joints, known):
            raise self._blocked(what, pairs)

    def _blocked(self, what: str, pairs: Iterable[tuple[str, str]]) -> FaultError:
        return FaultError("ARM_BLOCKED", self.name, f"on {what} {told(pairs)}")

    def _coupling_at(self, flange_in_base: Pose, working_at: frozenset[str]) -> frozenset[str]:
        """The tool in whose pocket, of a crib that is worked at, a line ends: the flange may touch it, and no other."""
        x, y, _ = (self.spec.base_in_cell.pose @ flange_in_base).position
        pockets = (pocket for crib in working_at for pocket in self._pockets.get(crib, ()))
        return frozenset(p.tool for p in pockets if p.tool and math.dist((x, y), p.flange_in_cell.xyz_m[:2]) <= COLUMN_M)

    def _make_checker(self, load: Load, clearance_m: float = 0.0) -> CollisionChecker:
        from microcell.motion.carried import carried_solids
        from microcell.motion.collision import CollisionChecker

        self.check_payload(load)
        carried = carried_solids(self._line, load.tool, load.part)
        scene = self._scene.without(load.tool)
        return CollisionChecker(self.model, self.spec.base_in_cell.pose, scene, carried, clearance_m=clearance_m)

    def _make_alone(self, load: Load) -> CollisionChecker:
        """Of the arm and what it carries, with nothing around."""
        from microcell.motion.carried import carried_solids
        from microcell.motion.collision import CollisionChecker
        from microcell.motion.scene import Scene

        return CollisionChecker(self.model, Pose(), Scene(), carried_solids(self._line, load.tool, load.part))


def _new_hits(checker: CollisionChecker, joints: Joints, known: Sequence[Touch]) -> list[tuple[str, str]]:
    """What touches what, but for what was touched at the start and is no deeper; the quick question comes first."""
    if checker.free(joints):
        return []
    return deeper(checker.touches(joints), known) if known else checker.hits(joints)
