"""Rules of skills: that they are installed, their parameters, and what they need of cell and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from microcell import plugins
from microcell.description.checks import Code
from microcell.description.contents import label_part
from microcell.description.line import Line, LineDocument
from microcell.description.problems import Problem, validate
from microcell.description.product import FIRMEST_RATIO, Operation
from microcell.description.rules_context import Context, rule
from microcell.description.rules_line import grasps
from microcell.description.rules_plan import operations
from microcell.description.rules_product import item_part
from microcell.description.seats import ROUNDING_M, filled_before, inside_by_m
from microcell.description.source import Where
from microcell.description.tool import ScrewdriverTool
from microcell.description.wording import listed
from microcell.errors import Issue


@dataclass(frozen=True)
class Use:
    """An operation as one variant has it done."""

    section: str
    name: str
    operation: Operation
    variant: str
    parameters: dict[str, Any]
    changed: frozenset[str]

    def place(self, where: Where) -> Where:
        """Where in the product's file the place of a goal's parameters stands."""
        if not where:
            return (self.section, self.name)
        if where[0] in self.changed:
            return ("variants", self.variant, "parameters", self.name, *where)
        if where[0] in ("item", "site"):
            return (self.section, self.name, *where)
        return (self.section, self.name, "parameters", *where)


@rule("product")
def rule_skills_can_be_loaded(context: Context) -> Iterator[Issue]:
    """An operation's skill can be loaded."""
    for section, name, operation in operations(context):
        if operation.skill in plugins.skill_names() and isinstance(failure := _skill(operation.skill), Exception):
            what = f"the skill '{operation.skill}' cannot be loaded ({type(failure).__name__}: {failure})"
            remedy = "it must be complete. Repair its installation."
            yield context.issue("product", (section, name, "skill"), what, remedy)


@rule("product")
def rule_parameters_are_the_skills(context: Context) -> Iterator[Issue]:
    """The parameters of an operation, with its item and site, are what the skill takes, in every variant."""
    for use in _uses(context):
        _, problems = validate(_skill(use.operation.skill).Parameters, use.parameters)
        for problem in problems:
            yield _parameter_issue(context, use, problem)


def _parameter_issue(context: Context, use: Use, problem: Problem) -> Issue:
    skill = use.operation.skill
    if problem.missing is not None:
        where: Where = (use.section, use.name)
        needed = f"skill '{skill}' needs it: {problem.remedy}"
        return context.issue("product", where, problem.what, needed, key=True)
    if problem.unknown and problem.where[0] in ("item", "site"):
        what = f"the skill '{skill}' takes no {problem.where[0]}"
        return context.issue("product", use.place(problem.where), what, "its operation has none. Remove it.", key=True)
    return context.issue("product", use.place(problem.where), problem.what, problem.remedy, problem.unknown)


@rule("line", "cell.devices", "tools", "product.parts", "product.bill_of_materials", "product.variants")
def rule_cell_has_what_skills_need(context: Context) -> Iterator[Issue]:
    """Each operation finds the devices and the tool that its skill needs, in every variant."""
    line = _line_as_read(context)
    offered = {ability for tool in line.tools.values() for ability in tool.capabilities}
    told = {grasp.capability for _, grasp in grasps(context)}
    for use, needs in _needs(context, line):
        where = (use.section, use.name, "skill")
        yield from _missing_devices(context, line, where, needs)
        if needs.capability is not None and needs.capability not in offered | told:
            what = f"no tool of cell '{line.cell}' offers '{needs.capability}'"
            remedy = f"its tools offer: {listed(sorted(offered))}. Put a tool for it into a pocket."
            yield context.issue("product", where, what, remedy)


