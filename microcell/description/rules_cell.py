"""Rules of a cell: its devices among themselves, and the tools in its crib."""

from __future__ import annotations

from collections.abc import Iterator

from microcell import plugins
from microcell.description.cell import WORLDS, ArmSpec, CameraSpec, FeederSpec, LinearJointLimit, ToolCribSpec
from microcell.description.driver_parameters import DRIVERS, PARAMETERS, misspelt, ours
from microcell.description.problems import validate
from microcell.description.rules_context import Context, rule
from microcell.description.source import Where
from microcell.description.wording import choice, listed
from microcell.errors import Issue
from microcell.geometry import rotate

UPWARDS = 0.01
"""From this z of its z axis on, a flange or tool points up: what lies level, and is written with few digits, is less."""


@rule("cell")
def rule_arms_share_no_wrist(context: Context) -> Iterator[Issue]:
    """No two arms have the same tool changer or force sensor."""
    for kind in ("tool_changer", "force_sensor"):
        worn: dict[str, str] = {}
        for name, arm in context.cell.of_kind("arm").items():
            where, device = ("devices", name, kind), getattr(arm, kind)
            if device in worn:
                remedy = f"arm '{worn[device]}' wears it already. Give each arm its own."
                yield context.issue("cell", where, f"'{device}' is worn twice", remedy)
            worn.setdefault(device, name)


@rule("cell")
def rule_pockets_are_entered_from_above(context: Context) -> Iterator[Issue]:
    """An arm's flange points down, or to a side, where it couples a tool in its pocket."""
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    for name, crib in cribs.items():
        for index, pocket in enumerate(crib.pockets):
            if rotate(pocket.flange_in_cell.pose.orientation, (0.0, 0.0, 1.0))[2] > UPWARDS:
                what = "the flange would come from below: its z axis points up there"
                remedy = "z leads out of the arm; with rpy_rad [3.1415927, 0, 0] it points down. Correct the pose."
                yield context.issue("cell", ("devices", name, "pockets", index, "flange_in_cell"), what, remedy)


@rule("cell")
def rule_joint_limits_are_in_order(context: Context) -> Iterator[Issue]:
    """A joint's lower limit is below its upper one, and the home position lies between them."""
    arms: dict[str, ArmSpec] = context.cell.of_kind("arm")
    for name, arm in arms.items():
        for index, (joint, home) in enumerate(zip(arm.joints, arm.home_rad, strict=False)):
            lower, upper = joint.values[:2]
            if lower >= upper:
                key = "lower_m" if isinstance(joint, LinearJointLimit) else "lower_rad"
                where: Where = ("devices", name, "joints", index, key)
                remedy = f"it must be below the upper limit ({upper:g}). Correct the limits."
                yield context.issue("cell", where, f"out of range ({lower:g})", remedy)
            elif not lower <= home <= upper:
                where = ("devices", name, "home_rad", index)
                remedy = f"joint {index + 1} goes from {lower:.9g} to {upper:.9g}. Move home, or correct the limits."
                yield context.issue("cell", where, f"beyond the joint's limits ({home:.9g})", remedy)
        if len(arm.joints) != len(arm.home_rad):
            remedy = f"there are limits for {len(arm.joints)} joints. Give each joint one position."
            yield context.issue("cell", ("devices", name, "home_rad"), f"{len(arm.home_rad)} positions", remedy)


@rule("cell")
def rule_parameters_are_the_drivers(context: Context) -> Iterator[Issue]:
    """Parameters for our own drivers are what they take, and none is nearly called so, unless another driver is named."""
    for kind, model in PARAMETERS.items():
        for name, spec in context.cell.of_kind(kind).items():
            if not {context.cell.driver_name(name, world) for world in WORLDS} <= set(DRIVERS):
                continue
            place: Where = ("devices", name, "parameters")
            for problem in validate(model, ours(kind, spec.parameters))[1]:
                yield context.issue("cell", (*place, *problem.where), problem.what, problem.remedy)
            for key, meant in misspelt(kind, spec.parameters):
                yield context.issue("cell", (*place, key), f"unknown key '{key}'", choice(key, [meant], "key"), key=True)


