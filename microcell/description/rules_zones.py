"""Rules of zones: where two arms of a cell could meet, only one at a time may be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from microcell.description.cell import ArmSpec, ToolCribSpec
from microcell.description.rules_context import Context, rule
from microcell.description.rules_product import carton_of, used_parts
from microcell.description.wording import listed
from microcell.description.zones import HALF_WIDTH_M, Ways, overlap
from microcell.errors import Issue

SERVED = ("feeder", "fixture", "tool_crib", "carton_station", "printer", "bin", "tester")
"""Kinds of device that an arm works at."""
_ROUNDING_M = 1e-9


@rule("cell")
def rule_arms_serve_what_there_is(context: Context) -> Iterator[Issue]:
    """What an arm serves are stations, feeders and tool cribs of the cell."""
    yield from context.refer_each("cell", ("devices", "*", "serves", "*"), context.devices(*SERVED), "station")


@rule("cell")
def rule_zones_have_ground(context: Context) -> Iterator[Issue]:
    """A zone's low corner is below its high one, and no device has its name."""
    for name, zone in context.cell.zones.items():
        if any(low >= high for low, high in zip(zone.low_m, zone.high_m, strict=True)):
            corner = ", ".join(f"{value:g}" for value in zone.low_m)
            remedy = f"the high one is ({', '.join(f'{value:g}' for value in zone.high_m)}). Correct the corners."
            yield context.issue("cell", ("zones", name, "low_m"), f"not below the high corner ({corner})", remedy)
        if name in (context.names("cell", "devices") or ()):
            remedy = "zones and devices share their names. Rename the zone."
            yield context.issue("cell", ("zones", name), f"'{name}' is also a device", remedy, key=True)


@rule("cell")
def rule_zones_lie_apart(context: Context) -> Iterator[Issue]:
    """No two zones have ground in common."""
    for (name, zone), (other, second) in combinations(context.cell.zones.items(), 2):
        if overlap(zone, second):
            remedy = "an arm in one could meet an arm in the other. Move them apart, or make one of the two."
            yield context.issue("cell", ("zones", other), f"it overlaps zone '{name}'", remedy, key=True)


@rule("cell.devices")
def rule_arms_meet_in_zones_only(context: Context) -> Iterator[Issue]:
    """Where two arms could touch each other at work, both are in a zone that one at a time may be in."""
    ways = _ways(context)
    for arm, other in combinations(ways.arms, 2):
        for station in ways.stations(arm):
            there = next((s for s in ways.stations(other) if _meet(ways, (arm, station), (other, s))), None)
            if there is not None:
                what = f"at '{station}' it could touch '{other}' at '{there}'"
                remedy = f"zones: {listed(ways.zones)}. Put both places into one, or take one off an arm's 'serves'."
                yield context.issue("cell", ("devices", arm), what, remedy, key=True)


@rule("cell.devices")
def rule_arms_wait_out_of_the_way(context: Context) -> Iterator[Issue]:
    """In a cell with several arms, the turning circle of each is clear of every zone and of the other arms."""
    ways = _ways(context)
    for name, spec in ways.arms.items() if len(ways.arms) > 1 else ():
        free_m, what = min(_clearances(ways, name), default=(math.inf, ""))
        free_m -= HALF_WIDTH_M
        if spec.turning_radius_m > free_m + _ROUNDING_M:
            allowed = f"up to {max(0.0, math.floor((free_m + _ROUNDING_M) * 1000.0) / 1000.0):g} is free"
            where = ("devices", name, "turning_radius_m")
            text = f"the arm turns into {what} ({spec.turning_radius_m:g})"
            yield context.issue("cell", where, text, f"{allowed}. Take less, or move {what} away.")


@rule("cell.devices")
def rule_arms_have_cribs_of_their_own(context: Context) -> Iterator[Issue]:
    """In a cell with zones, each arm has a tool crib outside them, and a bin where there are bins."""
    ways = _ways(context)
    for arm in ways.arms if ways.zones else ():
        for kind in ("tool_crib", "bin"):
            every = context.cell.of_kind(kind)
            own = [name for name in ways.stations(arm) if name in every and not ways.zones_at(arm, name)]
            if every and not own:
                noun = kind.replace("_", " ")
                what = f"it serves no {noun} outside the zones"
                remedy = f"there are: {listed(every)}. Add a {noun} of its own: it is needed at any time."
                yield context.issue("cell", ("devices", arm), what, remedy, key=True)


@rule("line", "cell.devices", "tools", "product.parts", "product.bill_of_materials", "product.variants", "product.sites")
def rule_feeders_have_an_arm_with_a_tool(context: Context) -> Iterator[Issue]:
    """Some arm that works at a feeder has a tool for the part in one of the cribs that it works at."""
    parts = used_parts(context)
    arms: dict[str, ArmSpec] = context.cell.of_kind("arm")
    for feeder, setup in context.line.feeders.items() if any(arm.serves for arm in arms.values()) else ():
        if setup.part not in parts or feeder not in context.cell.devices:
            continue
        capability = parts[setup.part].grasp.capability
        serving = {name: _abilities(context, spec) for name, spec in arms.items() if spec.works_at(feeder)}
        if not any(capability in can for can in serving.values()):
            what = f"no arm at '{feeder}' can {capability} a '{setup.part}'"
            able = listed(f"{name} ({', '.join(sorted(can)) or 'no tool'})" for name, can in serving.items())
            remedy = f"there: {able}. Add a tool to a crib of one, or the feeder to another arm's 'serves'."
            yield context.issue("line", ("feeders", feeder), what, remedy, key=True)


def _ways(context: Context) -> Ways:
    return Ways(context.cell, carton_of(context))


def _meet(ways: Ways, one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two arms at two stations could touch each other, and no zone is on both their ways."""
    if ways.zones_at(*one) & ways.zones_at(*other):
        return False
    return any(ways.meet(one[0], a, other[0], b) for a in ways.places[one[1]] for b in ways.places[other[1]])


def _clearances(ways: Ways, arm: str) -> Iterator[tuple[float, str]]:
    """Distance from an arm's base to each zone, and to the ground of each other arm, m."""
    base = ways.base(arm)
    for name in ways.zones:
        yield ways.distance_m(name, base), f"zone '{name}'"
    for other, spec in ways.arms.items():
        if other != arm:
            gap = math.dist(base, ways.base(other)) - spec.turning_radius_m - HALF_WIDTH_M
            yield gap, f"'{other}'"
            for station in ways.stations(other):
                gap = min(ways.gap_m(base, other, place) for place in ways.places[station])
                yield gap - HALF_WIDTH_M, f"'{other}' at '{station}'"


def _abilities(context: Context, arm: ArmSpec) -> set[str]:
    """What the tools in an arm's cribs can do."""
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    tools = (pocket.tool for name, crib in cribs.items() if arm.works_at(name) for pocket in crib.pockets)
    return {capability for tool in tools if tool in context.tools for capability in context.tools[tool].capabilities}
