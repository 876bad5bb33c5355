"""ISA-95 job orders and schedules in B2MML (XML of MESA International), of any version and namespace from 4 on.

Read are `JobOrder` (also in JobList, WorkRequest, WorkSchedule and in transactions such as ProcessJobOrder),
`OperationsRequest` and the `ProductionRequest` of version 4. The product is the material that is produced, else the work
master or the production rule; `variant` may be a parameter. EndTime is when it is due. Of segments that follow each other
the last end counts, and what one of them makes for another is no product. A job order without dates, priority or state has
those of its work request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from microcell.description.order import POSSIBLE_DATES, Order, OrderLine, is_possible
from microcell.description.source import Unusable
from microcell.errors import Issue
from microcell.gateways.imported import Choices, Imported, ImportedOrder, WantedPart
from microcell.gateways.naming import is_order_id, is_pieces, product_of
from microcell.gateways.xml_reading import Element, parse_xml

NAMESPACE = re.compile(r"http://www\.(mesa|wbf)\.org/xml/B2MML(-V\d{2,4})?(-AllExtensions)?\Z", re.IGNORECASE)
ORDERS = ("JobOrder", "OperationsRequest", "ProductionRequest")
PRODUCED = ("produced", "material produced", "yield produced", "co-product produced", "coproduct produced", "product")
MATERIALS = ("MaterialRequirement", "MaterialProducedRequirement", "MaterialConsumedRequirement")
MAX_LINES, MAX_QUANTITY = 1_000, 100_000
COMMANDS = {
    "": True, "storeandstart": True, "start": True, "resume": True, "store": False, "revokestart": False, "pause": False,
}  # fmt: skip
"""Whether an order with a command of ISA-95 may start at once; others are no new orders."""
UNDER_WAY = (
    "running", "held", "paused", "suspended", "interrupted", "completed", "closed", "ended", "stopped", "aborted",
    "cancelled", "canceled",
)  # fmt: skip
"""States of an order that is no new one."""
_VERB = re.compile(r"(Acknowledge|Cancel|Change|Confirm|Get|Respond|Show)[A-Z]")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,15})?([eE][+-]?\d)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass
class _Reading:
    """Collects what is wrong while one file is read."""

    file: str
    choices: Choices
    issues: list[Issue]
    notes: list[Issue]

    def wrong(self, element: Element, what: str, remedy: str) -> None:
        self.issues.append(Issue(self.file, element.line, element.column, element.path, what, remedy))

    def note(self, element: Element, what: str, remedy: str) -> None:
        self.notes.append(Issue(self.file, element.line, element.column, element.path, what, remedy))


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import every job order of a B2MML document."""
    root = parse_xml(content)
    if root.namespace and not NAMESPACE.match(root.namespace):
        what = f"the namespace '{root.namespace[:80]}' is not B2MML's"
        raise Unusable(what, "http://www.mesa.org/xml/B2MML-V0600 is one. Correct it.", root.line, root.column)
    _refuse_other_verbs(root)
    reading = _Reading(file, choices, [], [])
    if not root.namespace:
        reading.note(root, "the document has no namespace", "it is read as B2MML all the same.")
    found = list(_outermost(root))
    if not found:
        reading.wrong(root, "there is no job order in the document", f"one of {', '.join(ORDERS)} is needed. Add it.")
    orders: dict[str, ImportedOrder] = {}
    for element, request in found:
        order = _order(reading, element, request)
        if order is None:
            continue
        key = order.order.order_id or f"#{element.line}:{element.column}"
        if key in orders:
            reading.wrong(
                element, f"the job order '{key}' stands twice", f"it is already on line {orders[key].line}. Remove one."
            )
            continue
        orders[key] = order
    return Imported(file, "b2mml", tuple(orders.values()), tuple(sorted(reading.issues)), tuple(sorted(reading.notes)))


def _refuse_other_verbs(root: Element) -> None:
    """Unusable for a transaction that asks for orders, tells of them, or takes some back."""
    action = root.deep("ActionExpression")
    code = action.attributes.get("actionCode", "") if action else ""
    if _VERB.match(root.name) or code.lower() not in ("", "add"):
        what = f"a transaction '{root.name}'" + (f" with the action '{code[:40]}'" if code else "") + " brings no new orders"
        raise Unusable(what, "Process or Sync (Add) does; control orders that the cell has by 'control_order'.", root.line)


def _outermost(element: Element, request: Element | None = None) -> Iterator[tuple[Element, Element | None]]:
    """Every order with the work request that it belongs to."""
    if element.name in ORDERS:
        yield element, request
        return
    for child in element.children:
        yield from _outermost(child, element if element.name == "WorkRequest" else request)


