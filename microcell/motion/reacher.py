"""One arm, asked whether it comes to a place in the way that skills move: over it at travel height, then straight down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.faults import FaultError
from microcell.geometry import Pose, distance, rotate
from microcell.motion.contacts import told
from microcell.motion.limits import Joints
from microcell.motion.planner import Load, MotionPlanner

if TYPE_CHECKING:
    from microcell.motion.collision import Pairs
    from microcell.motion.robot import RobotModel


MOST_FAILURES = 3
"""Ways that planning does not find are told of; after so many no further are looked for: each search takes some seconds."""

_STANDING_M = 1e-6
_ALONG = 0.99
"""Cosine of the angle up to which an axis lies along another."""


class Reacher:
    """An arm of a line among what stands in its cell, asked of its planner. Poses are those of the flange in the cell."""

    def __init__(self, line: Line, name: str, spec: ArmSpec) -> None:
        self.spec, self.name = spec, name
        self._line = line
        self._home: Joints = tuple(spec.home_rad)
        self._failures = 0
        self._cell_in_base = spec.base_in_cell.pose.inverse()
        cribs = line.cell_description.of_kind("tool_crib").items()
        served = [pocket for crib, rack in cribs if spec.works_at(crib) for pocket in rack.pockets]
        self.tools = [pocket.tool for pocket in served if pocket.tool in line.tools]
        self._pockets = {pocket.tool: pocket.flange_in_cell.pose for pocket in served if pocket.tool}

    def why_not(self, flange_in_cell: Pose) -> str:
        """Why the flange does not come there at all, "" when it does."""
        try:
            self._planner.reach(self._cell_in_base @ flange_in_cell, self._home)
        except FaultError as error:
            return error.fault.detail
        return ""

    def why_overloaded(self, load: Load) -> str:
        """Why the arm cannot carry a load, "" when it can."""
        try:
            self._planner.check_payload(load)
        except FaultError as error:
            return error.fault.detail
        return ""

    def why_no_way(
        self, flange_in_cell: Pose, rise_m: float, load: Load, working_at: frozenset[str], guarded: bool, hover: bool
    ) -> str:
        """Why the arm cannot go over a place, `rise_m` higher, and straight down as skills do, with the part of a load and
        with an empty hand; "" when it can.

        The hand may touch the stations `working_at` as planning allows it (`Allowed`), below `approach_m` also by force when
        that is `guarded`. With `hover` the way ends there.
        """
        over = flange_in_cell.shifted(dz=rise_m)
        above = flange_in_cell.shifted(dz=min(self.spec.approach_m, rise_m))
        legs = ((over, above, False), (above, flange_in_cell, guarded))[: 1 if hover else 2]
        why, empty = self._why_not_down(legs, load, working_at), replace(load, part="")
        if load == empty:
            return why
        if why:
            return self._why_not_down(legs, empty, working_at) or f"with {load.part} in the hand, {why}"
        if self._over(over, empty) == self._over(over, load):
            return ""  # the same way with less on it
        return self._why_not_down(legs, empty, working_at)

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
        return self._planner.hits(self._home, Load())

    def hits_at_zero(self) -> Pairs:
        """What the bare arm touches with its joints at zero, or as near to it as they come."""
        limits = self.model.limits
        return self._planner.hits(limits.clamped((0.0,) * self.model.n), Load())

    @property
    def model(self) -> RobotModel:
        return self._planner.model

    @cached_property
    def other_axis(self) -> str:
        """The axis of the flange's frame that lies along the last joint's where z does not: "x", "y"; else ""."""
        zero = self.model.zero_posture()
        along = rotate(zero.tip.inverse().orientation, zero.axes[-1])
        return next((name for name, part in zip("xy", along[:2], strict=True) if abs(part) > _ALONG), "")

    # inside

    def _why_not_from(self, here: Joints, way_in_cell: Sequence[Pose], load: Load) -> str:
        if self._failures >= MOST_FAILURES:
            return ""
        try:
            for flange_in_cell in way_in_cell:
                there = self._planner.inverse(self._cell_in_base @ flange_in_cell, self._home, load)
                self._planner.check_way(here, there, load)
                here = there
        except FaultError as error:
            self._failures += 1
            return f"on the way across {error.fault.detail}"
        return ""

    def _why_not_down(self, legs: Sequence[tuple[Pose, Pose, bool]], load: Load, working_at: frozenset[str]) -> str:
        """Why not over the first of some legs and along them; of each its start, its end, and whether it is guarded."""
        try:
            joints = self._over(legs[0][0], load)
            for start, end, guarded in legs:
                if distance(start, end) >= _STANDING_M:
                    rows = self._planner.line(joints, self._cell_in_base @ end)
                    self._planner.check_line(rows, load, working_at, guarded, finely=False)
                    joints = rows[-1]
        except FaultError as error:
            return error.fault.detail
        return ""

    def _over(self, flange_in_cell: Pose, load: Load) -> Joints:
        """The joints over a place, the branch nearest to home that is free."""
        flange = self._cell_in_base @ flange_in_cell
        try:
            return self._planner.inverse(flange, self._home, load)
        except FaultError as error:
            if error.fault.code == "ARM_UNREACHABLE":
                high = f"where it goes across, its flange {flange_in_cell.position[2]:.3g} m over the bench"
                detail = f"{high}, {error.fault.detail}"
                raise FaultError(error.fault.code, self.name, detail) from None
            if error.fault.code != "ARM_BLOCKED":
                raise
        hits = self._planner.hits(self._planner.reach(flange, self._home), load)
        raise FaultError("ARM_BLOCKED", self.name, f"over it {told(hits)}")

    def _straight(self, joints: Joints, start: Pose, end: Pose) -> Joints:
        """The joints at the end of a straight way, whatever is in the way."""
        if distance(start, end) < _STANDING_M:
            return joints
        return self._planner.line(joints, self._cell_in_base @ end)[-1]

    @cached_property
    def _planner(self) -> MotionPlanner:
        return MotionPlanner(self._line, self.name)


def reachers(line: Line) -> dict[str, Reacher]:
    """All arms of a line by name."""
    return {name: Reacher(line, name, spec) for name, spec in line.cell_description.of_kind("arm").items()}
