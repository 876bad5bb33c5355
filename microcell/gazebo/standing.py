"""What holds what in the simulated plant, and the steps that bring Gazebo's world to the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from microcell.gazebo import scheme
from microcell.gazebo.station import holding_stations
from microcell.gazebo.tool import tool_model
from microcell.geometry import Pose, angle_between, distance
from microcell.plant.items import Item
from microcell.plant.plant import Plant

HOLDING = ("fixture", "printer")
"""Places where a station may hold what is in it."""

FEEDER = "feeder"
"""Where pieces rest until one is taken: they move nothing and nothing moves them, and they cost the physics no contacts."""

CARTON = "carton"
"""Where a unit ends: it is one model at rest then, with its parts drawn on it, and leaves as one."""

RIGHTING = ("tool", "unit")
"""Places in which a piece stands as the plant has it, not as it lay before."""

STANDING = ("fixture", "unit")
"""Places in which something may move a piece while it is held: a turner the unit, a press the part that is pressed in."""

MOVED_M, TURNED_RAD = 0.0002, 0.002
"""A piece that stands elsewhere than the plant has it by more than this has been moved."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A model's link that holds another model."""

    model: str
    link: str


@dataclass(frozen=True, slots=True)
class Body:
    """A tool or a piece: the link that is held, by whom (None: it lies free), and for pieces what it is.

    What `rests` is a static model: before it can be held or lie free, it is taken away and comes anew. `at` is where a piece
    was in the station or the unit when that began to hold it, `parts` are those of a unit at rest, with their poses in it.
    """

    link: str
    hold: Hold | None
    item: Item | None = None
    rests: bool = False
    at: Pose | None = None
    parts: tuple[tuple[Item, Pose], ...] = ()