def _order(reading: _Reading, element: Element, request: Element | None) -> ImportedOrder | None:
    before = len(reading.issues)
    order_id = _id(reading, element)
    lines, parts, materials, product = _materials(reading, element)
    above = [request] if request else []
    due = _date(reading, "EndTime", element, above, "LatestEndTime", max)
    earliest = _date(reading, "StartTime", element, above, "EarliestStartTime", min)
    given = _own_or_above(element, above, "Priority")
    priority = _whole(reading, given, 0)
    if not -100 <= priority <= 100:
        reading.wrong(given or element, f"out of range ({priority})", "a number from -100 to 100 is needed. Correct it.")
    command = _command(reading, element)
    allowed = COMMANDS[command.lower()] and not _is_forecast(
        reading, _own_or_above(element, above, "DispatchStatus", "RequestState")
    )
    if due and earliest and earliest >= due:
        reading.wrong(element, "its end is not after its start", "StartTime is before EndTime. Correct one of them.")
    if len(lines) > MAX_LINES:
        reading.wrong(element, f"the job order has {len(lines)} materials", f"{MAX_LINES} are possible. Split it.")
    if len(reading.issues) > before or not lines or product is None:
        return None
    order = Order(
        order_id=order_id,
        product=product,
        lines=tuple(lines),
        priority=priority,
        due=due,
        earliest=earliest,
        allowed_to_start=allowed,
    )
    station = element.deep("EquipmentID")
    return ImportedOrder(
        order,
        element.line,
        materials[0],
        element.name,
        station=station.text if station else "",
        parts=tuple(parts),
        command=command,
        materials=tuple(materials),
    )


def _id(reading: _Reading, element: Element) -> str | None:
    given = element.first("ID")
    if given is None or not given.text:
        reading.wrong(given or element, "the job order has no ID", "every job order has one. Add it.")
        return None
    if not is_order_id(given.text):
        remedy = "letters, digits, '_', '.' and '-' are possible, 63 at most. Correct it."
        reading.wrong(given, f"not well formed (text '{given.text[:60]}')", remedy)
        return None
    return given.text


def _materials(reading: _Reading, element: Element) -> tuple[list[OrderLine], list[WantedPart], list[str], str | None]:
    """Lines of what is produced, parts that are consumed, what is produced by its names there, and the product."""
    every = [requirement for name in MATERIALS for requirement in element.every(name)]
    consumed = [requirement for requirement in every if _is_consumed(requirement)]
    produced = _without_intermediate(reading, [each for each in every if _is_produced(each)], consumed)
    made = {_material(requirement) for requirement in every if _is_produced(requirement)}
    bought = (requirement for requirement in consumed if _material(requirement) not in made)
    parts = [part for requirement in bought if (part := _part(reading, requirement))]
    rule = element.first("WorkMasterID", "WorkDefinitionID", "OperationsDefinitionID", "ProductProductionRuleID")
    chosen, by_rule = _parameter(element, "variant"), rule.text if rule else ""
    if not produced and by_rule:
        product, variant = product_of(by_rule, reading.choices)
        return [OrderLine(variant=variant or chosen, quantity=_quantity(reading, element))], parts, [by_rule], product
    lines: list[OrderLine] = []
    names: dict[str, str] = {}
    called: list[str] = []
    for requirement in produced:
        name = _material(requirement) or by_rule
        if not name:
            reading.wrong(requirement, "it is not said what is produced", "MaterialDefinitionID names it. Add it.")
            continue
        product, variant = product_of(name, reading.choices)
        names.setdefault(product, name)
        called.append(name)
        line = OrderLine(variant=variant or chosen, quantity=_quantity(reading, requirement))
        if any(line.variant == other.variant for other in lines) and len(names) == 1:
            remedy = "it is not clear whether as many are wanted in all. Keep one, also where segments follow each other."
            reading.wrong(requirement, f"'{name[:40]}' is produced twice", remedy)
        lines.append(line)
    if not produced:
        remedy = "a material with the use Produced, or WorkMasterID. Add it."
        reading.wrong(element, "it is not said what is produced", remedy)
    if len(names) > 1:
        what = f"it produces several products ({', '.join(names)})"
        reading.wrong(element, what, "a job order of this cell has one product. Split it.")
    return lines, parts, called, next(iter(names), None)


def _without_intermediate(reading: _Reading, produced: list[Element], consumed: list[Element]) -> list[Element]:
    """What is produced but for what another segment of the order consumes."""
    used = {_material(requirement) for requirement in consumed} - {""}
    last = [requirement for requirement in produced if _material(requirement) not in used]
    for requirement in produced if last else ():
        if requirement not in last:
            reading.note(requirement, f"'{_material(requirement)[:40]}' is consumed by the same order", "it is no product.")
    return last or produced


def _material(requirement: Element) -> str:
    """The name of a material, else that of its class."""
    given = requirement.first("MaterialDefinitionID") or requirement.first("MaterialClassID")
    return given.text if given else ""


def _part(reading: _Reading, requirement: Element) -> WantedPart | None:
    """A part that is consumed in whole pieces; of other things, such as grams of grease, a note tells."""
    name, amount = _material(requirement), _amount(requirement)
    number = _number(amount.text) if amount else Decimal(1)
    if number is not None and 1 <= number <= MAX_QUANTITY and number == number.to_integral_value() and _counted(requirement):
        return WantedPart(name, int(number))
    reading.note(amount or requirement, f"'{name[:40]}' is not consumed in whole pieces", "it is passed over.")
    return None


