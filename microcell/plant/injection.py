"""Faults to order: which device fails at which of its commands, and how often. For tests and demos."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.faults import CATALOGUE


@dataclass
class Injection:
    """A device's command ends in `code`.

    From its `nth` call on (1 = the next), counted from `after_s`, for `times` calls.
    """

    device: str
    command: str
    code: str
    nth: int = 1
    after_s: float = 0.0
    times: int = 1

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"'{self.code}' is not in the fault catalogue (microcell/faults.py)")


class Injections:
    """The list of faults still to come."""

    def __init__(self) -> None:
        self._waiting: list[Injection] = []

    def add(self, injection: Injection) -> None:
        """Order a fault."""
        self._waiting.append(injection)

    def due(self, device: str, command: str, now_s: float) -> str | None:
        """Count one call of a command; the code of the fault that it ends in, if any."""
        for injection in self._waiting:
            if (injection.device, injection.command) != (device, command) or now_s < injection.after_s:
                continue
            injection.nth -= 1
            if injection.nth > 0:
                continue
            injection.times -= 1
            if injection.times <= 0:
                self._waiting.remove(injection)
            return injection.code
        return None
