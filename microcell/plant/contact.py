"""Forces between tools, parts and stations, and when a moving arm will feel them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from microcell.geometry import Pose, Quaternion, Vector, rotate
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.holding import Holding
from microcell.plant.items import Item
from microcell.plant.peg import Push
from microcell.plant.physics import COUPLING_M, GRAVITY_M_S2, WRIST_STIFFNESS_N_M
from microcell.plant.shapes import bottom_m
from microcell.plant.supports import Supports

_STEP_S = 0.1
_FEWEST_STEPS, _MOST_STEPS = 4, 16
_INSTANT_S = 1e-4


@dataclass(frozen=True, slots=True)
class Load:
    """Force in N and torque in N.m on a flange, in the flange frame."""

    force: Vector
    torque: Vector

    @property
    def pressing_n(self) -> float:
        """Force against the flange's z axis, N."""
        return -self.force[2]


class Contact:
    """What a wrist's force sensor would feel.

    The pressing force of an arm that points down is the contact force less the weight of tool and part.
    """

    def __init__(self, bench: Bench, supports: Supports, holding: Holding) -> None:
        self._bench = bench
        self._supports = supports
        self._holding = holding
        self.chips_m: dict[tuple[str, int], float] = {}
        """How thick what lies on a pocket's coupling is: a flange that comes down there, bare or with a tool, meets it."""

    def touch(self, arm: str, time_s: float) -> tuple[Push, ...]:
        """Forces on an arm's tool and what it holds at an instant of the present motion, in the cell frame, but weight."""
        tool = self._bench.tool_on(arm)
        if tool is None:
            return ()
        return self._pushes(tool, self._holding.held(tool), self._bench.arm(arm).flange_at(time_s) @ tool.tcp_in_flange)

    def note_entered(self, arm: str) -> None:
        """A motion of the arm has ended or another is about to begin: a peg that is in its hole by now stays there."""
        tool = self._bench.tool_on(arm)
        item = self._bench.held(tool) if tool is not None else None
        if item is not None:
            self._supports.note_entered(item, self._bench.pose_of(item))

    def load(self, arm: str, time_s: float | None = None) -> Load:
        """Load on an arm's flange now, or at an instant of its present motion."""
        return self._load_at(arm, self._bench.clock.now() if time_s is None else time_s)

    def when_pressing(self, arm: str, force_n: float, since_s: float | None = None) -> float | None:
        """Cell time at which the present motion presses with a force; None when it never does.

        The motion is searched from now on, or from an instant of it, in steps of about 0.1 s, then by bisection to 0.1 ms.
        """
        now = self._bench.clock.now() if since_s is None else since_s
        if self._load_at(arm, now).pressing_n >= force_n:
            return now
        motion = self._bench.arm(arm)
        span = motion.end_s - now
        if span <= 0.0:
            return None
        steps = max(_FEWEST_STEPS, min(_MOST_STEPS, round(span / _STEP_S)))
        low = now
        for step in range(1, steps + 1):
            high = now + span * step / steps
            if self._load_at(arm, high).pressing_n >= force_n:
                return self._bisect(arm, force_n, low, high)
            low = high
        return None

    def _bisect(self, arm: str, force_n: float, low: float, high: float) -> float:
        while high - low > _INSTANT_S:
            middle = (low + high) / 2
            if self._load_at(arm, middle).pressing_n >= force_n:
                high = middle
            else:
                low = middle
        return high

    def _load_at(self, arm: str, time_s: float) -> Load:
        tool = self._bench.tool_on(arm)
        if tool is None:
            return Load((0.0, 0.0, -self._chip_n(arm, time_s)), (0.0, 0.0, 0.0))
        flange = self._bench.arm(arm).flange_at(time_s)
        item = self._holding.held(tool)
        back = _conjugate(flange.orientation)
        force = rotate(back, (0.0, 0.0, -self._weight_n(tool, item)))
        force = _plus(force, (0.0, 0.0, -self._chip_n(arm, time_s)))
        torque: Vector = (0.0, 0.0, 0.0)
        for push in self._pushes(tool, item, flange @ tool.tcp_in_flange):
            touch = rotate(back, push.force)
            lever = rotate(back, _less(push.at, flange.position))
            force, torque = _plus(force, touch), _plus(torque, _cross(lever, touch))
        return Load(force, torque)

    def _chip_n(self, arm: str, time_s: float) -> float:
        """Force of a chip under a flange, along the flange's axis, N."""
        for (crib, number), thick_m in self.chips_m.items():
            pocket = self._bench.line.cell_description.of_kind("tool_crib")[crib].pockets[number]
            x, y, z = pocket.flange_in_cell.xyz_m
            fx, fy, fz = self._bench.arm(arm).flange_at(time_s).position
            if math.hypot(fx - x, fy - y) < COUPLING_M:
                return WRIST_STIFFNESS_N_M * max(0.0, z + thick_m - fz)
        return 0.0

    def _pushes(self, tool: ToolTruth, item: Item | None, tcp: Pose) -> tuple[Push, ...]:
        """Forces on what is lowest at the tool, in the cell frame."""
        pose = tcp @ item.pose if item is not None else tcp
        lowest = pose.position[2] + (bottom_m(item.part) if item is not None else 0.0)
        if lowest > self._bench.layout.clear_m:
            return ()
        if item is None:
            return self._supports.under_tool(tool, tcp).pushes(pose)
        return self._supports.under_part(item, pose, tool.driving).pushes(pose)

    def _weight_n(self, tool: ToolTruth, item: Item | None) -> float:
        carried = self._bench.mass_kg(item) if item is not None else 0.0
        return (tool.spec.mass_kg + carried) * GRAVITY_M_S2


def _conjugate(q: Quaternion) -> Quaternion:
    return (-q[0], -q[1], -q[2], q[3])


def _plus(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _less(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
