"""What is under a thing: how far down it can go, and which forces it meets there.

Pure geometry but for one memory: a peg whose foot has once got into its hole stays between the walls until it is lifted out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from microcell.description.extents import covers, half_extents, top_m, turn_error
from microcell.description.tool import GripperTool
from microcell.geometry import Pose, rotate
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item
from microcell.plant.layout import SitePlace, Zone
from microcell.plant.peg import HeldPeg, Hole, Push
from microcell.plant.physics import (
    SEAT_CAPTURE_M,
    SEAT_CAPTURE_RAD,
    SEAT_RIM_M,
    SITE_REACH_M,
    THREAD_CATCH_M,
    WRIST_STIFFNESS_N_M,
)
from microcell.plant.shapes import bottom_m

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

    def pushes(self, pose: Pose) -> tuple[Push, ...]:
        """Forces in the cell frame on what the arm would bring to a pose."""
        up_n = self.force_n(pose.position[2])
        return (Push(pose.position, (0.0, 0.0, up_n)),) if up_n else ()


def hard(height_m: float) -> Support:
    """A support without friction zone."""
    return Support(height_m, height_m)


@dataclass(frozen=True, slots=True)
class PegSupport:
    """A held peg over or in its hole."""

    peg: HeldPeg
    seated_in_cell: Pose

    @property
    def rest_m(self) -> float:
        """Height in the cell at which the part's frame rests."""
        return self.seated_in_cell.position[2] + self.peg.rest_m

    def pushes(self, pose: Pose) -> tuple[Push, ...]:
        """Forces in the cell frame on the peg, which is what the arm would bring to `pose`."""
        seated = self.seated_in_cell
        return tuple(Push(seated.apply(push.at), rotate(seated.orientation, push.force)) for push in self.peg.pushes())


@dataclass(frozen=True)
class SiteMatch:
    """A site under a part: the unit's first part, the seated pose in the cell, the part's pose in that.

    `entered`: the part has found its way into the site's hole, and is in it. `product` is what the unit is with the part.
    """

    unit: Item
    place: SitePlace
    seated_in_cell: Pose
    part_in_site: Pose
    entered: bool = False
    product: str = ""

    @property
    def lateral_m(self) -> float:
        x, y, _ = self.part_in_site.position
        return math.hypot(x, y)

    @property
    def lean(self) -> tuple[float, float]:
        """Lateral part of the part's z axis, in the site's frame, rad."""
        x, y, _ = rotate(self.part_in_site.orientation, (0.0, 0.0, 1.0))
        return (x, y)

    def over_rim(self, item: Item) -> bool:
        """Whether all of a part is over the rim of the site's hole, its lowest edge too. Only for a site with a fit."""
        depth_m = self.place.site.fit.depth_m if self.place.site.fit else 0.0
        height = self.part_in_site.position[2] - depth_m
        return height > 0.0 and height > max(half_extents(item.part)) * math.hypot(*self.lean)

    def hole(self, item: Item) -> Hole:
        """The site's hole for a part; narrower for one that is turned in it or too thick. Only for a site with a fit."""
        fit = self.place.site.fit
        radius_m = max(half_extents(item.part))
        corner_m = turn_error(item.part, self.part_in_site.yaw) * radius_m
        if fit is None:
            return Hole(radius_m, 0.0, 0.0, 0.0)
        latch_n = 0.0 if item.broken else fit.latch_n
        slack_m = max(0.0, (fit.clearance_m - item.oversize_m) / 2 - corner_m)
        return Hole(radius_m, slack_m, fit.depth_m, fit.friction_n, latch_n)

    def between_walls(self, item: Item) -> tuple[float, float]:
        """Where a part comes to be, m in the site's frame, when nothing holds it but the walls of its hole."""
        x, y, _ = self.part_in_site.position
        share = self.hole(item).slack_m / self.lateral_m if self.entered and self.lateral_m > 0.0 else 1.0
        return (x, y) if share >= 1.0 else (x * share, y * share)

    def fits(self, item: Item) -> bool:
        """Whether a part goes in here: it is in already, or its place, lean and turn are within the clearance."""
        if self.entered or self.place.site.fit is None:
            return True
        return self.lateral_m <= self.hole(item).entry_slack_m(self.lean)


