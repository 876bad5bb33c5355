"""Robot and tool files of others: the world takes what their names and frames are, whatever the files call them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import sdf_rules

from microcell.description.base import PoseSpec
from microcell.description.cell import ArmSpec, ForceSensorSpec
from microcell.description.loader import load_line
from microcell.description.tool import Tool
from microcell.errors import UsageError
from microcell.gazebo.arm import add_arm, arm_bodies
from microcell.gazebo.tool import add_tool, bodies_of, tool_model
from microcell.gazebo.world import world_of
from microcell.geometry import Pose
from microcell.motion.xacro_files import processed
from microcell.paths import share_directory

LINE = load_line("valve")
ARM, SENSOR = (LINE.cell_description.devices[name] for name in ("arm", "wrist_force"))


def robot(folder: Path, more: str = "", **names: str) -> ArmSpec:
    """The bench's arm with a robot file of its own, with more in it and other names in place of some."""
    assert isinstance(ARM, ArmSpec)
    text = processed(share_directory() / "urdf" / "robots" / "six_axis.urdf.xacro", {}).replace(
        "</robot>", f"{more}</robot>"
    )
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    path = folder / "own.urdf"
    path.write_text(text, encoding="utf-8")
    return ARM.model_copy(update={"robot": str(path), "base_link": "", "tip_link": names.get("flange", "flange")})


def breaches(spec: ArmSpec) -> list[str]:
    assert isinstance(SENSOR, ForceSensorSpec)
    world = ET.Element("world", name="w")
    add_arm(world, "/bench", "arm", spec, SENSOR)
    return sdf_rules.breaches(world)


WORLD = """<link name="world"/>
<joint name="stands" type="fixed"><parent link="world"/><child link="base_link"/></joint>"""


@pytest.mark.parametrize("names", [
    {}, {"elbow_link": "coupling"}, {"elbow_link": "wrist_force"}, {"elbow_link": "joint_3"}, {"flange": "coupling"},
    {"stands": "coupling"}, {"stands": "wrist_force"},
])  # fmt: skip
def test_a_robot_may_call_its_links_and_joints_as_it_likes(tmp_path: Path, names: dict[str, str]) -> None:
    spec = robot(tmp_path, WORLD, **names)
    assert breaches(spec) == []
    assert len(arm_bodies(spec)) == 1 + len(arm_bodies(robot(tmp_path)))


@pytest.fixture
def mounted(tmp_path: Path) -> Tool:
    """A gripper whose file begins with a frame in which it is mounted, and has another one at its tip."""
    tool = LINE.tools["parallel_gripper"]
    shipped = share_directory() / "urdf" / "tools" / str(tool.model)
    root = tool_model(tool).root
    text = processed(shipped, {}) if shipped.suffix == ".xacro" else shipped.read_text(encoding="utf-8")
    frames = f'''<link name="mount"/><link name="grasp"/>
    <joint name="mounted" type="fixed"><parent link="mount"/><child link="{root}"/></joint>
    <joint name="grasps" type="fixed"><parent link="{root}"/><child link="grasp"/></joint></robot>'''
    path = tmp_path / "own.urdf"
    path.write_text(text.replace("</robot>", frames), encoding="utf-8")
    return tool.model_copy(update={"model": str(path)})


def test_a_tool_may_hang_on_a_frame_without_a_mass_and_weighs_what_it_should(mounted: Tool) -> None:
    known = tool_model(mounted)
    assert known.robot is not None and known.root.startswith("mount")
    bodies = bodies_of(mounted, known.robot)
    assert known.root in bodies and "grasp" not in bodies
    assert sum(body.mass_kg for body in bodies.values()) == pytest.approx(mounted.mass_kg)
    world = ET.Element("world", name="w")
    add_tool(world, "/bench", "parallel_gripper", mounted, Pose())
    assert sdf_rules.breaches(world) == []


def test_an_arm_that_is_in_the_bench_with_its_joints_at_zero_is_refused() -> None:
    cell = LINE.cell_description
    low = ARM.model_copy(update={"base_in_cell": PoseSpec(xyz_m=(0.0, 0.0, -0.6))})
    told = cell.model_copy(update={"devices": {**cell.devices, "arm": low}})
    with pytest.raises(UsageError, match=r"Gazebo puts arm 'arm' into the world with its joints at zero, and there \w+ "):
        world_of(LINE.model_copy(update={"cell_description": told}))
