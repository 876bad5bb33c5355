"""Robot models: any vendor's file loads, the right chain is chosen, and what cannot be used says why."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pinocchio as pin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_arms import FILES, odd_arm
from small_arms import OTHERS, SCARA, SIX_AXIS, arm_elements, joint, load

from microcell.description.cell import JointLimit, LinearJointLimit
from microcell.description.shape import BoxShape, CylinderShape, SphereShape
from microcell.geometry import Pose, angle_between, distance, from_rpy, rotate
from microcell.motion.limits import Limits
from microcell.motion.robot import RobotModel
from microcell.motion.robot_file import RobotFileError

HOME = (0.0, 0.0, math.pi / 2, 0.0, math.pi / 2, 0.0)

TURNING = JointLimit(
    lower_rad=-1.0, upper_rad=1.0, velocity_rad_s=2.0, acceleration_rad_s2=8.0, jerk_rad_s3=80.0
)  # fmt: skip
SLIDING = LinearJointLimit(lower_m=0.0, upper_m=0.2, velocity_m_s=1.0, acceleration_m_s2=5.0, jerk_m_s3=50.0)


def assert_same(pose: Pose, other: Pose, within: float = 1e-9) -> None:
    assert distance(pose, other) < within
    off = pose.inverse() @ other
    assert math.hypot(*off.orientation[:3]) < within


# --- the arms of our own ---


def test_the_six_axis_arm_stands_straight_up_at_zero():
    assert_same(RobotModel.from_file(SIX_AXIS).forward((0.0,) * 6), Pose((0.0, 0.0, 0.4 + 0.48 + 0.45 + 0.09)))


def test_the_six_axis_arm_reaches_forward_with_the_flange_down_at_home():
    flange = RobotModel.from_file(SIX_AXIS).forward(HOME)
    assert_same(flange, Pose((0.45, 0.0, 0.4 + 0.48 - 0.09), from_rpy(0.0, math.pi, 0.0)))


@settings(max_examples=50)
@given(joints=st.tuples(*[st.floats(-3.0, 3.0)] * 6))
def test_the_six_axis_arm_turns_about_z_y_y_z_y_z(joints):
    def about(axis: str, angle: float, height_m: float) -> Pose:
        return Pose((0.0, 0.0, height_m), from_rpy(0.0, angle, 0.0) if axis == "y" else from_rpy(0.0, 0.0, angle))

    expected = Pose()
    for axis, angle, height_m in zip("zyyzyz", joints, (0.1, 0.3, 0.48, 0.2, 0.25, 0.09), strict=True):
        expected = expected @ about(axis, angle, height_m)
    assert_same(RobotModel.from_file(SIX_AXIS).forward(joints), expected)


def test_lengths_and_prefix_are_arguments_of_the_xacro():
    model = RobotModel.from_file(SIX_AXIS, prefix="left_", upper_arm_m="0.6", wrist_to_flange_m="0.1")
    assert (model.base_link, model.tip_link) == ("left_base_link", "left_flange")
    assert model.joint_names[0] == "left_joint_1"
    assert model.forward((0.0,) * 6).position[2] == pytest.approx(0.4 + 0.6 + 0.45 + 0.1)


def test_the_scara_points_down_and_slides_down():
    model = RobotModel.from_file(SCARA)
    assert_same(model.forward((0.0, 0.0, 0.0, 0.0)), Pose((0.5, 0.0, 0.36), from_rpy(math.pi, 0.0, 0.0)))
    assert_same(model.forward((0.0, math.pi / 2, 0.15, 0.0)).shifted(dz=0.15), model.forward((0.0, math.pi / 2, 0.0, 0.0)))
    assert model.limits.sliding == (False, False, True, False)


def test_turns_of_the_scara_add_up():
    model = RobotModel.from_file(SCARA)
    turned = model.forward((0.2, 0.3, 0.0, 0.4))
    assert turned.orientation == pytest.approx(
        (Pose((0, 0, 0), from_rpy(0, 0, 0.9)) @ model.forward((0.0,) * 4)).orientation
    )


@pytest.mark.parametrize("path", [SIX_AXIS, SCARA], ids=lambda p: p.name)
def test_inertia_of_our_arms_is_that_of_real_bodies(path):
    model = RobotModel.from_file(path).pin_model
    for inertia in list(model.inertias)[1:]:
        low, middle, high = np.linalg.eigvalsh(inertia.inertia)
        assert inertia.mass > 0.05
        assert low > 0.0
        assert low + middle >= high


@pytest.mark.parametrize("path", [SIX_AXIS, SCARA], ids=lambda p: p.name)
def test_our_arms_do_not_touch_themselves_at_rest(path):
    model = RobotModel.from_file(path)
    joints = HOME if model.n == 6 else (0.0, 0.5, 0.1, 0.0)
    assert collisions(model, joints) == []


def test_an_arm_folded_into_itself_touches_itself():
    assert ("upper_arm_link/0", "forearm_link/0") in collisions(RobotModel.from_file(SIX_AXIS), (0, 0, 2.7, 0, 0, 0))


def collisions(model: RobotModel, joints: tuple[float, ...]) -> list[tuple[str, str]]:
    geometry = model.pin_geometry
    data, found = model.pin_model.createData(), geometry.createData()
    pin.computeCollisions(model.pin_model, data, geometry, found, np.array(joints), False)
    names = [body.name for body in geometry.geometryObjects]
    pairs = zip(geometry.collisionPairs, found.collisionResults, strict=True)
    return [(names[pair.first], names[pair.second]) for pair, result in pairs if result.isCollision()]


def test_links_have_their_poses_and_solids_and_colours():
    model = RobotModel.from_file(SIX_AXIS)
    poses = model.link_poses(HOME)
    assert tuple(poses) == model.links
    assert_same(poses["flange"], model.forward(HOME))
    assert poses["base_link"] == Pose()
    assert {type(shape) for shapes in model.solids().values() for shape, _ in shapes} == {CylinderShape}
    assert {rgba for shapes in model.drawn().values() for _, _, rgba in shapes} > {(0.16, 0.40, 0.66, 1.0)}


def test_the_jacobian_is_the_derivative_of_forward():
    model = RobotModel.from_file(SIX_AXIS)
    joints = (0.3, 0.4, 0.9, 0.1, 1.3, 0.2)
    jacobian = model.jacobian(joints)
    for index in range(6):
        moved = tuple(q + 1e-6 * (index == number) for number, q in enumerate(joints))
        shift = np.subtract(model.forward(moved).position, model.forward(joints).position) / 1e-6
        assert jacobian[:3, index] == pytest.approx(shift, abs=1e-5)


def test_an_arm_in_line_is_singular():
    model = RobotModel.from_file(SIX_AXIS)
    assert model.least_stretch((0.0,) * 6) < 1e-9
    assert model.least_stretch(HOME) > 0.05


# --- limits ---


def test_limits_come_from_the_file_and_the_rest_from_defaults():
    limits = RobotModel.from_file(SIX_AXIS).limits
    assert (limits.lower[1], limits.upper[1], limits.velocity[1]) == (-2.0, 2.4, 2.6)
    assert limits.acceleration[1] == pytest.approx(4.0 * 2.6)
    assert limits.jerk[1] == pytest.approx(40.0 * 2.6)


def test_limits_of_the_cell_come_first():
    limits = Limits.of([TURNING, TURNING, SLIDING, TURNING])
    model = RobotModel.from_file(SCARA, limits=limits)
    assert model.limits is limits
    assert model.limits.jerk == (80.0, 80.0, 50.0, 80.0)
    assert limits.scaled(0.5).velocity == (1.0, 1.0, 0.5, 1.0)
    assert limits.scaled(0.5).acceleration == limits.acceleration


def test_limits_for_another_number_of_joints_are_refused():
    with pytest.raises(RobotFileError, match="limits are given for 3 joints, there are 4. They are joint_1, joint_2"):
        RobotModel.from_file(SCARA, limits=Limits.of([TURNING] * 3))


def test_limits_in_the_wrong_unit_are_refused():
    with pytest.raises(RobotFileError, match=r"joint joint_3 is prismatic, its limits are in rad. Give them in m"):
        RobotModel.from_file(SCARA, limits=Limits.of([TURNING] * 4))


def test_limits_wider_than_the_files_are_refused():
    file = RobotModel.from_file(SCARA).limits
    RobotModel.from_file(SCARA, limits=replace(file, lower=(-2.6 - 1e-5, *file.lower[1:])))  # rounded
    with pytest.raises(
        RobotFileError, match=r"joint joint_3 goes further than its robot file lets it \(0.25\). there its upper"
    ):
        RobotModel.from_file(SCARA, limits=replace(file, upper=(*file.upper[:2], 0.25, file.upper[3])))
    with pytest.raises(RobotFileError, match=r"joint joint_1 goes faster than its robot file lets it \(6.1\)"):
        RobotModel.from_file(SCARA, limits=replace(file, velocity=(6.1, *file.velocity[1:])))


def test_limits_of_positions_of_a_continuous_joint_are_the_cells(tmp_path):
    elements = arm_elements(count=3) + '<link name="end"/>' + joint("last", "3", "end", "continuous")
    file = load(tmp_path, elements).limits
    wide = replace(file, lower=(*file.lower[:3], -100.0), upper=(*file.upper[:3], 100.0))
    assert RobotModel.from_file(tmp_path / "robot.urdf", limits=wide).limits == wide


def test_positions_are_within_limits_or_brought_there():
    limits = Limits.of([TURNING, SLIDING])
    assert limits.contain((1.0 + 1e-10, 0.0))
    assert not limits.contain((0.0, 0.21))
    assert limits.clamped((1.5, -0.1)) == (1.0, 0.0)


def test_a_continuous_joint_turns_two_turns(tmp_path):
    elements = arm_elements(count=3) + '<link name="end"/>' + joint("last", "3", "end", "continuous")
    model = load(tmp_path, elements)
    assert (model.limits.lower[3], model.limits.upper[3]) == (-2 * math.pi, 2 * math.pi)
    assert model.limits.velocity[3] == pytest.approx(math.pi)
    assert model.pin_model.nq == 4


def test_a_fixed_joint_may_tell_an_axis_of_zeros(tmp_path):
    fixed = '<link name="tool0"/>' + joint("to_tool", "4", "tool0", "fixed", axis="0 0 0")
    assert load(tmp_path, arm_elements() + fixed).tip_link == "tool0"
    with pytest.raises(RobotFileError, match=r"joint to_tool: its axis is zero. Mend the file"):
        load(tmp_path, arm_elements() + fixed.replace("fixed", "continuous"))


def test_a_joint_without_limits_is_refused(tmp_path):
    elements = arm_elements(count=3) + '<link name="end"/>' + joint("last", "3", "end", "revolute", more="<dynamics/>")
    with pytest.raises(RobotFileError, match="joint last has no range of positions. Give its <limit>, or limits"):
        load(tmp_path, elements)


# --- which chain ---


def test_a_gripper_on_the_arm_is_locked_and_stays_as_a_solid(tmp_path):
    finger = '<link name="{0}"><collision><geometry><box size="0.01 0.02 0.05"/></geometry></collision></link>'
    mimic = '<limit lower="0.01" upper="0.04" velocity="1" effort="1"/><mimic joint="left_slide"/>'
    elements = (
        arm_elements()
        + finger.format("left")
        + finger.format("right")
        + joint("left_slide", "4", "left", "prismatic", '<limit lower="0.01" upper="0.04" velocity="1" effort="1"/>')
        + joint("right_slide", "4", "right", "prismatic", mimic)
    )
    model = load(tmp_path, elements, tip_link="4")
    assert model.n == 4
    assert model.solids()["right"][0][0] == BoxShape(box_m=(0.01, 0.02, 0.05))
    assert model.link_poses((0.0,) * 4)["left"].position == pytest.approx((0.0, 0.01, 1.0))
    assert model.link_poses((0.0,) * 4)["right"].position == pytest.approx((0.0, 0.0, 1.0))


def test_of_several_chains_the_tip_must_be_told(tmp_path):
    elements = arm_elements("left_") + arm_elements("right_", 5)
    with pytest.raises(RobotFileError, match=r"from base the chains with 4 to 7 joints end at left_4, right_5. Say which"):
        load(tmp_path, elements)
    model = load(tmp_path, elements, tip_link="right_5")
    assert model.joint_names == tuple(f"right_j{number}" for number in range(1, 6))
    assert "left_4" in model.links


def test_a_chain_can_begin_above_the_root(tmp_path):
    model = load(tmp_path, arm_elements("", 6), base_link="1")
    assert model.joint_names == ("j2", "j3", "j4", "j5", "j6")
    assert model.forward((0.0,) * 5) == Pose((0.0, 0.0, 1.0))
    assert "base" not in model.links


def test_a_short_chain_is_refused(tmp_path):
    short = (
        r"from base the chains with 4 to 7 joints are none; the longest, to 3, has 3 \(j1, j2, j3\). Arms with fewer joints"
    )
    with pytest.raises(RobotFileError, match=short):
        load(tmp_path, arm_elements(count=3))
    long = r"are none; the longest, to 8, has 8 \(j1, .*, j8\). Say which link is the tip \(tip_link\) and which the base"
    with pytest.raises(RobotFileError, match=long):
        load(tmp_path, arm_elements(count=8))
    with pytest.raises(RobotFileError, match=r"the chain from base to 3 has 3 moving joints \(j1, j2, j3\). 4 to 7"):
        load(tmp_path, arm_elements(count=3), tip_link="3")


def test_a_link_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(RobotFileError, match="there is no link 'tool0'. Its links are base, 1, 2, 3, 4"):
        load(tmp_path, arm_elements(), tip_link="tool0")
    with pytest.raises(RobotFileError, match="no chain leads from 3 to 2. The ends are 4"):
        load(tmp_path, arm_elements(), base_link="3", tip_link="2")


def test_an_arm_whose_joints_depend_on_each_other_is_refused(tmp_path):
    limit = '<limit lower="-1" upper="1" velocity="1" effort="1"/><mimic joint="j1"/>'
    elements = arm_elements() + '<link name="end"/>' + joint("last", "4", "end", "revolute", limit)
    for options in ({"tip_link": "end"}, {}):
        with pytest.raises(RobotFileError, match="joint last mimics j1. An arm's joints must each move alone"):
            load(tmp_path, elements, **options)


def test_an_arm_on_a_loose_joint_is_refused(tmp_path):
    elements = arm_elements() + '<link name="end"/>' + joint("last", "4", "end", "floating")
    with pytest.raises(RobotFileError, match=r"joint last is floating. An arm's joints turn or slide"):
        load(tmp_path, elements, tip_link="end")


# --- meshes and files ---


def test_meshes_that_are_not_there_become_rods(tmp_path):
    mesh = '<{0}><geometry><mesh filename="package://nowhere/arm.stl"/></geometry></{0}>'
    links = "".join(
        f'<link name="{number}">{mesh.format("visual")}{mesh.format("collision")}</link>' for number in range(1, 5)
    )
    elements = arm_elements()
    for number in range(1, 5):
        elements = elements.replace(f'<link name="{number}"/>', "")
    model = load(tmp_path, links + elements)
    rod, *balls = model.solids()["2"]
    assert (rod[0].radius_m, rod[0].length_m) == pytest.approx((0.055 * 0.6, 0.2))
    assert rod[1].position == pytest.approx((0.0, 0.0, 0.1))
    assert [type(shape) for shape, _ in balls] == [SphereShape, SphereShape]
    assert len(model.pin_geometry.geometryObjects) > 6
    assert set(model.drawn()) == set(model.solids())


def test_rods_end_at_the_plane_of_the_tip(tmp_path):
    """`five`: pitch, roll, flange 5 cm on; rods of arms of its reach are thicker than that."""
    text = ""
    axes = {1: ("0 0 1", 0.28), 2: ("0 1 0", 0.12), 3: ("0 1 0", 0.48), 4: ("0 1 0", 0.45), 5: ("0 0 1", 0.04)}
    for number, (axis, length) in axes.items():
        text += f'<link name="{number}"/>' + joint(f"j{number}", f"{number - 1}" if number > 1 else "base", f"{number}",
                axis=axis).replace("0 0 0.2", f"0 0 {length}")  # fmt: skip
    text += '<link name="flange"/>' + joint("f", "5", "flange", "fixed").replace("0 0 0.2", "0 0 0.05")
    model = load(tmp_path, text)
    radius_m = 0.055 * (0.12 + 0.48 + 0.45 + 0.04)
    for wrist in (-1.5, 0.0, 0.7):
        joints = (0.3, 0.4, 0.5, wrist, 1.1)
        flange_in_base = model.forward(joints)
        poses = model.link_poses(joints)
        for link in ("4", "5"):
            for shape, at in model.solids()[link]:
                assert out_m(shape, flange_in_base.inverse() @ poses[link] @ at) < 1e-9
        ball, at = model.solids()["3"][-1]
        assert out_m(ball, flange_in_base.inverse() @ poses["3"] @ at) < -0.0019
    assert model.solids()["3"][0][0].radius_m == pytest.approx(radius_m)
    assert model.solids()["4"][0][0].radius_m == pytest.approx(radius_m)  # it ends in a flat face before the plane
    assert [ball.sphere_radius_m for ball, _ in model.solids()["4"][1:]] == pytest.approx([radius_m, 0.048])


@pytest.mark.parametrize("name", FILES)
def test_no_rod_of_an_odd_arm_is_thinner_than_a_finger(tmp_path, name):
    for link, ((first, _), *_) in odd_arm(name, tmp_path).solids().items():
        size_m = first.sphere_radius_m if isinstance(first, SphereShape) else first.radius_m
        assert size_m >= 0.014, link


def test_an_arm_that_ends_in_its_last_joint_has_no_ball_there(tmp_path):
    model = load(tmp_path, arm_elements(count=3) + '<link name="end"/>' + joint("j4", "3", "end", axis="0 0 1"))
    tip = model.forward((0.0,) * 4)
    poses = model.link_poses((0.0,) * 4)
    for link in ("3", "end"):
        for shape, at in model.solids()[link]:
            assert out_m(shape, tip.inverse() @ poses[link] @ at) < 1e-9


def test_a_link_without_a_body_in_front_of_the_last_joint_stays_behind_the_tip_too(tmp_path):
    """A SCARA's quill as some makers write it: a link that only slides, and at the same place one that only turns."""
    limit = '<limit lower="0.1" upper="0.3" velocity="1" effort="1"/>'
    elements = (
        arm_elements(count=2) + '<link name="slide"/><link name="turn"/>' + joint("j3", "2", "slide", "prismatic", limit)
    )
    model = load(tmp_path, elements + joint("j4", "slide", "turn", axis="0 0 1").replace("0 0 0.2", "0 0 0"))
    joints = (0.0, 0.0, 0.2, 0.0)
    (ball, at), *others = model.solids()["slide"]
    there = model.forward(joints).inverse() @ model.link_poses(joints)["slide"] @ at
    assert out_m(ball, there) == pytest.approx(-0.002)
    assert not others


