"""Rules of single documents: names, tools, orders."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.rules_context import Context, rule
from microcell.description.wording import listed
from microcell.errors import Issue

_ABILITY = {
    "gripper": "grip", "vacuum": "suction", "screwdriver": "drive_screw", "dispenser": "dispense", "welder": "weld",
}  # fmt: skip


@rule()
def rule_name_is_the_files(context: Context) -> Iterator[Issue]:
    """A document's name is its file's name without ending."""
    for kind, reading in (
        *context.readings.items(),
        *(("tool", tool) for tool in context.tool_readings.values()),
    ):
        name, stem = reading.value("name"), reading.path.stem
        if kind != "order" and reading.document is not None and isinstance(name, str) and name != stem:
            remedy = f"the file's name '{stem}' is needed. Correct the name, or rename the file."
            yield reading.source.issue(("name",), f"not the file's name ('{name}')", remedy)


@rule()
def rule_tool_can_what_its_device_does(context: Context) -> Iterator[Issue]:
    """A tool offers what its device does, and nothing else."""
    for name, tool in context.tools.items():
        ability = _ABILITY[tool.device]
        if tool.capabilities != (ability,):
            what = f"a {tool.device} cannot do this ({listed(tool.capabilities)})"
            source = context.tool_readings[name].source
            yield source.issue(("capabilities",), what, f"it offers [{ability}]. Correct the list, or 'device'.")


@rule("order", "product")
def rule_order_names_the_product(context: Context) -> Iterator[Issue]:
    """An order on a line is for the line's product."""
    ordered, made = context.order.product, context.readings["product"].path.stem
    if ordered is not None and ordered != made:
        remedy = f"the line makes '{made}'. Correct the order, or send it to another line."
        yield context.issue("order", ("product",), f"this product is not made here ('{ordered}')", remedy)
