"""What to do about a fault: a policy for each code, gone through step by step, each step with its own number of times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

from microcell.description.line import Choice, RecoveryStep
from microcell.faults import CATALOGUE

Action = Literal[Choice, "ask"]
Overrides = Mapping[str, tuple[RecoveryStep, ...]]
REPEATING = ("retry", "look_again", "next_part", "other", "rework")
"""Actions by which something is tried again: these count towards the budget."""

STEPS: dict[Action, RecoveryStep] = {action: RecoveryStep(action=action) for action in ("scrap", "hold", "next_part")}

CONSEQUENCES: dict[Choice, str] = {
    "retry": "The operation is done again, with another approach where the skill has one.",
    "look_again": "Sensors and cameras are read anew, and the operation is done again as before.",
    "next_part": "What the tool holds is dropped into a bin, and the work is done again with the next part.",
    "other": "What the tool holds is dropped into a bin, and the work is done again with another device.",
    "wait": "What the tool holds is dropped into a bin; the feeder counts as empty until it is refilled.",
    "rework": "The unit goes back to earlier operations.",
    "scrap": "What the tool holds is dropped into a bin, and the unit goes to the rejects.",
    "hold": "The whole cell is held until somebody commands Unhold; then the operation is done again.",
}
"""What each choice leads to, for the person who is asked."""


def _steps(*steps: tuple[Action, int]) -> tuple[RecoveryStep, ...]:
    return tuple(RecoveryStep(action=action, times=times) for action, times in steps)


def _other(kind: Any) -> RecoveryStep:
    return RecoveryStep(action="other", kind=kind)


def _ask(times: int, default: Choice, *choices: Choice) -> RecoveryStep:
    return RecoveryStep(action="ask", times=times, choices=choices, default=default, after_s=ANSWER_S)


ANSWER_S = 600.0
"""How long the default policies wait for an answer."""
BACK_S = 10.0
"""After so long a device is asked again that did not answer: what was started again meanwhile is there by then."""

_HOLD = STEPS["hold"]
_NEXT_PART = _steps(("next_part", 3))
_RETRY_THEN_NEXT = _steps(("retry", 1), ("next_part", 2), ("scrap", 1))

DEFAULTS: dict[str, tuple[RecoveryStep, ...]] = {
    "GRIP_NOTHING_HELD": (*_steps(("retry", 1), ("next_part", 2)), _other("feeder"), _HOLD),
    "GRIP_PART_LOST": (*_NEXT_PART, _HOLD),
    "GRIP_WRONG_WIDTH": (*_NEXT_PART, _other("feeder"), _HOLD),
    "VACUUM_NOT_SEALED": (*_steps(("retry", 2), ("next_part", 2)), _other("tool"), _HOLD),
    "HAND_NOT_EMPTY": (*_NEXT_PART, _HOLD),
    "FEEDER_EMPTY": _steps(("wait", 100)),
    "FEEDER_JAMMED": (_other("feeder"), _HOLD),
    "PART_NOT_FOUND": (*_steps(("look_again", 2)), _other("feeder"), _HOLD),
    "INSERT_NO_CONTACT": (*_NEXT_PART, _ask(1, "scrap", "retry", "next_part", "scrap", "hold"), _HOLD),
    "INSERT_JAMMED": _RETRY_THEN_NEXT,
    "INSERT_FORCE_EXCEEDED": _RETRY_THEN_NEXT,
    "PLUG_NOT_LATCHED": _RETRY_THEN_NEXT,
    "DISPENSE_OFF_LIMITS": _steps(("scrap", 1)),
    "DISPENSE_BROKEN_OFF": _steps(("scrap", 1)),
    "PRESS_OFF_LIMITS": _steps(("retry", 1), ("scrap", 1)),
    "WELD_NO_CONTACT": _steps(("retry", 2), ("scrap", 1)),
    "WELD_OFF_LIMITS": _steps(("retry", 2), ("scrap", 1)),
    "TEST_NO_CONTACT": (*_NEXT_PART, _HOLD),
    "PART_OFF_LIMITS": (*_steps(("next_part", 20)), _HOLD),
    "FASTEN_CROSS_THREADED": _steps(("retry", 2), ("scrap", 1)),
    "FASTEN_NOT_SEATED": _steps(("retry", 2), ("scrap", 1)),
    "EMERGENCY_STOP": _steps(("retry", 3), ("hold", 1)),
    "FASTEN_NO_SCREW": (*_steps(("retry", 3)), _other("feeder"), _HOLD),
    "FIXTURE_NOT_CLAMPED": _steps(("retry", 1), ("hold", 1)),
    "FIXTURE_OCCUPIED": (_other("fixture"), _HOLD),
    "TOOL_MISSING": (_other("tool"), _HOLD),
    "TOOL_WRONG": (_other("tool"), _HOLD),
    "CAMERA_NO_IMAGE": (*_steps(("look_again", 1)), _other("camera"), _HOLD),
    "CAMERA_UNUSABLE_IMAGE": (*_steps(("retry", 2)), _other("camera"), _HOLD),
    "CAMERA_NOT_CALIBRATED": (_other("camera"), _HOLD),
    "CARTON_FULL": _steps(("retry", 2), ("hold", 1)),
    "CARTON_MISSING": (_other("carton_station"), _HOLD),
    "LABEL_NOT_PRINTED": (*_steps(("retry", 2)), _other("printer"), _HOLD),
    "ARM_STOPPED": _steps(("retry", 2), ("hold", 1)),
    "DEVICE_SILENT": (RecoveryStep(action="other"), RecoveryStep(action="retry", times=2, pause_s=BACK_S), _HOLD),
    "DEVICE_STALE": _steps(("retry", 2), ("hold", 1)),
    "DEVICE_MALFORMED": _steps(("retry", 2), ("hold", 1)),
    "SENSOR_IMPLAUSIBLE": _steps(("retry", 2), ("hold", 1)),
    "CLOCK_JUMPED": _steps(("retry", 2), ("hold", 1)),
    "SKILL_CANCELLED": _steps(("retry", 3), ("hold", 1)),
    "SKILL_TIMEOUT": _steps(("next_part", 2), ("hold", 1)),
    "SKILL_FAILED": _steps(("scrap", 1)),
}
"""Every code that is not here holds the cell and waits for a person."""


def policy(code: str, overrides: Overrides) -> tuple[RecoveryStep, ...]:
    """The steps for a code: the line's own, else the default, else hold."""
    return overrides.get(code) or DEFAULTS.get(code) or (_HOLD,)


