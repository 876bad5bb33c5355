"""One arm, asked whether it comes to a place in the way that skills move: over it at travel height, then straight down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.motion.contacts import Allowed
from microcell.motion.limits import Joints
from microcell.motion.planner import COLUMN_M, Load, MotionPlanner

if TYPE_CHECKING:
    from microcell.motion.collision import CollisionChecker, Pairs
    from microcell.motion.inverse import InverseKinematics
    from microcell.motion.robot import RobotModel
    from microcell.motion.scene import Scene


MOST_FAILURES = 3
"""Ways that planning does not find are told of; after so many no further are looked for: each search takes some seconds."""


class Reacher:
    """An arm of a line among what stands in its cell. Poses are those of the flange in the cell."""

    def __init__(self, line: Line, name: str, spec: ArmSpec) -> None:
        self.spec, self.name = spec, name
        self._line = line
        self._home: Joints = tuple(spec.home_rad)
        self._failures = 0
        self._cell_in_base = spec.base_in_cell.pose.inverse()
        self._checkers: dict[Load, CollisionChecker] = {}
        self._alones: dict[Load, CollisionChecker] = {}
        cribs = line.cell_description.of_kind("tool_crib").items()
        served = [pocket for crib, rack in cribs if spec.works_at(crib) for pocket in rack.pockets]
        self.tools = [pocket.tool for pocket in served if pocket.tool in line.tools]
        self._pockets = {pocket.tool: pocket.flange_in_cell.pose for pocket in served if pocket.tool}

    def why_not(self, flange_in_cell: Pose) -> str:
        """Why the flange does not come there at all, "" when it does."""
        try:
            self._inverse.solve(self._cell_in_base @ flange_in_cell, self._home)
        except FaultError as error:
            return error.fault.detail
        return ""

    def why_no_way(
        self, flange_in_cell: Pose, rise_m: float, load: Load, working_at: frozenset[str], guarded: bool, hover: bool
    ) -> str:
        """Why the arm cannot go over a place, `rise_m` higher, and straight down as skills do; "" when it can.

        The hand may touch the stations `working_at` as planning allows it (`Allowed`), below `approach_m` also by force when
        that is `guarded`. With `hover` the way ends there.
        """
        above = flange_in_cell.shifted(dz=min(self.spec.approach_m, rise_m))
        over = flange_in_cell.shifted(dz=rise_m)
        try:
            checker = self._checker(load)
            joints = self._over(over, load)
            coupling = self._coupling_at(flange_in_cell, working_at)
            for start, end, by_force in ((over, above, False), (above, flange_in_cell, guarded))[: 1 if hover else 2]:
                before, joints = joints, self._straight(joints, start, end)
                allowed = Allowed(working_at, coupling, by_force)
                if not checker.free(before):
                    allowed.start_with(checker.touches(before))
                if not checker.free(joints) and (pairs := allowed.forbidden(checker.touches(joints))):
                    return f"on the straight way {told(pairs)}"
        except FaultError as error:
            return error.fault.detail
        return ""

    def why_not_up(self, flange_in_cell: Pose, rise_m: float, up_m: float) -> str:
        """Why the bare flange, come from `rise_m` over a place, cannot go straight up by `up_m` from there; "" when it can.

        That is how a tool is fetched: an arm with joints to spare comes to another posture than from above with the tool.
        """
        over, up = flange_in_cell.shifted(dz=rise_m), flange_in_cell.shifted(dz=up_m)
        try:
            joints = self._over(over, Load())
            self._straight(self._straight(joints, over, flange_in_cell), flange_in_cell, up)
        except FaultError as error:
            return f"on the way up with it {error.fault.detail}"
        return ""

    def postures(self, flange_in_cell: Pose, rise_m: float, load: Load) -> tuple[Joints, ...]:
        """The joints `rise_m` over a place, and down there; none where the arm does not come."""
        over = flange_in_cell.shifted(dz=rise_m)
        try:
            joints = self._over(over, load)
            return joints, self._straight(joints, over, flange_in_cell)
        except FaultError:
            return ()

    def why_not_across(self, way_in_cell: Sequence[Pose], load: Load) -> str:
        """Why planning finds no way from over the first place of some to over the next, where the hand has been empty over
        the first; "" when it does, or when the arm does not come to the first at all.
        """
        try:
            here = self._planner.inverse(self._cell_in_base @ way_in_cell[0], self._home, replace(load, part=""))
        except FaultError:
            return ""
        return self._why_not_from(here, way_in_cell[1:], load)

    def why_not_from_home(self, way_in_cell: Sequence[Pose]) -> str:
        """Why planning finds no way for the bare arm from home to over some places; "" when it does."""
        return self._why_not_from(self._home, way_in_cell, Load())

    def pocket_of(self, tool: str) -> Pose:
        """Pose of the flange in the cell when it is coupled to a tool in its pocket; KeyError for tools of other arms."""
        return self._pockets[tool]

    def hits_at_home(self) -> Pairs:
        """What the bare arm touches in its home posture."""
        return self._checker(Load()).hits(self._home)

    # inside

    def _why_not_from(self, here: Joints, way_in_cell: Sequence[Pose], load: Load) -> str:
        if self._failures >= MOST_FAILURES:
            return ""
        try:
            for flange_in_cell in way_in_cell:
                there = self._planner.inverse(self._cell_in_base @ flange_in_cell, self._home, load)
                self._planner.joint_way(here, there, load)
                here = there
        except FaultError as error:
            self._failures += 1
            return f"on the way across {error.fault.detail}"
        return ""

    def _over(self, flange_in_cell: Pose, load: Load) -> Joints:
        """The joints over a place, the branch nearest to home that is free."""
        from microcell.motion.postures import posture

        flange, checker = self._cell_in_base @ flange_in_cell, self._checker(load)
        try:
            return posture(self._inverse, flange, self._home, checker, self._alone(load))
        except FaultError as error:
            if error.fault.code != "ARM_BLOCKED":
                high = f"where it goes across, its flange {flange_in_cell.position[2]:.3g} m over the bench"
                detail = f"{high}, {error.fault.detail}"
                raise FaultError(error.fault.code, self.name, detail) from None
        hits = checker.hits(self._inverse.solve(flange, self._home))
        raise FaultError("ARM_BLOCKED", self.name, f"over it {told(hits)}")

    def _straight(self, joints: Joints, start: Pose, end: Pose) -> Joints:
        """The joints at the end of a straight way."""
        from microcell.motion.straight import line_rows

        if distance(start, end) < 1e-6:
            return joints
        return line_rows(self._inverse, joints, self._cell_in_base @ end)[-1]

    def _coupling_at(self, flange_in_cell: Pose, working_at: frozenset[str]) -> frozenset[str]:
        here = flange_in_cell.position[:2]
        cribs = self._line.cell_description.of_kind("tool_crib")
        if not working_at & cribs.keys():
            return frozenset()
        return frozenset(tool for tool, at in self._pockets.items() if math.dist(here, at.position[:2]) <= COLUMN_M)

    def _checker(self, load: Load) -> CollisionChecker:
        from microcell.motion.carried import carried_solids
        from microcell.motion.collision import CollisionChecker

        if load not in self._checkers:
            scene = self._scene.without(load.tool)
            carried = carried_solids(self._line, load.tool, load.part)
            self._checkers[load] = CollisionChecker(self._model, self.spec.base_in_cell.pose, scene, carried)
        return self._checkers[load]

    def _alone(self, load: Load) -> CollisionChecker:
        """Of the arm and what it carries, with nothing around."""
        from microcell.motion.carried import carried_solids
        from microcell.motion.collision import CollisionChecker
        from microcell.motion.scene import Scene

        if load not in self._alones:
            carried = carried_solids(self._line, load.tool, load.part)
            self._alones[load] = CollisionChecker(self._model, Pose(), Scene(), carried)
        return self._alones[load]

    @cached_property
    def _planner(self) -> MotionPlanner:
        return MotionPlanner(self._line, self.name)

    @cached_property
    def _scene(self) -> Scene:
        from microcell.motion.cell_scene import cell_scene

        return cell_scene(self._line, self.name)

    @cached_property
    def _model(self) -> RobotModel:
        from microcell.motion.robot import RobotModel

        return RobotModel.of(self.spec, self.name)

    @cached_property
    def _inverse(self) -> InverseKinematics:
        from microcell.motion.inverse import InverseKinematics

        return InverseKinematics(self._model, careful=True)


def told(pairs: Iterable[tuple[str, str]]) -> str:
    """What would touch what."""
    return ", ".join(f"{a} would touch {b}" for a, b in pairs)
