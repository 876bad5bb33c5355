"""Seeded chance: what varies from piece to piece, and what goes wrong now and then.

Every draw has a key, and its value depends on nothing but seed and key: the fifth part of a feeder is the
same whatever else the cell did before.
"""

from __future__ import annotations

import math
from random import Random
from typing import Literal

from microcell.description.checks import Count, Orientation, Outline, Surface, Template
from microcell.description.extents import half_extents
from microcell.description.line import Line
from microcell.description.part_uses import alternatives, inspected
from microcell.description.product import Part
from microcell.geometry import Pose, from_rpy
from microcell.plant.physics import WEAK_CELL_RATIO
from microcell.plant.scene import EdgeFlaw, Flaw

EDGE_FLAWS: dict[Literal["short", "burr"], tuple[float, float]] = {"short": (0.0008, 0.0015), "burr": (0.0006, 0.0012)}
"""How deep or high, m."""

_OIL_RGB, _DUST_RGB = (70, 54, 40), (214, 208, 196)


class Chance:
    """Draws for one plant."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def stream(self, key: str) -> Random:
        """A generator of its own for one key."""
        return Random(f"{self._seed}:{key}")

    def happens(self, ratio: float, key: str) -> bool:
        """Whether something of that probability happens."""
        return ratio > 0.0 and self.stream(key).random() < ratio


class Delivery:
    """How the parts that a feeder delivers differ from the ideal ones.

    Scratches, dirt, dents and bulges are drawn for parts whose surface an inspection looks at, short shots and burrs for
    those whose outline is inspected, wrong turns for those whose orientation is, missing marks for those that are counted
    or compared with a template, wrong parts where another variant uses one of another colour for the item.
    """

    def __init__(self, line: Line, chance: Chance) -> None:
        self._ratios = line.disturbances
        product = line.product_description
        self._parts = product.parts
        self._chance = chance
        self._scratchable = inspected(product, Surface)
        self._outlined = inspected(product, Outline)
        self._turnable = inspected(product, Orientation)
        self._counted = inspected(product, Count, Template)
        self._others = alternatives(product)

    def part(self, part_name: str, key: str) -> tuple[str, Part]:
        """The part type that really comes."""
        others = self._others.get(part_name, ())
        if others and self._chance.happens(self._ratios.wrong_part_ratio, f"wrong_part:{key}"):
            part_name = self._chance.stream(f"which_part:{key}").choice(others)
        return part_name, self._complete(part_name, key)

    def _complete(self, part_name: str, key: str) -> Part:
        """The part with all its marks, or with one too few where somebody looks for them."""
        part = self._parts[part_name]
        short = part_name in self._counted and self._chance.happens(self._ratios.short_count_ratio, f"short:{key}")
        return part.model_copy(update={"marks": part.marks[:-1]}) if short else part

    def voltage_v(self, part_name: str, key: str) -> float:
        """Voltage of the delivered part, V; 0 for one that has none."""
        voltage = self._parts[part_name].voltage
        if voltage is None:
            return 0.0
        mean_v = voltage.mean_v
        if self._chance.happens(self._ratios.weak_ratio, f"weak:{key}"):
            mean_v *= WEAK_CELL_RATIO
        return self._chance.stream(f"voltage:{key}").gauss(mean_v, voltage.spread_v)

    def offset(self, part_name: str, scatter_m: float, scatter_rad: float, key: str) -> Pose:
        """Pose of the delivered part in its place's frame."""
        stream = self._chance.stream(f"scatter:{key}")
        x, y, yaw = stream.gauss(0.0, scatter_m), stream.gauss(0.0, scatter_m), stream.gauss(0.0, scatter_rad)
        if part_name in self._turnable and self._chance.happens(self._ratios.wrong_turn_ratio, f"wrong_turn:{key}"):
            yaw += math.pi / 2
        return Pose((x, y, 0.0), from_rpy(0.0, 0.0, yaw))

    def flaws(self, part_name: str, key: str) -> tuple[Flaw, ...]:
        """Scratches, dirt, dents and bulges of the delivered part."""
        if part_name not in self._scratchable:
            return ()
        ratios, draws = self._ratios, (("dirt", dirt), ("dent", _dent), ("bulge", _bulge))
        found = self.scratches(part_name, key) if self._chance.happens(ratios.scratch_ratio, f"scratch:{key}") else ()
        for what, draw in draws:
            if self._chance.happens(getattr(ratios, f"{what}_ratio"), f"{what}:{key}"):
                found = (*found, draw(self._parts[part_name], self._chance.stream(f"which_{what}:{key}")))
        return found

    def edges(self, part_name: str, key: str) -> tuple[EdgeFlaw, ...]:
        """What is wrong with the outline of the delivered part."""
        if part_name not in self._outlined:
            return ()
        ratios = {"short": self._ratios.short_shot_ratio, "burr": self._ratios.burr_ratio}
        happen = [kind for kind in EDGE_FLAWS if self._chance.happens(ratios[kind], f"{kind}:{key}")]
        return tuple(edge_flaw(kind, self._chance.stream(f"which_{kind}:{key}")) for kind in happen)

    def scratches(self, part_name: str, key: str) -> tuple[Flaw, ...]:
        """Scratches of a faulty part; none for one whose surface nobody looks at."""
        if part_name not in self._scratchable:
            return ()
        return (scratch(self._parts[part_name], self._chance.stream(f"which_scratch:{key}")),)

    def others(self, part_name: str) -> tuple[str, ...]:
        """The parts that could be taken for this one by mistake."""
        return self._others.get(part_name, ())

    def is_counted(self, part_name: str) -> bool:
        """Whether an inspection counts the marks of the part, or compares them with a template."""
        return part_name in self._counted

    def turn_matters(self, part_name: str) -> bool:
        """Whether an inspection looks at how the part is turned."""
        return part_name in self._turnable


