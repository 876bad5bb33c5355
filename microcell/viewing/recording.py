"""A unit being made on the virtual clock, recorded: joints, tools and parts at even steps of time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.events import OperationEnded, OperationStarted, ToolChangeStep, UnitEnded, UnitStarted
from microcell.geometry import Pose
from microcell.motion.limits import Joints
from microcell.orchestration.packml import State
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.items import Item, Place
from microcell.records.journal import Entry, Journal
from microcell.virtual import VirtualCell, VirtualRun

PERIOD_S = 0.05
_OUT_OF_SIGHT = ("bin", "lost")


@dataclass(frozen=True, slots=True)
class ToolSeen:
    """A tool at an instant: where its flange side is in the cell, on which arm ("" in a pocket), its fingers' gap."""

    flange_in_cell: Pose
    arm: str = ""
    opening_m: float = 0.0


@dataclass(frozen=True, slots=True)
class ItemSeen:
    """A part at an instant: its kind, where its frame is in the cell, and whether a tool holds it."""

    part: str
    part_in_cell: Pose
    held: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """The cell at an instant: s since the unit was begun, each arm's joints, tools and parts.

    `doing` are the running operations, `resources` the devices that they have.
    """

    time_s: float
    joints: dict[str, Joints]
    tools: dict[str, ToolSeen]
    items: dict[int, ItemSeen]
    doing: str
    resources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Recording:
    """A unit's making, from its first operation to its last."""

    line: Line
    unit: str
    period_s: float
    frames: tuple[Frame, ...]

    @property
    def duration_s(self) -> float:
        return self.frames[-1].time_s

    def at(self, time_s: float) -> int:
        """Number of the frame at a time, or of the nearest one that there is."""
        return min(max(round(time_s / self.period_s), 0), len(self.frames) - 1)


def record(line: Line, unit: int = 1, seed: int = 0, period_s: float = PERIOD_S) -> Recording:
    """Make so many units on virtual time and record the last one. UsageError when the cell stops for a person before."""
    order = Order(product=line.product, lines=(OrderLine(quantity=unit),), replace_scrapped=False)
    return run_virtual(_record(VirtualRun(line, (order,), seed), unit, period_s))


async def _record(run: VirtualRun, unit: int, period_s: float) -> Recording:
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(run, journal)
        story = _Story(unit)
        cell.controller.add_listener(story.saw)
        await cell.start()
        order_id = cell.controller.submit(run.orders[0])
        ended = asyncio.ensure_future(cell.controller.order_ended(order_id))
        held = asyncio.ensure_future(cell.controller.until_state(State.HELD, State.ABORTED))
        frames: list[Frame] = []
        while not (ended.done() or held.done() or story.ended):
            if story.begun:
                frames.append(_frame(cell.plant.bench, len(frames) * period_s, story))
            await asyncio.sleep(period_s)
        ended.cancel()
        held.cancel()
        reason = cell.controller.reason
        await cell.close()
    if not story.ended:
        raise UsageError(f"unit {unit} was not finished, the cell stopped: {reason}. Try another --seed.")
    return Recording(run.line, story.serial, period_s, tuple(frames))


class _Story:
    """What the journal tells while it is written: whether the wanted unit is in work, and what goes on."""

    def __init__(self, unit: int) -> None:
        self.serial = ""
        self.ended = False
        self._to_come = unit
        self._running: dict[str, OperationStarted] = {}
        self._steps: dict[str, str] = {}

    @property
    def begun(self) -> bool:
        return self.serial != ""

    @property
    def doing(self) -> str:
        """The running operations, with the step of a tool change."""
        return ", ".join(e.operation + self._steps.get(key, "") for key, e in self._running.items()) or "waiting"

    @property
    def resources(self) -> frozenset[str]:
        """What the running operations have."""
        return frozenset(name for event in self._running.values() for name in event.resources.values())

    def saw(self, entry: Entry) -> None:
        event = entry.event()
        if isinstance(event, UnitStarted):
            self._to_come -= 1
            self.serial = event.unit if self._to_come == 0 else self.serial
        elif isinstance(event, UnitEnded):
            self.ended = self.ended or event.unit == self.serial
        elif isinstance(event, OperationStarted):
            self._running[event.attempt_id] = event
        elif isinstance(event, OperationEnded):
            self._running.pop(event.attempt_id, None)
            self._steps.pop(event.attempt_id, None)
        elif isinstance(event, ToolChangeStep):
            self._steps[event.attempt_id] = f" ({event.step.replace('.', ': ')})"


def _frame(bench: Bench, time_s: float, story: _Story) -> Frame:
    """The plant's truth now; nothing is touched."""
    joints = {name: arm.joints()[0] for name, arm in bench.arms.items()}
    tools = {name: seen for name, tool in bench.tools.items() if (seen := _tool(bench, tool)) is not None}
    items = {
        item.item_id: ItemSeen(item.part_name, bench.pose_of(item), place.kind == "tool")
        for item in bench.inventory
        if (place := _place(bench, item)).kind not in _OUT_OF_SIGHT
    }
    return Frame(time_s, joints, tools, items, story.doing, story.resources)


def _place(bench: Bench, item: Item) -> Place:
    """Where an item is; of one in a unit, where that is."""
    root = bench.inventory[int(item.place.holder)] if item.place.kind == "unit" else item
    place = root.place
    return Place("lost") if place.kind == "tool" and not bench.tools[place.holder].arm else place


def _tool(bench: Bench, tool: ToolTruth) -> ToolSeen | None:
    if tool.arm:
        return ToolSeen(bench.arm(tool.arm).flange(), tool.arm, tool.opening_m)
    if tool.pocket is None:
        return None
    crib, number = tool.pocket
    pocket = bench.line.cell_description.of_kind("tool_crib")[crib].pockets[number]
    return ToolSeen(pocket.flange_in_cell.pose, "", tool.opening_m)
