"""Rules of a product: parts, bill of materials, sites, variants, inspections and packing."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.product import Box, Part, Screw
from microcell.description.rules_context import Context, rule
from microcell.description.source import Where
from microcell.errors import Issue


@rule("product.parts", "product.bill_of_materials", "product.variants")
def rule_threads_take_screws(context: Context) -> Iterator[Issue]:
    """A site has a thread, and no fit, just where its item is a screw, in every variant."""
    for name, site in context.product.sites.items():
        used = [item_part(context, site.item, variant) for variant in context.product.variants]
        shapes = {part.shape.kind for part in used if part is not None}
        if "screw" in shapes and (site.thread is None or site.fit is not None):
            remedy = "its site needs 'thread' and no 'fit'. Correct the site."
            yield context.issue("product", ("sites", name), f"item '{site.item}' is a screw", remedy, key=True)
        if shapes - {"screw"} and site.thread is not None:
            remedy = "only screws go into threads. Remove the thread, or correct the item."
            what = f"item '{site.item}' is no screw"
            yield context.issue("product", ("sites", name, "thread"), what, remedy, key=True)


@rule("product.plan")
def rule_every_item_is_handled(context: Context) -> Iterator[Issue]:
    """Each item of the bill of materials is handled by an operation of the plan."""
    handled = {operation.item for operation in context.product.plan.values()}
    for item in context.product.bill_of_materials:
        if item not in handled:
            remedy = "each unit would lack it. Add an operation with this item, or remove the item."
            what = f"no operation handles '{item}'"
            yield context.issue("product", ("bill_of_materials", item), what, remedy, key=True)


@rule("product")
def rule_rework_is_something_to_redo(context: Context) -> Iterator[Issue]:
    """A check names operations to redo just when it asks for rework."""
    for name, inspection in context.product.inspections.items():
        for check_name, check in inspection.checks.items():
            where: Where = ("inspections", name, "checks", check_name)
            if check.on_fail == "rework" and not check.redo:
                remedy = "name the operations that mend it in 'redo', or scrap the unit."
                yield context.issue("product", (*where, "on_fail"), "rework without anything to redo", remedy)
            if check.on_uncertain == "rework" and not check.redo:
                remedy = "name the operations that mend it in 'redo', or let the unit leave."
                yield context.issue("product", (*where, "on_uncertain"), "rework without anything to redo", remedy)
            if check.redo and "rework" not in (check.on_fail, check.on_uncertain):
                remedy = "such a unit is not mended. Say 'on_fail: rework', or remove 'redo'."
                what = f"redo although the unit is {'scrapped' if check.on_fail == 'scrap' else 'recycled'}"
                yield context.issue("product", (*where, "redo"), what, remedy, key=True)


@rule("product.packing", "product.parts", "product.bill_of_materials", "product.variants")
def rule_units_fit_side_by_side(context: Context) -> Iterator[Issue]:
    """The places of the carton's tray are as far apart as the widest part of a unit."""
    product = context.product
    widest = max((_width(part) for part in used_parts(context).values()), default=0.0)
    if product.packing.places > 1 and product.packing.pitch_m < widest:
        what = f"the units would touch each other ({product.packing.pitch_m:g})"
        remedy = f"the widest part is {widest:g} wide. Put the places further apart."
        yield context.issue("product", ("packing", "pitch_m"), what, remedy)


def item_part(context: Context, item: str, variant: str) -> Part | None:
    """The part that a variant uses for an item, where all of it is sound."""
    product = context.product
    changed = product.variants[variant].items if variant in product.variants else {}
    return product.parts.get(changed.get(item, product.bill_of_materials.get(item, "")))


def used_parts(context: Context) -> dict[str, Part]:
    """Every part that some variant is made of, by name."""
    product = context.product
    names = [
        *product.bill_of_materials.values(),
        *(p for v in product.variants.values() for p in v.items.values()),
    ]
    return {name: product.parts[name] for name in names if name in product.parts}


def _width(part: Part) -> float:
    """The shortest side that a part needs on a tray, m."""
    if isinstance(part.shape, Box):
        return min(part.shape.length_m, part.shape.width_m)
    return part.shape.head_diameter_m if isinstance(part.shape, Screw) else part.shape.diameter_m