def out_m(shape, at):
    """How far a solid stands out of the face across z in whose frame it is, m."""
    if isinstance(shape, SphereShape):
        return at.position[2] + shape.sphere_radius_m
    along = rotate(at.orientation, (0.0, 0.0, 1.0))[2]
    return at.position[2] + abs(along) * shape.length_m / 2 + math.sqrt(max(0.0, 1.0 - along**2)) * shape.radius_m


def test_a_mesh_that_is_there_counts_as_the_convex_body_around_it(tmp_path):
    (tmp_path / "arm.obj").write_text(
        "v 0 0 0\nv 100 0 0\nv 0 200 0\nv 0 0 300\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n", encoding="utf-8"
    )
    mesh = '<mesh filename="package://arms/arm.obj" scale="0.001 0.001 0.001"/>'
    link = f'<link name="4"><collision><origin xyz="0 0 1"/><geometry>{mesh}</geometry></collision></link>'
    folder = tmp_path / "urdf"
    folder.mkdir()
    (tmp_path / "arms").mkdir()
    (tmp_path / "arm.obj").rename(tmp_path / "arms" / "arm.obj")
    ((shape, pose),) = load(folder, arm_elements().replace('<link name="4"/>', link)).solids()["4"]
    assert shape.box_m == pytest.approx((0.1, 0.2, 0.3))
    assert pose.position == pytest.approx((0.05, 0.1, 1.15))
    corners = [pose.apply(corner) for corner in shape.corners_m]
    assert sorted(corners) == [pytest.approx(at) for at in [(0, 0, 1), (0, 0, 1.3), (0, 0.2, 1), (0.1, 0, 1)]]


