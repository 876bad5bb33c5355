"""Force sensor over ROS: topic `<name>/wrench` (geometry_msgs/WrenchStamped), as drivers and Gazebo publish it.

A sensor with the service `<name>/tare` (std_srvs/Trigger) tares itself, any other is tared here. `<name>/threshold`
(std_msgs/Float64) tells hardware that listens to stop the arm and report at once when the tool presses so much; who waits
for contact stops the arm anyway.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Any

from geometry_msgs.msg import WrenchStamped
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from microcell.devices.factory import DeviceHost
from microcell.devices.force_sensor.contract import ForceSensor, Wrench
from microcell.devices.plausible import check_fresh
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.geometry import Vector
from microcell.ros import convert, names, qos
from microcell.ros.driver import RosDevice
from microcell.ros.guards import STALE_S

TARE_READINGS = 10
SILENT_S, LOOK_S, SILENT_LOOKS = 0.5, 0.1, 2
"""A sensor that says nothing for longer, in real time and in cell time, at so many looks in a row, is lost while somebody
waits for contact: the arm presses blind. In a world that stands still nobody is silent, and an event loop that was held up
has not heard yet what came meanwhile.
"""

PULL_MARGIN_N, PULLING_READINGS = 10.0, 3
"""A tool that goes to meet something and is pulled so much harder than it should press, at so many readings in a row, is
pressing: the sensor's sign or frame is wrong. An arm that sets off or brakes with a heavy tool feels less than the margin.
"""

ROUNDING_N = 1e-6
_NOTHING = Wrench((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)


class RosForceSensor(RosDevice, ForceSensor):
    """Listens to the sensor. A zero that is taken here is the mean of some readings."""

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        self._zero = _NOTHING
        self._tared_s = 0.0

    def _open(self) -> None:
        self._wrenches = self._inbox(WrenchStamped, names.wrench(self.name), qos.FEEDBACK)
        self._threshold = self._publisher(Float64, names.threshold(self.name), qos.COMMAND, needed=False)
        self._own_tare = self._client(Trigger, names.tare(self.name), needed=False)

    async def tare(self) -> None:
        self._check_connected()
        if self._own_tare.service_is_ready():
            await self._ask(self._own_tare)
            self._zero = _NOTHING
        else:
            self._zero = await self._mean_load()
        self._tared_s = self.clock.now()  # what was measured before and is still on its way is another zero's

    async def read(self) -> Wrench:
        self._check_connected()
        since_s = self.clock.now()

        def look(message: WrenchStamped) -> Wrench | None:
            wrench = self._wrench(message)
            return wrench if wrench.time_s >= since_s else None

        return await self._first(self._wrenches, look, self._limit_s(0.0), "no wrench")

    async def wait_pressing(self, force_n: float) -> Wrench:
        self._check_connected()

        heard_s, quiet_looks, pulling = self.clock.now(), 0, 0

        def look(message: WrenchStamped) -> Wrench | None:
            nonlocal heard_s, pulling
            heard_s = self.clock.now()
            wrench = self._wrench(message)
            if wrench.time_s < self._tared_s:
                return None
            pulling = pulling + 1 if -wrench.pressing_n >= force_n + PULL_MARGIN_N else 0
            if pulling >= PULLING_READINGS:
                detail = (
                    f"it pulls with {-wrench.pressing_n:.0f} N where it should press: look at the sensor's sign and frame"
                )
                raise FaultError("SENSOR_IMPLAUSIBLE", self.name, detail)
            return wrench if wrench.pressing_n >= force_n - ROUNDING_N else None

        outcome: asyncio.Future[Wrench] = self._runtime.loop.create_future()
        with self._wrenches.watched(outcome, look):
            self._threshold.publish(Float64(data=force_n + self._zero.pressing_n))
            try:
                while not (await asyncio.wait((outcome,), timeout=LOOK_S))[0]:
                    quiet = self._wrenches.age_s > SILENT_S and self.clock.now() - heard_s > SILENT_S
                    quiet_looks = quiet_looks + 1 if quiet else 0
                    if quiet_looks >= SILENT_LOOKS:
                        raise self._silent(f"no wrench for {SILENT_S:g} s while the arm presses")
                return outcome.result()
            finally:
                self._threshold.publish(Float64(data=math.inf))

    async def _mean_load(self) -> Wrench:
        readings: deque[Wrench] = deque()
        since_s = self.clock.now()

        def collect(message: WrenchStamped) -> bool | None:
            reading = self._raw(message)
            if reading.time_s >= since_s:
                readings.append(reading)
            return len(readings) == TARE_READINGS or None

        await self._first(self._wrenches, collect, self._limit_s(0.0), "no wrenches")
        return _mean(readings)

    def _raw(self, message: WrenchStamped) -> Wrench:
        """A message's wrench; DEVICE_MALFORMED, and DEVICE_STALE: stamps that lie far back are all older than the zero, and
        contact would never be noticed."""
        try:
            raw = convert.wrench_of(message, self.clock.epoch_s)
        except UsageError as error:
            raise FaultError("DEVICE_MALFORMED", self.name, str(error)) from error
        check_fresh(self.name, raw.time_s, self.clock.now(), STALE_S * max(1.0, self._rate))
        return raw

    def _wrench(self, message: WrenchStamped) -> Wrench:
        raw = self._raw(message)
        return Wrench(_less(raw.force, self._zero.force), _less(raw.torque, self._zero.torque), raw.time_s)


def _less(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _mean(readings: deque[Wrench]) -> Wrench:
    count = len(readings)

    def mean(vectors: list[Vector]) -> Vector:
        x, y, z = (sum(axis) / count for axis in zip(*vectors, strict=True))
        return (x, y, z)

    return Wrench(mean([r.force for r in readings]), mean([r.torque for r in readings]), readings[-1].time_s)


PLUGIN = RosForceSensor
