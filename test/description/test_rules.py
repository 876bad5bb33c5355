"""Every rule between documents is provoked by one change of a good configuration and says what to do."""

from pathlib import Path

import pytest

from microcell import plugins
from microcell.description import rules_calibration, rules_faults, rules_zones
from microcell.description.loader import check_paths, load_line, load_order
from microcell.description.rules import RULES
from microcell.errors import ConfigError

BENCH, VALVE, LINE = "cells/bench.yaml", "products/valve.yaml", "lines/valve.yaml"
GRIPPER, DRIVER, ORDER = "tools/parallel_gripper.yaml", "tools/screwdriver.yaml", "orders/valve_demo.yaml"

PRINTER = "  printer: {kind: printer, label_in_cell: {xyz_m: [0.12, 0.34, 0.06]}, print_s: 1.2}\n"
ARM_2 = (
    "  arm_2: {kind: arm, joints: [*large, *large, *large, *large, *large, *large],"
    " home_rad: [0, 0, 0, 0, 0, 0], payload_kg: 5, tool_changer: changer, force_sensor: wrist_force}\n"
)

TURNER = "  turner_1: {kind: turner, fixture: fixture_9, axis_m: 0.02}\n"

CAP_TYPE = "      cap_type:"
HEIGHT = "      high: {kind: height, site: cap_seat, radius_m: 0.001, nominal_m: 0.006, tolerance_m: 0.0005}\n"