def scratch(part: Part, stream: Random) -> Flaw:
    """A line beside the middle, where labels do not hide it; dark on a light part, light on a dark one."""
    half_x, half_y = half_extents(part)
    length = min(half_x, half_y) * stream.uniform(0.3, 0.5)
    across = half_y * stream.uniform(0.4, 0.6) * stream.choice((-1.0, 1.0))
    start, end = (-length / 2, across), (length / 2, across + length * stream.uniform(-0.2, 0.2))
    towards = 0 if sum(part.colour_rgb) > 384 else 255
    red, green, blue = ((channel + towards) // 2 for channel in part.colour_rgb)
    return Flaw(start, end, stream.uniform(0.0004, 0.0008), (red, green, blue))


def _dent(part: Part, stream: Random) -> Flaw:
    """A spot in the shade."""
    return _spot(part, stream, 0)


def _bulge(part: Part, stream: Random) -> Flaw:
    """A spot that shines."""
    return _spot(part, stream, 255)


def _spot(part: Part, stream: Random, towards: int) -> Flaw:
    """As wide as long, beside the middle."""
    half_x, half_y = half_extents(part)
    size = min(half_x, half_y) * stream.uniform(0.4, 0.6)
    x, y = half_x * stream.uniform(0.3, 0.6) * stream.choice((-1.0, 1.0)), half_y * stream.uniform(-0.2, 0.2)
    red, green, blue = ((channel + towards) // 2 for channel in part.colour_rgb)
    return Flaw((x - size / 2, y), (x + size / 2, y), size, (red, green, blue))


def dirt(part: Part, stream: Random) -> Flaw:
    """A blot of oil or dust beside the middle."""
    half_x, half_y = half_extents(part)
    length = min(half_x, half_y) * stream.uniform(0.28, 0.4)
    x, y = half_x * stream.uniform(-0.1, 0.1), half_y * stream.uniform(0.42, 0.6) * stream.choice((-1.0, 1.0))
    turn = stream.uniform(-0.3, 0.3)
    dx, dy = 0.5 * length * math.cos(turn), 0.5 * length * math.sin(turn)
    colour = _OIL_RGB if sum(part.colour_rgb) > 300 else _DUST_RGB
    return Flaw((x - dx, y - dy), (x + dx, y + dy), length * stream.uniform(0.4, 0.65), colour, "dirt")


def edge_flaw(kind: Literal["short", "burr"], stream: Random) -> EdgeFlaw:
    """A short shot or a burr anywhere at the edge."""
    return EdgeFlaw(kind, stream.uniform(-math.pi, math.pi), stream.uniform(0.004, 0.008), stream.uniform(*EDGE_FLAWS[kind]))
