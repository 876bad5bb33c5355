"""One process in ROS 2: an asyncio loop in the main thread, and one executor that spins in a thread of its own.

rclpy calls back in the executor's thread; our code is asyncio. The bridges between the two block no thread:

- `to_loop(callback)`: what rclpy calls runs on the asyncio loop;
- `wait(future)`: an rclpy future is awaited on the asyncio loop;
- `in_executor(call)`: a call runs in the executor's thread and is awaited. Requests go this way, because rclpy registers
  the future of a request after it sent it, and a quick answer in another thread is lost in between;
- `create_service(..., handler)`: the handler is a coroutine on the asyncio loop, the answer is sent when it returns.

Never let a coroutine be awaited by rclpy: its executors poll pending coroutines only when something else wakes them
(SingleThreadedExecutor) or all the time (EventsExecutor). The EventsExecutor of Kilted is no choice either: with calls from
a second thread it deadlocks between Python's interpreter lock and its queue (seen with rclpy 9.1.2).
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, overload

import rclpy
from rclpy.client import Client
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.service import Service
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.task import Future

from microcell.clock import Clock, LoopClock
from microcell.composition.processes import REFUSED, START_AGAIN
from microcell.errors import MicrocellError, RefusedStartError, StartAgainError, UsageError
from microcell.faults import FaultError
from microcell.ros import names, qos
from microcell.ros.listening import Listening
from microcell.ros.notify import notify
from microcell.ros.responses import send
from microcell.ros.secured import permitted
from microcell.ros.starter import leave_with
from microcell.ros.staying import stays_no_more

LIVES_S = 1.0
STOPS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")
N = TypeVar("N", bound=Node)


class RosRuntime:
    """Context, executor thread and nodes of this process; an async context manager.

    Construct it on the asyncio loop that shall get the callbacks. `hurry` is set by a second signal: whoever takes time to
    stop in an orderly way then takes less.
    """

    def __init__(self, args: Sequence[str] | None = None, domain_id: int | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock: Clock = LoopClock()
        self.hurry = asyncio.Event()
        self.context = rclpy.Context()
        # Our own handlers decide about signals: rclpy's would end its context under the running asyncio program.
        with permitted("a place in the domain"):
            rclpy.init(args=args, context=self.context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._nodes: list[Node] = []
        self._listening: Listening | None = None
        self._tasks: set[asyncio.Task[object]] = set()  # the loop itself keeps only weak references
        self._stopping = False
        self._thread = threading.Thread(target=self._spin, name="rclpy", daemon=True)

    async def __aenter__(self) -> RosRuntime:
        self._thread.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping = True
        self.executor.create_task(lambda: None)  # wake() alone lets it go on waiting for work
        await asyncio.to_thread(self._thread.join, 5.0)
        self.executor.shutdown(timeout_sec=0)
        if self._listening is not None:
            await asyncio.to_thread(self._listening.close)
        for node in reversed(self._nodes):
            node.destroy_node()
        rclpy.try_shutdown(context=self.context)

    # --- nodes -----------------------------------------------------------------------------------------------------

    @overload
    def create_node(self, name: str, **options: Any) -> Node: ...

    @overload
    def create_node(self, name: str, node_class: type[N], **options: Any) -> N: ...

    def create_node(self, name: str, node_class: type[Node] = Node, **options: Any) -> Node:
        """Make a node and let the executor serve it. Its namespace is the process's (`__ns` in the ROS arguments)."""
        with permitted(f"node '{name}'"):
            node = self._time_beside(node_class)(name, context=self.context, **options)
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def _time_beside(self, node_class: type[N]) -> type[N]:
        """The class with its ears for /clock in the second node: no topic comes as often.

        rclpy subscribes in the node's constructor. When that subscription was replaced afterwards, the second node was seen
        to stay deaf now and then; why is not known.
        """
        runtime = self

        class TimeBeside(node_class):  # type: ignore[valid-type, misc]
            def create_subscription(self, msg_type: Any, topic: str, callback: Any, *args: Any, **options: Any) -> Any:
                if topic == names.CLOCK:

                    def tick(message: Any) -> None:
                        if self in runtime._nodes:  # before, rclpy is still giving it its clock
                            callback(message)

                    return runtime.hear(self, msg_type, topic, tick, qos.CLOCK)
                return super().create_subscription(msg_type, topic, callback, *args, **options)

            def destroy_subscription(self, subscription: Any) -> bool:
                if subscription.topic_name == names.CLOCK:
                    runtime.hear_no_more(subscription)
                    return True
                return bool(super().destroy_subscription(subscription))

        return TimeBeside

    def hear(
        self,
        owner: Node,
        kind: Any,
        topic: str,
        callback: Callable[[Any], object],
        profile: QoSProfile,
        raw: bool = False,
    ) -> Subscription:
        """Subscribe to a topic that comes often, in the process's second node, which is named after the first `owner`.

        `callback` runs in that node's thread and does next to nothing; when `raw`, it gets messages as bytes. Publishers
        with another QoS are not told of.
        """
        if self._listening is None:
            name = f"{owner.get_name()}_listening"
            self._listening = Listening(self.context, name, self.to_loop(self.report))
        return self._listening.hear(kind, topic, callback, profile, raw)

    def hear_no_more(self, subscription: Subscription) -> None:
        """Take away what `hear` made."""
        if self._listening is not None:
            self._listening.node.destroy_subscription(subscription)

    def create_service(
        self, node: Node, kind: Any, name: str, handler: Callable[[Any, Any], Awaitable[Any]], **options: Any
    ) -> Service:
        """Offer a service whose `handler(request, response) -> response` is a coroutine on the asyncio loop.

        Requests are served concurrently. The handler answers bad requests itself: what it raises is a defect of ours and is
        reported. The caller is told, where the answer has a place for that, and is left without one otherwise.
        """
        service = node.create_service(kind, name, _Deferred, **{"qos_profile": qos.SERVICE, **options})
        self.defer(service, handler)
        return service

    def defer(self, service: Service, handler: Callable[[Any, Any], Awaitable[Any]]) -> None:
        """Let a coroutine on the asyncio loop serve a service, as `create_service` does, that is there already."""
        answer = service.send_response

        async def serve(deferred: _Deferred, header: Any) -> None:
            try:
                response = await handler(deferred.request, deferred.response)
            except Exception as error:
                response = _failed(type(deferred.response), error)
                if response is None:
                    raise
                self.report(f"service '{service.service_name}' failed", error)
            await send(answer, response, header, self.context.ok)

        # The executor sends what the callback returns. Ours returns a promise, and "sending" that starts the handler.
        service.callback = _Deferred
        service.send_response = lambda deferred, header: self.start(serve(deferred, header))

    # --- from the executor's thread to the loop ----------------------------------------------------------------------

    def to_loop(self, callback: Callable[..., object]) -> Callable[..., None]:
        """Wrap a plain callback so that it runs on the asyncio loop; None when the loop has ended already."""

        def hand_over(*args: Any) -> None:
            try:
                self.loop.call_soon_threadsafe(callback, *args)
            except RuntimeError:
                if not self.loop.is_closed():
                    raise

        return hand_over

    def start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start a coroutine on the loop from any thread; its failure is reported by the loop's exception handler."""
        self.to_loop(partial(self._start, coroutine))()

    def _start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report("a callback failed", error)

    def report(self, what: str, error: BaseException) -> None:
        """Tell of a defect that nobody waits for, with its traceback; to be called on the loop."""
        self.loop.call_exception_handler({"message": what, "exception": error})

    # --- from the loop to the executor's thread ------------------------------------------------------------------------

    async def wait(self, future: Future, timeout_s: float | None = None) -> Any:
        """Wait for an rclpy future; `asyncio.TimeoutError` after a while of real time."""
        waiting: asyncio.Future[Any] = self.loop.create_future()
        future.add_done_callback(lambda done: self.to_loop(_settle)(waiting, done))
        return await asyncio.wait_for(waiting, timeout_s)

    async def in_executor(self, call: Callable[..., T], *args: Any) -> T:
        """Run a plain function in the executor's thread and wait for what it returns or raises."""
        waiting: asyncio.Future[T] = self.loop.create_future()

        def run() -> None:
            done: Future = Future()
            try:
                done.set_result(call(*args))
            except Exception as error:  # noqa: BLE001 - handed to the caller, who waits for it
                done.set_exception(error)
            self.to_loop(_settle)(waiting, done)

        self.executor.create_task(run)
        return await waiting

    async def call(self, client: Client, request: Any, timeout_s: float) -> Any:
        """Call a service; `asyncio.TimeoutError` when it is not there or does not answer in time."""
        future = await self.in_executor(client.call_async, request)
        try:
            return await self.wait(future, timeout_s)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            self.executor.create_task(client.remove_pending_request, future)
            raise

    # --- the executor's thread -----------------------------------------------------------------------------------------

    def _spin(self) -> None:
        while self.context.ok() and not self._stopping:
            try:
                self.executor.spin_once()
            except ExternalShutdownException:
                return
            except Exception as error:  # noqa: BLE001 - one bad callback must not make the whole process deaf
                self.to_loop(self.report)("a callback of rclpy failed", error)


