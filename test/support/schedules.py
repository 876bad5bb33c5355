"""Random cells with zones and random orders, worked off by dispatcher and resources alone: no plant, no skills, no loop.

A `World` is a made-up line: arms with tools of their own, stations and feeders in random zones, a random plan. `work_off`
plays an order in it with random durations and failures, and checks at every event what must hold whatever the schedule.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

from microcell.description.line import Evidence, RecoveryBudget
from microcell.description.product import Operation
from microcell.description.tool import ToolLife
from microcell.orchestration.binding import TOOL_CHANGE, Docking
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderWork
from microcell.skills.contract import Needs

CAPABILITIES = ("grip", "suction", "drive_screw")
STATIONS = ("fixture", "carton_station")
VARIANTS = ("a", "b")


class RandomWays:
    """Stands for `description.zones.Ways`: each arm passes through random zones on its way to a place."""

    def __init__(self, random: Random, arms: Mapping[str, Any], places: list[str], zones: list[str]) -> None:
        self.arms = arms
        self.zones = zones
        own = {place: frozenset(random.sample(zones, random.choice((0, 1, 1)))) for place in places}
        way = {(arm, place): frozenset(z for z in zones if random.random() < 0.15) for arm in arms for place in places}
        self._zones_at = {key: own[key[1]] | zones for key, zones in way.items()} | {("", p): z for p, z in own.items()}

    def zones_at(self, arm: str, station: str) -> frozenset[str]:
        return self._zones_at.get((arm, station), frozenset())


def random_world(random: Random) -> tuple[Any, dict[tuple[str, str], Needs]]:
    """A line in which every unit can be made, and what each operation of each variant needs."""
    while True:
        line, needs = _draw(random)
        if _can_be_made(line, needs):
            return line, needs


def _draw(random: Random) -> tuple[Any, dict[tuple[str, str], Needs]]:
    arms = [f"arm_{n}" for n in range(random.choice((1, 2, 2, 2, 3)))]
    stations = {kind: [f"{kind}_{n}" for n in range(random.randint(1, 3))] for kind in STATIONS}
    feeders = [f"feeder_{n}" for n in range(random.randint(2, 4))]
    places = [*stations["fixture"], *stations["carton_station"], *feeders]
    kinds = {"fixture": stations["fixture"], "carton_station": stations["carton_station"], "feeder": feeders}
    tools = {arm: [f"{what}_{arm}" for what in random.sample(CAPABILITIES, random.randint(1, 3))] for arm in arms}
    shares = random.random() < 0.5
    fetched_by_all = shares and random.random() < 0.5
    if fetched_by_all:  # each kind once, or now and then twice
        tools = {arm: [t for t in names if arm == arms[0] or random.random() < 0.3] for arm, names in tools.items()}
    apart = fetched_by_all and random.random() < 0.5
    """Whether only the first arm's tools are in the common crib, and each of the others has one of its own besides."""
    bins = ["bin"] if shares else [f"bin_{arm}" for arm in arms]
    own = {arm: {"crib", "bin"} if shares else {f"crib_{arm}", f"bin_{arm}"} for arm in arms}
    if apart:
        own = {arm: places | {f"crib_{arm}"} for arm, places in own.items()}
    serves = {arm: {p for p in places if random.random() < 0.75} | own[arm] for arm in arms}
    specs = {
        "arm": {arm: _arm(f"changer_{arm}", serves[arm]) for arm in arms},
        "tool_changer": {f"changer_{arm}": SimpleNamespace(coupling="" if fetched_by_all else arm) for arm in arms},
        "tool_crib": _cribs(tools, shares, apart),
        "bin": {name: SimpleNamespace() for name in bins},
        "camera": {},
        **{kind: {name: SimpleNamespace() for name in names} for kind, names in kinds.items()},
    }
    zones = [f"zone_{n}" for n in range(random.randint(1, 4))]
    plan, needs = _plan(random, len(feeders))
    product = SimpleNamespace(
        name="p", plan=plan, scrap_plan={}, serial_prefix="U", default_variant=VARIANTS[0], variants=dict.fromkeys(VARIANTS),
        inspections={}, parameters_of=lambda operation, variant: {},
    )  # fmt: skip
    line = SimpleNamespace(
        name="l", cell="c", product="p", ideal_cycle_s=1.0, recovery={}, max_reworks=2, shares=shares,
        shares_tools=fetched_by_all and len(arms) > 1,
        recovery_budget=RecoveryBudget(), evidence=Evidence(),
        cell_description=SimpleNamespace(
            of_kind=lambda kind: specs.get(kind, {}), zones=dict.fromkeys(zones), devices=_devices(specs)
        ),
        product_description=product,
        tools={t: _tool("" if fetched_by_all else arm, t) for arm, names in tools.items() for t in names},
        feeders={f: SimpleNamespace(part=f"part_{n % 2}", operator_refills=True) for n, f in enumerate(feeders)},
        feeders_of=lambda part: [f for n, f in enumerate(feeders) if f"part_{n % 2}" == part],
        ways=RandomWays(random, specs["arm"], places, zones),
        max_units_in_work=random.randint(1, 5),
        max_tool_run=random.choice((0, 1, 2, 8)),
    )  # fmt: skip
    line.also, line.every = (), (line,)
    line.making, line.makes, line.works_with = lambda product: line, lambda product: True, lambda device: True
    return line, needs


