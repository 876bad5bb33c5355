"""The orchestrator's way to skills in other processes: every goal ends, whatever becomes of its server."""

import asyncio
import os
import sys

import pytest
from in_ros import in_ros
from served_skills import ignore, mount, served

from microcell.composition.processes import environment
from microcell.ros import actions, skill_client
from microcell.ros.actions import AsyncActionServer
from microcell.ros.fleet import Presence
from microcell.ros.skill_client import RosSkillPort
from microcell.skills.contract import Outcome
from microcell_interfaces.action import ExecuteSkill


@in_ros
async def test_it_finds_the_server_of_each_skill(runtime):
    async with served(runtime, ["tooling", "packaging"]) as cell:
        assert await cell.port.offered() == {
            "change_tool",
            "dock_tool",
            "label",
            "pack",
            "park",
            "settle_tool",
            "stand_back",
        }


@in_ros
async def test_a_skill_that_nobody_offers_is_unavailable(runtime):
    async with served(runtime, ["packaging"]) as cell:
        result = await cell.port.execute(mount(), ignore)
        assert (result.outcome, result.fault.code) == (Outcome.FAULT, "SKILL_UNAVAILABLE")
        assert result.fault.detail == "no server offers 'change_tool'"
        assert (result.fault.operation, result.fault.where) == ("mount_parallel_gripper", "change_tool")


@in_ros
async def test_a_server_that_is_not_there_is_unavailable_in_bounded_time(runtime, monkeypatch):
    monkeypatch.setattr(skill_client, "DESCRIBE_S", 0.2)
    port = RosSkillPort(runtime, runtime.create_node("client"), ["nobody"])
    assert await port.offered() == frozenset()
    assert (await port.execute(mount(), ignore)).fault.code == "SKILL_UNAVAILABLE"


@in_ros
async def test_a_server_that_was_deactivated_is_unavailable_in_bounded_time(runtime, monkeypatch):
    monkeypatch.setattr(actions, "ANSWER_S", 0.3)
    async with served(runtime) as cell:
        await cell.port.offered()
        assert await cell.lifecycle.change("deactivate", 10.0)
        result = await cell.port.execute(mount(), ignore)
        assert result.fault.code == "SKILL_UNAVAILABLE"
        assert result.fault.detail == "the server of 'skills/execute_skill' does not answer"


ENDLESS_SERVER = """
import asyncio, sys
from microcell.ros.actions import AsyncActionServer
from microcell.ros.fleet import Presence
from microcell.ros.runtime import run
from microcell_interfaces.action import ExecuteSkill

async def endless(goal):
    goal.feedback(ExecuteSkill.Feedback(message="begun"))
    await asyncio.Event().wait()

async def main(runtime):
    AsyncActionServer(runtime, runtime.create_node("skills"), ExecuteSkill, "~/execute_skill", endless)
    print("serving", flush=True)
    await asyncio.Event().wait()

sys.exit(run(main, []))
"""


@in_ros
async def test_a_server_that_is_killed_during_a_goal_leaves_the_outcome_unknown(runtime):
    domain = {"ROS_DOMAIN_ID": str(runtime.context.get_domain_id())}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENDLESS_SERVER, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment({}), **domain}
    )
    assert await server.stdout.readline() == b"serving\n"
    port = RosSkillPort(runtime, runtime.create_node("client"), ["skills"])
    port._server_of = {"change_tool": "skills"}
    begun = asyncio.Event()
    running = asyncio.ensure_future(port.execute(mount(), lambda feedback: begun.set()))
    await begun.wait()
    server.kill()
    await server.wait()
    result = await asyncio.wait_for(running, 10.0)
    assert (result.outcome, result.fault.code) == (Outcome.FAULT, "OUTCOME_UNKNOWN")
    assert "lost during the goal" in result.fault.detail


@in_ros
async def test_a_result_of_another_release_is_a_fault_and_no_exception(runtime):
    async def strange(goal):
        return actions.Ending.SUCCEEDED, ExecuteSkill.Result(outcome=77)

    AsyncActionServer(runtime, runtime.create_node("skills"), ExecuteSkill, "~/execute_skill", strange)
    port = RosSkillPort(runtime, runtime.create_node("client"), ["skills"])
    port._server_of = {"change_tool": "skills"}
    result = await port.execute(mount(), ignore)
    assert result.fault.code == "SKILL_FAILED"
    assert "a result that cannot be read: 77 is not a valid Outcome" in result.fault.detail


@in_ros
async def test_a_handler_that_fails_does_not_leave_its_client_waiting(runtime):
    reported = []
    runtime.loop.set_exception_handler(lambda loop, context: reported.append(context["message"]))

    async def broken(goal):
        raise RuntimeError("a defect")

    server = AsyncActionServer(runtime, runtime.create_node("server"), ExecuteSkill, "work", broken)
    client = actions.AsyncActionClient(runtime, runtime.create_node("client"), ExecuteSkill, "work")
    assert await asyncio.wait_for(client.execute(ExecuteSkill.Goal()), 10.0) == ExecuteSkill.Result()
    assert reported == ["an action's handler failed"]
    await server.close()


