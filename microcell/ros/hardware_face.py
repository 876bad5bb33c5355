"""What the groups of the hardware's ROS face share: services around a device's commands, and regular publishing.

The face takes any device by its contract. In this release those are the mocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from std_srvs.srv import SetBool, Trigger

from microcell.clock import Clock
from microcell.faults import Fault, FaultError
from microcell.ros import convert, names, qos
from microcell.ros.convert_skills import fault_message, stamp
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.msg import Fault as FaultMsg

Command = Callable[[], Awaitable[Any]]


def own_time() -> list[Parameter]:
    """Parameters of the hardware's nodes: simulated time comes from them, so they must not wait for it."""
    return [Parameter("use_sim_time", Parameter.Type.BOOL, False)]


class FaceClock(Clock, Protocol):
    """A clock that tells its speed against real time, and the time that messages are stamped with at its zero, s."""

    @property
    def scale(self) -> float: ...

    @property
    def epoch_s(self) -> float: ...


class Face:
    """One node of the hardware process."""

    def __init__(self, runtime: RosRuntime, node: Node, clock: FaceClock) -> None:
        self.runtime = runtime
        self.node = node
        self.clock = clock
        self._name = node.get_name()
        self._tasks: list[asyncio.Task[None]] = []

    async def close(self) -> None:
        """Stop publishing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def publisher(self, kind: Any, topic: str, profile: QoSProfile) -> Publisher:
        """A publisher of the node. It does not tell of other ends with another QoS: an executor of rclpy would ask each
        publisher for that at every message that comes, and hardware has a hundred of them.
        """
        untold = PublisherEventCallbacks(use_default_callbacks=False)
        return self.node.create_publisher(kind, topic, profile, event_callbacks=untold)

    def listen(self, kind: Any, topic: str, callback: Callable[[Any], object]) -> None:
        """Have a command topic's messages on the asyncio loop."""
        self.node.create_subscription(kind, topic, self.runtime.to_loop(callback), qos.COMMAND)

    def listen_often(self, kind: Any, topic: str, callback: Callable[[Any], object]) -> None:
        """Have a device's feedback on the asyncio loop."""
        self.runtime.hear(self.node, kind, topic, self.runtime.to_loop(callback), qos.FEEDBACK)

    def trigger(self, name: str, command: Command) -> None:
        """Offer a command or a question as std_srvs/Trigger."""

        async def handle(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.success, response.message = await _attempt(command)
            return response

        self.runtime.create_service(self.node, Trigger, name, handle)

    def switch(self, name: str, on: Command, off: Command) -> None:
        """Offer two commands as std_srvs/SetBool."""

        async def handle(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
            response.success, response.message = await _attempt(on if request.data else off)
            return response

        self.runtime.create_service(self.node, SetBool, name, handle)

    def serve(self, kind: Any, name: str, handle: Callable[[Any, Any], Awaitable[None]]) -> None:
        """Offer a service of ours; a fault that `handle` raises goes into the response's `fault`."""

        async def guarded(request: Any, response: Any) -> Any:
            try:
                await handle(request, response)
            except FaultError as error:
                response.fault = self.fault_message(error.fault)
            return response

        self.runtime.create_service(self.node, kind, name, guarded)

    def regularly(self, rate_hz: float, publish: Command) -> None:
        """Publish so often in cell time, but never more often than that in real time, until `close`."""
        period_s = 1.0 / (rate_hz * min(1.0, self.clock.scale))
        self.keep(self._repeat(period_s, publish))

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine until `close`."""
        self._tasks.append(self.start(work))

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine; a failure is reported."""
        task = self.runtime.loop.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def now(self) -> Any:
        """The present stamp."""
        return stamp(self.clock.epoch_s + self.clock.now())

    def fault_message(self, fault: Fault | None) -> FaultMsg:
        """A fault that happens now; None is no fault."""
        now_s = self.clock.now()
        return fault_message(fault and fault.at(fault.unit, fault.operation, now_s), self.clock.epoch_s)

    async def _repeat(self, period_s: float, publish: Command) -> None:
        loop = self.runtime.loop
        due_s = loop.time()
        while True:
            await publish()
            due_s = max(due_s + period_s, loop.time())
            await asyncio.sleep(due_s - loop.time())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.runtime.report(f"a task of {self._name} failed", error)


class FaultTopic:
    """The latched fault of a device that is commanded by topic."""

    def __init__(self, face: Face, device: str) -> None:
        self._face = face
        self._publisher = face.publisher(FaultMsg, names.fault(device), qos.latched())
        self._shown = False

    def show(self, fault: Fault) -> None:
        """Publish a fault."""
        self._shown = True
        self._publisher.publish(self._face.fault_message(fault))

    def clear(self) -> None:
        """Publish that there is none any more."""
        if self._shown:
            self._shown = False
            self._publisher.publish(FaultMsg())


async def _attempt(command: Command) -> tuple[bool, str]:
    """Run a command; success, and what it returned or which fault it ended in."""
    try:
        return True, convert.answer_text(await command())
    except FaultError as error:
        return False, convert.fault_text(error.fault)
