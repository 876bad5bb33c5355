"""Dispensing: a bead lies where the nozzle went while its valve was open, so much on each metre; its gaps can be seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from microcell.description.product import Part
from microcell.geometry import Pose, distance
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item, Place
from microcell.plant.layout import SitePlace
from microcell.plant.physics import BEAD_HEIGHT_M, BEAD_REACH_M, BEAD_STEP_M, BEAD_WETS_RATIO, GAP_SEEN_M, SITE_REACH_M
from microcell.plant.scene import Flaw

Point = tuple[float, float]

LOOK_S = 0.01
"""Period at which the nozzle's way is looked at: a millimetre or so."""
STANDS_M = 1e-6


@dataclass
class Flow:
    """What a dispenser has let out since its valve opened: mass, points of the nozzle's way, and what is left.

    `seen_s` is until when, None while the valve is closed.
    """

    left_kg: float
    mass_kg: float = 0.0
    rate_kg_m: float = 0.0
    seen_s: float | None = None
    way: list[Pose] = field(default_factory=list)


class Dispensing:
    """Every dispenser of a cell. `bubbles` are those whose next bead has a gap."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._clogged: dict[str, float] = {}
        self.bubbles: set[str] = set()
        tools = bench.tools.values()
        self._flows = {tool.name: Flow(tool.spec.cartridge_kg) for tool in tools if tool.spec.device == "dispenser"}

    def as_data(self) -> dict[str, float]:
        """What each cartridge has left, kg."""
        return {name: flow.left_kg for name, flow in self._flows.items()}

    def put_back(self, data: Mapping[str, float]) -> None:
        """Have the cartridges as they were; no valve is open."""
        self._flows = {name: Flow(left_kg) for name, left_kg in data.items()}

    def left_kg(self, tool: ToolTruth) -> float:
        """What the cartridge has left, kg."""
        self._go_on(tool)
        return self._flows[tool.name].left_kg

    def refill(self, tool: ToolTruth, left_kg: float) -> None:
        """Somebody puts in another cartridge."""
        self._flows[tool.name].left_kg = left_kg

    def mass_kg(self, tool: ToolTruth) -> float:
        """What has come out since the valve opened, kg."""
        self._go_on(tool)
        return self._flows[tool.name].mass_kg

    def clog(self, tool: str, ratio: float) -> None:
        """From now until the valve closes, so little of the flow comes out."""
        self._clogged[tool] = ratio

    def begin(self, tool: ToolTruth, rate_kg_m: float) -> None:
        """Open the valve where the nozzle is."""
        flow = self._flows[tool.name]
        flow.mass_kg, flow.rate_kg_m = 0.0, rate_kg_m
        seen_s = self._bench.clock.now() if tool.arm is None else self._bench.arms[tool.arm].seen_s
        flow.seen_s, flow.way = seen_s, [self._bench.tcp(tool)]

    def note_way(self, arm: str) -> None:
        """The arm is about to move otherwise than so far: what it did until now counts."""
        tool = self._bench.tool_on(arm)
        if tool is not None and tool.name in self._flows:
            self._go_on(tool)

    def finish(self, tool: ToolTruth) -> None:
        """Close the valve, and let the bead be where it was laid."""
        flow = self._flows[tool.name]
        if flow.seen_s is None:
            return
        self._go_on(tool)
        flow.seen_s = None
        self._lay(tool, flow)
        self._clogged.pop(tool.name, None)

    def _go_on(self, tool: ToolTruth) -> None:
        """Let out what belongs to the way from where it was seen last to now."""
        flow = self._flows[tool.name]
        if flow.seen_s is None or tool.arm is None:
            return
        arm, start_s = self._bench.arms[tool.arm], flow.seen_s
        flow.seen_s = arm.seen_s
        if arm.led:
            self._let_out(tool, flow, arm.flange() @ tool.tcp_in_flange, max(0.0, flow.seen_s - start_s))
            return
        end_s = min(flow.seen_s, arm.end_s)  # afterwards it stands
        steps = math.ceil((end_s - start_s) / LOOK_S - 1e-9)
        for k in range(1, steps + 1):
            step_s = min(LOOK_S, end_s - start_s - (k - 1) * LOOK_S)
            pose = arm.flange_at(start_s + min(k * LOOK_S, end_s - start_s)) @ tool.tcp_in_flange
            self._let_out(tool, flow, pose, step_s)

    def _let_out(self, tool: ToolTruth, flow: Flow, pose: Pose, step_s: float) -> None:
        """One step of the nozzle's way: at the rate that is set, but no more than the pump can give."""
        way_m = distance(flow.way[-1], pose)
        if way_m < STANDS_M:
            return
        most_kg = tool.spec.flow_kg_s * step_s if tool.spec.device == "dispenser" else 0.0
        out_kg = min(flow.left_kg, self._clogged.get(tool.name, 1.0) * min(flow.rate_kg_m * way_m, most_kg))
        flow.mass_kg, flow.left_kg = flow.mass_kg + out_kg, flow.left_kg - out_kg
        flow.way.append(pose)

    def _lay(self, tool: ToolTruth, flow: Flow) -> None:
        """The bead of the part whose way agrees best with the nozzle's; one that wets too little of it is nothing."""
        best = max(self._beads(flow), key=lambda found: found[0], default=None)
        if best is None or best[0] < BEAD_WETS_RATIO:
            return
        _, name, place, unit, wetted = best
        part = self._bench.recipe_of(unit).product.parts[name]
        flaws = _gaps(part, self._spoilt(tool, wetted), unit.part.colour_rgb)
        inside = Place("unit", str(unit.item_id), place.name)
        self._bench.inventory.make(name, part, "", inside, place.part_in_unit, flaws=flaws, product=unit.product)

    def _spoilt(self, tool: ToolTruth, wetted: list[tuple[Point, bool]]) -> list[tuple[Point, bool]]:
        """A clogged nozzle stops wetting early, an air bubble leaves out a seventh in the middle."""
        last = math.ceil(len(wetted) * self._clogged.get(tool.name, 1.0))
        if tool.name in self.bubbles:
            self.bubbles.discard(tool.name)
            first, end = 3 * len(wetted) // 7, 4 * len(wetted) // 7
            wetted = [(at, wet and not first <= n < end) for n, (at, wet) in enumerate(wetted)]
        return [(at, wet and n < last) for n, (at, wet) in enumerate(wetted)]

    def _beads(self, flow: Flow) -> Iterator[tuple[float, str, SitePlace, Item, list[tuple[Point, bool]]]]:
        """Each part that could have been laid here: how much of its way is wetted, name, site, unit, and what is wetted."""
        x, y, _ = flow.way[0].position
        zone = self._bench.layout.zone_at(x, y)
        unit = self._bench.unit_in(zone.name) if zone is not None and zone.kind == "fixture" else None
        if unit is None:
            return
        recipe = self._bench.recipe_of(unit)
        for name, part in recipe.product.parts.items():
            for place in recipe.sites_of(name) if part.path_m else ():
                seat = self._bench.pose_of(unit) @ place.part_in_unit
                way = [seat.inverse().apply(pose.position) for pose in flow.way]
                if math.dist(way[0][:2], part.path_m[0]) > SITE_REACH_M:
                    continue
                wetted = _wetted(part, way)
                yield sum(wet for _, wet in wetted) / len(wetted), name, place, unit, wetted


