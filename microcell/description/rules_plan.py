"""Rules of process plans: references, order, chains with a part in the hand, stations, inspections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from microcell.description.product import Operation
from microcell.description.rules_context import DEVICE_KINDS, Context, rule
from microcell.description.rules_references import PLANS
from microcell.description.source import Where
from microcell.description.wording import listed
from microcell.errors import Issue

Plan: TypeAlias = "Mapping[str, Operation]"


def operations(context: Context) -> Iterator[tuple[str, str, Operation]]:
    """Plan, name and operation of all sound operations."""
    for section in PLANS:
        for name, operation in getattr(context.product, section).items():
            yield section, name, operation


def ancestors(plan: Plan, name: str) -> set[str]:
    """All operations that must be done before one; itself too in a cycle. Unknown names are left out."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for before in plan[waiting.pop()].after:
            if before in plan and before not in found:
                found.add(before)
                waiting.append(before)
    return found


@rule("product")
def rule_operation_brings_the_sites_item(context: Context) -> Iterator[Issue]:
    """An operation with both item and site brings the item that the site takes."""
    for section, name, operation in operations(context):
        site = context.product.sites.get(operation.site or "")
        if site and operation.item is not None and site.item != operation.item:
            what = f"site '{operation.site}' does not take '{operation.item}'"
            remedy = f"it takes '{site.item}'. Correct item or site."
            yield context.issue("product", (section, name, "item"), what, remedy)


def names_a_wrong_site(context: Context) -> bool:
    """Whether some operation works at a site that there is not: it is not to be told at which one it should."""
    sites = context.names("product", "sites") or ()
    return any(operation.site is not None and operation.site not in sites for operation in context.product.plan.values())


@rule("product.plan")
def rule_every_site_is_worked_at(context: Context) -> Iterator[Issue]:
    """An operation works at each site, but at those of what is placed: the first that takes it, unless a site is named."""
    plan = context.product.plan.values()
    if names_a_wrong_site(context):
        return
    worked_at = {operation.site for operation in plan}
    placed = {operation.item for operation in plan if operation.occupies or operation.skill == "place"}
    for name, site in context.product.sites.items():
        if name not in worked_at and site.item not in placed:
            remedy = f"each unit would lack its '{site.item}' there. Add an operation with this site, or remove the site."
            yield context.issue("product", ("sites", name), f"no operation works at '{name}'", remedy, key=True)


@rule("product")
def rule_operation_names_are_unique(context: Context) -> Iterator[Issue]:
    """No operation of the scrap plan has the name of one of the plan."""
    plan = context.names("product", "plan") or ()
    for name in context.names("product", "scrap_plan") or ():
        if name in plan:
            what, remedy = f"the plan has an operation '{name}' too", "they need different names. Rename one."
            yield context.issue("product", ("scrap_plan", name), what, remedy, key=True)


@rule("product")
def rule_plan_has_no_cycle(context: Context) -> Iterator[Issue]:
    """No operation comes after itself."""
    for section in PLANS:
        plan: Plan = getattr(context.product, section)
        looped = _looped(plan)
        if looped:
            name = looped[0]
            circle = [other for other in looped if name in ancestors(plan, other)]
            remedy = f"the circle is {listed(circle)}. Take one of the 'after' away."
            yield context.issue("product", (section, name, "after"), f"'{name}' comes after itself", remedy)


def _loose(plan: Plan) -> bool:
    """Whether an operation comes after one that is not there, so that the order cannot be told."""
    return any(before not in plan for operation in plan.values() for before in operation.after)


def _looped(plan: Plan) -> list[str]:
    return [name for name in plan if name in ancestors(plan, name)]


@rule("product")
def rule_chain_goes_on_at_once(context: Context) -> Iterator[Issue]:
    """Only one operation continues in another, which comes after it and waits for nothing in between."""
    for section, name, operation in operations(context):
        plan: Plan = getattr(context.product, section)
        following = operation.continues_in
        sound = not _loose(plan) and not _looped(plan)
        if following is not None and following in plan and sound:
            for what, remedy in _breaks(plan, name, following):
                yield context.issue("product", (section, name, "continues_in"), what, remedy)


def _breaks(plan: Plan, name: str, following: str) -> Iterator[tuple[str, str]]:
    """What keeps an operation from continuing in another, and the remedy."""
    if name not in plan[following].after:
        yield f"'{following}' does not come after '{name}'", f"it must. Add '{name}' to its 'after'."
    first = next(other for other, operation in plan.items() if operation.continues_in == following)
    if first != name:
        yield f"'{first}' continues in '{following}' too", "one hand brings one part. Let only one continue."
    for other in plan:
        if other in ancestors(plan, following) and name in ancestors(plan, other):
            what = f"'{following}' also waits for '{other}', which comes after '{name}'"
            yield what, "nothing can come in between. Correct 'after'."


@rule("product")
def rule_station_kinds_exist(context: Context) -> Iterator[Issue]:
    """What a unit occupies and vacates is a kind of device."""
    for section in PLANS:
        for key in ("occupies", "vacates"):
            yield from context.refer_each("product", (section, "*", key), DEVICE_KINDS, "kind of station")


