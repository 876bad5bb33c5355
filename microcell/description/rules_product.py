"""Rules of a product: parts, bill of materials, sites, variants, inspections and packing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from microcell.description.cartons import CartonLayout, carton_layout, unit_extents
from microcell.description.extents import half_extents, turn_error
from microcell.description.part_uses import parts_of_item
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part, Screw
from microcell.description.rules_context import Context, rule
from microcell.description.source import Where
from microcell.description.wording import listed
from microcell.errors import Issue

SAME_RAD = 1e-3
"""So far may a turn be off that is written with few digits."""

LEAST_TURNS = 0.125
"""Even a lock that takes a quarter of a turn takes more."""

SAME_M = 1e-6
"""What lies so little over an edge lies on it: rounding."""


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


@rule("product.parts", "product.bill_of_materials", "product.variants")
def rule_threads_and_screws_go_together(context: Context) -> Iterator[Issue]:
    """A screw is as long as the thread that it goes into, and takes an eighth of a turn to its seat at least."""
    product = context.product
    for name, site in product.sites.items():
        for part_name in parts_of_item(product, site.item) if site.thread and site.item in product.bill_of_materials else ():
            part = product.parts.get(part_name)
            if site.thread is None or part is None or not isinstance(part.shape, Screw):
                continue
            way_m, shape = site.thread.engagement_m, part.shape
            if way_m > shape.length_m:
                remedy = f"the shaft of '{part_name}' is {shape.length_m:g} long. Correct one of them."
                where: Where = ("sites", name, "thread", "engagement_m")
                yield context.issue("product", where, f"more than there is of the screw ({way_m:g})", remedy)
            if way_m / shape.pitch_m < LEAST_TURNS:
                what = f"the screw would be seated after {way_m / shape.pitch_m:.2g} turns ({shape.pitch_m:g})"
                remedy = f"it goes in by 'pitch_m' a turn, at '{name}' by {way_m:g} in all. Correct one of them."
                yield context.issue("product", ("parts", part_name, "shape", "pitch_m"), what, remedy)


@rule("product.parts", "product.bill_of_materials", "product.variants")
def rule_holes_are_about_as_wide_as_their_parts(context: Context) -> Iterator[Issue]:
    """A hole is less than twice as wide as what goes into it, in every variant."""
    for name, site in context.product.sites.items():
        parts = [item_part(context, site.item, variant) for variant in context.product.variants] if site.fit else []
        widths_m = [2.0 * min(half_extents(part)) for part in parts if part is not None]
        if site.fit is not None and widths_m and site.fit.clearance_m >= min(widths_m):
            what = f"a hole twice as wide as what goes into it ({site.fit.clearance_m:g})"
            remedy = f"'{site.item}' is {min(widths_m):.3g} wide. Correct one of them."
            yield context.issue("product", ("sites", name, "fit", "clearance_m"), what, remedy)


@rule("product.parts")
def rule_bores_leave_a_wall(context: Context) -> Iterator[Issue]:
    """A cylinder's bore is narrower than the cylinder."""
    for name, part in context.product.parts.items():
        shape = part.shape
        if isinstance(shape, Cylinder) and shape.bore_m >= shape.diameter_m:
            remedy = f"the part is {shape.diameter_m:g} wide. Correct one of them."
            where = ("parts", name, "shape", "bore_m")
            yield context.issue("product", where, f"the bore leaves no wall ({shape.bore_m:g})", remedy)


@rule("product.parts")
def rule_marks_lie_on_their_part(context: Context) -> Iterator[Issue]:
    """A mark lies within the outline of its part's top."""
    for name, part in context.product.parts.items():
        for number, mark in enumerate(part.marks):
            over_m = _beyond_m(part, mark)
            if over_m > SAME_M:
                x, y = half_extents(part)
                top = f"{2 * x:g} x {2 * y:g}" if isinstance(part.shape, Box) else f"{2 * x:g} wide and round"
                what = f"the mark reaches {over_m:.2g} m beyond the part ({mark.at_m[0]:g}, {mark.at_m[1]:g})"
                remedy = f"the part's top is {top}. Move the mark, or make it smaller."
                yield context.issue("product", ("parts", name, "marks", number, "at_m"), what, remedy)


def _beyond_m(part: Part, mark: Mark) -> float:
    """How far a mark reaches over the outline of its part, m; 0 or less when it lies on it."""
    x, y = abs(mark.at_m[0]), abs(mark.at_m[1])
    half_x, half_y = mark.length_m / 2, (mark.width_m or mark.length_m) / 2
    across, along = half_extents(part)
    if isinstance(part.shape, Box):
        return max(x + half_x - across, y + half_y - along)
    reach_m = math.hypot(x + half_x, y + half_y) if mark.width_m else math.hypot(x, y) + half_x
    return reach_m - across


@rule("product")
def rule_grips_have_width_and_force(context: Context) -> Iterator[Issue]:
    """What fingers take is so wide and is gripped with such a force: both are over 0."""
    for where, grasp in _described_grasps(context):
        for key in ("width_m", "force_n") if grasp.capability == "grip" else ():
            if getattr(grasp, key) <= 0.0:
                remedy = "fingers need the width between them and a force, both over 0. Give it."
                yield context.issue("product", (*where, key), f"a grip without '{key}'", remedy)


def _described_grasps(context: Context) -> Iterator[tuple[Where, Grasp]]:
    for name, part in context.product.parts.items():
        yield ("parts", name, "grasp"), part.grasp
    if context.product.unit_grasp is not None:
        yield ("unit_grasp",), context.product.unit_grasp


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