PROVOCATIONS = [
    (
        "rule_fingers_go_between_packed_units",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {columns: 3, rows: 2, pitch_m: 0.048}"),
        "packing.pitch_m: fingers that open to 0.052 come down on a unit beside place 2; each unit needs room for the "
        "fingers (pitch_m). Put the places further apart.",
    ),
    (
        "rule_fingers_go_between_parts_of_a_tray",
        (BENCH, "pitch_m: 0.035", "pitch_m: 0.020"),
        "devices.tray_1.pitch_m: the parts would lie on each other (0.02); a 'membrane_firm' is 0.024 wide at least. Put",
    ),
    (
        "rule_fingers_go_around_parts",
        (VALVE, "width_m: 0.040\n      force_n: 25.0", "width_m: 0.020\n      force_n: 25.0"),
        "parts.body.grasp.width_m: fingers that open to 0.032 come down on the part (0.02); along the fingers' x axis it "
        "measures 0.04. Correct the width, or turn the grasp.",
    ),
    (
        "rule_fingers_go_around_parts",
        (VALVE, "width_m: 0.040\n      force_n: 20.0", "width_m: 0.042\n      force_n: 20.0"),
        "parts.cap_white.grasp.width_m: wider than the part (0.042); along the fingers' x axis it measures 0.04. Correct",
    ),
    (
        "rule_fingers_go_around_units",
        (VALVE, "unit_grasp: *outside_40", "unit_grasp: {<<: *outside_40, width_m: 0.020}"),
        "unit_grasp.width_m: fingers that open to 0.032 come down on what is at 'body_seat' (0.02); the width is that of "
        "the whole unit between them. Correct it, or take the unit elsewhere.",
    ),
    (
        "rule_sites_lie_over_the_seat",
        (
            VALVE,
            "body_seat: {item: body, part_in_unit: {}}",
            "body_seat: {item: body, part_in_unit: {xyz_m: [0, 0, -0.01]}}",
        ),
        "sites.body_seat.part_in_unit: 'body' would reach 0.01 m below the unit's seat; the unit stands on z = 0 of its own "
        "frame. Correct the place.",
    ),
    (
        "rule_what_is_inspected_is_large_enough",
        (BENCH, "focal_px: 15000.0", "focal_px: 1500.0"),
        "devices.camera_1.focal_px: check 'serial' at 'fixture_1' sees its item 16.9 px wide; "
        "at least 24 px are needed. Lower the camera, or take a longer focal length.",
    ),
    (
        "rule_every_site_is_worked_at",
        (VALVE, "  cap_seat:\n", "  spare_seat: {item: cap, part_in_unit: {}}\n  cap_seat:\n"),
        "sites.spare_seat: no operation works at 'spare_seat'; each unit would lack its 'cap' there. Add an operation",
    ),
    (
        "rule_force_limits_let_parts_go_in",
        (VALVE, "depth_m: 0.0020, friction_n: 4.0", "depth_m: 0.0020, friction_n: 24.0"),
        "plan.insert_cap.parameters.force_limit_n: too little for the fit of 'cap_seat' (30); "
        "against its friction_n of 24, over 30 is needed. Correct one of them.",
    ),
    (
        "rule_labels_lie_on_top",
        (
            VALVE,
            "{item: label, part_in_unit: {xyz_m: [0.0, 0.0, 0.025]}}",
            "{item: label, part_in_unit: {xyz_m: [0.0, 0.0, 0.023]}}",
        ),
        "sites.label_area.part_in_unit: the label would lie 2 mm inside of what is at 'cap_seat'; "
        "a label lies on top. Correct one of the places.",
    ),
    (
        "rule_what_is_inspected_is_there",
        (VALVE, "membrane_place: {kind: position, site: membrane_seat", "membrane_place: {kind: position, site: cap_seat"),
        "inspections.open.checks.membrane_place.site: nothing is at 'cap_seat' yet when 'inspect_open' looks there; "
        "the check would always fail. Make it in a later inspection, or correct the order of the plan.",
    ),
    (
        "rule_nothing_is_done_when_the_unit_has_left",
        (VALVE, "pick_unit: {skill: pick, after: [inspect_closed]", "pick_unit: {skill: pick, after: [label_unit]"),
        "plan.inspect_closed: 'pick_unit' may come first, and takes the unit away; the unit must still be at its fixture. "
        "Name 'inspect_closed' in an 'after' before it leaves.",
    ),
    (
        "rule_threads_and_screws_go_together",
        (VALVE, "engagement_m: 0.0036", "engagement_m: 0.0076"),
        "sites.screw_1.thread.engagement_m: more than there is of the screw (0.0076); the shaft of 'screw_m2_5x6' is",
    ),
    (
        "rule_threads_and_screws_go_together",
        (VALVE, "length_m: 0.006, pitch_m: 0.00045", "length_m: 0.006, pitch_m: 0.45"),
        "parts.screw_m2_5x6.shape.pitch_m: the screw would be seated after 0.008 turns (0.45); it goes in by 'pitch_m' "
        "a turn, at 'screw_1' by 0.0036 in all. Correct one of them.",
    ),
    (
        "rule_fingers_close_on_parts",
        (VALVE, "tcp_in_part: {xyz_m: [0.0, 0.0, 0.003]", "tcp_in_part: {xyz_m: [0.0, 0.0, 0.008]"),
        "parts.cap_white.grasp.tcp_in_part: the fingers would close over the part (0.008); the TCP is between its "
        "underside and its top at 0.005. Correct the grasp.",
    ),
    (
        "rule_cups_seal_on_parts",
        (VALVE, "tcp_in_part: {xyz_m: [0.0, 0.0, 0.0012]", "tcp_in_part: {xyz_m: [0.0088, 0.0, 0.0012]"),
        "parts.membrane_medium.grasp.tcp_in_part: a cup 8 mm wide would not lie on the part with its whole lip (0.0088, 0);",
    ),
    (
        "rule_cups_seal_on_parts",
        (VALVE, "tcp_in_part: {xyz_m: [0.0, 0.0, 0.0012]", "tcp_in_part: {xyz_m: [0.0, 0.0, 0.012]"),
        "parts.membrane_medium.grasp.tcp_in_part: the cup would not meet the part's top (0.012); its top is at z = 0.0012. ",
    ),
    (
        "rule_pockets_are_entered_from_above",
        (
            BENCH,
            "[-0.05, -0.46, 0.22], rpy_rad: [3.14159265, 0.0, 0.0]",
            "[-0.05, -0.46, 0.22], rpy_rad: [0.0, 0.0, 3.14159265]",
        ),
        "devices.crib.pockets[1].flange_in_cell: the flange would come from below: its z axis points up there; z leads out",
    ),
    (
        "rule_a_tool_stands_out_of_the_flange",
        (DRIVER, "tcp_in_flange: {xyz_m: [0.0, 0.0, 0.180]", "tcp_in_flange: {xyz_m: [0.0, 0.0, -0.180]"),
        "tools/screwdriver.yaml:15:16: tcp_in_flange: the TCP would be behind the flange, in the arm (-0.18); the flange's",
    ),
    (
        "rule_holes_are_about_as_wide_as_their_parts",
        (VALVE, "clearance_m: 0.0003, depth_m: 0.0020", "clearance_m: 0.043, depth_m: 0.0020"),
        "sites.cap_seat.fit.clearance_m: a hole twice as wide as what goes into it (0.043); 'cap' is 0.04 wide. Correct one",
    ),
    (
        "rule_printers_make_one_kind_of_label",
        (VALVE, "cap: cap_white, screw: screw_m2_5x8}", "cap: cap_white, screw: screw_m2_5x8, label: membrane_soft}"),
        "plan.label_unit.item: the printer makes labels of one kind, 'label', and for variant 'adult' this is "
        "'membrane_soft'; another comes printed from a feeder, by pick and insert. Use one part, or bring it so.",
    ),
    (
        "rule_tools_come_from_above",
        (VALVE, "0.012], rpy_rad: [3.14159265, 0.0, 0.0]", "0.012], rpy_rad: [0.0, 0.0, 3.14159265]"),
        "parts.body.grasp.tcp_in_part: the tool would come from below: its z axis points up there; z points into the part; "
        "with rpy_rad [3.1415927, 0, 0] it points down. Correct the grasp.",
    ),
    (
        "rule_depth_is_measured_where_it_is_needed",
        (VALVE, CAP_TYPE, HEIGHT + CAP_TYPE),
        "inspections.closed.checks.high.kind: camera 'camera_1' measures no depth for a height; "
        "a camera with 'depth: true' is needed. Use one, or measure something else.",
    ),
    (
        "rule_inspections_look_in_lights_that_there_are",
        (VALVE, "{inspection: closed}", "{inspection: closed, again_lights: [low_angle]}"),
        "plan.inspect_closed.parameters.again_lights[0]: camera 'camera_1' has no light 'low_angle'; "
        "it has none. Describe it in 'lights'.",
    ),
    (
        "rule_an_orientation_can_be_told",
        (VALVE, CAP_TYPE, "      turn: {kind: orientation, site: screw_1, max_angle_rad: 0.1}\n" + CAP_TYPE),
        "inspections.closed.checks.turn.kind: nothing tells how 'screw' is turned; "
        "it is round, with no mark beside its middle. Describe its marks, or remove the check.",
    ),
    (
        "rule_colours_tell_parts_from_what_is_beneath",
        (VALVE, "colour_rgb: [150, 152, 158]", "colour_rgb: [222, 222, 216]"),
        "inspections.closed.checks.screw_1.kind: nothing tells the part from what lies beneath it: "
        "[222, 222, 216] on [236, 236, 230], CIE 1976 4.9; 10 are needed. Take another colour, or check something else: "
        "a mark (patch), a code, a height, taught_presence.",
    ),
    (
        "rule_what_is_inspected_is_in_the_picture",
        (BENCH, "lens_in_cell: {xyz_m: [0.48, -0.10, 1.03]}", "lens_in_cell: {xyz_m: [0.51, -0.10, 1.03]}"),
        "devices.camera_1.lens_in_cell: check 'cap_type' at 'fixture_1' looks 130 px beyond the picture; "
        "(-130, 480) is not in 1280 x 960 px. Move or raise the camera, or take a shorter focal length.",
    ),
    (
        "rule_what_is_inspected_is_in_the_picture",
        (BENCH, "lens_in_cell: {xyz_m: [0.48, -0.10, 1.03]}", "lens_in_cell: {xyz_m: [0.48, -0.10, 0.05]}"),
        "devices.camera_1.lens_in_cell: check 'cap_type' at 'fixture_1' looks where the lens shows nothing; "
        "Correct the lens's place and turn: it looks down its -z.",
    ),
    (
        "rule_what_is_fed_is_in_the_picture",
        (BENCH, "focal_px: 3600.0", "focal_px: 7200.0"),
        "devices.camera_trays.lens_in_cell: the search at 'tray_1' looks ",
    ),
    (
        "rule_presses_and_turners_name_fixtures",
        (BENCH, PRINTER, PRINTER + TURNER),
        "devices.turner_1.fixture: there is no fixture 'fixture_9'; did you mean 'fixture_2'? Correct the name.",
    ),
    (
        "rule_name_is_the_files",
        (GRIPPER, "name: parallel_gripper", "name: gripper"),
        "tools/parallel_gripper.yaml:3:7: name: not the file's name ('gripper'); "
        "the file's name 'parallel_gripper' is needed. Correct the name, or rename the file.",
    ),
    (
        "rule_tool_can_what_its_device_does",
        (GRIPPER, "[grip]", "[grip, suction]"),
        "capabilities: a gripper cannot do this (grip, suction); it offers [grip]. Correct the list, or 'device'.",
    ),
    (
        "rule_robot_files_are_there",
        (BENCH, "robot: six_axis.urdf.xacro", "robot: six_axes.urdf.xacro"),
        "devices.arm.robot: there is no file 'six_axes.urdf.xacro' in urdf/robots or beside the cell's; "
        "did you mean 'six_axis.urdf.xacro'? Correct the name.",
    ),
    (
        "rule_tool_files_are_there",
        (GRIPPER, "model: parallel_gripper.urdf.xacro", "model: paralel_gripper.urdf.xacro"),
        "model: there is no file 'paralel_gripper.urdf.xacro' in urdf/tools or beside the tool's; "
        "did you mean 'parallel_gripper.urdf.xacro'? Correct the name.",
    ),
    (
        "rule_ordered_variants_exist",
        (ORDER, "variant: child", "variant: kid"),
        "lines[1].variant: there is no variant 'kid'; there are: adult, child, infant.",
    ),
    (
        "rule_arm_wears_what_there_is",
        (BENCH, "force_sensor: wrist_force", "force_sensor: wrist"),
        "devices.arm.force_sensor: there is no force sensor 'wrist'; did you mean 'wrist_force'? Correct the name.",
    ),
    (
        "rule_parameters_are_the_drivers",
        (BENCH, "    tip_link: flange\n", "    tip_link: flange\n    parameters: {goal_tolerance: 0.1, period_s: 1}\n"),
        "devices.arm.parameters.goal_tolerance: unknown key 'goal_tolerance'; "
        "did you mean 'goal_tolerance_rad'? Correct the key.",
    ),
    (
        "rule_parameters_are_the_drivers",
        (BENCH, "    width_px: 1280\n", "    width_px: 1280\n    parameters: {points: sometimes}\n"),
        "devices.camera_1.parameters.points: wrong kind of value (text 'sometimes'); true or false is needed. ",
    ),
    (
        "rule_each_joint_has_a_name",
        (BENCH, "    tip_link: flange\n", "    tip_link: flange\n    parameters: {joint_names: [a, b]}\n"),
        "devices.arm.parameters.joint_names: 2 names; the arm has 6 joints. Name each, base to tip.",
    ),
    (
        "rule_arms_share_no_wrist",
        (BENCH, "  changer: {", ARM_2 + "  changer: {"),
        "devices.arm_2.tool_changer: 'changer' is worn twice; arm 'arm' wears it already. Give each arm its own.",
    ),
    (
        "rule_line_uses_what_there_is",
        (LINE, "ideal_cycle_s:", "uses: {printer: [fixture_1]}\nideal_cycle_s:"),
        "uses.printer[0]: there is no printer 'fixture_1'; ",
    ),
    (
        "rule_line_uses_what_there_is",
        (LINE, "ideal_cycle_s:", "uses: {fixture: []}\nideal_cycle_s:"),
        "uses.fixture: no station is named; without 'fixture' here the line uses all of them. Name at least one, or",
    ),
    (
        "rule_feeders_name_cameras",
        (BENCH, "camera: camera_trays", "camera: camera_tray"),
        "devices.tray_1.camera: there is no camera 'camera_tray'; did you mean 'camera_trays'? Correct the name.",
    ),
    (
        "rule_cameras_name_stations_once",
        (BENCH, "sees: [fixture_2]", "sees: [fixture_2, fixture_2]"),
        "devices.camera_2.sees[1]: 'fixture_2' stands twice; once is enough. Remove it.",
    ),
    (
        "rule_joint_limits_are_in_order",
        (BENCH, "home_rad: [0.0, 0.0, 1.5708", "home_rad: [0.0, 0.0, 2.8"),
        "devices.arm.home_rad[2]: beyond the joint's limits (2.8); joint 3 goes from -2.7 to 2.7.",
    ),
    (
        "rule_joint_limits_are_in_order",
        (BENCH, "home_rad: [0.0, 0.0, 1.5708", "home_rad: [0.0, 0.0, 2.7000001"),
        "devices.arm.home_rad[2]: beyond the joint's limits (2.7000001); joint 3 goes from -2.7 to 2.7.",
    ),
    (
        "rule_joint_limits_are_in_order",
        (BENCH, "lower_rad: -2.0, upper_rad: 2.4", "lower_rad: 2.4, upper_rad: -2.0"),
        "devices.arm.joints[1].lower_rad: out of range (2.4); it must be below the upper limit (-2). Correct the limits.",
    ),
    (
        "rule_cameras_see_what_there_is",
        (BENCH, "sees: [tray_1, tray_2, tray_3]", "sees: [tray_1, tray_2, tray_3, changer]"),
        "devices.camera_trays.sees[3]: there is no station or feeder 'changer'; there are: ",
    ),
    (
        "rule_feeder_is_seen_by_its_camera",
        (BENCH, "sees: [tray_1, tray_2, tray_3]", "sees: [tray_1, tray_2]"),
        "camera 'camera_trays' does not see 'tray_3'; it sees tray_1, tray_2. "
        "Add the feeder to its 'sees', or name another camera.",
    ),
    (
        "rule_only_trays_spread_parts",
        (BENCH, "style: tray", "style: nest"),
        "devices.tray_1.columns: too many places (15); a nest feeder has one place. Remove columns and rows",
    ),
    (
        "rule_only_trays_spread_parts",
        (BENCH, "pitch_m: 0.035", "pitch_m: 0.0"),
        "devices.tray_1.pitch_m: out of range (0); a tray of 15 places needs a pitch over 0. Add it.",
    ),
    (
        "rule_tools_have_own_pockets",
        (BENCH, "tool: vacuum_cup", "tool: parallel_gripper"),
        "devices.crib.pockets[1].tool: the tool 'parallel_gripper' stands twice; it stands in crib.pockets[0] already. "
        "Name the spare otherwise: {tool: parallel_gripper_2, type: parallel_gripper}.",
    ),
    (
        "rule_a_type_is_that_of_a_tool",
        (BENCH, "tool: vacuum_cup,", "type: vacuum_cup,"),
        "devices.crib.pockets[1].type: a type ('vacuum_cup') without the tool's name; it must be given. "
        "Add it: tool: vacuum_cup.",
    ),
    (
        "rule_serials_are_unique",
        (BENCH, "serial: SD-0003", "serial: PG-0007"),
        "devices.crib.pockets[2].serial: the serial 'PG-0007' stands twice; 'parallel_gripper' has it already.",
    ),
    (
        "rule_calibrations_are_dated",
        (GRIPPER, "life: {cycles: 2000000}", "life: {calibration_days: 365}"),
        "devices.crib.pockets[0]: nobody knows when 'parallel_gripper' was calibrated; its calibration holds 365 days. "
        "Give the day of the last one: calibrated: 2026-01-31.",
    ),
    (
        "rule_couplings_fit",
        (GRIPPER, "coupling: iso_9409_31_5", "coupling: iso_9409_50_4"),
        "tools/parallel_gripper.yaml:6:11: coupling: no tool changer of the cell has this coupling "
        "('iso_9409_50_4'); there is 'iso_9409_31_5' at changer. Correct it, or use another tool.",
    ),
    (
        "rule_drivers_exist",
        (BENCH, "{kind: force_sensor,", "{kind: force_sensor, driver: {real: gripper/mock},"),
        "devices.wrist_force.driver.real: there is no driver 'gripper/mock' for a force_sensor; ",
    ),
    (
        "rule_devices_stand_apart",
        (BENCH, "xyz_m: [0.48, 0.10, 0.03]", "xyz_m: [0.48, -0.10, 0.03]"),
        "devices.fixture_2.seat_in_cell: 'fixture_2' stands where 'fixture_1' does (0.48, -0.1, 0.03); each needs",
    ),
    (
        "rule_items_are_known_parts",
        (VALVE, "membrane: membrane_medium, cap: cap_white,", "membrane: membrane_medum, cap: cap_white,"),
        "bill_of_materials.membrane: there is no part 'membrane_medum'; did you mean 'membrane_medium'?",
    ),
    (
        "rule_replacements_are_known_parts",
        (VALVE, "default_variant: adult", "replacements: {cap_white: [cap_blu]}\ndefault_variant: adult"),
        "replacements.cap_white[0]: there is no part 'cap_blu'; did you mean 'cap_blue'? Correct the name.",
    ),
    (
        "rule_variants_change_what_there_is",
        (VALVE, "{membrane: membrane_firm,", "{membrain: membrane_firm,"),
        "variants.adult.items.membrain: there is no item 'membrain'; did you mean 'membrane'? Correct the name.",
    ),
    (
        "rule_default_variant_exists",
        (VALVE, "default_variant: adult", "default_variant: adlt"),
        "default_variant: there is no variant 'adlt'; did you mean 'adult'? Correct the name.",
    ),
    (
        "rule_sites_take_known_items",
        (VALVE, "item: body, part_in_unit", "item: bdy, part_in_unit"),
        "sites.body_seat.item: there is no item 'bdy'; did you mean 'body'? Correct the name.",
    ),
    (
        "rule_threads_take_screws",
        (VALVE, "    thread: {engagement_m: 0.0036, friction_n_m: 0.05, stiffness_n_m_rad: 0.35}\n", ""),
        "sites.screw_1: item 'screw' is a screw; its site needs 'thread' and no 'fit'. Correct the site.",
    ),
    (
        "rule_every_item_is_handled",
        (VALVE, "bill_of_materials: {", "bill_of_materials: {cover: cap_blue, "),
        "bill_of_materials.cover: no operation handles 'cover'; each unit would lack it. Add an operation",
    ),
    (
        "rule_checks_name_what_there_is",
        (VALVE, "{kind: colour, site: cap_seat,", "{kind: colour, site: cap_set,"),
        "inspections.closed.checks.cap_type.site: there is no site 'cap_set'; did you mean 'cap_seat'?",
    ),
    (
        "rule_checks_name_what_there_is",
        (VALVE, "colour, site: cap_seat, max_delta_e_ratio: 0.12}", "right_part, site: cap_seat, among: [cap_bue]}"),
        "inspections.closed.checks.cap_type.among[0]: there is no part 'cap_bue'; did you mean 'cap_blue'?",
    ),
    (
        "rule_rework_is_something_to_redo",
        (VALVE, "on_fail: rework, redo: [fasten_1]", "on_fail: rework"),
        "inspections.closed.checks.screw_1.on_fail: rework without anything to redo; name the operations",
    ),
    (
        "rule_rework_is_something_to_redo",
        (VALVE, "max_offset_m: 0.0006}", "max_offset_m: 0.0006, on_uncertain: rework}"),
        "inspections.open.checks.membrane_place.on_uncertain: rework without anything to redo; name the operations",
    ),
    (
        "rule_rework_is_something_to_redo",
        (VALVE, "on_fail: rework, redo: [fasten_1]", "on_fail: recycle, redo: [fasten_1]"),
        "inspections.closed.checks.screw_1.redo: redo although the unit is recycled; such a unit is not mended.",
    ),
    (
        "rule_a_turned_part_is_the_same",
        (VALVE, "  label:\n    shape: {", "  label:\n    same_turned_rad: [1.0]\n    shape: {"),
        "parts.label.same_turned_rad[0]: turned so, the part is not the same: its outline differs (1); a box is the same "
        "after half a turn (3.1415927), a square one after a quarter (1.5707963), too.",
    ),
    (
        "rule_a_turned_part_is_the_same",
        (VALVE, "  cap_white: &cap\n", "  cap_white: &cap\n    same_turned_rad: [3.14159265]\n"),
        "parts.cap_white.same_turned_rad: turned, the part is not the same: its marks tell; no turn is possible. Remove",
    ),
    (
        "rule_a_turned_part_is_the_same",
        (VALVE, "  body:\n", "  body:\n    same_turned_rad: [3.14159265]\n"),
        "parts.body.same_turned_rad: turned, the part is not the same: the sites of all other parts tell; no turn",
    ),
    (
        "rule_units_fit_side_by_side",
        (VALVE, "pitch_m: 0.055", "pitch_m: 0.030"),
        "packing.pitch_m: the units would touch each other (0.03); the widest part is 0.04 wide. Put the places",
    ),
    (
        "rule_packing_has_places",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {}"),
        "packing: nobody says where units lie; give the carton's size in 'carton_m', or a grid with columns, rows",
    ),
    (
        "rule_packing_has_places",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {columns: 3, pitch_m: 0.055}"),
        "packing: a grid without rows; a grid has columns, rows and pitch_m. Add it, or remove the others.",
    ),
    (
        "rule_packing_has_places",
        (VALVE, "rows: 2, pitch_m: 0.055}", "rows: 2, pitch_m: 0.055, units: 6}"),
        "packing.units: 'units' is of a layout that is worked out; there is a grid. Remove it.",
    ),
    (
        "rule_packing_has_places",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {carton_m: [0.2, 0.2, 0.1], layers: 2}"),
        "packing.layers: 'layers' is of a grid; it is worked out. Remove it.",
    ),
    (
        "rule_carton_is_large_enough",
        (VALVE, "rows: 2, pitch_m: 0.055}", "rows: 2, pitch_m: 0.055, carton_m: [0.14, 0.2, 0.1]}"),
        "packing.carton_m: too small (0.14 x 0.2 x 0.1); its places need 0.15 x 0.095 x ",
    ),
    (
        "rule_carton_is_large_enough",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {carton_m: [0.2, 0.03, 0.1]}"),
        "packing.carton_m: no unit fits (0.2 x 0.03 x 0.1); a unit with its room is 0.04 x 0.04 x ",
    ),
    (
        "rule_carton_is_large_enough",
        (VALVE, "packing: {columns: 3, rows: 2, pitch_m: 0.055}", "packing: {carton_m: [0.13, 0.09, 0.03], units: 12}"),
        "packing.carton_m: 6 of 12 units fit (0.13 x 0.09 x 0.03); a unit with its room is 0.04 x 0.04 x ",
    ),
    (
        "rule_operations_name_what_there_is",
        (
            VALVE,
            "skill: place, item: body, after: [pick_body]",
            "skill: place, item: body, after: [pick_bdy]",
        ),
        "plan.place_body.after[0]: there is no operation 'pick_bdy'; did you mean 'pick_body'? Correct the name.",
    ),
    (
        "rule_operation_brings_the_sites_item",
        (VALVE, "site: membrane_seat\n    after", "site: cap_seat\n    after"),
        "plan.insert_membrane.item: site 'cap_seat' does not take 'membrane'; it takes 'cap'. Correct item or site.",
    ),
    (
        "rule_operation_names_are_unique",
        (VALVE, "scrap_plan:\n", "scrap_plan:\n  pack_unit: {skill: place, parameters: {target: bin}}\n"),
        "scrap_plan.pack_unit: the plan has an operation 'pack_unit' too; they need different names. Rename one.",
    ),
    (
        "rule_plan_has_no_cycle",
        (
            VALVE,
            "inspect_open: {skill: inspect, after: [insert_membrane]",
            "inspect_open: {skill: inspect, after: [fasten_1]",
        ),
        "plan.inspect_open.after: 'inspect_open' comes after itself; "
        "the circle is inspect_open, pick_cap, insert_cap, fasten_1. Take one of the 'after' away.",
    ),
    (
        "rule_chain_goes_on_at_once",
        (VALVE, "    after: [pick_cap]\n", "    after: [inspect_open]\n"),
        "plan.pick_cap.continues_in: 'insert_cap' does not come after 'pick_cap'; it must. Add 'pick_cap' to its 'after'.",
    ),
    (
        "rule_chain_goes_on_at_once",
        (
            VALVE,
            "after: [inspect_open], continues_in: insert_cap",
            "after: [inspect_open], continues_in: insert_membrane",
        ),
        "plan.pick_cap.continues_in: 'pick_membrane' continues in 'insert_membrane' too; one hand brings one part.",
    ),
    (
        "rule_station_kinds_exist",
        (VALVE, "occupies: fixture", "occupies: fixtur"),
        "plan.place_body.occupies: there is no kind of station 'fixtur'; did you mean 'fixture'? Correct the name.",
    ),
    (
        "rule_unit_begins_at_one_place",
        (VALVE, "item: membrane, after: [place_body],", "item: membrane,"),
        "plan.pick_membrane: 'pick_membrane' comes after nothing, as 'pick_body' does; a unit begins with one",
    ),
    (
        "rule_unit_begins_at_one_place",
        (VALVE, ", occupies: fixture", ""),
        "plan.pick_body: the unit begins without a station; it needs one. Add 'occupies: fixture' or the like.",
    ),
    (
        "rule_stations_are_left_again",
        (VALVE, "continues_in: pack_unit, vacates: fixture", "continues_in: pack_unit"),
        "plan.place_body.occupies: 'fixture' is never vacated; a later operation must take the unit away.",
    ),
    (
        "rule_scrap_plan_leaves_the_station",
        (VALVE, "continues_in: drop_scrap, vacates: fixture", "continues_in: drop_scrap"),
        "scrap_plan: nothing vacates 'fixture', which 'place_body' of the plan occupies; a scrapped unit must go.",
    ),
    (
        "rule_operations_name_inspections",
        (VALVE, "parameters: {inspection: open}", "parameters: {inspection: opn}"),
        "plan.inspect_open.parameters.inspection: there is no inspection 'opn'; did you mean 'open'?",
    ),
    (
        "rule_inspections_are_made",
        (VALVE, "parameters: {inspection: open}", "parameters: {inspection: closed}"),
        "inspections.open: no operation makes the inspection 'open'; it would have no effect. Add one",
    ),
    (
        "rule_redo_comes_before_the_inspection",
        (VALVE, "redo: [pick_membrane, insert_membrane]", "redo: [pick_membrane, fasten_1]"),
        "inspections.open.checks.membrane_present.redo[1]: 'fasten_1' does not come before 'inspect_open'; only what",
    ),
    (
        "rule_feeders_are_those_of_the_cell",
        (LINE, "nest_2: {part: cap_white", "nest_9: {part: cap_white"),
        "feeders.nest_9: there is no feeder 'nest_9'; did you mean 'nest_4'? Correct the name.",
    ),
    (
        "rule_feeder_levels_fit",
        (LINE, "{part: body, reorder_level: 10,", "{part: body, reorder_level: 10, level: 121,"),
        "feeders.nest_1.level: too many (121); 'nest_1' holds 120; at most 120 is possible. Correct it.",
    ),
    (
        "rule_screws_come_from_screw_feeders",
        (LINE, "screws_1: {part: screw_m2_5x8,", "screws_1: {part: cap_white,"),
        "feeders.screws_1.part: a screw feeder does not present a cylinder ('cap_white'); screws, and only screws,",
    ),
    (
        "rule_recovery_names_faults",
        (LINE, "feeders:\n", "recovery: {INSERT_JAMED: [{action: retry}]}\nfeeders:\n"),
        "recovery.INSERT_JAMED: there is no fault 'INSERT_JAMED'; did you mean 'INSERT_JAMMED'? Correct the code.",
    ),
    (
        "rule_recovery_steps_are_whole",
        (LINE, "feeders:\n", "recovery: {INSERT_JAMMED: [{action: retry, kind: tool}]}\nfeeders:\n"),
        "recovery.INSERT_JAMMED[0].kind: 'retry' has no 'kind'; it belongs to other and ask. Remove it.",
    ),
    (
        "rule_recovery_steps_are_whole",
        (LINE, "feeders:\n", "recovery: {INSERT_JAMMED: [{action: ask}]}\nfeeders:\n"),
        "recovery.INSERT_JAMMED[0]: a question without choices; it has at least one, such as [retry, scrap]. Add 'choices'.",
    ),
    (
        "rule_recovery_steps_are_whole",
        (
            LINE,
            "feeders:\n",
            "recovery: {INSERT_JAMMED: [{action: ask, choices: [retry, scrap], default: hold, after_s: 9}]}\nfeeders:\n",
        ),
        "recovery.INSERT_JAMMED[0].default: 'hold' is none of the choices; there are: retry, scrap. Correct the choice.",
    ),
    (
        "rule_recovery_steps_are_whole",
        (
            LINE,
            "feeders:\n",
            "recovery: {INSERT_JAMMED: [{action: ask, choices: [retry], default: retry}]}\nfeeders:\n",
        ),
        "recovery.INSERT_JAMMED[0]: half of a default; 'default' and 'after_s' go together: what is done when nobody",
    ),
    (
        "rule_recovery_steps_are_whole",
        (LINE, "feeders:\n", "recovery: {INSERT_JAMMED: [{action: rework}]}\nfeeders:\n"),
        "recovery.INSERT_JAMMED[0]: a rework without operations; it does at least one again. Name it in 'redo'.",
    ),
    (
        "rule_recovery_redoes_operations",
        (LINE, "feeders:\n", "recovery: {INSERT_JAMMED: [{action: rework, redo: [pick_capp]}]}\nfeeders:\n"),
        "recovery.INSERT_JAMMED[0].redo[0]: there is no operation of the plan 'pick_capp'; did you mean 'pick_cap'?",
    ),
    (
        "rule_tools_can_take_the_parts",
        (BENCH, "{tool: vacuum_cup, serial: VC-0012,", "{"),
        "parts.membrane_medium.grasp.capability: no tool of cell 'bench' offers 'suction'; "
        "its tools offer: grip, drive_screw. Put a tool for it into a pocket.",
    ),
    (
        "rule_tools_can_take_the_parts",
        (GRIPPER, "stroke_m: 0.060", "stroke_m: 0.030"),
        "parts.body.grasp.width_m: too much for every gripper (0.04); the most is 0.028 (stroke_m less 2 mm, to go around",
    ),
    (
        "rule_tools_can_take_the_parts",
        (GRIPPER, "stroke_m: 0.060", "stroke_m: 0.041"),
        "parts.body.grasp.width_m: too much for every gripper (0.04); the most is 0.039 (stroke_m less 2 mm, to go around",
    ),
    (
        "rule_bores_leave_a_wall",
        (VALVE, "bore_m: 0.0246", "bore_m: 0.040"),
        "parts.body.shape.bore_m: the bore leaves no wall (0.04); the part is 0.04 wide. Correct one of them.",
    ),
    (
        "rule_marks_lie_on_their_part",
        (VALVE, "at_m: [0.0165, 0.0], length_m: 0.004", "at_m: [0.0185, 0.0], length_m: 0.004"),
        "parts.cap_white.marks[4].at_m: the mark reaches 0.00052 m beyond the part (0.0185, 0); "
        "the part's top is 0.04 wide and round. Move the mark, or make it smaller.",
    ),
    (
        "rule_marks_lie_on_their_part",
        (
            VALVE,
            "    colour_rgb: [250, 250, 246]",
            "    marks: [{at_m: [0, -5e-3], length_m: 2e-3, colour_rgb: [1, 1, 1]}]\n    colour_rgb: [250, 250, 246]",
        ),
        "parts.label.marks[0].at_m: the mark reaches 0.0005 m beyond the part (0, -0.005); the part's top is 0.011 x 0.011.",
    ),
    (
        "rule_grips_have_width_and_force",
        (VALVE, "      width_m: 0.040\n      force_n: 25.0\n", "      width_m: 0.040\n"),
        "parts.body.grasp.force_n: a grip without 'force_n'; "
        "fingers need the width between them and a force, both over 0. Give it.",
    ),
    (
        "rule_grips_have_width_and_force",
        (VALVE, "      width_m: 0.040\n      force_n: 25.0\n", "      width_m: 0.0\n      force_n: 25.0\n"),
        "products/valve.yaml:16:16: parts.body.grasp.width_m: a grip without 'width_m'; fingers need the width",
    ),
    (
        "rule_arm_carries_tool_and_part",
        (BENCH, "payload_kg: 5.0", "payload_kg: 0.63"),
        "devices.arm.payload_kg: too little for tool 'parallel_gripper' with a unit of variant 'adult' (0.63); "
        "together they weigh 0.6459. Use a stronger arm or a lighter tool.",
    ),
    (
        "rule_inspected_stations_are_seen",
        (BENCH, "sees: [fixture_2]", "sees: [fixture_1]"),
        "devices.fixture_2: no camera sees 'fixture_2', where 'inspect_closed' inspects; cameras see: fixture_1, ",
    ),
    (
        "rule_operations_name_skills",
        (VALVE, "inspect_open: {skill: inspect,", "inspect_open: {skill: inspct,"),
        "plan.inspect_open.skill: there is no skill 'inspct'; did you mean 'inspect'? Correct the name.",
    ),
    (
        "rule_parameters_are_the_skills",
        (VALVE, "parameters: {torque_n_m: 0.45}", "parameters: {torque_nm: 0.45}"),
        "plan.fasten_1.parameters.torque_nm: unknown key 'torque_nm' (0.45); did you mean 'torque_n_m'?",
    ),
    (
        "rule_parameters_are_the_skills",
        (VALVE, "fasten_1: {torque_n_m: 0.40}", "fasten_1: {torque_n_m: -0.40}"),
        "variants.infant.parameters.fasten_1.torque_n_m: out of range (-0.4); a number over 0 up to 100 is needed.",
    ),
    (
        "rule_parameters_are_the_skills",
        (VALVE, "    site: membrane_seat\n    after", "    after"),
        "plan.insert_membrane: the key 'site' is missing; skill 'insert' needs it: it is a name of lower case letters",
    ),
    (
        "rule_parameters_are_the_skills",
        (VALVE, "pack_unit: {skill: pack,", "pack_unit: {skill: pack, site: cap_seat,"),
        "plan.pack_unit.site: the skill 'pack' takes no site; its operation has none. Remove it.",
    ),
    (
        "rule_feeders_offer_what_skills_take",
        (LINE, "  nest_3: {part: cap_blue, reorder_level: 10, refill_s: 120.0}\n", ""),
        "lines/valve.yaml:9:1: feeders: no feeder offers 'cap_blue', which 'pick_cap' takes for variant 'child'; ",
    ),
    (
        "rule_cell_has_what_skills_need",
        (BENCH, "  printer: {kind: printer, label_in_cell: {xyz_m: [0.12, 0.34, 0.06]}, print_s: 1.2}\n", ""),
        "plan.label_unit.skill: cell 'bench' has no printer; it has: ",
    ),
    (
        "rule_screwdrivers_turn_so_hard_and_fast",
        (VALVE, "fasten_1: {torque_n_m: 0.40}", "fasten_1: {torque_n_m: 4.0}"),
        "variants.infant.parameters.fasten_1.torque_n_m: too much for every screwdriver (4); the most is 2",
    ),
    (
        "rule_screwdrivers_turn_so_hard_and_fast",
        (DRIVER, "speed_max_rad_s: 60.0", "speed_max_rad_s: 20.0"),
        "plan.fasten_1.parameters.speed_rad_s: too much for every screwdriver (30); the most is 20 (speed_max_rad_s). ",
    ),
]