def _devices(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: SimpleNamespace(kind=kind) for kind, found in specs.items() for name in found}


def _cribs(tools: Mapping[str, list[str]], shares: bool, apart: bool) -> dict[str, Any]:
    """A crib for each arm, or one for all, in which each finds the tools with its own coupling, or all of them; or both."""
    pockets = {arm: [_pocket(tool) for tool in names] for arm, names in tools.items()}
    if apart:
        names = ["crib", *(f"crib_{arm}" for arm in [*pockets][1:])]
        return {name: SimpleNamespace(pockets=found) for name, found in zip(names, pockets.values(), strict=True)}
    if shares:
        return {"crib": SimpleNamespace(pockets=[pocket for found in pockets.values() for pocket in found])}
    return {f"crib_{arm}": SimpleNamespace(pockets=found) for arm, found in pockets.items()}


def _arm(changer: str, serves: set[str]) -> Any:
    return SimpleNamespace(tool_changer=changer, works_at=lambda station: station in serves)


def _tool(coupling: str, tool: str) -> Any:
    capability = tool.partition("_arm")[0]
    return SimpleNamespace(coupling=coupling, can=lambda task: task.capability == capability, life=ToolLife())


def _pocket(tool: str) -> Any:
    return SimpleNamespace(tool=tool, serial=tool, calibrated=None)


def _plan(random: Random, feeders: int) -> tuple[dict[str, Operation], dict[tuple[str, str], Needs]]:
    """Chains of one or two operations, each after some earlier ones.

    A unit takes a fixture at its start, perhaps a second station on its way, and then perhaps leaves the fixture and comes
    back to it: two units that do so can want what the other has.
    """
    plan: dict[str, Operation] = {}
    needs: dict[tuple[str, str], Needs] = {}
    heads: list[str] = []
    moves = random.choice((_STAYS, _STAYS, _GOES_ON, _COMES_BACK, _COMES_BACK))
    for number, (at, takes, leaves) in enumerate(moves):
        head = f"op_{number}"
        after = tuple({heads[0], random.choice(heads)}) if heads else ()
        following = f"{head}_b" if random.random() < 0.5 and not leaves else None
        plan[head] = _operation(after, following, takes, leaves)
        capability = random.choice(CAPABILITIES) if random.random() < 0.9 else None
        kinds = ("arm", at) if capability else (at,)
        for variant in VARIANTS:
            part = f"part_{random.randrange(2)}" if capability and random.random() < 0.5 and feeders > 1 else None
            needs[head, variant] = Needs((*kinds, "feeder") if part else kinds, capability, part)
            needs[f"{head}_b", variant] = Needs(kinds, capability)
        if following:
            plan[following] = _operation((head,))
        heads.append(following or head)
    if moves is not _STAYS:  # in a row: nothing may be done at a station that the unit has left
        for before, head in zip([None, *heads], [name for name in plan if not name.endswith("_b")], strict=False):
            plan[head] = plan[head].model_copy(update={"after": (before,) if before else ()})
    return plan, needs


def _operation(
    after: tuple[str, ...], continues_in: str | None = None, occupies: str | None = None, vacates: str | None = None
) -> Operation:
    stations = {"occupies": occupies, "vacates": vacates}
    return Operation.model_construct(skill="pick", after=after, continues_in=continues_in, **stations)


_STAYS = (("fixture", "fixture", None), *[("fixture", None, None)] * 4)
_GOES_ON = (("fixture", "fixture", None), ("fixture", None, None), ("carton_station", "carton_station", None))
_COMES_BACK = (
    ("fixture", "fixture", None), ("carton_station", "carton_station", None), ("fixture", None, "fixture"),
    ("carton_station", None, None), ("fixture", "fixture", None), ("fixture", None, None),
)  # fmt: skip
"""Where each chain is, the kind of station that it takes, and the kind that it leaves."""


