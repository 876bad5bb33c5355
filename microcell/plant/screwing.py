"""Turning screws: which thread a screw meets, how torque rises with angle, where the screw is left.

The bit's spring feed follows the screw down, so the arm may rest or follow while it turns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from microcell.description.product import Screw, Thread
from microcell.geometry import Pose
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.holding import Holding
from microcell.plant.items import Item, Place
from microcell.plant.layout import SitePlace
from microcell.plant.physics import (
    CROSSED_STIFFNESS_RATIO,
    MAGNET_BELOW_M,
    MAGNET_LATERAL_M,
    THREAD_CATCH_M,
    THREAD_CROSS_M,
    THREAD_CROSS_RAD,
    THREAD_TOUCH_M,
    TORQUE_NOISE_RATIO,
)
from microcell.plant.supports import Supports, tilt

_RUNNING_POINTS, _RISE_POINTS = 16, 8


@dataclass(frozen=True)
class Engagement:
    """A screw in, or at the entry of, a thread: how far it has been turned in, and whether it is crossed."""

    item: Item
    unit: Item
    place: SitePlace
    thread: Thread
    turned_rad: float
    crossed: bool
    binds_rad: float

    @property
    def pitch_m(self) -> float:
        shape = self.item.part.shape
        return shape.pitch_m if isinstance(shape, Screw) else math.inf

    @property
    def seat_rad(self) -> float:
        """Angle from the thread's entry to the seated head."""
        return 2 * math.pi * self.thread.engagement_m / self.pitch_m

    def torque_n_m(self, angle_rad: float) -> float:
        """Torque at an angle from the entry: running friction, then the rise at seat or where it binds."""
        stiffness = self.thread.stiffness_n_m_rad * (CROSSED_STIFFNESS_RATIO if self.crossed else 1.0)
        return self.thread.friction_n_m + stiffness * max(0.0, angle_rad - self._rise_rad)

    def angle_at(self, torque_n_m: float) -> float:
        """Angle from the entry at which the torque is reached."""
        if torque_n_m <= self.thread.friction_n_m:
            return self.turned_rad
        stiffness = self.thread.stiffness_n_m_rad * (CROSSED_STIFFNESS_RATIO if self.crossed else 1.0)
        return max(self.turned_rad, self._rise_rad + (torque_n_m - self.thread.friction_n_m) / stiffness)

    @property
    def _rise_rad(self) -> float:
        return self.binds_rad if self.crossed else self.seat_rad


@dataclass(frozen=True)
class Turn:
    """A turn of the bit as it goes if nothing stops it: end angle and torque, curve, what is turned."""

    angle_rad: float
    torque_n_m: float
    reached: bool
    curve: tuple[tuple[float, float], ...]
    engaged: Engagement | None


