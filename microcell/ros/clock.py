"""Cell time in ROS: it follows ROS time, whether that is the system's or comes by /clock from a simulation.

Without `use_sim_time` ROS time is the system's clock. With it, ROS time stands still between two messages on /clock, too
coarse to time motions by; `RosClock` runs on between them at the observed rate, but never past the time that the next
message is expected to bring, and never backwards.

When ROS time jumps back (the simulation or the mock hardware was started again, the system's clock was set), cell time goes
on from where it was and whoever sleeps sleeps on for the rest of his time. A jump ahead is taken at once. When /clock falls
silent, cell time stands still and sleepers wait: so a wait that must end is bounded in real time (`wall_s`).
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections import deque
from dataclasses import dataclass
from typing import Any

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node

from microcell.clock import Clock
from microcell.ros.names import CLOCK

WINDOW_S = 0.5
"""The rate is that of the last half second."""

JUMP_S = 1.0
JUMP_RATIO = 4.0
"""More ahead than both a second and so many times what the rate says is a jump."""

TORN_S, TORN_JUMPS = 2.0, 3
"""Time that jumps back so often comes from two sources."""

SILENT_S = 0.25
POLL_S = 0.05
TOLD_S = 10.0
SHORTEST_SLEEP_S, LONGEST_SLEEP_S = 0.0005, 1.0

SET_BACK_S = 0.01
"""The system's clock may seem to go back by less between two threads that look at it."""

_NANOSECONDS = 1e9

ROUNDING_S = 1e-9
"""Who works out an instant and sleeps until then shall not wake a rounding error before it."""

TURNS = 20
"""Turns of the event loop in which everything has happened that a wake-up leads to without further waiting."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Time as a straight line from the last tick to the next: real time of the tick, time it brought, rate, and how far
    the next one is expected ahead. All s."""

    wall_s: float
    time_s: float
    rate: float
    ahead_s: float


class TickedTime:
    """Continuous time from ticks. `tick` and `at` may be called from two threads."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[float, float]] = deque()
        self._line: _Line | None = None
        self._back_s = 0.0
        self._backs: deque[float] = deque(maxlen=TORN_JUMPS)
        self._shown_s = 0.0

    @property
    def torn(self) -> bool:
        """Whether the last ticks came from two sources with different times."""
        backs = self._backs
        return len(backs) == TORN_JUMPS and backs[-1] - backs[0] < TORN_S

    @property
    def ticking(self) -> bool:
        """Whether there has been a tick."""
        return self._line is not None

    @property
    def rate(self) -> float:
        """Seconds of ticked time in a second of real time; 0 before the second tick and while time stands still."""
        return self._line.rate if self._line is not None else 0.0

    @property
    def back_s(self) -> float:
        """How far the source has jumped back altogether, s: what `at` says is the source's time and so much more."""
        return self._back_s

    def tick(self, source_s: float, wall_s: float) -> None:
        """The source's time arrived at a real time."""
        if self._ticks:
            last_wall_s, last_s = self._ticks[-1]
            step_s = source_s - last_s
            if step_s < 0.0:
                self._back_s -= step_s
                self._backs.append(wall_s)
            if not 0.0 <= step_s <= max(JUMP_S, JUMP_RATIO * self.rate * (wall_s - last_wall_s)):
                self._ticks.clear()
        self._ticks.append((wall_s, source_s))
        while self._ticks[0][0] < wall_s - WINDOW_S and len(self._ticks) > 2:
            self._ticks.popleft()
        self._line = _Line(wall_s, source_s + self._back_s, self._slope(), self._interval())

    def at(self, wall_s: float) -> float:
        """Time at a real time, s; never less than it was asked before."""
        line = self._line
        if line is not None:
            on_s = min(line.rate * max(0.0, wall_s - line.wall_s), line.ahead_s)
            self._shown_s = max(self._shown_s, line.time_s + on_s)
        return self._shown_s

    def silent_s(self, wall_s: float) -> float:
        """How long ago the last tick came, s; infinite before the first."""
        return wall_s - self._line.wall_s if self._line is not None else float("inf")

    def _slope(self) -> float:
        (first_wall_s, first_s), (last_wall_s, last_s) = self._ticks[0], self._ticks[-1]
        return (last_s - first_s) / (last_wall_s - first_wall_s) if last_wall_s > first_wall_s else 0.0

    def _interval(self) -> float:
        if len(self._ticks) < 2:
            return 0.0
        last_s = self._ticks[-1][1]
        mean_s = (last_s - self._ticks[0][1]) / (len(self._ticks) - 1)
        return min(mean_s, last_s - self._ticks[-2][1])


