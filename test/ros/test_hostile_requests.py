"""Malformed and oversized requests: every one gets an answer that says what is wrong, and the cell goes on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="ROS 2 is not installed here")
pytest.importorskip("microcell_interfaces", reason="microcell_interfaces is not built: make env")

from builtin_interfaces.msg import Time
from fake_shop_floor import VALVE, FakeChanger, FakeFeeder, FakePort, FakeSafety
from in_ros import in_ros

from microcell.clock import LoopClock, run_virtual
from microcell.errors import UsageError
from microcell.orchestration.controller import Controller, Session
from microcell.orchestration.limits import MAX_TEXT
from microcell.orchestration.packml import State
from microcell.records.journal import Journal
from microcell.records.verifying import first_break
from microcell.ros import names
from microcell.ros.bounded import MAX_LIST, MAX_YAML_TEXT, bounded
from microcell.ros.cell_interface import CellInterface
from microcell.ros.clock import ScaledClock
from microcell.ros.convert_skills import goal_of
from microcell.ros.skill_client import RosSkillPort
from microcell_interfaces.action import ExecuteSkill, ProduceOrder
from microcell_interfaces.msg import OrderLine, Parameter, ResourceLease, Substitute
from microcell_interfaces.srv import (
    ChangeTool,
    ControlOrder,
    DockTool,
    ListOrders,
    PackMLCommand,
    SetToolService,
    SubmitOrder,
    UpdateOrder,
)

SERVICES: dict[str, tuple[Any, str]] = {
    names.SUBMIT_ORDER: (SubmitOrder, "_submit"),
    names.UPDATE_ORDER: (UpdateOrder, "_update"),
    names.CONTROL_ORDER: (ControlOrder, "_control"),
    names.LIST_ORDERS: (ListOrders, "_list"),
    names.PACKML_COMMAND: (PackMLCommand, "_command"),
    names.CHANGE_TOOL: (ChangeTool, "_change_tool"),
    names.DOCK_TOOL: (DockTool, "_dock_tool"),
    names.SET_TOOL_SERVICE: (SetToolService, "_set_tool_service"),
}

RANGES = {
    "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "uint8": (0, 255), "int8": (-128, 127),
    "uint16": (0, 2**16 - 1), "int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1),
}  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["", "valve", "adult", "arm", "vacuum_cup", "order-0001", "pause", "cancel", "../../etc/passwd",
                     "\x1b[2J", "a" * (MAX_TEXT + 1), "a" * 100_000,
                     "order-0001'; DROP TABLE entry;--", "\u202e", "{{}}", "null"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
)  # fmt: skip


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Any message of a kind."""
    fields = {name: _values(text) for name, text in kind.get_fields_and_field_types().items()}
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def _values(text: str) -> st.SearchStrategy[Any]:
    if text.startswith("sequence<"):
        return st.lists(_values(text[9:-1]), max_size=5) | st.lists(_values(text[9:-1]), min_size=1, max_size=1).map(
            lambda entries: entries * (MAX_LIST + 1)
        )
    if text in RANGES:
        low, high = RANGES[text]
        return st.sampled_from([0, 1, low, high]) | st.integers(low, high)
    if text in ("boolean", "string"):
        return st.booleans() if text == "boolean" else TEXTS
    if text in ("float", "double"):
        return st.floats()
    nested = {
        "microcell_interfaces/OrderLine": OrderLine, "microcell_interfaces/Substitute": Substitute,
        "builtin_interfaces/Time": Time,
        "microcell_interfaces/Parameter": Parameter, "microcell_interfaces/ResourceLease": ResourceLease,
    }  # fmt: skip
    return messages(nested[text])


