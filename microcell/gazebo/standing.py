"""What holds what in the simulated plant, and the steps that bring Gazebo's world to the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from microcell.gazebo import scheme
from microcell.gazebo.tool import tool_model
from microcell.geometry import Pose
from microcell.plant.items import Item
from microcell.plant.plant import Plant


@dataclass(frozen=True, slots=True)
class Hold:
    """A model's link that holds another model, and the topic that lets go of it, below the cell's namespace."""

    model: str
    link: str
    release: str


@dataclass(frozen=True, slots=True)
class Body:
    """A tool or a piece: the link that is held, by whom (None: it lies free), and for pieces what it is."""

    link: str
    hold: Hold | None
    item: Item | None = None


Standing: TypeAlias = Mapping[str, Body]
"""By model."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """A piece comes into the world, free, where it lies."""

    model: str
    item: Item
    pose: Pose


@dataclass(frozen=True, slots=True)
class Remove:
    """A piece leaves the world."""

    model: str


@dataclass(frozen=True, slots=True)
class Attach:
    """One model holds another from now on, as they stand."""

    hold: Hold
    model: str
    link: str


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of what is held there."""

    topic: str


Step: TypeAlias = Spawn | Remove | Attach | Release


def standing(plant: Plant, before: Standing = MappingProxyType({})) -> dict[str, Body]:
    """Who holds whom in the plant now; what was held so before keeps the topic that lets go of it."""
    found = dict(_tools(plant))
    for item in plant.inventory:
        if item.place.kind != "lost":
            name, hold = scheme.item_model(item.item_id), _hold_of(plant, item)
            kept = before[name].hold if name in before else None
            if hold is not None and kept is not None and (hold.model, hold.link) == (kept.model, kept.link):
                hold = kept
            found[name] = Body(scheme.PART_LINK, hold, item)
    return found


def steps(before: Standing, after: Standing, poses: Mapping[str, Pose]) -> list[Step]:
    """What to do in Gazebo, in order: let go, take away, bring, hold. `poses` of the pieces that are new."""
    found: list[Step] = []
    for name, body in before.items():
        if body.hold is not None and (name not in after or after[name].hold != body.hold):
            found.append(Release(body.hold.release))
    found += [Remove(name) for name in before if name not in after]
    for name, body in after.items():
        if name not in before and body.item is not None:
            found.append(Spawn(name, body.item, poses[name]))
    for name, body in after.items():
        held = before[name].hold if name in before else None
        if body.hold is not None and body.hold != held:
            found.append(Attach(body.hold, name, body.link))
    return found


def _tools(plant: Plant) -> Iterator[tuple[str, Body]]:
    for name, tool in plant.bench.tools.items():
        root = tool_model(tool.spec).root
        if tool.arm is not None:
            yield name, Body(root, Hold(tool.arm, scheme.COUPLING_LINK, scheme.released(tool.arm)))
        elif tool.pocket is not None:
            crib = tool.pocket[0]
            yield name, Body(root, Hold(crib, scheme.RACK_LINK, scheme.released(f"{crib}/{name}")))
        else:
            yield name, Body(root, None)


def _hold_of(plant: Plant, item: Item) -> Hold | None:
    place = item.place
    if place.kind == "tool":
        return Hold(place.holder, tool_model(plant.bench.tools[place.holder].spec).root, scheme.released(place.holder))
    if place.kind == "fixture" and plant.bench.clamped[place.holder]:
        return Hold(place.holder, scheme.STATION_LINK, scheme.released(place.holder))
    if place.kind == "unit":
        unit = int(place.holder)
        seat = scheme.released(f"{_fixture_of(plant, unit)}/{place.slot}")
        return Hold(scheme.item_model(unit), scheme.PART_LINK, seat)
    return None


def _fixture_of(plant: Plant, unit: int) -> str:
    """The fixture where a unit stands."""
    place = plant.inventory[unit].place
    return place.holder if place.kind == "fixture" else ""
