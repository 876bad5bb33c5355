"""The scene that follows from a cell's description: everything stands where the description says."""

from __future__ import annotations

import pytest
from config_copy import EXAMPLE, ConfigCopy

from microcell.description.base import PoseSpec
from microcell.description.loader import load_line
from microcell.motion.carried import UNIT, carried_solids, part_solids, tool_solids, unit_solids
from microcell.motion.cell_scene import BENCH_TOP, cell_scene
from microcell.motion.scene import ROOM, Solid

LINE = load_line(EXAMPLE / "lines" / "valve.yaml")
PRODUCT = LINE.product_description


def top_m(solids) -> float:
    return max(solid.middle.position[2] + solid.shape.box_m[2] / 2 for solid in solids)


def test_every_station_rack_tool_and_camera_is_a_body():
    kinds = {"feeder", "fixture", "tool_crib", "carton_station", "bin", "printer", "camera"}
    devices = {name for name, spec in LINE.cell_description.devices.items() if spec.kind in kinds}
    assert set(cell_scene(LINE, "arm")) == devices | set(LINE.tools) | {BENCH_TOP}


def test_the_bench_ends_just_under_what_stands_on_it():
    assert -0.002 < top_m(cell_scene(LINE, "arm")[BENCH_TOP]) < 0.0


@pytest.mark.parametrize("station, height_m", [("nest_1", 0.04), ("tray_1", 0.0112), ("screws_1", 0.0415)])
def test_a_feeder_is_as_high_as_the_part_that_lies_on_it(station, height_m):
    assert top_m(cell_scene(LINE, "arm")[station]) == pytest.approx(height_m)


def test_a_fixture_has_room_for_a_finished_unit():
    scene = cell_scene(LINE, "arm")
    rooms = [solid for solid in scene["fixture_1"] if solid.name == ROOM]
    assert top_m(rooms) == pytest.approx(0.03 + 0.0265)
    assert top_m([solid for solid in scene["fixture_1"] if solid.name == "block"]) == pytest.approx(0.03)


def test_a_tray_covers_all_its_places():
    room = next(solid for solid in cell_scene(LINE, "arm")["tray_1"] if solid.name == ROOM)
    x, y, _ = room.middle.position
    assert (x, y) == pytest.approx((0.335, 0.37))
    assert room.shape.box_m[:2] == pytest.approx((0.07 + 0.024 + 0.02, 0.14 + 0.024 + 0.02))


def test_a_tool_hangs_in_its_pocket_as_at_a_flange():
    gripper = cell_scene(LINE, "arm")["parallel_gripper"]
    assert len(gripper) == 4
    assert gripper[1].middle.position == pytest.approx((-0.20, -0.42, 0.22 - 0.060))
    lowest = min(solid.middle.position[2] - solid.shape.box_m[2] / 2 for solid in gripper[2:])
    assert lowest == pytest.approx(0.22 - 0.150)


def test_a_camera_ends_at_its_lens():
    (housing,) = cell_scene(LINE, "arm")["camera_1"]
    assert housing.middle.position[2] - housing.shape.box_m[2] / 2 == pytest.approx(1.03)


def test_a_devices_own_shape_stands_instead_of_the_usual_one(tmp_path):
    config = ConfigCopy(tmp_path).edit(
        "cells/bench.yaml", "reject_bin: {kind: bin,", "reject_bin: {kind: bin, shape: [{radius_m: 0.1, length_m: 0.02}],"
    )
    (solid,) = cell_scene(load_line(config.line), "arm")["reject_bin"]
    assert isinstance(solid, Solid) and solid.shape.radius_m == 0.1


def test_every_tool_of_the_example_ends_at_its_tcp():
    for tool in LINE.tools.values():
        ends = [solid.middle.position[2] + _half_length(solid) for solid in tool_solids(tool)]
        assert max(ends) == pytest.approx(tool.tcp_in_flange.xyz_m[2])


@pytest.mark.parametrize("name", LINE.tools)
def test_a_tools_solids_are_those_of_its_model_with_the_fingers_open(name):
    described = LINE.tools[name]
    assert described.shape and described.model
    modelled = tool_solids(described.model_copy(update={"shape": ()}))
    assert sorted(map(_measures, modelled)) == sorted(map(_measures, tool_solids(described)))


def _measures(solid):
    sizes = solid.shape.box_m if hasattr(solid.shape, "box_m") else (solid.shape.radius_m, solid.shape.length_m)
    return tuple(round(value, 6) + 0.0 for value in (*solid.middle.position, *sizes))


def test_a_tool_without_a_shape_is_a_cylinder_down_to_its_tcp():
    bare = LINE.tools["vacuum_cup"].model_copy(update={"shape": (), "model": None})
    (solid,) = tool_solids(bare)
    assert solid.shape.length_m == pytest.approx(0.12)


def test_a_held_part_hangs_at_the_tool_as_its_grasp_says():
    held = carried_solids(LINE, "parallel_gripper", "body")[-1]
    assert held.name == "body"
    assert held.middle.position == pytest.approx((0.0, 0.0, 0.150 + 0.012 - 0.010), abs=1e-9)
    assert carried_solids(LINE, "") == ()


def test_a_held_unit_is_all_its_parts():
    unit = carried_solids(LINE, "parallel_gripper", UNIT)[4:]
    assert len(unit) == len(unit_solids(PRODUCT)) == 3 + 2 * 4 + 1
    assert {solid.name for solid in unit} == {"body", "membrane_firm", "cap_white", "screw_m2_5x8", "label"}


def test_a_screw_is_a_head_on_a_shaft():
    head, shaft = part_solids("screw", PRODUCT.parts["screw_m2_5x8"])
    assert head.middle.position[2] > 0.0 > shaft.middle.position[2]
    assert shaft.shape.radius_m < head.shape.radius_m


def test_another_arm_stands_at_home():
    cell = LINE.cell_description
    second = cell.devices["arm"].model_copy(update={"base_in_cell": PoseSpec(xyz_m=(1.5, 0.0, 0.0))})
    both = cell.model_copy(update={"devices": {**cell.devices, "second": second}})
    line = LINE.model_copy(update={"cell_description": both})
    assert "arm" not in cell_scene(line, "arm") and "second" not in cell_scene(line, "second")
    links = {solid.name: solid.middle.position for solid in cell_scene(line, "arm")["second"]}
    assert links["base_link"][0] == pytest.approx(1.5)
    assert links["flange"][2] > 0.5


def _half_length(solid: Solid) -> float:
    shape = solid.shape
    return (shape.box_m[2] if hasattr(shape, "box_m") else shape.length_m) / 2
