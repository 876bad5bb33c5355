"""Rules of references: what one description names exists in the other."""

from __future__ import annotations

from collections.abc import Iterator

from microcell import plugins
from microcell.description.rules_context import Context, rule
from microcell.errors import Issue

PLANS = ("plan", "scrap_plan")
_NOT_SEEN = ("arm", "camera", "tool_changer", "force_sensor", "tool_crib", "safety")


@rule("cell")
def rule_arm_wears_what_there_is(context: Context) -> Iterator[Issue]:
    """An arm's tool changer and force sensor are devices of the cell."""
    for kind in ("tool_changer", "force_sensor"):
        known, noun = context.devices(kind), kind.replace("_", " ")
        yield from context.refer_each("cell", ("devices", "*", kind), known, noun)


@rule("cell")
def rule_presses_and_turners_name_fixtures(context: Context) -> Iterator[Issue]:
    """A press stands over a fixture of the cell, a turner turns one."""
    yield from context.refer_each("cell", ("devices", "*", "fixture"), context.devices("fixture"), "fixture")


@rule("cell")
def rule_cameras_see_what_there_is(context: Context) -> Iterator[Issue]:
    """What a camera sees is a station or feeder of the cell."""
    every, hidden = context.names("cell", "devices"), context.devices(*_NOT_SEEN, certain=True)
    if every is not None and hidden is not None:
        stations = [name for name in every if name not in hidden]
        yield from context.refer_each("cell", ("devices", "*", "sees", "*"), stations, "station or feeder")


@rule("cell")
def rule_feeders_name_cameras(context: Context) -> Iterator[Issue]:
    """The camera that a feeder names is a camera of the cell."""
    yield from context.refer_each("cell", ("devices", "*", "camera"), context.devices("camera"), "camera")


@rule("product")
def rule_items_are_known_parts(context: Context) -> Iterator[Issue]:
    """Each item of the bill of materials is one of the product's parts."""
    parts = context.names("product", "parts")
    yield from context.refer_each("product", ("bill_of_materials", "*"), parts, "part")


@rule("product")
def rule_replacements_are_known_parts(context: Context) -> Iterator[Issue]:
    """What may be taken instead of a part is a part of the product too."""
    parts = context.names("product", "parts")
    yield from context.refer_each("product", ("replacements", "*"), parts, "part", keys=True)
    yield from context.refer_each("product", ("replacements", "*", "*"), parts, "part")


@rule("product")
def rule_sites_take_known_items(context: Context) -> Iterator[Issue]:
    """A site takes an item of the bill of materials."""
    items = context.names("product", "bill_of_materials")
    yield from context.refer_each("product", ("sites", "*", "item"), items, "item")


@rule("product")
def rule_variants_change_what_there_is(context: Context) -> Iterator[Issue]:
    """A variant changes items of the product, for parts of the product, and parameters of its operations."""
    items, parts = context.names("product", "bill_of_materials"), context.names("product", "parts")
    yield from context.refer_each("product", ("variants", "*", "items", "*"), items, "item", keys=True)
    yield from context.refer_each("product", ("variants", "*", "items", "*"), parts, "part")
    plan, scrap_plan = (context.names("product", section) for section in PLANS)
    if plan is not None and scrap_plan is not None:
        where = ("variants", "*", "parameters", "*")
        yield from context.refer_each("product", where, (*plan, *scrap_plan), "operation", keys=True)


@rule("product")
def rule_default_variant_exists(context: Context) -> Iterator[Issue]:
    """The default variant is one of the variants."""
    variants = context.names("product", "variants")
    yield from context.refer_each("product", ("default_variant",), variants, "variant")


@rule("product")
def rule_operations_name_what_there_is(context: Context) -> Iterator[Issue]:
    """An operation names operations of its own plan, items of the product and sites of the product."""
    for section in PLANS:
        others = context.names("product", section)
        yield from context.refer_each("product", (section, "*", "after", "*"), others, "operation")
        yield from context.refer_each("product", (section, "*", "continues_in"), others, "operation")
        for key, target in (("item", "bill_of_materials"), ("site", "sites")):
            yield from context.refer_each("product", (section, "*", key), context.names("product", target), key)


@rule("product")
def rule_operations_name_skills(context: Context) -> Iterator[Issue]:
    """An operation's skill is installed."""
    for section in PLANS:
        yield from context.refer_each("product", (section, "*", "skill"), plugins.skill_names(), "skill")


@rule("product")
def rule_operations_name_inspections(context: Context) -> Iterator[Issue]:
    """The inspection that an operation names is one of the product's."""
    inspections = context.names("product", "inspections")
    for section in PLANS:
        where = (section, "*", "parameters", "inspection")
        yield from context.refer_each("product", where, inspections, "inspection")


@rule("product")
def rule_checks_name_what_there_is(context: Context) -> Iterator[Issue]:
    """A check looks at a site of the product, tells parts of the product apart and redoes operations of its plan."""
    check = ("inspections", "*", "checks", "*")
    yield from context.refer_each("product", (*check, "among", "*"), context.names("product", "parts"), "part")
    yield from context.refer_each("product", (*check, "site"), context.names("product", "sites"), "site")
    plan = context.names("product", "plan")
    yield from context.refer_each("product", (*check, "redo", "*"), plan, "operation")


@rule("line")
def rule_feeders_are_those_of_the_cell(context: Context) -> Iterator[Issue]:
    """What a line fills are feeders of its cell, with parts of its product."""
    yield from context.refer_each("line", ("feeders", "*"), context.devices("feeder"), "feeder", keys=True)
    yield from context.refer_each("line", ("feeders", "*", "part"), context.names("product", "parts"), "part")


@rule("order", "product")
def rule_ordered_variants_exist(context: Context) -> Iterator[Issue]:
    """Each ordered variant is one of the product's."""
    variants = context.names("product", "variants")
    yield from context.refer_each("order", ("lines", "*", "variant"), variants, "variant")
