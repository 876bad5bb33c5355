"""The cell's interlock: emergency and protective stops abort the cell, and Clear is refused for as long as they last.

Status and logic, not a safety function: the safety controller has stopped the machine already, by wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from microcell.clock import Clock
from microcell.devices.contract import Device
from microcell.devices.safety.contract import Safety, Stops
from microcell.errors import UsageError
from microcell.faults import Fault, FaultError
from microcell.orchestration.packml import Command

AGAIN_S = 1.0
"""How often a silent safety device is asked."""


class Interlock:
    """Watches the safety devices of a cell. `stop` is told of each new stop; a device that is silent counts as one."""

    def __init__(self, devices: Mapping[str, Device], clock: Clock, stop: Callable[[Fault], None]) -> None:
        self._devices = {name: _safety(name, device) for name, device in devices.items()}
        self._clock = clock
        self._stop = stop
        self._known: dict[str, Stops] = {}
        self._silent: dict[str, Fault] = {}
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Look at every device, then watch them."""
        for name in self._devices:
            await self._look(name, first=True)
        self._watchers = [asyncio.ensure_future(self._watch(name)) for name in self._devices]

    async def close(self) -> None:
        """Watch no more."""
        for task in self._watchers:
            task.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    def check(self, command: Command) -> None:
        """Refuse Clear and Reset with `UsageError` while something stops the cell."""
        if command in (Command.CLEAR, Command.RESET) and (reasons := self._reasons()):
            raise UsageError(f"{command.title} is refused: {'; '.join(reasons)}. Then {command.title} again.")

    def _reasons(self) -> list[str]:
        found = [f"{fault}" for fault in self._silent.values()]
        for name, stops in self._known.items():
            found += [f"the emergency stop '{b}' of {name} is pressed. Release it" for b in stops.emergency]
            found += [f"{arm} is in its protective stop. Acknowledge it at the arm" for arm in stops.protective]
        return found

    async def _watch(self, name: str) -> None:
        while True:
            if name in self._silent:
                await self._clock.sleep(AGAIN_S)
            await self._look(name, first=name in self._silent)

    async def _look(self, name: str, first: bool) -> None:
        """Take note of what a device tells: at once, or when it differs from what is known."""
        device, known = self._devices[name], self._known.get(name, Stops())
        try:
            stops = await (device.stops() if first else device.wait_change(known))
        except FaultError as error:
            if name not in self._silent:
                self._silent[name] = error.fault
                self._stop(error.fault)
            return
        self._silent.pop(name, None)
        self._known[name] = stops
        for button in stops.emergency:
            if button not in known.emergency:
                self._stop(Fault("EMERGENCY_STOP", name, f"pressed: {button}", time_s=self._clock.now()))
        for arm in stops.protective:
            if arm not in known.protective:
                self._stop(Fault("ARM_PROTECTIVE_STOP", arm, f"{name} tells it", time_s=self._clock.now()))


def _safety(name: str, device: Device) -> Safety:
    if not isinstance(device, Safety):
        raise TypeError(f"'{name}' is no safety device")
    return device