def _is_produced(requirement: Element) -> bool:
    if requirement.name != "MaterialRequirement":
        return requirement.name == "MaterialProducedRequirement"
    use = requirement.first("MaterialUse")
    return use is None or use.text.lower() in PRODUCED


def _is_consumed(requirement: Element) -> bool:
    use = requirement.first("MaterialUse")
    return requirement.name == "MaterialConsumedRequirement" or (use is not None and "consum" in use.text.lower())


def _amount(requirement: Element) -> Element | None:
    given = requirement.first("Quantity")
    return (given.first("QuantityString") or given) if given else None


def _counted(requirement: Element) -> bool:
    """Whether a quantity is one of pieces, or has no unit."""
    given = requirement.first("Quantity")
    unit = given.first("UnitOfMeasure") if given else None
    return unit is None or not unit.text or is_pieces(unit.text)


def _quantity(reading: _Reading, requirement: Element) -> int:
    """Whole pieces of what is produced; 1 where nothing is said, which is told."""
    amount = _amount(requirement)
    if amount is None or not amount.text:
        reading.note(requirement, "it is not said how many", "it is taken as 1.")
        return 1
    if not _counted(requirement):
        reading.wrong(amount, "the unit of the quantity is not pieces", "EA or C62 is one of pieces. Convert the quantity.")
    if sum(child.name == "Quantity" for child in requirement.children) > 1:
        reading.wrong(requirement, "there are several quantities", "one says how many. Remove the others.")
    return max(1, _whole(reading, amount, 1, least=1))


def _number(text: str) -> Decimal | None:
    """A number as XML has it."""
    return Decimal(text) if _NUMBER.fullmatch(text) and text.isascii() else None


def _whole(reading: _Reading, element: Element | None, default: int, least: int | None = None) -> int:
    if element is None or not element.text:
        return default
    number = _number(element.text)
    whole = int(number) if number is not None and abs(number) <= 10**9 and number == number.to_integral_value() else None
    if whole is None or (least is not None and not least <= whole <= MAX_QUANTITY):
        wanted = f"a whole number from {least} to {MAX_QUANTITY}" if least is not None else "a whole number"
        reading.wrong(element, f"not allowed (text '{element.text[:40]}')", f"{wanted} is needed. Correct it.")
        return default
    return whole


def _date(
    reading: _Reading,
    name: str,
    element: Element,
    above: list[Element],
    of_segments: str,
    choose: Callable[[list[datetime]], datetime],
) -> datetime | None:
    """A date of an order: its own, else one of its segments', else that of what it belongs to."""
    own = element.first(name)
    segments = [] if own else [*element.every(of_segments)]
    given = [own] if own else segments or [found for each in above if (found := each.first(name))]
    times = [time for each in given if (time := _time(reading, each))]
    return choose(times) if times else None


def _time(reading: _Reading, element: Element) -> datetime | None:
    """A date and time of XML; one without zone is UTC."""
    if not element.text:
        return None
    text = element.text.removesuffix("Z") + ("+00:00" if element.text.endswith("Z") else "")
    try:
        if not _TIME.match(text):
            raise ValueError
        found = datetime.fromisoformat(re.sub(r"\.(\d{6})\d+", r".\1", text))
    except ValueError:
        what = f"no date and time (text '{element.text[:40]}')"
        reading.wrong(element, what, "one such as 2026-03-01T14:00:00Z is needed. Correct it.")
        return None
    if found.tzinfo is None:
        reading.note(element, "the time has no zone", "it is taken as UTC.")
        found = found.replace(tzinfo=timezone.utc)
    if not is_possible(found):
        reading.wrong(element, f"no possible date (text '{element.text[:40]}')", f"{POSSIBLE_DATES}.")
        return None
    return found


def _command(reading: _Reading, element: Element) -> str:
    given = element.first("Command")
    text = given.text if given else ""
    if text.lower() in COMMANDS:
        return text
    remedy = "StoreAndStart or Store is needed in a file of new orders; control orders that the cell has by 'control_order'."
    reading.wrong(given or element, f"the command '{text[:40]}' makes no order", remedy)
    return ""


def _own_or_above(element: Element, above: list[Element], *names: str) -> Element | None:
    """What an order says, else what that says to which it belongs."""
    return next((found for each in (element, *above) if (found := each.first(*names))), None)


def _is_forecast(reading: _Reading, state: Element | None) -> bool:
    """Whether an order of this state is only foreseen; one that is worked on or has ended is no new order."""
    if state is not None and state.text.lower() in UNDER_WAY:
        reading.wrong(state, f"the order is '{state.text}' already", "it would be made a second time. Remove it.")
    if state is None or state.text.lower() != "forecast":
        return False
    reading.note(state, "the order is a forecast", "it is stored and waits for the command to start.")
    return True


def _parameter(element: Element, name: str) -> str | None:
    """The value of a job order parameter."""
    for kind in ("JobOrderParameter", "Parameter"):
        for parameter in element.every(kind):
            given, value = parameter.first("ID"), parameter.deep("ValueString")
            if given and value and given.text.lower() == name and value.text:
                return product_of(value.text, Choices())[0]
    return None