def _shop(line: Any, needs: dict[tuple[str, str], Needs], now: list[float]) -> Shop:
    shop = Shop(line, SimpleNamespace(now=lambda: now[0], epoch_s=0.0), lambda event: None)  # type: ignore[arg-type]
    shop._needs.update(of_products(needs))
    shop.resources.levels = dict.fromkeys(line.feeders, 1_000_000)
    return shop


def of_products(needs: Mapping[tuple[str, str], Needs]) -> dict[tuple[str, str, str], Needs]:
    """The needs as a shop keeps them: also by the product, which units of hand-made orders leave out."""
    return {(name, product, variant): need for (name, variant), need in needs.items() for product in ("", "p")}


def _can_be_made(line: Any, needs: dict[tuple[str, str], Needs]) -> bool:
    shop = _shop(line, needs, [0.0])
    for variant in VARIANTS:
        unit = shop.draft_unit(OrderWork("o", (), 0, None, 0.0, 0, False), variant)
        for kind in {op.occupies for op in unit.plan.operations.values() if op.occupies}:
            if not shop.resources.suitability.stations(unit, kind):
                return False
    return True


@dataclass
class Played:
    """What a schedule came to. `worst` is how often a waiting chain was overtaken."""

    jobs: int = 0
    parks: int = 0
    changes: int = 0
    dockings: int = 0
    worst: int = 0
    end_s: float = 0.0
    problems: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """A job under way: what is left of it, and where its arm is."""

    job: Job
    steps: list[str]