def test_a_flat_mesh_counts_as_a_thin_box(tmp_path):
    (tmp_path / "plate.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0.1 0.2 0\nv 0 0.2 0\nf 1 2 3\nf 1 3 4\n", encoding="utf-8")
    link = '<link name="4"><collision><geometry><mesh filename="plate.obj"/></geometry></collision></link>'
    ((shape, pose),) = load(tmp_path, arm_elements().replace('<link name="4"/>', link)).solids()["4"]
    assert type(shape) is BoxShape and shape.box_m == pytest.approx((0.1, 0.2, 1e-4))
    assert pose.position == pytest.approx((0.05, 0.1, 0.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('<link name="4"/>', '<link name="4"><visual><geometry><box size="80 80 120"/></geometry></visual></link>'),
         r"a box is 120 m large, more than 10 m. URDF is in m: give lengths in m, and meshes that are in mm scale='0.001"),
        (("0 0 0.2", "0 0 200"), r"the link base, up to joint j1, is 200 m large, more than 10 m. URDF is in m"),
    ],
)  # fmt: skip
def test_a_robot_in_millimetres_is_told_so(tmp_path, change, message):
    with pytest.raises(RobotFileError, match=message):
        load(tmp_path, arm_elements().replace(*change)).solids()


def test_an_inertia_that_no_body_has_is_left_out(tmp_path):
    silly = '<inertial><mass value="2"/><inertia ixx="0" ixy="5" ixz="0" iyy="0" iyz="0" izz="-1"/></inertial>'
    model = load(tmp_path, arm_elements().replace('<link name="4"/>', f'<link name="4">{silly}</link>'))
    inertia = list(model.pin_model.inertias)[4]
    assert inertia.mass == 2.0 and not inertia.inertia.any()


