"""A running cell seen from outside: what it shows, and orders and commands to it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from microcell.description.base import is_name
from microcell.errors import UsageError
from microcell.orchestration.packml import Command, Mode
from microcell.orchestration.work import OrderStatus
from microcell.ros import names, qos
from microcell.ros.runtime import RosRuntime
from microcell.ros.secured import permitted
from microcell_interfaces.action import ProduceOrder
from microcell_interfaces.msg import CellState, Fault, OperatorQuestion, OrderState, PackMLStatus, ToolState
from microcell_interfaces.srv import (
    AnnounceDelivery,
    AnswerQuestion,
    ChangeLine,
    ChangeTool,
    ControlOrder,
    DockTool,
    ListOrders,
    ListQuestions,
    ListTools,
    PackMLCommand,
    RefillFeeder,
    RenewTool,
    SetDeviceService,
    SetMode,
    SetToolService,
    SubmitOrder,
    UpdateOrder,
)

FIND_S = 10.0
SETTLE_S = 1.0
"""A cell counts as the only one when so long after it no other was found: discovery shows one after the other."""
ANSWER_S = 10.0
TOOL_CHANGE_S = 120.0
"""How long the cell may take to change a tool."""
ROTATION_S = 300.0
"""How long the cell may take to rotate its journal."""
LOOK_S = 0.05
KEPT_ORDERS, KEPT_TOOLS, KEPT_UNITS, KEPT_FAULTS, KEPT_QUESTIONS = 200, 200, 200, 16, 100
_CELL_STATE_TYPE = "microcell_interfaces/msg/CellState"


class _NotOfferedError(UsageError):
    """Nobody offers a service."""


async def find_cell(node: Node, wanted: str = "", timeout_s: float = FIND_S) -> str:
    """Namespace of the cell to talk to: the wanted one, else the only one that shows its state.

    `UsageError` when none answers in time, or when several do and none is wanted: that takes `SETTLE_S` to tell.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    settled = math.inf
    found: list[str] = []
    while loop.time() < min(end, settled):
        found = sorted(
            topic.removesuffix(f"/{names.CELL_STATE}").strip("/")
            for topic, types in node.get_topic_names_and_types()
            if topic.endswith(f"/{names.CELL_STATE}") and _CELL_STATE_TYPE in types and node.count_publishers(topic)
        )
        if wanted.strip("/") in found:
            break
        if not wanted:
            settled = min(settled, loop.time() + SETTLE_S) if found else math.inf
        await asyncio.sleep(LOOK_S)
    if wanted:
        found = [name for name in found if name == wanted.strip("/")]
    if not found:
        which = f"cell '{wanted}'" if wanted else "cell"
        raise UsageError(
            f"no {which} answers within {timeout_s:.0f} s. Start one with 'microcell up LINE'; ROS_DOMAIN_ID must be the "
            "same here and there. A cell stays on its own machine unless it was started with "
            "ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET, which the other machine needs, too."
        )
    if len(found) > 1:
        raise UsageError(f"several cells are there: {', '.join(found)}. Say which with --cell.")
    return found[0]


