"""ROS actions with coroutines on both sides; no thread waits for a goal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.action.client import ClientGoalHandle
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future

from microcell.ros.runtime import RosRuntime

ANSWER_S = 5.0
"""A server that is there says within this time whether it takes a goal."""

FETCH_S = 0.5
"""A server that closes waits so long for its clients to fetch the results of the goals that it ended."""

LOOK_S = 0.02
WATCH_S = 0.5
"""How often a client looks whether the server of its running goal still lives."""

KEPT_S = 120
"""How long a result can be fetched, s in ROS time. When none is left, rcl's timer wakes the executor at each tick of
simulated time (seen with rcl 10.1.3); and each status that is told lists all results that are kept."""

FOR_EVER_S = 4_000_000_000
"""For a server that has few goals or none: longer than ROS time has run, also where that jumps from 0 to Unix time."""

QUEUE = QoSProfile(depth=100)
"""ROS's default keeps ten requests and drops more without a word."""


class Ending(Enum):
    """Terminal states of a goal, by the name of the goal handle's method that sets them."""

    SUCCEEDED = "succeed"
    ABORTED = "abort"
    CANCELLED = "canceled"


@dataclass(eq=False)
class Goal:
    """One accepted goal, as its handler sees it.

    A handler that is cancelled learns from `cancel_requested` whether the client asked for it or the server closes.
    """

    request: Any
    feedback: Callable[[Any], None]
    cancel_requested: bool = False
    given_up: bool = False
    started: bool = False


Handler = Callable[[Goal], Awaitable[tuple[Ending, Any]]]


class AsyncActionServer(ActionServer):
    """An action server whose handler is a coroutine on the asyncio loop.

    Every goal is accepted (a refusal could carry no text) and every cancel too: it cancels the handler's task, and the
    goal ends when the handler has made things safe and returned.
    """

    def __init__(
        self, runtime: RosRuntime, node: Node, kind: Any, name: str, handler: Handler, kept_s: int = KEPT_S
    ) -> None:
        self._runtime = runtime
        self._handler = handler
        self._goals: dict[bytes, tuple[Goal, asyncio.Task[tuple[Ending, Any]]]] = {}
        self._closing = self._closed = False
        super().__init__(
            node,
            kind,
            name,
            self._never,
            goal_callback=lambda request: GoalResponse.REJECT if self._closed else GoalResponse.ACCEPT,
            cancel_callback=self._on_cancel,
            goal_service_qos_profile=QUEUE,
            result_service_qos_profile=QUEUE,
            result_timeout=kept_s,
        )

    def notify_execute(self, goal_handle: ServerGoalHandle, execute_callback: object) -> None:
        """Start the handler; rclpy calls this in place of running its execute callback."""
        self._runtime.to_loop(self._begin)(goal_handle)

    async def close(self) -> None:
        """Cancel the running goals, let them become safe and answer, then take the action away.

        Who still comes meanwhile is cancelled at his first wait, and refused at the very end.
        """
        self._closing = True
        if self._goals:
            await self._cancelled()
            await asyncio.sleep(FETCH_S)
        self._closed = True
        await self._runtime.in_executor(lambda: None)  # what was accepted before has been handed over then
        await self._cancelled()
        await self._runtime.in_executor(self.destroy)

    async def _cancelled(self) -> None:
        """Cancel what runs until nothing runs."""
        while running := list(self._goals.values()):
            for goal, task in running:
                self._give_up(goal, task)
            await asyncio.gather(*(task for _, task in running), return_exceptions=True)
            await asyncio.sleep(0)  # a turn of the loop for each `_serve` to hand its result over

    def cancel_all(self) -> int:
        """Cancel every running goal, as `close` does, and go on serving; how many there were."""
        for goal, task in self._goals.values():
            self._give_up(goal, task)
        return len(self._goals)

    def _give_up(self, goal: Goal, task: asyncio.Task[Any]) -> None:
        """Cancel a handler though its client has not asked for that: once, and not before its first step."""
        if goal.started and not goal.given_up:
            task.cancel()
        goal.given_up = True

    def _begin(self, handle: ServerGoalHandle) -> None:
        """Take a goal up in one step of the loop, so that a cancel that comes next finds it."""
        goal = Goal(handle.request, handle.publish_feedback, given_up=self._closing)
        task = asyncio.ensure_future(self._run_handler(goal))
        self._goals[bytes(handle.goal_id.uuid)] = (goal, task)
        self._runtime.start(self._serve(handle, task))

    async def _run_handler(self, goal: Goal) -> tuple[Ending, Any]:
        """Run the handler; a cancel that came before its first step reaches it at its first wait."""
        goal.started = True
        if (goal.cancel_requested or goal.given_up) and (task := asyncio.current_task()) is not None:
            self._runtime.loop.call_soon(task.cancel)
        return await self._handler(goal)

    async def _serve(self, handle: ServerGoalHandle, task: asyncio.Task[tuple[Ending, Any]]) -> None:
        key = bytes(handle.goal_id.uuid)
        try:
            ending, result = await task
        except asyncio.CancelledError:
            ending, result = Ending.CANCELLED, self.action_type.Result()
        except Exception as error:  # noqa: BLE001 - a defect of the handler must not leave its client waiting
            self._runtime.report("an action's handler failed", error)
            ending, result = Ending.ABORTED, self.action_type.Result()
        finally:
            del self._goals[key]
        super().notify_execute(handle, partial(_end, ending=ending, result=result))

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self._runtime.to_loop(self._cancel)(bytes(handle.goal_id.uuid))
        return CancelResponse.ACCEPT

    def _cancel(self, key: bytes) -> None:
        goal, task = self._goals.get(key, (None, None))
        if goal is not None and task is not None and not goal.cancel_requested:
            goal.cancel_requested = True
            if goal.started:
                task.cancel()

    def _never(self, handle: ServerGoalHandle) -> Any:
        raise RuntimeError("goals are handled on the asyncio loop")


