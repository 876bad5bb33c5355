"""Whether an answer is possible: numbers, ranges, ages, and what it says against what was known before."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any

from microcell.description.calibration import Calibration
from microcell.description.cell import CameraSpec
from microcell.devices.arm.contract import Arm, JointState
from microcell.devices.camera.contract import CameraInfo
from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.devices.contract import Device
from microcell.devices.dispenser.contract import Dispenser
from microcell.devices.feeder.contract import Feeder
from microcell.devices.force_sensor.contract import ForceSensor, Wrench
from microcell.devices.gripper.contract import Grip, Gripper
from microcell.devices.press.contract import Press
from microcell.devices.screwdriver.contract import Drive, Screwdriver
from microcell.devices.tester.contract import Tester
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.devices.vacuum.contract import Suction, Vacuum
from microcell.devices.welder.contract import Welder
from microcell.faults import FaultError

STALE_S = 1.0
"""A reading that is older says nothing about now."""
AT_GOAL_RAD = 0.01
AT_REST_RAD = 0.02
"""So much a joint of a resting arm may seem to have moved."""
AT_REST_RAD_S = 0.01
BEYOND_LIMIT_RAD = 0.05
LARGEST_N = 1000.0
"""More than any arm on a bench can press with."""
WIDTH_SLACK_M = 0.002
OPTICS_RATIO = 0.02
"""Two calibrations of one lens differ by less."""


@dataclass(frozen=True)
class Terms:
    """By what answers are judged: how old one may be, in cell time, how often a noisy sensor may repeat itself, and whether
    an arm's answer at the end of a motion is held against its goal.
    """

    stale_s: Callable[[], float] = lambda: STALE_S
    repeats: int = 0
    goals: bool = True


def check_fresh(name: str, time_s: float, now_s: float, stale_s: float = STALE_S) -> None:
    """DEVICE_STALE for a reading or image that is old."""
    if now_s - time_s > stale_s:
        raise FaultError("DEVICE_STALE", name, f"what it delivered is {now_s - time_s:.1f} s old")


def check_calibrated(name: str, serial: str, calibration: Calibration | None, unix_s: float) -> None:
    """CAMERA_NOT_CALIBRATED for a calibration of another camera, or one that has expired; a camera needs none.

    `serial` is what the camera says of itself, "" where it says nothing.
    """
    if calibration is None:
        return
    today = datetime.fromtimestamp(unix_s, timezone.utc).date()
    if today > calibration.valid_until:
        raise FaultError("CAMERA_NOT_CALIBRATED", name, f"it expired on {calibration.valid_until}, today is {today}")
    if serial and serial != calibration.serial:
        raise FaultError("CAMERA_NOT_CALIBRATED", name, f"it is of '{calibration.serial}', this is '{serial}'")


def check_optics(name: str, spec: CameraSpec, info: CameraInfo | None) -> None:
    """CAMERA_NOT_CALIBRATED where the optics in use are not those that the camera tells, if it tells any."""
    if info is None:
        return
    told = (info.width_px, info.height_px, math.sqrt(max(0.0, info.matrix_px[0] * info.matrix_px[4])))
    used = (spec.width_px, spec.height_px, spec.focal_px)
    if any(abs(one - other) > OPTICS_RATIO * other for one, other in zip(told, used, strict=True)):
        says, uses = (f"{width} x {height} pixels, focal length {focal:.0f}" for width, height, focal in (told, used))
        raise FaultError("CAMERA_NOT_CALIBRATED", name, f"it says {says}; the optics in use are {uses}")


class Judge:
    """Judges the answers of one device; this one knows nothing of it."""

    def __init__(self, device: Device, terms: Terms) -> None:
        self._name = device.name
        self._device = device
        self._terms = terms

    @property
    def _spec(self) -> Any:
        return self._device.spec  # type: ignore[attr-defined]

    def begins(self, command: str) -> None:
        """A command is about to be given."""

    def answered(self, command: str, answer: Any, arguments: tuple[Any, ...], now_s: float) -> None:
        """DEVICE_MALFORMED, DEVICE_STALE, SENSOR_IMPLAUSIBLE, ARM_DEVIATION for an answer that cannot be."""

    def _check_finite(self, command: str, *numbers: float) -> None:
        if not all(map(math.isfinite, numbers)):
            raise FaultError("DEVICE_MALFORMED", self._name, f"the answer to '{command}' holds a value that is no number")

    def _implausible(self, detail: str) -> FaultError:
        return FaultError("SENSOR_IMPLAUSIBLE", self._name, detail)


class Stamped(Judge):
    """Readings with a stamp: never old, never back in time."""

    def __init__(self, device: Device, terms: Terms) -> None:
        super().__init__(device, terms)
        self._newest_s = -math.inf

    def _check_stamp(self, time_s: float, now_s: float) -> None:
        """DEVICE_STALE. Stamps that lie ahead come of a clock that was set: the newest counts from there on."""
        newest_s, self._newest_s = self._newest_s, max(time_s, min(self._newest_s, now_s))
        check_fresh(self._name, time_s, now_s, self._terms.stale_s())
        if time_s < min(newest_s, now_s):
            detail = f"the reading is {newest_s - time_s:.3f} s older than the one that came before it"
            raise FaultError("DEVICE_STALE", self._name, detail)


class ArmJudge(Stamped):
    """Joints that jump while the arm rests, leave their limits, or are not where a motion should have led."""

    _rests_at: tuple[float, ...] | None = None

    def begins(self, command: str) -> None:
        if command == "follow":
            self._rests_at = None

    def answered(self, command: str, answer: JointState, arguments: tuple[Any, ...], now_s: float) -> None:
        self._check_finite(command, *answer.positions, *answer.velocities)
        self._check_stamp(answer.time_s, now_s)
        if command == "follow":
            if self._terms.goals:
                self._check_goal(answer.positions, arguments[0].positions[-1])
                self._rests_at = answer.positions
        elif max(map(abs, answer.velocities), default=0.0) < AT_REST_RAD_S:
            self._check_limits(answer.positions)
            self._check_rest(answer.positions)

    def _check_goal(self, reached: tuple[float, ...], goal: tuple[float, ...]) -> None:
        for number, (is_at, should) in enumerate(zip(reached, goal, strict=True), 1):
            if abs(is_at - should) > AT_GOAL_RAD:
                detail = f"joint {number} came to rest at {is_at:.3f} rad, its goal was {should:.3f} rad"
                raise FaultError("ARM_DEVIATION", self._name, detail)

    def _check_limits(self, positions: tuple[float, ...]) -> None:
        for number, (limit, is_at) in enumerate(zip(self._spec.joints, positions, strict=True), 1):
            lower, upper = limit.values[:2]
            if not lower - BEYOND_LIMIT_RAD <= is_at <= upper + BEYOND_LIMIT_RAD:
                limits = f"its limits are {lower:g} to {upper:g}"
                raise self._implausible(f"joint {number} reads {is_at:.3f} {limit.unit}, {limits}")

    def _check_rest(self, positions: tuple[float, ...]) -> None:
        rest = self._rests_at
        if rest is None:
            self._rests_at = positions
            return
        for number, (is_at, was_at) in enumerate(zip(positions, rest, strict=True), 1):
            if abs(is_at - was_at) > AT_REST_RAD:
                self._rests_at = None
                raise self._implausible(f"joint {number} went from {was_at:.3f} to {is_at:.3f} rad without a motion")


class ForceJudge(Stamped):
    """Forces that no arm can make, and a noisy sensor that says the same again and again."""

    _last: tuple[Any, Any] | None = None
    _repeated = 0

    def answered(self, command: str, answer: Wrench, arguments: tuple[Any, ...], now_s: float) -> None:
        if command == "tare":
            return
        self._check_finite(command, *answer.force, *answer.torque)
        self._check_stamp(answer.time_s, now_s)
        if max(map(abs, answer.force)) > LARGEST_N:
            raise self._implausible(f"it reads {max(map(abs, answer.force)):.0f} N, more than {LARGEST_N:.0f} N cannot be")
        if command == "read":
            last, self._last = self._last, (answer.force, answer.torque)
            self._repeated = self._repeated + 1 if last == self._last else 0
            if self._repeated > self._terms.repeats and self._spec.noise_n > 0.0:
                raise self._implausible("it repeats its last reading to the last digit, noise included")


class GripperJudge(Judge):
    """Openings that the fingers do not have."""

    def answered(self, command: str, answer: Grip, arguments: tuple[Any, ...], now_s: float) -> None:
        self._check_finite(command, answer.width_m, answer.force_n)
        if not -WIDTH_SLACK_M <= answer.width_m <= self._spec.stroke_m + WIDTH_SLACK_M:
            stroke = f"the stroke is {self._spec.stroke_m * 1e3:.1f} mm"
            raise self._implausible(f"it reads an opening of {answer.width_m * 1e3:.1f} mm, {stroke}")


class VacuumJudge(Judge):
    def answered(self, command: str, answer: Suction, arguments: tuple[Any, ...], now_s: float) -> None:
        self._check_finite(command, answer.pressure_pa)


class FiniteJudge(Judge):
    """Answers whose every number must be one."""

    def answered(self, command: str, answer: Any, arguments: tuple[Any, ...], now_s: float) -> None:
        self._check_finite(command, *(getattr(answer, field.name) for field in fields(answer)))


class ScrewdriverJudge(Judge):
    def answered(self, command: str, answer: Any, arguments: tuple[Any, ...], now_s: float) -> None:
        if isinstance(answer, Drive):
            curve = (number for point in answer.curve for number in point)
            self._check_finite(command, answer.torque_n_m, answer.angle_rad, *curve)


class FeederJudge(Judge):
    """Levels that the feeder cannot have."""

    def answered(self, command: str, answer: Any, arguments: tuple[Any, ...], now_s: float) -> None:
        level = answer if isinstance(answer, int) else answer.level
        if not 0 <= level <= self._spec.capacity:
            raise self._implausible(f"it reads a level of {level}, its capacity is {self._spec.capacity}")


class CartonJudge(Judge):
    """More units than places."""

    def answered(self, command: str, answer: Carton, arguments: tuple[Any, ...], now_s: float) -> None:
        if not 0 <= answer.filled <= answer.places:
            raise self._implausible(f"it counts {answer.filled} units in {answer.places} places")


class CribJudge(Judge):
    """As many serials as pockets."""

    def answered(self, command: str, answer: Any, arguments: tuple[Any, ...], now_s: float) -> None:
        if len(answer) != len(self._spec.pockets):
            detail = f"it answered {len(answer)} serials for {len(self._spec.pockets)} pockets"
            raise FaultError("DEVICE_MALFORMED", self._name, detail)


_JUDGES: dict[type[Device], type[Judge]] = {
    Arm: ArmJudge,
    ForceSensor: ForceJudge,
    Gripper: GripperJudge,
    Vacuum: VacuumJudge,
    Screwdriver: ScrewdriverJudge,
    Dispenser: FiniteJudge,
    Welder: FiniteJudge,
    Press: FiniteJudge,
    Tester: FiniteJudge,
    Feeder: FeederJudge,
    CartonStation: CartonJudge,
    ToolCrib: CribJudge,
}


def judge_of(contract: type[Device]) -> type[Judge]:
    """Who judges the answers of a kind of device."""
    return _JUDGES.get(contract, Judge)