class CellClient:
    """Keeps the last state of a cell, its orders, tools, faults and open questions; calls its services and its action."""

    def __init__(self, runtime: RosRuntime, node: Node, cell: str) -> None:
        self.cell = cell
        self.state: CellState | None = None
        self.orders: dict[str, OrderState] = {}
        self.tools: dict[str, ToolState] = {}
        self.units: dict[str, PackMLStatus] = {}
        self.faults: deque[Fault] = deque(maxlen=KEPT_FAULTS)
        self.questions: dict[str, OperatorQuestion] = {}
        self._runtime = runtime
        self._node = node
        self._changed = asyncio.Condition()
        self._subscribe(CellState, names.CELL_STATE, self._on_state, 1)
        self._subscribe(OrderState, names.ORDERS, self._on_order, KEPT_ORDERS)
        self._subscribe(ToolState, names.TOOL_STATES, self._on_tool, KEPT_TOOLS)
        self._subscribe(PackMLStatus, names.PACKML_STATUS, self._on_unit, KEPT_UNITS)
        self._subscribe(Fault, names.FAULTS, self.faults.append, KEPT_FAULTS)
        self._subscribe(OperatorQuestion, names.QUESTIONS, self._on_question, KEPT_QUESTIONS)

    @classmethod
    async def connect(cls, runtime: RosRuntime, cell: str = "") -> CellClient:
        """Find the cell and wait for its first state."""
        node: Node = runtime.create_node("microcell_client", enable_rosout=False, start_parameter_services=False)
        client = cls(runtime, node, await find_cell(node, cell))
        try:
            await asyncio.wait_for(client.until(lambda: client.state is not None), FIND_S)
        except asyncio.TimeoutError:
            raise UsageError(
                f"cell '{client.cell}' is listed but shows no state. Is it just going down? Try again."
            ) from None
        return client

    def has_ended(self, order_id: str) -> bool:
        """Whether the cell has shown that an order has ended."""
        return order_id in self.orders and OrderStatus(self.orders[order_id].state).ended

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the cell shows makes the condition true."""
        async with self._changed:
            await self._changed.wait_for(condition)

    @property
    def is_heard(self) -> bool:
        """Whether anybody shows the cell's state; what is kept here is how it stood last. Discovery notices a killed or
        hanging orchestrator within 20 s.
        """
        return bool(self._node.count_publishers(self._name(names.CELL_STATE)))

    async def produce(self, wanted: Mapping[str, Any]) -> ProduceGoal:
        """Hand in an order (see `convert_cell.request_of`) by the action; returns when the cell has taken it."""
        with permitted(self._name(names.PRODUCE_ORDER)):
            client = ActionClient(self._node, ProduceOrder, self._name(names.PRODUCE_ORDER))
        goal = ProduceOrder.Goal(**wanted)
        await self._ready(client.server_is_ready, names.PRODUCE_ORDER)
        feedback: asyncio.Queue[OrderState] = asyncio.Queue()
        show = self._runtime.to_loop(lambda message: feedback.put_nowait(message.feedback.order))
        sent = await self._runtime.in_executor(client.send_goal_async, goal, show)
        try:
            handle = await self._runtime.wait(sent, ANSWER_S)
        except asyncio.TimeoutError:
            raise UsageError(self._no_answer(names.PRODUCE_ORDER, ANSWER_S)) from None
        if not handle.accepted:
            raise UsageError("the cell refused the order without saying why; see its log.")
        return ProduceGoal(self._runtime, self, handle, feedback)

    async def submit(self, wanted: Mapping[str, Any]) -> str:
        """Hand in an order and do not follow it; the cell's word for it. `UsageError` when it refuses."""
        return _accepted(await self._call(SubmitOrder, names.SUBMIT_ORDER, SubmitOrder.Request(**wanted)))

    async def update(self, order_id: str, reason: str = "", **change: Any) -> str:
        """Change an order by the difference (fields of UpdateOrder); what has changed. `UsageError` when it is refused."""
        request = UpdateOrder.Request(order_id=order_id, reason=reason, **change)
        return _accepted(await self._call(UpdateOrder, names.UPDATE_ORDER, request))

    async def control(self, order_id: str, command: str, reason: str = "") -> str:
        """Give an order a command (those of ControlOrder); the cell's word for it. `UsageError` when it refuses."""
        request = ControlOrder.Request(order_id=order_id, command=command, reason=reason)
        return _accepted(await self._call(ControlOrder, names.CONTROL_ORDER, request))

    async def command(self, command: Command, reason: str = "", unit: str = "") -> str:
        """Give a PackML command to the cell or a station; the cell's word for it. `UsageError` when it is illegal now."""
        request = PackMLCommand.Request(command=int(command), reason=reason, unit=unit)
        return _accepted(await self._call(PackMLCommand, names.PACKML_COMMAND, request))

    async def set_mode(self, mode: Mode, reason: str = "", unit: str = "") -> str:
        """Change the PackML mode of the cell or a station; the cell's word for it. `UsageError` when it is illegal now."""
        request = SetMode.Request(mode=int(mode), reason=reason, unit=unit)
        return _accepted(await self._call(SetMode, names.SET_MODE, request))

    async def change_line(
        self, lines: Sequence[str], how: str = "", check: bool = False, cancel: bool = False, by: str = ""
    ) -> tuple[str, list[str]]:
        """Change the line, ask what that would be, or cancel it: the cell's word for it, and the steps to be done."""
        request = ChangeLine.Request(lines=list(lines), how=how, check=check, cancel=cancel, by=by)
        answer = await self._call(ChangeLine, names.CHANGE_LINE, request)
        return _accepted(answer), list(answer.steps)

    async def list_orders(self) -> list[OrderState]:
        """All orders of the cell, open ones first."""
        response = await self._call(ListOrders, names.LIST_ORDERS, ListOrders.Request(include_ended=True))
        return list(response.orders)

    async def list_tools(self) -> list[ToolState]:
        """All tools of the cell."""
        return list((await self._call(ListTools, names.LIST_TOOLS, ListTools.Request())).tools)

    async def change_tool(self, tool: str, arm: str = "") -> str:
        """Have a tool mounted; what was done. `UsageError` when the cell refuses or it fails."""
        request = ChangeTool.Request(arm=arm, tool=tool)
        return _accepted(await self._call(ChangeTool, names.CHANGE_TOOL, request, TOOL_CHANGE_S))

    async def dock_tool(self, arm: str = "") -> str:
        """Have the mounted tool put into its pocket; what was done. `UsageError` when the cell refuses or it fails."""
        return _accepted(await self._call(DockTool, names.DOCK_TOOL, DockTool.Request(arm=arm), TOOL_CHANGE_S))

    async def set_tool_service(self, tool: str, in_service: bool, reason: str = "") -> str:
        """Put a tool out of service or back into it; the cell's word for it."""
        request = SetToolService.Request(tool=tool, in_service=in_service, reason=reason)
        return _accepted(await self._call(SetToolService, names.SET_TOOL_SERVICE, request))

    async def rotate_journal(self) -> str:
        """Have the cell leave what is written to a file beside its journal; that file. `UsageError` when it cannot."""
        response = await self._call(Trigger, names.ROTATE_JOURNAL, Trigger.Request(), ROTATION_S)
        if not response.success:
            raise UsageError(response.message)
        return str(response.message)

    async def renew_tool(self, tool: str, reason: str = "") -> str:
        """Tell the cell that a tool was overhauled or calibrated; the cell's word for it."""
        return _accepted(await self._call(RenewTool, names.RENEW_TOOL, RenewTool.Request(tool=tool, reason=reason)))

    async def list_questions(self, include_answered: bool = False) -> list[OperatorQuestion]:
        """What the cell asks, the oldest first."""
        request = ListQuestions.Request(include_answered=include_answered)
        return list((await self._call(ListQuestions, names.LIST_QUESTIONS, request)).questions)

    async def answer_question(self, question: str, choice: str, by: str = "") -> str:
        """Answer a question; the cell's word for it. `UsageError` when it is no answer."""
        request = AnswerQuestion.Request(id=question, choice=choice, by=by)
        return _accepted(await self._call(AnswerQuestion, names.ANSWER_QUESTION, request))

    async def set_device_service(self, device: str, in_service: bool, reason: str = "") -> str:
        """Put a device out of service or back into it; the cell's word for it."""
        request = SetDeviceService.Request(device=device, in_service=in_service, reason=reason)
        return _accepted(await self._call(SetDeviceService, names.SET_DEVICE_SERVICE, request))

    async def refill_feeder(self, feeder: str, quantity: int = 0, lot: str = "") -> int:
        """Tell a feeder that so many pieces were put in (0 = it is full); its level. `UsageError` when it refuses."""
        request = RefillFeeder.Request(quantity=quantity, lot=lot)
        try:
            if not is_name(feeder):
                raise _NotOfferedError
            answer = await self._call(RefillFeeder, names.refill(feeder), request)
        except _NotOfferedError:
            others = ", ".join(sorted(self._feeders() - {feeder})) or "none"  # a client's own service is listed as well
            raise UsageError(f"no feeder '{feeder}' answers; there are: {others}.") from None
        _accepted(answer)
        return int(answer.level)

    def _feeders(self) -> set[str]:
        """The cell's feeders, of which services are listed."""
        start, end = f"/{self.cell}/", names.refill("")
        listed = [name for name, _ in self._node.get_service_names_and_types()]
        return {n.removeprefix(start).removesuffix(end) for n in listed if n.startswith(start) and n.endswith(end)}

    async def announce_delivery(self, part: str, quantity: int, reference: str = "") -> str:
        """Tell the cell that parts will come; the cell's word for it."""
        request = AnnounceDelivery.Request(part=part, quantity=quantity, reference=reference)
        return _accepted(await self._call(AnnounceDelivery, names.ANNOUNCE_DELIVERY, request))

    def _name(self, relative: str) -> str:
        return f"/{self.cell}/{relative}"

    def listen(self, kind: Any, topic: str, seen: Callable[[Any], None]) -> None:
        """Have each message of one of the cell's topics, from now on."""
        self._node.create_subscription(kind, self._name(topic), self._runtime.to_loop(seen), qos.IMAGE)

    def _subscribe(self, kind: Any, topic: str, keep: Callable[[Any], None], depth: int) -> None:
        def seen(message: Any) -> None:
            keep(message)
            self._runtime.start(self._notify())

        with permitted(self._name(topic)):
            self._node.create_subscription(kind, self._name(topic), self._runtime.to_loop(seen), qos.latched(depth))

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _on_state(self, message: CellState) -> None:
        self.state = message

    def _on_order(self, message: OrderState) -> None:
        self.orders[message.order_id] = message

    def _on_unit(self, message: PackMLStatus) -> None:
        self.units[message.unit] = message

    def _on_question(self, message: OperatorQuestion) -> None:
        """Keep the open ones."""
        self.questions.pop(message.id, None)
        if message.open:
            self.questions[message.id] = message

    def _on_tool(self, message: ToolState) -> None:
        self.tools[message.name] = message

    async def _call(self, kind: Any, name: str, request: Any, answer_s: float = ANSWER_S) -> Any:
        with permitted(self._name(name)):
            client = self._node.create_client(kind, self._name(name), qos_profile=qos.SERVICE)
        try:
            await self._ready(client.service_is_ready, name)
            return await self._runtime.call(client, request, answer_s)
        except asyncio.TimeoutError:
            raise UsageError(self._no_answer(name, answer_s)) from None
        finally:
            self._node.destroy_client(client)

    def _no_answer(self, name: str, answer_s: float) -> str:
        """Silence is no refusal: what was asked for may be done late, and would be done twice by who asks again."""
        return (
            f"{self._name(name)} does not answer within {answer_s:.0f} s. What was asked for may be done all the same: look "
            "('microcell watch --once', 'microcell order --list') before you ask again, and see the orchestrator's log."
        )

    async def _ready(self, is_ready: Callable[[], bool], name: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_S
        while not is_ready():
            if loop.time() > end:
                raise _NotOfferedError(
                    f"{self._name(name)} is not offered. Is the cell still coming up? See 'microcell watch --once'."
                )
            await asyncio.sleep(LOOK_S)


class ProduceGoal:
    """An order that was handed in by the action. `feedback` has its states, as the orchestrator sends them that took it."""

    def __init__(self, runtime: RosRuntime, cell: CellClient, handle: Any, feedback: asyncio.Queue[OrderState]) -> None:
        self._runtime = runtime
        self._cell = cell
        self._handle = handle
        self.feedback = feedback

    async def result(self, order_id: Callable[[], str]) -> ProduceOrder.Result:
        """The result, as soon as the order has ended. `order_id` tells which it is, "" where that is not known yet.

        The order outlives the orchestrator that took it, the goal does not: then the end that its successor shows counts.
        """
        asked = asyncio.ensure_future(self._asked())
        shown = asyncio.ensure_future(self._cell.until(lambda: self._cell.has_ended(order_id())))
        try:
            await asyncio.wait((asked, shown), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((asked,), timeout=ANSWER_S)
            return asked.result() if asked.done() else _result_of(self._cell.orders[order_id()])
        finally:
            asked.cancel()
            shown.cancel()

    async def _asked(self) -> ProduceOrder.Result:
        wrapped = await self._runtime.wait(await self._runtime.in_executor(self._handle.get_result_async))
        return wrapped.result

    async def cancel(self) -> None:
        """Ask the cell to cancel the order."""
        await self._runtime.wait(await self._runtime.in_executor(self._handle.cancel_goal_async), ANSWER_S)


def _result_of(order: OrderState) -> ProduceOrder.Result:
    """The result of an order that has ended."""
    success = order.state == OrderState.COMPLETED and order.good >= order.quantity
    message = f"order '{order.order_id}' is {OrderStatus(order.state).name.lower()}"
    return ProduceOrder.Result(success=success, order=order, message=message)


def _accepted(response: Any) -> str:
    if not response.accepted:
        raise UsageError(response.message)
    return str(response.message)
