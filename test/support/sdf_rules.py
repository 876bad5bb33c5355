"""What may stand in a world of ours, written down from the specification and from the sources that read it.

Elements and attributes: SDFormat 1.10 (sdformat 14 and 15, sdf/1.10). Parameters of plugins: what gz-sim 9.5 reads
(src/systems); it passes over any other without a word, as it does over an element that stands in the wrong place.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator

ELEMENTS: dict[str, str] = {
    "sdf": "@version! world",
    "world": "@name! gravity light* model* physics plugin* scene",
    "physics": "@name @type! max_step_size real_time_factor",
    "scene": "ambient background shadows",
    "light": "@name! @type! pose cast_shadows diffuse specular direction",
    "model": "@name! joint* link* plugin* pose static",
    "link": "@name! collision* gravity inertial pose sensor* visual*",
    "visual": "@name! geometry! material pose",
    "collision": "@name! geometry! pose surface",
    "geometry": "box cylinder sphere",
    "box": "size!",
    "cylinder": "length! radius!",
    "sphere": "radius!",
    "material": "ambient diffuse specular pbr",
    "pbr": "metal",
    "metal": "albedo_map roughness metalness",
    "surface": "contact friction",
    "contact": "collide_bitmask collision* topic",
    "friction": "ode",
    "ode": "mu mu2",
    "inertial": "pose mass! inertia!",
    "inertia": "ixx! ixy! ixz! iyy! iyz! izz!",
    "joint": "@name! @type! axis child! parent! pose sensor*",
    "axis": "xyz! limit!",
    "limit": "lower! upper! velocity effort",
    "sensor": "@name! @type! always_on camera contact force_torque topic update_rate",
    "camera": "@name camera_info_topic clip! horizontal_fov! image! lens noise optical_frame_id triggered trigger_topic",
    "image": "format height! width!",
    "clip": "far! near!",
    "noise": "@type mean stddev type",
    "lens": "intrinsics scale_to_hfov! type!",
    "intrinsics": "cx! cy! fx! fy! s!",
    "force_torque": "force frame measure_direction",
    "force": "x y z",
    "x": "noise",
    "y": "noise",
    "z": "noise",
    "pose": "@relative_to @rotation_format",
}
"""By element its attributes (@) and children: ! must be there, * may be there several times; the others once at most."""

GAINS = "joint_name topic initial_position position_p_gain position_cmd_min position_cmd_max velocity_p_gain"
PLUGINS: dict[str, tuple[str, str]] = {
    "Physics": ("gz-sim-physics-system", ""),
    "UserCommands": ("gz-sim-user-commands-system", ""),
    "SceneBroadcaster": ("gz-sim-scene-broadcaster-system", "dynamic_pose_hertz state_hertz"),
    "ForceTorque": ("gz-sim-forcetorque-system", ""),
    "Contact": ("gz-sim-contact-system", ""),
    "Sensors": ("gz-sim-sensors-system", "render_engine"),
    "JointTrajectoryController": (
        "gz-sim-joint-trajectory-controller-system", f"{GAINS} velocity_cmd_min velocity_cmd_max"
    ),
    "JointStatePublisher": ("gz-sim-joint-state-publisher-system", "topic joint_name"),
    "JointController": ("gz-sim-joint-controller-system", "joint_name topic initial_velocity"),
    "DetachableJoint": (
        "gz-sim-detachable-joint-system",
        "parent_link child_model child_link detach_topic attach_topic output_topic suppress_child_warning",
    ),
}  # fmt: skip
"""By system the file that has it, and the parameters that it reads."""

CHOICES = {
    ("joint", "type"): {"fixed", "revolute", "prismatic"},
    ("sensor", "type"): {"camera", "contact", "rgbd_camera", "force_torque"},
    ("light", "type"): {"directional"},
    ("pose", "rotation_format"): {"quat_xyzw", "euler_rpy"},
}
TEXTS = {
    "format": {"R8G8B8"}, "frame": {"child"}, "measure_direction": {"child_to_parent"}, "static": {"true"},
    "gravity": {"false", "0 0 -9.81"}, "render_engine": {"ogre2"},
}  # fmt: skip
NUMBERS = {"pose", "size", "radius", "length", "mass", "xyz", "lower", "upper", "velocity", "mu", "mu2", "diffuse"}
TELLING = ("contact",)
"""A contact's `collision` is the name of one."""

