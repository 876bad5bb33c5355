"""An order of one unit in the whole virtual cell, one thing that goes wrong, and what the cell did about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared_planners import shared_planners
from skill_bench import valve_line

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.events import OperationEnded, ProcessDrift, QuestionAsked, RecoveryDecided
from microcell.faults import Fault
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import Command, State
from microcell.plant.injection import Injection
from microcell.plant.items import Item, Place
from microcell.records.journal import Entry, Journal
from microcell.virtual import VirtualCell, VirtualRun

Act = Callable[[VirtualCell], Any]
"""Something that happens to the cell; a coroutine is run beside it."""
PATIENCE_S = 50_000.0


@dataclass(frozen=True)
class Case:
    """What is provoked, how, and what is expected.

    `do` happens `after_s` after the first start of the operation `at`, or before the cell starts when `at` is "". `did` are
    the cell's first decisions about the code. `ends` is how the order stands when nothing goes on by itself: after
    `held` and `aborted`, somebody mends it (`mend`, if there is one) and lets the cell go on, which must end well.
    """

    code: str
    where: str
    did: tuple[str, ...]
    do: Act = lambda cell: None
    at: str = ""
    after_s: float = 0.0
    line: Callable[[], Line] = valve_line
    journal: Callable[[Journal], None] = lambda journal: None
    ends: Literal["good", "held", "aborted", "failed"] = "good"
    mend: Act | None = None


@dataclass(frozen=True)
class Told:
    """What came of it; `left` is what is not where it belongs when all is over."""

    faults: tuple[Fault, ...]
    decisions: tuple[RecoveryDecided, ...]
    state: State
    reason: str
    order: OrderView
    mended: OrderView | None
    left: tuple[str, ...]


def tell(case: Case) -> Told:
    """Run a case on virtual time."""
    return run_virtual(_story(case))


async def _story(case: Case) -> Told:
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        case.journal(journal)
        cell = VirtualCell(VirtualRun(case.line(), ()), journal)
        cell.runner.planners = shared_planners(cell.plant.line)
        cell.controller.add_listener(_once(case, cell))
        if not case.at:
            await _act(case.do, cell)
        await cell.start()
        order_id = _order(cell)
        order, state, reason = await _comes_to_rest(cell, order_id)
        faults = _faults(cell, journal)
        mended = None
        if case.mend is not None:
            await _act(case.mend, cell)
            await _go_on(cell)
            mended, _, _ = await _comes_to_rest(cell, order_id)
        decisions = tuple(e for e in journal.events() if isinstance(e, RecoveryDecided) and e.code == case.code)
        left = tuple(_left(cell))
        await cell.close()
        return Told(faults, decisions, state, reason, order, mended, left)


def _once(case: Case, cell: VirtualCell) -> Callable[[Entry], None]:
    done = not case.at

    def listen(entry: Entry) -> None:
        nonlocal done
        if done or entry.kind != "operation.started" or entry.event().operation != case.at:  # type: ignore[attr-defined]
            return
        done = True
        if case.after_s:
            asyncio.get_running_loop().call_later(case.after_s, _start, case.do, cell)
        else:
            _start(case.do, cell)

    return listen


def _start(act: Act, cell: VirtualCell) -> None:
    outcome = act(cell)
    if asyncio.iscoroutine(outcome):
        cell.tasks = asyncio.ensure_future(outcome)  # type: ignore[attr-defined]


async def _act(act: Act, cell: VirtualCell) -> None:
    outcome = act(cell)
    if asyncio.iscoroutine(outcome):
        await outcome


def _order(cell: VirtualCell) -> str:
    open_orders = cell.controller.orders()
    if open_orders:
        return open_orders[0].order_id
    product = cell.plant.line.product_description
    lines = (OrderLine(variant=product.default_variant, quantity=1),)
    return cell.controller.submit(Order(product=product.name, lines=lines))


async def _comes_to_rest(cell: VirtualCell, order_id: str) -> tuple[OrderView, State, str]:
    """Wait until the order has ended or a person is needed."""
    ended = asyncio.ensure_future(cell.controller.order_ended(order_id))
    stuck = asyncio.ensure_future(cell.controller.until_state(State.HELD, State.ABORTED))
    await asyncio.wait({ended, stuck}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
    ended.cancel()
    stuck.cancel()
    return cell.controller.order(order_id), cell.controller.state, cell.controller.reason


async def _go_on(cell: VirtualCell) -> None:
    """Be the person who lets the cell go on."""
    controller = cell.controller
    if controller.state is State.ABORTED:
        controller.command(Command.CLEAR)
        await controller.until_state(State.STOPPED)
        controller.command(Command.RESET)
    else:
        controller.command(Command.UNHOLD)


def _faults(cell: VirtualCell, journal: Journal) -> tuple[Fault, ...]:
    ended = [e.fault for e in journal.events() if isinstance(e, (OperationEnded, ProcessDrift, QuestionAsked)) and e.fault]
    return (*(Fault(**fault) for fault in ended), *cell.controller.snapshot().last_faults, *cell.controller.active_faults)


def _left(cell: VirtualCell) -> list[str]:
    bench = cell.plant.bench
    held = [f"{item.part_name} in {tool}" for tool in bench.tools for item in bench.inventory.at("tool", tool)]
    return held + [f"{bench.unit_in(name).part_name} in {name}" for name in bench.clamped if bench.unit_in(name)]


# what can go wrong


def inject(device: str, command: str, code: str) -> Act:
    """The device's next such command ends in the code."""
    return lambda cell: cell.plant.injections.add(Injection(device, command, code))


def put(part: str, place: Place, position: tuple[float, float, float]) -> Act:
    """Somebody puts a part where it does not belong."""

    def act(cell: VirtualCell) -> None:
        product = cell.plant.line.product_description
        pose = replace(cell.plant.bench.layout.zones["nest_1"].frame, position=position)
        cell.plant.inventory.make(part, product.parts[part], "foreign", place, pose)

    return act


def take_foreign(cell: VirtualCell) -> None:
    """Somebody takes the foreign part away."""
    for item in list(cell.plant.inventory):
        if item.lot == "foreign":
            cell.plant.bench.lose(item, item.pose, "taken away")


def lose(find: Callable[[VirtualCell], Item]) -> Act:
    """A part is gone."""

    def act(cell: VirtualCell) -> None:
        item = find(cell)
        cell.plant.bench.lose(item, item.pose, "taken away")

    return act


def first_at(feeder: str) -> Callable[[VirtualCell], Item]:
    """The part that a feeder presents."""
    return lambda cell: cell.plant.inventory.at("feeder", feeder)[0]


def held_by(tool: str) -> Callable[[VirtualCell], Item]:
    """What a tool holds."""
    return lambda cell: cell.plant.inventory.at("tool", tool)[0]


def in_fixture(cell: VirtualCell) -> Item:
    """The unit in the first fixture."""
    return cell.plant.inventory.at("fixture", "fixture_1")[0]


def planned(operation: str, base: Callable[[], Line] = valve_line, **parameters: Any) -> Callable[[], Line]:
    """A line with other parameters of an operation."""

    def line() -> Line:
        plain = base()
        product = plain.product_description
        spec = product.plan[operation]
        changed = spec.model_copy(update={"parameters": {**spec.parameters, **parameters}})
        plan = {**product.plan, operation: changed}
        return plain.model_copy(update={"product_description": product.model_copy(update={"plan": plan})})

    return line
