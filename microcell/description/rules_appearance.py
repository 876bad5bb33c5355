"""Rules of how parts look: that a camera can tell what an inspection asks of them."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.checks import Code, Orientation, Outline, Position, Presence
from microcell.description.colours import Rgb, delta_e
from microcell.description.driver_parameters import CameraParameters, ours
from microcell.description.extents import turns_of
from microcell.description.ground import LEAST_DELTA_E, ground_of
from microcell.description.problems import validate
from microcell.description.product import Inspection
from microcell.description.rules_context import Context, rule
from microcell.description.rules_inspection import looking
from microcell.description.rules_product import item_part
from microcell.errors import Issue


@rule("product.parts", "product.bill_of_materials", "product.variants", "product.sites", "product.inspections")
def rule_an_orientation_can_be_told(context: Context) -> Iterator[Issue]:
    """A part whose orientation is checked does not look the same in every turn."""
    product = context.product
    for name, inspection in product.inspections.items():
        for check_name, check in inspection.checks.items():
            site = product.sites.get(check.site)
            if not isinstance(check, Orientation) or site is None:
                continue
            parts = {item_part(context, site.item, variant) for variant in product.variants}
            if any(part is not None and turns_of(part) == 0 for part in parts):
                where = ("inspections", name, "checks", check_name, "kind")
                what = f"nothing tells how '{site.item}' is turned"
                remedy = "it is round, with no mark beside its middle. Describe its marks, or remove the check."
                yield context.issue("product", where, what, remedy)


@rule("line", "cell.devices", "product")
def rule_colours_tell_parts_from_what_is_beneath(context: Context) -> Iterator[Issue]:
    """A part that is looked for by its colour differs in it from what lies beneath its place."""
    product = context.product
    if any(
        item_part(context, site.item, variant) is None for site in product.sites.values() for variant in product.variants
    ):
        return
    backgrounds: dict[str, set[Rgb]] = {}
    for operation, _, camera in looking(context):
        spec = product.plan[operation]
        known, problems = validate(CameraParameters, ours("camera", camera.parameters))
        if spec.item is None and known is not None and not problems:
            backgrounds.setdefault(str(spec.parameters["inspection"]), set()).add(known.background_rgb)
    for name, colours in backgrounds.items():
        for check in _by_colour(product.inspections.get(name)):
            yield from _alike(context, name, check, colours)


def _by_colour(inspection: Inspection | None) -> list[str]:
    """The checks of an inspection that look for a part by its colour: no positions that a code tells."""
    checks = inspection.checks if inspection else {}
    coded = {check.site for check in checks.values() if isinstance(check, Code)}
    return [
        name
        for name, check in checks.items()
        if isinstance(check, Presence | Outline) or (isinstance(check, Position) and check.site not in coded)
    ]


def _alike(context: Context, inspection: str, check: str, backgrounds: set[Rgb]) -> Iterator[Issue]:
    """An issue for a check whose part has nearly the colour of its ground in some variant, with the worst one."""
    product = context.product
    what = product.inspections[inspection].checks[check]
    if what.site not in product.sites:
        return
    pairs = []
    for variant in product.variants:
        own = product.parts[product.part_of(product.sites[what.site].item, variant)].colour_rgb
        grounds = {ground_of(product, what.site, variant, background) for background in backgrounds}
        pairs += [(delta_e(own, ground), own, ground) for ground in grounds]
    if pairs and min(pairs)[0] < LEAST_DELTA_E:
        off, own, ground = min(pairs)
        where = ("inspections", inspection, "checks", check, "kind")
        told = f"nothing tells the part from what lies beneath it: [{_text(own)}] on [{_text(ground)}], CIE 1976 {off:.1f}"
        remedy = (
            f"{LEAST_DELTA_E:g} are needed. Take another colour, or check something else: "
            "a mark (patch), a code, a height, taught_presence."
        )
        yield context.issue("product", where, told, remedy)


def _text(rgb: Rgb) -> str:
    return ", ".join(map(str, rgb))