Standing: TypeAlias = Mapping[str, Body]
"""By model."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """A piece comes into the world where it lies, free or at rest; a unit at rest with its parts."""

    model: str
    item: Item
    pose: Pose
    rests: bool = False
    parts: tuple[tuple[Item, Pose], ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """A piece leaves the world."""

    model: str


@dataclass(frozen=True, slots=True)
class Put:
    """A free piece comes to stand a little otherwise: jaws and holes put right what is between them."""

    model: str
    pose: Pose


@dataclass(frozen=True, slots=True)
class Attach:
    """One model holds another from now on, as they stand."""

    hold: Hold
    model: str
    link: str


@dataclass(frozen=True, slots=True)
class Release:
    """One model lets go of another."""

    holder: str
    model: str


Step: TypeAlias = Spawn | Remove | Put | Attach | Release


def rests(item: Item) -> bool:
    """Whether a piece that nobody has touched rests where it lies."""
    return item.place.kind == FEEDER


def standing(plant: Plant, before: Standing = MappingProxyType({})) -> dict[str, Body]:
    """Who holds whom in the plant now. What was stirred before rests no more."""
    found = dict(_tools(plant))
    stations = holding_stations(plant.bench.line)
    packed: dict[int, list[tuple[Item, Pose]]] = {}
    for item in plant.inventory:
        name, whole = scheme.item_model(item.item_id), _outermost(plant, item)
        if whole.place.kind == CARTON:
            parts = packed.setdefault(whole.item_id, [])
            if item is not whole:
                parts.append((item, plant.bench.pose_of(whole).inverse() @ plant.bench.pose_of(item)))
        elif whole.place.kind != "lost":
            held, known = _holder_of(plant, item, stations), before.get(name)
            still = known is None or known.rests
            found[name] = Body(scheme.PART_LINK, held, item, rests(item) and still, _stands_at(item, held, known))
    for item_id, parts in packed.items():
        unit = plant.inventory[item_id]
        if unit.place.holder in plant.bench.cartons.values():
            found[scheme.item_model(item_id)] = Body(scheme.PART_LINK, None, unit, rests=True, parts=tuple(parts))
    return found


def steps(before: Standing, after: Standing, poses: Mapping[str, Pose]) -> list[Step]:
    """What to do in Gazebo, in order: let go, take away, bring, put right, hold. `poses` of the pieces in the plant.

    What is taken away is let go of only then, a piece before what holds it: parts stand in each other without hollows, and
    a unit that came apart before it is gone would burst.
    """
    shifted = _shifted(before, after)
    changed = [n for n in before if n in after and (after[n].hold != before[n].hold or n in shifted)]
    found: list[Step] = []
    for name in _outermost_first(before, changed):
        hold = before[name].hold
        found += [Release(hold.model, name)] if hold is not None else []
    for name in _outermost_first(before, [name for name in before if name not in after]):
        hold = before[name].hold
        found += [*([Release(hold.model, name)] if hold is not None else []), Remove(name)]
    stirred = [name for name, body in after.items() if name in before and before[name].rests != body.rests]
    found += map(Remove, stirred)
    for name, body in after.items():
        if (name not in before or name in stirred) and body.item is not None:
            found.append(Spawn(name, body.item, poses[name], body.rests, body.parts))
    holders = {body.hold.model for body in after.values() if body.hold is not None}
    for name in reversed(_outermost_first(after, list(after))):
        body, held = after[name], before[name].hold if name in before else None
        if body.hold is not None and (body.hold != held or name in shifted):
            righted = body.item is not None and body.item.place.kind in RIGHTING and name not in holders
            if righted or name in shifted:
                found.append(Put(name, poses[name]))
            found.append(Attach(body.hold, name, body.link))
    return found


def done(before: Standing, step: Step, wanted: Standing) -> Standing:
    """Who holds whom when one of the steps from `before` to `wanted` has been done."""
    after = dict(before)
    if isinstance(step, Release):
        after[step.model] = replace(before[step.model], hold=None)
    elif isinstance(step, Remove):
        del after[step.model]
    elif isinstance(step, Spawn):
        after[step.model] = replace(wanted[step.model], hold=None)
    elif isinstance(step, Attach):
        after[step.model] = wanted[step.model]
    return after


def _outermost(plant: Plant, item: Item) -> Item:
    """The piece itself, or the unit that it is in."""
    while item.place.kind == "unit":
        item = plant.inventory[int(item.place.holder)]
    return item


def _stands_at(item: Item, held: Hold | None, known: Body | None) -> Pose | None:
    """Where a held piece stands in its station or unit: as known, unless something has moved it."""
    if held is None or item.place.kind not in STANDING:
        return None
    at = known.at if known is not None and known.hold == held else None
    near = at is not None and distance(at, item.pose) <= MOVED_M and angle_between(at, item.pose) <= TURNED_RAD
    return at if near else item.pose


def _shifted(before: Standing, after: Standing) -> set[str]:
    """What is held by the same as before and elsewhere, and all that hangs on it."""
    both = {name: body for name, body in after.items() if name in before and body.hold is not None}
    found = {name for name, body in both.items() if body.hold == before[name].hold and body.at != before[name].at}
    while more := {name for name, body in both.items() if name not in found and body.hold and body.hold.model in found}:
        found |= more
    return found


def _outermost_first(before: Standing, names: list[str]) -> list[str]:
    """Models in an order in which none comes before what it holds."""

    def depth(name: str) -> int:
        body = before.get(name)
        return 0 if body is None or body.hold is None else 1 + depth(body.hold.model)

    return sorted(names, key=depth, reverse=True)


def _tools(plant: Plant) -> Iterator[tuple[str, Body]]:
    for name, tool in plant.bench.tools.items():
        root = tool_model(tool.spec).root
        if tool.arm is not None:
            yield name, Body(root, Hold(tool.arm, scheme.COUPLING_LINK))
        elif tool.pocket is not None:
            yield name, Body(root, Hold(tool.pocket[0], scheme.RACK_LINK))
        else:
            yield name, Body(root, None)


def _holder_of(plant: Plant, item: Item, stations: Collection[str]) -> Hold | None:
    """What holds a piece; None for one that lies free."""
    place = item.place
    if place.kind == "tool":
        return Hold(place.holder, tool_model(plant.bench.tools[place.holder].spec).root)
    if place.kind == "fixture" and not plant.bench.clamped[place.holder]:
        return None
    if place.kind in HOLDING and place.holder in stations:
        return Hold(place.holder, scheme.STATION_LINK)
    if place.kind == "unit":
        return Hold(scheme.item_model(int(place.holder)), scheme.PART_LINK)
    return None
