"""The skill server: a managed node whose action exists while it is active."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from in_ros import in_ros
from served_skills import ignore, mount, served

from microcell.description.loader import load_line
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.faults import FaultError
from microcell.ros import names, skill_server
from microcell.ros.lifecycle import ACTIVE, FINALIZED, INACTIVE, UNCONFIGURED
from microcell.ros.skill_client import RosSkillPort
from microcell.ros.skill_server import HALF_FOUND
from microcell.skills.contract import Outcome
from microcell_interfaces.srv import DescribeSkills


async def skills_of(runtime):
    node = runtime.create_node("asking")
    client = node.create_client(DescribeSkills, names.describe_skills("skills"))
    return await runtime.call(client, DescribeSkills.Request(), 10.0)


async def serial_at_flange(cell) -> str:
    changer = cell.devices["changer"]
    assert isinstance(changer, ToolChanger)
    return (await changer.coupling()).tool_serial


@in_ros
async def test_it_says_what_it_offers(runtime):
    async with served(runtime, ["tooling", "inspection"], active=False):
        answer = await skills_of(runtime)
        assert answer.server == "skills"
        assert [(skill.name, skill.family) for skill in answer.skills] == [
            ("change_tool", "tooling"),
            ("dock_tool", "tooling"),
            ("inspect", "inspection"),
            ("park", "tooling"),
            ("settle_tool", "tooling"),
            ("stand_back", "tooling"),
        ]
        change_tool = answer.skills[0]
        assert "tool" in json.loads(change_tool.parameters_schema)["properties"]
        assert "TOOL_MISSING" in change_tool.fault_codes


@in_ros
async def test_it_says_which_tools_a_skill_of_the_line_needs(runtime):
    async with served(runtime, active=False):
        needed = {skill.name: list(skill.tool_capabilities) for skill in (await skills_of(runtime)).skills}
        assert needed["fasten"] == ["drive_screw"]
        assert needed["pick"] == ["grip", "suction"]
        assert needed["inspect"] == []


@in_ros
async def test_a_goal_moves_the_devices_and_tells_how_it_went(runtime):
    async with served(runtime) as cell:
        told = []
        result = await cell.port.execute(mount(), told.append)
        assert (result.outcome, result.fault) == (Outcome.SUCCEEDED, None)
        assert await serial_at_flange(cell) == result.tool_serial == "PG-0007"
        assert result.duration_s > 1.0
        assert told and all(0.0 <= feedback.progress <= 1.0 and feedback.message for feedback in told)


@in_ros
async def test_what_a_device_answers_that_cannot_be_is_told_with_its_code(runtime):
    async def of_another_crib():
        return ("PG-0007",)

    async with served(runtime) as cell:
        cell.devices["crib"].pockets = of_another_crib
        result = await cell.port.execute(mount(), ignore)
        assert (result.outcome, result.fault.code, result.fault.where) == (Outcome.FAULT, "DEVICE_MALFORMED", "crib")
        assert "1 serials for 3 pockets" in result.fault.detail


@in_ros
async def test_a_repeated_attempt_gets_the_stored_result_and_moves_nothing(runtime):
    async with served(runtime) as cell:
        first = await cell.port.execute(mount(), ignore)
        told = []
        assert await cell.port.execute(mount(), told.append) == first
        assert told == []


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (replace(mount(), skill="chnge_tool"), "skills offers no skill 'chnge_tool', only change_tool, "),
        (replace(mount(), parameters={}), "tool: Field required"),
        (mount(speed_rato=2.0), "speed_rato: Extra inputs are not permitted (2.0)"),
        (replace(mount(), lease=replace(mount().lease, resources={"arm": "arm"})), "the lease has no tool_crib"),
    ],
)
@in_ros
async def test_a_malformed_goal_ends_as_refused_with_the_reason(runtime, goal, text):
    async with served(runtime) as cell:
        cell.port._server_of = {goal.skill: "skills"}
        result = await cell.port.execute(goal, ignore)
        assert (result.outcome, result.fault.code) == (Outcome.FAULT, "SKILL_REFUSED")
        assert text in result.fault.detail
        assert await serial_at_flange(cell) == ""


@in_ros
async def test_a_cancelled_goal_is_brought_to_a_safe_end(runtime):
    async with served(runtime) as cell:
        begun = asyncio.Event()
        running = asyncio.ensure_future(cell.port.execute(mount(), lambda feedback: begun.set()))
        await begun.wait()
        running.cancel()
        result = await running
        assert (result.outcome, result.fault.code) == (Outcome.CANCELLED, "SKILL_CANCELLED")
        velocities = (await cell.devices["arm"].joints()).velocities
        assert max(map(abs, velocities)) == pytest.approx(0.0, abs=1e-6)


@in_ros
async def test_the_action_exists_only_while_the_node_is_active(runtime):
    async with served(runtime, active=False) as cell:
        node = runtime.create_node("looking")

        def offered() -> bool:
            return bool(node.get_publishers_info_by_topic("/skills/execute_skill/_action/feedback"))

        assert await cell.lifecycle.state(10.0) == UNCONFIGURED and not offered()
        assert await cell.lifecycle.change("configure", 10.0)
        assert await cell.lifecycle.state(10.0) == INACTIVE and not offered()
        assert await cell.lifecycle.change("activate", 10.0)
        assert await cell.lifecycle.state(10.0) == ACTIVE and offered()
        assert await cell.lifecycle.change("deactivate", 10.0)
        assert await cell.lifecycle.state(10.0) == INACTIVE and not offered()
        await cell.server.shut_down()
        assert await cell.lifecycle.state(10.0) == FINALIZED


@in_ros
async def test_deactivation_ends_a_running_goal_in_a_safe_state(runtime):
    async with served(runtime) as cell:
        begun = asyncio.Event()
        running = asyncio.ensure_future(cell.port.execute(mount(), lambda feedback: begun.set()))
        await begun.wait()
        assert await cell.lifecycle.change("deactivate", 10.0)
        assert (await running).fault.code == "SKILL_CANCELLED"


@in_ros
async def test_an_illegal_transition_is_refused(runtime):
    async with served(runtime, active=False) as cell:
        assert not await cell.lifecycle.change("activate", 10.0)
        assert await cell.lifecycle.state(10.0) == UNCONFIGURED


@in_ros
async def test_a_silent_device_keeps_the_node_inactive_and_the_others_are_disconnected(runtime):
    async with served(runtime, active=False) as cell:
        disconnected = []

        async def silent() -> None:
            raise FaultError("DEVICE_SILENT", "changer", "no answer")

        async def left() -> None:
            disconnected.append("arm")

        cell.devices["changer"].connect = silent
        cell.devices["arm"].disconnect = left
        assert await cell.lifecycle.change("configure", 10.0)
        assert not await cell.lifecycle.change("activate", 10.0)
        assert await cell.lifecycle.state(10.0) == INACTIVE
        assert disconnected == ["arm"]


@in_ros
async def test_a_driver_that_cannot_even_leave_does_not_keep_the_node_from_going_inactive(runtime):
    async with served(runtime) as cell:

        async def gone() -> None:
            raise OSError("no route to host")

        cell.devices["printer"].disconnect = gone
        assert await cell.lifecycle.change("deactivate", 10.0)
        assert await cell.lifecycle.state(10.0) == INACTIVE
        assert await cell.lifecycle.change("activate", 10.0)


async def silent() -> None:
    raise FaultError("DEVICE_SILENT", "arm", "no service")


@pytest.mark.parametrize(("line", "tool"), [("footwear", "dispenser"), ("valve", "screwdriver")])
@in_ros
async def test_what_a_killed_server_may_have_left_running_is_stopped_although_the_arm_is_missing(runtime, line, tool):
    async with served(runtime, active=False, line=load_line(line)) as cell:
        order = []

        def note(what: str) -> Callable[[], Awaitable[None]]:
            async def noted() -> None:
                order.append(what)

            return noted

        cell.devices[tool].connect, cell.devices[tool].stop = note("connected"), note("stopped")
        cell.devices[tool].disconnect, cell.devices["arm"].connect = note("left"), silent
        assert await cell.lifecycle.change("configure", 10.0)
        assert not await cell.lifecycle.change("activate", 10.0)
        assert order == ["connected", "stopped", "left"]


@in_ros
async def test_a_tool_that_cannot_be_stopped_does_not_keep_the_server_from_working(runtime):
    async with served(runtime, active=False) as cell:
        cell.devices["screwdriver"].stop = silent
        assert await cell.lifecycle.change("configure", 10.0)
        assert await cell.lifecycle.change("activate", 10.0)


async def activations(cell, times: int) -> list[bool]:
    """Whether the server could be activated, so often, and at last whether it is cut off."""
    answers = [await cell.lifecycle.change("activate", 10.0) for _ in range(times)]
    return [*answers, cell.server.cut_off.is_set()]


@in_ros
async def test_a_server_that_finds_only_some_of_its_devices_again_and_again_is_cut_off(runtime):
    async with served(runtime, active=False) as cell:
        connect = cell.devices["arm"].connect
        cell.devices["arm"].connect = silent
        assert await cell.lifecycle.change("configure", 10.0)
        assert await activations(cell, HALF_FOUND - 1) == [False] * HALF_FOUND
        cell.devices["arm"].connect = connect
        assert await activations(cell, 1) == [True, False]
        assert await cell.lifecycle.change("deactivate", 10.0)
        cell.devices["arm"].connect = silent
        assert await activations(cell, HALF_FOUND - 1) == [False] * HALF_FOUND, "it counts anew"
        assert await activations(cell, 1) == [False, True]


@in_ros
async def test_a_server_that_finds_none_of_its_devices_waits_for_them(runtime):
    async with served(runtime, active=False) as cell:
        for device in cell.devices.values():
            device.connect = silent
        assert await cell.lifecycle.change("configure", 10.0)
        assert await activations(cell, HALF_FOUND + 1) == [False] * (HALF_FOUND + 2)


@in_ros
async def test_each_step_of_a_tool_change_is_recorded_by_the_orchestrator_first(runtime):
    async with served(runtime) as cell:
        result = await cell.port.execute(mount(), ignore)
        assert result.outcome is Outcome.SUCCEEDED
        names_told = [step.name for step in cell.steps]
        assert names_told == [f"fetch.{s}" for s in ("approach", "verify", "align", "lock", "confirm", "retract")]
        assert {(s.tool, s.serial, s.crib, s.pocket) for s in cell.steps} == {("parallel_gripper", "PG-0007", "crib", 1)}


@in_ros
async def test_a_step_that_the_orchestrator_refuses_is_not_taken(runtime):
    async with served(runtime) as cell:
        cell.refuse_from = "fetch.lock"
        result = await cell.port.execute(mount(), ignore)
        assert (result.outcome, result.fault.code) == (Outcome.FAULT, "JOURNAL_UNWRITABLE")
        assert not (await cell.devices["changer"].coupling()).locked


@in_ros
async def test_a_step_of_another_orchestrators_attempt_is_not_taken(runtime):
    async with served(runtime) as cell:
        other = RosSkillPort(runtime, runtime.create_node("other"), ["skills"])
        result = await other.execute(mount(), ignore)
        assert (result.outcome, result.fault.code) == (Outcome.FAULT, "SKILL_REFUSED")
        assert "is not of this orchestrator: fetch.approach is not taken" in result.fault.detail
        assert cell.steps == []


@in_ros
async def test_without_an_orchestrator_no_step_is_taken(runtime, monkeypatch):
    monkeypatch.setattr(skill_server, "RECORD_S", 0.3)
    async with served(runtime, orchestrator=False) as cell:
        result = await cell.port.execute(mount(), ignore)
        assert (result.outcome, result.fault.code, result.fault.where) == (Outcome.FAULT, "DEVICE_SILENT", "orchestrator")
        assert result.fault.detail == "no word of the journal within 0.3 s: the step fetch.approach is not taken"
