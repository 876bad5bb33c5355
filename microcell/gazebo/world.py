"""The whole world of a line, as SDFormat."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from microcell.description.line import Line
from microcell.errors import UsageError
from microcell.gazebo import arm as arms
from microcell.gazebo import camera, part, scheme, station, tool
from microcell.gazebo.elements import SDF_VERSION, add, add_plugin, numbers, text_of, valid_name
from microcell.gazebo.standing import rests
from microcell.gazebo.tuning import STEP_S
from microcell.motion.contacts import told
from microcell.motion.payload import unit_mass
from microcell.motion.reacher import reachers
from microcell.plant.items import Item

AMBIENT, LAMPS = 0.45, 1.0
"""Light from everywhere, and of all lamps on what lies flat: a white part is seen at 93 % of full scale (by gz-sim 9.5)."""

LAMP_SLANT_RAD = math.radians(40.0)
LAMPS_FROM = tuple(math.pi / 4 + quarter * math.pi / 2 for quarter in range(4))
"""The lamps' angle to the vertical, and the sides that they shine from."""


def world_name(line: Line) -> str:
    """Name of the world, as Gazebo's topics have it."""
    return valid_name(line.name)


def world_of(line: Line, namespace: str = "", items: Iterable[Item] = ()) -> ET.Element:
    """The world of a line as `<sdf>`; `namespace` is the cell's in ROS, without it the cell's name.

    `items` are the parts that lie at the feeders when it starts. Everything is inlined: nothing is looked for or fetched
    when it runs. Stations and racks are the collision scene's. Raises UsageError for a cell without an arm, and for an arm
    that is in something where Gazebo puts it at first.
    """
    cell = line.cell_description
    namespace = namespace or line.cell
    if not cell.of_kind("arm"):
        raise UsageError(f"cell '{line.cell}' has no arm; there is nothing to simulate.")
    _check_start(line)
    root = ET.Element("sdf", version=SDF_VERSION)
    world = add(root, "world", name=world_name(line))
    _add_systems(world)
    _add_light(world)
    first = next(iter(cell.of_kind("arm")))
    station.add_stations(world, line, first)
    for name, spec in cell.of_kind("camera").items():
        camera.add_camera(world, namespace, name, spec)
    camera.add_scene_camera(world, line, namespace, first)
    for crib, spec in cell.of_kind("tool_crib").items():
        for pocket in spec.pockets:
            if pocket.tool is not None:
                tool.add_tool(world, namespace, pocket.tool, line.tools[pocket.tool], pocket.flange_in_cell.pose)
        station.add_crib(world, line, namespace, crib, spec, first)
    for item in items:
        name = scheme.item_model(item.item_id)
        looks = [part.Look(item.part_name, flaws=item.flaws)]
        part.add_item(world, name, line.product_description, item.pose, looks, rests=rests(item))
    sensors = cell.of_kind("force_sensor")
    for name, spec in cell.of_kind("arm").items():
        arms.add_arm(world, namespace, name, spec, sensors[spec.force_sensor], heaviest_kg(line))
    return root


def heaviest_kg(line: Line) -> float:
    """Mass of the heaviest that an arm of a line carries: a part, or a unit of some variant, kg."""
    product = line.product_description
    parts = [part.mass_kg for part in product.parts.values()]
    return max([*parts, *(unit_mass(product, variant).mass_kg for variant in product.variants)])


def world_text(line: Line, namespace: str = "", items: Iterable[Item] = ()) -> str:
    """The world of a line as the text of an SDF file."""
    return text_of(world_of(line, namespace, items))


def _check_start(line: Line) -> None:
    """Gazebo puts arms into the world with their joints at zero, whatever is there."""
    for name, reacher in reachers(line).items():
        if hits := reacher.hits_at_zero():
            raise UsageError(
                f"Gazebo puts arm '{name}' into the world with its joints at zero, and there {told(hits)}. Move the arm or "
                "what stands there, or give the robot file other zeros."
            )


def _add_systems(world: ET.Element) -> None:
    """Physics, and the systems that answer and tell. Each that tells something has a thread, which is waited for in every
    step (gz-sim 9, SimulationRunner.cc): so there are no more of them than needed, and none for each piece.
    """
    physics = add(world, "physics", name="fine", type="ignored")
    add(physics, "max_step_size", STEP_S)
    add(physics, "real_time_factor", "1.0")
    add(world, "gravity", "0 0 -9.81")
    add_plugin(world, "Physics")
    add_plugin(world, "UserCommands")
    add(add_plugin(world, "SceneBroadcaster"), "dynamic_pose_hertz", str(scheme.POSES_HZ))
    add_plugin(world, "ForceTorque", "forcetorque")
    add_plugin(world, "Contact")
    add(add_plugin(world, "Sensors"), "render_engine", "ogre2")


def _add_light(world: ET.Element) -> None:
    """Lamps from four sides, without shadows: what cameras see has its own colour.

    None is straight above: cameras look straight down, and would see it mirrored in everything that lies flat.
    """
    scene = add(world, "scene")
    add(scene, "ambient", numbers((AMBIENT, AMBIENT, AMBIENT, 1.0)))
    add(scene, "background", "0.3 0.3 0.3 1")
    add(scene, "shadows", "false")
    each = LAMPS / len(LAMPS_FROM) / math.cos(LAMP_SLANT_RAD)
    for index, turn_rad in enumerate(LAMPS_FROM):
        light = add(world, "light", name=f"lamp_{index + 1}", type="directional")
        add(light, "pose", "0 0 3 0 0 0")
        add(light, "cast_shadows", "false")
        add(light, "diffuse", numbers((each, each, each, 1.0)))
        add(light, "specular", "0 0 0 1")
        across = math.sin(LAMP_SLANT_RAD)
        down = (-across * math.cos(turn_rad), -across * math.sin(turn_rad), -math.cos(LAMP_SLANT_RAD))
        add(light, "direction", numbers(down))
