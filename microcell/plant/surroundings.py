"""What stands on the bench and never moves, for renderers."""

from __future__ import annotations

from microcell.description.cell import ArmSpec, CameraSpec, ToolCribSpec
from microcell.description.line import Line
from microcell.motion.cell_scene import station_solids
from microcell.motion.scene import Solid


def surroundings(line: Line) -> tuple[Solid, ...]:
    """The solids of all stations, in the cell frame: not the arms, the racks of their tools, and the cameras themselves."""
    devices = line.cell_description.devices
    standing = (name for name, spec in devices.items() if not isinstance(spec, ArmSpec | CameraSpec | ToolCribSpec))
    return tuple(solid for name in standing for solid in station_solids(line, name))