def _end(handle: ServerGoalHandle, ending: Ending, result: Any) -> Any:
    if ending is Ending.CANCELLED and not handle.is_cancel_requested:
        ending = Ending.ABORTED  # the server itself gave up: a goal nobody asked to cancel cannot end as cancelled
    getattr(handle, ending.value)()
    return result


class GoalRefusedError(Exception):
    """The server does not take the goal."""


class ServerLostError(Exception):
    """No server is there (`accepted` is False), or it went away when it may have worked on the goal already."""

    def __init__(self, action: str, accepted: bool) -> None:
        self.accepted = accepted
        super().__init__(f"the server of '{action}' " + ("was lost during the goal" if accepted else "does not answer"))


class AsyncActionClient:
    """An action client with one coroutine: `execute`."""

    def __init__(self, runtime: RosRuntime, node: Node, kind: Any, name: str) -> None:
        self.name = name
        self._runtime = runtime
        self._node = node
        self._client = ActionClient(node, kind, name, goal_service_qos_profile=QUEUE, result_service_qos_profile=QUEUE)

    async def execute(
        self,
        goal: Any,
        on_feedback: Callable[[Any], None] = lambda feedback: None,
        is_lost: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Send a goal and return its result message, however the goal ended.

        Cancelling this call cancels the goal, waits for the server to end it, and returns what it ended with. `is_lost` may
        know sooner than ROS that the server is not there any more: ROS shows a killed process for many seconds.
        Raises `GoalRefusedError` or `ServerLostError`.
        """
        running = _RunningGoal(self._runtime, self._client, goal, on_feedback)
        outcome = asyncio.ensure_future(self._outcome(running, is_lost))
        while not outcome.done():
            try:
                await asyncio.shield(outcome)
            except asyncio.CancelledError:
                running.cancel()
        return outcome.result()

    async def close(self) -> None:
        """Take the client away."""
        await self._runtime.in_executor(self._client.destroy)

    async def _outcome(self, running: _RunningGoal, is_lost: Callable[[], bool]) -> Any:
        await self._server_is_there()
        running.send()
        try:
            handle = await asyncio.wait_for(asyncio.shield(running.accepted), ANSWER_S)
        except asyncio.TimeoutError:
            running.cancel()  # accepted late, it must not run on unseen
            raise ServerLostError(self.name, accepted=True) from None
        if not handle.accepted:
            raise GoalRefusedError(f"the server of '{self.name}' refused the goal")
        servers = self._servers()
        while not (await asyncio.wait((running.result,), timeout=WATCH_S))[0]:
            if is_lost() or not servers & self._servers():
                raise ServerLostError(self.name, accepted=True)
        response = running.result.result()
        if response.status == GoalStatus.STATUS_UNKNOWN:
            raise ServerLostError(self.name, accepted=True)
        return response.result

    async def _server_is_there(self) -> None:
        """Wait until the server is discovered: a goal sent before would be lost."""
        end = self._runtime.loop.time() + ANSWER_S
        while not self._client.server_is_ready():
            if self._runtime.loop.time() > end:
                raise ServerLostError(self.name, accepted=False)
            await asyncio.sleep(LOOK_S)

    def _servers(self) -> set[bytes]:
        """Identities of the processes that serve the action: a restarted server is another one."""
        topic = self._node.resolve_service_name(self.name) + "/_action/feedback"
        return {bytes(info.endpoint_gid) for info in self._node.get_publishers_info_by_topic(topic)}


class _RunningGoal:
    """A goal on its way. Its rclpy side runs in the executor's thread from one answer to the next, without detours."""

    def __init__(self, runtime: RosRuntime, client: ActionClient, goal: Any, on_feedback: Callable[[Any], None]) -> None:
        self.accepted: asyncio.Future[ClientGoalHandle] = runtime.loop.create_future()
        self.result: asyncio.Future[Any] = runtime.loop.create_future()
        self._runtime = runtime
        self._client = client
        self._goal = goal
        self._on_feedback = runtime.to_loop(lambda message: on_feedback(message.feedback))
        self._handle: ClientGoalHandle | None = None
        self._cancelled = False

    def send(self) -> None:
        """Send the goal."""
        self._runtime.executor.create_task(self._send)

    def cancel(self) -> None:
        """Ask the server to cancel, as soon as it has accepted the goal; the result still comes."""
        self._runtime.executor.create_task(self._cancel)

    def _send(self) -> None:
        self._client.send_goal_async(self._goal, self._on_feedback).add_done_callback(self._on_answer)

    def _cancel(self) -> None:
        if self._handle is not None and not self._cancelled:
            self._handle.cancel_goal_async()
        self._cancelled = True

    def _on_answer(self, future: Future) -> None:
        handle = future.result()
        if handle.accepted:
            self._handle = handle
            handle.get_result_async().add_done_callback(self._on_result)
            if self._cancelled:
                handle.cancel_goal_async()
        self._runtime.to_loop(_set)(self.accepted, handle)

    def _on_result(self, future: Future) -> None:
        self._runtime.to_loop(_set)(self.result, future.result())


def _set(waiting: asyncio.Future[Any], value: Any) -> None:
    if not waiting.done():
        waiting.set_result(value)
