"""Which tool is on an arm's flange, told by the serial that the coupling reads."""

from __future__ import annotations

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.devices.tool_changer.contract import Coupling, ToolChanger
from microcell.faults import FaultError
from microcell.skills.contract import SkillContext


def arm_spec(context: SkillContext) -> ArmSpec:
    """Description of the leased arm."""
    spec: ArmSpec = context.line.cell_description.devices[context.leased("arm")]  # type: ignore[assignment]
    return spec


def tool_changer(context: SkillContext) -> ToolChanger:
    """The coupling on the leased arm's flange."""
    return context.device(arm_spec(context).tool_changer, ToolChanger)


def tool_of(line: Line, coupling: Coupling, where: str) -> str:
    """Name of the coupled tool, "" for none; TOOL_WRONG for a serial that no crib's pocket declares.

    A tool that the open coupling merely touches, in its pocket, is not coupled.
    """
    if not coupling.locked or not coupling.tool_serial:
        return ""
    for crib in line.cell_description.of_kind("tool_crib").values():
        for pocket in crib.pockets:
            if pocket.tool and pocket.serial == coupling.tool_serial:
                return str(pocket.tool)
    detail = f"the cell's description has no tool with serial {coupling.tool_serial}"
    raise FaultError("TOOL_WRONG", where, detail)


async def mounted_tool(context: SkillContext) -> str:
    """Name of the tool on the leased arm's flange, "" for none."""
    coupling = await tool_changer(context).coupling()
    return tool_of(context.line, coupling, arm_spec(context).tool_changer)


async def check_mounted(context: SkillContext, tool: str) -> None:
    """TOOL_UNCERTAIN when the coupling does not hold the tool that a motion is planned for ("" = none).

    To be called before every motion: what hangs on the flange decides where the motion leads.
    """
    found = await mounted_tool(context)
    if found != tool:
        detail = f"the coupling reads {found or 'no tool'}, the motion is planned for {tool or 'no tool'}"
        raise FaultError("TOOL_UNCERTAIN", arm_spec(context).tool_changer, detail)


async def check_believed(context: SkillContext) -> None:
    """TOOL_UNCERTAIN when the coupling reads another serial than the one that the lease's holder believes in."""
    believed = context.goal.lease.mounted
    if believed is None:
        return
    coupling = await tool_changer(context).coupling()
    found = coupling.tool_serial if coupling.locked else ""
    if found != believed:
        detail = f"the coupling reads {found or 'no tool'}, the cell's record says {believed or 'no tool'}"
        raise FaultError("TOOL_UNCERTAIN", arm_spec(context).tool_changer, detail)
