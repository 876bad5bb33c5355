"""The closed catalogue of faults: what each code means, who must act, and what to do next.

A fault keeps its code from the device that saw it to the result of the order. Nothing in the package raises a fault that
is not listed here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any


class Actor(str, Enum):
    """Who must act for the fault to go away."""

    CELL = "cell"
    OPERATOR = "operator"
    MAINTENANCE = "maintenance"
    ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One entry of the catalogue."""

    cause: str
    remedy: str
    actor: Actor
    recoverable: bool


def _cell(cause: str, remedy: str) -> FaultKind:
    return FaultKind(cause, remedy, Actor.CELL, True)


def _operator(cause: str, remedy: str, recoverable: bool = True) -> FaultKind:
    return FaultKind(cause, remedy, Actor.OPERATOR, recoverable)


def _maintenance(cause: str, remedy: str) -> FaultKind:
    return FaultKind(cause, remedy, Actor.MAINTENANCE, False)


def _engineer(cause: str, remedy: str) -> FaultKind:
    return FaultKind(cause, remedy, Actor.ENGINEER, False)


CATALOGUE: dict[str, FaultKind] = {
    # arm and motion
    "ARM_UNREACHABLE": _engineer(
        "A pose is out of the arm's reach.", "Move the station nearer or change the pose in the description."
    ),
    "ARM_SINGULAR": _engineer(
        "A straight motion passes too near to a singularity of the arm.",
        "Move the station, or turn the pose about its vertical axis in the description.",
    ),
    "ARM_BLOCKED": _engineer(
        "No way free of collisions was found, or the goal itself collides.",
        "Look at what stands in the way (named in the detail), then move it or change the pose in the description.",
    ),
    "ARM_OVERLOADED": _engineer(
        "Tool and part together are too heavy for the arm, or reach too far out.",
        "Use a lighter tool or part, or an arm with more payload.",
    ),
    "ARM_LIMIT": _engineer(
        "A trajectory exceeds a joint's position or velocity limit.",
        "Check the arm's limits and the pose in the description.",
    ),
    "ARM_DEVIATION": _maintenance(
        "The arm did not follow its trajectory.", "Check for an obstacle and the arm's payload, then Unhold."
    ),
    "ARM_PROTECTIVE_STOP": _operator(
        "The arm's controller made a protective stop.",
        "Clear the cause at the arm, then Unhold; where the cell is Aborted, Clear and Reset.",
        False,
    ),
    "ARM_STOPPED": _cell("The motion was stopped before its end.", "Send the motion again when the cell is ready."),
    # gripping
    "GRIP_NOTHING_HELD": _cell("The gripper closed on nothing.", "Look for the part again, then try the next one."),
    "GRIP_PART_LOST": _cell(
        "The part was held and is not any more.", "Pick another part; remove the lost one at the next stop."
    ),
    "GRIP_WRONG_WIDTH": _cell("The gripped width is not that of the part.", "Discard the part and pick another."),
    "VACUUM_NOT_SEALED": _cell(
        "The vacuum cup did not reach its pressure.", "Approach again; clean or replace the cup when it repeats."
    ),
    "HAND_NOT_EMPTY": _operator("The tool already holds something.", "Take the part out of the tool, then Unhold."),
    # feeding
    "FEEDER_EMPTY": _operator("The feeder has no parts left.", "Refill the feeder and say so: 'microcell refill FEEDER'."),
    "FEEDER_JAMMED": _operator("The feeder does not present a part.", "Clear the feeder, then Unhold."),
    "PART_WRONG": _operator(
        "The feeder presents another part than the operation needs.", "Put the right part into the feeder, then Unhold."
    ),
    "PART_NOT_FOUND": _cell(
        "The camera does not find the part where it should be.", "Look again; then check light and feeder."
    ),
    # assembly
    "INSERT_NO_CONTACT": _cell(
        "No contact was felt where the part should touch.", "Check that the part is held and the unit in place."
    ),
    "INSERT_JAMMED": _cell(
        "The part did not go in within the force limit.", "Try again with a wider search, then with another part."
    ),
    "INSERT_FORCE_EXCEEDED": _cell("The insertion force went over its limit.", "Check the part's fit; try another part."),
    "PLUG_NOT_LATCHED": _cell("The plug came out again when it was pulled.", "Push it in again, then try another part."),
    "DISPENSER_EMPTY": _operator("The cartridge holds less than the bead needs.", "Put in a full cartridge, then Unhold."),
    "DISPENSE_OFF_LIMITS": _cell(
        "More or less came out of the nozzle than permitted.", "The unit is scrapped; clean the nozzle when it repeats."
    ),
    "DISPENSE_BROKEN_OFF": _cell(
        "A bead was broken off, and no other is ever laid over it.", "The unit is scrapped; see what stopped the arm."
    ),
    "PRESS_OFF_LIMITS": _cell(
        "Force or height of the press are out of their limits.", "Press again; check the parts under the ram."
    ),
    "WELD_NO_CONTACT": _cell(
        "The electrodes touched nothing to weld.", "Weld again; check the parts at the spot, and the electrodes."
    ),
    "WELD_OFF_LIMITS": _cell("A spot is not as good as permitted.", "Weld again; dress the electrodes when it repeats."),
    "TURNER_STUCK": _operator("The fixture is not turned as it should be.", "Clear the turner, then Unhold."),
    "TEST_NO_CONTACT": _cell("The tester's contacts touch no part.", "Test another part; check the nest and the contacts."),
    "PART_OFF_LIMITS": _cell("A tested part is not as good as permitted.", "It was thrown into the bin; take another."),
    "FASTEN_CROSS_THREADED": _cell("Torque rose before the screw was seated.", "Back the screw out and try a new one."),
    "FASTEN_NOT_SEATED": _cell("The screw turned without reaching its torque.", "Check thread and screw; try a new one."),
    "FASTEN_NO_SCREW": _cell("The bit holds no screw.", "Take another screw."),
    "FIXTURE_NOT_CLAMPED": _operator(
        "The fixture's clamp did not close.",
        "Check the part's seat and the clamp, then Unhold.",
    ),
    "FIXTURE_EMPTY": _operator(
        "The fixture's sensor sees no part.",
        "Put the unit back as it was seated, or mend the sensor, then Unhold.",
    ),
    "FIXTURE_OCCUPIED": _operator(
        "The fixture's sensor sees a part where none should be.", "Take the part out of the fixture, then Unhold."
    ),
    # tooling
    "TOOL_WRONG": _operator(
        "The tool in the pocket is not the expected one.",
        "Put the right tool into the pocket, then Unhold.",
    ),
    "TOOL_MISSING": _operator("The pocket is empty.", "Put the tool into its pocket, then Unhold."),
    "TOOL_POCKET_OCCUPIED": _operator(
        "The pocket for the tool on the flange is not free.",
        "Empty the pocket, then Unhold.",
    ),
    "TOOL_BLOCKED": _operator(
        "Flange or tool met something on the way into its pocket: the force limit was reached.",
        "Look at pocket, coupling and tool for what is in the way or bent, clear it, then Unhold.",
    ),
    "TOOL_NOT_LOCKED": _maintenance(
        "The tool changer's lock did not confirm.",
        "Check coupling and air supply, then Unhold.",
    ),
    "TOOL_UNCERTAIN": _operator(
        "The sensors of coupling and crib contradict each other: what is on the flange is not certain.",
        "Look at flange and pockets (the detail names them), make lock and sensors agree, then Unhold.",
    ),
    "TOOL_OUT_OF_SERVICE": _maintenance(
        "The tool was put out of service.",
        "Put it back into service ('microcell tools --in-service TOOL'), or put in another with its serial in the cell's "
        "description; then Unhold.",
    ),
    "TOOL_UNSUITABLE": _engineer(
        "The mounted tool cannot do what the skill needs.", "Check the plan and the tools' capabilities."
    ),
    "TOOL_WORN_OUT": _maintenance(
        "The tool reached its life limit.",
        "Overhaul it and say so ('microcell tools --renew TOOL', service renew_tool), or put in another with its serial in "
        "the cell's description; then Unhold.",
    ),
    # inspection
    "CAMERA_NO_IMAGE": _maintenance("The camera delivered no image.", "Check cable, power and driver, then Unhold."),
    "CAMERA_NOT_CALIBRATED": _engineer(
        "The camera's calibration has expired, or its optics in use are not this camera's.",
        "Calibrate it anew (microcell calibrate), name the new file in the cell's description, and start the cell again.",
    ),
    "CAMERA_UNUSABLE_IMAGE": _cell(
        "The image is too dark, too bright or blurred to judge.", "Look again with other exposure."
    ),
    "INSPECTION_NOT_CONFIGURED": _engineer(
        "The product has no such inspection, or one of its checks has not been taught.",
        "Read the detail; correct the plan, add the inspection, or teach the check with `microcell teach`.",
    ),
    "PROCESS_DRIFTING": FaultKind(
        "A measured value drifts towards its limit; units still pass.",
        "Find out what has changed (tool, lot, fixture, camera) before it makes scrap; the detail says which value moves.",
        Actor.ENGINEER,
        True,
    ),
    # packaging
    "CARTON_FULL": _cell("The carton has no free place.", "Exchange the carton."),
    "CARTON_MISSING": _operator("There is no carton at the station.", "Put an empty carton at the station, then Unhold."),
    "LABEL_NOT_PRINTED": _operator("The printer did not present a label.", "Check ribbon and label roll, then Unhold."),
    # cell and software
    "DEVICE_SILENT": _maintenance(
        "A device does not answer.",
        "Check its power and network, then Unhold; where the cell is Aborted, Clear and Reset.",
    ),
    "DEVICE_STALE": _cell(
        "A device's reading is old, or came after a later one.",
        "Measure again; check the device, its network and its clock when it repeats.",
    ),
    "DEVICE_MALFORMED": _cell(
        "A device's answer cannot be read.", "Ask again; check the device's firmware and driver when it repeats."
    ),
    "DEVICE_FAILED": _maintenance(
        "A device did not do what it was told, or its driver failed.",
        "Look at the device; report the detail to its maker, or start the driver again, then Unhold.",
    ),
    "SENSOR_IMPLAUSIBLE": _cell(
        "A sensor says what cannot be.", "Measure again; check the sensor and its cable when it repeats."
    ),
    "CLOCK_JUMPED": _cell(
        "The cell's clock was set while it worked.", "Nothing, or keep the clock's synchronisation from stepping it."
    ),
    "DEVICE_REFUSED": _engineer("A device refused a command.", "Read the detail; correct the configuration."),
    "SKILL_REFUSED": _engineer("The skill server refused the goal.", "Read the detail; correct plan or parameters."),
    "SKILL_UNAVAILABLE": _operator(
        "No skill server offers the skill now.",
        "Start the server or wait for its restart, then Unhold.",
    ),
    "SKILL_TIMEOUT": _maintenance("The skill did not end within its time.", "Check the devices it uses, then Unhold."),
    "SKILL_CANCELLED": _cell("The skill was cancelled.", "Nothing, or resume the order."),
    "SKILL_FAILED": _engineer("The skill's program failed.", "Report the detail to its maker; the unit is put aside."),
    "OUTCOME_UNKNOWN": _operator(
        "The cell was interrupted during an action and cannot know its outcome.",
        "Make the hand and the station safe, then Unhold: the unit is put aside.",
    ),
    "EMERGENCY_STOP": _operator(
        "An emergency stop is pressed.", "Make the cell safe, release the button, then Clear and Reset.", False
    ),
    "DEVICE_OUT_OF_SERVICE": _operator(
        "Work waits for a device that is out of service, and no other can do it.",
        "Mend it and put it back ('microcell device NAME --in-service'; Reset a station that was stopped), or Unhold to try "
        "it again where the cell took it out of use itself.",
    ),
    "STATION_NOT_SET_UP": _operator(
        "A station has to be set up for another line.",
        "Do what the question says at the station, then answer 'done'.",
    ),
    "FIRST_ARTICLE_FAILED": _operator(
        "The first unit after a change of the line was not good at the first go.",
        "Look at the unit and at the stations that were set up, then answer: build another one, or release the line.",
    ),
    "CELL_BLOCKED": _operator(
        "Units are in work but nothing can go on.",
        "Look at the units in work that the detail names and at the stations they wait for, then Unhold.",
        False,
    ),
    "JOURNAL_UNWRITABLE": _operator(
        "The journal cannot be written.", "Free disk space or mend its permissions; nothing moves before.", False
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One occurrence of a catalogued fault."""

    code: str
    where: str
    detail: str = ""
    unit: str = ""
    operation: str = ""
    time_s: float | None = None

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"'{self.code}' is not in the fault catalogue (microcell/faults.py)")

    @property
    def kind(self) -> FaultKind:
        return CATALOGUE[self.code]

    def at(self, unit: str, operation: str, time_s: float) -> Fault:
        """The same fault with the unit, operation and cell time it happened at."""
        return replace(self, unit=unit, operation=operation, time_s=time_s)

    def as_data(self) -> dict[str, Any]:
        """Plain data for the journal and for machines."""
        return asdict(self)

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.code} at {self.where}: {self.kind.cause}{detail} {self.kind.remedy}"


class FaultError(Exception):
    """Carries a fault up to whoever can decide about it."""

    def __init__(self, code: str, where: str, detail: str = "") -> None:
        self.fault = Fault(code, where, detail)
        super().__init__(str(self.fault))

    @classmethod
    def of(cls, fault: Fault) -> FaultError:
        """Raise again a fault that came from elsewhere."""
        return cls(fault.code, fault.where, fault.detail)
