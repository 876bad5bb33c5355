"""An order worked off by a line's whole virtual cell, with what the plant then knows about every unit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from shared_planners import shared_planners

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.events import Event, OperationEnded, UnitEnded, UnitStarted
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import State
from microcell.plant.plant import Plant
from microcell.records.journal import Journal
from microcell.virtual import CameraKind, VirtualCell, VirtualRun

PATIENCE_S = 1e6
LOOK_S = 20.0
EVERYTHING_GOES_WRONG = {
    "lost_grip_ratio": 0.01,
    "missing_screw_ratio": 0.02,
    "cross_thread_ratio": 0.01,
    "scratch_ratio": 0.02,
    "dirt_ratio": 0.02,
    "short_shot_ratio": 0.01,
    "burr_ratio": 0.01,
    "shifted_label_ratio": 0.02,
    "wrong_part_ratio": 0.02,
    "wrong_turn_ratio": 0.02,
    "unreadable_label_ratio": 0.02,
}
"""Disturbances of a bad day."""

Interference = Callable[[VirtualCell, str], Awaitable[None]]
"""What somebody does to the cell while it works on the order of that id."""


@dataclass(frozen=True)
class Produced:
    """What came out. `state` and `reason` are those in which the cell came to rest."""

    line: Line
    plant: Plant
    order: OrderView
    state: State
    reason: str
    events: tuple[Event, ...]
    digest: str

    @cached_property
    def variants(self) -> dict[str, str]:
        """Variant of each unit that was begun."""
        return {e.unit: e.variant for e in self.events if isinstance(e, UnitStarted)}

    def escapes(self) -> list[str]:
        """Units that were delivered as good and are not, or are not where they should be."""
        found = []
        for serial in self.order.serials:
            truth = self.plant.truth(serial)
            if truth is None or truth.place.kind != "carton" or not truth.is_good(self.line, self.variants[serial]):
                found.append(f"{serial}: {truth}")
        return found

    def left(self) -> list[str]:
        """What a tool still holds, or a fixture."""
        bench = self.plant.bench
        held = [f"{item.part_name} in {tool}" for tool in bench.tools for item in bench.inventory.at("tool", tool)]
        units = {name: bench.unit_in(name) for name in bench.clamped}
        return held + [f"{unit.part_name} in {name}" for name, unit in units.items() if unit is not None]

    def packed(self) -> list[str]:
        """Serials in all cartons."""
        return sorted(serial for serials in self.plant.carton_contents().values() for serial in serials)

    def faults(self) -> Counter[str]:
        """How many operations ended in each fault."""
        return Counter(e.fault["code"] for e in self.events if isinstance(e, OperationEnded) and e.fault)

    def scrap_reasons(self) -> Counter[str]:
        """How many units were scrapped for each reason."""
        return Counter(e.reason for e in self.events if isinstance(e, UnitEnded) and e.disposition == "scrapped")


def produce(
    line: Line,
    quantity: int,
    seed: int = 0,
    camera: CameraKind = "modelled",
    interfere: Interference | None = None,
    **disturbances: float,
) -> Produced:
    """Make so many units, of all variants in turn, on virtual time."""
    disturbed = line.model_copy(update={"disturbances": line.disturbances.model_copy(update=disturbances)})
    return run_virtual(_produce(VirtualRun(disturbed, (), seed, camera), quantity, interfere))


async def _produce(run: VirtualRun, quantity: int, interfere: Interference | None) -> Produced:
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(run, journal)
        cell.runner.planners = shared_planners(run.line)
        await cell.start()
        controller = cell.controller
        order_id = controller.submit(_order(run.line, quantity))
        if interfere is not None:
            await interfere(cell, order_id)
        ended = asyncio.ensure_future(controller.order_ended(order_id))
        stuck = asyncio.ensure_future(controller.until_state(State.HELD, State.ABORTED))
        await asyncio.wait({ended, stuck}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        ended.cancel()
        stuck.cancel()
        state, reason = controller.state, controller.reason
        await cell.close()
        order, events = controller.order(order_id), tuple(journal.events())
        return Produced(run.line, cell.plant, order, state, reason, events, journal.head().hash)


def _order(line: Line, quantity: int) -> Order:
    variants = list(line.product_description.variants)
    quantities = [quantity // len(variants) + (n < quantity % len(variants)) for n in range(len(variants))]
    lines = tuple(OrderLine(variant=v, quantity=q) for v, q in zip(variants, quantities, strict=True) if q)
    return Order(product=line.product, lines=lines)


async def check_still(cell: VirtualCell) -> None:
    """Nothing moves or turns, and nothing falls, for a while."""
    bench = cell.plant.bench
    before = bench.arm("arm").joints(), len(bench.inventory.losses)
    await cell.clock.sleep(LOOK_S)
    assert (bench.arm("arm").joints(), len(bench.inventory.losses)) == before
    assert not any(tool.driving for tool in bench.tools.values())