def test_what_is_seen_stands_in_for_what_is_felt(tmp_path):
    link = '<link name="4"><visual><geometry><sphere radius="0.05"/></geometry></visual></link>'
    model = load(tmp_path, arm_elements().replace('<link name="4"/>', link))
    assert model.solids()["4"] == [(SphereShape(sphere_radius_m=0.05), Pose())]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RobotFileError, match=r"nothing.urdf: there is no such robot file. Give the path"):
        RobotModel.from_file(tmp_path / "nothing.urdf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<robot", "no XML: "),
        ("<sdf/>", "the outermost element is <sdf>. A robot file has <robot>"),
        ("<robot/>", "there are no links. Give a robot file"),
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:arm/></robot>', "a xacro, by another name. Let its"),
        ('<robot><link name="a"/><link name="b"/><link name="a"/></robot>', "there are two links 'a'. Mend the file"),
        ('<robot><link name="a"/><joint name="j" type="fixed"/><joint name="j" type="fixed"/></robot>', "two joints 'j'"),
        ('<robot><link name="a"/><joint name="j" type="revolute"><limit lower="-${pi}"/></joint></robot>',
         "joint j: a limit is '-${pi}', no number. Let its name end in .urdf.xacro, or write it out"),
        ('<robot><link name="a"><visual><geometry><box size="1 1 ${h}"/></geometry></visual></link></robot>',
         "link a: '1 1 ${h}' is not 3 numbers. Let its name end in .urdf.xacro"),
        ("<robot><link/></robot>", "attribute 'name' is missing"),
        ('<robot><link name="a"/><joint name="j" type="fixed"><parent link="a"/><child link="b"/></joint></robot>',
         "joint j: there is no link 'b'"),
        ('<robot><link name="a"/><joint name="j" type="bolted"/></robot>', "joint j: type 'bolted' is none of revolute"),
        ('<robot><link name="a"/><joint name="j" type="fixed"/></robot>', "joint j lacks its parent or child"),
        ('<robot><link name="a"><visual/></link></robot>', "a <visual> has no geometry"),
        ('<robot><link name="a"/><link name="b"/></robot>', "roots are a, b. Say which link is the base"),
        ('<robot><link name="a"><visual><origin xyz="1 2"/><geometry><box size="1 1 1"/></geometry></visual></link></robot>',
         "'1 2' is not 3 numbers"),
        ('<robot><link name="a"/><link name="b"/>'
         '<joint name="j" type="fixed"><parent link="a"/><child link="b"/></joint>'
         '<joint name="k" type="fixed"><parent link="b"/><child link="a"/></joint></robot>', "its joints form a loop"),
        ('<robot><link name="a"/><link name="b"/>'
         '<joint name="j" type="fixed"><parent link="a"/><child link="b"/></joint>'
         '<joint name="k" type="fixed"><parent link="a"/><child link="b"/></joint></robot>',
         "link b hangs on two joints, j and k"),
    ],
)  # fmt: skip
def test_a_bad_file_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "bad.urdf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RobotFileError) as caught:
        RobotModel.from_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:nothing/></robot>', "xacro: unknown macro name"),
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><link name="${nothing}"/></robot>', "name 'nothing' is not"),
        ("<robot", "xacro: "),
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:include filename="$(find acme)/a.xacro"/></robot>',
         r"for a ROS package with \$\(find\), and none is known here: AMENT_PREFIX_PATH is not set. Mend it, or write it"),
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:macro name="arm"><link name="a"/></xacro:macro></robot>',
         "there are no links; a xacro with macros alone makes none. Mend it, or write it out where its arguments"),
    ],
)  # fmt: skip
def test_a_bad_xacro_says_what_is_wrong(tmp_path, monkeypatch, text, message):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    path = tmp_path / "bad.urdf.xacro"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RobotFileError, match=message):
        RobotModel.from_file(path)


