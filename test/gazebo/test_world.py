"""The generated world of every shipped line: it says of the cell what the descriptions say, and it can be simulated."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sdf_rules
import sdf_world
import yaml

from microcell.clock import LoopClock, run_virtual
from microcell.composition.compose import compose
from microcell.description.cell import CameraSpec
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.shape import ShapeSpec
from microcell.gazebo import scheme
from microcell.gazebo.bridge import PAIRS, bridge_text, bridged
from microcell.gazebo.elements import SDF_VERSION, add_plugin
from microcell.gazebo.inertia import is_physical
from microcell.gazebo.part import part_text
from microcell.gazebo.world import world_name, world_of, world_text
from microcell.geometry import Pose, distance
from microcell.motion.cell_scene import cell_scene
from microcell.motion.robot import RobotModel
from microcell.motion.scene import JAW, ROOM
from microcell.paths import share_directory
from microcell.plant.items import Item
from microcell.plant.plant import Plant
from microcell.ros import names

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
TOUCHING_M = 1e-4


@cache
def line_of(name: str) -> Line:
    return load_line(name)


@cache
def items_of(name: str) -> tuple[Item, ...]:
    async def items() -> tuple[Item, ...]:
        return tuple(Plant(line_of(name), 0, LoopClock()).inventory)

    return run_virtual(items())


@cache
def world(name: str) -> ET.Element:
    return ET.fromstring(world_text(line_of(name), items=items_of(name)))


@pytest.mark.parametrize("name", LINES)
def test_names_are_unique_and_every_joint_joins_links_that_are_there(name: str) -> None:
    root = world(name)
    assert root.attrib["version"] == SDF_VERSION
    counts = Counter(model.attrib["name"] for model in root.iter("model"))
    assert [model for model, count in counts.items() if count > 1] == []
    for model in root.iter("model"):
        links = [link.attrib["name"] for link in model.findall("link")]
        joints = [joint.attrib["name"] for joint in model.findall("joint")]
        assert len(set(links + joints)) == len(links + joints), "links and joints share one scope"
        for joint in model.findall("joint"):
            assert joint.findtext("parent") in [*links, "world"]
            assert joint.findtext("child") in links


@pytest.mark.parametrize("name", LINES)
def test_all_that_stands_in_the_world_is_read_by_gazebo(name: str) -> None:
    assert sdf_rules.breaches(world(name)) == []


def test_a_part_that_is_spawned_with_a_print_is_read_by_gazebo() -> None:
    text = part_text("item_9", line_of("valve").product_description, "label", Pose(), Path("/tmp/print.png"))
    model = ET.fromstring(text).find("model")
    assert model is not None and model.find(".//albedo_map") is not None
    world_around = ET.Element("sdf", version=SDF_VERSION)
    ET.SubElement(world_around, "world", name="w").append(model)
    assert sdf_rules.breaches(world_around) == []


@pytest.mark.parametrize(("system", "parameter"), [("PosePublisher", "topic"), ("JointStatePublisher", "update_rate")])
def test_what_gazebo_would_pass_over_is_noticed(system: str, parameter: str) -> None:
    root = ET.Element("sdf", version=SDF_VERSION)
    model = ET.SubElement(ET.SubElement(root, "world", name="w"), "model", name="m")
    ET.SubElement(add_plugin(model, system), parameter).text = "1"
    (breach,) = sdf_rules.breaches(root)
    assert system in breach


@pytest.mark.parametrize("name", LINES)
def test_pieces_touch_stations_and_their_own_kind_and_tools_touch_neither(name: str) -> None:
    line = line_of(name)
    masks = {felt.model: felt.mask for felt in sdf_world.felt(world(name))}
    stations = [masks[device] for device, spec in line.cell_description.devices.items() if spec.kind == "fixture"]
    kinds = {item.part_name: masks[f"item_{item.item_id}"] for item in items_of(name)}
    for tool in line.tools:
        assert all(not masks.get(tool, 0) & other for other in (*stations, *kinds.values())), tool
    assert all(kind & station for kind in kinds.values() for station in stations)
    for a, b in itertools.combinations(sorted(kinds), 2):
        assert bool(kinds[a] & kinds[b]) == (kind_of(line, a) == kind_of(line, b)), (a, b)


def kind_of(line: Line, part: str) -> str:
    product = line.product_description
    return next(item for item in product.bill_of_materials if part in {product.part_of(item, v) for v in product.variants})


@pytest.mark.parametrize("name", LINES)
def test_every_body_can_be_a_rigid_body(name: str) -> None:
    for model in world(name).iter("model"):
        if model.findtext("static") != "true":
            assert all(is_physical(body) for body in sdf_world.bodies(model)), model.attrib["name"]
            assert len(list(sdf_world.bodies(model))) == len(model.findall("link"))


@pytest.mark.parametrize("name", LINES)
def test_tools_and_parts_have_the_described_masses(name: str) -> None:
    line, models = line_of(name), sdf_world.models(world(name))
    for tool in (pocket.tool for crib in line.cell_description.of_kind("tool_crib").values() for pocket in crib.pockets):
        if tool is not None:
            mass_kg = sum(body.mass_kg for body in sdf_world.bodies(models[tool]))
            assert mass_kg == pytest.approx(line.tools[tool].mass_kg, rel=1e-3), tool
    for item in items_of(name):
        (body,) = sdf_world.bodies(models[f"item_{item.item_id}"])
        assert body.mass_kg == pytest.approx(max(item.part.mass_kg, 1e-4), rel=1e-6)


@pytest.mark.parametrize("name", LINES)
def test_arms_stand_as_the_planner_has_them(name: str) -> None:
    line, models = line_of(name), sdf_world.models(world(name))
    for arm, spec in line.cell_description.of_kind("arm").items():
        kinematics, poses = RobotModel.of(spec, arm), sdf_world.link_poses(models[arm])
        wanted = spec.base_in_cell.pose @ kinematics.forward((0.0,) * len(spec.joints))
        assert distance(poses["coupling"], wanted) < 1e-9
        moving = [joint for joint in models[arm].findall("joint") if joint.attrib["type"] != "fixed"]
        for joint, limit in zip(moving, spec.joints, strict=True):
            told = [float(joint.findtext(f"axis/limit/{key}", "nan")) for key in ("lower", "upper", "velocity")]
            assert told == pytest.approx(limit.values[:3])


def sizes(shape: ShapeSpec) -> list[float]:
    return [number for value in shape.model_dump(exclude={"at"}).values() for number in np.atleast_1d(value)]


@pytest.mark.parametrize("name", LINES)
def test_stations_stand_as_the_collision_scene_has_them(name: str) -> None:
    line, models = line_of(name), sdf_world.models(world(name))
    scene = cell_scene(line, next(iter(line.cell_description.of_kind("arm"))))
    for device, spec in line.cell_description.devices.items():
        if spec.kind in ("fixture", "feeder", "carton_station", "bin", "printer") and device in scene:
            solids = [solid for solid in scene[device] if solid.name not in (ROOM, JAW)]
            shown = models[device].findall("link/collision")
            assert len(shown) == len(solids), device
            for collision, solid in zip(shown, solids, strict=True):
                assert distance(sdf_world.pose_of(collision), solid.middle) < 1e-8
                assert sizes(sdf_world.shape_of(collision)) == pytest.approx(sizes(solid.shape))


@pytest.mark.parametrize("name", LINES)
def test_nothing_is_in_anything_else_when_it_starts(name: str) -> None:
    every = list(sdf_world.felt(world(name)))
    deep = [
        (a.model, b.model, depth)
        for a, b in itertools.combinations(every, 2)
        if a.model != b.model and a.mask & b.mask and (depth := sdf_world.depth_m(a, b)) > TOUCHING_M
    ]
    assert deep == []


@pytest.mark.parametrize("name", LINES)
def test_every_topic_of_the_bridge_has_its_other_end_in_the_world(name: str) -> None:
    line = line_of(name)
    ends = ("topic", "camera_info_topic", "detach_topic", "output_topic", "trigger_topic")
    told = {element.text for element in world(name).iter() if element.tag in ends}
    for topic in bridged(line):
        held_later = topic.ros_type == "std_msgs/msg/String"
        if topic.gz_name != f"/world/{world_name(line)}/clock" and not held_later:
            assert topic.gz_name in told, topic.gz_name
    for crib, spec in line.cell_description.of_kind("tool_crib").items():
        racked = [pocket.tool for pocket in spec.pockets if pocket.tool is not None]
        told_to = [element.text for element in sdf_world.models(world(name))[crib].iter("detach_topic")]
        assert told_to == [scheme.topic(line.cell, scheme.released(crib, tool)) for tool in racked]
    entries = yaml.safe_load(bridge_text(line))
    assert all(PAIRS[entry["ros_type_name"]] == entry["gz_type_name"] for entry in entries)
    assert len({entry["ros_topic_name"] for entry in entries}) == len(entries), "no topic goes twice"


@pytest.mark.parametrize("name", LINES)
def test_what_the_blueprint_drives_in_gazebo_is_bridged(name: str) -> None:
    line = line_of(name)
    plan = compose(line, "gazebo", line_path=name, namespace="row_7/cell")
    directions = {topic.ros_name: topic.direction for topic in bridged(line, plan.namespace)}

    def goes(topic: str) -> str:
        return directions[f"/row_7/cell/{topic}"]

    for device in plan.devices:
        if device.kind == "arm":
            assert goes(names.joint_trajectory(device.name)) == "ROS_TO_GZ"
            assert goes(scheme.states_heard(device.name)) == goes(scheme.contacts_felt(device.name)) == "GZ_TO_ROS"
        elif device.kind == "camera":
            assert goes(names.image(device.name)) == goes(names.camera_info(device.name)) == "GZ_TO_ROS"
            assert goes(scheme.trigger(device.name)) == "ROS_TO_GZ"


def test_noise_is_that_of_pixels_and_with_depth_that_of_the_distance() -> None:
    line = line_of("valve")
    cameras = line.cell_description.of_kind("camera")
    name, spec = next(iter(cameras.items()))
    for depth, noise in ((False, spec.noise_ratio), (True, spec.depth_noise_m)):
        devices = {**line.cell_description.devices, name: spec.model_copy(update={"depth": depth})}
        cell = line.cell_description.model_copy(update={"devices": devices})
        models = sdf_world.models(world_of(line.model_copy(update={"cell_description": cell})))
        sensor = models[name].find("link/sensor")
        assert sensor is not None and sensor.get("type") == ("rgbd_camera" if depth else "camera")
        assert float(sensor.findtext("camera/noise/stddev", "")) == noise


@pytest.mark.parametrize("name", LINES)
def test_cameras_see_with_the_described_optics(name: str) -> None:
    line, models = line_of(name), sdf_world.models(world(name))
    for camera, spec in line.cell_description.of_kind("camera").items():
        assert isinstance(spec, CameraSpec)
        sensor = models[camera].find("link/sensor/camera")
        assert sensor is not None
        assert float(sensor.findtext("lens/intrinsics/fx", "")) == pytest.approx(spec.focal_px)
        assert float(sensor.findtext("lens/intrinsics/cx", "")) == pytest.approx(spec.axis_px[0] + 0.5)
        assert float(sensor.findtext("horizontal_fov", "")) >= 0.1, "Harmonic refuses less"
        assert sensor.findtext("image/width") == str(spec.width_px)
        pose, lens = sdf_world.pose_of(models[camera]), spec.lens_in_cell.pose
        ahead = [b - a for a, b in zip(pose.position, pose.apply((1.0, 0.0, 0.0)), strict=True)]
        down = [b - a for a, b in zip(lens.position, lens.apply((0.0, 0.0, -1.0)), strict=True)]
        up = [b - a for a, b in zip(pose.position, pose.apply((0.0, 0.0, 1.0)), strict=True)]
        over = [b - a for a, b in zip(lens.position, lens.apply((0.0, 1.0, 0.0)), strict=True)]
        assert ahead == pytest.approx(down, abs=1e-9) and up == pytest.approx(over, abs=1e-9)


@pytest.mark.parametrize("name", LINES)
def test_each_link_of_an_arm_that_moves_feels_all_that_it_touches(name: str) -> None:
    models = sdf_world.models(world(name))
    for arm in line_of(name).cell_description.of_kind("arm"):
        base, *links = models[arm].findall("link")
        assert base.find("sensor") is None, "it stands on the bench"
        felt = [link for link in links if link.find("collision") is not None]
        assert felt
        for link in felt:
            told = [element.text for element in link.findall("sensor/contact/collision")]
            assert told == [collision.attrib["name"] for collision in link.findall("collision")]


def test_controllers_have_gains_for_each_joint_in_the_order_of_the_joints() -> None:
    arm = sdf_world.models(world("valve"))["arm"]
    plugins = {plugin.attrib["name"]: plugin for plugin in arm.findall("plugin")}
    controller = plugins["gz::sim::systems::JointTrajectoryController"]
    joints = [element.text for element in controller.findall("joint_name")]
    assert joints == [f"arm_joint_{n}" for n in range(1, 7)]
    for key in ("position_p_gain", "velocity_p_gain", "position_cmd_max"):
        gains = [float(element.text or "") for element in controller.findall(key)]
        assert len(gains) == len(joints) and all(gain > 0.0 and math.isfinite(gain) for gain in gains)


def test_nothing_is_fetched_when_the_world_is_loaded() -> None:
    text = world_text(line_of("valve"), items=items_of("valve"))
    assert "<include" not in text and "<uri" not in text and "http" not in text


def test_a_namespace_of_the_user_s_is_in_every_topic() -> None:
    told = [element.text or "" for element in world_of(line_of("valve"), "/site/cell_7").iter("topic")]
    assert told and all(topic.startswith("/site/cell_7/") for topic in told)
