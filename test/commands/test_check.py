"""`microcell check` finds what only shows across files: one mistake, one message with its place and what to do."""

import re
import shutil
from pathlib import Path

import pytest
from config_copy import ConfigCopy

from microcell.cli import main
from microcell.description.loader import check_paths
from microcell.description.rules_doubts import doubts
from microcell.motion.arm_rules import wrong_with_arms
from microcell.paths import share_directory

BENCH, VALVE, LINE = "cells/bench.yaml", "products/valve.yaml", "lines/valve.yaml"
CHECK = "      cap_turn: {"
PACKING = "packing: {columns: 3, rows: 2, pitch_m: 0.055}"


def told(config: ConfigCopy, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["check", str(config.root)]) == 2
    return capsys.readouterr().out.replace(f"{config.root}/", "")


@pytest.fixture
def config(tmp_path: Path) -> ConfigCopy:
    return ConfigCopy(tmp_path)


def with_link(config: ConfigCopy, more: str) -> None:
    """Give the arm a robot file of its own, with more in it."""
    robots = share_directory() / "urdf" / "robots"
    shutil.copy(robots / "parts.xacro", config.root / "cells")
    urdf = (robots / "six_axis.urdf.xacro").read_text(encoding="utf-8").replace("</robot>", f"{more}</robot>")
    (config.root / "cells" / "own.urdf.xacro").write_text(urdf, encoding="utf-8")
    config.edit(BENCH, "six_axis.urdf.xacro", "own.urdf.xacro")


def test_meshes_that_are_not_there_are_a_warning(config, capsys):
    with_link(config, """
      <link name="cover"><visual><geometry><mesh filename="package://own/cover.stl"/></geometry></visual></link>
      <joint name="covers" type="fixed"><parent link="base_link"/><child link="cover"/></joint>
    """)  # fmt: skip
    assert main(["check", str(config.root)]) == 0
    text = capsys.readouterr().out
    assert "devices.arm.robot: warning: 1 mesh not found or not read (package://own/cover.stl); rods stand for " in text
    assert text.endswith("no mistakes found, 1 warning\n")


@pytest.mark.parametrize(("rpy", "what", "axis"), [
    ("3.14159265 0 0", "comes to none of its stations", "-z"),
    ("0 -1.57079633 0", "does not come to crib, nest_1", "x"),
    ("1.57079633 0 0", "does not come to crib", "y"),
])  # fmt: skip
def test_a_flange_whose_frame_looks_elsewhere_is_told_of_the_arm_and_not_of_each_station(config, capsys, rpy, what, axis):
    with_link(
        config,
        f"""
      <link name="looking"/>
      <joint name="looks" type="fixed"><parent link="flange"/><child link="looking"/><origin rpy="{rpy}"/></joint>
    """,
    )
    config.edit(BENCH, "tip_link: flange", "tip_link: looking")
    text = told(config, capsys)
    assert f"devices.arm.tip_link: the arm {what}; the z axis of its flange's frame must lead out of the arm, and " in text
    assert f"and here {axis} does. Name another tip_link" in text
    assert text.endswith("1 mistake in 1 file\n")