@pytest.mark.parametrize(("rule", "change", "expected"), PROVOCATIONS)
def test_a_broken_rule_is_reported_with_its_remedy(config, rule, change, expected):
    config.edit(*change)
    assert any(expected in text for text in config.check()), "\n".join(config.check())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((VALVE, "site: membrane_seat\n    after", "site: membran_seat\n    after"), "did you mean 'membrane_seat'?"),
        ((LINE, "part: cap_blue", "part: cap_blu"), "did you mean 'cap_blue'?"),
    ],
)
def test_what_follows_from_a_wrong_name_is_not_told_beside_it(config, change, said):
    config.edit(*change)
    (text,) = config.check()
    assert said in text


def test_one_gripper_is_both_wide_and_strong_enough(config):
    """rule_tools_can_take_the_parts"""
    weak = (config.root / GRIPPER).read_text(encoding="utf-8").replace("parallel_gripper", "wide_gripper")
    weak = weak.replace("stroke_m: 0.060", "stroke_m: 0.100").replace("force_max_n: 80.0", "force_max_n: 22.0")
    (config.root / "tools/wide_gripper.yaml").write_text(weak, encoding="utf-8")
    config.edit(BENCH, "{tool: vacuum_cup, serial: VC-0012,", "{tool: wide_gripper, serial: WG-1,")
    config.edit(GRIPPER, "stroke_m: 0.060", "stroke_m: 0.030")
    texts = config.texts()
    told = "no gripper is wide and strong enough at once (0.04 m, 25 N); "
    there = "they grip: parallel_gripper up to 0.03 m with 80 N, wide_gripper up to 0.1 m with 22 N. Correct it, or use"
    assert any(f"parts.body.grasp: {told}{there}" in text for text in texts), "\n".join(texts)
    assert not any("parts.cap_white" in text for text in texts)  # 20 N are enough for the cap


