"""Where a part goes that is let go: into what is under it, or away."""

from __future__ import annotations

import math

from microcell.description.extents import turn_error
from microcell.geometry import Pose, from_rpy
from microcell.plant.bench import Bench
from microcell.plant.items import Item, Place
from microcell.plant.layout import Zone
from microcell.plant.physics import (
    BIN_DEPTH_M,
    CARTON_CAPTURE_M,
    CARTON_DROP_M,
    DROP_M,
    FEEDER_CAPTURE_M,
    GRAVITY_M_S2,
    LABEL_SLIP_M,
    LAY_CAPTURE_M,
    SEAT_RESIDUE_M,
    SEATED_WITHIN_M,
)
from microcell.plant.supports import SiteMatch, Supports, on_seat


class Settling:
    """Lets parts and units go."""

    def __init__(self, bench: Bench, supports: Supports) -> None:
        self._bench = bench
        self._supports = supports

    def release(self, item: Item, pose: Pose) -> Item:
        """Let an item go with its frame at `pose` in the cell frame; the item where it then is."""
        x, y, _ = pose.position
        zone = self._bench.layout.zone_at(x, y)
        place = None
        if zone is not None and zone.kind == "fixture":
            place = self._into_fixture(zone, item, pose)
        elif zone is not None and zone.kind == "bin":
            place = self._into_bin(zone, pose)
        elif zone is not None and zone.kind in ("feeder", "carton", "tester"):
            place = self._onto_place(zone, pose)
        if place is None:
            return self._drop(zone, item, pose)
        return self._bench.inventory.move(item, *place)

    def _into_fixture(self, zone: Zone, item: Item, pose: Pose) -> tuple[Place, Pose] | None:
        if self._bench.unit_in(zone.name) is None:
            return self._onto_seat(zone, item, pose)
        match = self._supports.site_under(zone.name, item, pose)
        if match is None or match.place.site.thread is not None:
            return None
        height = self._height_in_site(match, item)
        if height is None:
            return None
        self._bench.becomes(match.unit, match.product)
        x, y = match.between_walls(item)
        if item.content:
            slip_x, slip_y = self._slip(item)
            x, y = x + slip_x, y + slip_y
        lying = Pose((x, y, height), from_rpy(0.0, 0.0, match.part_in_site.yaw))
        return Place("unit", str(match.unit.item_id), match.place.name), match.place.part_in_unit @ lying

    def _slip(self, label: Item) -> tuple[float, float]:
        """How far a label slips while it is pressed on, m: usually not at all."""
        chance, key = self._bench.chance, f"shifted:{label.item_id}"
        if not chance.happens(self._bench.line.disturbances.shifted_label_ratio, key):
            return 0.0, 0.0
        stream = chance.stream(f"slip:{key}")
        way, direction = stream.uniform(*LABEL_SLIP_M), stream.uniform(-math.pi, math.pi)
        return way * math.cos(direction), way * math.sin(direction)

    def _onto_seat(self, zone: Zone, item: Item, pose: Pose) -> tuple[Place, Pose] | None:
        seat = zone.places[0]
        if not on_seat(seat, item, pose) or pose.position[2] - seat.position[2] > DROP_M:
            return None
        stream = self._bench.chance.stream(f"seat:{zone.name}:{item.item_id}")
        residue = (stream.gauss(0.0, SEAT_RESIDUE_M), stream.gauss(0.0, SEAT_RESIDUE_M), 0.0)
        turn = (seat.inverse() @ pose).yaw
        slack = turn_error(item.part, turn)
        straight = round(turn / (math.pi / 2)) * math.pi / 2 if slack else turn
        return Place("fixture", zone.name), seat @ Pose(residue, from_rpy(0.0, 0.0, straight))

    def _height_in_site(self, match: SiteMatch, item: Item) -> float | None:
        """Height over the seated pose at which a released part rests in its site; None when it stays out."""
        height = match.part_in_site.position[2]
        fit = match.place.site.fit
        if fit is None and match.place.site.joint is not None:
            proud_m = match.place.site.joint.proud_m
            return proud_m if match.lateral_m <= LAY_CAPTURE_M and height <= proud_m + DROP_M else None
        if fit is None:
            stack = [other for other in self._bench.inventory.installed(match.unit) if other.place.slot == match.place.name]
            caught = match.lateral_m <= LAY_CAPTURE_M and height <= DROP_M
            return len(stack) * item.part.shape.height_m if caught and item.part.shape.kind != "screw" else None
        if not match.fits(item) or height > fit.depth_m + DROP_M:
            return None
        sinks = item.part.mass_kg * GRAVITY_M_S2 > fit.friction_n
        if sinks or height <= SEATED_WITHIN_M:
            return 0.0
        return min(height, fit.depth_m)

    def _into_bin(self, zone: Zone, pose: Pose) -> tuple[Place, Pose] | None:
        if pose.position[2] - zone.frame.position[2] > BIN_DEPTH_M:
            return None
        return Place("bin", zone.name), Pose((*pose.position[:2], zone.frame.position[2]), pose.orientation)

    def _onto_place(self, zone: Zone, pose: Pose) -> tuple[Place, Pose] | None:
        """Onto a place of a feeder or carton, when that is free and the part is over it."""
        capture, drop = (CARTON_CAPTURE_M, CARTON_DROP_M) if zone.kind == "carton" else (FEEDER_CAPTURE_M, DROP_M)
        holder = self._bench.cartons[zone.name] if zone.kind == "carton" else zone.name
        number = zone.nearest_place(*pose.position[:2])
        if zone.kind == "carton":
            number = self._free_place(zone, holder, pose, number)
        x, y, z = zone.places[number].position
        place = Place(zone.kind, holder, str(number))
        near = math.dist(pose.position[:2], (x, y)) <= capture and pose.position[2] - z <= drop
        if not holder or not near or self._bench.inventory.slot(place) is not None:
            return None
        return place, Pose((*pose.position[:2], z), pose.orientation)

    def _free_place(self, zone: Zone, carton: str, pose: Pose, nearest: int) -> int:
        """The lowest free place of a carton under a unit; the nearest one where none is free."""
        taken = {item.place.slot for item in self._bench.inventory.at("carton", carton)}
        near = (n for n, p in enumerate(zone.places) if math.dist(p.position[:2], pose.position[:2]) <= CARTON_CAPTURE_M)
        return min(near, key=lambda n: (str(n) in taken, zone.places[n].position[2]), default=nearest)

    def _drop(self, zone: Zone | None, item: Item, pose: Pose) -> Item:
        """Lie where it is put, or be gone when it falls."""
        rest = self._supports.under_part(item, pose).rest_m
        height = pose.position[2] - rest
        where = zone.name if zone is not None else "the bench"
        if height > DROP_M:
            self._bench.lose(item, pose, f"fell {height * 1000:.0f} mm onto {where}")
            return self._bench.inventory[item.item_id]
        station = zone.name if zone is not None else ""
        lying = Pose((*pose.position[:2], rest), pose.orientation)
        return self._bench.inventory.move(item, Place("loose", station), lying)
