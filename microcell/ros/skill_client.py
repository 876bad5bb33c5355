"""The orchestrator's way to skills in other processes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from rclpy.client import Client
from rclpy.node import Node

from microcell.errors import UsageError
from microcell.faults import Fault, FaultError
from microcell.ros import convert_skills, names
from microcell.ros.actions import AsyncActionClient, GoalRefusedError, ServerLostError
from microcell.ros.fleet import Presence
from microcell.ros.runtime import RosRuntime
from microcell.skills.contract import Feedback, Outcome, RecordStep, SkillGoal, SkillResult, Step
from microcell_interfaces.action import ExecuteSkill
from microcell_interfaces.srv import DescribeSkills
from microcell_interfaces.srv import RecordStep as RecordStepSrv

DESCRIBE_S = 5.0
"""How long a skill server may take to say what it offers."""
RETURN_S = 90.0
"""How long a lost server is waited for: its process is started again, and connects its devices."""


class RosSkillPort:
    """A `SkillPort` over the actions of named skill servers.

    Every goal ends in a result. A server that is lost is waited for, as long as somebody watches for its return
    (`presence`): then it is asked how the attempt ended. Without that, a server that is not there is SKILL_UNAVAILABLE, and
    one that was lost while it worked on the goal is OUTCOME_UNKNOWN, for nobody knows how far it came.
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
        self._identity = ""
        self._identify: Callable[[], str] = lambda: ""
        self._node = node
        self.presence: Presence | None = None

    def belongs_to(self, identify: Callable[[], str]) -> None:
        """Let the journal's identity, once it has one (not ""), tell whose attempts these are, also after a restart."""
        self._identify = identify

    @property
    def session(self) -> str:
        """What comes before the ids of this journal's attempts."""
        if not self._identity:
            self._identity = self._identify()
        return self._identity or self._session

    def servers(self) -> Mapping[str, str]:
        """The server that offered each skill when it was last asked."""
        return self._server_of

    def serve_steps(self, record_step: RecordStep) -> None:
        """Offer to skill servers that their steps are recorded; those of other orchestrators' attempts are refused."""

        async def serve(request: Any, response: Any) -> Any:
            session, _, attempt_id = request.attempt_id.rpartition(":")
            step = Step(request.step, request.tool, request.serial, request.crib, request.pocket)
            try:
                if session != self.session:
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
        self._server_of = {skill: server for server, skills in zip(self._describe, answers, strict=True) for skill in skills}
        return frozenset(self._server_of)

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        """Run a goal to its end. Cancelling this call cancels the goal and returns how it then ended."""
        server = await self._server_for(goal.skill)
        if server is None:
            return self._fault(goal, "SKILL_UNAVAILABLE", f"no server offers '{goal.skill}'")
        known = replace(goal, attempt_id=f"{self.session}:{goal.attempt_id}")
        message = convert_skills.goal_message(known)
        while True:
            try:
                return await self._sent(server, message, on_feedback)
            except ServerLostError as error:
                if not await self._is_back(server):
                    code = "OUTCOME_UNKNOWN" if error.accepted else "SKILL_UNAVAILABLE"
                    return self._fault(goal, code, str(error), server)
                if error.accepted:
                    return await self._settled(server, goal)
            except GoalRefusedError as error:
                return self._fault(goal, "SKILL_REFUSED", str(error), server)
            except UsageError as error:
                return self._fault(goal, "SKILL_FAILED", str(error), server)

    async def settle(self, goal: SkillGoal) -> SkillResult:
        """How an interrupted attempt ended, told by the server that ran it."""
        server = await self._server_for(goal.skill)
        if server is None:
            return self._fault(goal, "OUTCOME_UNKNOWN", f"no server offers '{goal.skill}' any more")
        return await self._settled(server, goal)

    async def _settled(self, server: str, goal: SkillGoal) -> SkillResult:
        """Ask until the server has answered; one that is lost meanwhile is waited for as long as one is."""
        known = replace(goal, attempt_id=f"{self.session}:{goal.attempt_id}")
        message = convert_skills.settle_message(known)
        while True:
            try:
                return await self._sent(server, message, lambda feedback: None)
            except ServerLostError as error:
                if not await self._is_back(server):
                    return self._fault(goal, "OUTCOME_UNKNOWN", str(error), server)
            except (GoalRefusedError, UsageError) as error:
                return self._fault(goal, "OUTCOME_UNKNOWN", str(error), server)

    async def _server_for(self, skill: str) -> str | None:
        if skill not in self._server_of:
            await self.offered()
        return self._server_of.get(skill)

    async def _sent(self, server: str, message: Any, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        result = await self._actions[server].execute(
            message,
            lambda feedback: on_feedback(convert_skills.feedback_of(feedback)),
            lambda: self.presence is not None and server in self.presence.gone,
        )
        return convert_skills.result_of(result, self._runtime.clock.epoch_s)

    async def _is_back(self, server: str) -> bool:
        """Wait for a lost server; False when nobody watches for it, or when it has not come back in time."""
        if self.presence is None:
            return False
        self.presence.set(server, False)
        return await self.presence.until_there(server, RETURN_S)

    async def _skills_of(self, client: Client) -> tuple[str, ...]:
        try:
            answer = await self._runtime.call(client, DescribeSkills.Request(), DESCRIBE_S)
        except asyncio.TimeoutError:
            return ()
        return tuple(skill.name for skill in answer.skills)

    def _fault(self, goal: SkillGoal, code: str, detail: str, where: str = "") -> SkillResult:
        fault = Fault(code, where or goal.skill, detail).at(goal.unit, goal.operation, self._runtime.clock.now())
        return SkillResult(Outcome.FAULT, str(fault), fault)
