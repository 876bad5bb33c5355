"""ISA-95 job orders and schedules in B2MML (XML of MESA International), of any version and namespace from 4 on.

Read are `JobOrder` (also in JobList, WorkRequest, WorkSchedule and in transactions such as ProcessJobOrder),
`OperationsRequest` and the `ProductionRequest` of version 4. The product is the material that is produced, else the work
master or the production rule; `variant` may be a parameter. EndTime is when it is due.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation

from microcell.description.order import POSSIBLE_DATES, Order, OrderLine, is_possible
from microcell.description.source import Unusable
from microcell.errors import Issue
from microcell.gateways.imported import Choices, Imported, ImportedOrder, WantedPart
from microcell.gateways.naming import is_order_id, product_of
from microcell.gateways.xml_reading import Element, parse_xml

NAMESPACE = re.compile(r"http://www\.(mesa|wbf)\.org/xml/B2MML(-V\d{2,4})?(-AllExtensions)?\Z", re.IGNORECASE)
ORDERS = ("JobOrder", "OperationsRequest", "ProductionRequest")
PRODUCED = ("produced", "material produced", "yield produced", "co-product produced", "coproduct produced", "product")
MATERIALS = ("MaterialRequirement", "MaterialProducedRequirement", "MaterialConsumedRequirement")
MAX_LINES = 1_000
COMMANDS = {
    "": True, "storeandstart": True, "start": True, "resume": True, "store": False, "revokestart": False, "pause": False,
}  # fmt: skip
"""Whether an order with a command of ISA-95 may start at once; others are no new orders."""


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
    reading = _Reading(file, choices, [], [])
    if not root.namespace:
        reading.note(root, "the document has no namespace", "it is read as B2MML all the same.")
    found = list(_outermost(root))
    if not found:
        reading.wrong(root, "there is no job order in the document", f"one of {', '.join(ORDERS)} is needed. Add it.")
    orders: dict[str, ImportedOrder] = {}
    for element in found:
        order = _order(reading, element)
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


def _outermost(element: Element) -> Iterator[Element]:
    if element.name in ORDERS:
        yield element
        return
    for child in element.children:
        yield from _outermost(child)


def _order(reading: _Reading, element: Element) -> ImportedOrder | None:
    before = len(reading.issues)
    order_id = _id(reading, element)
    lines, parts, called, product = _materials(reading, element)
    due = _time(reading, element.first("EndTime") or element.deep("LatestEndTime"))
    earliest = _time(reading, element.first("StartTime") or element.deep("EarliestStartTime"))
    priority = _whole(reading, element.first("Priority"), 0)
    if not -100 <= priority <= 100:
        reading.wrong(
            element.first("Priority") or element,
            f"out of range ({priority})",
            "a number from -100 to 100 is needed. Correct it.",
        )
    command = _command(reading, element)
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
        allowed_to_start=COMMANDS[command.lower()],
    )
    station = element.deep("EquipmentID")
    return ImportedOrder(
        order,
        element.line,
        called,
        element.name,
        station=station.text if station else "",
        parts=tuple(parts),
        command=command,
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


def _materials(reading: _Reading, element: Element) -> tuple[list[OrderLine], list[WantedPart], str, str | None]:
    """Lines of what is produced, parts that are consumed, and the product with the name that it has there."""
    lines, parts, called, products = [], [], "", []
    rule = element.first("WorkMasterID", "WorkDefinitionID", "OperationsDefinitionID", "ProductProductionRuleID")
    chosen = _parameter(element, "variant")
    for requirement in (m for name in MATERIALS for m in element.every(name)):
        definition = requirement.first("MaterialDefinitionID", "MaterialClassID")
        name = definition.text if definition else (rule.text if rule else "")
        quantity = _quantity(reading, requirement)
        if not _is_produced(requirement):
            parts.append(WantedPart(name, quantity))
            continue
        product, variant = product_of(name, reading.choices) if name else (None, None)
        if product is None:
            reading.wrong(requirement, "it is not said what is produced", "MaterialDefinitionID names it. Add it.")
            continue
        called = called or name
        products.append(product)
        lines.append(OrderLine(variant=variant or chosen, quantity=quantity) if quantity >= 1 else OrderLine(quantity=1))
    if not lines and rule is not None and rule.text:
        called = rule.text
        product, variant = product_of(called, reading.choices)
        products.append(product)
        amount = element.deep("Quantity")
        lines.append(OrderLine(variant=variant or chosen, quantity=max(1, _quantity(reading, element) if amount else 1)))
    if not lines:
        reading.wrong(
            element, "it is not said what is produced", "a material with the use Produced, or WorkMasterID. Add it."
        )
    if len(set(products)) > 1:
        what = f"it produces several products ({', '.join(dict.fromkeys(products))})"
        reading.wrong(element, what, "a job order of this cell has one product. Split it.")
    return lines, parts, called, products[0] if products else None


def _is_produced(requirement: Element) -> bool:
    if requirement.name != "MaterialRequirement":
        return requirement.name == "MaterialProducedRequirement"
    use = requirement.first("MaterialUse")
    return use is None or use.text.lower() in PRODUCED


def _quantity(reading: _Reading, requirement: Element) -> int:
    """Whole pieces; 1 where nothing is said."""
    given = requirement.first("Quantity")
    text = (given.first("QuantityString") or given) if given else None
    return _whole(reading, text, 1, least=1)


def _whole(reading: _Reading, element: Element | None, default: int, least: int | None = None) -> int:
    if element is None or not element.text:
        return default
    try:
        number = Decimal(element.text)
        whole = int(number) if number.is_finite() and abs(number) <= 10**9 and number == number.to_integral_value() else None
    except (InvalidOperation, OverflowError):
        whole = None
    if whole is None or (least is not None and not least <= whole <= 100_000):
        wanted = f"a whole number from {least} to 100000" if least is not None else "a whole number"
        reading.wrong(element, f"not allowed (text '{element.text[:40]}')", f"{wanted} is needed. Correct it.")
        return default
    return whole


def _time(reading: _Reading, element: Element | None) -> datetime | None:
    """A date and time of XML; one without zone is UTC."""
    if element is None or not element.text:
        return None
    text = element.text.removesuffix("Z") + ("+00:00" if element.text.endswith("Z") else "")
    try:
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


def _parameter(element: Element, name: str) -> str | None:
    """The value of a job order parameter."""
    for kind in ("JobOrderParameter", "Parameter"):
        for parameter in element.every(kind):
            given, value = parameter.first("ID"), parameter.deep("ValueString")
            if given and value and given.text.lower() == name and value.text:
                return product_of(value.text, Choices())[0]
    return None
