"""Where two arms of a cell could meet, and the zones that keep them apart; seen from above.

An arm that works at a place is taken to fill the strip from its base to that place, as wide as wrist, tool and part. It goes
there from its turning circle and back to it, so that on the way it fills no more. An operation needs every zone that the
strips to its places touch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from microcell.description.cartons import CartonLayout
from microcell.description.cell import ArmSpec, Cell, FeederSpec, ToolCribSpec, ZoneSpec
from microcell.geometry import Pose, wrap_angle

Point = tuple[float, float]

HALF_WIDTH_M = 0.10
"""Half of the strip that an arm fills: the widest of wrist, tool and part, with something to spare."""
_TURN_STEP_RAD = 0.1
_PLACES = ("part_in_cell", "seat_in_cell", "carton_in_cell", "label_in_cell", "drop_in_cell")


class Ways:
    """The ground that each arm of a cell may need, worked out from the description alone."""

    def __init__(self, cell: Cell, carton: CartonLayout | None = None) -> None:
        self.arms: dict[str, ArmSpec] = cell.of_kind("arm")
        self.zones = dict(cell.zones)
        self.places = {name: places_of(spec, carton) for name, spec in cell.devices.items()}
        self._zones_at = {
            (arm, name): frozenset().union(*(self.touched(arm, place) for place in places))
            for arm, spec in self.arms.items()
            for name, places in self.places.items()
            if places and spec.works_at(name)
        }
        self.is_direct = lru_cache(maxsize=4096)(self._is_direct)

    def zones_at(self, arm: str, station: str) -> frozenset[str]:
        """Zones that an arm is in while it works at a station; without an arm (""), those that the station lies in."""
        if arm:
            return self._zones_at.get((arm, station), frozenset())
        places = self.places.get(station, ())
        return frozenset(n for n, zone in self.zones.items() if any(_off_m(zone, p) == 0.0 for p in places))

    def stations(self, arm: str) -> list[str]:
        """What an arm works at, in the order of the file."""
        return [name for name, places in self.places.items() if places and self.arms[arm].works_at(name)]

    def touched(self, arm: str, place: Point) -> frozenset[str]:
        """Zones that the strip from an arm's base to a place touches."""
        base = self.base(arm)
        return frozenset(name for name, zone in self.zones.items() if _strip_touches(base, place, zone))

    def base(self, arm: str) -> Point:
        x, y, _ = self.arms[arm].base_in_cell.xyz_m
        return x, y

    def turning_place(self, arm: str, place: Point) -> Point:
        """The place on an arm's turning circle in the direction of a place; the place itself when it lies within."""
        (bx, by), (x, y) = self.base(arm), place
        reach = math.dist((bx, by), (x, y))
        radius = self.arms[arm].turning_radius_m
        return place if reach <= radius else (bx + (x - bx) * radius / reach, by + (y - by) * radius / reach)

    def withdrawn(self, arm: str, tcp_in_cell: Pose) -> Pose:
        """The pose in the same direction on an arm's turning circle, as high; the pose itself when it lies within."""
        x, y, z = tcp_in_cell.position
        return Pose((*self.turning_place(arm, (x, y)), z), tcp_in_cell.orientation)

    def legs(self, arm: str, start: Pose, goal: Pose) -> tuple[Pose, ...]:
        """Where the TCP goes from place to place, the goal last: by its turning circle where the straight way leads through
        other zones.
        """
        if not self.zones or self.is_direct(arm, start.position[:2], goal.position[:2]):
            return (goal,)
        return self.withdrawn(arm, start), self.withdrawn(arm, goal), goal

    def meet(self, arm: str, place: Point, other: str, there: Point) -> bool:
        """Whether two arms could touch each other when each works at a place, or on the way there."""
        return _are_near((self.base(arm), place), (self.base(other), there), 2.0 * HALF_WIDTH_M)

    def gap_m(self, point: Point, arm: str, place: Point) -> float:
        """Distance of a point from the middle of the strip to an arm's place, m."""
        return _point_m(point, (self.base(arm), place))

    def distance_m(self, zone: str, point: Point) -> float:
        """Distance of a point from a zone, m; 0 within."""
        return _off_m(self.zones[zone], point)

    def _is_direct(self, arm: str, start: Point, goal: Point) -> bool:
        """Whether an arm may turn from place to place as it is, without drawing back to its turning circle first."""
        allowed = self.touched(arm, start) | self.touched(arm, goal)
        others = self._elsewhere(arm, allowed)
        return all(
            self.touched(arm, place) <= allowed and not any(self.meet(arm, place, *other) for other in others)
            for place in self._swept(arm, start, goal)
        )

    def _elsewhere(self, arm: str, held: frozenset[str]) -> list[tuple[str, Point]]:
        """Every other arm with each place where it may be while an arm holds some zones."""
        return [
            (other, there)
            for other in self.arms
            if other != arm
            for station in self.stations(other)
            if not held & self.zones_at(other, station)
            for there in self.places[station]
        ]

    def _swept(self, arm: str, start: Point, goal: Point) -> Iterator[Point]:
        """Places on the outer arc that the arm draws when it turns from start to goal."""
        bx, by = self.base(arm)
        yaw = self.arms[arm].base_in_cell.rpy_rad[2]
        first, last = (wrap_angle(math.atan2(y - by, x - bx) - yaw) + yaw for x, y in (start, goal))
        radius = max(math.dist((bx, by), start), math.dist((bx, by), goal))
        steps = max(1, math.ceil(abs(last - first) / _TURN_STEP_RAD))
        for step in range(steps + 1):
            angle = first + (last - first) * step / steps
            yield bx + radius * math.cos(angle), by + radius * math.sin(angle)


