"""What a straight motion may touch: where it works, what it rested on, and no more than that."""

from __future__ import annotations

import pytest

from microcell.motion.contacts import GRAZED_M, Allowed, Touch, deeper
from microcell.motion.scene import ROOM


def touch(depth_m, theirs="fixture_1", solid="block", by_hand=True, pair=7, ours="parallel_gripper"):
    return Touch(pair, ours if by_hand else "link_5", theirs, solid, by_hand, depth_m)


@pytest.mark.parametrize(
    ("touched", "fine"),
    [
        (touch(0.03, solid=ROOM), True),
        (touch(0.01, solid="jaw"), True),
        (touch(GRAZED_M), True),
        (touch(GRAZED_M + 0.001), False),
        (touch(0.001, solid=ROOM, by_hand=False), False),
        (touch(0.001, theirs="fixture_2", solid=ROOM), False),
    ],
    ids=["room", "jaw", "put on the block", "into the block", "a link in the room", "another station"],
)
def test_at_its_station_the_hand_may_be_where_the_work_is(touched, fine):
    forbidden = Allowed(frozenset({"fixture_1"})).forbidden([touched])
    assert forbidden == ([] if fine else [(touched.ours, touched.theirs)])


def test_what_was_touched_at_the_start_may_be_left_and_not_come_back_to():
    allowed = Allowed()
    allowed.start_with([touch(0.003)])
    assert [allowed.forbidden([touch(d)]) for d in (0.003, 0.002, 0.0005)] == [[], [], []]
    assert allowed.forbidden([touch(0.002)]) == [("parallel_gripper", "fixture_1")]
    assert allowed.forbidden([touch(0.0005, pair=8)]) == [("parallel_gripper", "fixture_1")], "another contact"
    assert allowed.forbidden([touch(0.0001, pair=9)]) == [], "a face that the start lies on, by rounding"
    assert allowed.forbidden([touch(0.0001, "fixture_2", pair=10)]) == [("parallel_gripper", "fixture_2")], "another body"


def test_a_part_may_be_lifted_out_of_the_room_that_it_is_held_in():
    allowed = Allowed(frozenset({"reject_bin"}))
    allowed.start_with([touch(0.020, solid=ROOM)])
    assert [allowed.forbidden([touch(d, solid=ROOM)]) for d in (0.0205, 0.03, 0.001)] == [[], [], []]
    assert allowed.forbidden([touch(0.001, solid=ROOM, pair=8)]) == [("parallel_gripper", "fixture_1")], "another room"
    label = touch(0.001, solid=ROOM, pair=9, ours="label")
    assert allowed.forbidden([label]) == [], "it hangs below what was in the room, and comes through it"
    assert allowed.forbidden([touch(0.001, "fixture_2", ROOM, pair=10, ours="label")]) == [("label", "fixture_2")]


def test_a_guarded_motion_may_press_on_with_the_hand_alone():
    allowed = Allowed(guarded=True)
    allowed.start_with([touch(0.001), touch(0.001, by_hand=False, pair=9)])
    assert allowed.forbidden([touch(0.01)]) == []
    assert allowed.forbidden([touch(0.01, by_hand=False, pair=9)]) == [("link_5", "fixture_1")]


def test_the_tool_that_is_fetched_may_be_touched_and_its_neighbour_may_not():
    allowed = Allowed(frozenset({"crib"}), frozenset({"screwdriver"}))
    assert allowed.forbidden([touch(0.02, theirs="screwdriver", solid="screwdriver")]) == []
    assert allowed.forbidden([touch(0.02, theirs="crib", solid="fork")]) == []
    assert allowed.forbidden([touch(0.02, theirs="crib", solid="post")]) == [("parallel_gripper", "crib")]
    assert len(allowed.forbidden([touch(0.001, theirs="vacuum_cup", solid="vacuum_cup")])) == 1


def test_a_joint_motion_may_leave_what_it_touched_at_its_start_and_go_no_deeper():
    known = [touch(0.003)]
    assert deeper([touch(0.003)], known) == []
    assert deeper([touch(0.004)], known) == [("parallel_gripper", "fixture_1")]
    assert deeper([touch(0.001, pair=8)], known) == [("parallel_gripper", "fixture_1")]
    assert deeper([touch(0.0001, pair=8)], known) == [], "a face that the start lies on, by rounding"