@rule("line", "cell.devices", "tools", "product.parts", "product.bill_of_materials", "product.variants")
def rule_screwdrivers_turn_so_hard_and_fast(context: Context) -> Iterator[Issue]:
    """A screwdriver of the cell turns with the torque and at the speed that an operation asks for, in every variant."""
    line = _line_as_read(context)
    for use, needs in _needs(context, line):
        drivers = [tool for tool in line.tools.values() if isinstance(tool, ScrewdriverTool)]
        if needs.torque_n_m and drivers and not any(map(needs.can_use, drivers)):
            yield _weak_drivers(context, use, needs, drivers)


def _weak_drivers(context: Context, use: Use, needs: Any, drivers: list[ScrewdriverTool]) -> Issue:
    """What of an operation is too much for every screwdriver: one of the two, or only both together."""
    for key, most_key in (("torque_n_m", "torque_max_n_m"), ("speed_rad_s", "speed_max_rad_s")):
        value, most = getattr(needs, key), max(getattr(tool, most_key) for tool in drivers)
        if value > most:
            remedy = f"the most is {most:g} ({most_key}). Correct it, or use another screwdriver."
            return context.issue("product", use.place((key,)), f"too much for every screwdriver ({value:g})", remedy)
    what = f"no screwdriver is strong and fast enough at once ({needs.torque_n_m:g} N.m, {needs.speed_rad_s:g} rad/s)"
    there = ", ".join(f"{tool.name} up to {tool.torque_max_n_m:g} N.m at {tool.speed_max_rad_s:g} rad/s" for tool in drivers)
    return context.issue("product", use.place(()), what, f"they turn: {there}. Correct it, or use another.", key=True)


@rule(
    "line.feeders",
    "cell.devices",
    "tools",
    "product.parts",
    "product.bill_of_materials",
    "product.variants",
)
def rule_feeders_offer_what_skills_take(context: Context) -> Iterator[Issue]:
    """A feeder of the line offers each part that an operation takes, in every variant."""
    line = _line_as_read(context)
    offered = list(dict.fromkeys(setup.part for setup in line.feeders.values()))
    told: set[str] = set()
    if not all(part in context.product.parts for part in offered):
        return  # one of them may be meant for what seems to be missing
    for use, needs in _needs(context, line):
        if needs.part is not None and needs.part not in (*offered, *told):
            told.add(needs.part)
            what = f"no feeder offers '{needs.part}', which '{use.name}' takes for variant '{use.variant}'"
            remedy = f"the feeders offer: {listed(offered)}. Fill one with it."
            yield context.issue("line", ("feeders",), what, remedy, key=True)


@rule("product")
def rule_force_limits_let_parts_go_in(context: Context) -> Iterator[Issue]:
    """Where a part goes into a fit, the firmest press that the force limit allows is over the fit's friction."""
    for use in _uses(context):
        site = context.product.sites.get(use.operation.site or "")
        wanted, _ = validate(_skill(use.operation.skill).Parameters, use.parameters)
        limit_n, friction_n = getattr(wanted, "force_limit_n", None), site.fit.friction_n if site and site.fit else 0.0
        if limit_n is not None and FIRMEST_RATIO * limit_n <= friction_n:
            what = f"too little for the fit of '{use.operation.site}' ({limit_n:g})"
            needed = f"against its friction_n of {friction_n:g}, over {friction_n / FIRMEST_RATIO:g} is needed"
            remedy = f"{needed}. Correct one of them."
            yield context.issue("product", use.place(("force_limit_n",)), what, remedy)


