"""Collisions of an arm with itself, with the scene, with another arm."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pinocchio as pin
import pytest
from config_copy import EXAMPLE
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.loader import load_line
from microcell.geometry import Pose, from_rpy
from microcell.motion.carried import carried_solids
from microcell.motion.cell_scene import arm_solids, cell_scene
from microcell.motion.coal_shapes import coal_shape, se3
from microcell.motion.collision import CollisionChecker, line_between
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, box, sphere
from microcell.motion.trajectory import JointTrajectory
from microcell.motion.two_arms import Armed, Timed, TwoArms

LINE = load_line(EXAMPLE / "lines" / "valve.yaml")
SPEC = LINE.cell_description.devices["arm"]
HOME = tuple(SPEC.home_rad)
MODEL = RobotModel.of(SPEC, "arm")
LOWER, UPPER = np.array(MODEL.limits.lower), np.array(MODEL.limits.upper)
EMPTY = Scene()
SCENE = cell_scene(LINE, "arm")
GRIPPER = carried_solids(LINE, "parallel_gripper")
AWAY = (math.pi / 2, *HOME[1:])
joints = st.tuples(*[st.floats(low, high) for low, high in zip(LOWER, UPPER, strict=True)])


def checker(scene: Scene = EMPTY, carried=(), **more) -> CollisionChecker:
    return CollisionChecker(MODEL, SPEC.base_in_cell.pose, scene, carried, **more)


def postures(count: int, seed: int = 0) -> list[tuple[float, ...]]:
    return [tuple(row) for row in np.random.default_rng(seed).uniform(LOWER, UPPER, (count, MODEL.n))]


def ball_at_tip(q=HOME, name: str = "ball") -> Scene:
    return Scene().with_body(name, [sphere(name, 0.02, MODEL.forward(q) @ Pose((0.0, 0.0, 0.015)))])


def straight(start, goal, duration_s: float = 1.0) -> JointTrajectory:
    still = (0.0,) * MODEL.n
    return JointTrajectory((0.0, duration_s), (tuple(start), tuple(goal)), (still, still))


def test_at_home_with_any_tool_and_part_nothing_touches():
    for tool, part in (("", ""), ("parallel_gripper", "body"), ("vacuum_cup", "label"), ("screwdriver", "screw_m2_5x6")):
        assert checker(SCENE.without(tool), carried_solids(LINE, tool, part)).hits(HOME) == []


def test_what_stands_at_the_tip_is_hit_and_named():
    blocked = checker(ball_at_tip())
    assert not blocked.free(HOME)
    assert blocked.hits(HOME) == [("flange", "ball")]


def test_an_ignored_body_may_be_touched():
    assert checker(ball_at_tip(), ignored=frozenset({"ball"})).free(HOME)


def test_a_way_that_is_surely_free_is_free_at_every_small_step():
    wide, exact = checker(SCENE, GRIPPER, clearance_m=0.015), checker(SCENE, GRIPPER)
    rows = postures(60)
    sure = [(a, b) for a, b in zip(rows[::2], rows[1::2], strict=True) if wide.way_surely_free(a, b)]
    assert sure
    assert all(exact.way_free(a, b, 0.005) for a, b in sure)


def test_no_point_of_the_arm_moves_further_than_its_levers_say():
    arm = checker(SCENE, GRIPPER)
    tip = [MODEL.forward(tuple(angle + (0.01 if k == joint else 0.0) for k, angle in enumerate(HOME))) for joint in range(6)]
    here = MODEL.forward(HOME)
    for lever_m, there in zip(arm._levers_m, tip, strict=True):
        assert math.dist(here.position, there.position) <= 0.01 * lever_m


def test_an_arm_that_folds_into_itself_says_which_links():
    folded = checker().hits((0.0, 2.4, 2.7, 0.0, 0.0, 0.0))
    assert folded and all(name in MODEL.links for pair in folded for name in pair)


def test_a_tool_reaches_what_the_bare_flange_does_not():
    in_front = Pose((0.0, 0.0, 0.1))
    scene = Scene().with_body("ball", [sphere("ball", 0.02, Pose((MODEL.forward(HOME) @ in_front).position))])
    assert checker(scene).free(HOME)
    assert ("parallel_gripper", "ball") in checker(scene, GRIPPER).hits(HOME)


def test_the_bench_is_hit_from_above_but_not_by_what_is_mounted_on_it():
    down = checker(SCENE).hits((0.3, 2.2, 0.5, 0.0, 0.0, 0.0))
    assert down and {body for _, body in down} >= {"bench_top"}
    assert checker(SCENE).free((0.3, *HOME[1:]))


def test_a_low_flight_over_a_fixture_collides_and_a_high_one_does_not():
    from microcell.motion.inverse import InverseKinematics

    inverse = InverseKinematics(MODEL)
    down = from_rpy(math.pi, 0.0, 0.0)
    arm = checker(SCENE.without("parallel_gripper"), GRIPPER)
    low, high = (inverse.solve(Pose((0.48, -0.10, 0.150 + height), down), HOME) for height in (0.045, SPEC.travel_height_m))
    assert ("parallel_gripper", "fixture_1") in arm.hits(low)
    assert arm.free(high)


@settings(max_examples=60)
@given(joints)
def test_free_hits_and_distance_agree(q):
    arm = checker(SCENE.without("parallel_gripper"), GRIPPER)
    free = arm.free(q)
    assert free == (arm.hits(q) == [])
    assert free == (arm.distance_m(q) > 0.0)


def test_the_checker_finds_what_a_pairwise_search_of_the_solids_finds():
    """Against solids that are placed by the kinematics and compared one by one, without tree, reach or pair lists."""
    import coal

    bodies = {name: SCENE[name] for name in ("crib", "nest_1", "fixture_1", "cartons", "printer")}
    arm = checker(Scene(bodies))
    for q in postures(40, seed=3):
        links = [solid for solid in arm_solids(MODEL, q, SPEC.base_in_cell.pose) if solid.name != MODEL.base_link]
        found = set()
        for link in links:
            for name, solids in bodies.items():
                for solid in solids:
                    a, b = (se3(s.middle) for s in (link, solid))
                    result = coal.CollisionResult()
                    shapes = coal_shape(link.shape), coal_shape(solid.shape)
                    places = (coal.Transform3s(p.rotation, p.translation) for p in (a, b))
                    first, second = places
                    if coal.collide(shapes[0], first, shapes[1], second, coal.CollisionRequest(), result):
                        found.add((link.name, name))
        assert {pair for pair in arm.hits(q) if pair[1] in bodies} == found


def test_with_a_clearance_a_near_miss_counts():
    tip = MODEL.forward(HOME)
    near = Scene().with_body("wall", [box("wall", (0.2, 0.2, 0.02), tip @ Pose((0.0, 0.0, 0.015)))])
    assert checker(near).distance_m(HOME) == pytest.approx(0.005, abs=1e-6)
    assert checker(near).nearest(HOME)[1] == ("flange", "wall")
    assert checker(near, clearance_m=0.004).free(HOME)
    assert not checker(near, clearance_m=0.006).free(HOME)


def test_where_nothing_can_touch_the_distance_is_large():
    alone = checker()
    alone._geometry.removeAllCollisionPairs()
    assert alone.distance_m(HOME) > 100.0


def test_a_way_through_an_obstacle_is_not_free_and_says_what_is_in_it():
    half = tuple((a + b) / 2 for a, b in zip(HOME, AWAY, strict=True))
    arm = checker(ball_at_tip(half, "post"))
    assert not arm.way_free(HOME, AWAY)
    assert ("flange", "post") in arm.way_hits(HOME, AWAY)
    assert arm.way_free(HOME, tuple(h + 0.01 for h in HOME))
    assert arm.way_hits(HOME, HOME) == []


def test_the_looks_on_a_way_are_no_further_apart_than_the_step():
    looks = sorted(row[0] for row in line_between((0.0,) * 6, (1.0, 0.5, 0.0, 0.0, 0.0, 0.0), (False,) * 6, 0.07))
    assert (looks[0], looks[-1]) == (0.0, 1.0)
    assert max(b - a for a, b in pairwise(looks)) <= 0.07 + 1e-12
    assert len(looks) == len(set(looks)) == 16


def test_a_sliding_joint_counts_by_its_own_measure():
    assert len(list(line_between((0.0, 0.0), (0.0, 0.04), (False, True), 0.05))) == 3


def test_a_trajectory_is_looked_at_until_its_first_contact():
    half = tuple((a + b) / 2 for a, b in zip(HOME, AWAY, strict=True))
    arm = checker(ball_at_tip(half))
    contact = arm.first_contact(straight(HOME, AWAY), period_s=0.001)
    assert contact is not None and 0.3 < contact.time_s < 0.5
    assert contact.pairs == (("flange", "ball"),)
    assert not arm.trajectory_free(straight(HOME, AWAY))
    assert checker().trajectory_free(straight(HOME, AWAY))
    assert checker().first_contact(straight(HOME, AWAY)) is None


def facing(gap_m: float, carried=()) -> TwoArms:
    """A second arm of the same kind, in front of the first and turned towards it."""
    first = Armed(MODEL, Pose(), carried)
    return TwoArms(first, Armed(MODEL, Pose((gap_m, 0.0, 0.0), from_rpy(0.0, 0.0, math.pi)), carried))


def test_two_arms_that_reach_for_the_same_place_touch():
    reach = MODEL.forward(HOME).position[0]
    assert facing(2.0 * reach + 0.4).free(HOME, HOME)
    near = facing(2.0 * reach)
    assert not near.free(HOME, HOME)
    assert ("arm/flange", "arm/flange") in near.hits(HOME, HOME)
    assert near.free(HOME, AWAY)


def test_two_arms_count_as_touching_within_a_clearance():
    reach = MODEL.forward(HOME).position[0]
    first, second = Armed(MODEL, Pose()), Armed(MODEL, Pose((2.0 * reach + 0.2, 0.0, 0.0), from_rpy(0.0, 0.0, math.pi)))
    assert TwoArms(first, second).free(HOME, HOME)
    assert not TwoArms(first, second, clearance_m=0.25).free(HOME, HOME)


def test_two_trajectories_are_compared_in_time():
    arms = facing(2.0 * MODEL.forward(HOME).position[0])
    into, out = Timed(straight(AWAY, HOME)), straight(HOME, AWAY)
    contact = arms.first_contact(into, Timed(straight(HOME, HOME)), period_s=0.005)
    assert contact is not None and 0.5 < contact.time_s < 1.0
    assert arms.first_contact(Timed(straight(AWAY, HOME), start_s=2.0), Timed(out, start_s=1.0)) is None
    late = arms.first_contact(Timed(straight(AWAY, HOME), start_s=2.0), Timed(out, start_s=4.0))
    assert late is not None and 2.5 < late.time_s < 3.0


CLOSE_AND_WIDE = [checker(SCENE, GRIPPER), checker(SCENE, GRIPPER, clearance_m=0.1)]


@given(joints)
@settings(max_examples=60)
def test_what_touches_is_what_a_close_look_at_every_pair_finds(posture):
    for among in CLOSE_AND_WIDE:
        geometry, data = among._geometry, among._pin.createData()
        results = geometry.createData()
        pin.updateGeometryPlacements(among._pin, data, geometry, results, np.array(posture))
        pairs = range(len(geometry.collisionPairs))
        assert [t.pair for t in among.touches(posture)] == [n for n in pairs if pin.computeCollision(geometry, results, n)]
