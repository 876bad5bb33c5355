"""Arms that are parked must not be in the way of others that work."""

from __future__ import annotations

from config_copy import EXAMPLE

from microcell.description.base import PoseSpec
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.motion.parked import blocking
from microcell.motion.reacher import reachers

TWIN = load_line("valve_twin")


def nearer(line: Line, x_m: float) -> Line:
    """The line with its right arm nearer to the left one than any rule of zones would have it."""
    devices = dict(line.cell_description.devices)
    base = PoseSpec(xyz_m=(x_m, 0.0, 0.0), rpy_rad=(0.0, 0.0, 3.14159265))
    devices["right_arm"] = devices["right_arm"].model_copy(update={"base_in_cell": base})
    return line.model_copy(update={"cell_description": line.cell_description.model_copy(update={"devices": devices})})


def test_arms_that_stand_apart_as_their_zones_ask_are_in_nobodys_way():
    assert list(blocking(TWIN, reachers(TWIN))) == []


def test_an_arm_that_is_parked_where_another_works_is_told_with_what_would_touch():
    line = nearer(TWIN, 0.35)
    found = list(blocking(line, reachers(line)))
    told = {(each.waiting, each.working, each.at) for each in found}
    assert ("right_arm", "left_arm", "tray_1") in told
    assert all(own.startswith(f"{each.waiting}/") for each in found for own, _ in each.pairs)


def test_a_cell_with_one_arm_has_nobody_to_be_in_the_way_of():
    line = load_line(EXAMPLE / "lines/valve.yaml")
    assert list(blocking(line, reachers(line))) == []