@rule("line", "cell.devices", "tools", "product.parts", "product.bill_of_materials", "product.sites")
def rule_printers_make_one_kind_of_label(context: Context) -> Iterator[Issue]:
    """What operations print is alike in every variant: a printer holds one roll."""
    labels = [use for use in _uses(context) if use.section == "plan" and use.operation.skill == "label"]
    product, items = context.product, context.product.bill_of_materials
    checks = [check for inspection in product.inspections.values() for check in inspection.checks.values()]
    coded = {check.site for check in checks if isinstance(check, Code)}
    sound = all(name in product.sites and product.sites[name].item in items for name in coded)
    if not labels or not sound or not all(part in product.parts for part in items.values()):
        return
    name, printed = label_part(_line_as_read(context))
    told: set[str] = set()
    for use in labels:
        item = use.operation.item or ""
        part = product.variants[use.variant].items.get(item, items.get(item))
        if part is not None and product.parts[part].shape != printed.shape and use.name not in told:
            told.add(use.name)
            what = f"the printer makes labels of one kind, '{name}', and for variant '{use.variant}' this is '{part}'"
            remedy = "another comes printed from a feeder, by pick and insert. Use one part, or bring it so."
            yield context.issue("product", (use.section, use.name, "item"), what, remedy)


@rule("product")
def rule_labels_lie_on_top(context: Context) -> Iterator[Issue]:
    """A label's middle is not within a part that is there before the label comes."""
    sites = context.product.sites
    told: set[str] = set()
    for use in _uses(context):
        site = sites.get(use.operation.site or "")
        label = item_part(context, site.item, use.variant) if site else None
        if use.section != "plan" or use.operation.skill != "label" or site is None or label is None:
            continue
        for name in filled_before(context.product, use.name):
            part = item_part(context, sites[name].item, use.variant)
            places = site.part_in_unit.pose, sites[name].part_in_unit.pose
            inside_m = inside_by_m(label, places[0], part, places[1], middle_alone=True) if part else 0.0
            if inside_m > ROUNDING_M and use.name not in told:
                told.add(use.name)
                what = f"the label would lie {inside_m * 1e3:.3g} mm inside of what is at '{name}'"
                where = ("sites", use.operation.site or "", "part_in_unit")
                yield context.issue("product", where, what, "a label lies on top. Correct one of the places.")


def _missing_devices(context: Context, line: Line, where: Where, needs: Any) -> Iterator[Issue]:
    kinds: set[str] = {spec.kind for spec in line.cell_description.devices.values()}
    kinds.update(tool.device for tool in line.tools.values())
    for kind in needs.kinds:
        if kind not in kinds:
            there = listed(sorted(kinds))
            what = f"cell '{line.cell}' has no {kind}"
            yield context.issue("product", where, what, f"it has: {there}. Add one.")


def _needs(context: Context, line: Line) -> Iterator[tuple[Use, Any]]:
    """What the skills need for each operation that is right in itself; other rules say what is wrong."""
    product = context.product
    if product.unit_grasp is None or not all(name in context.cell.devices for name in line.feeders):
        return
    for use in _uses(context):
        item, site = use.operation.item, use.operation.site
        known = item is None or item_part(context, item, use.variant) is not None
        known = known and (site is None or site in product.sites)
        skill = _skill(use.operation.skill)
        if known and not validate(skill.Parameters, use.parameters)[1]:
            yield use, skill.needs(line, use.variant, use.parameters)


def _uses(context: Context) -> Iterator[Use]:
    """Each sound operation with a known skill, in each sound variant."""
    for section, name, operation in operations(context):
        if operation.skill not in plugins.skill_names() or isinstance(_skill(operation.skill), Exception):
            continue
        own = {"item": operation.item, "site": operation.site}
        for variant, changes in context.product.variants.items():
            changed = changes.parameters.get(name, {})
            given = {key: value for key, value in own.items() if value is not None}
            parameters = {**operation.parameters, **changed, **given}
            yield Use(section, name, operation, variant, parameters, frozenset(changed))


def _skill(name: str) -> Any:
    """The skill's class, or why it cannot be had: skills come from any package."""
    try:
        return plugins.skill(name)
    except (ImportError, SyntaxError, AttributeError) as error:
        return error


def _line_as_read(context: Context) -> Line:
    """The line as far as it was read, for the skills to answer from."""
    said = {name: getattr(context.line, name) for name in LineDocument.model_fields}
    return Line.model_construct(
        **said, cell_description=context.cell, product_description=context.product, tools=context.tools
    )