MISTAKES = {
    "a tool nobody has": (
        (BENCH, "{tool: screwdriver, serial: SD-0003,", "{"),
        "parts.screw_m2_5x6.grasp.capability: no tool of cell 'bench' offers 'drive_screw'; its tools offer: grip, suction.",
    ),
    "a pose out of reach of every arm": (
        (BENCH, "part_in_cell: {xyz_m: [0.24, -0.42, 0.02]}", "part_in_cell: {xyz_m: [1.24, -0.42, 0.02]}"),
        "devices.nest_1.part_in_cell: out of reach of every arm, to take 'body' at (1.24, -0.42, ",
    ),
    "a tool that is too long for every place": (
        (
            "tools/parallel_gripper.yaml",
            "tcp_in_flange: {xyz_m: [0.0, 0.0, 0.150]}",
            "tcp_in_flange: {xyz_m: [0.0, 0.0, 1.50]}",
        ),
        "tcp_in_flange: with it no arm comes to crib, fixture_1, fixture_2, nest_1, nest_2, nest_3, nest_4, cartons, "
        "reject_bin; for example for site 'body_seat' at (0.48, -0.1, 0.042); arm with "
        "parallel_gripper: the tip would have to be 1.354 m from joint_1, 0.214 m more than the arm's 1.140 m. Correct it,",
    ),
    "an arm that stands elsewhere": (
        (BENCH, "base_in_cell: {xyz_m: [0.0, 0.0, 0.0]}", "base_in_cell: {xyz_m: [3.0, 0.0, 0.0]}"),
        "devices.arm.base_in_cell: the arm comes to none of its stations; correct where it stands (base_in_cell), its ",
    ),
    "a variant's part that is taken from below": (
        (
            VALVE,
            "  cap_blue: {<<: *cap,",
            "  cap_blue: {<<: *cap, grasp: {capability: grip, width_m: 0.04, force_n: 20.0, "
            "tcp_in_part: {xyz_m: [0.0, 0.0, 0.003]}},",
        ),
        "parts.cap_blue.grasp.tcp_in_part: the tool would come from below: its z axis points up there; z points into the",
    ),
    "a tool too heavy so far from the flange": (
        (BENCH, "payload_kg: 5.0", "payload_kg: 5.0\n    payload_reach_m: 0.008"),
        "devices.arm.payload_reach_m: too little, parallel_gripper: 0.62 kg at 65 mm from the flange make 0.0403 kg m, ",
    ),
    "a travel height that the arm does not come to": (
        (BENCH, "travel_height_m: 0.14", "travel_height_m: 1.1"),
        "devices.fixture_1.seat_in_cell: no way for any arm, for site 'body_seat' at (0.48, -0.1, 0.042); "
        "arm with parallel_gripper: where it goes across, its flange 1.25 m over the bench, the arm ends ",
    ),
    "a nest so low that the fingers meet the bench": (
        (BENCH, "part_in_cell: {xyz_m: [0.24, -0.42, 0.02]}", "part_in_cell: {xyz_m: [0.24, -0.42, -0.022]}"),
        "devices.nest_1.part_in_cell: no way for any arm, to take 'body' at (0.24, -0.42, -0.01); arm with "
        "parallel_gripper: on the straight way parallel_gripper would touch bench_top. Move the station or what is in the ",
    ),
    "fingers without room in the carton": (
        (BENCH, "approach_m: 0.03", "approach_m: 0.005"),
        "devices.cartons.carton_in_cell: no way for any arm, for place 1 of the carton at (-0.16, 0.36, 0.022); arm with "
        "parallel_gripper: on the straight way parallel_gripper would touch cartons. Give the fingers more room beside the "
        "units (room_m in the product's packing), or move what is in the way.",
    ),
    "a part that meets what the hand alone passes": (
        (
            BENCH,
            "exchange_s: 6.0}",
            "exchange_s: 6.0, shape: [{box_m: [0.02, 0.02, 0.02], at: {xyz_m: [0.48, -0.072, 0.045]}}]}",
        ),
        "devices.fixture_1.seat_in_cell: no way for any arm, for site 'body_seat' at (0.48, -0.1, 0.042); arm with "
        "parallel_gripper: with body in the hand, on the straight way body would touch cartons. Move the station or",
    ),
    "a home in the bench": (
        (BENCH, "home_rad: [0.0, 0.0, 1.5708, 0.0, 1.5708, 0.0]", "home_rad: [0.0, 2.2, 0.0, 0.0, 1.5708, 0.0]"),
        "would touch bench_top; an arm waits there. Choose another posture, or move what is in the way.",
    ),
    "two nests that overlap": (
        (BENCH, "nest_2: {<<: *nest, part_in_cell: {xyz_m: [0.36,", "nest_2: {<<: *nest, part_in_cell: {xyz_m: [0.265,"),
        "devices.nest_2.part_in_cell: 'nest_2' stands 15 mm deep in 'nest_1'; each needs its own place. Move one of them,",
    ),
    "two tools that overlap": (
        (BENCH, "flange_in_cell: {xyz_m: [-0.05, -0.46,", "flange_in_cell: {xyz_m: [-0.17, -0.43,"),
        "devices.crib.pockets[1]: 'vacuum_cup' stands ",
    ),
    "a cycle in the plan": (
        (VALVE, "{skill: inspect, after: [insert_membrane]", "{skill: inspect, after: [fasten_1]"),
        "plan.inspect_open.after: 'inspect_open' comes after itself; the circle is inspect_open, pick_cap, insert_cap",
    ),
    "a part no feeder offers": (
        (LINE, "  nest_3: {part: cap_blue, reorder_level: 10, refill_s: 120.0}\n", ""),
        "feeders: no feeder offers 'cap_blue', which 'pick_cap' takes for variant 'child'; the feeders offer: ",
    ),
    "an inspection without what it was taught": (
        (VALVE, CHECK, "      cap_looks: {kind: anomaly, site: cap_seat, model: cap_looks.npz}\n" + CHECK),
        "inspections.closed.checks.cap_looks.model: there is no file 'cap_looks.npz' beside the product; "
        "the check has not been taught. Make it: microcell teach valve/cap_looks.",
    ),
    "a check that names no model": (
        (VALVE, CHECK, "      cap_looks: {kind: anomaly, site: cap_seat}\n" + CHECK),
        "inspections.closed.checks.cap_looks: a check without what it was taught; it must learn from photos. Add 'model'",
    ),
    "a carton too small": (
        (VALVE, PACKING, "packing: {carton_m: [0.09, 0.09, 0.03], units: 6}"),
        "packing.carton_m: 4 of 6 units fit (0.09 x 0.09 x 0.03); a unit with its room is 0.04 x 0.04 x ",
    ),
}