class Supports:
    """Finds what is under parts and tools."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._seats = lru_cache(maxsize=_KEPT_SEATS)(self._seats_in)
        self._entered: dict[int, str] = {}
        self._latched: set[int] = set()

    def as_data(self) -> list[tuple[int, str, bool]]:
        """Which pegs are in which site's hole, and whether their latches have snapped in."""
        return [(item, site, item in self._latched) for item, site in self._entered.items()]

    def put_back(self, data: Iterable[tuple[int, str, bool]]) -> None:
        """Have these pegs in their holes."""
        told = list(data)
        self._entered = {item: site for item, site, _ in told}
        self._latched = {item for item, _, latched in told if latched}

    def note_entered(self, item: Item, pose: Pose) -> None:
        """Remember, at the end of a motion, whether a held part's foot is in the hole of its site."""
        x, y, z = pose.position
        if z > self._bench.layout.clear_m:
            self._forget(item)
            return
        zone = self._bench.layout.zone_at(x, y)
        match = self.site_under(zone.name, item, pose) if zone is not None and zone.kind == "fixture" else None
        if match is not None and match.entered:
            self._entered[item.item_id] = match.place.name
            self._note_latched(match, item)
        else:
            self._forget(item)

    def _note_latched(self, match: SiteMatch, item: Item) -> None:
        """A latch snaps in at the seat, and lets go of what is pulled too hard."""
        height_m, latch_n = match.part_in_site.position[2], match.hole(item).latch_n
        if latch_n <= 0.0 or WRIST_STIFFNESS_N_M * height_m >= latch_n:
            self._latched.discard(item.item_id)
        elif height_m <= 0.0:
            self._latched.add(item.item_id)

    def _forget(self, item: Item) -> None:
        self._entered.pop(item.item_id, None)
        self._latched.discard(item.item_id)

    def under_part(self, item: Item, pose: Pose, driving: bool = False) -> Support | PegSupport:
        """What a part at `pose` comes down on; `driving`: it is a screw that is being turned in."""
        x, y, _ = pose.position
        zone = self._bench.layout.zone_at(x, y)
        if zone is None:
            return hard(-bottom_m(item.part))
        if zone.kind == "fixture":
            return self._over_fixture(zone, item, pose, driving)
        return hard(self._highest(zone, x, y, zone.floor_m, item, bores=False) - self._shaft(zone, item))

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
        return self._highest(zone, x_m, y_m, zone.floor_m, None, bores=True)

    def site_under(self, fixture: str, item: Item, pose: Pose) -> SiteMatch | None:
        """The nearest free site, of the unit in a fixture, where a part of this type goes."""
        unit = self._bench.unit_in(fixture)
        if unit is None:
            return None
        installed = self._bench.inventory.installed(unit)
        taken, unit_in_cell = {other.place.slot for other in installed}, self._bench.pose_of(unit)
        best: SiteMatch | None = None
        for product in self._bench.layout.products_of(unit, installed):
            for place, seated, cell_in_site in self._seats(product, item.part_name, unit_in_cell):
                if place.name in taken and not _lies_flat(place):
                    continue
                match = SiteMatch(unit, place, seated, cell_in_site @ pose, product=product)
                if match.lateral_m <= SITE_REACH_M and (best is None or match.lateral_m < best.lateral_m):
                    best = match
            if best is not None:
                break
        if best is not None and best.place.site.fit is not None and item.place.kind == "tool":
            return replace(best, entered=True) if self._is_in(best, item) else best
        return best

    def _is_in(self, match: SiteMatch, item: Item) -> bool:
        """Whether a held part is under the rim, and got there through the hole: before the present motion or during it.

        Motions under the rim are taken as straight.
        """
        if match.over_rim(item):
            return False
        lean, hole = match.lean, match.hole(item)
        x, y, height = match.part_in_site.position
        rim, slack = hole.depth_m + hole.radius_m * math.hypot(*lean), hole.entry_slack_m(lean)
        if self._entered.get(item.item_id) == match.place.name or math.hypot(x, y) <= slack:
            return True
        from_x, from_y, from_height = (match.seated_in_cell.inverse() @ self._start_of(item)).position
        if from_height > rim:
            share = (from_height - rim) / (from_height - height)
            from_x, from_y = from_x + (x - from_x) * share, from_y + (y - from_y) * share
        return _way_to_origin_m(from_x, from_y, x, y) <= slack

    def _start_of(self, item: Item) -> Pose:
        """Where a held part was when the arm's present motion began; where it is, when the arm rests."""
        tool = self._bench.tools[item.place.holder]
        if tool.arm is None:
            return self._bench.pose_of(item)
        return self._bench.arm(tool.arm).flange_at(-math.inf) @ tool.tcp_in_flange @ item.pose

    def _seats_in(self, product: str, part_name: str, unit_in_cell: Pose) -> tuple[tuple[SitePlace, Pose, Pose], ...]:
        """The sites for a part in a unit, with the seated part's pose in the cell and that pose's inverse."""
        places = self._bench.layout.recipe(product).sites_of(part_name)
        seats = ((place, unit_in_cell @ place.part_in_unit) for place in places)
        return tuple((place, seated, seated.inverse()) for place, seated in seats)

    def _over_fixture(self, zone: Zone, item: Item, pose: Pose, driving: bool) -> Support | PegSupport:
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
        if match.place.site.fit is None:
            return hard(seated + (match.place.site.joint.proud_m if match.place.site.joint else 0.0))
        if match.over_rim(item):
            return hard(entry)
        reach_m = item.pose.inverse().position[2]
        x, y, height = match.part_in_site.position
        latched = item.item_id in self._latched
        peg = HeldPeg(match.hole(item), (x, y), height, match.lean, reach_m, match.entered, latched)
        return PegSupport(peg, match.seated_in_cell)

    def _shaft(self, zone: Zone, item: Item) -> float:
        """Height of a part's lowest point; a feeder's places have holes for the shafts of screws."""
        return 0.0 if zone.kind == "feeder" else bottom_m(item.part)

    def _highest(self, zone: Zone, x: float, y: float, floor: float, moved: Item | None, bores: bool) -> float:
        """Highest top at a point among floor and items; `bores`: one can reach through bores."""
        highest = floor
        for root in self._bench.roots_at(zone):
            if root is moved:
                continue
            for item in (root, *self._bench.inventory.installed(root)):
                pose = self._bench.pose_of(item)
                px, py, _ = pose.inverse().apply((x, y, pose.position[2]))
                half_x, half_y = half_extents(item.part)
                within = covers(item.part, (px, py)) if bores else abs(px) <= half_x and abs(py) <= half_y
                if within:
                    highest = max(highest, pose.position[2] + (0.0 if upside_down(pose) else top_m(item.part)))
        return highest


