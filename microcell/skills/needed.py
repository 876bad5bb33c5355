"""What the operations of a line's plans need of the cell, asked of their skills."""

from __future__ import annotations

from collections.abc import Iterable

from microcell import plugins
from microcell.description.line import Line
from microcell.skills.contract import Needs


def needs_of(line: Line, operation: str, variant: str) -> Needs:
    """What one operation needs for a variant."""
    product = line.product_description
    return plugins.skill(product.operation(operation).skill).needs(line, variant, product.parameters_of(operation, variant))


def needs_of_all(line: Line, operations: Iterable[str], variant: str) -> dict[str, Needs]:
    """What each of some operations needs, by operation."""
    return {name: needs_of(line, name, variant) for name in operations}