class Schedule:
    """One order of one world, played to its end."""

    def __init__(self, line: Any, needs: dict[tuple[str, str], Needs], random: Random, failures: float = 0.05) -> None:
        self.line, self.random, self.failures = line, random, failures
        self.now = [0.0]
        self.shop = _shop(line, needs, self.now)
        self.held = self.shop.resources
        self.dispatcher = Dispatcher(self.shop)
        self.events: list[tuple[float, int, Any]] = []
        self.count = 0
        self.played = Played()
        self.truly_in: dict[str, frozenset[str]] = dict.fromkeys(line.ways.arms, frozenset())
        for number in range(random.randint(1, 3)):
            lines = tuple((v, random.randint(0, 3)) for v in VARIANTS)
            due_s = random.choice((None, random.uniform(0, 60)))
            order = OrderWork(f"o{number}", lines, random.randrange(2), due_s, 0.0, number, False)
            self.shop.orders.add(order)

    def play(self) -> Played:
        """Work everything off; what went wrong is in the result."""
        while True:
            self._dispatch()
            if not self.events:
                break
            self.now[0], _, (act, *arguments) = heapq.heappop(self.events)
            act(*arguments)
            self._check_apart()
        if self.dispatcher.has_work():
            self.played.problems.append(f"deadlock: {sorted(self.shop.units)} in work, {self.held.inside}")
        self.played.end_s = self.now[0]
        return self.played

    def _after(self, longest_s: float, act: Any, *arguments: Any) -> None:
        self.count += 1
        heapq.heappush(self.events, (self.now[0] + self.random.uniform(0.1, longest_s), self.count, (act, *arguments)))

    def _dispatch(self) -> None:
        while (job := self.dispatcher.next_job()) is not None:
            self._begin(job)
        if docking := self.dispatcher.next_docking():
            self.held.take(docking.devices(), f"{docking.arm}/free")
            self.held.enters(docking.arm, docking.zones)
            self.truly_in[docking.arm] |= docking.zones
            self._after(8.0, self._docked, docking)
        for arm in self.held.in_the_way():
            self.held.take([arm], f"{arm}/park")
            self._after(1.0, self._parked, arm)

    def _docked(self, docking: Docking) -> None:
        self.played.dockings += 1
        self.held.mounted[docking.arm] = ""
        self.truly_in[docking.arm] = docking.zones
        self.held.stands_in(docking.arm, docking.zones)
        self.held.release(docking.devices())

    def _begin(self, job: Job) -> None:
        unit = self.shop.begin_unit(job.order, job.unit.variant) if job.new else job.unit
        for kind, station in job.binding.taken.items():
            if station in self.held.occupied:
                self.played.problems.append(f"{station} was given to {unit.serial} though it is occupied")
            self.shop.enter(unit, kind, station)
        unit.running = True
        self.dispatcher.begun(job)
        self.played.worst = max(self.played.worst, *self.dispatcher.overtaken.values(), 0)
        self.held.take(job.binding.devices(), f"{unit.serial}/{job.chain.first}")  # all of it or an error
        arm, zones = job.binding.arm, job.binding.all_zones()
        if any(self.held.inside[zone] - {arm} for zone in zones):
            self.played.problems.append(f"{unit.serial} got {sorted(zones)} while another arm was in it")
        running = Job(unit, job.order, job.chain, job.binding, job.new)
        steps = [*([TOOL_CHANGE] if job.binding.change_to else []), *job.chain.operations]
        self.played.jobs += 1
        if arm and not self.held.zones_of(arm) <= zones:
            self._after(1.0, self._left, arm, _Run(running, steps))
        else:
            self._enter(_Run(running, steps))

    def _left(self, arm: str, run: _Run) -> None:
        self._parked(arm, give_back=False)
        self._enter(run)

    def _parked(self, arm: str, give_back: bool = True) -> None:
        self.played.parks += 1
        self.truly_in[arm] = frozenset()
        self.held.stands_in(arm)
        if give_back:
            self.held.release([arm])

    def _enter(self, run: _Run) -> None:
        if run.job.binding.arm:
            self.held.enters(run.job.binding.arm, run.job.binding.all_zones())
        self._step(run)

    def _step(self, run: _Run) -> None:
        """Set out for the next operation: until it has ended the arm is where it was, on its way, or there."""
        arm, step = run.job.binding.arm, run.steps[0]
        if arm and (step == TOOL_CHANGE or "arm" in run.job.binding.operations[step]):
            self.truly_in[arm] |= self._zones(arm, run.job, step)
        self._check_apart()
        self._after(8.0, self._stepped, run)

    def _stepped(self, run: _Run) -> None:
        job, step = run.job, run.steps.pop(0)
        arm = job.binding.arm
        moved = any(op.vacates for name in job.chain.operations if (op := job.unit.plan.operations[name]))
        if step != TOOL_CHANGE and not moved and self.random.random() < self.failures:
            job.unit.done.difference_update(job.chain.operations)
            self._end(job)
            return
        if step == TOOL_CHANGE:
            self.played.changes += 1
            if job.binding.change_to in [tool for other, tool in self.held.mounted.items() if other != arm]:
                self.played.problems.append(f"{arm} fetched {job.binding.change_to}, which another arm has")
            self.held.mounted[arm] = job.binding.change_to
            self.held.release([job.binding.crib])
            self.truly_in[arm] = self._zones(arm, job, step)
        else:
            job.unit.done.add(step)
            leaves = job.unit.plan.operations[step].vacates
            if leaves:
                self.shop.leave(job.unit, leaves, job.unit.stations[leaves])
            if "arm" in job.binding.operations[step]:
                self.truly_in[arm] = self._zones(arm, job, step)
                self.held.stands_in(arm, job.binding.zones.get(step, ()))
            index = job.chain.operations.index(step) + 1
            mine = {d for d, who in self.held.holders.items() if who == f"{job.unit.serial}/{job.chain.first}"}
            self.held.release(mine - job.binding.still_needed(job.chain, index))
        if run.steps:
            self._step(run)
        else:
            self._end(job)

    def _end(self, job: Job) -> None:
        holder = f"{job.unit.serial}/{job.chain.first}"
        self.held.release([device for device, who in self.held.holders.items() if who == holder])
        job.unit.running = False
        if job.unit.complete:
            self.shop.end_unit(job.unit)

    def _zones(self, arm: str, job: Job, step: str) -> frozenset[str]:
        """Where the arm truly is at a step, by the ways alone."""
        devices = (job.binding.crib, job.binding.old_crib) if step == TOOL_CHANGE else job.binding.operations[step].values()
        return frozenset().union(*(self.line.ways.zones_at(arm, device) for device in devices))

    def _check_apart(self) -> None:
        inside = Counter(zone for zones in self.truly_in.values() for zone in zones)
        self.played.problems += [f"two arms in {zone} at {self.now[0]:.2f} s" for zone, n in inside.items() if n > 1]


def play(seed: int, orders: int = 1) -> list[tuple[Any, Played]]:
    """Play some orders in one random world; each time the line and what it came to."""
    random = Random(seed)
    line, needs = random_world(random)
    return [(line, Schedule(line, needs, random).play()) for _ in range(orders)]