class Tries:
    """How many faults of each code some work has had since a person last looked at it: the steps of a policy are for one
    code, and another fault in between uses up none of them.
    """

    def __init__(self) -> None:
        self._dealt_with: Counter[str] = Counter()

    def of(self, code: str) -> int:
        """How many of a code were dealt with."""
        return self._dealt_with[code]

    def note(self, code: str, action: Action) -> None:
        """Count one more; after a hold everything begins anew."""
        if action == "hold":
            self._dealt_with.clear()
        else:
            self._dealt_with[code] += 1


def choose(
    code: str, already: int, overrides: Overrides, possible: Callable[[RecoveryStep], bool] = lambda step: True
) -> RecoveryStep:
    """The step for the next occurrence when `already` ones were dealt with; past the last one it is hold.

    A step that is not possible now is passed over.
    """
    if code not in CATALOGUE:
        raise ValueError(f"'{code}' is not in the fault catalogue")
    for step in policy(code, overrides):
        if not possible(step):
            continue
        if already < step.times:
            return step
        already -= step.times
    return _HOLD


def decide(code: str, already: int, overrides: Overrides) -> RecoveryStep:
    """As `choose`, for work that belongs to no unit: nothing can be exchanged, and nobody is asked."""
    return choose(code, already, overrides, lambda step: step.action not in ("other", "ask", "rework"))


def again_or_hold(code: str, tries: Tries, overrides: Overrides) -> RecoveryStep:
    """As `decide`, for what can only be done again as it was, also where the policy takes the next part or gives the unit
    up: there is none. The step is noted as taken.
    """
    step = decide(code, tries.of(code), overrides)
    if step.action in ("next_part", "scrap"):
        step = step.model_copy(update={"action": "retry"})
    elif step.action not in ("retry", "look_again"):
        step = _HOLD
    tries.note(code, step.action)
    return step
