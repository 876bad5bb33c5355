"""What an operator is shown of a cell and its orders, also while nobody is there to answer."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from rich.console import Console

from microcell.clock import run_virtual
from microcell.commands import client, order, watch
from microcell.errors import UsageError
from microcell.ros import cell_client
from microcell.ros.cell_client import CellClient, ProduceGoal
from microcell_interfaces.msg import CellState, OrderState


def an_order(order_id: str, state: int = OrderState.RUNNING, **more: object) -> OrderState:
    return OrderState(order_id=order_id, state=state, job_state=OrderState.JOB_RUNNING, quantity=3, **more)


def ended(number: int) -> OrderState:
    return an_order(f"old-{number:02d}", OrderState.COMPLETED, ended=Time(sec=1000 + number))


def watched(*orders: OrderState, is_heard: bool = True) -> str:
    """What `microcell watch` shows of a cell with these orders."""
    by_id = {order.order_id: order for order in orders}
    state = CellState(cell="bench", line="valve", world="mock", state=CellState.EXECUTE)
    seen = {"state": state, "orders": by_id, "questions": {}, "faults": [], "is_heard": is_heard}
    console = Console(width=200)
    with console.capture() as shown:
        console.print(watch.view(SimpleNamespace(cell="/bench", **seen)))  # type: ignore[arg-type]
    return shown.get()


def test_however_many_orders_have_ended_the_open_ones_are_watched():
    text = watched(an_order("long"), *map(ended, range(20)))
    assert "long" in text
    assert "old-19" in text and "old-08" not in text


def test_of_open_orders_those_in_work_are_shown_first_then_the_urgent_ones():
    orders = [an_order("late"), an_order("urgent", priority=5), an_order("due", due=Time(sec=9)), an_order("now", in_work=1)]
    text = watched(*orders)
    assert [text.index(name) for name in ("now", "urgent", "due", "late")] == sorted(
        text.index(name) for name in ("now", "urgent", "due", "late")
    )


def test_open_orders_that_are_not_shown_are_counted():
    assert "3 more open ones: microcell order --list" in watched(*(an_order(f"o-{n}") for n in range(15)))


def test_an_order_is_called_the_same_in_watch_and_in_the_list():
    stored = an_order("stored-1", OrderState.NOT_STARTED)
    stored.job_state = OrderState.NOT_ALLOWED_TO_START
    assert " stored " in watched(stored)
    assert order.describe(stored).startswith("stored-1: stored,")


def test_a_cell_that_is_not_heard_any_more_is_not_shown_as_if_it_worked():
    assert "the cell is not heard any more: this is how it stood last." in watched(is_heard=False)
    assert "not heard" not in watched(is_heard=True)


def test_the_list_says_that_an_order_is_being_cancelled_and_why_one_failed():
    assert order.describe(an_order("a", reason="being cancelled")) == "a: running (being cancelled), 0 of 3 good, 0 in work"
    failed = order.describe(an_order("a", OrderState.FAILED, reason="5 units were scrapped; find the cause", scrapped=5))
    assert failed.startswith("a: failed (5 units were scrapped; find the cause), ")


class ACell:
    """A cell as its client sees it, whose orchestrator dies before it sends the goal's result."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderState] = {}
        self.is_heard = True
        self.changed = asyncio.Condition()

    has_ended = CellClient.has_ended

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        async with self.changed:
            await self.changed.wait_for(condition)

    async def shows(self, shown: OrderState) -> None:
        async with self.changed:
            self.orders[shown.order_id] = shown
            self.changed.notify_all()

    async def produce(self, wanted: object) -> ProduceGoal:
        feedback: asyncio.Queue[OrderState] = asyncio.Queue()
        feedback.put_nowait(an_order("order-0001"))
        return AGoal(None, self, None, feedback)  # type: ignore[arg-type]


class AGoal(ProduceGoal):
    async def _asked(self):  # type: ignore[no-untyped-def]
        await asyncio.Event().wait()


@pytest.mark.parametrize(("state", "good", "code"), [(OrderState.COMPLETED, 3, 0), (OrderState.FAILED, 0, 1)])
def test_an_order_is_followed_to_its_end_although_its_orchestrator_was_killed(capsys, state: int, good: int, code: int):
    async def killed_and_started_again() -> int:
        cell = ACell()
        following = asyncio.ensure_future(order._produce(cell, {}, follow=True))  # type: ignore[arg-type]
        await asyncio.sleep(1.0)
        cell.is_heard = False
        await asyncio.sleep(1.0)
        cell.is_heard = True
        await cell.shows(an_order("order-0001", good=1))
        await asyncio.sleep(1.0)
        await cell.shows(an_order("order-0001", state, good=good, serials=["VLV-000001"]))
        return await asyncio.wait_for(following, 60.0)

    assert run_virtual(killed_and_started_again()) == code
    said = capsys.readouterr()
    assert "order-0001: running, 1 of 3 good" in said.out
    assert f"order 'order-0001' is {'completed: VLV-000001' if code == 0 else 'failed'}" in said.out
    assert said.err.splitlines() == [order.NOT_HEARD, order.BACK]


def test_a_cell_that_does_not_answer_an_order_may_have_taken_it_all_the_same(monkeypatch):
    class Silent:
        async def in_executor(self, *call: object) -> None: ...

        async def wait(self, *waiting: object) -> None:
            raise asyncio.TimeoutError

        def to_loop(self, callback: object) -> object:
            return callback

    ready = SimpleNamespace(server_is_ready=lambda: True, send_goal_async=None)
    monkeypatch.setattr(cell_client, "ActionClient", lambda *of: ready)
    cell = object.__new__(CellClient)
    cell.cell, cell._runtime, cell._node = "bench", Silent(), None  # type: ignore[assignment]
    with pytest.raises(UsageError, match="may be done all the same: look .*'microcell order --list'.* before you ask again"):
        run_virtual(cell.produce({}))


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_who_has_no_name_on_this_system_is_called_operator(monkeypatch, error: type[Exception]):
    def nobody() -> str:
        raise error("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(client.getpass, "getuser", nobody)
    assert client.user() == "operator"