def on_seat(seat: Pose, item: Item, pose: Pose) -> bool:
    """Whether a part is over a fixture's seat so that it slides into it."""
    x, y, _ = (seat.inverse() @ pose).position
    return math.hypot(x, y) <= SEAT_CAPTURE_M and tilt(pose) <= SEAT_CAPTURE_RAD and _square(seat, item, pose)


def upside_down(pose: Pose) -> bool:
    """Whether a frame's z axis points down."""
    return rotate(pose.orientation, (0.0, 0.0, 1.0))[2] < 0.0


def tilt(pose: Pose) -> float:
    """Angle between a frame's z axis and the cell's, rad."""
    return math.acos(max(-1.0, min(1.0, rotate(pose.orientation, (0.0, 0.0, 1.0))[2])))


def _square(seat: Pose, item: Item, pose: Pose) -> bool:
    return turn_error(item.part, (seat.inverse() @ pose).yaw) <= SEAT_CAPTURE_RAD


def _way_to_origin_m(from_x: float, from_y: float, x: float, y: float) -> float:
    """Least distance of a straight way from the origin, m."""
    dx, dy = x - from_x, y - from_y
    length2 = dx * dx + dy * dy
    share = max(0.0, min(1.0, -(from_x * dx + from_y * dy) / length2)) if length2 > 0.0 else 0.0
    return math.hypot(from_x + share * dx, from_y + share * dy)


def _lies_flat(place: SitePlace) -> bool:
    """Whether a site is just an area, where one label can be stuck over another."""
    return place.site.fit is None and place.site.thread is None and place.site.joint is None