def places_of(spec: object, carton: CartonLayout | None = None) -> tuple[Point, ...]:
    """The places of a station, feeder or crib, from above; none for what no arm works at."""
    if isinstance(spec, ToolCribSpec):
        return tuple(pocket.flange_in_cell.xyz_m[:2] for pocket in spec.pockets)
    key = next((name for name in _PLACES if hasattr(spec, name)), None)
    if key is None:
        return ()
    frame = getattr(spec, key).pose
    columns, rows, pitch_m = 1, 1, 0.0
    if isinstance(spec, FeederSpec):
        columns, rows, pitch_m = spec.columns, spec.rows, spec.pitch_m
    elif key == "carton_in_cell" and carton is not None:
        return tuple(dict.fromkeys((frame @ place).position[:2] for place in carton.places))
    grid = (frame.apply((c * pitch_m, r * pitch_m, 0.0)) for r in range(rows) for c in range(columns))
    return tuple((x, y) for x, y, _ in grid)


def overlap(a: ZoneSpec, b: ZoneSpec) -> bool:
    """Whether two zones have ground in common."""
    return all(a.low_m[i] < b.high_m[i] and b.low_m[i] < a.high_m[i] for i in (0, 1))


def _off_m(zone: ZoneSpec, place: Point) -> float:
    """Distance of a place from a zone, m; 0 within."""
    return math.hypot(*(max(zone.low_m[i] - place[i], 0.0, place[i] - zone.high_m[i]) for i in (0, 1)))


def _strip_touches(base: Point, place: Point, zone: ZoneSpec) -> bool:
    if min(_off_m(zone, base), _off_m(zone, place)) < HALF_WIDTH_M:
        return True
    (x0, y0), (x1, y1) = zone.low_m, zone.high_m
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    sides = zip(corners, (*corners[1:], corners[0]), strict=True)
    return any(_are_near((base, place), side, HALF_WIDTH_M) for side in sides)


def _are_near(a: tuple[Point, Point], b: tuple[Point, Point], within_m: float) -> bool:
    """Whether two straight lines between points come so near to each other; most are told by the boxes around them."""
    for (p, q), (u, v) in zip(zip(*a, strict=True), zip(*b, strict=True), strict=True):
        if max(u, v) + within_m <= min(p, q) or max(p, q) + within_m <= min(u, v):
            return False
    return _segments_m(a, b) < within_m


def _segments_m(a: tuple[Point, Point], b: tuple[Point, Point]) -> float:
    """Distance of two straight lines between points, m; 0 where they cross."""
    if _sides(a, b) and _sides(b, a):
        return 0.0
    return min(*(_point_m(p, b) for p in a), *(_point_m(p, a) for p in b))


def _sides(line: tuple[Point, Point], points: tuple[Point, Point]) -> bool:
    """Whether two points lie on different sides of a line."""
    (x, y), (u, v) = line
    first, second = ((u - x) * (q - y) - (v - y) * (p - x) for p, q in points)
    return first * second < 0.0


def _point_m(point: Point, line: tuple[Point, Point]) -> float:
    (px, py), ((x, y), (u, v)) = point, line
    length2 = (u - x) ** 2 + (v - y) ** 2
    along = min(1.0, max(0.0, ((px - x) * (u - x) + (py - y) * (v - y)) / length2)) if length2 > 0.0 else 0.0
    return math.dist(point, (x + along * (u - x), y + along * (v - y)))