class _Deferred:
    """What a service's callback returns in place of the response that is still to come."""

    def __init__(self, request: Any, response: Any) -> None:
        self.request = request
        self.response = response


def _failed(kind: type[Any], error: Exception) -> Any | None:
    """The answer that a request could not be served, if this kind of answer can say so."""
    response = kind()
    if not (hasattr(response, "message") and (hasattr(response, "accepted") or hasattr(response, "success"))):
        return None
    response.message = f"a defect of this program: {type(error).__name__}: {error}. Its log says more."
    return response


def _settle(waiting: asyncio.Future[Any], done: Future) -> None:
    if waiting.done():
        return
    if done.cancelled():
        waiting.cancel()
    elif (error := done.exception()) is not None:
        waiting.set_exception(error)
    else:
        waiting.set_result(done.result())


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """Wait for a cleanup that nothing is to interrupt: this task's cancellation meanwhile has no effect."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


def run(main: Callable[[RosRuntime], Awaitable[None]], args: Sequence[str] | None = None, then_ends: bool = False) -> int:
    """Run a node's program until it ends or SIGINT or SIGTERM asks it to; return the process's exit code.

    A signal cancels `main`, which then cleans up in its `finally`, and so does the end of the process that started this one
    (see `starter`). Nothing interrupts that way into a safe state: a second signal only sets `hurry`, and a `main` that can
    end by itself cleans up by `to_its_end`. A process that `then_ends` hears no signal after that: who presses Ctrl-C once
    more would kill it where it has nothing left to do.
    """
    try:
        return asyncio.run(_run(main, sys.argv if args is None else args, then_ends))
    except UsageError as error:  # the domain lets nobody in like this
        print(error, file=sys.stderr)
        return 1
    finally:
        stays_no_more()


async def _run(main: Callable[[RosRuntime], Awaitable[None]], args: Sequence[str], then_ends: bool) -> int:
    try:
        return await _until_asked(main, args)
    finally:
        if then_ends:
            _hear_no_more()


def _hear_no_more() -> None:
    """Ignore what stops a process. The loop's handlers go first: at its end it would put the default ones in their place."""
    loop = asyncio.get_running_loop()
    for number in STOPS:
        with suppress(KeyboardInterrupt):
            loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _until_asked(main: Callable[[RosRuntime], Awaitable[None]], args: Sequence[str]) -> int:
    async with RosRuntime(args) as runtime:
        program = asyncio.ensure_future(main(runtime))
        stop = asyncio.Event()

        def asked() -> None:
            (runtime.hurry if stop.is_set() else stop).set()

        for number in STOPS:
            runtime.loop.add_signal_handler(number, asked)
        stopped = asyncio.ensure_future(stop.wait())
        beside = [asyncio.ensure_future(_say_that_it_lives()), asyncio.ensure_future(leave_with(stop, runtime.hurry))]
        await asyncio.wait((program, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        program.cancel()
        try:
            await program
        except asyncio.CancelledError:
            return 0
        except (MicrocellError, FaultError) as error:
            print(error, file=sys.stderr)
            if isinstance(error, StartAgainError):
                return START_AGAIN
            return REFUSED if isinstance(error, RefusedStartError) else 1
        finally:
            for task in beside:
                task.cancel()
    return 0


async def _say_that_it_lives() -> None:
    """Tell the service manager again and again that this loop turns: a process that hangs does not."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(LIVES_S)
