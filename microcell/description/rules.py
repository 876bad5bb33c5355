"""The rules that hold between the parts of descriptions and between documents; one function each, in `RULES`.

To add one: write a function in the module of what it is about, with a line that says the rule, under
`@rule(...)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description import (
    rules_appearance,
    rules_calibration,
    rules_cell,
    rules_documents,
    rules_faults,
    rules_files,
    rules_grasps,
    rules_inspection,
    rules_line,
    rules_plan,
    rules_product,
    rules_references,
    rules_skills,
    rules_zones,
)
from microcell.description.rules_context import RULES, Context
from microcell.errors import Issue

__all__ = ["MODULES", "RULES", "Context", "check"]

MODULES = (
    rules_documents,
    rules_files,
    rules_references,
    rules_cell,
    rules_calibration,
    rules_product,
    rules_grasps,
    rules_plan,
    rules_line,
    rules_inspection,
    rules_appearance,
    rules_skills,
    rules_zones,
    rules_faults,
)
"""The modules whose rules are in `RULES`."""


def check(context: Context) -> Iterator[Issue]:
    """Every violation of every rule whose needs are met."""
    for rule in RULES:
        if all(context.has(need) for need in rule.needs):
            yield from rule.check(context)
