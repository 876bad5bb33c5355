"""Pressing, welding, turning over, testing: what these do to the unit in a fixture, and to the part in a nest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random

from microcell.description.extents import top_m
from microcell.description.product import Joint
from microcell.geometry import Pose
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item, Place
from microcell.plant.physics import (
    PRESS_NOISE_RATIO,
    SEATED_WITHIN_M,
    WELD_GIVES_M,
    WELD_LATERAL_M,
    WELD_NOISE_RATIO,
    WELD_OHM,
    WELD_TOUCH_M,
    WELD_WEAK_OHM,
)
from microcell.plant.supports import upside_down


class Joining:
    """Presses, welding heads, turners and testers of a cell. `weak` are presses and welders that do not reach their force or
    energy, each by its ratio.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.weak: dict[str, float] = {}
        self._turned = dict.fromkeys(bench.line.cell_description.of_kind("turner"), False)
        self._counts: dict[str, int] = {}

    def as_data(self) -> dict[str, dict[str, int]]:
        """Which turners are upside down, and how often each device has worked."""
        return {"turned": {name: int(turned) for name, turned in self._turned.items()}, "counts": dict(self._counts)}

    def put_back(self, data: Mapping[str, Mapping[str, int]]) -> None:
        """Have it as it was."""
        self._turned.update({name: bool(turned) for name, turned in data["turned"].items()})
        self._counts = dict(data["counts"])

    # press

    def press(self, press: str, force_n: float, hold_s: float) -> tuple[float, float]:
        """Press once: force reached, N, and the ram's lowest height over the seat, m.

        Joints that stand proud share the force; they close when it is enough for all of them, and is held long enough.
        """
        force_n *= self.weak.get(press, 1.0)
        fixture = self._bench.line.cell_description.of_kind("press")[press].fixture
        unit = self._bench.unit_in(fixture)
        if unit is None:
            return self._noisy(press, force_n, PRESS_NOISE_RATIO), 0.0
        there = self._bench.inventory.installed(unit)
        joints = [(item, joint) for item in there if (joint := self._open_joint(unit, item))]
        needed_n, longest_s = sum(joint.force_n for _, joint in joints), max((j.hold_s for _, j in joints), default=0.0)
        if force_n >= needed_n and hold_s >= longest_s:
            for item, _ in joints:
                seated = self._bench.recipe_of(unit).product.sites[item.place.slot].part_in_unit.pose
                x, y, _ = item.pose.position
                self._bench.inventory.move(item, item.place, Pose((x, y, seated.position[2]), item.pose.orientation))
        return self._noisy(press, force_n, PRESS_NOISE_RATIO), self._top_m(fixture, unit)

    def _open_joint(self, unit: Item, item: Item) -> Joint | None:
        """The joint of an installed part that is still to be pressed."""
        site = self._bench.recipe_of(unit).product.sites[item.place.slot]
        proud_m = item.pose.position[2] - site.part_in_unit.xyz_m[2]
        return site.joint if proud_m > SEATED_WITHIN_M else None

    def _top_m(self, fixture: str, unit: Item) -> float:
        seat_m = self._bench.layout.zones[fixture].frame.position[2]
        every = (unit, *self._bench.inventory.installed(unit))
        return max(self._bench.pose_of(item).position[2] + top_m(item.part) for item in every) - seat_m

    # welder

    def weld(self, tool: ToolTruth) -> tuple[float, float] | None:
        """Weld a spot: energy, J, and resistance, ohm; None where the electrodes touch no place for a spot.

        A weak spot conducts badly, and does not hold: it is none.
        """
        found = self._spot_under(tool)
        if found is None or tool.spec.device != "welder":
            return None
        unit, site, name = found
        ratio = self.weak.get(tool.name, 1.0)
        energy_j = self._noisy(tool.name, tool.spec.energy_j * ratio, WELD_NOISE_RATIO)
        if ratio < 1.0:
            return energy_j, WELD_WEAK_OHM
        product = self._bench.recipe_of(unit).product
        place, seated = Place("unit", str(unit.item_id), site), product.sites[site].part_in_unit.pose
        if self._bench.inventory.slot(place) is None:
            self._bench.inventory.make(name, product.parts[name], "", place, seated, product=unit.product)
        return energy_j, self._noisy(tool.name, WELD_OHM, WELD_NOISE_RATIO)

    def _spot_under(self, tool: ToolTruth) -> tuple[Item, str, str] | None:
        """Unit, site and part of the spot that the electrodes touch."""
        tcp = self._bench.tcp(tool)
        zone = self._bench.layout.zone_at(*tcp.position[:2])
        unit = self._bench.unit_in(zone.name) if zone is not None and zone.kind == "fixture" else None
        if unit is None:
            return None
        recipe = self._bench.recipe_of(unit)
        for name, part in recipe.product.parts.items():
            for place in recipe.sites_of(name) if part.grasp.capability == "weld" else ():
                spot = unit.pose @ place.part_in_unit
                x, y, z = (spot @ part.grasp.tcp_in_part.pose).inverse().apply(tcp.position)
                touches = math.hypot(x, y) <= WELD_LATERAL_M and -WELD_TOUCH_M <= z <= WELD_GIVES_M
                if touches and not upside_down(spot):
                    return unit, place.name, name
        return None

    # turner

    def is_upside_down(self, turner: str) -> bool:
        """Whether a turner holds its fixture upside down."""
        return self._turned[turner]

    def turn(self, turner: str) -> None:
        """Half a turn. The unit goes along when it is clamped, otherwise it falls out."""
        spec = self._bench.line.cell_description.of_kind("turner")[turner]
        self._turned[turner] = not self._turned[turner]
        unit = self._bench.unit_in(spec.fixture)
        if unit is None:
            return
        if not self._bench.clamped[spec.fixture]:
            self._bench.lose(unit, unit.pose, "fell out of its fixture, which was turned without a clamp")
            return
        seat = self._bench.layout.zones[spec.fixture].frame
        turned = seat @ spec.half_turn @ seat.inverse() @ unit.pose
        self._bench.inventory.move(unit, unit.place, turned)

    # tester

    def voltage_v(self, tester: str) -> float | None:
        """Voltage of the part in a nest, as it is read, V; None where no cell lies there."""
        item = self._bench.inventory.first("tester", tester)
        if item is None or item.part.voltage is None:
            return None
        noise_v = self._bench.line.cell_description.of_kind("tester")[tester].noise_v
        return item.voltage_v + self._stream(tester).gauss(0.0, noise_v)

    def _noisy(self, device: str, value: float, ratio: float) -> float:
        return value * self._stream(device).gauss(1.0, ratio)

    def _stream(self, device: str) -> Random:
        """A stream for one more use of a device."""
        self._counts[device] = self._counts.get(device, 0) + 1
        return self._bench.chance.stream(f"use:{device}:{self._counts[device]}")
