"""The picture of a line names every operation, condition, check and station, whatever the line."""

import re
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from microcell.cli import main
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.viewing.cell_map import cell_map
from microcell.viewing.plan_rows import plan_chains

LINES = [path.stem for path in sorted((Path(__file__).parents[2] / "config" / "lines").glob("*.yaml"))]


@cache
def shipped(name: str) -> Line:
    return load_line(name)


def node_of(line: str, operation: str):
    return next(node for chain in plan_chains(shipped(line)) for node in chain.nodes if node.name == operation)


@pytest.mark.parametrize("name", LINES)
def test_every_operation_stands_once_and_below_those_that_it_waits_for(name):
    chains = plan_chains(shipped(name))
    plan = shipped(name).product_description.plan
    assert sorted(node.name for chain in chains for node in chain.nodes) == sorted(plan)
    row = {node.name: chain.row for chain in chains for node in chain.nodes}
    for operation, spec in plan.items():
        for before in spec.after:
            assert row[before] < row[operation] or plan[before].continues_in == operation
    assert all(chains[before].row < chain.row for chain in chains for before in chain.after)


@pytest.mark.parametrize("name", LINES)
def test_every_station_tool_arm_and_camera_is_on_the_map(name):
    line, seen = shipped(name), cell_map(shipped(name))
    cell = line.cell_description
    unseen = ("arm", "camera", "tool_changer", "force_sensor", "safety", "tool_crib", "turner")
    stations = [device for device, spec in cell.devices.items() if spec.kind not in unseen]
    used = [device for device in stations if device in line.feeders or cell.devices[device].kind != "feeder"]
    assert {station.name for station in seen.stations} >= {*used, *line.tools}
    assert [reach.arm for reach in seen.reaches] == list(cell.of_kind("arm"))
    assert [view.camera for view in seen.views] == list(cell.of_kind("camera"))
    assert all(0.7 < reach.radius_m < 1.1 for reach in seen.reaches)


def test_an_operation_tells_part_place_tool_and_what_differs_between_variants():
    assert node_of("valve", "fasten_1").lines == (
        "fasten with screwdriver",
        "screw at screw_1:",
        "  screw_m2_5x8 if adult",
        "  screw_m2_5x6 if child or infant",
        "if infant: torque_n_m 0.4",
    )
    assert node_of("valve", "place_body").lines[-1] == "takes a fixture"


def test_an_inspection_tells_its_checks_and_what_is_done_about_a_failed_one():
    lines = node_of("valve", "inspect_open").lines
    assert "membrane_present: presence, else redo pick_membrane and insert_membrane" in lines
    assert "membrane_place: position" in lines
    assert "surface: surface" in " ".join(node_of("battery", "measure_cell_1").lines)


def texts(svg: Path) -> set[str]:
    return {unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text(encoding="utf-8"))}


def test_a_drawn_line_shows_all_that_and_is_the_same_file_again(tmp_path, capsys):
    first, again = tmp_path / "a.svg", tmp_path / "b.svg"
    assert main(["show", "footwear", "--graph", str(first)]) == 0
    assert f"plan and cell: {first}" in capsys.readouterr().out
    shown, line = texts(first), shipped("footwear")
    assert shown >= set(line.product_description.plan)
    assert shown >= {"nest_10", "press_1", "camera_1", "arm", "vacuum_cup", "cartons", "if red_21: mass_kg 0.0011"}
    assert "nest_1: sole_left_20, 120 pieces" in shown
    assert main(["show", "footwear", "--graph", str(again)]) == 0
    assert first.read_bytes() == again.read_bytes()


def test_a_picture_of_two_arms_is_wide_enough_for_them(tmp_path):
    assert main(["show", "valve_twin", "--graph", str(tmp_path / "twin.png")]) == 0
    assert Image.open(tmp_path / "twin.png").width > 1500


def test_another_ending_is_refused(tmp_path, capsys):
    assert main(["show", "valve", "--graph", str(tmp_path / "line.pdf")]) == 2
    assert "line.pdf' is no picture that can be written: give a file that ends in .png or .svg." in capsys.readouterr().err
