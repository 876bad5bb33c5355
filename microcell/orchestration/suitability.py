"""Which arm, tool, station and feeder could do an operation at all, by the line's description alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from microcell.description.line import Line
from microcell.description.tool import Task
from microcell.orchestration.plan import Chain, Plan
from microcell.orchestration.work import UnitWork, plan_of
from microcell.skills.contract import Needs


class Suitability:
    """What never changes while a line runs, worked out once. `needs` tells what a unit's chain needs."""

    def __init__(self, line: Line, needs: Callable[[UnitWork, Chain], Mapping[str, Needs]]) -> None:
        self._line = line
        self._needs = needs
        self._cell = line.cell_description
        self._arms = self._cell.of_kind("arm")
        self._plans = (plan_of(line), plan_of(line, scrap=True))
        self._stations: dict[tuple[str, str], tuple[str, ...]] = {}
        cribs = self._cell.of_kind("tool_crib").items()
        self._cribs = {str(pocket.tool): crib for crib, spec in cribs for pocket in spec.pockets if pocket.tool}
        self._tools: dict[tuple[str, frozenset[Task | None]], tuple[tuple[str, str], ...]] = {}

    def works_at(self, arm: str, station: str) -> bool:
        """Whether an arm works at a station; without an arm ("") it is no question."""
        return not arm or self._arms[arm].works_at(station)

    def suits(self, tool: str, needs: Mapping[str, Needs]) -> bool:
        """Whether a tool ("" = none) can do all of a chain."""
        spec, wanted = self._line.tools.get(tool), _of_tools(needs)
        return not wanted or (spec is not None and all(need.can_use(spec) for need in wanted))

    def tools_for(self, arm: str, needs: Mapping[str, Needs]) -> tuple[tuple[str, str], ...]:
        """Tools that can do all of a chain and that an arm can fetch, each with its crib."""
        key = (arm, frozenset(need.task for need in _of_tools(needs)))
        if key not in self._tools:
            coupling = self._cell.of_kind("tool_changer")[self._arms[arm].tool_changer].coupling
            pockets = [
                (pocket.tool, crib)
                for crib, spec in self._cell.of_kind("tool_crib").items()
                if self.works_at(arm, crib)
                for pocket in spec.pockets
                if pocket.tool
            ]
            tools = self._line.tools
            self._tools[key] = tuple(
                (tool, crib) for tool, crib in pockets if tools[tool].coupling == coupling and self.suits(tool, needs)
            )
        return self._tools[key]

    def crib_of(self, tool: str) -> str:
        """The crib where a tool belongs, "" for none."""
        return self._cribs.get(tool, "")

    def shares_tools(self) -> bool:
        """Whether some tool can be fetched by more than one arm."""
        tools = [tool for arm in self._arms for tool, _ in self.tools_for(arm, {})]
        return len(set(tools)) < len(tools)

    def devices(self, kind: str, arm: str, stations: Mapping[str, str], seen: str) -> list[str]:
        """Devices of a kind for an operation: the unit's own station, or those in an arm's reach; cameras that see."""
        if kind in stations:
            return [stations[kind]] if self.works_at(arm, stations[kind]) else []
        specs = {name: spec for name, spec in self._cell.of_kind(kind).items() if self._line.works_with(name)}
        if kind == "camera":
            return [name for name, spec in specs.items() if seen in spec.sees]
        fixture = stations.get("fixture")
        return [
            name for name, spec in specs.items() if self.works_at(arm, name) and getattr(spec, "fixture", fixture) == fixture
        ]

    def stations(self, unit: UnitWork, kind: str) -> tuple[str, ...]:
        """Stations of a kind where all can be done that is to be done with a unit there, its way to scrap included."""
        key = (unit.variant, kind)
        if key not in self._stations:
            names = filter(self._line.works_with, self._cell.of_kind(kind))
            self._stations[key] = tuple(
                name for name in names if all(self._could_do(unit, plan, kind, name) for plan in self._plans)
            )
        return self._stations[key]

    def bins(self, arm: str) -> list[str]:
        """Bins that an arm works at."""
        return [name for name in self._cell.of_kind("bin") if self.works_at(arm, name)]

    def _could_do(self, unit: UnitWork, plan: Plan, kind: str, station: str) -> bool:
        other = UnitWork(unit.serial, unit.order_id, unit.variant, unit.sequence, plan, product=unit.product)
        for chain in plan.chains:
            needs = self._needs(other, chain)
            if any(kind in need.kinds for need in needs.values()) and not self.can(needs, {kind: station}):
                return False
        return True

    def can(self, needs: Mapping[str, Needs], stations: Mapping[str, str]) -> bool:
        """Whether some arm could do a chain, the unit standing in some stations, if nothing else were going on."""
        if not any("arm" in need.kinds for need in needs.values()):
            return self.has_all("", needs, stations)
        return any(self.tools_for_any(arm, needs) and self.has_all(arm, needs, stations) for arm in self._arms)

    def has_all(self, arm: str, needs: Mapping[str, Needs], stations: Mapping[str, str]) -> bool:
        """Whether an arm reaches every device of a chain, the unit standing in some stations."""
        return all(self._has_all(arm, need, stations) for need in needs.values())

    def tools_for_any(self, arm: str, needs: Mapping[str, Needs]) -> bool:
        """Whether an arm can get a tool for a chain, or needs none."""
        return not _of_tools(needs) or bool(self.tools_for(arm, needs))

    def _has_all(self, arm: str, need: Needs, stations: Mapping[str, str]) -> bool:
        for kind in need.kinds:
            if kind == "feeder":
                if not any(self.works_at(arm, feeder) for feeder in self._line.feeders_of(need.part or "")):
                    return False
            elif kind not in ("arm", "camera") and not self.devices(kind, arm, stations, ""):
                return False
        return True


def _of_tools(needs: Mapping[str, Needs]) -> list[Needs]:
    """Those that ask something of the tool."""
    return [need for need in needs.values() if need.capability]