NAMED = ("model", "link", "joint", "visual", "collision", "sensor")
RESERVED = ("world", "__model__", "__root__")
MASK_BITS = 16


def breaches(root: ET.Element) -> list[str]:
    """What of a world breaks the rules, in words."""
    return list(_breaches(root, root.tag))


def _breaches(element: ET.Element, path: str) -> Iterator[str]:
    if element.tag == "plugin":
        yield from _of_plugin(element, path)
        return
    known = {word.strip("!*"): word for word in ELEMENTS.get(element.tag, "").split()}
    for name in element.attrib:
        if f"@{name}" not in known:
            yield f"{path}: it has no attribute {name}"
        elif element.attrib[name] not in CHOICES.get((element.tag, name), {element.attrib[name]}):
            yield f"{path}: {name} is {element.attrib[name]}"
    counts = Counter(child.tag for child in element)
    for name, word in known.items():
        there = name[1:] in element.attrib if name.startswith("@") else counts[name] > 0
        if word.endswith("!") and not there:
            yield f"{path}: {name} is missing"
        if counts[name] > 1 and not word.endswith("*"):
            yield f"{path}: {name} stands there {counts[name]} times"
    yield from _of_text(element, path)
    yield from _of_names(element, path)
    if element.tag == "model":
        yield from _of_joints(element, path)
    for child in element:
        here = f"{path}/{child.tag}"
        if child.tag not in known and child.tag != "plugin":
            yield f"{here}: {element.tag} has no such element"
        elif (child.tag in ELEMENTS or child.tag == "plugin") and element.tag not in TELLING:
            yield from _breaches(child, here)
        else:
            yield from _of_text(child, here)


def _of_plugin(plugin: ET.Element, path: str) -> Iterator[str]:
    system = plugin.get("name", "").rpartition("::")[2]
    if plugin.get("name") != f"gz::sim::systems::{system}" or system not in PLUGINS:
        yield f"{path}: there is no system {plugin.get('name')}"
        return
    file, parameters = PLUGINS[system]
    if plugin.get("filename") != file:
        yield f"{path}: {system} is in {file}, not in {plugin.get('filename')}"
    for parameter in plugin:
        if parameter.tag not in parameters.split():
            yield f"{path}: {system} reads no {parameter.tag}"


def _of_joints(model: ET.Element, path: str) -> Iterator[str]:
    """Joints join links that are there, a detachable one this model's own."""
    links = {link.get("name", "") for link in model.findall("link")}
    for joint in model.findall("joint"):
        for end, known in (("parent", {*links, "world"}), ("child", links)):
            if joint.findtext(end) not in known:
                yield f"{path}: joint {joint.get('name')} has the {end} {joint.findtext(end)}, which is no link"
    yield from (
        f"{path}: what is held by {text}, which is no link"
        for text in (plugin.findtext("parent_link") for plugin in model.findall("plugin"))
        if text is not None and text not in links
    )


def _of_text(element: ET.Element, path: str) -> Iterator[str]:
    text = (element.text or "").strip()
    if text not in TEXTS.get(element.tag, {text}):
        yield f"{path}: {text}"
    if element.tag in NUMBERS and not all(math.isfinite(float(word)) for word in text.split()):
        yield f"{path}: {text} is not finite"
    if element.tag == "collide_bitmask" and not 0 < int(text) < 1 << MASK_BITS:
        yield f"{path}: {text} has not {MASK_BITS} bits"


def _of_names(element: ET.Element, path: str) -> Iterator[str]:
    """Siblings of all kinds share one scope (sdformat: frame semantics)."""
    told = [child.get("name", "") for child in element if child.tag in NAMED and element.tag not in TELLING]
    yield from (f"{path}: two things are called {name}" for name, count in Counter(told).items() if count > 1)
    for name in told:
        if name in RESERVED or "::" in name or not name or (name.startswith("__") and name.endswith("__")):
            yield f"{path}: nothing may be called '{name}'"
