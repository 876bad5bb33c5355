"""From a line and a world to the Blueprint."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from microcell.composition.blueprint import Blueprint, DevicePlan, NodePlan, ProcessPlan
from microcell.description.cell import WORLDS, World
from microcell.description.line import Line
from microcell.errors import UsageError

ARM_FAMILIES = ("assembly", "packaging", "tooling")
"""Skills of one arm share its devices, so one process hosts them."""

INSPECTION_FAMILIES = ("inspection",)
"""Image processing has a process, and so an interpreter lock, of its own: a running inspection delays no arm."""

HARDWARE: dict[World, str] = {"mock": "hardware", "gazebo": "gazebo"}
"""The executable that plays the hardware, in worlds where that is not there."""

_INSPECTION_KINDS = ("camera", "fixture")
_WATCHED_KINDS = ("feeder", "tool_changer", "safety")
"""What the orchestrator looks at itself."""

_SET_UP_KINDS = ("carton_station", "printer")
"""What besides feeders hears from the orchestrator that it is set up for another line."""

_NAMESPACE = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)

Parameters = Mapping[str, object]


def compose(
    line: Line,
    world: World,
    *,
    line_path: Path | str,
    journal: Path | str | None = None,
    seed: int = 0,
    camera: str | None = None,
    time_scale: float | None = None,
    namespace: str = "",
    headless: bool = True,
    also: Sequence[Path | str] = (),
) -> Blueprint:
    """What runs for a line in a world.

    `line_path` is what the processes load the line from, `also` the other lines of the cell. `time_scale` is the speed of
    mock hardware against real time, without it the line's own. `namespace` is the cell's name when it is empty; a `/` in
    front says nothing. `headless`: Gazebo without a window.

    Raises `UsageError` for a namespace or a time scale that cannot be, and for a modelled camera outside the virtual world:
    between nodes there are only images. Whether this machine has Gazebo is found out when the world is started.
    """
    camera = camera or ("modelled" if world == "virtual" else "rendered")
    if world not in WORLDS:
        raise UsageError(f"no world '{world}'; there are: {', '.join(WORLDS)}.")
    if world != "virtual" and camera != "rendered":
        raise UsageError(f"camera '{camera}' exists in the virtual world only. In {world}, leave camera out.")
    if time_scale is not None and not 0.0 < time_scale < math.inf:
        raise UsageError(f"time_scale {time_scale:g} is no speed. Give a number over 0; 1 is real time.")
    common: dict[str, object] = {"line": str(line_path), "world": world, "seed": seed}
    if also:
        common["also"] = [str(path) for path in also]
    if world == "gazebo" and also:
        raise UsageError("in world gazebo nobody sets stations up for another line. Leave --also out.")
    if world == "virtual":
        return _virtual(line, {**common, "camera": camera})
    if world == "mock":
        common["time_scale"] = line.time_scale if time_scale is None else time_scale
    if world == "gazebo":
        common |= {"use_sim_time": True, "headless": headless}
    journal = str(journal) if journal is not None else f"out/{line.name}.journal"
    plans = _nodes(line, world)
    return Blueprint(
        line=line.name,
        cell=line.cell,
        world=world,
        namespace=_namespace(namespace) or line.cell,
        processes=tuple(_process(plan, plans, common, journal) for plan in plans),
        nodes=plans,
        devices=_devices(line, world, camera),
    )


def _namespace(told: str) -> str:
    """A namespace without the slashes around it, which ROS takes from nobody twice."""
    bare = told.strip("/")
    if bare and not _NAMESPACE.fullmatch(bare):
        raise UsageError(f"'{told}' is no namespace. Take letters, digits and underscores, with a / between names.")
    return bare


def _virtual(line: Line, parameters: Parameters) -> Blueprint:
    process = ProcessPlan("microcell", "microcell", parameters)
    devices = _devices(line, "virtual", str(parameters["camera"]))
    return Blueprint(line.name, line.cell, "virtual", "", (process,), (), devices)


def _nodes(line: Line, world: World) -> tuple[NodePlan, ...]:
    names = _device_names(line)
    kinds = {name: _kind(line, name) for name in names}
    own_cameras = _arms_cameras(line)
    arm_devices = tuple(n for n in names if kinds[n] not in ("camera", "safety") or n in own_cameras)
    hardware = NodePlan("hardware", HARDWARE.get(world, ""), "hardware", devices=names)
    first = (hardware.name,) if world in HARDWARE else ()
    arm = NodePlan("arm_skills", "skill_server", "arm_skills", ARM_FAMILIES, arm_devices, first)
    seeing = tuple(n for n in names if kinds[n] in _INSPECTION_KINDS)
    inspection = NodePlan("inspection_skills", "skill_server", "inspection_skills", INSPECTION_FAMILIES, seeing, first)
    hearing = _SET_UP_KINDS if line.also else ()
    watched = tuple(n for n in names if kinds[n] in (*_WATCHED_KINDS, *hearing))
    orchestrator = NodePlan(
        "orchestrator", "orchestrator", "orchestrator", devices=watched, after=(*first, arm.name, inspection.name)
    )
    return (*((hardware,) if world in HARDWARE else ()), arm, inspection, orchestrator)


def _arms_cameras(line: Line) -> set[str]:
    """The cameras that skills of an arm look with: at feeders, and at testers."""
    cell = line.cell_description
    testers = cell.of_kind("tester")
    seeing = {name for name, spec in cell.of_kind("camera").items() if any(seen in testers for seen in spec.sees)}
    return seeing | {spec.camera for spec in cell.of_kind("feeder").values() if spec.camera is not None}


def _process(node: NodePlan, nodes: tuple[NodePlan, ...], common: Parameters, journal: str) -> ProcessPlan:
    """A process with what its executable must be told.

    Mock hardware that is not as fast as real time tells its time on /clock, which the others then go by.
    `dependents` are the nodes that need it: when everything is stopped at once, as launch does on Ctrl-C, it outlives them.
    What must outlive a process is kept in files beside the journal: the mock hardware's bench, the servers' attempts, the
    pictures of inspections.
    """
    parameters = dict(common)
    dependents = [other.name for other in nodes if node.name in other.after]
    if dependents:
        parameters["dependents"] = dependents
    if parameters.get("time_scale", 1.0) != 1.0 and node.role != "hardware":
        parameters["use_sim_time"] = True
    if node.role == "gazebo":
        parameters.update(folder=f"{journal}.gazebo", journal=journal)
    else:
        parameters.pop("headless", None)
    if node.role == "hardware":
        parameters.update(plant_state=f"{journal}.bench", journal=journal)
    if node.role == "skill_server":
        parameters.update(families=list(node.hosts), devices=list(node.devices))
        parameters["attempts"] = f"{journal}.{node.name}.attempts"
        if node.hosts == INSPECTION_FAMILIES:
            parameters["journal"] = journal
    if node.role == "orchestrator":
        parameters["skill_servers"] = [other.name for other in nodes if other.role == "skill_server"]
        parameters["devices"] = list(node.devices)
        parameters["journal"] = journal
    return ProcessPlan(node.process, node.role, parameters, node.after)


def _device_names(line: Line) -> tuple[str, ...]:
    """The cell's devices, then the tools that stand in its cribs."""
    pockets = (p for crib in line.cell_description.of_kind("tool_crib").values() for p in crib.pockets)
    return (*line.cell_description.devices, *(p.tool for p in pockets if p.tool))


def _kind(line: Line, name: str) -> str:
    return line.tools[name].device if name in line.tools else line.cell_description.devices[name].kind


def _devices(line: Line, world: World, camera: str) -> tuple[DevicePlan, ...]:
    plans = []
    for name in _device_names(line):
        kind = _kind(line, name)
        if name in line.tools:
            driver, parameters = f"{kind}/{'mock' if world == 'virtual' else 'ros'}", {}
        else:
            driver = line.cell_description.driver_name(name, world)
            parameters = dict(line.cell_description.devices[name].parameters)
        if kind == "safety":
            spec, arms = line.cell_description.of_kind("safety")[name], line.cell_description.of_kind("arm")
            parameters |= {"buttons": list(spec.buttons), "arms": list(arms)}
        if name in line.cell_description.of_kind("camera") and line.cell_description.of_kind("camera")[name].depth:
            parameters |= {"depth": True}
        if kind == "press":
            parameters |= {"programs": list(line.cell_description.of_kind("press")[name].programs)}
        if camera == "modelled" and driver == "camera/mock":
            driver = "camera/modelled"
        plans.append(DevicePlan(name, kind, driver, parameters))
    return tuple(plans)