@rule("cell")
def rule_each_joint_has_a_name(context: Context) -> Iterator[Issue]:
    """An arm's controller knows as many joints as the arm has."""
    for name, arm in context.cell.of_kind("arm").items():
        told = arm.parameters.get("joint_names")
        if isinstance(told, list) and len(told) not in (0, len(arm.joints)):
            remedy = f"the arm has {len(arm.joints)} joints. Name each, base to tip."
            yield context.issue("cell", ("devices", name, "parameters", "joint_names"), f"{len(told)} names", remedy)


@rule("cell")
def rule_cameras_name_stations_once(context: Context) -> Iterator[Issue]:
    """A camera names each station that it sees once."""
    cameras: dict[str, CameraSpec] = context.cell.of_kind("camera")
    for name, camera in cameras.items():
        for index, seen in enumerate(camera.sees):
            if seen in camera.sees[:index]:
                where = ("devices", name, "sees", index)
                yield context.issue("cell", where, f"'{seen}' stands twice", "once is enough. Remove it.")


@rule("cell")
def rule_feeder_is_seen_by_its_camera(context: Context) -> Iterator[Issue]:
    """The camera that a feeder names sees the feeder."""
    cameras: dict[str, CameraSpec] = context.cell.of_kind("camera")
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, feeder in feeders.items():
        camera = cameras.get(feeder.camera or "")
        if camera and name not in camera.sees:
            where = ("devices", name, "camera")
            remedy = f"it sees {listed(camera.sees)}. Add the feeder to its 'sees', or name another camera."
            yield context.issue("cell", where, f"camera '{feeder.camera}' does not see '{name}'", remedy)


@rule("cell")
def rule_only_trays_spread_parts(context: Context) -> Iterator[Issue]:
    """A tray's places are apart from each other; a nest or screw feeder has one place."""
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, feeder in feeders.items():
        places = feeder.columns * feeder.rows
        if feeder.style == "tray" and places > 1 and feeder.pitch_m <= 0:
            where = ("devices", name, "pitch_m")
            remedy = f"a tray of {places} places needs a pitch over 0. Add it."
            yield context.issue("cell", where, f"out of range ({feeder.pitch_m:g})", remedy)
        if feeder.style != "tray" and places > 1:
            where = ("devices", name, "columns" if feeder.columns > 1 else "rows")
            remedy = f"a {feeder.style} feeder has one place. Remove columns and rows, or make it a tray."
            yield context.issue("cell", where, f"too many places ({places})", remedy)


@rule("cell")
def rule_tools_have_own_pockets(context: Context) -> Iterator[Issue]:
    """A tool stands in one pocket, and no device has its name."""
    seen: dict[str, str] = {}
    for where, tool, _ in _pockets(context):
        if tool in seen:
            remedy = f"it stands in {seen[tool]} already. Name the spare otherwise: {{tool: {tool}_2, type: {tool}}}."
            yield context.issue("cell", (*where, "tool"), f"the tool '{tool}' stands twice", remedy)
        if tool in (context.names("cell", "devices") or ()):
            remedy = "tools and devices share their names. Rename the device."
            yield context.issue("cell", (*where, "tool"), f"'{tool}' is also a device", remedy)
        seen.setdefault(tool, f"{where[1]}.pockets[{where[3]}]")


@rule("cell")
def rule_a_type_is_that_of_a_tool(context: Context) -> Iterator[Issue]:
    """A pocket that says of what type its tool is has a tool."""
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    for name, crib in cribs.items():
        for index, pocket in enumerate(crib.pockets):
            if pocket.type is not None and pocket.tool is None:
                where = ("devices", name, "pockets", index, "type")
                remedy = f"it must be given. Add it: tool: {pocket.type}."
                yield context.issue("cell", where, f"a type ('{pocket.type}') without the tool's name", remedy)


