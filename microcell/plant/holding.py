"""Fingers, cups and magnets: what they take, how it sits in the tool, and how it is let go."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from microcell.description.extents import covers, seals, top_m
from microcell.description.product import Screw
from microcell.description.tool import GripperTool, ScrewdriverTool, VacuumTool
from microcell.geometry import Pose, from_rpy
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item, Place
from microcell.plant.layout import GraspPlace
from microcell.plant.physics import (
    CLAMP_HOLDS_M,
    CUP_ABOVE_M,
    CUP_BELOW_M,
    CUP_TILT_RAD,
    GRASP_ALONG_M,
    GRASP_HEIGHT_M,
    GRASP_TILT_RAD,
    GRASP_TURN_RAD,
    MAGNET_ABOVE_M,
    MAGNET_BELOW_M,
    MAGNET_LATERAL_M,
    SLIP_AFTER_S,
)
from microcell.plant.settling import Settling
from microcell.plant.shapes import misalignment, width_between
from microcell.plant.supports import on_seat, tilt

_UPSIDE_DOWN = Pose((0.0, 0.0, 0.0), from_rpy(math.pi, 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Catch:
    """What fingers would close on: item, its pose in the TCP frame afterwards, its width between them."""

    item: Item
    part_in_tcp: Pose
    width_m: float


class Holding:
    """Takes parts into tools and lets them go."""

    def __init__(self, bench: Bench, settling: Settling) -> None:
        self._bench = bench
        self._settling = settling

    def held(self, tool: ToolTruth) -> Item | None:
        """What the tool holds, after what has slipped away and what a magnet or running pump has taken."""
        self._slip(tool)
        item = self._bench.held(tool)
        if item is None and tool.arm is not None:
            self._attract(tool)
            item = self._bench.held(tool)
        return item

    def departing(self, arm: str) -> None:
        """The arm is about to move away from where it rests: what is clamped stays behind."""
        tool = self._bench.tool_on(arm)
        item = self.held(tool) if tool is not None else None
        if tool is not None and item is not None and self._clamped(item):
            self.release(tool)

    def catch(self, tool: ToolTruth) -> Catch | None:
        """What the fingers would hold if they closed now."""
        tcp = self._bench.tcp(tool)
        found = [c for item in self._within_reach(tcp) for g in self._grasps(item) if (c := _between(tool, tcp, item, g))]
        return min(found, key=lambda c: math.hypot(*c.part_in_tcp.position[:2]), default=None)

    def close(self, tool: ToolTruth) -> float:
        """Close the fingers; the gap that remains, m."""
        if self.held(tool) is None:
            catch = self.catch(tool)
            tool.opening_m = catch.width_m if catch is not None else 0.0
            if catch is not None:
                self._take(tool, catch.item, catch.part_in_tcp)
        return tool.opening_m

    def open(self, tool: ToolTruth, width_m: float) -> None:
        """Bring the fingers to a gap; what they held is let go when that is wider."""
        if self.held(tool) is not None and width_m > tool.opening_m:
            self.release(tool)
        tool.opening_m = width_m

    def release(self, tool: ToolTruth) -> None:
        """Let go what the tool holds, where it is now."""
        item = self._bench.held(tool)
        tool.slips_at_s = None
        if item is not None:
            self._settling.release(item, self._bench.pose_of(item))

    def slips_at_s(self, arm: str) -> float | None:
        """Cell time at which what an arm holds will slip away; None when it won't."""
        tool = self._bench.tool_on(arm)
        return tool.slips_at_s if tool is not None and self.held(tool) is not None else None

    def _take(self, tool: ToolTruth, item: Item, part_in_tcp: Pose) -> None:
        if item.place.kind == "fixture":
            for lying in self._bench.inventory.at("loose", item.place.holder):
                self._bench.lose(lying, lying.pose, "fell off when the unit under it was taken")
        self._bench.inventory.move(item, Place("tool", tool.name), part_in_tcp)
        tool.picks += 1
        ratio = self._bench.line.disturbances.lost_grip_ratio
        key = f"lost_grip:{tool.name}:{tool.picks}"
        slippery = not isinstance(tool.spec, ScrewdriverTool) and self._bench.chance.happens(ratio, key)
        delay = self._bench.chance.stream(f"when:{key}").uniform(*SLIP_AFTER_S) if slippery else 0.0
        tool.slips_at_s = self._bench.clock.now() + delay if slippery else None

    def _slip(self, tool: ToolTruth) -> None:
        """A badly held part has dropped where the tool was at that moment."""
        if tool.slips_at_s is None or tool.arm is None or self._bench.clock.now() < tool.slips_at_s:
            return
        item = self._bench.held(tool)
        if item is not None:
            tcp = self._bench.arms[tool.arm].flange_at(tool.slips_at_s) @ tool.tcp_in_flange
            self._settling.release(item, tcp @ item.pose)
        tool.slips_at_s = None
        tool.opening_m = 0.0

    def _clamped(self, item: Item) -> bool:
        pose = self._bench.pose_of(item)
        zone = self._bench.layout.zone_at(pose.position[0], pose.position[1])
        if zone is None or zone.kind != "fixture" or not self._bench.clamped[zone.name]:
            return False
        return on_seat(zone.places[0], item, pose) and abs(pose.position[2] - zone.places[0].position[2]) <= CLAMP_HOLDS_M

    def _within_reach(self, tcp: Pose) -> list[Item]:
        x, y, _ = tcp.position
        zone = self._bench.layout.zone_at(x, y)
        return self._bench.roots_at(zone) if zone is not None else self._bench.inventory.at("loose")

    def _grasps(self, item: Item) -> tuple[GraspPlace, ...]:
        recipe = self._bench.recipe_of(item)
        own = (recipe.grasps[item.part_name],)
        return (*own, recipe.unit_grasp) if item.part_name in recipe.bodies else own

    def _attract(self, tool: ToolTruth) -> None:
        if isinstance(tool.spec, VacuumTool) and tool.active and not tool.leaking:
            self._suck(tool, tool.spec.cup_diameter_m / 2)
        elif isinstance(tool.spec, ScrewdriverTool) and not tool.driving:
            self._magnetise(tool)

    def _suck(self, tool: ToolTruth, cup_m: float) -> None:
        """Seal on the uppermost surface under the cup.

        The part keeps its offset; a cup that was pressed on springs back to the part's top.
        """
        tcp = self._bench.tcp(tool)
        for root in self._within_reach(tcp):
            if math.dist(root.pose.position[:2], tcp.position[:2]) > 0.1:
                continue
            gap = self._cup_gap(root, tcp, cup_m)
            if gap is not None and not self._clamped(root):
                lifted = tcp.inverse() @ self._bench.pose_of(root).shifted(dz=gap)
                self._take(tool, root, lifted)
                return

    def _cup_gap(self, root: Item, tcp: Pose, cup_m: float) -> float | None:
        """Height of the cup's mouth over the top that it seals on, m, negative when pressed on; else None."""
        under = []
        for item in (root, *self._bench.inventory.installed(root)):
            x, y, z = self._bench.pose_of(item).inverse().apply(tcp.position)
            if covers(item.part, (x, y)):
                under.append((z - top_m(item.part), seals(item.part, x, y, cup_m)))
        gap, sealing = min(under, default=(math.inf, False))
        upright = tilt(tcp @ _UPSIDE_DOWN) <= CUP_TILT_RAD
        return gap if sealing and upright and -CUP_BELOW_M <= gap <= CUP_ABOVE_M else None

    def _magnetise(self, tool: ToolTruth) -> None:
        """Take a presented screw that the bit touches; the recess centres it."""
        tcp = self._bench.tcp(tool)
        if tilt(tcp @ _UPSIDE_DOWN) > CUP_TILT_RAD:
            return
        for item in self._within_reach(tcp):
            if not isinstance(item.part.shape, Screw):
                continue
            grasp = self._bench.recipe_of(item).grasps[item.part_name].tcp_in_part
            x, y, z = (item.pose @ grasp).inverse().apply(tcp.position)
            touching = -MAGNET_ABOVE_M <= z <= MAGNET_BELOW_M
            if touching and math.hypot(x, y) <= MAGNET_LATERAL_M:
                self._take(tool, item, grasp.inverse())
                return


def _between(tool: ToolTruth, tcp: Pose, item: Item, place: GraspPlace) -> Catch | None:
    """What closing does to a part: centred across the fingers, a box aligned with them, all else kept."""
    if not isinstance(tool.spec, GripperTool):
        return None
    grasp_in_tcp = tcp.inverse() @ item.pose @ place.tcp_in_part
    x, y, z = grasp_in_tcp.position
    width = width_between(item.part, place.grasp.width_m, grasp_in_tcp.yaw)
    turn = misalignment(item.part, grasp_in_tcp.yaw)
    across = (tool.opening_m - width) / 2
    if abs(x) >= across or abs(y) > GRASP_ALONG_M or abs(z) > GRASP_HEIGHT_M:
        return None
    if tilt(grasp_in_tcp) > GRASP_TILT_RAD or abs(turn) > GRASP_TURN_RAD:
        return None
    aligned = Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, -turn)) @ tcp.inverse() @ item.pose
    off = (aligned @ place.tcp_in_part).position[0]
    return Catch(item, replace(aligned, position=(aligned.position[0] - off, *aligned.position[1:])), width)