@pytest.mark.parametrize(("change", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_across_files_is_told_with_its_place_and_remedy(config, capsys, change, expected):
    config.edit(*change)
    text = told(config, capsys)
    assert expected in text
    line = next(line for line in text.splitlines() if expected in line)
    assert re.match(r"[a-z]+/[a-z_]+\.yaml:[0-9]+:[0-9]+: ", line)


GANTRY = "".join(
    f'<link name="{name}"/><joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{name}"/>'
    f'<axis xyz="{axis}"/><limit lower="-1" upper="1" velocity="2"/></joint>'
    for name, kind, parent, axis in (
        ("bridge", "prismatic", "frame", "1 0 0"), ("carriage", "prismatic", "bridge", "0 1 0"),
        ("quill", "prismatic", "carriage", "0 0 -1"), ("hand", "revolute", "quill", "0 0 -1"),
    )
)  # fmt: skip

ROBOT_MISTAKES = {
    "a tip that is no link": (
        f'<robot name="g"><link name="frame"/>{GANTRY}</robot>',
        "cells/bench.yaml:11:15: devices.arm.tip_link: gantry.urdf: there is no link 'flange'; "
        "its links are frame, bridge, carriage, quill, hand.\n",
    ),
    "too few joints": (
        f'<robot name="g"><link name="frame"/>{GANTRY.replace("prismatic", "fixed")}</robot>'.replace("hand", "flange"),
        "devices.arm.tip_link: gantry.urdf: the chain from frame to flange has 1 moving joints (flange); 4 to 7 ",
    ),
    "no XML": (
        '<robot name="g"><link name="frame">',
        "cells/bench.yaml:10:12: devices.arm.robot: gantry.urdf: no XML: no element found: line 1, column 35; mend",
    ),
    "limits of another arm": (
        f'<robot name="g"><link name="frame"/>{GANTRY}</robot>'.replace("hand", "flange"),
        "devices.arm.joints: gantry.urdf: limits are given for 6 joints, there are 4; they are bridge, carriage, quill, ",
    ),
}


@pytest.mark.parametrize(("robot", "expected"), ROBOT_MISTAKES.values(), ids=ROBOT_MISTAKES)
def test_a_wrong_robot_file_is_told_at_the_arm_and_hides_nothing(config, capsys, robot, expected):
    (config.root / "cells/gantry.urdf").write_text(robot, encoding="utf-8")
    config.edit(BENCH, "robot: six_axis.urdf.xacro", "robot: gantry.urdf").edit(BENCH, "    base_link: base_link\n", "")
    lines = config.root / "lines"
    (lines / "other.yaml").write_text((lines / "valve.yaml").read_text().replace("name: valve", "name: others"))
    text = told(config, capsys)
    assert expected in text
    assert "lines/other.yaml:3:7: name: not the file's name" in text
    assert "out of reach" not in text


@pytest.mark.parametrize("command", [("run", "--quantity", "1"), ("up",)], ids=lambda command: command[0])
def test_nothing_is_started_with_limits_wider_than_the_robot_files(config, capsys, command):
    config.edit(BENCH, "lower_rad: -2.0, upper_rad: 2.4", "lower_rad: -2.0, upper_rad: 2.5")
    journal = config.root / "valve.journal"
    assert main([command[0], str(config.root / "lines/valve.yaml"), *command[1:], "--journal", str(journal)]) == 2
    told = "devices.arm.joints[1].upper_rad: joint joint_2 goes further than its robot file lets it (2.5); there its upper"
    assert told in capsys.readouterr().err
    assert not journal.exists()


def test_limits_wider_than_the_robot_files_are_told_each_at_its_key(config, capsys):
    config.edit(
        BENCH, "lower_rad: -2.0, upper_rad: 2.4, velocity_rad_s: 2.6", "lower_rad: -2.1, upper_rad: 2.5, velocity_rad_s: 2.7"
    )
    text = told(config, capsys)
    told_there = "joint joint_2 goes further than its robot file lets it"
    assert f"joints[1].lower_rad: {told_there} (-2.1); there its lower limit is -2. Limits may be tighter than the" in text
    assert f"joints[1].upper_rad: {told_there} (2.5); there its upper limit is 2.4. Limits may be tighter than the" in text
    assert (
        "joints[1].velocity_rad_s: joint joint_2 goes faster than its robot file lets it (2.7); there its velocity" in text
    )
    assert "3 mistakes in 1 file" in text


def test_a_tool_model_that_cannot_be_read_is_told_at_the_tool(config, capsys):
    (config.root / "tools/cup.urdf").write_text("<robot>", encoding="utf-8")
    tool = config.root / "tools/vacuum_cup.yaml"
    lines = [line for line in tool.read_text(encoding="utf-8").splitlines() if not line.startswith(("  -", "shape:"))]
    tool.write_text("\n".join(lines).replace("vacuum_cup.urdf.xacro", "cup.urdf"), encoding="utf-8")
    text = told(config, capsys)
    assert re.search(
        r"tools/vacuum_cup.yaml:\d+:8: model: cup.urdf: no XML: .*; mend the file.\n1 mistake in 1 file", text
    ), text


def test_a_place_that_one_of_two_arms_reaches_is_in_reach(capsys):
    assert main(["check", "config/lines/valve_twin.yaml"]) == 0
    assert "no mistakes found" in capsys.readouterr().out


def test_what_no_arm_can_do_with_what_is_in_its_hand_is_told_with_what_each_arm_lacks(config, capsys):
    stations = "fixture_1, fixture_2, nest_1, nest_2, nest_3, nest_4, tray_1, tray_2, tray_3, screws_1, screws_2, printer"
    changer = "    tool_changer: changer\n"
    config.edit(BENCH, changer, f"{changer}    serves: [{stations}, reject_bin, crib]\n")
    told_of = (
        "plan.pick_unit: no arm can do pick_unit, then pack_unit: arm does not work where pack_unit is done; let an arm"
    )
    assert told_of in told(config, capsys)


def test_a_gripper_that_cannot_take_a_part_brings_no_place_into_reach(config):
    gripper = (config.root / "tools/parallel_gripper.yaml").read_text(encoding="utf-8")
    longer = gripper.replace("parallel_gripper\n", "long_gripper\n", 1).replace("[0.0, 0.0, 0.150]", "[0.0, 0.0, 0.900]")
    (config.root / "tools/long_gripper.yaml").write_text(longer, encoding="utf-8")
    place = "flange_in_cell: {xyz_m: [-0.35, -0.3, 0.95], rpy_rad: [3.14159265, 0.0, 0.0]}"
    pocket = f"      - {{tool: long_gripper, serial: LG-1, {place}}}\n"
    config.edit(BENCH, "      - {tool: screwdriver,", f"{pocket}      - {{tool: screwdriver,")
    config.edit("tools/parallel_gripper.yaml", "stroke_m: 0.060", "stroke_m: 0.030")
    texts = [str(issue) for issue in check_paths([config.line], further=(wrong_with_arms,))]
    told = "devices.nest_1.part_in_cell: no way for any arm, to take 'body'"
    assert any(told in text and "arm with long_gripper" in text for text in texts), "\n".join(texts)


def test_what_cannot_be_loaded_is_not_asked_for_its_reach(config, capsys):
    config.edit(BENCH, "part_in_cell: {xyz_m: [0.24, -0.42, 0.02]}", "part_in_cell: {xyz_m: [1.24, -0.42, 0.02]}")
    config.edit(VALVE, "default_variant: adult", "default_variant: adlt")
    text = told(config, capsys)
    assert "out of reach" not in text
    assert "1 mistake in 1 file" in text


def test_what_is_hardly_meant_is_a_warning_and_no_mistake(config, capsys):
    config.edit(LINE, "nest_3: {part: cap_blue,", "nest_3: {part: spare,")
    config.edit(VALVE, "  cap_blue: {<<: *cap,", "  spare: {<<: *cap}\n  cap_blue: {<<: *cap,")
    config.edit(VALVE, "{membrane: membrane_medium, cap: cap_blue, screw: screw_m2_5x6}}", "{<<: &firm {cap: cap_white}}}")
    config.edit(VALVE, "default_variant: adult", "  toddler: {summary: The same., items: *firm}\ndefault_variant: adult")
    assert main(["check", str(config.root / LINE)]) == 0
    text = capsys.readouterr().out
    assert "feeders.nest_3.part: warning: no variant uses a 'spare'; its parts are never taken. Correct the part, or" in text
    assert "variants.toddler: warning: it is made as 'child' is; they differ in their summary at most. Say" in text
    assert text.endswith("no mistakes found, 2 warnings\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("part_in_unit: {xyz_m: [0.0, 0.0, 0.025]}}", "part_in_unit: {xyz_m: [0.0, 0.0, 0.030]}}"),
            "sites.label_area.part_in_unit: warning: 'label' would hang 5 mm over all that is there before 'label_unit'; it",
        ),
        (
            ("part_in_unit: {xyz_m: [0.0113, 0.0113, 0.025]}", "part_in_unit: {xyz_m: [0.0113, 0.0113, 0.030]}"),
            "sites.screw_1.part_in_unit: warning: 'screw' would hang 5 mm over all that is there before 'fasten_1'; it lies",
        ),
        (
            ("label, site: label_area, after: [fasten_4]}", "label, site: label_area, after: [inspect_open]}"),
            "sites.label_area.part_in_unit: warning: 'label' would hang 5 mm over all that is there before 'label_unit'; it",
        ),
        (
            ("part_in_unit: {xyz_m: [0.0, 0.0, 0.025]}}", "part_in_unit: {xyz_m: [0.0, 0.016, 0.025]}}"),
            "sites.label_area.part_in_unit: warning: the label lies over an edge: not all of its corners have something",
        ),
    ],
)
def test_what_has_nothing_under_it_is_hardly_meant(config, change, said):
    config.edit(VALVE, *change)
    config.edit(VALVE, "{skill: inspect, after: [label_unit],", "{skill: inspect, after: [label_unit, fasten_4],")
    texts = [str(issue) for issue in check_paths([config.line], further=(doubts,))]
    assert any(said in text for text in texts), "\n".join(texts)


