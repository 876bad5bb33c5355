"""Tools between crib and flange."""

from __future__ import annotations

from collections.abc import Mapping

from microcell.geometry import angle_between, distance
from microcell.plant.bench import Bench, ToolTruth
from microcell.plant.holding import Holding
from microcell.plant.physics import COUPLING_M, COUPLING_RAD


class Coupling:
    """Locks tools to flanges and puts them back into pockets."""

    def __init__(self, bench: Bench, holding: Holding) -> None:
        self._bench = bench
        self._holding = holding
        self._locked = dict.fromkeys(bench.arms, False)
        self._pockets = {
            (crib, number): pocket.flange_in_cell.pose
            for crib, spec in bench.line.cell_description.of_kind("tool_crib").items()
            for number, pocket in enumerate(spec.pockets)
        }

    def as_data(self) -> dict[str, bool]:
        """Which couplings are closed, by arm."""
        return dict(self._locked)

    def put_back(self, data: Mapping[str, bool]) -> None:
        """Be as it was."""
        self._locked.update(data)

    def locked(self, arm: str) -> bool:
        """Whether the coupling is closed, with or without a tool."""
        return self._locked[arm]

    def lock(self, arm: str) -> None:
        """Close the coupling: it takes the tool of the pocket where the flange is."""
        pocket = self._pocket_at(arm)
        tool = self._tool_in(pocket) if pocket is not None else None
        if tool is not None and self._bench.tool_on(arm) is None and not self._locked[arm]:
            tool.arm, tool.pocket = arm, None
        self._locked[arm] = True

    def unlock(self, arm: str) -> None:
        """Open the coupling: in an empty pocket the tool stays there, anywhere else it falls and is lost."""
        self._locked[arm] = False
        tool = self._bench.tool_on(arm)
        if tool is None:
            return
        self._holding.release(tool)
        pocket = self._pocket_at(arm)
        free = pocket is not None and self._tool_in(pocket) is None
        tool.arm, tool.active, tool.driving = None, False, False
        tool.pocket = pocket if free else None

    def serial_on(self, arm: str) -> str:
        """Serial of the tool at the flange, coupled or just touching it in its pocket; "" without one."""
        tool = self._bench.tool_on(arm)
        if tool is None:
            pocket = self._pocket_at(arm)
            tool = self._tool_in(pocket) if pocket is not None else None
        return tool.serial if tool is not None else ""

    def serials_in(self, crib: str) -> tuple[str, ...]:
        """Serial of the tool in each pocket of a crib, "" where there is none."""
        tools = [self._tool_in(pocket) for pocket in self._pockets if pocket[0] == crib]
        return tuple(tool.serial if tool is not None else "" for tool in tools)

    def _pocket_at(self, arm: str) -> tuple[str, int] | None:
        flange = self._bench.arm(arm).flange()
        for pocket, pose in self._pockets.items():
            if distance(flange, pose) <= COUPLING_M and angle_between(flange, pose) <= COUPLING_RAD:
                return pocket
        return None

    def _tool_in(self, pocket: tuple[str, int]) -> ToolTruth | None:
        return next((tool for tool in self._bench.tools.values() if tool.pocket == pocket), None)