def test_an_order_goes_to_a_line_that_makes_its_product(config):
    """rule_order_names_the_product"""
    line = load_line(config.line)
    config.edit(ORDER, "product: valve", "product: pump")
    with pytest.raises(ConfigError) as caught:
        load_order(config.root / ORDER, line)
    assert str(caught.value).endswith(
        "valve_demo.yaml:4:10: product: this product is not made here ('pump'); "
        "the line makes 'valve'. Correct the order, or send it to another line."
    )


def test_an_order_for_a_line_may_lie_in_any_folder(config, tmp_path):
    lonely = tmp_path / "elsewhere" / "order.yaml"
    lonely.parent.mkdir()
    lonely.write_text("kind: order\nproduct: gadget\nlines: [{variant: child, quantity: 2}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no product 'gadget'"):
        load_order(lonely)
    assert load_order(lonely, elsewhere=True).product == "gadget"
    (config.root / VALVE).rename(config.root / "products" / "gadget.yaml")
    config.edit("products/gadget.yaml", "name: valve", "name: gadget").edit(LINE, "product: valve", "product: gadget")
    line = load_line(config.line)
    assert load_order(lonely, line).lines[0].variant == "child"
    lonely.write_text(lonely.read_text(encoding="utf-8").replace("child", "chil"), encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no variant 'chil'; did you mean 'child'"):
        load_order(lonely, line)


def test_an_order_is_for_one_of_the_products_that_a_cell_makes(tmp_path):
    path = tmp_path / "order.yaml"
    path.write_text("kind: order\nproduct: controller\nlines: [{quantity: 1}]\n", encoding="utf-8")
    assert load_order(path, load_line("valve", ["controller"])).product == "controller"


def test_a_cell_has_the_stations_that_the_product_occupies(config):
    """rule_cell_has_the_stations"""
    config.edit(VALVE, "occupies: fixture", "occupies: printer").edit(BENCH, PRINTER, "")
    assert any(
        "plan.place_body.occupies: cell 'bench' has no printer; it has: arm, tool_changer, " in text
        for text in config.texts()
    )


def test_a_skill_that_cannot_be_imported_is_reported_where_it_is_used(config, monkeypatch):
    """rule_skills_can_be_loaded"""
    found = plugins.skill

    def broken(name):
        if name == "pack":
            raise ImportError("No module named 'cartons'")
        return found(name)

    monkeypatch.setattr(plugins, "skill", broken)
    assert any(
        text.endswith(
            "plan.pack_unit.skill: the skill 'pack' cannot be loaded (ImportError: No module named 'cartons'); "
            "it must be complete. Repair its installation."
        )
        for text in config.texts()
    )


def test_a_model_that_is_a_link_to_elsewhere_is_refused(tmp_path):
    """rule_models_lie_beside_the_product"""
    home = tmp_path / "config" / "products"
    home.mkdir(parents=True)
    shipped = (Path(__file__).parents[2] / "config/products/valve.yaml").read_text(encoding="utf-8")
    check = "      looks: {kind: anomaly, site: cap_seat, model: looks.npz}\n"
    (home / "valve.yaml").write_text(shipped.replace("  closed:\n    checks:\n", f"  closed:\n    checks:\n{check}"))
    assert check_paths([home / "valve.yaml"]) == ()
    (tmp_path / "far.npz").write_bytes(b"")
    (home / "looks.npz").symlink_to(tmp_path / "far.npz")
    (issue,) = check_paths([home / "valve.yaml"])
    assert str(issue).endswith(
        "inspections.closed.checks.looks.model: the file 'looks.npz' is a link that leads out of the configuration; "
        "it must lie there itself. Put the file there."
    )


def test_every_rule_is_provoked_here_and_says_itself_in_one_line():
    alone = (
        test_an_order_goes_to_a_line_that_makes_its_product,
        test_a_cell_has_the_stations_that_the_product_occupies,
        test_a_skill_that_cannot_be_imported_is_reported_where_it_is_used,
        test_a_model_that_is_a_link_to_elsewhere_is_refused,
    )
    provoked = {rule for rule, _, _ in PROVOCATIONS} | {test.__doc__ for test in alone}
    # See test_rules_zones, test_fault_schedule and test_calibrations.
    elsewhere = (rules_zones.__name__, rules_faults.__name__, rules_calibration.__name__)
    here = [rule for rule in RULES if rule.check.__module__ not in elsewhere]
    assert {rule.check.__name__ for rule in here} == provoked
    assert all(rule.text and "\n" not in rule.text for rule in RULES)