@rule("cell")
def rule_serials_are_unique(context: Context) -> Iterator[Issue]:
    """No two tools in the crib have the same serial."""
    seen: dict[str, str] = {}
    for where, tool, serial in _pockets(context):
        if serial and serial in seen:
            remedy = f"'{seen[serial]}' has it already. Read it off the tool."
            yield context.issue("cell", (*where, "serial"), f"the serial '{serial}' stands twice", remedy)
        seen.setdefault(serial, tool)


@rule("cell")
def rule_calibrations_are_dated(context: Context) -> Iterator[Issue]:
    """A tool whose calibration runs out says in its pocket when it was calibrated."""
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    for where, tool, _ in _pockets(context):
        days = context.tools[tool].life.calibration_days if tool in context.tools else 0
        if days and cribs[str(where[1])].pockets[int(where[3])].calibrated is None:
            remedy = f"its calibration holds {days} days. Give the day of the last one: calibrated: 2026-01-31."
            yield context.issue("cell", where, f"nobody knows when '{tool}' was calibrated", remedy)


@rule("cell")
def rule_couplings_fit(context: Context) -> Iterator[Issue]:
    """Each tool in the crib has the coupling of a tool changer of the cell."""
    changers = context.cell.of_kind("tool_changer")
    if len(changers) < len(context.devices("tool_changer") or ()) or not changers:
        return
    couplings = {changer.coupling: name for name, changer in changers.items()}
    for name, tool in context.tools.items():
        if tool.coupling not in couplings:
            what = f"no tool changer of the cell has this coupling ('{tool.coupling}')"
            there = ", ".join(f"'{coupling}' at {changer}" for coupling, changer in couplings.items())
            source = context.tool_readings[name].source
            yield source.issue(("coupling",), what, f"there is {there}. Correct it, or use another tool.")


@rule("cell")
def rule_drivers_exist(context: Context) -> Iterator[Issue]:
    """A driver that a device names is installed and is for the device's kind."""
    for name, spec in context.cell.devices.items():
        known = [driver for driver in plugins.driver_names() if driver.startswith(f"{spec.kind}/")]
        for world in WORLDS:
            driver = spec.driver.get(world)
            if driver is not None and driver not in known:
                where = ("devices", name, "driver", world)
                what = f"there is no driver '{driver}' for a {spec.kind}"
                yield context.issue("cell", where, what, choice(driver, known))


@rule("cell")
def rule_devices_stand_apart(context: Context) -> Iterator[Issue]:
    """No two stations or feeders stand at the same place."""
    taken: dict[tuple[float, ...], str] = {}
    for name, spec in context.cell.devices.items():
        key = next(
            (k for k in ("part_in_cell", "seat_in_cell", "carton_in_cell", "drop_in_cell") if hasattr(spec, k)),
            None,
        )
        if key is None:
            continue
        place = tuple(round(value, 4) for value in getattr(spec, key).xyz_m)
        if place in taken:
            what = f"'{name}' stands where '{taken[place]}' does ({', '.join(f'{value:g}' for value in place)})"
            remedy = "each needs its own place. Correct one of them."
            yield context.issue("cell", ("devices", name, key), what, remedy)
        taken.setdefault(place, name)


def _pockets(context: Context) -> Iterator[tuple[Where, str, str]]:
    """Path, tool and serial of each pocket with a tool."""
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    for name, crib in cribs.items():
        for index, pocket in enumerate(crib.pockets):
            if pocket.tool is not None:
                yield ("devices", name, "pockets", index), pocket.tool, pocket.serial


def pocket_tools(context: Context) -> tuple[str, ...]:
    """Names of the tools that stand in the cell's cribs."""
    return tuple(tool for _, tool, _ in _pockets(context))
