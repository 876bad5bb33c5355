"""The orchestrator's way to skills in other processes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from rclpy.client import Client
from rclpy.node import Node

from microcell.errors import UsageError
from microcell.faults import Fault, FaultError
from microcell.ros import convert_skills, names
from microcell.ros.actions import AsyncActionClient, GoalRefusedError, ServerLostError
from microcell.ros.runtime import RosRuntime
from microcell.skills.contract import Feedback, Outcome, RecordStep, SkillGoal, SkillResult, Step
from microcell_interfaces.action import ExecuteSkill
from microcell_interfaces.srv import DescribeSkills
from microcell_interfaces.srv import RecordStep as RecordStepSrv

DESCRIBE_S = 5.0
"""How long a skill server may take to say what it offers."""


class RosSkillPort:
    """A `SkillPort` over the actions of named skill servers.

    Every goal ends in a result. A server that is not there is SKILL_UNAVAILABLE; one that is lost while it works on the
    goal is OUTCOME_UNKNOWN, for nobody knows how far it came.
    """

    def __init__(self, runtime: RosRuntime, node: Node, servers: Iterable[str]) -> None:
        self._runtime = runtime
        self._describe = {name: node.create_client(DescribeSkills, names.describe_skills(name)) for name in servers}
        self._actions = {
            name: AsyncActionClient(runtime, node, ExecuteSkill, names.execute_skill(name)) for name in self._describe
        }
        self._server_of: dict[str, str] = {}
        # Servers remember attempts by id, and may live longer than this orchestrator and its journal.
        self._session = uuid.uuid4().hex[:8]
        self._node = node

    def serve_steps(self, record_step: RecordStep) -> None:
        """Offer to skill servers that their steps are recorded; those of other orchestrators' attempts are refused."""

        async def serve(request: Any, response: Any) -> Any:
            session, _, attempt_id = request.attempt_id.rpartition(":")
            step = Step(request.step, request.tool, request.serial, request.crib, request.pocket)
            try:
                if session != self._session:
                    detail = f"the attempt {request.attempt_id} is not of this orchestrator: {step.name} is not taken"
                    raise FaultError("SKILL_REFUSED", "orchestrator", detail)
                await record_step(attempt_id, step)
            except FaultError as error:
                response.fault = convert_skills.fault_message(error.fault, self._runtime.clock.epoch_s)
            return response

        self._runtime.create_service(self._node, RecordStepSrv, names.RECORD_STEP, serve)

    async def offered(self) -> frozenset[str]:
        """Ask every server what it offers; one that does not answer offers nothing."""
        answers = await asyncio.gather(*(self._skills_of(client) for client in self._describe.values()))
        self._server_of = {
            skill: server for server, skills in zip(self._describe, answers, strict=True) for skill in skills
        }
        return frozenset(self._server_of)

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        """Run a goal to its end. Cancelling this call cancels the goal and returns how it then ended."""
        server = self._server_of.get(goal.skill)
        if server is None:
            await self.offered()
            server = self._server_of.get(goal.skill)
        if server is None:
            return self._fault(goal, "SKILL_UNAVAILABLE", f"no server offers '{goal.skill}'")
        message = convert_skills.goal_message(replace(goal, attempt_id=f"{self._session}:{goal.attempt_id}"))
        try:
            result = await self._actions[server].execute(
                message, lambda feedback: on_feedback(convert_skills.feedback_of(feedback))
            )
            return convert_skills.result_of(result, self._runtime.clock.epoch_s)
        except ServerLostError as error:
            code = "OUTCOME_UNKNOWN" if error.accepted else "SKILL_UNAVAILABLE"
            return self._fault(goal, code, str(error))
        except GoalRefusedError as error:
            return self._fault(goal, "SKILL_REFUSED", str(error))
        except UsageError as error:
            return self._fault(goal, "SKILL_FAILED", str(error))

    async def _skills_of(self, client: Client) -> tuple[str, ...]:
        try:
            answer = await self._runtime.call(client, DescribeSkills.Request(), DESCRIBE_S)
        except asyncio.TimeoutError:
            return ()
        return tuple(skill.name for skill in answer.skills)

    def _fault(self, goal: SkillGoal, code: str, detail: str) -> SkillResult:
        fault = Fault(code, goal.skill, detail).at(goal.unit, goal.operation, self._runtime.clock.now())
        return SkillResult(Outcome.FAULT, str(fault), fault)