def test_a_changed_file_is_read_again(tmp_path):
    assert load(tmp_path, arm_elements(count=4)).n == 4
    path = tmp_path / "robot.urdf"
    path.write_text(path.read_text(encoding="utf-8").replace('type="revolute"', 'type="fixed"', 1), encoding="utf-8")
    os.utime(path, (1, 1))
    with pytest.raises(RobotFileError, match="are none"):
        RobotModel.from_file(path)


# --- arms of others, where their files are at hand ---


@pytest.mark.skipif(not OTHERS.is_dir(), reason="robot files of other vendors are not at hand")
@pytest.mark.parametrize(
    ("name", "links", "joints"),
    [("ur5e", ("base_link", "tool0"), 6), ("fr3", ("", ""), 7), ("rh6frh5520_scara", ("", ""), 4)],
)
def test_arms_of_other_vendors_load(name, links, joints):
    model = RobotModel.from_file(OTHERS / f"{name}.urdf", *links)
    assert model.n == joints
    middle = tuple((low + high) / 2 for low, high in zip(model.limits.lower, model.limits.upper, strict=True))
    assert angle_between(model.forward(middle), model.link_poses(middle)[model.tip_link]) < 1e-6
    assert len(model.pin_geometry.geometryObjects) >= joints


@pytest.mark.skipif(not OTHERS.is_dir(), reason="robot files of other vendors are not at hand")
def test_the_tip_of_an_arm_with_several_frames_at_its_flange_must_be_told():
    with pytest.raises(RobotFileError, match="joints end at ft_frame, tool0. Say which link is the tip"):
        RobotModel.from_file(OTHERS / "ur5e.urdf")


# --- the arm of a cell ---


def test_the_arm_of_a_cell_is_found_by_its_file_name(tmp_path):
    spec = SimpleNamespace(robot="scara.urdf.xacro", base_link="", tip_link="", joints=(TURNING, TURNING, SLIDING, TURNING))
    model = RobotModel.of(spec, "arm_2", tmp_path)
    assert (model.name, model.n, model.limits.upper) == ("arm_2", 4, (1.0, 1.0, 0.2, 1.0))


def test_a_robot_file_beside_the_cell_comes_first(tmp_path):
    load(tmp_path, arm_elements())
    (tmp_path / "robot.urdf").rename(tmp_path / "scara.urdf.xacro")
    spec = SimpleNamespace(robot="scara.urdf.xacro", base_link="", tip_link="", joints=(TURNING,) * 4)
    assert RobotModel.of(spec, "arm", tmp_path).joint_names == ("j1", "j2", "j3", "j4")