@rule("product.plan")
def rule_unit_begins_at_one_place(context: Context) -> Iterator[Issue]:
    """One operation comes first; it, or the chain that it begins, takes a station for the unit."""
    plan = context.product.plan
    first = [name for name, operation in plan.items() if not operation.after]
    for name in first[1:]:
        what = f"'{name}' comes after nothing, as '{first[0]}' does"
        remedy = "a unit begins with one operation. Say in 'after' what this one comes after."
        yield context.issue("product", ("plan", name), what, remedy, key=True)
    if len(first) == 1 and not any(plan[name].occupies for name in _chain(plan, first[0])):
        what, remedy = (
            "the unit begins without a station",
            "it needs one. Add 'occupies: fixture' or the like.",
        )
        yield context.issue("product", ("plan", first[0]), what, remedy, key=True)


def _chain(plan: Plan, name: str) -> list[str]:
    chain = [name]
    while (following := plan[chain[-1]].continues_in) and following in plan and following not in chain:
        chain.append(following)
    return chain


@rule("product.plan")
def rule_stations_are_left_again(context: Context) -> Iterator[Issue]:
    """A station that an operation occupies is vacated by a later one, and not before it was occupied."""
    plan = context.product.plan
    if _loose(plan):
        return
    for name, operation in plan.items():
        before = ancestors(plan, name)
        later = [other for other in plan if name in ancestors(plan, other)]
        taken, left = operation.occupies, operation.vacates
        if taken and not any(plan[other].vacates == taken for other in later):
            remedy = f"a later operation must take the unit away. Add 'vacates: {taken}' to it."
            yield context.issue("product", ("plan", name, "occupies"), f"'{taken}' is never vacated", remedy)
        if left and not any(plan[other].occupies == left for other in before):
            remedy = f"an operation before it needs 'occupies: {left}'. Add or remove one."
            yield context.issue("product", ("plan", name, "vacates"), f"'{left}' was never occupied", remedy)


@rule("product.plan")
def rule_nothing_is_done_when_the_unit_has_left(context: Context) -> Iterator[Issue]:
    """What is done with a unit at a station comes before that which takes the unit away from there."""
    plan = context.product.plan
    if _loose(plan) or _looped(plan):
        return
    for leaving, operation in plan.items():
        if operation.vacates is None:
            continue
        before = ancestors(plan, leaving)
        for name in plan:
            done = ancestors(plan, name)
            taken = {plan[other].occupies for other in done} - {plan[other].vacates for other in done}
            if operation.vacates in taken and name not in before and name != leaving:
                what = f"'{leaving}' may come first, and takes the unit away"
                remedy = f"the unit must still be at its {operation.vacates}. Name '{name}' in an 'after' before it leaves."
                yield context.issue("product", ("plan", name), what, remedy, key=True)


@rule("product.plan", "product.scrap_plan")
def rule_scrap_plan_leaves_the_station(context: Context) -> Iterator[Issue]:
    """The scrap plan vacates each kind of station that the plan occupies, and occupies none."""
    scrap_plan = context.product.scrap_plan
    vacated = [operation.vacates for operation in scrap_plan.values()]
    for name, operation in context.product.plan.items():
        if operation.occupies and operation.occupies not in vacated:
            what = f"nothing vacates '{operation.occupies}', which '{name}' of the plan occupies"
            remedy = f"a scrapped unit must go. Give an operation 'vacates: {operation.occupies}'."
            yield context.issue("product", ("scrap_plan",), what, remedy, key=True)
    for name, operation in scrap_plan.items():
        if operation.occupies:
            where: Where = ("scrap_plan", name, "occupies")
            what, remedy = "a scrapped unit takes a station", "it only leaves one. Remove the key."
            yield context.issue("product", where, what, remedy, key=True)


@rule("product.plan", "product.variants", "product.inspections")
def rule_inspections_are_made(context: Context) -> Iterator[Issue]:
    """Each inspection is named by an operation of the plan."""
    product = context.product
    made = [operation.parameters.get("inspection") for operation in product.plan.values()]
    made += [p.get("inspection") for variant in product.variants.values() for p in variant.parameters.values()]
    if not all(name in product.inspections for name in made if name is not None):
        return
    for name in product.inspections:
        if name not in made:
            what, remedy = f"no operation makes the inspection '{name}'", "Add one that does, or remove it."
            yield context.issue("product", ("inspections", name), what, f"it would have no effect. {remedy}", key=True)


@rule("product.plan")
def rule_redo_comes_before_the_inspection(context: Context) -> Iterator[Issue]:
    """What a check redoes comes before the inspection that makes the check."""
    if _loose(context.product.plan):
        return
    for maker, operation in context.product.plan.items():
        inspection = operation.parameters.get("inspection")
        if isinstance(inspection, str) and inspection in context.product.inspections:
            yield from _late_redos(context, maker, inspection)


def _late_redos(context: Context, maker: str, inspection: str) -> Iterator[Issue]:
    plan = context.product.plan
    before = ancestors(plan, maker)
    for name, check in context.product.inspections[inspection].checks.items():
        for index, redo in enumerate(check.redo):
            if redo in plan and redo not in before:
                where = ("inspections", inspection, "checks", name, "redo", index)
                remedy = "only what was done can be redone. Name an operation before it."
                yield context.issue("product", where, f"'{redo}' does not come before '{maker}'", remedy)
