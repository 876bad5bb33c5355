"""The geometry of a cell: stations from above and their places; and of each product that it makes: sites and grasps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from microcell.description.cell import (
    BinSpec,
    CartonStationSpec,
    DeviceSpec,
    FeederSpec,
    FixtureSpec,
    PrinterSpec,
    TesterSpec,
)
from microcell.description.contents import first_set_up
from microcell.description.extents import half_extents, top_m
from microcell.description.line import Line
from microcell.description.part_uses import parts_of_item
from microcell.description.product import Grasp, Site
from microcell.geometry import Pose
from microcell.plant.items import Item, PlaceKind
from microcell.plant.physics import BIN_HALF_M

_MARGIN_M = 0.02
_SQUARE_M = 0.05
"""The bench is looked up by squares of this size."""


@dataclass(frozen=True)
class Zone:
    """A station seen from above.

    `frame` and `places` are in the cell, `low_m` and `high_m` the extent along x and y of `frame`; `kind` is
    how the inventory calls what is placed there.
    """

    name: str
    kind: PlaceKind
    frame: Pose
    low_m: tuple[float, float]
    high_m: tuple[float, float]
    places: tuple[Pose, ...]

    def distance_m(self, x_m: float, y_m: float) -> float:
        """Horizontal distance of a point of the cell frame from the station's extent; 0 within."""
        dx, dy = x_m - self.frame.position[0], y_m - self.frame.position[1]
        yaw = self.frame.yaw
        if yaw:
            dx, dy = dx * math.cos(yaw) + dy * math.sin(yaw), dy * math.cos(yaw) - dx * math.sin(yaw)
        return math.hypot(
            max(self.low_m[0] - dx, 0.0, dx - self.high_m[0]),
            max(self.low_m[1] - dy, 0.0, dy - self.high_m[1]),
        )

    @cached_property
    def floor_m(self) -> float:
        """Height of its lowest places."""
        return min((place.position[2] for place in self.places), default=self.frame.position[2])

    def nearest_place(self, x_m: float, y_m: float) -> int:
        """Number of the place whose origin is nearest to a point of the cell frame."""
        distances = [math.hypot(x_m - p.position[0], y_m - p.position[1]) for p in self.places]
        return distances.index(min(distances))


@dataclass(frozen=True)
class SitePlace:
    """A site of the product, with its pose as such."""

    name: str
    site: Site
    part_in_unit: Pose

    @property
    def entry_m(self) -> float:
        """Height over the seated pose at which the part first touches its site."""
        if self.site.thread is not None:
            return self.site.thread.engagement_m
        return self.site.fit.depth_m if self.site.fit is not None else 0.0


@dataclass(frozen=True)
class GraspPlace:
    """A way to take a part or unit, with the TCP's pose as such."""

    grasp: Grasp
    tcp_in_part: Pose


class Recipe:
    """What the physics looks up again and again of a product, worked out once."""

    def __init__(self, line: Line) -> None:
        product = line.product_description
        first_item = next(iter(product.bill_of_materials))
        self.product = product
        self.bodies = parts_of_item(product, first_item)
        self.body_site = next((name for name, site in product.sites.items() if site.item == first_item), "")
        self.grasps = {name: _grasp(part.grasp) for name, part in product.parts.items()}
        self.unit_grasp = _grasp(product.unit_grasp)
        self._sites = _sites_of_parts(line, first_item)

    def has_site(self, name: str, part_name: str) -> bool:
        """Whether there is a site of that name where a part goes in some variant."""
        return any(place.name == name for place in self.sites_of(part_name))

    def sites_of(self, part_name: str) -> tuple[SitePlace, ...]:
        """The sites where a part goes in some variant."""
        return self._sites.get(part_name, ())


class Layout:
    """The stations, as large as the largest product of the cell wants them, and the products' recipes.

    `set_up` tells by station for which product it is set up, as far as that makes a difference.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self.set_up: dict[str, str] = first_set_up(line)
        self._recipes = {each.product: Recipe(each) for each in line.every}
        self.zones = {zone.name: zone for zone in _zones(line, self.set_up)}
        self.clear_m = max(_clear_m(each, self.zones.values()) for each in line.every)
        self._zones_near: dict[tuple[int, int], tuple[Zone, ...]] = {}

    def recipe(self, product: str = "") -> Recipe:
        """The recipe of a product; "" for that of the cell's first line."""
        return self._recipes[product or self._line.product]

    def products_of(self, unit: Item, installed: Iterable[Item]) -> list[str]:
        """The products of which a unit may become one: that for which its first part was brought, and others that begin with
        the same part and have a site for each of those that are in it, in this order.
        """
        first = unit.product or self._line.product
        others = [name for name, recipe in self._recipes.items() if name != first and unit.part_name in recipe.bodies]
        there = [(item.place.slot, item.part_name) for item in installed] if others else []
        return [first, *(name for name in others if all(self._recipes[name].has_site(*pair) for pair in there))]

    def set_up_for(self, station: str, product: str) -> None:
        """A station is set up for another product: its places may be others."""
        self.set_up[station] = product
        spec = self._line.cell_description.devices[station]
        self.zones.update({zone.name: zone for zone in _zones_of(self._line, station, spec, self.set_up)})
        self._zones_near.clear()

    def zone_at(self, x_m: float, y_m: float) -> Zone | None:
        """The station at a point of the cell frame seen from above; None for the bench."""
        key = (round(x_m / _SQUARE_M), round(y_m / _SQUARE_M))
        if key not in self._zones_near:
            self._zones_near[key] = self._near(key)
        hits = (zone for zone in self._zones_near[key] if zone.distance_m(x_m, y_m) == 0.0)
        return min(hits, key=lambda zone: math.dist((x_m, y_m), zone.frame.position[:2]), default=None)

    def _near(self, key: tuple[int, int]) -> tuple[Zone, ...]:
        """The stations that reach into a square of the bench."""
        x, y = key[0] * _SQUARE_M, key[1] * _SQUARE_M
        return tuple(zone for zone in self.zones.values() if zone.distance_m(x, y) <= _SQUARE_M)


