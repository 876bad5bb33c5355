"""Who has what: leases of devices and zones, stations that units stand in, mounted tools, parts in feeders.

An operation chain gets everything that it needs together or nothing, and a unit gets a station only when every unit in
work could still be finished afterwards (see `safety`). So no two units can wait for each other's. A zone is leased like a
device; besides, an arm that has ended its work in a zone is in it until it has parked or has worked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product

from microcell.orchestration.binding import TOOL_CHANGE, Binding, Blocked, Docking, Terms
from microcell.orchestration.lines import Lines
from microcell.orchestration.plan import Chain
from microcell.orchestration.safety import Claim, can_all_finish
from microcell.orchestration.suitability import Suitability
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import Needs


class Resources:
    """The present state of all that is shared.

    `inside` tells which arms may be in a zone, leased or not; `unsettled` are arms on whose flange nobody has looked yet,
    `resuming` those that a chain waits for which was interrupted with an earlier program.
    `ending` are stations that let their unit be finished and take no other; `taken_out` says why a station gets no work that
    a person took out by a command or a mode.
    """

    def __init__(
        self,
        lines: Lines,
        needs: Callable[[UnitWork, Chain], Mapping[str, Needs]],
        is_fit: Callable[[str], bool] = lambda tool: True,
    ) -> None:
        self._lines = lines
        self.line = line = lines.line
        self._is_fit = is_fit
        self.holders: dict[str, str] = {}
        self.occupied: dict[str, str] = {}
        self.mounted: dict[str, str] = {}
        self.levels: dict[str, int] = {}
        self.out_of_service: set[str] = set()
        self.ending: set[str] = set()
        self.taken_out: dict[str, str] = {}
        self.unsettled: set[str] = set()
        self.resuming: set[str] = set()
        self._suitabilities = {each.product: Suitability(lines.of(each.product), needs) for each in line.every}
        self.suitability = self._suitabilities[line.product]
        arms = line.cell_description.of_kind("arm")
        self._tools_are_shared = self.suitability.shares_tools()
        self.inside: dict[str, set[str]] = {zone: set(arms) for zone in line.cell_description.zones}

    def bind(self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork]) -> Binding | Blocked:
        """Find free devices for all operations of a chain, the cheapest arm first; takes nothing yet.

        What is barred for the unit is taken all the same where nothing else could ever do it.
        """
        everybody = list(units)
        return self._bind_or_wish(unit, chain, needs, everybody, self._barred(unit, chain, needs, everybody))

    def docking_for(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork]
    ) -> Docking | None:
        """The idle arm that has to put its tool away before a chain can be done, which it cannot do itself with it."""
        if not self._tools_are_shared:
            return None
        everybody = list(units)
        barred = self._barred(unit, chain, needs, everybody)
        found = self._bind(unit, chain, needs, everybody, Terms(barred=barred, docked=True))
        if not isinstance(found, Binding):
            return None
        arm = self._holder_of(found.change_to, found.arm)
        zones = self.line.ways.zones_at(arm, found.crib) if arm else frozenset()
        if not arm or self._busy_zone(arm, {TOOL_CHANGE: zones}):
            return None
        itself = self._bind_arm(unit, chain, needs, everybody, arm, Terms(patient=True, barred=barred))
        if isinstance(itself, Binding) and not itself.change_to:
            return None  # as soon as it has the rest
        return Docking(arm, found.change_to, found.crib, zones, found.claims())

    def _barred(self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: list[UnitWork]) -> frozenset[str]:
        barred = frozenset(unit.barred)
        return barred if barred and self.could_bind(unit, chain, needs, units, barred) else frozenset()

    def could_bind(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork], barred: frozenset[str]
    ) -> bool:
        """Whether a chain could be done without some devices or tools as soon as nothing is leased."""
        return isinstance(self._bind(unit, chain, needs, list(units), Terms(patient=True, barred=barred)), Binding)

    def lacking(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork]
    ) -> tuple[str, ...]:
        """Devices out of service, tools apart, without which a chain cannot be done; empty where that is not the reason."""
        everybody = list(units)
        if isinstance(self._bind(unit, chain, needs, everybody, Terms(patient=True)), Binding):
            return ()
        found = self._bind(unit, chain, needs, everybody, Terms(patient=True, anyhow=True))
        devices = (*found.devices(), self._holder_of(found.change_to, found.arm)) if isinstance(found, Binding) else ()
        return tuple(device for device in devices if device in self.out_of_service)

    def _bind_or_wish(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: list[UnitWork], barred: frozenset[str]
    ) -> Binding | Blocked:
        found = self._bind(unit, chain, needs, units, Terms(barred=barred))
        if isinstance(found, Binding) or found.parts:
            return found
        wish = self._bind(unit, chain, needs, units, Terms(patient=True, barred=barred))
        return Blocked(found.reason, wish=wish.claims()) if isinstance(wish, Binding) else found

    def bind_on(
        self, arm: str, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: Iterable[UnitWork]
    ) -> Binding | Blocked:
        """As `bind`, for a chain that has begun: on its arm and with its tool, even if that is worn out by now."""
        return self._bind_arm(unit, chain, needs, list(units), arm, Terms(begun=True))

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

    def suitability_of(self, product: str) -> Suitability:
        """What suits the units of a product by its line."""
        return self._suitabilities[product or self.line.product]

    # where the arms are

    def enters(self, arm: str, zones: Iterable[str]) -> None:
        """An arm may be in these zones from now on, besides those where it was."""
        for zone in zones:
            self.inside[zone].add(arm)

    def stands_in(self, arm: str, zones: Iterable[str] = ()) -> None:
        """An arm is in these zones and in no other."""
        for arms in self.inside.values():
            arms.discard(arm)
        self.enters(arm, zones)

    def zones_of(self, arm: str) -> frozenset[str]:
        """Zones that an arm may be in."""
        return frozenset(zone for zone, arms in self.inside.items() if arm in arms)

    def in_the_way(self) -> list[str]:
        """Arms that have nothing to do and may be in a zone."""
        return [arm for arm in self.line.ways.arms if self._is_idle(arm) and self.zones_of(arm)]

    # inside

    def _of(self, unit: UnitWork) -> Suitability:
        """What suits a unit by its own line."""
        return self.suitability_of(unit.product)

    def _is_idle(self, arm: str) -> bool:
        """Whether an arm has nothing to do, and it is known what is on its flange."""
        return self.is_free(arm) and arm not in self.unsettled and arm not in self.resuming

    def _bind(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: list[UnitWork], terms: Terms
    ) -> Binding | Blocked:
        """As `bind`; a patient one takes what is leased for free."""
        reasons: list[Blocked] = []
        for arm in self._arms(needs, terms):
            if not terms.patient and arm and (not self.is_free(arm) or arm in self.unsettled):
                reasons.append(Blocked(f"{arm} is busy"))
                continue
            found = self._bind_arm(unit, chain, needs, units, arm, terms)
            if isinstance(found, Binding):
                return found
            reasons.append(found)
        return next((r for r in reasons if r.parts), reasons[0] if reasons else Blocked("no arm can do it"))

    def _bind_arm(
        self, unit: UnitWork, chain: Chain, needs: Mapping[str, Needs], units: list[UnitWork], arm: str, terms: Terms
    ) -> Binding | Blocked:
        change = self._tool_change(arm, needs, terms)
        if change is None:
            return Blocked("no tool in a free crib can do it")
        mounted = self.mounted.get(arm, "")
        old_crib = self._old_crib(arm, change[1])
        reason = Blocked("no station is free")
        for taken in self._stations(unit, chain, terms):
            operations = {}
            for name in chain.operations:
                devices = self._devices(unit, needs[name], {**unit.stations, **taken}, arm, terms)
                if isinstance(devices, Blocked):
                    reason = devices
                    break
                operations[name] = devices
            else:
                zones = self._zones(arm, (change[1], old_crib), operations)
                if not terms.patient and (busy := self._busy_zone(arm, zones)):
                    reason = Blocked(f"the zone {busy} is not free")
                elif taken and not terms.anyhow and not self._safe(unit, taken, units):
                    reason = Blocked("the station is kept free for a unit in work")
                else:
                    return Binding(arm, *change, operations, taken, zones, change[0] or mounted, old_crib)
        return reason

    def _arms(self, needs: Mapping[str, Needs], terms: Terms) -> list[str]:
        """Arms for a chain, those first that have its tool mounted; "" alone where it needs none."""
        if not any("arm" in need.kinds for need in needs.values()):
            return [""]
        arms = [arm for arm in self.line.ways.arms if self._in_service(arm, terms)]
        return sorted(arms, key=lambda arm: not self._is_ready(arm, needs, terms))

    def _is_ready(self, arm: str, needs: Mapping[str, Needs], terms: Terms) -> bool:
        """Whether what is on an arm's flange can do a chain, and may."""
        tool = self.mounted.get(arm, "")
        return (terms.begun or self._may_use(tool, terms)) and self.suitability.suits(tool, needs)

    def _may_use(self, tool: str, terms: Terms) -> bool:
        return self._in_service(tool, terms) and (terms.anyhow or self._is_fit(tool))

    def _in_service(self, name: str, terms: Terms) -> bool:
        return name not in terms.barred and (terms.anyhow or name not in self.out_of_service)

    def _stations(self, unit: UnitWork, chain: Chain, terms: Terms) -> Iterator[dict[str, str]]:
        """Every choice of free stations for the kinds that a chain takes; one empty choice where it takes none."""
        kinds = {unit.plan.operations[name].occupies for name in chain.operations} - {None, *unit.stations}
        wanted = sorted(kind for kind in kinds if kind)
        free = [
            [
                s
                for s in self._ready(unit, kind)
                if s not in self.occupied and s not in self.ending and self._may_have(s, terms)
            ]
            for kind in wanted
        ]
        for choice in product(*free):
            yield dict(zip(wanted, choice, strict=True))

    def _ready(self, unit: UnitWork, kind: str) -> list[str]:
        """Stations of a kind that suit a unit and are set up for it."""
        return [s for s in self._of(unit).stations(unit, kind) if self._lines.is_set_up(s, unit.product)]

    def _safe(self, unit: UnitWork, taken: Mapping[str, str], units: list[UnitWork]) -> bool:
        every = [*(u for u in units if u.serial != unit.serial), unit]
        claims = {u.serial: self._claims(u, taken if u is unit else {}) for u in every}
        stations = set(taken.values()).union(*(c for found in claims.values() for c in found))
        kept = {*self.occupied, *self.out_of_service, *self.ending, *taken.values()}
        free = stations - kept
        held = {u.serial: {*u.stations.values(), *(taken.values() if u is unit else ())} for u in every}
        return can_all_finish(free, [(held[u.serial], claims[u.serial]) for u in every])

    def _claims(self, unit: UnitWork, taken: Mapping[str, str]) -> list[Claim]:
        """For each station that a unit will still take, those of which it needs one."""
        return [
            frozenset(self._ready(unit, op.occupies))
            for name, op in unit.plan.operations.items()
            if op.occupies and name not in unit.done and op.occupies not in unit.stations and op.occupies not in taken
        ]

    def _tool_change(self, arm: str, needs: Mapping[str, Needs], terms: Terms) -> tuple[str, str] | None:
        """Tool to mount and its crib, two empty names when none is needed, None when there is no tool."""
        if not arm or self._is_ready(arm, needs, terms):
            return "", ""
        others = {other: tool for other, tool in self.mounted.items() if other != arm}
        elsewhere = {tool for other, tool in others.items() if not (terms.docked and self._is_idle(other))}
        stuck = {tool for other, tool in others.items() if not self._in_service(other, Terms(anyhow=terms.anyhow))}
        for tool, crib in self.suitability.tools_for(arm, needs):
            is_there = terms.patient or (self._are_free(arm, crib) and tool not in elsewhere)
            if is_there and tool not in stuck and self._may_use(tool, terms):
                return tool, crib
        return None

    def _holder_of(self, tool: str, arm: str) -> str:
        """The other arm that a tool is on, "" for none."""
        return next((other for other, held in self.mounted.items() if held and held == tool and other != arm), "")

    def _are_free(self, arm: str, crib: str) -> bool:
        """Whether the cribs of a tool change are free: that of the new tool, and that of the mounted one."""
        old_crib = self._old_crib(arm, crib)
        return self.is_free(crib) and (not old_crib or self.is_free(old_crib))

    def _old_crib(self, arm: str, crib: str) -> str:
        """Where the mounted tool belongs, if a new one is fetched from another crib."""
        own = self.suitability.crib_of(self.mounted.get(arm, ""))
        return own if crib and own != crib else ""

    def unfit_tools(self, unit: UnitWork, needs: Mapping[str, Needs]) -> tuple[str, ...]:
        """Tools that could do a chain and must not be used; empty where one of them may, or where it needs none."""
        arms = [arm for arm in self._arms(needs, Terms()) if arm and self._of(unit).has_all(arm, needs, unit.stations)]
        able = {tool: None for arm in arms for tool, _ in self.suitability.tools_for(arm, needs)}
        return () if any(self._may_use(tool, Terms()) for tool in able) else tuple(able)

    def _devices(
        self, unit: UnitWork, need: Needs, stations: Mapping[str, str], arm: str, terms: Terms
    ) -> dict[str, str] | Blocked:
        bound: dict[str, str] = {}
        for kind in sorted(need.kinds, key=lambda k: k == "camera"):  # a camera depends on what it has to see
            device = self._device(unit, kind, need, stations, arm, bound, terms)
            if isinstance(device, Blocked):
                return device
            bound[kind] = device
        return bound

    def _device(
        self,
        unit: UnitWork,
        kind: str,
        need: Needs,
        stations: Mapping[str, str],
        arm: str,
        bound: Mapping[str, str],
        terms: Terms,
    ) -> str | Blocked:
        if kind == "arm":
            return arm
        if kind == "feeder":
            return self._feeder(unit, need.part or "", arm, terms)
        seen = bound.get("feeder") or bound.get("tester") or next((stations[k] for k in bound if k in stations), "")
        names = self._of(unit).devices(kind, arm, stations, seen)
        return next((n for n in names if self._may_have(n, terms)), Blocked(f"no {kind} is free"))

    def _feeder(self, unit: UnitWork, part: str, arm: str, terms: Terms) -> str | Blocked:
        line = self._lines.of(unit.product)
        everywhere = [f for f in line.feeders_of(part) if self._in_service(f, terms)]
        feeders = [f for f in everywhere if self.suitability.works_at(arm, f)]
        stocked = [f for f in feeders if self.levels.get(f, 0) > 0]
        if not stocked:
            elsewhere = any(self.levels.get(f, 0) > 0 for f in everywhere)
            parts = part if everywhere and not elsewhere else ""
            return Blocked(f"no {part} in {', '.join(feeders) or 'any feeder'}", parts=parts)
        free = (f for f in stocked if self._may_have(f, terms))
        return next(free, Blocked(f"the feeder of {part} is in use"))

    def _may_have(self, device: str, terms: Terms) -> bool:
        return self._in_service(device, terms) and (terms.patient or device not in self.holders)

    def _zones(
        self, arm: str, cribs: tuple[str, str], operations: Mapping[str, Mapping[str, str]]
    ) -> dict[str, frozenset[str]]:
        """Zones of each operation, and of the tool change."""
        if not self.inside:
            return {}
        places = {TOOL_CHANGE: [crib for crib in cribs if crib], **{name: d.values() for name, d in operations.items()}}
        ways = self.line.ways
        by_operation = {}
        for name, stations in places.items():
            who = arm if name == TOOL_CHANGE or "arm" in operations[name] else ""
            by_operation[name] = frozenset().union(*(ways.zones_at(who, station) for station in stations))
        return by_operation

    def _busy_zone(self, arm: str, zones: Mapping[str, frozenset[str]]) -> str:
        """A zone that is leased, or where another arm may be; "" when all are free."""
        every = sorted(frozenset().union(*zones.values()))
        return next((z for z in every if not self.is_free(z) or self.inside[z] - {arm}), "")
