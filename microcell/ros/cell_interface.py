"""What the orchestrator shows and offers in ROS, around a `Controller`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Any, TypeVar

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from microcell import events
from microcell.description.line import Line
from microcell.description.order import Order
from microcell.errors import MicrocellError, UsageError
from microcell.faults import Fault as CellFault
from microcell.faults import FaultError
from microcell.orchestration.controller import Controller
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import Command, Mode, State
from microcell.orchestration.view import CellSnapshot, ToolView
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Entry
from microcell.ros import convert_cell, names, qos
from microcell.ros.actions import FOR_EVER_S, AsyncActionServer, Ending, Goal
from microcell.ros.bounded import bounded, check_message
from microcell.ros.convert_skills import fault_message, stamp
from microcell.ros.kept import KeptStates
from microcell.ros.line_interface import LineInterface
from microcell.ros.question_interface import QuestionInterface
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.action import ProduceOrder
from microcell_interfaces.msg import CellState, Fault, OrderState, PackMLStatus, ProductionEvent, ToolState
from microcell_interfaces.srv import (
    ChangeTool,
    ControlOrder,
    DockTool,
    ListOrders,
    ListTools,
    PackMLCommand,
    RenewTool,
    SetMode,
    SetToolService,
    SubmitOrder,
    UpdateOrder,
)

N = TypeVar("N", bound=IntEnum)

COALESCE_S = 0.02
"""Changes within this time go out as one message: they come in bursts, and none must delay the dispatch."""

HEARTBEAT_S = 1.0
KEPT_ORDERS, KEPT_TOOLS, KEPT_UNITS, KEPT_EVENTS, KEPT_FAULTS = 200, 200, 200, 1000, 100


class CellInterface:
    """Publishers, services and the action of the orchestrator node.

    Topics, all reliable and latched:
        cell_state (CellState)            on every change
        orders (OrderState)               an order's state on every change of it; of ended ones the last are kept
        tool_states (ToolState)           one message for each tool on every change of it
        packml_status (PackMLStatus)      one message for the cell and each station on every change of it but the times
        events (ProductionEvent)          every journal entry; the last 1000 are kept
        faults (Fault)                    every fault of an operation or of the cell; the last 100 are kept
        /diagnostics (DiagnosticArray)    each second, not latched
    Services: submit_order, update_order, control_order, list_orders, packml_command, set_mode, list_tools, change_tool,
        dock_tool, set_tool_service, renew_tool. A bad request gets accepted=false and a message that says what is wrong.
        Questions to the operator and devices in service: see `QuestionInterface`; another line: see `LineInterface`.
    Actions:  produce_order (ProduceOrder): submits an order and follows it; cancelling the goal cancels the order.
    """

    def __init__(self, runtime: RosRuntime, node: Node, line: Line) -> None:
        self._runtime = runtime
        self._node = node
        self._line = line
        self._cell = node.create_publisher(CellState, names.CELL_STATE, qos.latched())
        self._orders = KeptStates(node, OrderState, names.ORDERS, KEPT_ORDERS)
        self._tools = KeptStates(node, ToolState, names.TOOL_STATES, KEPT_TOOLS)
        self._units = KeptStates(node, PackMLStatus, names.PACKML_STATUS, KEPT_UNITS)
        self._events = node.create_publisher(ProductionEvent, names.EVENTS, qos.latched(KEPT_EVENTS))
        self._faults = node.create_publisher(Fault, names.FAULTS, qos.latched(KEPT_FAULTS))
        self._diagnostics = node.create_publisher(DiagnosticArray, names.DIAGNOSTICS, 10)
        self._questions = QuestionInterface(runtime, node)
        self._lines = LineInterface(runtime, node)
        self._shown_cell = CellState()
        self._shown_orders: dict[str, OrderView] = {}
        self._shown_tools: dict[str, ToolView] = {}
        self._shown_units: dict[str, tuple[object, ...]] = {}
        self._followers: dict[Goal, str] = {}
        self._producing: AsyncActionServer | None = None
        self._pending = False

    @property
    def _epoch_s(self) -> float:
        return self._runtime.clock.epoch_s

    def say_waiting(self, world: str, reason: str) -> None:
        """Show a cell whose controller is not there yet."""
        now = stamp(self._epoch_s + self._runtime.clock.now())
        self._cell.publish(
            CellState(
                stamp=now,
                cell=self._line.cell,
                line=self._line.name,
                world=world,
                state=int(State.STOPPED),
                state_name=State.STOPPED.title,
                reason=reason,
            )
        )

    def serve(self, controller: Controller) -> None:
        """Show every change of a controller from now on."""
        self._controller = controller
        controller.add_listener(self._on_entry)
        self._questions.serve(controller)
        self._beating = asyncio.ensure_future(self._beat())
        self._changed()

    def offer(self) -> None:
        """Offer the services and the action: for a controller that has started, as nothing can be asked of it before."""
        services: tuple[tuple[Any, str, Any], ...] = (
            (SubmitOrder, names.SUBMIT_ORDER, self._submit),
            (ControlOrder, names.CONTROL_ORDER, self._control),
            (UpdateOrder, names.UPDATE_ORDER, self._update),
            (ListOrders, names.LIST_ORDERS, self._list),
            (PackMLCommand, names.PACKML_COMMAND, self._command),
            (SetMode, names.SET_MODE, self._set_mode),
            (ListTools, names.LIST_TOOLS, self._list_tools),
            (ChangeTool, names.CHANGE_TOOL, self._change_tool),
            (DockTool, names.DOCK_TOOL, self._dock_tool),
            (SetToolService, names.SET_TOOL_SERVICE, self._set_tool_service),
            (RenewTool, names.RENEW_TOOL, self._renew_tool),
        )
        for kind, name, handler in services:
            self._runtime.create_service(self._node, kind, name, bounded(handler))
        self._questions.offer()
        self._lines.serve(self._controller)
        self._producing = AsyncActionServer(
            self._runtime, self._node, ProduceOrder, names.PRODUCE_ORDER, self._produce, kept_s=FOR_EVER_S
        )

    async def close(self) -> None:
        """Show the last state and end the followed orders' goals; the orders themselves stay in the journal."""
        self._beating.cancel()
        if self._producing is not None:
            await self._producing.close()
        self._show()

    # --- shown -----------------------------------------------------------------------------------------------------

    def _on_entry(self, entry: Entry) -> None:
        self._events.publish(convert_cell.event_message(entry, self._epoch_s))
        if entry.kind in (events.OperationEnded.kind, events.FaultRaised.kind, events.ProcessDrift.kind):
            self._show_fault(entry)
        self._changed()

    def _show_fault(self, entry: Entry) -> None:
        data = getattr(entry.event(), "fault", None)
        if data is not None:
            self._faults.publish(fault_message(CellFault(**data), self._epoch_s))

    def _changed(self) -> None:
        if not self._pending:
            self._pending = True
            self._runtime.loop.call_later(COALESCE_S, self._show)

    def _show(self) -> None:
        """Publish what differs from what was published last."""
        self._pending = False
        snapshot = self._controller.snapshot(with_orders=False)
        for work in self._controller.shop.orders.take_changed():
            order = self._controller.desk.view(work)
            if self._shown_orders.get(order.order_id) != order:
                self._shown_orders[order.order_id] = order
                self._show_order(order)
            if order.status.ended:
                self._shown_orders.pop(order.order_id)
        for tool in snapshot.tools:
            if self._shown_tools.get(tool.name) != tool:
                self._shown_tools[tool.name] = tool
                self._tools.publish(tool.name, convert_cell.tool_message(tool, self._line))
        for name, news in self._controller.packml.news().items():
            if self._shown_units.get(name) != news:
                self._shown_units[name] = news
                status = self._controller.packml.status(name)
                self._units.publish(name, convert_cell.packml_message(status, self._epoch_s + snapshot.time_s))
        self._questions.show()
        self._show_cell(snapshot)

    def _show_order(self, order: OrderView) -> None:
        message = convert_cell.order_message(order, self._epoch_s)
        self._orders.publish(order.order_id, message, last=order.status.ended)
        for goal, order_id in self._followers.items():
            if order_id == order.order_id:
                goal.feedback(ProduceOrder.Feedback(order=message))

    def _show_cell(self, snapshot: CellSnapshot) -> None:
        message = convert_cell.cell_message(snapshot, self._epoch_s)
        seen, message.stamp = message.stamp, Time()
        if message != self._shown_cell:
            self._shown_cell = convert_cell.cell_message(snapshot, self._epoch_s)
            self._shown_cell.stamp = Time()
            message.stamp = seen
            self._cell.publish(message)

    async def _beat(self) -> None:
        """Publish the diagnostics, whose consumers call silence stale."""
        while True:
            self._show()
            array = DiagnosticArray(status=[convert_cell.diagnostic_status(self._controller.snapshot(with_orders=False))])
            array.header.stamp = self._node.get_clock().now().to_msg()
            self._diagnostics.publish(array)
            await asyncio.sleep(HEARTBEAT_S)

    # --- offered ---------------------------------------------------------------------------------------------------

    async def _submit(self, request: Any, response: Any) -> Any:
        def submit() -> str:
            response.order_id = self._controller.submit(self._order_of(request))
            return f"order '{response.order_id}' is accepted"

        return _answered(response, submit)

    async def _control(self, request: Any, response: Any) -> Any:
        def control() -> str:
            self._controller.control(request.order_id, request.command, request.reason)
            return f"{request.command} of order '{request.order_id}' is accepted"

        return _answered(response, control)

    async def _update(self, request: Any, response: Any) -> Any:
        change = convert_cell.change_of(request, self._epoch_s)
        return _answered(response, lambda: self._controller.desk.update(request.order_id, change, request.reason))

    async def _list(self, request: Any, response: Any) -> Any:
        views = self._controller.orders(request.include_ended)
        response.orders = [convert_cell.order_message(view, self._epoch_s) for view in views]
        return response

    async def _command(self, request: Any, response: Any) -> Any:
        def command() -> str:
            machine = self._controller.packml.machine(request.unit)
            wanted = _known(Command, request.command, "PackML command", machine.legal_commands)
            self._controller.command(wanted, request.reason, request.unit)
            return f"{wanted.title} is accepted"

        response = _answered(response, command)
        with suppress(UsageError):  # the answer says already that there is no such unit
            response.state = int(self._controller.packml.machine(request.unit).state)
        return response

    async def _set_mode(self, request: Any, response: Any) -> Any:
        def set_mode() -> str:
            mode = _known(Mode, request.mode, "PackML mode", tuple(Mode))
            self._controller.set_mode(mode, request.reason, request.unit)
            return f"{request.unit or self._line.cell} is in {mode.title} mode"

        response = _answered(response, set_mode)
        with suppress(UsageError):
            response.mode = int(self._controller.packml.machine(request.unit).mode)
        return response

    async def _list_tools(self, request: Any, response: Any) -> Any:
        tools = self._controller.snapshot(with_orders=False).tools
        response.tools = [convert_cell.tool_message(tool, self._line) for tool in tools]
        return response

    async def _change_tool(self, request: Any, response: Any) -> Any:
        return await self._tool_work(response, self._controller.tooling.change(request.arm, request.tool))

    async def _dock_tool(self, request: Any, response: Any) -> Any:
        return await self._tool_work(response, self._controller.tooling.dock(request.arm))

    async def _tool_work(self, response: Any, work: Awaitable[str]) -> Any:
        try:
            response.message, response.accepted = await work, True
        except MicrocellError as error:
            response.message = str(error)
        except FaultError as error:
            response.message, response.fault = str(error), fault_message(error.fault, self._epoch_s)
        self._changed()
        return response

    async def _set_tool_service(self, request: Any, response: Any) -> Any:
        tooling = self._controller.tooling
        return _answered(response, lambda: tooling.set_service(request.tool, request.in_service, request.reason))

    async def _renew_tool(self, request: Any, response: Any) -> Any:
        return _answered(response, lambda: self._controller.tooling.renew(request.tool, request.reason))

    async def _produce(self, goal: Goal) -> tuple[Ending, Any]:
        try:
            check_message(goal.request)
            order_id = self._controller.submit(self._order_of(goal.request))
        except MicrocellError as error:
            return Ending.ABORTED, ProduceOrder.Result(message=str(error))
        self._followers[goal] = order_id
        try:
            view = await self._controller.order_ended(order_id)
        except asyncio.CancelledError:
            if not goal.cancel_requested:
                text = f"the cell is shutting down; order '{order_id}' stays in its journal"
                return Ending.ABORTED, self._produced(self._controller.order(order_id), text)
            view = await self._cancelled(order_id)
        finally:
            del self._followers[goal]
        return _ENDINGS[view.status], self._produced(view, f"order '{order_id}' is {view.status.name.lower()}")

    def _order_of(self, asked: Any) -> Order:
        """The order of a request; without a product it is that of the line of now."""
        return convert_cell.order_of(asked, asked.product or self._controller.shop.line.product)

    async def _cancelled(self, order_id: str) -> OrderView:
        if not self._controller.order(order_id).status.ended:
            self._controller.control(order_id, "cancel", "the goal of produce_order was cancelled")
        return await self._controller.order_ended(order_id)

    def _produced(self, view: OrderView, message: str) -> Any:
        return ProduceOrder.Result(
            success=view.status is OrderStatus.COMPLETED and view.good >= view.quantity,
            order=convert_cell.order_message(view, self._epoch_s),
            message=message,
        )


_ENDINGS = {
    OrderStatus.COMPLETED: Ending.SUCCEEDED,
    OrderStatus.CANCELLED: Ending.CANCELLED,
    OrderStatus.FAILED: Ending.ABORTED,
}


def _known(kind: type[N], number: int, what: str, legal: Sequence[N]) -> N:
    """The member of that number; `UsageError` with the legal ones when there is none."""
    try:
        return kind(number)
    except ValueError:
        choice = ", ".join(f"{member.name.capitalize()} ({member.value})" for member in legal)
        raise UsageError(f"{number} is no {what}. Legal now: {choice or 'none'}.") from None


def _answered(response: Any, work: Callable[[], str]) -> Any:
    """Fill `accepted` and `message` from what some work returns or raises."""
    try:
        response.message = work()
        response.accepted = True
    except MicrocellError as error:
        response.message = str(error)
        response.accepted = False
    return response
