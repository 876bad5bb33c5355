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


@rule()
def rule_a_tool_stands_out_of_the_flange(context: Context) -> Iterator[Issue]:
    """A tool's TCP is in front of the flange that it is coupled to."""
    for name, tool in context.tools.items():
        z_m = tool.tcp_in_flange.xyz_m[2]
        if z_m < 0.0:
            source, what = context.tool_readings[name].source, f"the TCP would be behind the flange, in the arm ({z_m:g})"
            yield source.issue(("tcp_in_flange",), what, "the flange's z axis leads out of the arm. Correct the sign.")


@rule("order", "product")
def rule_order_names_the_product(context: Context) -> Iterator[Issue]:
    """An order on a line is for the line's product."""
    ordered, made = context.order.product, context.readings["product"].path.stem
    if ordered is not None and ordered != made:
        remedy = f"the line makes '{made}'. Correct the order, or send it to another line."
        yield context.issue("order", ("product",), f"this product is not made here ('{ordered}')", remedy)
