"""What is under a thing: how far down it can go, and against which friction. Pure geometry, no state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from microcell.description.tool import GripperTool
from microcell.geometry import Pose, rotate
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item
from microcell.plant.layout import SitePlace, Zone
from microcell.plant.physics import (
    SEAT_CAPTURE_M,
    SEAT_CAPTURE_RAD,
    SEAT_RIM_M,
    SITE_REACH_M,
    THREAD_CATCH_M,
    WRIST_STIFFNESS_N_M,
)
from microcell.plant.shapes import bottom_m, covers, half_extents, top_m, turn_error

_KEPT_SEATS = 256


@dataclass(frozen=True, slots=True)
class Support:
    """Heights in the cell at which a frame rests (`rest_m`) and where friction begins (`entry_m`)."""

    rest_m: float
    entry_m: float
    friction_n: float = 0.0

    def force_n(self, height_m: float) -> float:
        """Force on what the arm would bring to a height, N; the wrist's compliance takes up the rest."""
        if height_m >= self.entry_m:
            return 0.0
        sliding = min(self.friction_n, WRIST_STIFFNESS_N_M * (self.entry_m - height_m))
        return sliding + WRIST_STIFFNESS_N_M * max(0.0, self.rest_m - height_m)


def hard(height_m: float) -> Support:
    """A support without friction zone."""
    return Support(height_m, height_m)


@dataclass(frozen=True)
class SiteMatch:
    """A site under a part: the unit's first part, the seated pose in the cell, the part's pose in that."""

    unit: Item
    place: SitePlace
    seated_in_cell: Pose
    part_in_site: Pose

    @property
    def lateral_m(self) -> float:
        x, y, _ = self.part_in_site.position
        return math.hypot(x, y)

    def fits(self, item: Item) -> bool:
        """Whether a part goes in here: its place and turn are within the clearance."""
        fit = self.place.site.fit
        if fit is None:
            return True
        corner = turn_error(item.part, self.part_in_site.yaw) * max(half_extents(item.part))
        return self.lateral_m + corner <= fit.clearance_m / 2


