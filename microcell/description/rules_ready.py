"""What is missing before a line may run, though nothing in its files is wrong: asked by `microcell check` alone.

Whoever loads a line to make what is missing must be able to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from microcell.description.checks import TAUGHT
from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.errors import Issue


def untaught_checks(context: Context, line: Line) -> Iterator[Issue]:
    """Each check that learns from photos and has learned nothing: it would end every inspection that makes it."""
    product = line.product_description
    for inspection_name, inspection in product.inspections.items():
        for name, check in inspection.checks.items():
            if not isinstance(check, TAUGHT) or (check.model and Path(check.model).is_file()):
                continue
            teach = f"microcell teach {product.name}/{name}"
            where = ("inspections", inspection_name, "checks", name)
            if check.model is None:
                what, remedy = "a check without what it was taught", f"Add 'model', the file that '{teach}' writes."
                yield context.issue("product", where, what, f"it must learn from photos. {remedy}", key=True)
            else:
                what = f"there is no file '{Path(check.model).name}' beside the product"
                remedy = f"the check has not been taught. Make it: {teach}."
                yield context.issue("product", (*where, "model"), what, remedy)
