"""Who has what: leases of devices, stations that units stand in, mounted tools, parts in feeders.

An operation chain gets everything that it needs together or nothing, and a unit gets a station only when every unit in
work could still be finished afterwards (Dijkstra's banker). So no two units can wait for each other's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from microcell.description.line import Line
from microcell.orchestration.plan import Chain
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import Needs


@dataclass(frozen=True)
class Binding:
    """Devices for a chain: for each operation by kind, the tool to mount first, and the stations that are taken."""

    arm: str
    change_to: str
    crib: str
    operations: Mapping[str, Mapping[str, str]]
    taken: Mapping[str, str]

    def devices(self) -> tuple[str, ...]:
        """All devices of the chain, the tool crib included when the tool is changed first."""
        names = {device for devices in self.operations.values() for device in devices.values()}
        return tuple(sorted(names | ({self.crib} if self.change_to else set())))

    def still_needed(self, chain: Chain, index: int) -> frozenset[str]:
        """Devices of the operations from `index` on."""
        return frozenset(d for op in chain.operations[index:] for d in self.operations[op].values())


@dataclass(frozen=True)
class Blocked:
    """Why a chain cannot start now; `parts` names an empty feeder's part when that is the reason."""

    reason: str
    parts: str = ""


@dataclass
class Resources:
    """The present state of all that is shared."""

    line: Line
    holders: dict[str, str] = field(default_factory=dict)
    occupied: dict[str, str] = field(default_factory=dict)
    mounted: dict[str, str] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    out_of_service: set[str] = field(default_factory=set)

    def bind(self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork]) -> Binding | Blocked:
        """Find free devices for all operations of a chain; takes nothing yet."""
        taken = self._stations(unit, chain)
        if isinstance(taken, Blocked):
            return taken
        if taken and not self._safe(unit, taken, units):
            return Blocked("the station is kept free for a unit in work")
        arm = self._arm(needs)
        if isinstance(arm, Blocked):
            return arm
        operations = {}
        for name in chain.operations:
            devices = self._devices(name, needs[name], {**unit.stations, **taken}, arm)
            if isinstance(devices, Blocked):
                return devices
            operations[name] = devices
        change_to, crib = self._tool_change(arm, needs)
        if change_to is None:
            return Blocked("no tool in a free crib can do it")
        return Binding(arm, change_to, crib, operations, taken)

    def take(self, devices: Iterable[str], holder: str) -> None:
        """Lease devices; they must be free."""
        for device in devices:
            if device in self.holders:
                raise ValueError(f"'{device}' is leased by {self.holders[device]}, so {holder} cannot have it")
            self.holders[device] = holder

    def release(self, devices: Iterable[str]) -> None:
        """Give devices back."""
        for device in devices:
            self.holders.pop(device, None)

    def is_free(self, device: str) -> bool:
        return device not in self.holders and device not in self.out_of_service

    def tools_for(self, arm: str, capability: str) -> list[str]:
        """Tools in the cribs that fit an arm's changer and have a capability."""
        cell = self.line.cell_description
        changer = cell.of_kind("tool_changer")[cell.of_kind("arm")[arm].tool_changer]
        pockets = [p for crib in cell.of_kind("tool_crib").values() for p in crib.pockets]
        tools = [self.line.tools[p.tool] for p in pockets if p.tool]
        return [t.name for t in tools if capability in t.capabilities and t.coupling == changer.coupling]

    def _stations(self, unit: UnitWork, chain: Chain) -> dict[str, str] | Blocked:
        taken = {}
        for name in chain.operations:
            kind = unit.plan.operations[name].occupies
            if kind is None or kind in unit.stations:
                continue
            free = [d for d in self.line.cell_description.of_kind(kind) if self.is_free(d) and d not in self.occupied]
            if not free:
                return Blocked(f"no {kind} is free")
            taken[kind] = free[0]
        return taken

    def _safe(self, unit: UnitWork, taken: Mapping[str, str], units: Iterable[UnitWork]) -> bool:
        kinds = {u for other in (*units, unit) for u in _claims(other)} | set(taken)
        free = Counter(
            {
                kind: sum(
                    d not in self.occupied and d not in self.out_of_service for d in self.line.cell_description.of_kind(kind)
                )
                for kind in kinds
            }
        )
        free.subtract(taken.keys())
        held = {u.serial: (Counter(u.stations.keys()), Counter(_claims(u))) for u in units}
        mine = Counter(unit.stations.keys()) + Counter(taken.keys())
        held[unit.serial] = (mine, Counter(_claims(unit)) - Counter(taken.keys()))
        return can_all_finish(free, held.values())

    def _arm(self, needs: Mapping[str, Needs]) -> str | Blocked:
        if not any("arm" in need.kinds for need in needs.values()):
            return ""
        arms = [name for name in self.line.cell_description.of_kind("arm") if self.is_free(name)]
        if not arms:
            return Blocked("the arm is busy")
        suited = [name for name in arms if self._suits(self.mounted.get(name, ""), needs)]
        return (suited or arms)[0]

    def _suits(self, tool: str, needs: Mapping[str, Needs]) -> bool:
        wanted = {need.capability for need in needs.values() if need.capability}
        return not wanted or (tool in self.line.tools and wanted.issubset(self.line.tools[tool].capabilities))

    def _tool_change(self, arm: str, needs: Mapping[str, Needs]) -> tuple[str | None, str]:
        if not arm or self._suits(self.mounted.get(arm, ""), needs):
            return "", ""
        wanted = next(need.capability for need in needs.values() if need.capability)
        cribs = self.line.cell_description.of_kind("tool_crib")
        for tool in self.tools_for(arm, wanted):
            crib = next(name for name, spec in cribs.items() if any(p.tool == tool for p in spec.pockets))
            if self._suits(tool, needs) and self.is_free(crib) and tool not in self.mounted.values():
                return tool, crib
        return None, ""

    def _devices(self, operation: str, need: Needs, stations: Mapping[str, str], arm: str) -> dict[str, str] | Blocked:
        bound: dict[str, str] = {}
        for kind in sorted(need.kinds, key=lambda k: k == "camera"):  # a camera depends on what it has to see
            device = self._device(kind, need, stations, arm, bound)
            if isinstance(device, Blocked):
                return device
            bound[kind] = device
        return bound

    def _device(
        self, kind: str, need: Needs, stations: Mapping[str, str], arm: str, bound: Mapping[str, str]
    ) -> str | Blocked:
        cell = self.line.cell_description
        if kind == "arm":
            return arm
        if kind == "feeder":
            return self._feeder(need.part or "")
        if kind in stations:
            device = stations[kind]
            return device if self.is_free(device) else Blocked(f"{device} is in use")
        names = list(cell.of_kind(kind))
        if kind == "camera":
            seen = bound.get("feeder") or next((stations[k] for k in bound if k in stations), "")
            names = [n for n in names if seen in cell.of_kind("camera")[n].sees]
        return next((n for n in names if self.is_free(n)), Blocked(f"no {kind} is free"))

    def _feeder(self, part: str) -> str | Blocked:
        feeders = [f for f in self.line.feeders_of(part) if f not in self.out_of_service]
        stocked = [f for f in feeders if self.levels.get(f, 0) > 0]
        if not stocked:
            return Blocked(f"no {part} in {', '.join(feeders) or 'any feeder'}", parts=part)
        return next((f for f in stocked if self.is_free(f)), Blocked(f"the feeder of {part} is in use"))


def _claims(unit: UnitWork) -> list[str]:
    """Kinds of station that a unit will still take."""
    operations = unit.plan.operations.items()
    return [
        op.occupies for name, op in operations if op.occupies and name not in unit.done and op.occupies not in unit.stations
    ]


def can_all_finish(free: Counter[str], units: Iterable[tuple[Counter[str], Counter[str]]]) -> bool:
    """Whether units, each with (held, still claimed) stations, can be finished one after the other."""
    left = list(units)
    available = Counter(free)
    if any(count < 0 for count in available.values()):
        return False
    while left:
        ready = next((u for u in left if all(available[k] >= n for k, n in u[1].items())), None)
        if ready is None:
            return False
        available.update(ready[0])
        left.remove(ready)
    return True