class Screwing:
    """Drives and loosens. `begin_...` works the turn out, `finish_...` leaves the screw where it then is."""

    def __init__(self, bench: Bench, supports: Supports, holding: Holding) -> None:
        self._bench = bench
        self._supports = supports
        self._holding = holding

    def begin_drive(self, tool: ToolTruth, torque_n_m: float, angle_limit_rad: float) -> Turn:
        """Start turning clockwise."""
        tool.drives += 1
        engaged = self._engaged(tool)
        tool.driving = True
        if engaged is None:
            return Turn(angle_limit_rad, 0.0, False, ((0.0, 0.0), (angle_limit_rad, 0.0)), None)
        needed = engaged.angle_at(torque_n_m) - engaged.turned_rad
        angle = min(needed, angle_limit_rad)
        curve = self._curve(engaged, angle, f"{tool.name}:{tool.drives}")
        return Turn(angle, curve[-1][1], needed <= angle_limit_rad, curve, engaged)

    def finish_drive(self, tool: ToolTruth, turn: Turn, angle_rad: float) -> None:
        """Stop turning after an angle; a screw in a thread stays there when the bit goes."""
        tool.driving = False
        engaged = turn.engaged
        if engaged is None:
            return
        key = f"missing_screw:{tool.name}:{tool.drives}"
        ratio = self._bench.line.disturbances.missing_screw_ratio
        if turn.reached and not engaged.crossed and self._bench.chance.happens(ratio, key):
            self._bench.lose(engaged.item, self._bench.pose_of(engaged.item), "came off with the bit")
        else:
            self._leave(engaged, engaged.turned_rad + angle_rad)

    def begin_loosen(self, tool: ToolTruth, angle_rad: float) -> Turn:
        """Start turning counter-clockwise."""
        engaged = self._installed_under(tool) if self._holding.held(tool) is None else None
        tool.driving = True
        torque = engaged.torque_n_m(engaged.turned_rad) if engaged is not None else 0.0
        return Turn(angle_rad, torque, False, ((0.0, torque), (angle_rad, 0.0)), engaged)

    def finish_loosen(self, tool: ToolTruth, turn: Turn, angle_rad: float) -> None:
        """Stop turning after an angle.

        A screw that came free stays on the bit; over a bin, the bin's edge strips it off.
        """
        tool.driving = False
        engaged = turn.engaged
        if engaged is not None and angle_rad < engaged.turned_rad:
            self._leave(engaged, engaged.turned_rad - angle_rad)
        elif engaged is not None:
            grasp = self._bench.recipe_of(engaged.item).grasps[engaged.item.part_name].tcp_in_part
            self._bench.inventory.move(engaged.item, Place("tool", tool.name), grasp.inverse(), crossed=False)
        elif self._over_bin(tool):
            self._holding.release(tool)

    def _engaged(self, tool: ToolTruth) -> Engagement | None:
        """The thread that the bit acts on: under the screw on the bit, or of the screw under the bare bit."""
        item = self._holding.held(tool)
        return self._installed_under(tool) if item is None else self._entering(tool, item)

    def _entering(self, tool: ToolTruth, item: Item) -> Engagement | None:
        pose = self._bench.pose_of(item)
        zone = self._bench.layout.zone_at(pose.position[0], pose.position[1])
        match = self._supports.site_under(zone.name, item, pose) if zone is not None and zone.kind == "fixture" else None
        thread = match.place.site.thread if match is not None else None
        if match is None or thread is None or match.lateral_m > THREAD_CATCH_M:
            return None
        if match.part_in_site.position[2] > thread.engagement_m + THREAD_TOUCH_M:
            return None
        ratio = self._bench.line.disturbances.cross_thread_ratio
        crossed = (
            match.lateral_m > THREAD_CROSS_M
            or tilt(match.part_in_site) > THREAD_CROSS_RAD
            or tool.crosses
            or self._bench.chance.happens(ratio, f"cross_thread:{tool.name}:{tool.drives}")
        )
        binds = self._bench.chance.stream(f"binds:{tool.name}:{tool.drives}").uniform(0.5, 1.5) * math.pi
        unit = self._bench.becomes(match.unit, match.product)
        return Engagement(item, unit, match.place, thread, 0.0, crossed, binds)

    def _installed_under(self, tool: ToolTruth) -> Engagement | None:
        tcp = self._bench.tcp(tool)
        zone = self._bench.layout.zone_at(tcp.position[0], tcp.position[1])
        unit = self._bench.unit_in(zone.name) if zone is not None and zone.kind == "fixture" else None
        if unit is None:
            return None
        for item in self._bench.inventory.installed(unit):
            places = self._bench.recipe_of(unit).sites_of(item.part_name)
            place = next((p for p in places if p.name == item.place.slot), None)
            thread = place.site.thread if place is not None else None
            grasp = self._bench.recipe_of(item).grasps[item.part_name].tcp_in_part
            x, y, z = (self._bench.pose_of(item) @ grasp).inverse().apply(tcp.position)
            touching = math.hypot(x, y) <= MAGNET_LATERAL_M and abs(z) <= MAGNET_BELOW_M
            if place is not None and thread is not None and touching:
                return _resumed(item, unit, place, thread)
        return None

    def _leave(self, engaged: Engagement, turned_rad: float) -> None:
        """The screw stays in the thread, as deep as it was turned in."""
        proud = max(0.0, engaged.thread.engagement_m - engaged.pitch_m * turned_rad / (2 * math.pi))
        pose = engaged.place.part_in_unit @ Pose((0.0, 0.0, proud))
        place = Place("unit", str(engaged.unit.item_id), engaged.place.name)
        self._bench.inventory.move(engaged.item, place, pose, crossed=engaged.crossed)

    def _over_bin(self, tool: ToolTruth) -> bool:
        tcp = self._bench.tcp(tool)
        zone = self._bench.layout.zone_at(tcp.position[0], tcp.position[1])
        return zone is not None and zone.kind == "bin"

    def _curve(self, engaged: Engagement, angle_rad: float, key: str) -> tuple[tuple[float, float], ...]:
        """Torque over the angle of this turn, N.m over rad, with the sensor's noise except at the end."""
        stream = self._bench.chance.stream(f"torque:{key}")
        end = engaged.turned_rad + angle_rad
        rise = min(max(engaged.turned_rad, engaged.angle_at(engaged.thread.friction_n_m * 1.01)), end)
        angles = [engaged.turned_rad + (rise - engaged.turned_rad) * k / _RUNNING_POINTS for k in range(_RUNNING_POINTS)]
        angles += [rise + (end - rise) * k / _RISE_POINTS for k in range(_RISE_POINTS)]
        noisy = [(a - engaged.turned_rad, engaged.torque_n_m(a) * stream.gauss(1.0, TORQUE_NOISE_RATIO)) for a in angles]
        return (*noisy, (angle_rad, engaged.torque_n_m(end)))


def _resumed(item: Item, unit: Item, place: SitePlace, thread: Thread) -> Engagement:
    """A screw that is in its thread already: its height tells how far it was turned in."""
    fresh = Engagement(item, unit, place, thread, 0.0, item.crossed, 0.0)
    proud = item.pose.position[2] - place.part_in_unit.position[2]
    turned = max(0.0, fresh.seat_rad - 2 * math.pi * proud / fresh.pitch_m)
    return Engagement(item, unit, place, thread, turned, item.crossed, turned)
