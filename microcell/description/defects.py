"""A rate of bad units for a simulated line: shared out among all kinds of defects that its inspections look for."""

from __future__ import annotations

from microcell.description.checks import Code, Colour, Orientation, Outline, Position, Presence, Surface
from microcell.description.line import Line
from microcell.description.product import Product

_KINDS: dict[str, tuple[type, ...]] = {
    "missing_screw_ratio": (Presence,),
    "scratch_ratio": (Surface,),
    "dirt_ratio": (Surface,),
    "short_shot_ratio": (Outline,),
    "burr_ratio": (Outline,),
    "wrong_part_ratio": (Colour,),
    "wrong_turn_ratio": (Orientation,),
    "unreadable_label_ratio": (Code,),
    "shifted_label_ratio": (Position,),
}
"""For each kind of defect the checks that find it."""


def with_defects(line: Line, bad_unit_ratio: float) -> Line:
    """The line with disturbances by which about so many units come out bad, each kind of defect as often as the others.

    What the parts come with counts: grips that are lost and threads that cross stay as the line says.
    """
    chances = {name: _chances(line.product_description, name) for name in _KINDS}
    kinds = [name for name, count in chances.items() if count]
    if not kinds:
        return line
    of_kind = 1.0 - (1.0 - bad_unit_ratio) ** (1.0 / len(kinds))
    ratios = {name: 1.0 - (1.0 - of_kind) ** (1.0 / chances[name]) for name in kinds}
    return line.model_copy(update={"disturbances": line.disturbances.model_copy(update=ratios)})


def _chances(product: Product, kind: str) -> int:
    """In how many places of a unit a defect of a kind can come up."""
    sites = {
        check.site
        for inspection in product.inspections.values()
        for check in inspection.checks.values()
        if isinstance(check, _KINDS[kind])
    }
    if kind == "missing_screw_ratio":
        return sum(product.sites[site].thread is not None for site in sites)
    if kind == "wrong_part_ratio":
        return sum(_has_others(product, product.sites[site].item) for site in sites)
    if kind == "shifted_label_ratio":
        coded = {c.site for i in product.inspections.values() for c in i.checks.values() if isinstance(c, Code)}
        return len(sites & coded)
    return len(sites)


def _has_others(product: Product, item: str) -> bool:
    """Whether another variant uses a part of another colour for an item."""
    parts = {product.part_of(item, variant) for variant in product.variants}
    return len({product.parts[part].colour_rgb for part in parts}) > 1