class FakeRuntime:
    """As much of a runtime as handlers need."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.loop = asyncio.get_running_loop()

    def create_service(self, node: Any, kind: Any, name: str, handler: Any) -> None:
        return None


class FakeNode:
    def create_publisher(self, *_: Any) -> Any:
        return SimpleNamespace(publish=lambda message: None)


async def ask(name: str, request: Any) -> tuple[Any, Controller, Any]:
    """Have a cell on virtual time answer one request; then it must still make a unit."""
    clock = LoopClock()
    feeders = {feeder: FakeFeeder(10**6) for feeder in VALVE.feeders}
    changer = FakeChanger()
    port = FakePort(VALVE, clock, feeders, changer)
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        devices = {**feeders, "changer": changer, "safety": FakeSafety()}
        controller = Controller(VALVE, clock, journal, port, devices, Session("mock"))
        interface = CellInterface(FakeRuntime(clock), FakeNode(), VALVE)
        interface._controller = interface._questions._controller = controller
        controller.add_listener(interface._on_entry)
        await controller.start()
        kind, method = SERVICES[name]
        response = await bounded(getattr(interface, method))(request, kind.Response())
        interface._show()
        verdict = first_break(journal)
        await controller.close()
    return response, controller, verdict


@pytest.mark.parametrize("name", SERVICES)
def test_any_request_gets_an_answer_that_says_what_is_wrong(name: str):
    kind, _ = SERVICES[name]

    @settings(max_examples=25)
    @given(messages(kind.Request))
    def ask_any(request: Any) -> None:
        response, controller, verdict = run_virtual(ask(name, request))
        assert verdict is None
        assert controller.state in (State.STOPPED, State.ABORTED)
        if hasattr(response, "accepted"):
            assert response.message
            assert len(response.message) < 5_000

    ask_any()


@settings(max_examples=150)
@given(messages(ExecuteSkill.Goal))
def test_any_goal_of_a_skill_is_read_or_refused(goal: Any):
    try:
        goal_of(goal)
    except UsageError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[&a [x, x], *a, *a]", "YAML with aliases, or nested deeper than 20 levels, is not allowed"),
        ("[" * 10_000, "nested deeper than 20 levels"),
        ("x" * (MAX_YAML_TEXT + 1), "string_value is too long: 20001 characters, 20000 are allowed"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("9" * 5_000, "the parameter 'p': "),
        ("2026-99-99", "the parameter 'p': "),
    ],
)
def test_a_parameter_that_is_hostile_yaml_is_refused(text, error):
    goal = ExecuteSkill.Goal(attempt_id="1", parameters=[Parameter(name="p", type=Parameter.TYPE_YAML, string_value=text)])
    with pytest.raises(UsageError) as caught:
        goal_of(goal)
    assert error in str(caught.value)


def test_a_reason_cannot_write_to_the_terminal_of_who_reads_it():
    request = ControlOrder.Request(order_id="a", command="pause", reason="\x1b[2J")
    response, _, _ = run_virtual(ask(names.CONTROL_ORDER, request))
    assert response.message == "reason holds the character U+001B. Give plain text on one line."


def test_a_list_of_absurd_length_is_refused():
    request = SubmitOrder.Request(lines=[OrderLine(quantity=1)] * (MAX_LIST + 1))
    response, _, _ = run_virtual(ask(names.SUBMIT_ORDER, request))
    assert (response.accepted, response.message) == (False, "lines has 1001 entries, 1000 are allowed")


@in_ros
async def test_a_cell_in_ros_outlives_hostile_requests_and_then_makes_an_order(runtime):
    clock = runtime.clock = ScaledClock(200.0)
    feeders = {name: FakeFeeder() for name in VALVE.feeders}
    changer = FakeChanger()
    port = FakePort(VALVE, clock, feeders, changer)
    journal = Journal.create_or_open(":memory:", durability="batch")
    devices = {**feeders, "changer": changer, "safety": FakeSafety()}
    controller = Controller(VALVE, clock, journal, port, devices, Session("mock"))
    node, client = runtime.create_node("orchestrator"), runtime.create_node("client")
    interface = CellInterface(runtime, node, VALVE)
    interface.serve(controller)
    RosSkillPort(runtime, node, ()).serve_steps(controller.tooling.record_step)
    await controller.start()
    interface.offer()
    hostile = [
        SubmitOrder.Request(order_id="x" * 1_000_000),
        SubmitOrder.Request(product="\x1b[31m", lines=[OrderLine(quantity=2**32 - 1)] * 5_000),
        SubmitOrder.Request(priority=-(2**31), due=Time(sec=-(2**31), nanosec=2**32 - 1), lines=[OrderLine(quantity=1)]),
        ControlOrder.Request(order_id="../../x", command="\x07", reason="y" * 100_000),
        PackMLCommand.Request(command=255, reason="z" * 1_000),
        ChangeTool.Request(arm="nobody", tool="\u202e"),
        SetToolService.Request(tool="'; DROP TABLE entry;--", in_service=True),
    ]
    kinds = {kind.Request: (kind, name) for name, (kind, _) in SERVICES.items()}
    for request in hostile * 3:
        kind, name = kinds[type(request)]
        response = await runtime.call(client.create_client(kind, name), request, 60.0)
        assert (response.accepted, bool(response.message)) == (False, True), request
    good = SubmitOrder.Request(order_id="good", lines=[OrderLine(quantity=1)])
    assert (await runtime.call(client.create_client(SubmitOrder, names.SUBMIT_ORDER), good, 60.0)).accepted
    assert (await controller.order_ended("good")).good == 1
    assert first_break(journal) is None
    await controller.close()
    await interface.close()


def test_a_goal_of_produce_order_is_read_as_a_request_is():
    assert ProduceOrder.Goal.get_fields_and_field_types() == SubmitOrder.Request.get_fields_and_field_types()
