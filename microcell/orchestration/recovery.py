"""What to do about a fault: a policy for each code, gone through step by step, each step with its own number of times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from microcell.description.line import RecoveryStep
from microcell.faults import CATALOGUE

Action = Literal["retry", "next_part", "wait", "scrap", "hold"]


def _steps(*steps: tuple[Action, int]) -> tuple[RecoveryStep, ...]:
    return tuple(RecoveryStep(action=action, times=times) for action, times in steps)


_RETRY = _steps(("retry", 2), ("hold", 1))
_NEXT_PART = _steps(("next_part", 3), ("hold", 1))
_RETRY_THEN_NEXT = _steps(("retry", 1), ("next_part", 2), ("scrap", 1))
_HOLD = _steps(("hold", 1))

DEFAULTS: dict[str, tuple[RecoveryStep, ...]] = {
    "GRIP_NOTHING_HELD": _NEXT_PART,
    "GRIP_PART_LOST": _NEXT_PART,
    "GRIP_WRONG_WIDTH": _NEXT_PART,
    "VACUUM_NOT_SEALED": _steps(("retry", 2), ("next_part", 2), ("hold", 1)),
    "HAND_NOT_EMPTY": _NEXT_PART,
    "FEEDER_EMPTY": _steps(("wait", 100)),
    "FEEDER_JAMMED": _HOLD,
    "PART_NOT_FOUND": _steps(("retry", 2), ("hold", 1)),
    "INSERT_NO_CONTACT": _NEXT_PART,
    "INSERT_JAMMED": _RETRY_THEN_NEXT,
    "INSERT_FORCE_EXCEEDED": _RETRY_THEN_NEXT,
    "FASTEN_CROSS_THREADED": _steps(("retry", 2), ("scrap", 1)),
    "FASTEN_NOT_SEATED": _steps(("retry", 2), ("scrap", 1)),
    "FASTEN_NO_SCREW": _steps(("retry", 3), ("hold", 1)),
    "CAMERA_UNUSABLE_IMAGE": _RETRY,
    "CARTON_FULL": _RETRY,
    "LABEL_NOT_PRINTED": _RETRY,
    "ARM_STOPPED": _RETRY,
    "EMERGENCY_STOP": _steps(("retry", 3), ("hold", 1)),
    "SKILL_CANCELLED": _steps(("retry", 3), ("hold", 1)),
    "SKILL_TIMEOUT": _steps(("next_part", 1), ("hold", 1)),
    "SKILL_FAILED": _steps(("scrap", 1)),
}
"""Every code that is not here holds the cell and waits for a person."""


def policy(code: str, overrides: Mapping[str, tuple[RecoveryStep, ...]]) -> tuple[RecoveryStep, ...]:
    """The steps for a code: the line's own, else the default, else hold."""
    return overrides.get(code) or DEFAULTS.get(code) or _HOLD


def decide(code: str, already: int, overrides: Mapping[str, tuple[RecoveryStep, ...]]) -> Action:
    """The action for the next occurrence when `already` ones were dealt with; past the last step it is hold."""
    if code not in CATALOGUE:
        raise ValueError(f"'{code}' is not in the fault catalogue")
    for step in policy(code, overrides):
        if already < step.times:
            return step.action
        already -= step.times
    return "hold"