def _clear_m(line: Line, zones: Iterable[Zone]) -> float:
    """Height in the cell over which nothing stands, m: all parts of a unit piled up on the highest place."""
    product = line.product_description
    highest = max((place.position[2] for zone in zones for place in zone.places), default=0.0)
    items = [site.item for site in product.sites.values()]
    heights = (max(top_m(product.parts[name]) for name in parts_of_item(product, item)) for item in items)
    return highest + sum(heights)


def _grasp(grasp: Grasp) -> GraspPlace:
    return GraspPlace(grasp, grasp.tcp_in_part.pose)


def _sites_of_parts(line: Line, first_item: str) -> dict[str, tuple[SitePlace, ...]]:
    found: dict[str, tuple[SitePlace, ...]] = {}
    for name, site in line.product_description.sites.items():
        if site.item == first_item:
            continue
        place = SitePlace(name, site, site.part_in_unit.pose)
        for part in parts_of_item(line.product_description, site.item):
            found[part] = (*found.get(part, ()), place)
    return found


def _zones(line: Line, set_up: Mapping[str, str]) -> list[Zone]:
    devices = line.cell_description.devices.items()
    return [zone for name, spec in devices for zone in _zones_of(line, name, spec, set_up)]


def _zones_of(line: Line, name: str, spec: DeviceSpec, set_up: Mapping[str, str]) -> list[Zone]:
    """The zone of a device, if it has one."""
    if isinstance(spec, FeederSpec):
        fed = [each.product_description.parts[each.feeders[name].part] for each in line.every if name in each.feeders]
        half = max((max(half_extents(part)) for part in fed), default=0.0) + _MARGIN_M
        columns, rows = (spec.columns, spec.rows) if spec.style == "tray" else (1, 1)
        return [_grid(name, spec.kind, spec.part_in_cell.pose, columns, rows, spec.pitch_m, half)] if fed else []
    if isinstance(spec, FixtureSpec):
        half = max(_body_half_m(each) for each in line.every if each.works_with(name) or each is line)
        return [_grid(name, spec.kind, spec.seat_in_cell.pose, 1, 1, 0.0, half + _MARGIN_M)]
    if isinstance(spec, CartonStationSpec):
        of = line.making(set_up.get(name, ""))
        return [_zone(name, "carton", spec.carton_in_cell.pose, of.carton.places, _body_half_m(of))]
    if isinstance(spec, BinSpec):
        return [_grid(name, spec.kind, spec.drop_in_cell.pose, 1, 1, 0.0, BIN_HALF_M)]
    if isinstance(spec, TesterSpec):
        return [_grid(name, spec.kind, spec.part_in_cell.pose, 1, 1, 0.0, max(map(_nest_half_m, line.every)))]
    if isinstance(spec, PrinterSpec):
        return [_grid(name, spec.kind, spec.label_in_cell.pose, 1, 1, 0.0, 2 * _MARGIN_M)]
    return []


def _body_half_m(line: Line) -> float:
    """Half of the room that a unit of a line takes, m."""
    parts = line.product_description.parts
    body = parts_of_item(line.product_description, next(iter(line.product_description.bill_of_materials)))[0]
    return max(half_extents(parts[body])) + _MARGIN_M


def _nest_half_m(line: Line) -> float:
    """Half of the size of a tester's nest, m: for the largest part that has a voltage."""
    tested = [part for part in line.product_description.parts.values() if part.voltage is not None]
    return max((max(half_extents(part)) for part in tested), default=0.0) + _MARGIN_M


def _grid(name: str, kind: PlaceKind, frame: Pose, columns: int, rows: int, pitch_m: float, half_m: float) -> Zone:
    """Places count along x first, then along y."""
    places = [Pose((c * pitch_m, r * pitch_m, 0.0)) for r in range(rows) for c in range(columns)]
    return _zone(name, kind, frame, places, half_m)


def _zone(name: str, kind: PlaceKind, frame: Pose, places: Iterable[Pose], half_m: float) -> Zone:
    """A zone around places in a frame, each so large to all sides."""
    found = tuple(places)
    x, y = ([place.position[axis] for place in found] or [0.0] for axis in (0, 1))
    low, high = (min(x) - half_m, min(y) - half_m), (max(x) + half_m, max(y) + half_m)
    return Zone(name, kind, frame, low, high, tuple(frame @ place for place in found))
