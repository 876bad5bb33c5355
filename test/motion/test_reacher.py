"""An arm is asked for a place on the way that skills take: over it, straight down, and with a tool up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from microcell.description.base import PoseSpec
from microcell.description.loader import load_line
from microcell.description.shape import BoxShape
from microcell.geometry import Pose
from microcell.motion.planner import Load
from microcell.motion.reacher import MOST_FAILURES, Reacher

LINE = load_line(Path(__file__).parents[1] / "support/example/lines/valve.yaml")
POCKET = LINE.cell_description.devices["crib"].pockets[0].flange_in_cell.pose
CRIB, NOWHERE = frozenset({"crib"}), frozenset()


@pytest.fixture(scope="module")
def arm() -> Reacher:
    return Reacher(LINE, "arm", LINE.cell_description.devices["arm"])


def test_a_flange_may_go_down_on_the_tool_of_the_crib_that_it_has_leased(arm):
    assert arm.why_no_way(POCKET, 0.03, Load(""), CRIB, guarded=True, hover=False) == ""


def test_a_place_on_a_tool_that_is_nobodys_business_is_blocked(arm):
    why = arm.why_no_way(POCKET, 0.03, Load(""), NOWHERE, guarded=True, hover=False)
    assert why.startswith("on the straight way flange would touch parallel_gripper")


def test_who_hovers_over_a_place_need_not_come_down_to_it(arm):
    assert arm.why_no_way(POCKET, 0.03, Load(""), NOWHERE, guarded=False, hover=True) == ""


def test_a_way_across_that_is_too_high_says_how_high(arm):
    why = arm.why_no_way(POCKET, 1.0, Load(""), CRIB, guarded=True, hover=False)
    assert why.startswith("where it goes across, its flange 1.22 m over the bench, ")


def test_a_way_across_through_something_says_what_is_touched(arm):
    nest = LINE.cell_description.devices["nest_1"].part_in_cell.pose
    inside = Pose((*nest.position[:2], 0.06), POCKET.orientation)
    why = arm.why_no_way(inside, 0.01, Load("parallel_gripper"), NOWHERE, guarded=False, hover=True)
    assert why.startswith("over it parallel_gripper would touch ")


def test_what_a_part_meets_on_its_way_is_seen_though_it_is_clear_of_both_ends():
    cell = LINE.cell_description
    shape = BoxShape(at=PoseSpec(xyz_m=(0.508, -0.1, 0.23)), box_m=(0.04, 0.04, 0.015))
    ledge = cell.devices["camera_1"].model_copy(update={"shape": (shape,)})
    cell = cell.model_copy(update={"devices": {**cell.devices, "camera_1": ledge}})
    arm = Reacher(LINE.model_copy(update={"cell_description": cell}), "arm", cell.devices["arm"])
    place = Pose((0.48, -0.1, 0.32), POCKET.orientation)  # of the flange: the tip of the cup is 0.03 below the ledge
    assert arm.why_no_way(place, 0.15, Load("vacuum_cup"), NOWHERE, guarded=False, hover=False) == ""
    why = arm.why_no_way(place, 0.15, Load("vacuum_cup", "membrane_soft"), NOWHERE, guarded=False, hover=False)
    assert why == "with membrane_soft in the hand, on the straight way membrane_soft would touch camera_1"


def test_a_tool_is_lifted_out_from_where_the_bare_flange_came(arm):
    assert arm.why_not_up(POCKET, 0.03, 0.2) == ""
    assert arm.why_not_up(POCKET, 0.03, 1.0).startswith("on the way up with it pose ")


def test_at_home_nothing_is_touched(arm):
    assert arm.hits_at_home() == []


def test_its_tools_are_those_of_the_cribs_that_it_works_at():
    spec = LINE.cell_description.devices["arm"]
    assert Reacher(LINE, "arm", spec).tools == ["parallel_gripper", "vacuum_cup", "screwdriver"]
    assert Reacher(LINE, "arm", spec.model_copy(update={"serves": ("nest_1",)})).tools == []


def test_a_way_across_begins_with_an_empty_hand():
    arm = Reacher(LINE, "arm", LINE.cell_description.devices["arm"])
    nest = LINE.cell_description.devices["nest_1"].part_in_cell.pose
    over = Pose((*nest.position[:2], 0.30), POCKET.orientation)
    aside = Pose((0.48, -0.1, 0.30), POCKET.orientation)
    load = Load("parallel_gripper", "body")
    assert arm.why_not_across([over, aside], load) == ""
    assert arm.why_not_across([over, aside.shifted(dz=-0.1)], load).startswith("on the way across on the goal ")
    assert arm.why_not_across([over.shifted(dz=3.0), aside.shifted(dz=-0.1)], load) == ""


def test_ways_that_are_not_found_are_looked_for_a_few_times_only():
    arm = Reacher(LINE, "arm", LINE.cell_description.devices["arm"])
    inside = Pose((0.48, -0.1, 0.02), POCKET.orientation)
    told = [arm.why_not_from_home([inside]) for _ in range(MOST_FAILURES + 1)]
    assert all(why.startswith("on the way across ") for why in told[:-1]) and told[-1] == ""
