"""The catalogue of faults that can be injected into mock hardware and the programs of the virtual cell: data only.

What each one does is written where it can act: `devices/effects_*.py` for devices and the plant, `injecting.py` for the
cell's programs, `ros/hardware.py` for processes. The page `docs/faults.md` is made from this list.
"""

from __future__ import annotations

from microcell.description.injectable_kinds import DEVICE_KINDS, PROGRAM_KINDS, Injectable, Size
from microcell.description.injectable_process import PROCESS
from microcell.description.line import Line

CONDITIONS: dict[str, str] = {
    "holding": "some tool on an arm holds a part",
    "empty_handed": "no tool holds a part",
    "moving": "some arm moves",
    "resting": "every arm stands still",
    "unit_seated": "a unit stands in some fixture",
    "no_unit": "every fixture is empty",
}
"""The closed set of conditions that a scheduled fault can wait for, in words. They are asked of the plant's truth."""


def _all(*commands: str, kinds: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(kinds, commands)


_SWITCHED = ("gripper", "vacuum", "tool_changer", "feeder", "fixture", "printer", "carton_station")
_TWICE = {
    "gripper": ("open", "close"), "vacuum": ("on", "off"), "tool_changer": ("lock", "unlock"), "feeder": ("present",),
    "fixture": ("clamp", "release"), "printer": ("print_label",), "carton_station": ("exchange",),
}  # fmt: skip
_READ = {
    "arm": ("joints",), "force_sensor": ("read",), "camera": ("capture",),
}  # fmt: skip
_TELLING = {
    "arm": ("joints",), "gripper": ("grip",), "vacuum": ("suction",), "screwdriver": ("has_screw",),
    "tool_changer": ("coupling",), "tool_crib": ("pockets",), "force_sensor": ("read",), "feeder": ("present",),
    "fixture": ("part_present",), "printer": ("print_label",), "carton_station": ("carton",),
}  # fmt: skip
_WAITS = {
    "arm": ("follow", "joints"), "force_sensor": ("tare", "read"), "feeder": ("present", "level"),
}  # fmt: skip
"""`wait_pressing` and `wait_level` wait for ever by nature: their silence is none."""

INJECTABLE: dict[str, Injectable] = {
    # any device
    "device.silence": Injectable(
        "A command never answers.", DEVICE_KINDS[:-1], ("DEVICE_SILENT",), recoverable=True, commands=_WAITS,
    ),
    "device.late": Injectable(
        "A command answers so late that nobody waits for it any more.", DEVICE_KINDS[:-1], ("DEVICE_SILENT",),
        recoverable=True, commands=_WAITS, size=Size("s", 60.0, 30.0, 600.0, "delay of the answer, of cell time"),
        worlds=("virtual",),
    ),
    "device.slow": Injectable(
        "A command answers late, but in time.", DEVICE_KINDS[:-1], told="nobody", recoverable=True, commands=_WAITS,
        size=Size("s", 0.5, 0.0, 2.0, "delay of the answer, of cell time"),
    ),
    "device.disconnected": Injectable(
        "The device drops its connection until somebody plugs it in again.", DEVICE_KINDS[:-1], ("DEVICE_SILENT",),
        worlds=("virtual",),
    ),
    "device.stale": Injectable(
        "A reading is old: its stamp lies far back.", tuple(_READ), ("DEVICE_STALE",), recoverable=True, commands=_READ,
        size=Size("s", 30.0, 5.0, 3600.0, "age of the reading"), worlds=("virtual",),
    ),
    "device.out_of_order": Injectable(
        "A reading arrives after one that was measured later.", ("arm", "force_sensor"), ("DEVICE_STALE",),
        recoverable=True, commands=_READ, size=Size("s", 0.01, 0.001, 0.4, "how far its stamp is behind the last one"),
        worlds=("virtual",),
    ),
    "device.duplicate": Injectable(
        "A command is delivered twice.", _SWITCHED, told="nobody", recoverable=True, commands=_TWICE,
    ),
    "device.malformed": Injectable(
        "An answer has not the form that the contract gives it.", tuple(_TELLING), ("DEVICE_MALFORMED",), recoverable=True,
        commands=_TELLING, worlds=("virtual",),
    ),
    "device.not_a_number": Injectable(
        "A number of an answer is NaN.", ("arm", "gripper", "vacuum", "screwdriver", "force_sensor"), ("DEVICE_MALFORMED",),
        recoverable=True, worlds=("virtual",),
        commands={"arm": ("joints",), "gripper": ("close", "grip"), "vacuum": ("on", "suction"), "screwdriver": ("drive",),
                  "force_sensor": ("read",)},
    ),
    "device.driver_crash": Injectable(
        "The driver's program fails in a command.", DEVICE_KINDS[:-1], ("DEVICE_FAILED",), commands=_WAITS,
        worlds=("virtual",),
    ),
    # arm
    "arm.protective_stop": Injectable(
        "The arm's controller makes a protective stop in the middle of a motion.", ("arm",), ("ARM_PROTECTIVE_STOP",),
        commands={"arm": ("follow",)},
    ),
    "arm.stopped": Injectable(
        "The arm's controller breaks a motion off.", ("arm",), ("ARM_STOPPED",), recoverable=True,
        commands={"arm": ("follow",)},
    ),
    "arm.deviation": Injectable(
        "The arm comes to rest beside its goal and does not notice.", ("arm",), ("ARM_DEVIATION",),
        commands={"arm": ("follow",)}, worlds=("virtual",),
    ),
    "arm.wrong_joints": Injectable(
        "An encoder reads another angle than the joint has.", ("arm",), ("SENSOR_IMPLAUSIBLE",), recoverable=True,
        commands={"arm": ("joints",)}, size=Size("rad", 0.2, 0.05, 3.0, "error of the first joint"), worlds=("virtual",),
    ),
    "arm.emergency_stop": Injectable(
        "Somebody presses an emergency stop in the middle of a motion.", ("arm",), ("EMERGENCY_STOP",),
        commands={"arm": ("follow",)},
    ),
    # force sensor
    "force_sensor.stuck": Injectable(
        "The sensor repeats its last reading.", ("force_sensor",), ("SENSOR_IMPLAUSIBLE",), recoverable=True,
        commands={"force_sensor": ("read",)}, worlds=("virtual",), times=2,
    ),
    "force_sensor.saturated": Injectable(
        "The sensor reads a force that no arm can make.", ("force_sensor",), ("SENSOR_IMPLAUSIBLE",), recoverable=True,
        commands={"force_sensor": ("read",)}, size=Size("N", 5000.0, 1500.0, 1e6, "force that is read"), worlds=("virtual",),
    ),
    "force_sensor.drift": Injectable(
        "The sensor's zero jumps at a tare.", ("force_sensor",),
        ("SENSOR_IMPLAUSIBLE",), recoverable=True, commands={"force_sensor": ("tare",)},
        size=Size("N", 20.0, 5.0, 100.0, "error of the zero"),
    ),
    # gripper
    "gripper.fails": Injectable(
        "The fingers do not close.", ("gripper",), ("GRIP_NOTHING_HELD",), recoverable=True,
        commands={"gripper": ("close",)},
    ),
    "gripper.slip": Injectable(
        "The part slips out of the fingers some time after the grasp.", ("gripper",), ("GRIP_PART_LOST",), recoverable=True,
        commands={"gripper": ("close",)}, size=Size("s", 0.8, 0.0, 10.0, "time from the grasp to the slip"),
    ),
    "gripper.drop": Injectable(
        "The fingers open by themselves when the hold is looked at.", ("gripper",),
        ("GRIP_PART_LOST",), recoverable=True, commands={"gripper": ("grip",)},
    ),
    "gripper.blind": Injectable(
        "The fingers' sensor does not see the part that they hold.", ("gripper",), ("GRIP_NOTHING_HELD", "GRIP_PART_LOST"),
        recoverable=True, commands={"gripper": ("close", "grip")},
    ),
    "gripper.stuck": Injectable(
        "The fingers do not open.", ("gripper",), ("HAND_NOT_EMPTY",), recoverable=True, commands={"gripper": ("open",)},
    ),
    "gripper.wrong_width": Injectable(
        "The fingers' position sensor is off.", ("gripper",), ("GRIP_WRONG_WIDTH",), recoverable=True,
        commands={"gripper": ("close",)}, size=Size("m", 0.004, 0.002, 0.02, "error of the width that is read"),
    ),
    # vacuum
    "vacuum.leak": Injectable(
        "The cup does not seal.", ("vacuum",), ("VACUUM_NOT_SEALED",), recoverable=True, commands={"vacuum": ("on",)},
    ),
    "vacuum.slip": Injectable(
        "The part comes off the cup some time after the grasp.", ("vacuum",), ("GRIP_PART_LOST",), recoverable=True,
        commands={"vacuum": ("on",)}, size=Size("s", 0.8, 0.0, 10.0, "time from the grasp to the slip"),
    ),
    "vacuum.blind": Injectable(
        "The pressure switch does not see that the cup is sealed.", ("vacuum",), ("VACUUM_NOT_SEALED", "GRIP_PART_LOST"),
        recoverable=True, commands={"vacuum": ("on", "suction")},
    ),
    "vacuum.stuck": Injectable(
        "The cup does not blow the part off.", ("vacuum",), ("HAND_NOT_EMPTY",), recoverable=True,
        commands={"vacuum": ("off",)},
    ),
    # screwdriver
    "screwdriver.cross_thread": Injectable(
        "The screw starts crossed.", ("screwdriver",), ("FASTEN_CROSS_THREADED",), recoverable=True,
        commands={"screwdriver": ("drive",)}, times=2,
    ),
    "screwdriver.clutch_slips": Injectable(
        "The bit turns without torque.", ("screwdriver",), ("FASTEN_NOT_SEATED",), recoverable=True,
        commands={"screwdriver": ("drive",)}, times=2,
    ),
    "screwdriver.wrong_torque": Injectable(
        "The torque sensor is off, although the driver says that it reached its torque.", ("screwdriver",),
        ("SENSOR_IMPLAUSIBLE",), recoverable=True, commands={"screwdriver": ("drive",)}, times=2,
        size=Size("ratio", 0.3, 0.0, 0.85, "reading over true torque"),
    ),
    "screwdriver.no_screw": Injectable(
        "The screw falls off the bit.", ("screwdriver",), ("FASTEN_NO_SCREW", "FASTEN_NOT_SEATED"), recoverable=True,
        commands={"screwdriver": ("has_screw",)},
    ),
    "screwdriver.blind": Injectable(
        "The bit's sensor does not see the screw.", ("screwdriver",), ("FASTEN_NO_SCREW",), recoverable=True,
        commands={"screwdriver": ("has_screw",)},
    ),
    # feeder
    "feeder.empty": Injectable(
        "All parts are gone.", ("feeder",), ("FEEDER_EMPTY",), recoverable=True, commands={"feeder": ("present",)},
    ),
    "feeder.stuck": Injectable(
        "A part is stuck on its way.", ("feeder",), ("FEEDER_JAMMED",), commands={"feeder": ("present",)},
    ),
    "feeder.no_part": Injectable(
        "The place is empty although the feeder presents it.", ("feeder",),
        ("GRIP_NOTHING_HELD", "VACUUM_NOT_SEALED", "PART_NOT_FOUND", "FASTEN_NO_SCREW"), recoverable=True,
        commands={"feeder": ("present",)},
    ),
    "feeder.shifted_part": Injectable(
        "The part lies beside its place.", ("feeder",),
        ("GRIP_NOTHING_HELD", "VACUUM_NOT_SEALED", "PART_NOT_FOUND", "FASTEN_NO_SCREW"), commands={"feeder": ("present",)},
        size=Size("m", 0.012, 0.008, 0.03, "how far, along x"),
    ),
    "feeder.wrong_part": Injectable(
        "A part of another variant is in the pocket.", ("feeder",), told="inspection", recoverable=True,
        commands={"feeder": ("present",)},
    ),
    "feeder.faulty_part": Injectable(
        "The part is scratched.", ("feeder",), told="inspection", recoverable=True, commands={"feeder": ("present",)},
    ),
    "feeder.turned_part": Injectable(
        "The part is turned by a quarter.", ("feeder",), told="inspection", recoverable=True,
        commands={"feeder": ("present",)},
    ),
    "feeder.thick_part": Injectable(
        "The part's foot is too thick for its hole.", ("feeder",), ("INSERT_JAMMED",), recoverable=True,
        commands={"feeder": ("present",)}, size=Size("m", 0.0002, 1e-5, 0.005, "how much thicker than the hole"),
    ),
    "feeder.announces_other": Injectable(
        "The feeder says that it presents another part than the line puts into it.", ("feeder",), ("PART_WRONG",),
        commands={"feeder": ("present",)},
    ),
    "feeder.wrong_level": Injectable(
        "The level sensor reads a level that cannot be.", ("feeder",), ("SENSOR_IMPLAUSIBLE",),
        commands={"feeder": ("level",)}, size=Size("pieces", -1.0, -1e6, -1.0, "pieces that are read"), worlds=("virtual",),
    ),
    # fixture
    "fixture.not_clamped": Injectable(
        "The clamp does not close.", ("fixture",), ("FIXTURE_NOT_CLAMPED",), commands={"fixture": ("clamp",)},
    ),
    "fixture.blind": Injectable(
        "The part sensor says the opposite of the truth.", ("fixture",), ("FIXTURE_EMPTY", "FIXTURE_OCCUPIED"),
        commands={"fixture": ("part_present",)},
    ),
    "fixture.unit_taken": Injectable(
        "Somebody takes the unit out.", ("fixture",), ("FIXTURE_EMPTY",), commands={"fixture": ("part_present",)},
    ),
    # tool changer and crib
    "tool_changer.not_locked": Injectable(
        "The lock does not close.", ("tool_changer",), ("TOOL_NOT_LOCKED",), commands={"tool_changer": ("lock",)},
    ),
    "tool_changer.not_unlocked": Injectable(
        "The lock does not open.", ("tool_changer",), ("TOOL_NOT_LOCKED",), commands={"tool_changer": ("unlock",)},
    ),
    "tool_changer.misread": Injectable(
        "The serial of the tool on the flange is not read.", ("tool_changer",),
        ("TOOL_UNCERTAIN", "TOOL_MISSING", "TOOL_NOT_LOCKED", "TOOL_UNSUITABLE"), commands={"tool_changer": ("coupling",)},
    ),
    "tool_crib.missing": Injectable(
        "Somebody takes a tool out of its pocket.", ("tool_crib",), ("TOOL_MISSING",), commands={"tool_crib": ("pockets",)},
    ),
    "tool_crib.wrong_tool": Injectable(
        "Somebody puts another tool into a pocket.", ("tool_crib",), ("TOOL_WRONG",), commands={"tool_crib": ("pockets",)},
    ),
    "tool_crib.occupied": Injectable(
        "Somebody puts a tool into the pocket of the one that is in use.", ("tool_crib",),
        ("TOOL_POCKET_OCCUPIED", "TOOL_MISSING", "TOOL_UNCERTAIN"), commands={"tool_crib": ("pockets",)},
    ),
    # camera
    "camera.dark": Injectable(
        "The light is off.", ("camera",), ("CAMERA_UNUSABLE_IMAGE",), recoverable=True, commands={"camera": ("capture",)},
        size=Size("ratio", 0.01, 0.0, 0.08, "light over the usual light"), times=4,
    ),
    "camera.dazzled": Injectable(
        "Sunlight falls on the scene.", ("camera",), ("CAMERA_UNUSABLE_IMAGE",), recoverable=True,
        commands={"camera": ("capture",)}, size=Size("ratio", 20.0, 10.0, 1000.0, "light over the usual light"), times=4,
    ),
    "camera.blurred": Injectable(
        "The lens is out of focus.", ("camera",), ("CAMERA_UNUSABLE_IMAGE",), recoverable=True,
        commands={"camera": ("capture",)}, size=Size("px", 12.0, 8.0, 50.0, "standard deviation of the blur"), times=4,
    ),
    "camera.blackout": Injectable(
        "No image comes.", ("camera",), ("CAMERA_NO_IMAGE",), commands={"camera": ("capture",)},
    ),
    # printer and cartons
    "printer.no_label": Injectable(
        "The roll is stuck: no label is presented, and the printer says so.", ("printer",), ("LABEL_NOT_PRINTED",),
        recoverable=True, commands={"printer": ("print_label",)},
    ),
    "printer.label_gone": Injectable(
        "The label is not on the plate although the printer says so.", ("printer",), ("VACUUM_NOT_SEALED",),
        recoverable=True, commands={"printer": ("print_label",)},
    ),
    "printer.faded": Injectable(
        "The label is printed without contrast.", ("printer",), told="inspection", recoverable=True,
        commands={"printer": ("print_label",)},
    ),
    "printer.wrong_content": Injectable(
        "The label carries another serial.", ("printer",), told="inspection", recoverable=True,
        commands={"printer": ("print_label",)},
    ),
    "carton_station.missing": Injectable(
        "The carton is gone and there is no other.", ("carton_station",), ("CARTON_MISSING",),
        commands={"carton_station": ("carton",)},
    ),
    "carton_station.wrong_count": Injectable(
        "The station counts more units than a carton has places.", ("carton_station",), ("SENSOR_IMPLAUSIBLE",),
        recoverable=True, commands={"carton_station": ("carton",)}, size=Size("units", 99.0, 1.0, 1e6, "units too many"),
    ),
    # the cell's programs
    "journal.disk_full": Injectable(
        "The journal's disk is full.", ("journal",), ("JOURNAL_UNWRITABLE",), worlds=("virtual",),
    ),
    "journal.locked": Injectable(
        "Another program has locked the journal's database.", ("journal",), ("JOURNAL_UNWRITABLE",), worlds=("virtual",),
    ),
    "clock.jump_ahead": Injectable(
        "The clock of the cell's computer is set ahead.", ("clock",), ("CLOCK_JUMPED",), recoverable=True,
        size=Size("s", 60.0, 1.0, 86_400.0, "how far"), worlds=("virtual",),
    ),
    "clock.jump_back": Injectable(
        "The clock of the cell's computer is set back.", ("clock",), ("CLOCK_JUMPED",), recoverable=True,
        size=Size("s", 60.0, 1.0, 86_400.0, "how far"), worlds=("virtual",),
    ),
    "skills.gone": Injectable(
        "No skill server takes the goal: it was killed.", ("skills",), ("SKILL_UNAVAILABLE",), worlds=("virtual",),
    ),
    "skills.hung": Injectable(
        "A skill hangs for ever.", ("skills",), ("SKILL_TIMEOUT",), recoverable=True, worlds=("virtual",),
    ),
    "skills.crashed": Injectable(
        "A skill's program fails.", ("skills",), ("SKILL_FAILED",), recoverable=True, worlds=("virtual",),
    ),
    "skills.goal_twice": Injectable(
        "A goal is delivered twice.", ("skills",), told="nobody", recoverable=True, worlds=("virtual",),
    ),
    "node.killed": Injectable(
        "The process of the mock hardware is killed (SIGKILL).", ("node",), ("DEVICE_SILENT",), recoverable=True,
        worlds=("mock",),
    ),
    "node.hung": Injectable(
        "The process of the mock hardware hangs (SIGSTOP) until it is continued (SIGCONT).", ("node",), ("DEVICE_SILENT",),
        worlds=("mock",),
    ),
    **PROCESS,
}  # fmt: skip
"""Every fault that can be injected, by its id."""


def kinds_in(line: Line) -> dict[str, str]:
    """Kind of everything in a line that a fault can happen to: its devices and tools, and the programs by their names."""
    cell = line.cell_description
    tools = {
        pocket.tool: line.tools[pocket.tool].device
        for crib in cell.of_kind("tool_crib").values()
        for pocket in crib.pockets
        if pocket.tool
    }
    return {**{name: spec.kind for name, spec in cell.devices.items()}, **tools, **{kind: kind for kind in PROGRAM_KINDS}}
