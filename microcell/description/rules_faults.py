"""Rules of fault schedules: what is to happen exists, and can happen there."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.fault_schedule import Scope, operations_of, refusals
from microcell.description.injectable import INJECTABLE
from microcell.description.injectable_kinds import PROGRAM_KINDS
from microcell.description.part_uses import spared_feeders
from microcell.description.rules_context import Context, rule
from microcell.description.wording import choice
from microcell.errors import Issue

_OF_PARTS = ("bill_of_materials", "parts", "variants", "sites", "inspections")


@rule("fault_schedule.faults")
def rule_scheduled_faults_exist(context: Context) -> Iterator[Issue]:
    """Every scheduled fault is in the catalogue, and the virtual world has it."""
    for index, scheduled in enumerate(context.fault_schedule.faults):
        where = ("faults", index, "fault")
        if scheduled.fault not in INJECTABLE:
            what = f"there is no injectable fault '{scheduled.fault}'"
            yield context.issue("fault_schedule", where, what, choice(scheduled.fault, tuple(INJECTABLE)))
        elif "virtual" not in INJECTABLE[scheduled.fault].worlds:
            what = f"the virtual world does not have this fault ('{scheduled.fault}')"
            remedy = "schedule it in a running cell, by the service hardware/schedule_fault. Leave it out here."
            yield context.issue("fault_schedule", where, what, remedy)


@rule("fault_schedule.faults", "line", "cell.devices", "product.plan", "tools")
def rule_scheduled_faults_can_happen(context: Context) -> Iterator[Issue]:
    """Place, operation and size of a scheduled fault fit the fault and the line."""
    scope = _scope(context)
    for index, scheduled in enumerate(context.fault_schedule.faults):
        if scheduled.fault in INJECTABLE:
            for key, what, remedy in refusals(scope, scheduled):
                yield context.issue("fault_schedule", ("faults", index, key), what, remedy)


def _scope(context: Context) -> Scope:
    devices, tools = context.cell.devices, context.tools
    kinds = {name: spec.kind for name, spec in devices.items()} | {name: tool.device for name, tool in tools.items()}
    arms = [name for name, kind in kinds.items() if kind == "arm"]
    plan = (*context.product.plan, *context.product.scrap_plan)
    return Scope({**kinds, **{kind: kind for kind in PROGRAM_KINDS}}, operations_of(plan, arms, tools), _spared(context))


def _spared(context: Context) -> dict[str, frozenset[str]]:
    """The feeders whose parts cannot have a fault, as far as line and product are sound."""
    if not context.has("line.feeders") or not all(context.has(f"product.{section}") for section in _OF_PARTS):
        return {}
    try:
        return spared_feeders(context.product, {name: setup.part for name, setup in context.line.feeders.items()})
    except KeyError:  # a name that is missing is told by a rule of its own
        return {}