def test_a_colour_check_that_passes_another_variants_part_is_hardly_meant(config):
    config.edit(
        VALVE, "cap_blue: {<<: *cap, colour_rgb: [70, 120, 200]}", "cap_blue: {<<: *cap, colour_rgb: [230, 232, 236]}"
    )
    texts = [str(issue) for issue in check_paths([config.line], further=(doubts,))]
    said = "inspections.closed.checks.cap_type: warning: a 'cap_blue' passes for a 'cap_white': the colours differ by 0."
    assert len(texts) == 1 and said in texts[0], "\n".join(texts)


def test_warnings_are_counted_apart_from_mistakes(config, capsys):
    config.edit(LINE, "nest_3: {part: cap_blue,", "nest_3: {part: spare,")
    config.edit(VALVE, "  cap_blue: {<<: *cap,", "  spare: {<<: *cap}\n  cap_blue: {<<: *cap,")
    config.edit(VALVE, "{membrane: membrane_medium, cap: cap_blue, screw: screw_m2_5x6}}", "{cap: cap_white}}")
    config.edit(BENCH, "part_in_cell: {xyz_m: [0.24, -0.42, 0.02]}", "part_in_cell: {xyz_m: [1.24, -0.42, 0.02]}")
    assert told(config, capsys).endswith("\n1 mistake in 1 file, 1 warning\n")
