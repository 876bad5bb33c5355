"""Press over ROS: for each stored program a service `<name>/press/<program>` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.press.contract import Press, Pressed
from microcell.faults import FaultError
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosPress(RosDevice, Press):
    """A program's service answers when the ram is up again."""

    def _open(self) -> None:
        self._programs = {name: self._client(Trigger, names.press_program(self.name, name)) for name in self.spec.programs}

    async def press(self, program: str) -> Pressed:
        if program not in self._programs:
            stored = ", ".join(self._programs)
            raise FaultError("DEVICE_REFUSED", self.name, f"program '{program}'; stored are: {stored}")
        lasts_s = 2.0 * self.spec.stroke_m / self.spec.speed_m_s + self.spec.programs[program].hold_s
        return self._read(Pressed, await self._ask(self._programs[program], lasts_s))


PLUGIN = RosPress
