"""What works and is hardly meant: warnings of `microcell check`, which hold up nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from microcell.description.line import Line
from microcell.description.part_uses import parts_of_item
from microcell.description.product import Product
from microcell.description.rules_context import Context
from microcell.errors import Issue


def doubts(context: Context, line: Line) -> Iterator[Issue]:
    """Each feeder of a part that no variant uses, and each variant that is made as another one is."""
    product = line.product_description
    used = {part for item in product.bill_of_materials for part in parts_of_item(product, item)}
    for name, feeder in line.feeders.items():
        if feeder.part not in used:
            remedy = "its parts are never taken. Correct the part, or leave the feeder empty."
            yield _doubt(context, "line", ("feeders", name, "part"), f"no variant uses a '{feeder.part}'", remedy)
    for one, other in combinations(product.variants, 2):
        if _made_alike(product, one, other):
            remedy = "they differ in their summary at most. Say what differs, or remove one."
            yield _doubt(context, "product", ("variants", other), f"it is made as '{one}' is", remedy, key=True)


def _doubt(context: Context, kind: str, where: tuple[str | int, ...], what: str, remedy: str, key: bool = False) -> Issue:
    return replace(context.issue(kind, where, what, remedy, key), doubtful=True)


def _made_alike(product: Product, one: str, other: str) -> bool:
    """Whether two variants have the same parts, parameters and label."""
    operations = (*product.plan, *product.scrap_plan)
    return (
        product.variants[one].label_text == product.variants[other].label_text
        and all(product.part_of(item, one) == product.part_of(item, other) for item in product.bill_of_materials)
        and all(product.parameters_of(name, one) == product.parameters_of(name, other) for name in operations)
    )
