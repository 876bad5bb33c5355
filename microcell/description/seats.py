"""What is in a unit before an operation, and what of it lies under a place: whether a part that is put there would hang."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.extents import covers, top_m
from microcell.description.picture import Point, outline
from microcell.description.product import Part, Product
from microcell.description.rules_plan import ancestors
from microcell.geometry import Pose, rotate

ROUNDING_M = 0.0005
"""So deep in a part, or so high over it, a place may be: roundings."""

_UPRIGHT = 0.999
"""Least z of a part's z axis in the unit for what lies level."""

_SPOTS = (1.0, 0.5)
"""Where a part is looked at beside its middle: on its outline, and half way to it."""


def filled_before(product: Product, operation: str) -> list[str]:
    """The sites where something lies before an operation: of operations before it, and of what was placed until then."""
    before = [product.plan[name] for name in product.plan if name in ancestors(product.plan, operation)]
    placed = {other.item for other in before if other.occupies or other.skill == "place"}
    worked_at = {other.site for other in before}
    return [name for name, site in product.sites.items() if name in worked_at or site.item in placed]


def hangs_m(product: Product, operation: str, variant: str) -> float:
    """How high an operation leaves a part over what is under it by then, or over the unit's seat, m; 0 where it lies on it.

    Looked at from above and with bores closed: nothing tells of ledges in them. What is inserted may stand on legs as long
    as its fit is deep. Of what is not level nothing is said.
    """
    brought = product.plan[operation]
    site = product.sites.get(brought.site or "")
    if site is None or brought.item is None or not _is_level(site.part_in_unit.pose):
        return 0.0
    part, pose = _put(product, brought.site or "", variant)
    ground_m = max(
        (top for other, place, top in _there(product, operation, variant) if _meet(part, pose, other, place)), default=0.0
    )
    over_m = pose.position[2] - max(0.0, ground_m) - (site.fit.depth_m if site.fit else 0.0)
    return over_m if over_m > ROUNDING_M else 0.0


def inside_by_m(label: Part, pose: Pose, part: Part, place: Pose, middle_alone: bool = False) -> float:
    """How far under a part's top a label, or its middle alone, lies where it meets its solid, m; 0 where it does not."""
    in_part = place.inverse() @ pose
    points = [in_part.apply((*at, 0.0)) for at in (((0.0, 0.0),) if middle_alone else _spots(label))]
    if _is_level(in_part) and not middle_alone:
        z = in_part.position[2]
        points += [(*at, z) for at in _spots(part) if _is_over(place, at, label, pose)]
    return max((top_m(part) - z for x, y, z in points if z >= 0.0 and covers(part, (x, y))), default=0.0)


def overhangs(product: Product, operation: str, variant: str) -> bool:
    """Whether a corner of what an operation puts into the unit has nothing right under it."""
    part, pose = _put(product, product.plan[operation].site or "", variant)
    near = [(o, p) for o, p, top in _there(product, operation, variant) if abs(top - pose.position[2]) <= ROUNDING_M]
    return not all(any(_is_over(pose, at, other, place) for other, place in near) for at in outline(part))


def sinks_in(product: Product, operation: str, variant: str) -> bool:
    """Whether any spot of what an operation puts into the unit lies in the solid of what is there before."""
    part, pose = _put(product, product.plan[operation].site or "", variant)
    there = ((other, place) for other, place, _ in _there(product, operation, variant))
    return any(inside_by_m(part, pose, other, place) > ROUNDING_M for other, place in there)


def _put(product: Product, site_name: str, variant: str) -> tuple[Part, Pose]:
    """What a variant has at a site, and its pose in the unit."""
    site = product.sites[site_name]
    return product.parts[product.part_of(site.item, variant)], site.part_in_unit.pose


def _there(product: Product, operation: str, variant: str) -> Iterator[tuple[Part, Pose, float]]:
    """What lies level in the unit before an operation, with its place and the height of its top, m."""
    for name in filled_before(product, operation):
        part, pose = _put(product, name, variant)
        if _is_level(pose):
            yield part, pose, pose.position[2] + top_m(part)


def _meet(part: Part, pose: Pose, other: Part, place: Pose) -> bool:
    """Whether one of two parts lies over some of the other, seen from above."""
    over = any(_is_over(pose, at, other, place) for at in _spots(part))
    return over or any(_is_over(place, at, part, pose) for at in _spots(other))


def _is_over(pose: Pose, at_m: Point, other: Part, place: Pose) -> bool:
    """Whether a point of a part's frame lies over another part, its bore included."""
    x, y, _ = place.inverse().apply(pose.apply((*at_m, 0.0)))
    return covers(other, (x, y), bored=False)


def _spots(part: Part) -> Iterator[Point]:
    yield (0.0, 0.0)
    yield from ((ratio * x, ratio * y) for ratio in _SPOTS for x, y in outline(part))


def _is_level(pose: Pose) -> bool:
    return rotate(pose.orientation, (0.0, 0.0, 1.0))[2] >= _UPRIGHT
