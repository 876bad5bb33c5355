"""What holds what in the simulated plant, and the steps that bring Gazebo's world to the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from microcell.gazebo import scheme
from microcell.gazebo.station import holding_stations
from microcell.gazebo.tool import tool_model
from microcell.geometry import Pose
from microcell.plant.items import Item
from microcell.plant.plant import Plant

HOLDING = ("fixture", "printer")
"""Places where a station may hold what is in it."""

FEEDER = "feeder"
"""Where pieces rest until one is taken: they move nothing and nothing moves them, and they cost the physics no contacts."""

RIGHTING = ("tool", "unit")
"""Places in which a piece stands as the plant has it, not as it lay before."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A model's link that holds another model."""

    model: str
    link: str


@dataclass(frozen=True, slots=True)
class Body:
    """A tool or a piece: the link that is held, by whom (None: it lies free), and for pieces what it is.

    What `rests` is a static model: before it can be held or lie free, it is taken away and comes anew.
    """

    link: str
    hold: Hold | None
    item: Item | None = None
    rests: bool = False


Standing: TypeAlias = Mapping[str, Body]
"""By model."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """A piece comes into the world where it lies, free or at rest."""

    model: str
    item: Item
    pose: Pose
    rests: bool = False


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
    for item in plant.inventory:
        if item.place.kind != "lost":
            name, held = scheme.item_model(item.item_id), _holder_of(plant, item, stations)
            still = name not in before or before[name].rests
            found[name] = Body(scheme.PART_LINK, held, item, rests(item) and still)
    return found


def steps(before: Standing, after: Standing, poses: Mapping[str, Pose]) -> list[Step]:
    """What to do in Gazebo, in order: let go, take away, bring, put right, hold. `poses` of the pieces in the plant.

    What is taken away is let go of only then, a piece before what holds it: parts stand in each other without hollows, and
    a unit that came apart before it is gone would burst.
    """
    found: list[Step] = []
    for name, body in before.items():
        if body.hold is not None and name in after and after[name].hold != body.hold:
            found.append(Release(body.hold.model, name))
    for name in _outermost_first(before, [name for name in before if name not in after]):
        hold = before[name].hold
        found += [*([Release(hold.model, name)] if hold is not None else []), Remove(name)]
    stirred = [name for name, body in after.items() if name in before and before[name].rests and not body.rests]
    found += map(Remove, stirred)
    for name, body in after.items():
        if (name not in before or name in stirred) and body.item is not None:
            found.append(Spawn(name, body.item, poses[name], body.rests))
    holders = {body.hold.model for body in after.values() if body.hold is not None}
    for name, body in after.items():
        held = before[name].hold if name in before else None
        if body.hold is not None and body.hold != held:
            if body.item is not None and body.item.place.kind in RIGHTING and name not in holders:
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