_GRID = ("columns", "rows", "pitch_m")
_OF_GRID, _WORKED_OUT = ("layers", "layer_m"), ("units", "room_m")
CARTON_NEEDS = ("product.packing", "product.parts", "product.bill_of_materials", "product.variants", "product.sites")


@rule("product.packing")
def rule_packing_has_places(context: Context) -> Iterator[Issue]:
    """The places of a carton are a grid, with all that belongs to one, or worked out from the carton's size."""
    packing = context.product.packing
    given = packing.model_fields_set
    missing = [key for key in _GRID if key not in given]
    if len(missing) == len(_GRID) and packing.carton_m is None:
        remedy = "give the carton's size in 'carton_m', or a grid with columns, rows and pitch_m."
        yield context.issue("product", ("packing",), "nobody says where units lie", remedy, key=True)
    elif missing and len(missing) < len(_GRID):
        remedy = "a grid has columns, rows and pitch_m. Add it, or remove the others."
        yield context.issue("product", ("packing",), f"a grid without {listed(missing)}", remedy, key=True)
    wrong, instead = (_OF_GRID, "of a grid") if missing else (_WORKED_OUT, "of a layout that is worked out")
    for key in sorted(given.intersection(wrong)):
        there = "it is worked out" if missing else "there is a grid"
        yield context.issue("product", ("packing", key), f"'{key}' is {instead}", f"{there}. Remove it.", key=True)


@rule("product.packing", "product.parts", "product.bill_of_materials", "product.variants")
def rule_units_fit_side_by_side(context: Context) -> Iterator[Issue]:
    """The places of a grid are as far apart as the widest part of a unit."""
    packing = context.product.packing
    widest = max((_width(part) for part in used_parts(context).values()), default=0.0)
    several = (packing.columns or 1) * (packing.rows or 1) > 1
    if packing.pitch_m is not None and several and packing.pitch_m < widest:
        what = f"the units would touch each other ({packing.pitch_m:g})"
        remedy = f"the widest part is {widest:g} wide. Put the places further apart."
        yield context.issue("product", ("packing", "pitch_m"), what, remedy)


@rule(*CARTON_NEEDS)
def rule_carton_is_large_enough(context: Context) -> Iterator[Issue]:
    """The carton holds the units that it is to hold, of every variant: those of the grid, those asked for, or one."""
    packing, layout = context.product.packing, carton_of(context)
    if packing.carton_m is None or layout is None:
        return
    low, high = unit_extents(context.product, *context.product.variants)
    unit = [b - a for a, b in zip(low, high, strict=True)]
    if layout.packing is None and layout.places:
        reach = [max(place.position[axis] for place in layout.places) for axis in range(3)]
        needed = [size + way for size, way in zip(unit, reach, strict=True)]
        if any(size > inside + 1e-9 for size, inside in zip(needed, packing.carton_m, strict=True)):
            remedy = f"its places need {_size(needed)}. Take a larger one, or fewer places."
            yield context.issue("product", ("packing", "carton_m"), f"too small ({_size(packing.carton_m)})", remedy)
    elif len(layout.places) < (packing.units or 1):
        told = f"{len(layout.places)} of {packing.units} units" if packing.units and layout.places else "no unit"
        fits = "fit" if packing.units and layout.places else "fits"
        room = [unit[0] + 2 * packing.room_m[0], unit[1] + 2 * packing.room_m[1], unit[2]]
        remedy = f"a unit with its room is {_size(room)}. Take a larger carton, or less room."
        what = f"{told} {fits} ({_size(packing.carton_m)})"
        yield context.issue("product", ("packing", "carton_m"), what, remedy)


def carton_of(context: Context) -> CartonLayout | None:
    """Where units lie in a carton; None where the sizes of units or of the carton are not told rightly."""
    product = context.product if context.has("product") else None
    if product is None or not all(map(context.has, CARTON_NEEDS)) or not product.sites:
        return None
    known = all(
        item_part(context, site.item, variant) is not None for site in product.sites.values() for variant in product.variants
    )
    return carton_layout(product) if known else None


@rule("product.parts", "product.plan", "product.bill_of_materials", "product.variants")
def rule_a_turned_part_is_the_same(context: Context) -> Iterator[Issue]:
    """A part that is taken otherwise turned has the same outline then, no marks that tell the difference, and no sites."""
    bases = {operation.item for operation in context.product.plan.values() if operation.occupies and operation.item}
    carriers = [item_part(context, item, variant) for item in sorted(bases) for variant in context.product.variants]
    for name, part in context.product.parts.items():
        where: Where = ("parts", name, "same_turned_rad")
        if part.same_turned_rad and (part.marks or part in carriers):
            tell = "its marks" if part.marks else "the sites of all other parts"
            what = f"turned, the part is not the same: {tell} tell"
            yield context.issue("product", where, what, "no turn is possible. Remove 'same_turned_rad'.", key=True)
            continue
        for number, turn_rad in enumerate(part.same_turned_rad):
            if turn_error(part, turn_rad) > SAME_RAD:
                what = f"turned so, the part is not the same: its outline differs ({turn_rad:g})"
                remedy = "a box is the same after half a turn (3.1415927), a square one after a quarter (1.5707963), too."
                yield context.issue("product", (*where, number), what, remedy)


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


def _size(edges_m: Sequence[float]) -> str:
    return " x ".join(f"{edge:.3g}" for edge in edges_m)
