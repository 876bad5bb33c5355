"""What works and is hardly meant: warnings of `microcell check`, which hold up nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from microcell.description.checks import Colour
from microcell.description.colours import delta_e
from microcell.description.line import Line
from microcell.description.part_uses import parts_of_item
from microcell.description.product import Product
from microcell.description.rules_context import Context
from microcell.description.seats import hangs_m, overhangs, sinks_in
from microcell.errors import Issue


def doubts(context: Context, line: Line) -> Iterator[Issue]:
    """Feeders of parts that no variant uses, variants that are made alike, places in the air, colours taken for another."""
    product = line.product_description
    used = {part for item in product.bill_of_materials for part in parts_of_item(product, item)}
    for name, feeder in line.feeders.items():
        if feeder.part not in used:
            remedy = "its parts are never taken. Correct the part, or leave the feeder empty."
            yield _doubt(context, "line", ("feeders", name, "part"), f"no variant uses a '{feeder.part}'", remedy)
    for one, other in combinations(product.variants, 2):
        if _made_alike(product, one, other):
            remedy = "they differ in their summary at most. Say what differs, or remove one."
            yield _doubt(context, "product", ("variants", other), f"it is made as '{one}' is", remedy, key=True)
    yield from _places_in_the_air(context, product)
    yield from _colours_too_alike(context, product)


def _places_in_the_air(context: Context, product: Product) -> Iterator[Issue]:
    """Each site whose part has nothing under it when it is brought, and each label that lies over an edge."""
    for name, operation in product.plan.items():
        where = ("sites", operation.site or "", "part_in_unit")
        hanging_m = max(hangs_m(product, name, variant) for variant in product.variants)
        if hanging_m:
            what = f"'{operation.item}' would hang {hanging_m * 1e3:.3g} mm over all that is there before '{name}'"
            remedy = "it lies on something. Correct its place, or the order of the plan."
            yield _doubt(context, "product", where, what, remedy)
        elif operation.skill == "label" and any(overhangs(product, name, variant) for variant in product.variants):
            what = "the label lies over an edge: not all of its corners have something right under them"
            yield _doubt(context, "product", where, what, "it comes off there. Move it, or take a smaller one.")
        if operation.skill == "label" and any(sinks_in(product, name, variant) for variant in product.variants):
            what = "the label's edge lies in a part that is higher there"
            yield _doubt(context, "product", where, what, "a label lies flat. Move it, or take a smaller one.")


def _colours_too_alike(context: Context, product: Product) -> Iterator[Issue]:
    """Each check of a colour that passes another variant's part although its colour is another."""
    for inspection, spec in product.inspections.items():
        checks = {name: check for name, check in spec.checks.items() if isinstance(check, Colour)}
        for name, check in checks.items():
            parts = parts_of_item(product, product.sites[check.site].item)
            for one, other in combinations(parts, 2):
                off = delta_e(product.parts[one].colour_rgb, product.parts[other].colour_rgb) / 100.0
                if 0.0 < off <= check.max_delta_e_ratio:
                    what = f"a '{other}' passes for a '{one}': the colours differ by {off:.2g}"
                    remedy = f"the limit is {check.max_delta_e_ratio:g}. Lower it, or tell them apart by 'right_part'."
                    where = ("inspections", inspection, "checks", name)
                    yield _doubt(context, "product", where, what, remedy, key=True)


def _doubt(context: Context, kind: str, where: tuple[str | int, ...], what: str, remedy: str, key: bool = False) -> Issue:
    return replace(context.issue(kind, where, what, remedy, key), doubtful=True)


def _made_alike(product: Product, one: str, other: str) -> bool:
    """Whether two variants have the same parts, parameters and label."""
    operations = (*product.plan, *product.scrap_plan)
    return (
        product.variants[one].label_text == product.variants[other].label_text
        and all(product.part_of(item, one) == product.part_of(item, other) for item in product.bill_of_materials)
        and all(product.parameters_of(name, one) == product.parameters_of(name, other) for name in operations)
    )
