"""Make the devices of a line for a world: which driver, from its name, with what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from microcell import plugins
from microcell.clock import Clock
from microcell.description.cell import WORLDS, ArmSpec, ForceSensorSpec, World
from microcell.description.line import Line
from microcell.devices.contract import Device
from microcell.errors import UsageError

if TYPE_CHECKING:
    from microcell.plant.plant import Plant


GAZEBO_POINTS_S = 0.004
"""Distance of the points sent to arms in Gazebo, whose controller does not interpolate but jumps to each."""

GAZEBO_LAG_S = 2.0
"""So far behind its trajectory an arm in Gazebo may be: the command has a bridge to cross while cameras are rendered."""

GAZEBO_REACTION_S = 0.15
"""So long, at the most, an arm in Gazebo goes on after a contact: what is felt and the stop go over the bridge and back."""

ANSWER_S, GAZEBO_ANSWER_S = 2.0, 20.0
"""Real time that an answer of hardware may take on top of what the command itself takes. A world that is rendered without a
graphics card stands still for seconds, and each thing that is held there is a call from outside."""

Work = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function that computes for long, and returns its result; in ROS beside the event loop."""


async def at_once(function: Callable[[], Any]) -> Any:
    """Call it here and now: on virtual time computing takes none."""
    return function()


@dataclass(frozen=True)
class DeviceHost:
    """What a driver's constructor gets besides its name and spec: `Driver(name, spec, host)`.

    Mock drivers use `plant`; ROS drivers use `node`, the `microcell.ros` node that hosts them. `work` is for what computes
    for long. `answer_s` is the patience of ROS drivers, real time.
    """

    line: Line
    clock: Clock
    plant: Plant | None = None
    node: Any = None
    work: Work = at_once
    answer_s: float = ANSWER_S


def device_specs(line: Line) -> dict[str, Any]:
    """Spec of every device of a line by name: the cell's devices, then the tools that stand in its cribs."""
    tools = {
        pocket.tool: line.tools[pocket.tool]
        for crib in line.cell_description.of_kind("tool_crib").values()
        for pocket in crib.pockets
        if pocket.tool
    }
    return {**line.cell_description.devices, **tools}


def driver_name(line: Line, device: str, world: World, camera: str = "rendered") -> str:
    """The driver of a device or tool in a world; `camera` = modelled replaces virtual cameras by their model."""
    if device in line.tools:
        return f"{line.tools[device].device}/{'mock' if world == 'virtual' else 'ros'}"
    name = line.cell_description.driver_name(device, world)
    return "camera/modelled" if name == "camera/mock" and camera == "modelled" else name


def make_devices(
    host: DeviceHost, world: World, names: Iterable[str] | None = None, camera: str = "rendered"
) -> dict[str, Device]:
    """Construct devices (no I/O yet): all of the line, or the named ones. `UsageError` for what there is not."""
    specs = device_specs(in_world(host.line, world))
    names = list(specs if names is None else names)
    if unknown := [name for name in names if name not in specs]:
        raise UsageError(f"no device '{unknown[0]}' in line '{host.line.name}'; there are: {', '.join(specs)}.")
    host = replace(host, answer_s=GAZEBO_ANSWER_S) if world == "gazebo" else host
    return {name: plugins.driver(driver_name(host.line, name, world, camera))(name, specs[name], host) for name in names}


def in_world(line: Line, world: str) -> Line:
    """A line as drivers and skills need to know it in a world; `UsageError` where there is no such world."""
    if world not in WORLDS:
        raise UsageError(f"no world '{world}'; there are: {', '.join(WORLDS)}.")
    if world != "gazebo":
        return line
    devices = {name: _over_the_bridge(spec) for name, spec in line.cell_description.devices.items()}
    cell = line.cell_description.model_copy(update={"devices": devices})
    return line.model_copy(update={"cell_description": cell})


def _over_the_bridge(spec: Any) -> Any:
    if isinstance(spec, ArmSpec):
        told = {"point_period_s": GAZEBO_POINTS_S, "lag_s": GAZEBO_LAG_S, **spec.parameters}
        return spec.model_copy(update={"parameters": told})
    if isinstance(spec, ForceSensorSpec):
        return spec.model_copy(update={"reaction_s": max(GAZEBO_REACTION_S, spec.reaction_s)})
    return spec
