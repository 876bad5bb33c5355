"""What lies beneath a part's place in the unit, seen from above, and whether its colour tells the part from it."""

from __future__ import annotations

from collections import Counter

from microcell.description.colours import Rgb, delta_e
from microcell.description.extents import covers, half_extents, top_m
from microcell.description.picture import Point, outline
from microcell.description.product import Box, Part, Product, Site

LEAST_DELTA_E = 10.0
"""CIE 1976 difference from which on a colour tells a part from its ground: colours are read wrong by less than half."""

_INSET_RATIO = 0.18
"""Where a part's rim is looked at: inside its outline, of its smaller half size (vision/outline.py)."""

_LEAST_RATIO = 0.25
"""What lies beneath a smaller share of the rim does not count."""


def ground_of(product: Product, site_name: str, variant: str, background_rgb: Rgb) -> Rgb:
    """The colour beneath a site: of the colours there that which is nearest to the part's own; KeyError.

    Parts beneath are those of sites whose tops are lower; where there is none, the background is seen.
    """
    site = product.sites[site_name]
    part, place = _part_at(product, site, variant), site.part_in_unit.pose
    below = [
        (other.part_in_unit.pose, _part_at(product, other, variant))
        for name, other in product.sites.items()
        if name != site_name
    ]
    height = place.position[2] + top_m(part)
    below = [(pose, other) for pose, other in below if pose.position[2] + top_m(other) < height - 1e-6]
    below.sort(key=lambda entry: -entry[0].position[2] - top_m(entry[1]))
    rim = _rim(part)
    seen: Counter[Rgb] = Counter()
    for x, y in rim:
        point = place.apply((x, y, 0.0))
        over = ((pose.inverse().apply(point), other) for pose, other in below)
        seen[next((_colour_at(other, at[:2]) for at, other in over if covers(other, at[:2])), background_rgb)] += 1
    common = [rgb for rgb, count in seen.items() if count >= _LEAST_RATIO * len(rim)]
    return min(common or seen, key=lambda rgb: delta_e(rgb, part.colour_rgb))


def tells(part: Part, ground_rgb: Rgb) -> bool:
    """Whether a part's colour tells it from what lies beneath it."""
    return delta_e(part.colour_rgb, ground_rgb) >= LEAST_DELTA_E


def _part_at(product: Product, site: Site, variant: str) -> Part:
    return product.parts[product.part_of(site.item, variant)]


def _rim(part: Part) -> tuple[Point, ...]:
    """Points inside of a part's outline, evenly around it."""
    around = outline(part, -_INSET_RATIO * min(half_extents(part)))
    if not isinstance(part.shape, Box):
        return around
    ends = list(zip(around, (*around[1:], around[0]), strict=True))
    shares = (0.125, 0.375, 0.625, 0.875)
    return tuple((a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s) for a, b in ends for s in shares)


def _colour_at(part: Part, at_m: Point) -> Rgb:
    """The colour of a part's top at a point of its frame: of the last mark there, or its own."""
    for mark in reversed(part.marks):
        x, y = abs(at_m[0] - mark.at_m[0]), abs(at_m[1] - mark.at_m[1])
        a, b = mark.length_m / 2.0, (mark.width_m or mark.length_m) / 2.0
        if (x * x + y * y <= a * a) if mark.width_m == 0 else (x <= a and y <= b):
            return mark.colour_rgb
    return part.colour_rgb
