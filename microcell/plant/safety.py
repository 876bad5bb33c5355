"""The safety circuit of the simulated cell: emergency stop buttons, and protective stops of single arms.

A pressed button stops all arms and actuators at once and keeps them so until it is released; fingers, cups, clamps and locks
keep what they hold. A protective stop stops one arm.
"""

from __future__ import annotations

from collections.abc import Callable

from microcell.faults import FaultError
from microcell.plant.signals import Signal


class SafetyCircuit:
    """Buttons that are `pressed` and arms that are `tripped`; `changed` tells of each press, trip and release.

    `reflexes` are called at once when something is pressed or tripped.
    """

    def __init__(self, buttons: tuple[str, ...], arms: tuple[str, ...]) -> None:
        self.pressed: set[str] = set()
        self.tripped: set[str] = set()
        self.changed = Signal()
        self.reflexes: dict[str, Callable[[], None]] = {}
        self.buttons = buttons
        self._arms = arms

    def press(self, button: str) -> None:
        """Press an emergency stop; it stays in."""
        self._change(self.pressed, _known(button, self.buttons, "button"), True)

    def release(self, button: str) -> None:
        """Turn an emergency stop back out; nothing moves because of that."""
        self._change(self.pressed, _known(button, self.buttons, "button"), False)

    def trip(self, arm: str) -> None:
        """Let an arm's controller make a protective stop."""
        self._change(self.tripped, _known(arm, self._arms, "arm"), True)

    def restore(self, arm: str) -> None:
        """Acknowledge an arm's protective stop at its controller."""
        self._change(self.tripped, _known(arm, self._arms, "arm"), False)

    def check(self, device: str, arm: str = "") -> None:
        """Raise EMERGENCY_STOP, or ARM_PROTECTIVE_STOP for what works on such an arm, where nothing may be driven."""
        if self.pressed:
            raise FaultError("EMERGENCY_STOP", device, f"pressed: {', '.join(sorted(self.pressed))}")
        if arm in self.tripped:
            raise FaultError("ARM_PROTECTIVE_STOP", arm, "the arm's controller is in its protective stop")

    def _change(self, among: set[str], name: str, on: bool) -> None:
        (among.add if on else among.discard)(name)
        for reflex in self.reflexes.values() if on else ():
            reflex()
        self.changed.notify()


def _known(name: str, names: tuple[str, ...], what: str) -> str:
    if name not in names:
        raise ValueError(f"no {what} '{name}'; there are: {', '.join(names) or 'none'}")
    return name
