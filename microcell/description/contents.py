"""What the stations of a cell hold for a line: what is to be changed for another one, and which lines can run at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from microcell.description.checks import Code
from microcell.description.extents import half_extents
from microcell.description.line import Line
from microcell.description.product import Part

_PLAIN_LABEL = {
    "shape": {"kind": "box", "length_m": 0.012, "width_m": 0.012, "height_m": 0.0001},
    "mass_kg": 0.0001,
    "colour_rgb": (250, 250, 250),
    "grasp": {
        "capability": "suction",
        "tcp_in_part": {"xyz_m": (0.0, 0.0, 0.0001), "rpy_rad": (3.14159265, 0.0, 0.0)},
    },
}


SET_UP_KINDS = ("feeder", "fixture", "carton_station", "printer")
"""Kinds of station that a person sets up for a line."""


@dataclass(frozen=True)
class Contents:
    """What a station holds for a line, in words; two are the same when their `likeness` is equal."""

    what: str
    likeness: Any


def contents(line: Line, station: str) -> Contents | None:
    """What a line wants in a station; None where it does not use it, or where all lines want the same."""
    if not holds_its_own(line, station):
        return None
    product, kind = line.product_description, line.cell_description.devices[station].kind
    if kind == "feeder":
        part = line.feeders[station].part
        return Contents(part, (part, product.parts.get(part)))
    if kind == "carton_station":
        return Contents(f"cartons for {line.product}", (line.product, product.packing))
    if kind == "printer":
        name, label = label_part(line)
        x, y = (round(2000 * half) for half in half_extents(label))
        return Contents(f"labels of {x} x {y} mm", (name, label))
    name = next(iter(product.bill_of_materials.values()))
    return Contents(f"jaws for {name}", product.parts[name].shape)


def holds_its_own(line: Line, station: str) -> bool:
    """Whether a station holds something for a line that another line may want otherwise."""
    spec = line.cell_description.devices.get(station)
    if spec is None or spec.kind == "feeder":
        return spec is not None and station in line.feeders
    return spec.kind in SET_UP_KINDS and line.works_with(station)


def stations_of(line: Line) -> tuple[str, ...]:
    """The stations that hold something for a line, in the order of the cell's file."""
    return tuple(name for name in line.cell_description.devices if holds_its_own(line, name))


def contradictions(one: Line, other: Line) -> list[str]:
    """Why two lines of a cell cannot run at once, as sentences; empty where they can."""
    found = []
    for station in stations_of(one):
        mine, others = contents(one, station), contents(other, station)
        if mine is not None and others is not None and mine.likeness != others.likeness:
            found.append(f"{station} holds {mine.what} for '{one.name}' and {others.what} for '{other.name}'")
    return found


def at_once(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines that run together from the start: the first, and each that contradicts none before it."""
    found: list[Line] = []
    for line in lines:
        if not any(contradictions(line, other) for other in found):
            found.append(line)
    return tuple(found)


def first_set_up(line: Line) -> dict[str, str]:
    """For which product each station is set up when a cell begins: that of the first line that uses it."""
    found: dict[str, str] = {}
    for each in line.every:
        for station in stations_of(each):
            found.setdefault(station, each.product)
    return found


def label_part(line: Line) -> tuple[str, Part]:
    """The part that a printer makes, and its name.

    What operations stick on, of several that of the site whose code is inspected, else the one that no feeder brings, else
    a plain 12 mm square.
    """
    product = line.product_description
    checks = [check for inspection in product.inspections.values() for check in inspection.checks.values()]
    coded = [product.sites[check.site].item for check in checks if isinstance(check, Code)]
    stuck = [operation.item for operation in product.plan.values() if operation.skill == "label"]
    fed = {setup.part for setup in line.feeders.values()}
    unfed = [item for item, part in product.bill_of_materials.items() if part not in fed]
    for item in (*(item for item in coded if item in stuck), *stuck, *coded, *unfed):
        if item in product.bill_of_materials:
            name = product.bill_of_materials[item]
            return name, product.parts[name]
    return "label", Part.model_validate(_PLAIN_LABEL)
