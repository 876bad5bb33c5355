"""The managed node that offers skill families as one action."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from microcell import plugins
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.dispenser.contract import Dispenser
from microcell.devices.factory import DeviceHost, in_world, make_devices
from microcell.devices.screwdriver.contract import Screwdriver
from microcell.errors import UsageError
from microcell.faults import Fault, FaultError
from microcell.records.evidence import EvidenceStore, evidence_folder
from microcell.ros import convert_skills, names, parameters
from microcell.ros.actions import AsyncActionServer, Ending, Goal
from microcell.ros.guards import ros_guarded
from microcell.ros.heartbeat import SILENT_S, Watchdog
from microcell.ros.inspection_interface import InspectionInterface
from microcell.ros.lifecycle import ManagedNode
from microcell.ros.node import HostNode
from microcell.ros.runtime import RosRuntime
from microcell.ros.staying import stays
from microcell.skills.attempts import AttemptFile, AttemptLog
from microcell.skills.contract import Feedback, Outcome, Skill, SkillGoal, SkillResult, Step
from microcell.skills.needed import needs_of
from microcell.skills.runner import SkillRunner
from microcell_interfaces.action import ExecuteSkill
from microcell_interfaces.msg import SkillDescription
from microcell_interfaces.srv import DescribeSkills, RecordStep

RECORD_S = 5.0
"""How long the orchestrator may take to make a step durable; without its word the step is not taken."""
LOOK_S = 0.02
HALF_FOUND = 5
"""So often in a row, about 11 s each, a part of the devices may be found before the process is held to be cut off from the
rest: hardware that starts shows one after the other.
"""
SHOWN_SOON = 8
"""So many pictures wait to be shown with their reports; those of cancelled inspections never are."""

RUNNING_ON = (Dispenser, Screwdriver)
"""What goes on by itself when the process that switched it on is killed."""

MakeDevices = Callable[[DeviceHost, Any, Iterable[str] | None], Mapping[str, Device]]

_ENDINGS = {
    Outcome.SUCCEEDED: Ending.SUCCEEDED,
    Outcome.REJECTED: Ending.SUCCEEDED,  # the inspection did its work; what it found is in the result
    Outcome.CANCELLED: Ending.CANCELLED,
    Outcome.FAULT: Ending.ABORTED,
}


class SkillServerNode(ManagedNode):
    """Hosts skill families over the devices of a line.

    Actions:    ~/execute_skill (microcell_interfaces/ExecuteSkill), only while the node is active. Every goal is accepted;
                a malformed one ends at once with outcome FAULT and fault SKILL_REFUSED, which says what is wrong. One
                whose attempt_id begins with "?" asks how that attempt ended, and moves nothing.
    Topics:     heartbeat (std_msgs/String) of the orchestrator: when it falls silent, what runs is cancelled and left safe.
    Services:   ~/describe_skills (microcell_interfaces/DescribeSkills) and those of a managed node. It calls record_step
                (microcell_interfaces/RecordStep) of the orchestrator before each micro-step that a skill has recorded.
                Where it hosts inspections, it has the service and the topics of `InspectionInterface` as well.
    Parameters: line (name or path), also (more of the cell's),
                world (mock, gazebo, real), families (of skills), devices (that the skills use; all of
                the line when it is empty), attempts (file that remembers the attempts for who starts after this process;
                none when it is empty), journal (the orchestrator's: beside it the pictures of inspections are kept; none are
                when it is empty), heartbeat_s (real time that the orchestrator may be silent; 0 = for ever).
    """

    cut_off: asyncio.Event
    """Set when some devices have been found and others not, so often that only a new process is likely to find them."""

    def open(self, runtime: RosRuntime, make: MakeDevices = make_devices) -> None:
        """Read the parameters and offer the services. `UsageError` when a parameter is wrong."""
        self._runtime = runtime
        self._make = make
        self._world = parameters.text(self, "world", "mock")
        self.line: Line = in_world(load_line(parameters.text(self, "line"), parameters.names(self, "also")), self._world)
        self._device_names = parameters.names(self, "devices") or None
        self._skills = _skills_of(parameters.names(self, "families"))
        self._devices: dict[str, Device] = {}
        self._planning = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planning")
        self._server: AsyncActionServer | None = None
        path = parameters.text(self, "attempts")
        self._attempts = AttemptFile(Path(path)) if path else AttemptLog()
        journal = parameters.text(self, "journal")
        self._evidence = EvidenceStore(evidence_folder(Path(journal)), self.line.evidence.pictures) if journal else None
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._ran: set[str] = set()
        self.cut_off, self._half_found = asyncio.Event(), 0
        self._inspections: InspectionInterface | None = None
        if any(skill.family == "inspection" for skill in self._skills.values()):
            self._inspections = InspectionInterface(runtime, self, self.line, self._planning)
        self._watchdog = Watchdog(runtime, self, parameters.number(self, "heartbeat_s", SILENT_S), self._orchestrator_lost)
        self.manage(runtime)
        runtime.create_service(self, DescribeSkills, names.describe_skills("~"), self._describe)
        self._recorder = self.create_client(RecordStep, names.RECORD_STEP)

    async def configure(self) -> None:
        """Make the devices' drivers and the runner; of earlier attempts it knows what the log of attempts tells."""
        host = DeviceHost(self.line, self._runtime.clock, node=HostNode(self._runtime, self))
        self._devices = ros_guarded(self._make(host, self._world, self._device_names), self._runtime.clock)
        self._runner = SkillRunner(self.line, self._runtime.clock, self._devices, self._attempts)
        self._runner.record_step = self._record_step
        self._runner.keep = self._keep if self._inspections else None
        self._runner.work = partial(asyncio.get_running_loop().run_in_executor, self._planning)
        self._runner.prepare()

    async def activate(self) -> None:
        """Connect all devices, then take goals."""
        connected = await asyncio.gather(*map(self._connect, self._devices.values()), return_exceptions=True)
        failed = [error for error in connected if isinstance(error, BaseException)]
        self._note_found(failed)
        if failed:
            await self._disconnect()
            for error in failed[1:]:
                self.get_logger().error(str(error))
            raise failed[0]
        if self._inspections is not None:
            self._inspections.use(self._devices)
        self._server = AsyncActionServer(self._runtime, self, ExecuteSkill, names.execute_skill("~"), self._execute)

    async def _connect(self, device: Device) -> None:
        """Connect a device. One that a killed process may have left running is stopped at once, whether others are there or
        not: a valve stays open by itself, and a bit goes on turning.
        """
        await device.connect()
        if isinstance(device, RUNNING_ON):
            try:
                await device.stop()
            except FaultError as error:  # a tool in its pocket has no power, and does not answer
                self.get_logger().warning(f"{device.name} could not be stopped: {error}")

    def _note_found(self, failed: list[BaseException]) -> None:
        """Count how often only some were found: what DDS has lost of a discovery, only a new participant is told again."""
        silent = [e for e in failed if isinstance(e, FaultError) and e.fault.code == "DEVICE_SILENT"]
        self._half_found = self._half_found + 1 if 0 < len(silent) < len(self._devices) else 0
        if self._half_found >= HALF_FOUND:
            self.cut_off.set()

    async def deactivate(self) -> None:
        """Cancel what runs, wait until it is safe, and disconnect."""
        if self._server is not None:
            await self._server.close()
            self._server = None
        await self._disconnect()

    async def cleanup(self) -> None:
        self._devices = {}

    async def _disconnect(self) -> None:
        if self._inspections is not None:
            self._inspections.use({})
        left = await asyncio.gather(*(device.disconnect() for device in self._devices.values()), return_exceptions=True)
        for error in left:
            if isinstance(error, BaseException):
                self.get_logger().error(str(error))

    async def _execute(self, goal: Goal) -> tuple[Ending, ExecuteSkill.Result]:
        try:
            wanted = convert_skills.goal_of(goal.request)
            if wanted.skill not in self._skills:
                raise UsageError(f"{self.get_name()} offers no skill '{wanted.skill}', only {', '.join(self._skills)}")
        except UsageError as error:
            result = self._refusal(goal.request, str(error))
        else:
            result = await self._run(wanted, goal)
            self._has_run(wanted.skill)
        return _ENDINGS[result.outcome], convert_skills.result_message(result, self._runtime.clock.epoch_s)

    def _has_run(self, skill: str) -> None:
        """What a skill has loaded when it ran for the first time stays."""
        if skill not in self._ran:
            self._ran.add(skill)
            stays()

    async def _run(self, wanted: SkillGoal, goal: Goal) -> SkillResult:
        def report(feedback: Feedback) -> None:
            goal.feedback(convert_skills.feedback_message(feedback))

        asked = convert_skills.asked_to_settle(wanted)
        if asked is not None:
            return await self._runner.settle(asked)
        try:
            result = await self._runner.execute(wanted, report)
        except asyncio.CancelledError:
            return await self._runner.execute(wanted)  # it is safe now, and the runner kept how it ended
        if self._inspections is not None and result.inspection is not None:
            picture = self._pictures.pop(result.inspection.evidence_sha256, None)
            self._runtime.start(self._inspections.show(wanted, result.inspection, picture))
        return result

    def _keep(self, png: bytes) -> None:
        """Keep a picture as evidence, and to show it with its report."""
        self._pictures[hashlib.sha256(png).hexdigest()] = png
        if len(self._pictures) > SHOWN_SOON:
            self._pictures.popitem(last=False)
        if self._evidence is not None:
            self._evidence.keep(png)

    def _orchestrator_lost(self) -> None:
        """Nobody decides any more: what runs is cancelled, which leaves the devices still and what is held held."""
        if self._server is not None and (count := self._server.cancel_all()):
            self.get_logger().error(f"the orchestrator's heartbeat is silent: {count} running skill(s) cancelled")

    async def _record_step(self, attempt_id: str, step: Step) -> None:
        """Have the orchestrator make a step durable; DEVICE_SILENT when it does not say so in time."""
        request = RecordStep.Request(
            attempt_id=attempt_id, step=step.name, tool=step.tool, serial=step.serial, crib=step.crib, pocket=step.pocket
        )
        try:
            answer = await asyncio.wait_for(self._ask_to_record(request), RECORD_S)
        except asyncio.TimeoutError:
            detail = f"no word of the journal within {RECORD_S:g} s: the step {step.name} is not taken"
            raise FaultError("DEVICE_SILENT", "orchestrator", detail) from None
        fault = convert_skills.fault_of(answer.fault, self._runtime.clock.epoch_s)
        if fault is not None:
            raise FaultError.of(fault)

    async def _ask_to_record(self, request: RecordStep.Request) -> RecordStep.Response:
        while not self._recorder.service_is_ready():  # a request that nobody has discovered yet would be lost
            await asyncio.sleep(LOOK_S)
        return await self._runtime.call(self._recorder, request, RECORD_S)

    def _refusal(self, request: ExecuteSkill.Goal, detail: str) -> SkillResult:
        now = self._runtime.clock.now()
        fault = Fault("SKILL_REFUSED", self.get_name(), detail).at(request.unit, request.operation, now)
        return SkillResult(Outcome.FAULT, str(fault), fault)

    async def _describe(self, request: Any, response: DescribeSkills.Response) -> DescribeSkills.Response:
        response.server = self.get_name()
        response.skills = [_description(name, skill, self.line) for name, skill in self._skills.items()]
        return response


def _skills_of(families: tuple[str, ...]) -> dict[str, type[Skill]]:
    """The installed skills of some families by name; `UsageError` for a family that does not exist."""
    skills = {name: plugins.skill(name) for name in plugins.skill_names()}
    known = {skill.family for skill in skills.values()}
    unknown = [family for family in families if family not in known]
    if unknown or not families:
        wrong = f"no skill family '{unknown[0]}'" if unknown else "the parameter families is empty"
        raise UsageError(f"{wrong}; there are: {', '.join(sorted(known))}.")
    return {name: skill for name, skill in skills.items() if skill.family in families}


def _description(name: str, skill: type[Skill], line: Line) -> SkillDescription:
    return SkillDescription(
        name=name,
        family=skill.family,
        summary=skill.summary,
        parameters_schema=json.dumps(skill.Parameters.model_json_schema()),
        tool_capabilities=sorted(_capabilities(name, line)),
        fault_codes=list(skill.faults),
        duration_s=float(skill.expected_s({})),
    )


def _capabilities(name: str, line: Line) -> set[str]:
    """Capabilities that the line's plan needs for this skill; a skill such as pick takes what fits the part."""
    product = line.product_description
    doing = [operation for operation, spec in product.plan.items() if spec.skill == name]
    needed = {needs_of(line, operation, product.default_variant).capability for operation in doing}
    return {capability for capability in needed if capability}
