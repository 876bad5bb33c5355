"""Valve, controller, valve again: a running ROS cell changes its line, and a person sets its stations up.

Once over a shop floor of scripted skills, where only the services count, and once as `microcell up` starts it. What the
hardware does when it hears that it is set up is tried on its own.
"""

import re
from pathlib import Path

import pytest
from changing_line import TWO_LINES, begun, broken_rules
from fake_shop_floor import FakeChanger, FakeFeeder, FakePort, FakeSafety
from hardware_bench import Bench, on_bench
from in_ros import in_ros
from ros_cell import RosCell, ros_cell

from microcell import events
from microcell.faults import FaultError
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import State
from microcell.orchestration.session import Session
from microcell.records.journal import Journal, JournalReader
from microcell.ros import names
from microcell.ros.cell_interface import CellInterface
from microcell.ros.clock import ScaledClock
from microcell_interfaces.msg import OrderLine
from microcell_interfaces.srv import AnswerQuestion, ChangeLine, ListQuestions, SubmitOrder

ORDER_S = 240.0
STATIONS = 11
"""That controllers want otherwise than valves, and the other way round."""


@in_ros
async def test_the_services_lead_from_valve_to_controller_and_back(runtime):
    clock = runtime.clock = ScaledClock(200.0)
    feeders = {name: FakeFeeder() for line in TWO_LINES.every for name in line.feeders}
    changer, journal = FakeChanger(), Journal.create_or_open(":memory:", durability="batch")
    port = FakePort(TWO_LINES, clock, feeders, changer)
    devices = {**feeders, "changer": changer, "safety": FakeSafety()}
    controller = Controller(TWO_LINES, clock, journal, port, devices, Session("mock"))
    interface = CellInterface(runtime, runtime.create_node("orchestrator"), TWO_LINES)
    interface.serve(controller)
    await controller.start()
    interface.offer()
    await controller.until_state(State.IDLE)
    client = runtime.create_node("client")

    async def call(kind, name, **request):
        return await runtime.call(client.create_client(kind, name), kind.Request(**request), 10.0)

    async def make(product):
        answer = await call(SubmitOrder, names.SUBMIT_ORDER, product=product, lines=[OrderLine(quantity=2)])
        assert answer.accepted, answer.message
        assert (await controller.order_ended(answer.order_id)).good == 2

    async def change(line):
        told = await call(ChangeLine, names.CHANGE_LINE, lines=[line], by="anna")
        assert told.accepted, told.message
        for _ in range(STATIONS):
            listed = await call(ListQuestions, names.LIST_QUESTIONS)
            answered = await call(AnswerQuestion, names.ANSWER_QUESTION, id=listed.questions[0].id, choice="done", by="anna")
            assert answered.accepted, answered.message
        return told

    await make("valve")
    checked = await call(ChangeLine, names.CHANGE_LINE, lines=["controller"], check=True)
    assert (checked.message, len(checked.steps)) == ("the cell can change to controller", STATIONS + 1)
    told = await change("controller")
    assert (told.message, told.steps) == ("C-0001 to controller has begun", checked.steps)
    await make("controller")
    refused = await call(ChangeLine, names.CHANGE_LINE, lines=["stool"])
    assert not refused.accepted and refused.message.startswith("this cell has no line 'stool', only valve, controller.")
    await change("valve")
    await make("valve")
    assert begun(journal) == ["valve"] * 2 + ["controller"] * 2 + ["valve"] * 2
    assert broken_rules(journal.events()) == []
    await controller.close()
    await interface.close()


@pytest.mark.ros
def test_mock_hardware_follows_the_change():
    async def scenario(bench: Bench) -> None:
        feeder, cartons = bench.devices["nest_1"], bench.devices["cartons"]
        assert (await feeder.present()).part == "body"
        before = await cartons.carton()
        await feeder.set_up("controller")
        await cartons.set_up("controller")
        presented = await feeder.present()
        assert (presented.part, presented.level) == ("base", 120)
        assert (await cartons.carton()).carton != before.carton
        with pytest.raises(FaultError, match="DEVICE_REFUSED at nest_1: .*no line of this cell makes 'stool' with it"):
            await feeder.set_up("stool")

    on_bench(scenario, "nest_1", "cartons", line=TWO_LINES)


def ordered(cell: RosCell, product: str) -> str:
    done = cell.run("order", "--product", product, "--quantity", "1", timeout_s=ORDER_S)
    assert (done.returncode, done.stderr) == (0, ""), cell.log.read_text()
    return done.stdout


def changed(cell: RosCell, line: str) -> list[str]:
    """Change the line, and answer what the cell asks; what is to be done."""
    begun = cell.run("change-line", line, "--by", "anna")
    assert (begun.returncode, begun.stderr) == (0, ""), cell.log.read_text()
    asked: list[str] = []
    while len(asked) < STATIONS:
        listed = cell.run("questions")
        for number in re.findall(r"Q-\d{4}", listed.stdout):
            if number not in asked:
                answered = cell.run("answer", number, "done", "--by", "anna")
                assert (answered.returncode, answered.stderr) == (0, "")
                asked.append(number)
    return begun.stdout.splitlines()


@pytest.mark.ros
def test_valve_to_controller_and_back(tmp_path: Path):
    journal = tmp_path / "valve.journal"
    options = ("--also", "controller", "--time-scale", "10", "--journal", str(journal))
    with ros_cell(tmp_path, "valve", *options) as cell:
        assert "VLV-000001" in ordered(cell, "valve")
        told = changed(cell, "controller")
        assert told[0] == "C-0001 to controller has begun"
        assert "  nest_1: take out body, fill in base" in told
        assert "CTL-000002" in ordered(cell, "controller")
        refused = cell.run("change-line", "stool")
        assert refused.returncode == 2 and "this cell has no line 'stool', only valve, controller." in refused.stderr
        changed(cell, "valve")
        assert "VLV-000003" in ordered(cell, "valve")
        assert "the cell makes valve" in cell.run("change-line").stdout
        assert cell.stop() == 0
    with JournalReader.open(journal) as written:
        told_events = list(written.events())
    ended = [event for event in told_events if isinstance(event, events.UnitEnded)]
    assert [unit.unit[:3] for unit in ended] == ["VLV", "CTL", "VLV"]
    assert {unit.disposition for unit in ended} == {"good"}
    assert [e.outcome for e in told_events if isinstance(e, events.LineChangeEnded)] == ["completed", "completed"]
    assert [e.verdict for e in told_events if isinstance(e, events.FirstArticleJudged)] == ["passed", "passed"]
