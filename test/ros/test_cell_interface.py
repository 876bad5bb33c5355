"""What the orchestrator offers and shows in ROS, over a shop floor of scripted skills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fake_shop_floor import VALVE, FakeChanger, FakeFeeder, FakePort, FakeSafety, fault, once
from in_ros import in_ros

from microcell.description.checks import ChartSpec
from microcell.description.line import RecoveryStep
from microcell.description.order import Order
from microcell.description.order import OrderLine as OrderedUnits
from microcell.measurement import Measurement
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import Command, State
from microcell.orchestration.session import Session
from microcell.records.journal import Journal
from microcell.ros import names, qos
from microcell.ros.actions import AsyncActionClient
from microcell.ros.cell_interface import CellInterface
from microcell.ros.clock import ScaledClock
from microcell.skills.contract import Outcome, SkillResult
from microcell_interfaces.action import ProduceOrder
from microcell_interfaces.msg import (
    CellState,
    Fault,
    OperatorQuestion,
    OrderLine,
    OrderState,
    PackMLStatus,
    ProductionEvent,
    Substitute,
    ToolState,
)
from microcell_interfaces.srv import (
    AnnounceDelivery,
    AnswerQuestion,
    ChangeTool,
    ControlOrder,
    DockTool,
    ListOrders,
    ListQuestions,
    ListTools,
    PackMLCommand,
    RenewTool,
    SetDeviceService,
    SetMode,
    SetToolService,
    SubmitOrder,
    UpdateOrder,
)


@dataclass
class Cell:
    """A controller behind its ROS interface, and a client of it."""

    runtime: Any
    node: Any
    controller: Controller
    seen: list[Any] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, kind: Any, name: str, **request: object) -> Any:
        client = self.node.create_client(kind, name)
        return await self.runtime.call(client, kind.Request(**request), 10.0)

    async def produce(self, **goal: object) -> Any:
        client = AsyncActionClient(self.runtime, self.node, ProduceOrder, names.PRODUCE_ORDER)
        return await client.execute(ProduceOrder.Goal(**goal), self.see)

    def see(self, message: Any) -> None:
        self.seen.append(message)
        self.changed.set()

    def watch(self, kind: Any, topic: str) -> None:
        self.node.create_subscription(kind, topic, self.runtime.to_loop(self.see), qos.latched(1000))

    async def until_seen(self, found: Any) -> Any:
        """The first message that `found` is true for."""
        while (message := next(filter(found, self.seen), None)) is None:
            self.changed.clear()
            await self.changed.wait()
        return message


@asynccontextmanager
async def a_cell(runtime, script=lambda goal: None, duration_s=4.0, line=VALVE) -> AsyncIterator[Cell]:
    """A started cell, two hundred times as fast as real time."""
    clock = runtime.clock = ScaledClock(200.0)
    feeders = {name: FakeFeeder() for name in VALVE.feeders}
    changer = FakeChanger()
    port = FakePort(line, clock, feeders, changer, script, duration_s)
    journal = Journal.create_or_open(":memory:", durability="batch")
    devices = {**feeders, "changer": changer, "safety": FakeSafety()}
    controller = Controller(line, clock, journal, port, devices, Session("mock"))
    interface = CellInterface(runtime, runtime.create_node("orchestrator"), VALVE)
    interface.serve(controller)
    await controller.start()
    interface.offer()
    await controller.until_state(State.IDLE)
    yield Cell(runtime, runtime.create_node("client"), controller)
    await controller.close()
    await interface.close()


@in_ros
async def test_an_order_is_produced_by_the_action_and_followed_by_its_feedback(runtime):
    async with a_cell(runtime) as cell:
        result = await cell.produce(product="valve", lines=[OrderLine(variant="child", quantity=2)])
        assert (result.success, result.order.good, result.order.state) == (True, 2, OrderState.COMPLETED)
        assert result.message == "order 'order-0001' is completed"
        assert list(result.order.serials) == ["VLV-000001", "VLV-000002"]
        assert {feedback.order.state for feedback in cell.seen} >= {OrderState.RUNNING}
        assert all(feedback.order.order_id == "order-0001" for feedback in cell.seen)


@in_ros
async def test_an_order_that_cannot_be_made_is_refused_with_the_reason(runtime):
    async with a_cell(runtime) as cell:
        result = await cell.produce(product="pump", lines=[OrderLine(quantity=1)])
        assert not result.success
        assert result.message == "this line makes 'valve', not 'pump'. Send the order to its line."


@in_ros
async def test_a_cancelled_goal_cancels_its_order(runtime):
    async with a_cell(runtime) as cell:
        running = asyncio.ensure_future(cell.produce(product="valve", lines=[OrderLine(quantity=50)]))
        await cell.until_seen(lambda feedback: feedback.order.in_work)
        running.cancel()
        result = await running
        assert (result.success, result.order.state) == (False, OrderState.CANCELLED)
        assert result.order.good < 50 and result.order.in_work == 0


@in_ros
async def test_a_submitted_order_is_listed(runtime):
    async with a_cell(runtime) as cell:
        answer = await cell.call(
            SubmitOrder, names.SUBMIT_ORDER, order_id="a-1", product="valve", lines=[OrderLine(quantity=1)], priority=5
        )
        assert (answer.accepted, answer.order_id, answer.message) == (True, "a-1", "order 'a-1' is accepted")
        listed = (await cell.call(ListOrders, names.LIST_ORDERS, include_ended=True)).orders
        assert [(order.order_id, order.priority, order.quantity) for order in listed] == [("a-1", 5, 1)]


@in_ros
async def test_bad_requests_are_answered_with_what_is_wrong(runtime):
    async with a_cell(runtime) as cell:
        malformed = await cell.call(
            SubmitOrder, names.SUBMIT_ORDER, order_id="!", product="valve", lines=[OrderLine(quantity=0)], priority=500
        )
        assert not malformed.accepted
        for wrong in ("order_id", "priority", "(500)", "quantity"):
            assert wrong in malformed.message
        empty = await cell.call(SubmitOrder, names.SUBMIT_ORDER, product="valve")
        assert not empty.accepted and "lines" in empty.message
        unknown = await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="nope", command="pause")
        assert (unknown.accepted, unknown.message) == (False, "no order 'nope'; there are: none.")


@in_ros
async def test_orders_are_paused_and_resumed(runtime):
    async with a_cell(runtime) as cell:
        await cell.call(SubmitOrder, names.SUBMIT_ORDER, order_id="a", product="valve", lines=[OrderLine(quantity=9)])
        paused = await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="a", command="pause", reason="lunch")
        assert (paused.accepted, paused.message) == (True, "pause of order 'a' is accepted")
        assert cell.controller.order("a").status.name == "PAUSED"
        twice = await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="a", command="pause")
        assert not twice.accepted and "cannot pause order 'a': it is paused" in twice.message
        assert (await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="a", command="resume")).accepted


@in_ros
async def test_packml_commands_are_carried_out_or_refused_with_the_legal_ones(runtime):
    async with a_cell(runtime) as cell:
        illegal = await cell.call(PackMLCommand, names.PACKML_COMMAND, command=PackMLCommand.Request.HOLD)
        assert (illegal.accepted, illegal.state) == (False, CellState.IDLE)
        assert illegal.message == "Hold is not legal in Idle. Legal now: Start, Stop, Abort."
        unknown = await cell.call(PackMLCommand, names.PACKML_COMMAND, command=99)
        assert unknown.message == "99 is no PackML command. Legal now: Start (2), Stop (3), Abort (8)."
        stopped = await cell.call(PackMLCommand, names.PACKML_COMMAND, command=PackMLCommand.Request.STOP, reason="tea")
        assert stopped.accepted and stopped.state in (CellState.STOPPING, CellState.STOPPED)


@in_ros
async def test_modes_are_set_stations_commanded_and_both_shown_as_packml_status(runtime):
    async with a_cell(runtime) as cell:
        cell.watch(PackMLStatus, names.PACKML_STATUS)
        fixture = await cell.until_seen(lambda status: (status.unit, status.state) == ("fixture_1", CellState.IDLE))
        assert (fixture.mode_name, list(fixture.legal_commands)) == ("Production", ["Start", "Stop", "Abort"])
        assert (len(fixture.state_cumulative_times), len(fixture.mode_cumulative_times)) == (18, 4)

        manual = await cell.call(SetMode, names.SET_MODE, mode=PackMLStatus.MANUAL, reason="tool check")
        assert (manual.accepted, manual.mode, manual.message) == (True, PackMLStatus.MANUAL, "bench is in Manual mode")
        shown = await cell.until_seen(lambda status: (status.unit, status.mode) == ("bench", PackMLStatus.MANUAL))
        assert (shown.mode_name, shown.mode_change_count) == ("Manual", 1)
        start = await cell.call(PackMLCommand, names.PACKML_COMMAND, command=PackMLCommand.Request.START)
        assert not start.accepted and "Start is not legal in Manual mode" in start.message

        stop = await cell.call(
            PackMLCommand, names.PACKML_COMMAND, command=PackMLCommand.Request.STOP, unit="fixture_1", reason="worn"
        )
        assert (stop.accepted, stop.state) == (True, CellState.STOPPED)
        stopped = await cell.until_seen(lambda status: (status.unit, status.state) == ("fixture_1", CellState.STOPPED))
        assert (stopped.reason, list(stopped.legal_commands)) == ("worn", ["Reset", "Abort"])

        for unit, mode, why in (
            ("crib", 1, "'crib' has no state machine"),
            ("", 9, "9 is no PackML mode. Legal now: Production (1), Maintenance (2), Manual (3)."),
        ):
            refused = await cell.call(SetMode, names.SET_MODE, mode=mode, unit=unit)
            assert not refused.accepted and why in refused.message
        cell.watch(CellState, names.CELL_STATE)
        state = await cell.until_seen(lambda message: isinstance(message, CellState))
        assert (state.mode, state.mode_name) == (PackMLStatus.MANUAL, "Manual")


@in_ros
async def test_late_joiners_see_the_present_state_and_every_tool_at_once(runtime):
    async with a_cell(runtime) as cell:
        cell.watch(CellState, names.CELL_STATE)
        state = await cell.until_seen(lambda message: message.state == CellState.IDLE)
        assert (state.cell, state.line, state.world, state.state_name) == ("bench", "valve", "mock", "Idle")
        assert {station.name for station in state.stations} == set(VALVE.cell_description.devices)
        cell.seen.clear()
        cell.watch(ToolState, names.TOOL_STATES)
        screwdriver = await cell.until_seen(lambda tool: tool.name == "screwdriver")
        assert (screwdriver.serial, screwdriver.place) == ("SD-0003", "crib")
        assert screwdriver.tcp.position.z == 0.18


@in_ros
async def test_every_journal_entry_is_published_in_order_with_its_hash(runtime):
    async with a_cell(runtime) as cell:
        cell.watch(ProductionEvent, names.EVENTS)
        await cell.produce(product="valve", lines=[OrderLine(quantity=1)])
        ended = await cell.until_seen(lambda event: getattr(event, "kind", "") == "unit.ended")
        assert ended.unit == "VLV-000001" and len(ended.hash) == 64
        numbers = [event.sequence for event in cell.seen if isinstance(event, ProductionEvent)]
        assert numbers == list(range(1, len(numbers) + 1))


@in_ros
async def test_a_fault_is_shown_with_its_remedy(runtime):
    script = once("insert_cap", fault("INSERT_JAMMED"))
    async with a_cell(runtime, script) as cell:
        cell.watch(Fault, names.FAULTS)
        await cell.produce(product="valve", lines=[OrderLine(quantity=1)])
        shown = await cell.until_seen(lambda message: getattr(message, "code", "") == "INSERT_JAMMED")
        assert shown.remedy == "Try again with a wider search, then with another part."


@in_ros
async def test_tools_are_listed_changed_and_docked(runtime):
    async with a_cell(runtime) as cell:
        changed = await cell.call(ChangeTool, names.CHANGE_TOOL, tool="vacuum_cup")
        assert (changed.accepted, changed.fault.code) == (True, "")
        tools = {tool.name: tool for tool in (await cell.call(ListTools, names.LIST_TOOLS)).tools}
        cup = tools["vacuum_cup"]
        assert (cup.serial, cup.place, cup.in_service, cup.refusal) == ("VC-0012", "flange of arm", True, "")
        assert (cup.uses_left, cup.cycles_limit, cup.hours_left) == (1_000_000, 1_000_000, float("inf"))
        assert tools["screwdriver"].torque_hours_limit == 120.0
        assert (await cell.call(DockTool, names.DOCK_TOOL)).accepted
        cell.watch(ToolState, names.TOOL_STATES)
        await cell.until_seen(lambda tool: tool.name == "vacuum_cup" and tool.place == "crib")


@in_ros
async def test_a_tool_change_that_cannot_be_is_refused_with_the_reason(runtime):
    async with a_cell(runtime, once("mount_screwdriver", fault("TOOL_NOT_LOCKED", "changer"))) as cell:
        unknown = await cell.call(ChangeTool, names.CHANGE_TOOL, tool="glue_gun")
        assert not unknown.accepted and "no pocket belongs to a tool 'glue_gun'" in unknown.message
        failed = await cell.call(ChangeTool, names.CHANGE_TOOL, tool="screwdriver")
        assert (failed.accepted, failed.fault.code, failed.fault.where) == (False, "TOOL_NOT_LOCKED", "changer")
        out = await cell.call(SetToolService, names.SET_TOOL_SERVICE, tool="vacuum_cup", in_service=False, reason="torn")
        assert (out.accepted, out.message) == (True, "vacuum_cup VC-0012 is out of service")
        refused = await cell.call(ChangeTool, names.CHANGE_TOOL, tool="vacuum_cup")
        assert (refused.accepted, refused.fault.code) == (False, "TOOL_OUT_OF_SERVICE")
        assert refused.fault.detail == "VC-0012: torn"
        renewed = await cell.call(RenewTool, names.RENEW_TOOL, tool="vacuum_cup", reason="new bellows")
        assert (renewed.accepted, renewed.message) == (True, "the life of vacuum_cup VC-0012 begins anew")
        nobody = await cell.call(SetToolService, names.SET_TOOL_SERVICE, tool="saw", in_service=True)
        assert not nobody.accepted and "no pocket belongs to a tool 'saw'" in nobody.message


@in_ros
async def test_a_leased_arm_changes_no_tool_by_hand(runtime):
    async with a_cell(runtime, duration_s=400.0) as cell:
        await cell.call(SubmitOrder, names.SUBMIT_ORDER, product="valve", lines=[OrderLine(quantity=1)])
        await cell.controller.until_state(State.EXECUTE)
        refused = await cell.call(DockTool, names.DOCK_TOOL)
        assert not refused.accepted and "'arm' is leased by VLV-000001/pick_body" in refused.message
        cell.controller.command(Command.ABORT)


@in_ros
async def test_a_question_is_shown_listed_and_answered_by_service(runtime):
    ask = RecoveryStep(action="ask", choices=("retry", "scrap"), text="Does the cap fit?")
    line = VALVE.model_copy(update={"recovery": {"INSERT_JAMMED": (ask,)}})
    async with a_cell(runtime, once("insert_cap", fault("INSERT_JAMMED")), line=line) as cell:
        cell.watch(OperatorQuestion, names.QUESTIONS)
        order = await cell.call(SubmitOrder, names.SUBMIT_ORDER, product="valve", lines=[OrderLine(quantity=1)])
        shown = await cell.until_seen(lambda question: question.open)
        assert (shown.id, shown.text, shown.unit, shown.operation) == (
            "Q-0001", "Does the cap fit?", "VLV-000001", "insert_cap",
        )  # fmt: skip
        assert (list(shown.choices), shown.fault.code, shown.default_choice) == (["retry", "scrap"], "INSERT_JAMMED", "")
        assert shown.deadline.sec == 0 and len(shown.consequences) == 2
        wrong = await cell.call(AnswerQuestion, names.ANSWER_QUESTION, id="Q-0001", choice="retyr", by="ann")
        assert not wrong.accepted and "'retyr' is no choice of Q-0001; did you mean 'retry'?" in wrong.message
        right = await cell.call(AnswerQuestion, names.ANSWER_QUESTION, id="Q-0001", choice="retry", by="ann")
        assert (right.accepted, right.message) == (True, "Q-0001 is answered: retry")
        settled = await cell.until_seen(lambda question: not question.open)
        assert (settled.answer, settled.answered_by) == ("retry", "ann")
        assert (await cell.controller.order_ended(order.order_id)).good == 1
        assert (await cell.call(ListQuestions, names.LIST_QUESTIONS)).questions == []
        every = (await cell.call(ListQuestions, names.LIST_QUESTIONS, include_answered=True)).questions
        assert [question.id for question in every] == ["Q-0001"]


@in_ros
async def test_a_device_is_put_out_of_service_and_back(runtime):
    async with a_cell(runtime) as cell:
        out = await cell.call(SetDeviceService, names.SET_DEVICE_SERVICE, device="nest_1", in_service=False, reason="worn")
        assert (out.accepted, out.message) == (True, "nest_1 is out of service")
        nobody = await cell.call(SetDeviceService, names.SET_DEVICE_SERVICE, device="nets_1", in_service=False)
        assert not nobody.accepted and "there is no device 'nets_1'; did you mean 'nest_1'" in nobody.message
        cell.watch(CellState, names.CELL_STATE)
        await cell.until_seen(lambda s: any((d.name, d.state) == ("nest_1", "out_of_service") for d in s.stations))
        back = await cell.call(SetDeviceService, names.SET_DEVICE_SERVICE, device="nest_1", in_service=True)
        assert back.accepted


@in_ros
async def test_parts_are_announced(runtime):
    async with a_cell(runtime) as cell:
        come = await cell.call(AnnounceDelivery, names.ANNOUNCE_DELIVERY, part="cap_white", quantity=200, reference="DN-7")
        assert (come.accepted, come.message) == (True, "200 of cap_white are expected")
        wrong = await cell.call(AnnounceDelivery, names.ANNOUNCE_DELIVERY, part="cap_whte", quantity=1)
        assert not wrong.accepted and "no feeder of the line offers 'cap_whte'; did you mean 'cap_white'" in wrong.message


@in_ros
async def test_an_order_is_stored_started_updated_and_stopped_and_shows_its_job_state(runtime):
    async with a_cell(runtime) as cell:
        cell.watch(OrderState, names.ORDERS)
        answer = await cell.call(
            SubmitOrder, names.SUBMIT_ORDER, order_id="a-1", lines=[OrderLine(quantity=40)], stored=True,
            substitutes=[Substitute(variant="adult", instead=["child"])], on_shortage="wait",
        )  # fmt: skip
        assert answer.accepted
        shown = await cell.until_seen(lambda order: order.order_id == "a-1")
        assert (shown.job_state, shown.job_state_name, shown.job_sub_state) == (1, "NotAllowedToStart", "Ready")
        lines = [OrderLine(quantity=30), OrderLine(variant="child", quantity=4)]
        wanted = {"lines": lines, "change_priority": True, "priority": 3}
        updated = await cell.call(UpdateOrder, names.UPDATE_ORDER, order_id="a-1", **wanted)
        assert updated.message == "order 'a-1': -10 adult, +4 child, priority 3"
        giant = [OrderLine(variant="giant", quantity=1)]
        refused = await cell.call(UpdateOrder, names.UPDATE_ORDER, order_id="a-1", lines=giant)
        assert (refused.accepted, refused.message) == (False, "no variant 'giant'; there are: adult, child, infant.")
        assert (await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="a-1", command="start")).accepted
        running = await cell.until_seen(lambda order: order.job_state == OrderState.JOB_RUNNING and order.good)
        assert (running.quantity, running.priority, 0.0 < running.progress < 1.0) == (34, 3, True)
        assert [(line.variant, line.quantity) for line in running.lines] == [("adult", 30), ("child", 4)]
        assert running.promised.sec > running.accepted.sec
        assert (await cell.call(ControlOrder, names.CONTROL_ORDER, order_id="a-1", command="stop")).accepted
        ended = await cell.until_seen(lambda order: order.job_state == OrderState.ENDED)
        assert (ended.job_sub_state, ended.reason) == ("Completed", f"stopped: {ended.good} of 34 units were made")


@in_ros
async def test_an_order_that_says_nonsense_about_shortages_is_refused(runtime):
    async with a_cell(runtime) as cell:
        answer = await cell.call(SubmitOrder, names.SUBMIT_ORDER, lines=[OrderLine(quantity=1)], on_shortage="pray")
        assert not answer.accepted
        wanted = "on_shortage: not allowed (text 'pray'); one of wait, hold, partial, substitute, refuse is needed."
        assert wanted in answer.message


def rising():
    """An inspection whose measured value rises from unit to unit, half of the way to its limit and further."""
    values = iter([0.0001, 0.00011] * 3 + [0.0001 + 0.00003 * number for number in range(100)])

    def script(goal):
        if goal.operation != "inspect_open":
            return None
        measured = Measurement("membrane_place.position", next(values), "m", None, 0.0006)
        return SkillResult(Outcome.SUCCEEDED, "", measurements=(measured,))

    return script


def warns(message):
    return isinstance(message, DiagnosticArray) and message.status[0].level == DiagnosticStatus.WARN


@in_ros
async def test_a_drift_is_told_as_an_event_and_a_fault_and_warns_in_the_diagnostics(runtime):
    line = VALVE.model_copy(update={"chart": ChartSpec(baseline=5), "max_units_in_work": 1})
    async with a_cell(runtime, rising(), duration_s=1.0, line=line) as cell:
        cell.watch(Fault, names.FAULTS)
        cell.node.create_subscription(DiagnosticArray, names.DIAGNOSTICS, runtime.to_loop(cell.see), 10)
        cell.controller.submit(Order(product="valve", lines=(OrderedUnits(quantity=24),)))
        told = await cell.until_seen(lambda m: isinstance(m, Fault) and m.code == "PROCESS_DRIFTING")
        assert told.recoverable
        assert "membrane_place.position (adult, fixture_1): its mean went from" in told.detail
        shown = await cell.until_seen(warns)
        assert "drift membrane_place.position adult fixture_1" in [value.key for value in shown.status[0].values]
        assert cell.controller.active_faults == []