@in_ros
async def test_a_goal_that_comes_while_its_server_closes_is_ended_like_those_that_run(runtime):
    began, ended = [], []

    async def work(goal):
        began.append(goal.request.unit)
        try:
            await asyncio.sleep(30.0)
        finally:
            await asyncio.sleep(0.5)  # until it is safe
            ended.append(goal.request.unit)
        return actions.Ending.SUCCEEDED, ExecuteSkill.Result(outcome=1)

    server = AsyncActionServer(runtime, runtime.create_node("server"), ExecuteSkill, "work", work)
    client = actions.AsyncActionClient(runtime, runtime.create_node("client"), ExecuteSkill, "work")
    first = asyncio.ensure_future(client.execute(ExecuteSkill.Goal(unit="first")))
    while not began:
        await asyncio.sleep(0.01)
    closing = asyncio.ensure_future(server.close())
    second = asyncio.ensure_future(client.execute(ExecuteSkill.Goal(unit="second")))
    await asyncio.wait_for(closing, 10.0)
    assert [result.outcome for result in await asyncio.gather(first, second)] == [0, 0]
    assert began == ended == ["first", "second"]


@in_ros
async def test_many_goals_at_once_all_get_their_own_result(runtime):
    async def echo(goal):
        await asyncio.sleep(0)
        return actions.Ending.SUCCEEDED, ExecuteSkill.Result(message=goal.request.operation)

    AsyncActionServer(runtime, runtime.create_node("server"), ExecuteSkill, "work", echo)
    client = actions.AsyncActionClient(runtime, runtime.create_node("client"), ExecuteSkill, "work")
    goals = [ExecuteSkill.Goal(operation=f"op{number}") for number in range(50)]
    results = await asyncio.gather(*(client.execute(goal) for goal in goals))
    assert [result.message for result in results] == [goal.operation for goal in goals]


@pytest.mark.parametrize("cancels", [1, 3])
@in_ros
async def test_however_often_it_is_cancelled_the_result_comes(runtime, cancels):
    begun = asyncio.Event()

    async def slow(goal):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            return actions.Ending.CANCELLED, ExecuteSkill.Result(message="safe")

    AsyncActionServer(runtime, runtime.create_node("server"), ExecuteSkill, "work", slow)
    client = actions.AsyncActionClient(runtime, runtime.create_node("client"), ExecuteSkill, "work")
    running = asyncio.ensure_future(client.execute(ExecuteSkill.Goal()))
    await begun.wait()
    for _ in range(cancels):
        running.cancel()
        await asyncio.sleep(0)
    assert (await asyncio.wait_for(running, 10.0)).message == "safe"


@in_ros
async def test_how_an_attempt_ended_is_asked_without_moving_anything(runtime):
    async with served(runtime) as cell:
        done = await cell.port.execute(mount(), ignore)
        before = cell.devices["arm"].plant.bench.arm("arm").joints()
        assert (await cell.port.settle(mount())).message == done.message
        never = await cell.port.settle(mount(attempt="1.99"))
        assert (never.outcome, never.fault.code) == (Outcome.CANCELLED, "SKILL_CANCELLED")
        assert cell.devices["arm"].plant.bench.arm("arm").joints() == before


@in_ros
async def test_a_server_that_was_taken_down_and_up_again_still_knows_its_attempts(runtime):
    async with served(runtime) as cell:
        done = await cell.port.execute(mount(), ignore)
        for label in ("deactivate", "cleanup", "configure", "activate"):
            assert await cell.lifecycle.change(label, 10.0)
        assert (await cell.port.settle(mount())).message == done.message


@in_ros
async def test_a_server_that_comes_back_is_asked_how_the_attempt_ended(runtime, monkeypatch):
    monkeypatch.setattr(actions, "ANSWER_S", 3.0)
    async with served(runtime) as cell:
        await cell.port.offered()
        seen = []
        cell.port.presence = Presence(["skills"], seen.append)
        assert await cell.lifecycle.change("deactivate", 10.0)
        waiting = asyncio.ensure_future(cell.port.execute(mount(), ignore))
        while not seen:
            await asyncio.sleep(0.02)
        assert seen == [frozenset({"skills"})]
        assert await cell.lifecycle.change("activate", 10.0)
        cell.port.presence.set("skills", True)
        assert (await waiting).outcome is Outcome.SUCCEEDED
        assert seen[-1] == frozenset()


@in_ros
async def test_who_leaves_does_not_wait_for_a_server_that_is_gone(runtime):
    async with served(runtime) as cell:
        await cell.port.offered()
        cell.port.presence = Presence(["skills"], lambda gone: None)
        assert await cell.lifecycle.change("deactivate", 10.0)
        waiting = asyncio.ensure_future(cell.port.execute(mount(), ignore))
        while not cell.port.presence.gone:
            await asyncio.sleep(0.02)
        cell.port.presence.leave()
        await asyncio.wait((waiting,), timeout=10.0)
        assert waiting.cancelled()


@in_ros
async def test_a_journal_tells_whose_attempts_these_are(runtime):
    async with served(runtime) as cell:
        cell.port.belongs_to(lambda: "0123abc")
        done = await cell.port.execute(mount(), ignore)
        again = RosSkillPort(runtime, runtime.create_node("another"), ["skills"])
        again.belongs_to(lambda: "0123abc")
        assert (await again.settle(mount())).message == done.message