def _wetted(part: Part, way: list[tuple[float, float, float]]) -> list[tuple[Point, bool]]:
    """Points along a part's path, each with whether the nozzle came so near that it was wetted."""
    legs = [(a[:2], b[:2]) for a, b in pairwise(way) if max(abs(a[2]), abs(b[2])) <= BEAD_HEIGHT_M]
    return [(at, any(_off_m(at, a, b) <= BEAD_REACH_M for a, b in legs)) for at in _points(part.path_m)]


def _points(path: tuple[Point, ...]) -> Iterator[Point]:
    """Points along a path, a step apart."""
    for a, b in pairwise(path):
        steps = max(1, round(math.dist(a, b) / BEAD_STEP_M))
        for n in range(steps):
            yield (a[0] + (b[0] - a[0]) * n / steps, a[1] + (b[1] - a[1]) * n / steps)


def _off_m(at: Point, a: Point, b: Point) -> float:
    """Distance of a point from a leg."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    share = max(0.0, min(1.0, ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / length2)) if length2 > 0.0 else 0.0
    return math.dist(at, (a[0] + share * dx, a[1] + share * dy))


def _gaps(part: Part, wetted: list[tuple[Point, bool]], ground_rgb: tuple[int, int, int]) -> tuple[Flaw, ...]:
    """Dry stretches of a path as flaws in the colour of what is under the bead."""
    gaps: list[Flaw] = []
    dry: list[Point] = []
    for at, wet in [*wetted, ((0.0, 0.0), True)]:
        if not wet:
            dry.append(at)
        elif dry:
            if math.dist(dry[0], dry[-1]) >= GAP_SEEN_M:
                gaps.append(Flaw(dry[0], dry[-1], 2.0 * BEAD_REACH_M, ground_rgb))
            dry = []
    return tuple(gaps)
