"""What all ROS drivers share: bounded calls, the newest message of a topic, and waiting for one that says something.

A driver makes its clients, publishers and subscriptions when it connects and drops them when it disconnects. rclpy's side of
that is done in the executor's thread; everything else happens on the asyncio loop.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from rclpy.client import Client
from rclpy.publisher import Publisher
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from std_srvs.srv import SetBool, Trigger

from microcell.devices.contract import Device, DeviceStatus
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.ros import convert, names
from microcell.ros.clock import RosClock
from microcell.ros.convert_skills import fault_of

T = TypeVar("T")
M = TypeVar("M")

CONNECT_S = 10.0
"""Real time in which a device that is there has been discovered."""

SLOWER_RATIO = 1.5
"""A command that takes longer than this many times its expected duration is lost."""

LOOK_S = 0.02


class Inbox(Generic[M]):
    """The newest messages of a topic, and those who look at each one that arrives.

    Of a topic that others have their messages on as well, `ours` tells those that count; `others` is the last of the rest.
    """

    def __init__(
        self,
        to_loop: Callable[[Callable[[M], None]], Callable[..., None]],
        kept: int = 1,
        ours: Callable[[M], bool] = lambda message: True,
    ) -> None:
        self.newest: M | None = None
        self.others: M | None = None
        self._ours = ours
        self._recent: deque[M] = deque(maxlen=kept)
        self._arrived_s = -1e9
        self._looks: list[Callable[[M], None]] = []
        self._hand_over = to_loop(self._show)

    @property
    def age_s(self) -> float:
        """Real time since the newest message came, s."""
        return time.monotonic() - self._arrived_s

    def receive(self, message: M) -> None:
        """Take a message; called in the listening thread. Most are kept without waking the loop."""
        if not self._ours(message):
            self.others = message
            return
        self.newest = message
        self._recent.append(message)
        self._arrived_s = time.monotonic()
        if self._looks:
            self._hand_over(message)

    def found(self, look: Callable[[M], bool]) -> M | None:
        """The newest of the kept messages of which `look` is true."""
        return next(filter(look, reversed(tuple(self._recent))), None)

    def taken(self) -> list[M]:
        """The kept messages, oldest first, that were not taken before."""
        return [self._recent.popleft() for _ in range(len(self._recent))]

    @contextmanager
    def watched(self, outcome: asyncio.Future[T], look: Callable[[M], T | None]) -> Iterator[None]:
        """While in the context, `look` sees each message that arrives.

        The first thing that it returns becomes the outcome, and so does the first thing that it raises.
        """

        def show(message: M) -> None:
            if outcome.done():
                return
            try:
                found = look(message)
            except Exception as error:  # noqa: BLE001 - for whoever waits: he would wait in vain
                outcome.set_exception(error)
            else:
                if found is not None:
                    outcome.set_result(found)

        self._looks.append(show)
        try:
            yield
        finally:
            self._looks.remove(show)
            if outcome.done() and not outcome.cancelled():
                outcome.exception()  # nobody may be waiting for it any more

    def _show(self, message: M) -> None:
        for look in tuple(self._looks):
            look(message)


class RosDevice(Device):
    """Base of the drivers. Subclasses make their ROS entities in `_open`, with `_client`, `_publisher` and `_inbox`."""

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        if host.node is None:
            raise UsageError(f"device '{name}': a ROS driver needs a ROS node; this host has none")
        self.name = name
        self.spec = spec
        self.clock = host.clock
        self._answer_s = host.answer_s
        self._runtime = host.node.runtime
        self._node = host.node.node
        self._connected = False
        self._needed: list[Callable[[], str]] = []  # each says what is missing, "" when it is there
        self._closers: list[Callable[[], object]] = []

    async def connect(self) -> None:
        if self._connected:
            return
        try:
            await self._runtime.in_executor(self._open)
            await self._discovered()
            await self._time_runs()
        except BaseException:
            await self._drop()
            raise
        self._connected = True

    async def disconnect(self) -> None:
        self._connected = False
        await self._drop()

    async def status(self) -> DeviceStatus:
        missing = self._missing()
        text = f"no {', '.join(missing)}" if missing else ""
        return DeviceStatus(self._connected, self._connected and not missing, text)

    # --- making and dropping what rclpy needs ----------------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> None:
        """Make clients, publishers and subscriptions; runs in the executor's thread."""

    def _client(self, kind: Any, name: str, needed: bool = True) -> Client:
        client = self._node.create_client(kind, name)
        self._closers.append(lambda: self._node.destroy_client(client))
        if needed:
            self._needed.append(lambda: "" if client.service_is_ready() else f"service '{self._full(client)}'")
        return client

    def _full(self, client: Client) -> str:
        """A service's name with its namespace."""
        return str(self._node.resolve_service_name(client.srv_name))

    def _publisher(self, kind: Any, topic: str, qos: QoSProfile, needed: bool = True) -> Publisher:
        publisher = self._node.create_publisher(kind, topic, qos)
        self._closers.append(lambda: self._node.destroy_publisher(publisher))
        if needed:
            what = f"listener on '{publisher.topic_name}'"
            self._needed.append(lambda: "" if publisher.get_subscription_count() else what)
        return publisher

    def _inbox(
        self,
        kind: Any,
        topic: str,
        qos: QoSProfile,
        needed: bool = True,
        kept: int = 1,
        ours: Callable[[Any], bool] = lambda message: True,
    ) -> Inbox[Any]:
        inbox: Inbox[Any] = Inbox(self._runtime.to_loop, kept, ours)
        subscription = self._runtime.hear(self._node, kind, topic, inbox.receive, qos)
        self._closers.append(lambda: self._runtime.hear_no_more(subscription))
        if needed:
            self._needed.append(partial(self._no_source, subscription.topic_name, qos))
        return inbox

    def _no_source(self, topic: str, qos: QoSProfile) -> str:
        """What is missing of a topic: a publisher, or one of whose messages any would arrive."""
        offered = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
        unfit = [
            why for fit, why in (qos_check_compatible(offer, qos) for offer in offered) if fit == QoSCompatibility.ERROR
        ]
        if len(unfit) < len(offered):
            return ""
        why = f" that fits ({unfit[0].replace('ERROR:', '').strip(' ;')})" if unfit else ""
        return f"source of '{topic}'{why}"

    def _missing(self) -> list[str]:
        """What the device needs and is not there."""
        return [what for needed in self._needed if (what := needed())]

    async def _discovered(self) -> None:
        end_s = time.monotonic() + CONNECT_S
        while missing := self._missing():
            if time.monotonic() > end_s:
                raise self._silent(f"no {', no '.join(missing)} within {CONNECT_S:g} s")
            await asyncio.sleep(LOOK_S)

    async def _time_runs(self) -> None:
        """Wait for simulated time: before it runs, no stamp can be judged."""
        if isinstance(self.clock, RosClock):
            try:
                await asyncio.wait_for(self.clock.started(), CONNECT_S)
            except asyncio.TimeoutError:
                raise self._silent(f"no time on {names.CLOCK} within {CONNECT_S:g} s") from None

    async def _drop(self) -> None:
        closers, self._closers, self._needed = self._closers, [], []
        for close in reversed(closers):
            await self._runtime.in_executor(close)

    # --- services --------------------------------------------------------------------------------------------------------

    async def _call(self, client: Client, request: Any, expected_s: float = 0.0, stop: Client | None = None) -> Any:
        """Call a service that takes so much cell time; DEVICE_SILENT without an answer.

        A cancelled call waits for the answer all the same, for only then the device is still; `stop` is the service that
        makes it so at once.
        """
        self._check_connected()
        limit_s = self._limit_s(expected_s)
        answering = asyncio.ensure_future(self._runtime.call(client, request, limit_s))
        try:
            return await asyncio.shield(answering)
        except asyncio.TimeoutError:
            raise self._silent(f"service '{self._full(client)}' did not answer within {limit_s:.1f} s") from None
        except asyncio.CancelledError:
            if stop is not None:
                await asyncio.gather(self._runtime.call(stop, Trigger.Request(), self._answer_s), return_exceptions=True)
            await asyncio.gather(answering, return_exceptions=True)
            raise

    async def _ask(self, client: Client, expected_s: float = 0.0) -> str:
        """Call a std_srvs/Trigger; the text of its success."""
        return self._success(await self._call(client, Trigger.Request(), expected_s))

    async def _switch(self, client: Client, on: bool, expected_s: float) -> str:
        """Call a std_srvs/SetBool; the text of its success."""
        return self._success(await self._call(client, SetBool.Request(data=on), expected_s))

    def _success(self, response: Any) -> str:
        if not response.success:
            raise convert.read_fault(self.name, response.message)
        return str(response.message)

    def _read(self, kind: type[T], text: str) -> T:
        """The text of a success as what the contract returns; DEVICE_MALFORMED where it is something else."""
        try:
            return convert.read_answer(kind, text)
        except (ValueError, TypeError) as error:
            detail = f"it answered '{text}', which cannot be read: {error}"
            raise FaultError("DEVICE_MALFORMED", self.name, detail) from error

    def _pose(self, message: Any) -> Pose:
        """A pose of an answer; DEVICE_MALFORMED where it is none."""
        try:
            return convert.told_pose_of(message)
        except UsageError as error:
            raise FaultError("DEVICE_MALFORMED", self.name, str(error)) from error

    def _raise_fault(self, message: Any) -> None:
        """Raise the fault of a microcell_interfaces/Fault, if it holds one."""
        try:
            fault = fault_of(message, self.clock.epoch_s)
        except ValueError:
            raise FaultError("DEVICE_REFUSED", self.name, f"{message.code}: {message.detail}") from None
        if fault is not None:
            raise FaultError.of(fault)

    # --- topics ----------------------------------------------------------------------------------------------------------

    async def _within(self, outcome: asyncio.Future[T], limit_s: float, what: str) -> T:
        """Wait for an outcome; DEVICE_SILENT after so much real time."""
        try:
            return await asyncio.wait_for(asyncio.shield(outcome), limit_s)
        except asyncio.TimeoutError:
            raise self._silent(f"{what} within {limit_s:.1f} s") from None

    async def _first(self, inbox: Inbox[M], look: Callable[[M], T | None], limit_s: float, what: str) -> T:
        """What `look` says of the first message from now on that it says something of; DEVICE_SILENT."""
        outcome: asyncio.Future[T] = self._runtime.loop.create_future()
        with inbox.watched(outcome, look):
            return await self._within(outcome, limit_s, what)

    # --- time and faults -------------------------------------------------------------------------------------------------

    @property
    def _rate(self) -> float:
        """Cell time that passes in a second of real time."""
        return self.clock.rate if isinstance(self.clock, RosClock) else 1.0

    def _limit_s(self, expected_s: float) -> float:
        """Real time to wait for something that takes so much cell time."""
        return self._answer_s + SLOWER_RATIO * expected_s / self._rate

    def _check_connected(self) -> None:
        if not self._connected:
            raise self._silent("not connected")

    def _silent(self, detail: str) -> FaultError:
        return FaultError("DEVICE_SILENT", self.name, detail)
