"""A managed node whose transitions are coroutines, and the client that drives such nodes.

rclpy calls transition callbacks in the executor's thread and waits there; ours have to wait for answers which that same
thread would bring. So the work is done on the asyncio loop first, and then rclpy's state machine makes the transition with
the verdict. The node's services, topic and states are rclpy's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from microcell.errors import MicrocellError
from microcell.faults import FaultError
from microcell.ros.runtime import RosRuntime

UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
    State.PRIMARY_STATE_FINALIZED,
)

_LABELS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
_SHUTDOWN = {
    UNCONFIGURED: Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    INACTIVE: Transition.TRANSITION_INACTIVE_SHUTDOWN,
    ACTIVE: Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
_LEGAL = {
    (UNCONFIGURED, Transition.TRANSITION_CONFIGURE): INACTIVE,
    (INACTIVE, Transition.TRANSITION_ACTIVATE): ACTIVE,
    (ACTIVE, Transition.TRANSITION_DEACTIVATE): INACTIVE,
    (INACTIVE, Transition.TRANSITION_CLEANUP): UNCONFIGURED,
    **dict.fromkeys(_SHUTDOWN.items(), FINALIZED),
}


class ManagedNode(LifecycleNode):
    """A lifecycle node. Subclasses write `configure`, `activate`, `deactivate` and `cleanup` as coroutines.

    A transition whose coroutine raises is refused: the node logs why and stays in the state it was in.
    """

    state: int = UNCONFIGURED

    def manage(self, runtime: RosRuntime) -> None:
        """Take over the node's transitions; call it once, right after the node was made."""
        self._runtime = runtime
        self._changing = asyncio.Lock()
        self._verdict = TransitionCallbackReturn.SUCCESS
        service = next(s for s in self.services if s.srv_type is ChangeState)
        runtime.defer(service, self._change_state)

    async def configure(self) -> None:
        """Make what the node needs; no I/O with devices."""

    async def activate(self) -> None:
        """Connect and begin to serve."""

    async def deactivate(self) -> None:
        """End what runs in a safe state, and disconnect. Must not raise."""

    async def cleanup(self) -> None:
        """Drop what `configure` made."""

    async def shut_down(self) -> None:
        """Go to Finalized from wherever the node is."""
        if self.state in _SHUTDOWN:
            await self._transition(_SHUTDOWN[self.state])

    # Called by rclpy's state machine when the work is done already.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._verdict

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._verdict if self._verdict is not TransitionCallbackReturn.SUCCESS else super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._verdict

    async def _change_state(self, request: Any, response: Any) -> Any:
        wanted = request.transition
        number = _LABELS.get(wanted.label, 0) if wanted.label else wanted.id
        if wanted.label == "shutdown":
            number = _SHUTDOWN.get(self.state, 0)
        response.success = await self._transition(number)
        return response

    async def _transition(self, number: int) -> bool:
        async with self._changing:
            target = _LEGAL.get((self.state, number))
            if target is None:
                self.get_logger().error(f"transition {number} is not legal in state {self.state}")
                return False
            done = await self._work(number)
            self._verdict = TransitionCallbackReturn.SUCCESS if done else TransitionCallbackReturn.FAILURE
            await self._runtime.in_executor(self._triggers()[number])
            if done:
                self.state = target
            return done

    async def _work(self, number: int) -> bool:
        try:
            for work in self._works(number):
                await work()
        except (MicrocellError, FaultError) as error:
            self.get_logger().error(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whoever asked for the transition must get an answer
            self._runtime.report(f"a transition of {self.get_name()} failed", error)
            return False
        return True

    def _works(self, number: int) -> tuple[Callable[[], Awaitable[None]], ...]:
        return {
            Transition.TRANSITION_CONFIGURE: (self.configure,),
            Transition.TRANSITION_ACTIVATE: (self.activate,),
            Transition.TRANSITION_DEACTIVATE: (self.deactivate,),
            Transition.TRANSITION_CLEANUP: (self.cleanup,),
            Transition.TRANSITION_ACTIVE_SHUTDOWN: (self.deactivate, self.cleanup),
            Transition.TRANSITION_INACTIVE_SHUTDOWN: (self.cleanup,),
            Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: (),
        }[number]

    def _triggers(self) -> dict[int, Callable[[], object]]:
        return {
            Transition.TRANSITION_CONFIGURE: self.trigger_configure,
            Transition.TRANSITION_ACTIVATE: self.trigger_activate,
            Transition.TRANSITION_DEACTIVATE: self.trigger_deactivate,
            Transition.TRANSITION_CLEANUP: self.trigger_cleanup,
            **dict.fromkeys(_SHUTDOWN.values(), self.trigger_shutdown),
        }


class LifecycleClient:
    """Drives one managed node from outside."""

    def __init__(self, runtime: RosRuntime, node: Node, name: str) -> None:
        self.name = name
        self._runtime = runtime
        self._client = node.create_client(ChangeState, f"{name}/change_state")
        self._state = node.create_client(GetState, f"{name}/get_state")

    async def state(self, timeout_s: float) -> int:
        """The node's present state; `asyncio.TimeoutError` without an answer."""
        return (await self._runtime.call(self._state, GetState.Request(), timeout_s)).current_state.id

    async def change(self, label: str, timeout_s: float) -> bool:
        """Ask for a transition: configure, activate, deactivate or cleanup; `asyncio.TimeoutError` without an answer."""
        request = ChangeState.Request(transition=Transition(id=_LABELS[label], label=label))
        return (await self._runtime.call(self._client, request, timeout_s)).success

    def is_there(self) -> bool:
        """Whether the node has been discovered."""
        return self._client.service_is_ready() and self._state.service_is_ready()