class RosClock:
    """The cell's clock in a process: the ROS time of one of its nodes, from 0 when the clock was made.

    `epoch_s` is the ROS time of cell time 0, so `epoch_s + now()` is what belongs into a header's stamp. It is the Unix time
    where ROS time is; it changes only when ROS time jumps back.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ticked = TickedTime()
        self._start_s = time.time()
        self._shown_s = self._set_back_s = 0.0
        self._seen = (self._start_s, time.monotonic())
        # rclpy tells of every change of ROS time over a threshold: here, of every message on /clock.
        every = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1))
        self._jumps = node.get_clock().create_jump_callback(every, post_callback=self._on_tick)

    @property
    def simulated(self) -> bool:
        """Whether time comes by /clock."""
        return bool(self._node.get_clock().ros_time_is_active)

    @property
    def epoch_s(self) -> float:
        """ROS time of cell time 0."""
        return self._start_s - self._ticked.back_s - self._set_back_s

    @property
    def rate(self) -> float:
        """Cell time that passes in a second of real time; 1 where that is not known, or time stands still."""
        return self._ticked.rate or 1.0

    def now(self) -> float:
        if not self.simulated:
            return self._system_s()
        return self._ticked.at(time.monotonic()) - self._start_s if self._ticked.ticking else 0.0

    async def sleep(self, duration_s: float) -> None:
        if not self.simulated or duration_s <= 0.0:
            await asyncio.sleep(max(0.0, duration_s))
            return
        while not self._ticked.ticking:
            await asyncio.sleep(POLL_S)
        end_s = self.now() + duration_s
        while (rest_s := end_s - self.now()) > 0.0:
            await asyncio.sleep(self._pause_s(rest_s))

    async def wait(self, future: asyncio.Future[Any], duration_s: float) -> bool:
        return await _wait(self, future, duration_s)

    def wall_s(self, duration_s: float) -> float:
        """Real time that a duration of cell time takes at the present rate, s."""
        return duration_s / self.rate

    async def started(self) -> None:
        """Wait until time runs: for two messages on /clock, or not at all where time is the system's."""
        while self.simulated and self._ticked.rate <= 0.0:
            await asyncio.sleep(POLL_S)

    def _system_s(self) -> float:
        """The system's time since the start, s; where that was set back, time goes on by time that nobody can set."""
        (last_s, last_wall_s), (now_s, wall_s) = self._seen, (time.time(), time.monotonic())
        self._seen = (now_s, wall_s)
        if now_s < last_s - SET_BACK_S:
            self._set_back_s += last_s - now_s + wall_s - last_wall_s
        self._shown_s = max(self._shown_s, now_s + self._set_back_s - self._start_s)
        return self._shown_s

    def _pause_s(self, rest_s: float) -> float:
        """Real time to wait before looking at the clock again."""
        if self._ticked.rate <= 0.0 or self._ticked.silent_s(time.monotonic()) > SILENT_S:
            return POLL_S
        return min(LONGEST_SLEEP_S, max(SHORTEST_SLEEP_S, rest_s / self._ticked.rate))

    def _on_tick(self, jump: Any) -> None:
        """Called in the thread that hears /clock."""
        source_s = self._node.get_clock().now().nanoseconds / _NANOSECONDS
        if not self._ticked.ticking:
            self._start_s = source_s
        self._ticked.tick(source_s, time.monotonic())
        if self._ticked.torn:
            self._tell_of_two()

    def _tell_of_two(self) -> None:
        told = self._node.get_publishers_info_by_topic(CLOCK)
        publishers = ", ".join(sorted(f"{info.node_namespace}/{info.node_name}".replace("//", "/") for info in told))
        self._node.get_logger().error(
            f"{CLOCK} is published by more than one program ({publishers}): time jumps to and fro, and no motion can be "
            "timed by it. End one of them, or start each in a ROS domain of its own (ROS_DOMAIN_ID).",
            throttle_duration_sec=TOLD_S,
        )


class ScaledClock:
    """The mock hardware's own time: so many times as fast as real time, beginning at the present Unix time.

    A computer wakes sleepers some milliseconds late, in which an arm at ten times its speed would go on for a millimetre.
    So time waits for those who are due: whatever follows at once from a wake-up happens at the instant it was meant for.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.epoch_s = time.time()
        self._start_s = time.monotonic()
        self._shown_s = 0.0
        self._due_s: list[float] = []

    @property
    def rate(self) -> float:
        """Cell time that passes in a second of real time."""
        return self.scale

    def now(self) -> float:
        now_s = self._running_s()
        if self._due_s:
            now_s = min(now_s, self._due_s[0])
        self._shown_s = max(self._shown_s, now_s)
        return self._shown_s

    async def sleep(self, duration_s: float) -> None:
        if duration_s <= 0.0:
            await asyncio.sleep(0)
            return
        due_s = self.now() + duration_s + ROUNDING_S
        insort(self._due_s, due_s)
        try:
            while (rest_s := due_s - self._running_s()) > 0.0:
                await asyncio.sleep(rest_s / self.scale)
        except asyncio.CancelledError:
            self._due_s.remove(due_s)
            raise
        self._let_go(due_s, TURNS)

    async def wait(self, future: asyncio.Future[Any], duration_s: float) -> bool:
        return await _wait(self, future, duration_s)

    def _running_s(self) -> float:
        return (time.monotonic() - self._start_s) * self.scale

    def _let_go(self, due_s: float, turns: int) -> None:
        """Let time go on when the loop has turned some times more."""
        if turns:
            asyncio.get_running_loop().call_soon(self._let_go, due_s, turns - 1)
        else:
            self._due_s.remove(due_s)


async def _wait(clock: Clock, future: asyncio.Future[Any], duration_s: float) -> bool:
    timer = asyncio.ensure_future(clock.sleep(duration_s))
    try:
        await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        return future.done()
    finally:
        timer.cancel()
