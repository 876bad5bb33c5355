"""Our own orders, as YAML or JSON: one mapping, or a list of them."""

from __future__ import annotations

from pathlib import Path

from microcell.description.order import Order
from microcell.description.problems import validate
from microcell.description.source import Source, Unusable, Where, decoded, parse_source, read_bytes
from microcell.errors import Issue
from microcell.gateways.imported import Choices, Imported, ImportedOrder

MAX_ORDERS = 20_000


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import one order or a list of orders."""
    source = parse_source(decoded(content), file)
    entries = source.entries()
    orders, issues = [], list(source.issues)
    seen: dict[str, int] = {}
    for where, entry in entries[:MAX_ORDERS]:
        order, wrong = _order(source, where, entry)
        issues += wrong
        if order is None:
            continue
        line = source.places[where].value[0]
        first = seen.setdefault(order.order_id, line) if order.order_id else line
        if first != line:
            what = f"the order '{order.order_id}' stands twice"
            issues.append(source.issue((*where, "order_id"), what, f"it is already on line {first}. Give each its own id."))
            continue
        orders.append(ImportedOrder(order, line, order.product))
    if len(entries) > MAX_ORDERS:
        issues.append(source.issue((), f"the file has {len(entries)} orders", f"{MAX_ORDERS} are allowed. Split it."))
    return Imported(file, "own", tuple(orders), tuple(sorted(issues)))


def is_list(path: Path) -> bool:
    """Whether a file of ours is a list of orders; not for one that cannot be read."""
    try:
        return any(where for where, _ in parse_source(decoded(read_bytes(path, "a file of orders")), path.name).entries())
    except Unusable:
        return False


def _order(source: Source, where: Where, entry: object) -> tuple[Order | None, list[Issue]]:
    if not isinstance(entry, dict):
        return None, [source.issue(where, "this is no order", "a mapping with 'product' and 'lines' is needed. Correct it.")]
    order, problems = validate(Order, entry)
    spoiled = [place[len(where) :] for place in source.spoiled if place[: len(where)] == where]
    found = [p for p in problems if not any(p.where[: len(place)] == place for place in spoiled)]
    return (None if spoiled else order), [problem.issue(source, where) for problem in found]
