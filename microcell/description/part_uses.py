"""What a product does with its parts: which ones can be mistaken, are looked at, fitted, latched or tested.

So also which faults of a part mean nothing to a line: no latch can be broken where none is.
"""

from __future__ import annotations

from collections.abc import Mapping

from microcell.description.checks import CheckBase, Count, Orientation, Surface, Template
from microcell.description.product import Box, Fit, Product, Site


def parts_of_item(product: Product, item: str) -> tuple[str, ...]:
    """Every part that some variant uses for an item, in the order of the variants."""
    return tuple(dict.fromkeys(product.part_of(item, variant) for variant in product.variants))


def alternatives(product: Product) -> dict[str, tuple[str, ...]]:
    """For each part, those of other colour that some variant uses in its stead."""
    parts = product.parts
    found: dict[str, tuple[str, ...]] = {}
    for item in product.bill_of_materials:
        names = parts_of_item(product, item)
        for name in names:
            colour = parts[name].colour_rgb
            found[name] = tuple(other for other in names if parts[other].colour_rgb != colour)
    return found


def inspected(product: Product, *kinds: type[CheckBase]) -> frozenset[str]:
    """The parts that checks of some kinds look at."""
    return frozenset(
        part
        for inspection in product.inspections.values()
        for check in inspection.checks.values()
        if isinstance(check, kinds)
        for part in parts_of_item(product, product.sites[check.site].item)
    )


def fits_of(product: Product, part: str) -> tuple[Fit, ...]:
    """The fits of the sites where a part goes in some variant, without that of the unit's first part."""
    first = next(iter(product.bill_of_materials))
    sites = (site for site in product.sites.values() if site.item != first)
    return tuple(site.fit for site in sites if site.fit and part in parts_of_item(product, site.item))


def standing_out(product: Product) -> frozenset[str]:
    """The parts that, laid into their place turned by a quarter, stand out where fingers come down to take the unit."""
    found = set()
    for site in product.sites.values():
        for name in parts_of_item(product, site.item) if site.fit is None else ():  # into a hole it does not go so
            if _stands_out(product, name, site):
                found.add(name)
    return frozenset(found)


def _stands_out(product: Product, name: str, site: Site) -> bool:
    shape, grasp = product.parts[name].shape, product.unit_grasp
    if not isinstance(shape, Box) or grasp.width_m == 0.0 or site.item == next(iter(product.bill_of_materials)):
        return False
    into_grasp = grasp.tcp_in_part.pose.inverse() @ site.part_in_unit.pose
    half_x, half_y = shape.width_m / 2.0, shape.length_m / 2.0
    corners = [into_grasp.apply((x, y, shape.height_m)) for x in (-half_x, half_x) for y in (-half_y, half_y)]
    across, along, below = zip(*corners, strict=True)  # the fingers close along the first; the third points down
    between = min(along) < 0.0 < max(along)
    return between and min(below) < 0.0 and max(map(abs, across)) > grasp.width_m / 2.0


def feeders_by_hand(product: Product, feeders: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """For a fault of a part, the feeders where it needs a person though the cell gets over it elsewhere."""
    out = standing_out(product)
    return {"feeder.turned_part": frozenset(feeder for feeder, part in feeders.items() if part in out)}


def spared_feeders(product: Product, feeders: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """For each fault of a part, the feeders to whose parts it cannot happen; `feeders` is the part in each, if any."""
    parts = product.parts
    others = alternatives(product)
    concerned = {
        "feeder.broken_latch": frozenset(name for name in parts if any(fit.latch_n for fit in fits_of(product, name))),
        "feeder.faulty_part": inspected(product, Surface),
        "feeder.short_count": inspected(product, Count, Template),
        "feeder.thick_part": frozenset(name for name in parts if fits_of(product, name)),
        "feeder.turned_part": inspected(product, Orientation),
        "feeder.weak_cell": frozenset(name for name, part in parts.items() if part.voltage is not None),
        "feeder.wrong_part": frozenset(name for name in others if others[name]),
    }
    return {
        fault: frozenset(feeder for feeder, part in feeders.items() if part not in among)
        for fault, among in concerned.items()
    }