class Supports:
    """Finds what is under parts and tools."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._seats = lru_cache(maxsize=_KEPT_SEATS)(self._seats_in)

    def under_part(self, item: Item, pose: Pose, driving: bool = False) -> Support:
        """What a part at `pose` comes down on; `driving`: it is a screw that is being turned in."""
        x, y, _ = pose.position
        zone = self._bench.layout.zone_at(x, y)
        if zone is None:
            return hard(-bottom_m(item.part))
        if zone.kind == "fixture":
            return self._over_fixture(zone, item, pose, driving)
        floor = zone.places[zone.nearest_place(x, y)].position[2]
        return hard(self._highest(zone, x, y, floor, item, bores=False) - self._shaft(zone, item))

    def under_tool(self, tool: ToolTruth, tcp: Pose) -> Support:
        """What an empty tool's tip at the TCP comes down on. Open fingers go down on both sides of a part."""
        if isinstance(tool.spec, GripperTool):
            half = tool.opening_m / 2
            tips = (tcp.apply((-half, 0.0, 0.0)), tcp.apply((half, 0.0, 0.0)))
            return hard(max(self.surface_m(x, y) for x, y, _ in tips))
        return hard(self.surface_m(tcp.position[0], tcp.position[1]))

    def surface_m(self, x_m: float, y_m: float) -> float:
        """Height of the uppermost surface at a point seen from above, m."""
        zone = self._bench.layout.zone_at(x_m, y_m)
        if zone is None:
            return 0.0
        floor = zone.places[zone.nearest_place(x_m, y_m)].position[2]
        return self._highest(zone, x_m, y_m, floor, None, bores=True)

    def site_under(self, fixture: str, item: Item, pose: Pose) -> SiteMatch | None:
        """The nearest free site, of the unit in a fixture, where a part of this type goes."""
        unit = self._bench.unit_in(fixture)
        if unit is None:
            return None
        taken = {other.place.slot for other in self._bench.inventory.installed(unit)}
        best: SiteMatch | None = None
        for place, seated, cell_in_site in self._seats(item.part_name, self._bench.pose_of(unit)):
            if place.name in taken and not _lies_flat(place):
                continue
            match = SiteMatch(unit, place, seated, cell_in_site @ pose)
            if match.lateral_m <= SITE_REACH_M and (best is None or match.lateral_m < best.lateral_m):
                best = match
        return best

    def _seats_in(self, part_name: str, unit_in_cell: Pose) -> tuple[tuple[SitePlace, Pose, Pose], ...]:
        """The sites for a part in a unit, with the seated part's pose in the cell and that pose's inverse."""
        places = self._bench.layout.sites_of(part_name)
        seats = ((place, unit_in_cell @ place.part_in_unit) for place in places)
        return tuple((place, seated, seated.inverse()) for place, seated in seats)

    def _over_fixture(self, zone: Zone, item: Item, pose: Pose, driving: bool) -> Support:
        x, y, _ = pose.position
        seat = zone.places[0]
        if self._bench.unit_in(zone.name) is None:
            return hard(seat.position[2] + (0.0 if on_seat(seat, item, pose) else SEAT_RIM_M))
        in_the_way = self._bench.inventory.count("loose", zone.name) > 0
        match = self.site_under(zone.name, item, pose) if not in_the_way else None
        if match is None:
            return hard(self._highest(zone, x, y, seat.position[2], item, bores=False) - bottom_m(item.part))
        seated = match.seated_in_cell.position[2]
        entry = seated + match.place.entry_m
        if match.place.site.thread is not None:
            if match.lateral_m > THREAD_CATCH_M:
                return hard(seated - bottom_m(item.part))
            return hard(seated if driving else entry)
        if not match.fits(item):
            return hard(entry)
        fit = match.place.site.fit
        return Support(seated, entry, fit.friction_n) if fit is not None else hard(seated)

    def _shaft(self, zone: Zone, item: Item) -> float:
        """Height of a part's lowest point; a feeder's places have holes for the shafts of screws."""
        return 0.0 if zone.kind == "feeder" else bottom_m(item.part)

    def _highest(
        self, zone: Zone, x: float, y: float, floor: float, moved: Item | None, bores: bool
    ) -> float:
        """Highest top at a point among floor and items; `bores`: one can reach through bores."""
        highest = floor
        for root in self._bench.roots_at(zone):
            if root is moved:
                continue
            for item in (root, *self._bench.inventory.installed(root)):
                pose = self._bench.pose_of(item)
                px, py, _ = pose.inverse().apply((x, y, pose.position[2]))
                half_x, half_y = half_extents(item.part)
                within = covers(item.part, px, py) if bores else abs(px) <= half_x and abs(py) <= half_y
                if within:
                    highest = max(highest, pose.position[2] + top_m(item.part))
        return highest


def on_seat(seat: Pose, item: Item, pose: Pose) -> bool:
    """Whether a part is over a fixture's seat so that it slides into it."""
    x, y, _ = (seat.inverse() @ pose).position
    return math.hypot(x, y) <= SEAT_CAPTURE_M and tilt(pose) <= SEAT_CAPTURE_RAD and _square(seat, item, pose)


def tilt(pose: Pose) -> float:
    """Angle between a frame's z axis and the cell's, rad."""
    return math.acos(max(-1.0, min(1.0, rotate(pose.orientation, (0.0, 0.0, 1.0))[2])))


def _square(seat: Pose, item: Item, pose: Pose) -> bool:
    return turn_error(item.part, (seat.inverse() @ pose).yaw) <= SEAT_CAPTURE_RAD


def _lies_flat(place: SitePlace) -> bool:
    """Whether a site is just an area, where one label can be stuck over another."""
    return place.site.fit is None and place.site.thread is None
