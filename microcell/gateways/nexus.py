"""Work orders of NEXUS (github.com/osrf/nexus): JSON with a work instruction's name and its steps.

`workInstructionName` names the product; `metadata.quantity` says how many. Each step has a `processId`, and may have
`processParams`, `inputItems` and `outputItems`, whose items have a `guid` and `metadata` with a `quantity`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from microcell.description.order import Order, OrderLine
from microcell.description.problems import validate
from microcell.description.source import Source, Where, decoded, parse_source
from microcell.errors import Issue
from microcell.gateways.imported import Choices, Imported, ImportedOrder, ProcessStep
from microcell.gateways.naming import is_order_id, is_pieces, product_of

MAX_STEPS = 1000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ItemMetadata(BaseModel):
    model_config = ConfigDict(extra="allow")

    quantity: int = Field(1, ge=1, le=100_000)


class _Item(_Part):
    guid: str = Field(min_length=1, max_length=200)
    metadata: _ItemMetadata | None = None


class _Step(_Part):
    processId: str = Field(min_length=1, max_length=200)
    name: str | None = None
    processParams: Any = None
    inputItems: list[_Item] | None = None
    outputItems: list[_Item] | None = None


class _Metadata(_ItemMetadata):
    SkuId: str | None = None
    priority: int = Field(0, ge=-100, le=100)


class _WorkOrder(_Part):
    workInstructionName: str = Field(min_length=1, max_length=200)
    id: str | None = None
    metadata: _Metadata | None = None
    steps: list[_Step] = Field(min_length=1, max_length=MAX_STEPS)


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import one work order, or a list of them."""
    source = parse_source(decoded(content), file)
    entries = source.entries()
    orders, issues, notes = [], list(source.issues), list[Issue]()
    seen: dict[str, Where] = {}
    for where, entry in entries:
        found, problems = validate(_WorkOrder, entry)
        issues += [problem.issue(source, where) for problem in problems]
        if found is None:
            continue
        if found.id is not None and (first := seen.setdefault(found.id, where)) != where:
            remedy = f"it is already on line {source.places[first].value[0]}. Give each its own id."
            issues.append(source.issue((*where, "id"), f"the work order '{found.id[:60]}' stands twice", remedy))
            continue
        orders.append(_order(found, source, where, choices))
        issues += _ungiven(found, source, where)
        notes += _passed_over(found, source, where)
    return Imported(file, "nexus", tuple(orders), tuple(sorted(issues)), tuple(sorted(notes)))


def _order(found: _WorkOrder, source: Source, where: Where, choices: Choices) -> ImportedOrder:
    metadata = found.metadata or _Metadata()
    called = found.workInstructionName
    if called not in choices.names and metadata.SkuId in choices.names:
        called = metadata.SkuId or ""
    product, variant = product_of(called, choices)
    order = Order(
        order_id=found.id if found.id and is_order_id(found.id) else None,
        product=product,
        lines=(OrderLine(variant=variant, quantity=metadata.quantity),),
        priority=metadata.priority,
    )
    steps = tuple(ProcessStep(s.processId, _items(s.inputItems), _items(s.outputItems)) for s in found.steps)
    line = source.places[where].value[0]
    return ImportedOrder(order, line, called, "work order", steps=steps, materials=(called,))


def _items(items: list[_Item] | None) -> tuple[tuple[str, int], ...]:
    return tuple((item.guid, item.metadata.quantity if item.metadata else 1) for item in items or ())


def _ungiven(found: _WorkOrder, source: Source, where: Where) -> list[Issue]:
    """An id that is given and cannot be one of ours."""
    if found.id is None or is_order_id(found.id):
        return []
    remedy = "letters, digits, '_', '.' and '-' are possible, 63 at most. Correct it."
    return [source.issue((*where, "id"), f"not well formed (text '{found.id[:60]}')", remedy)]


def _passed_over(found: _WorkOrder, source: Source, where: Where) -> Iterator[Issue]:
    """What the metadata say beyond what is read: a unit that is none of pieces, a date, anything else; or no quantity."""
    if found.metadata is None or "quantity" not in found.metadata.model_fields_set:
        yield source.issue((*where, "metadata"), "it is not said how many", "it is taken as 1.", key=True)
    extra = (found.metadata.model_extra if found.metadata else None) or {}
    for key, value in extra.items():
        if key == "unit" and isinstance(value, str) and is_pieces(value):
            continue
        remedy = "the quantity is taken as pieces." if key == "unit" else "SkuId, quantity and priority are read."
        yield source.issue((*where, "metadata", key), f"'{key}' is passed over", remedy, key=True)
