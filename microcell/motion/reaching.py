"""Whether an arm comes to every place where a line has it work; asked before anything moves, of the description alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from microcell.description.cell import (
    BinSpec,
    CartonStationSpec,
    DeviceSpec,
    FeederSpec,
    FixtureSpec,
    PrinterSpec,
    TesterSpec,
    ToolCribSpec,
    TurnerSpec,
)
from microcell.description.line import Line
from microcell.description.part_uses import parts_of_item
from microcell.description.product import Grasp, Product
from microcell.description.rules_context import Context
from microcell.description.tool import Task
from microcell.errors import Issue
from microcell.geometry import Pose
from microcell.motion.carried import UNIT
from microcell.motion.contacts import told
from microcell.motion.planner import Load
from microcell.motion.reacher import Reacher

STEP_M = 0.005
USELESS = 3
"""At so many stations a tool is missed with which no arm comes anywhere, when it is said of the tool and not of each."""
_AS_IT_IS = Pose()
_LOOKING_IN = Pose((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
"""How a flange's frame is turned that looks into the arm."""
_HOLDING = ("grip", "suction", "drive_screw")
"""What a tool that holds parts can do; others leave something."""


@dataclass(frozen=True)
class Stop:
    """Somewhere a flange or a tool has to come: the TCP's pose in the cell, and what for.

    `task` is what the tool must be able to do; None is the flange itself. `key` is where the station's description
    tells its place. Where a unit can be turned over, what is out of reach may be reached then, at `turned`. A `guarded` one
    is felt for by force on the last way down; on a `hover` the arm stays `approach_m` higher. `tool` is the one that is
    docked there, and no other, which is carried over the rack with its TCP over `clear_m`. `part` is held there: taken
    there, or brought (or "unit").
    """

    key: str
    what: str
    tcp_in_cell: Pose
    task: Task | None = None
    turned: Pose | None = None
    guarded: bool = True
    hover: bool = False
    tool: str = ""
    clear_m: float = 0.0
    part: str = ""


def out_of_reach(context: Context, line: Line, arms: Mapping[str, Reacher]) -> Iterator[Issue]:
    """Each arm that is too weak, touches something at home or cannot draw back, and each station with a place to which no
    arm of it comes.

    An arm comes to a place with any tool that it could take. An arm or a tool that comes nowhere is told instead of its
    stations.
    """
    for name in [name for name, reacher in arms.items() if _comes_nowhere(line, reacher)]:
        yield _stray(context, line, arms[name])
        arms = {other: reacher for other, reacher in arms.items() if other != name}
    overloaded = {name: why for name, reacher in arms.items() if (why := _why_overloaded(line, reacher))}
    for name, why in overloaded.items():
        remedy = "Use a stronger arm, or a tool that is lighter or shorter."
        yield context.issue("cell", ("devices", name, "payload_reach_m"), f"too little, {why}", remedy)
    for name, reacher in arms.items():
        if hits := reacher.hits_at_home():
            remedy = "an arm waits there. Choose another posture, or move what is in the way."
            yield context.issue("cell", ("devices", name, "home_rad"), f"at home {told(hits)}", remedy)
        if why := _why_not_back(line, reacher):
            what = f"the arm does not come to its turning circle ({reacher.spec.turning_radius_m:g})"
            yield context.issue("cell", ("devices", name, "turning_radius_m"), what, f"{why}. Take another, or move it.")
    missed: dict[str, tuple[Stop, Miss]] = {}
    came: set[str] = set()
    for name, spec in line.cell_description.devices.items():
        serving = {arm: reacher for arm, reacher in arms.items() if reacher.spec.works_at(name) and arm not in overloaded}
        places = distinct(stops(line, name, spec)) if line.works_with(name) else ()
        first = next((found for stop in places if (found := _missed(line, name, stop, serving, came))), None)
        if first is not None:
            missed[name] = first
    for reacher in arms.values():
        lost = [name for name in missed if reacher.spec.works_at(name)]
        if lost and (axis := reacher.other_axis):
            yield _wrong_frame(context, reacher, axis, f"the arm does not come to {', '.join(lost)}")
            missed = {name: miss for name, miss in missed.items() if name not in lost}
    tools = [tool for tool in line.tools if tool not in came] if came else []
    useless = {tool: stations for tool in tools if (stations := _useless_at(tool, missed))}
    for tool, stations in useless.items():
        yield _useless(context, tool, stations)
    for name, (stop, miss) in missed.items():
        if miss.tool not in useless:
            yield _issue(context, name, line.cell_description.devices[name], stop, miss)


def _why_overloaded(line: Line, reacher: Reacher) -> str:
    """What of a tool and a part that an arm may work with is too much for it, by their moment; "" where nothing is."""
    for name, spec in line.cell_description.devices.items():
        if reacher.spec.works_at(name) and line.works_with(name):
            for stop in distinct(stops(line, name, spec)):
                for tool, _ in hands(line, stop, reacher):
                    if why := reacher.why_overloaded(Load(tool, stop.part)):
                        return why
    return ""


def _why_not_back(line: Line, reacher: Reacher) -> str:
    """Why an arm does not come back from its work to its turning circle, as it must in a cell with zones; "" if it does."""
    cell, travel_m, ways = line.cell_description, reacher.spec.travel_height_m, line.ways
    for name, spec in cell.devices.items() if cell.zones else ():
        worked_at = reacher.spec.works_at(name) and line.works_with(name)
        for stop in distinct(stops(line, name, spec)) if worked_at else ():
            for tool, tcp in hands(line, stop, reacher):
                flange_in_tcp = line.tools[tool].tcp_in_flange.pose.inverse() if tool else Pose()
                back = ways.withdrawn(reacher.name, tcp.shifted(dz=max(0.0, travel_m - tcp.position[2])))
                if not reacher.why_not(tcp @ flange_in_tcp) and (why := reacher.why_not(back @ flange_in_tcp)):
                    return f"from '{name}'{f' with {tool}' if tool else ''}: {why}"
    return ""


def _comes_nowhere(line: Line, reacher: Reacher, turn: Pose = _AS_IT_IS) -> bool:
    """Whether an arm comes to none of several stations, with no tool; `turn`: were its flange's frame turned so."""
    tried = 0
    for name, spec in line.cell_description.devices.items():
        places = distinct(stops(line, name, spec)) if reacher.spec.works_at(name) and line.works_with(name) else ()
        flanges = [
            tcp @ line.tools[tool].tcp_in_flange.pose.inverse() if tool else tcp
            for stop in places
            for tool, tcp in hands(line, stop, reacher)
        ]
        if any(not reacher.why_not(flange @ turn) for flange in flanges):
            return False
        tried += bool(flanges)
    return tried >= USELESS


def _stray(context: Context, line: Line, reacher: Reacher) -> Issue:
    """An arm that comes nowhere: its flange's frame looks the wrong way, or it does not stand where it is said to."""
    what = "the arm comes to none of its stations"
    if axis := reacher.other_axis or ("-z" if not _comes_nowhere(line, reacher, _LOOKING_IN) else ""):
        return _wrong_frame(context, reacher, axis, what)
    remedy = "correct where it stands (base_in_cell), its base_link and tip_link, or the limits of its joints."
    return context.issue("cell", ("devices", reacher.name, "base_in_cell"), what, remedy)


def _wrong_frame(context: Context, reacher: Reacher, axis: str, what: str) -> Issue:
    """What is wrong with an arm whose tools are coupled to a frame of which another axis leads out of the arm."""
    remedy = (
        f"the z axis of its flange's frame must lead out of the arm, and here {axis} does. Name another tip_link (of most "
        "ROS robots tool0), or turn that link's frame."
    )
    return context.issue("cell", ("devices", reacher.name, "tip_link"), what, remedy)


def _useless_at(tool: str, missed: Mapping[str, tuple[Stop, Miss]]) -> dict[str, tuple[Stop, Miss]]:
    """The stations that are out of reach with a tool, where they are so many that it must be the tool."""
    found = {name: (stop, miss) for name, (stop, miss) in missed.items() if miss.tool == tool}
    return found if sum(not miss.in_reach for _, miss in found.values()) >= USELESS else {}


def _useless(context: Context, tool: str, missed: Mapping[str, tuple[Stop, Miss]]) -> Issue:
    """A tool with which no arm comes anywhere, while with another one it does."""
    stop, miss = next((stop, miss) for stop, miss in missed.values() if not miss.in_reach)
    remedy = f"for example {stop.what} at {_told(stop.tcp_in_cell)}; {miss.why}. Correct it, or choose another tool."
    return context.tool_readings[tool].source.issue(
        ("tcp_in_flange",), f"with it no arm comes to {', '.join(missed)}", remedy
    )


def _issue(context: Context, station: str, spec: DeviceSpec, stop: Stop, miss: Miss) -> Issue:
    place = f"{stop.what} at {_told(stop.tcp_in_cell)}"
    where = ("devices", station, stop.key)
    if not miss.in_reach:
        remedy = f"{miss.why}. Move it nearer, or the arm."
        return context.issue("cell", where, f"out of reach of every arm, {place}", remedy)
    remedy = "Move the station or what is in the way, or change the arm's travel_height_m or approach_m."
    if isinstance(spec, CartonStationSpec) and f"would touch {station}" in miss.why:
        remedy = "Give the fingers more room beside the units (room_m in the product's packing), or move what is in the way."
    return context.issue("cell", where, f"no way for any arm, {place}", f"{miss.why}. {remedy}")


def distinct(every: Iterable[Stop]) -> Iterable[Stop]:
    """Each place once: variants mostly go to the same."""
    places: dict[object, Stop] = {}
    for stop in every:
        places.setdefault((stop.key, stop.tcp_in_cell, stop.task, stop.tool, stop.turned, stop.part), stop)
    return places.values()


def reach_m(line: Line, arm: str, height_m: float) -> float:
    """How far from its base an arm's flange comes, pointing straight down at a height over the bench, m; 0: nowhere."""
    spec = line.cell_description.of_kind("arm")[arm]
    reacher = Reacher(line, arm, spec)
    base, found, step = spec.base_in_cell.pose, 0.0, 0
    while step * STEP_M < 3.0:
        away = step * STEP_M
        place = base @ Pose((away, 0.0, height_m - base.position[2]))
        if not reacher.why_not(Pose(place.position, _DOWN)):
            found = away
        elif found:
            break
        step += 1
    return found


def stops(line: Line, name: str, spec: DeviceSpec) -> Iterator[Stop]:
    """Where an arm that works at a device has to come, with the parts of all variants."""
    product = line.product_description
    if isinstance(spec, FeederSpec) and name in line.feeders:
        part = line.feeders[name].part
        columns, rows = (spec.columns, spec.rows) if spec.style == "tray" else (1, 1)
        for c, r in ((c, r) for r in (0, rows - 1) for c in (0, columns - 1)):
            place = spec.part_in_cell.pose @ Pose((c * spec.pitch_m, r * spec.pitch_m, 0.0))
            stop = _stop("part_in_cell", f"to take '{part}'", place, product.parts[part].grasp, part)
            yield replace(stop, guarded=spec.style == "screw")
    elif isinstance(spec, FixtureSpec):
        turners = line.cell_description.of_kind("turner").values()
        yield from _at_fixture(product, spec.seat_in_cell.pose, next((t for t in turners if t.fixture == name), None))
    elif isinstance(spec, CartonStationSpec):
        for number, place in enumerate(line.carton.places, 1):
            what = f"for place {number} of the carton"
            yield _stop("carton_in_cell", what, spec.carton_in_cell.pose @ place, product.unit_grasp, UNIT)
    elif isinstance(spec, ToolCribSpec):
        for number, pocket in enumerate(spec.pockets):
            flange = pocket.flange_in_cell.pose
            yield Stop("pockets", f"for pocket {number}", flange)
            if pocket.tool in line.tools:
                tcp = flange @ line.tools[pocket.tool].tcp_in_flange.pose
                yield Stop("pockets", f"to fetch '{pocket.tool}'", tcp, tool=pocket.tool, clear_m=flange.position[2])
    elif isinstance(spec, TesterSpec):
        tested = ((name, part) for name, part in product.parts.items() if part.voltage is not None)
        yield from (_stop("part_in_cell", "to lay a part in", spec.part_in_cell.pose, p.grasp, name) for name, p in tested)
    elif isinstance(spec, PrinterSpec):
        labels = {op.item: op.item for op in product.plan.values() if op.skill == "label" and op.item}
        parts = [part for item in labels for part in parts_of_item(product, item)]
        place = spec.label_in_cell.pose
        yield from (_stop("label_in_cell", "to take a label", place, product.parts[p].grasp, p) for p in parts)
    elif isinstance(spec, BinSpec):
        drop = spec.drop_in_cell.pose @ Pose((0.0, 0.0, 0.0), _DOWN)
        yield Stop("drop_in_cell", "to drop a part", drop, Task(product.unit_grasp.capability), hover=True)


def _at_fixture(product: Product, seat: Pose, turner: TurnerSpec | None) -> Iterator[Stop]:
    """Every site with each part that goes there, and the finished unit."""
    for site_name, site in product.sites.items():
        for part in parts_of_item(product, site.item):
            grasp = product.parts[part].grasp
            stop = _stop("seat_in_cell", f"for site '{site_name}'", seat @ site.part_in_unit.pose, grasp, part)
            if turner is not None:
                over = seat @ turner.half_turn @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
                stop = replace(stop, turned=over)
            yield stop
    yield replace(_stop("seat_in_cell", "to take the unit", seat, product.unit_grasp, UNIT), guarded=False)


def _stop(key: str, what: str, part_in_cell: Pose, grasp: Grasp, part: str) -> Stop:
    held = part if grasp.capability in _HOLDING else ""
    task = Task(grasp.capability, grasp.width_m, grasp.force_n)
    return Stop(key, what, part_in_cell @ grasp.tcp_in_part.pose, task, part=held)


@dataclass(frozen=True)
class Miss:
    """Why an arm does not work at a place with a tool; `in_reach`: it comes there, but not on the way that it would have to
    go.
    """

    why: str
    in_reach: bool
    tool: str


def _missed(
    line: Line, station: str, stop: Stop, serving: Mapping[str, Reacher], came: set[str]
) -> tuple[Stop, Miss] | None:
    """The stop and why nobody works there; None where somebody does, whose tool is added to `came`, or nobody could hold the
    tool.
    """
    tried: list[tuple[Reacher, str, Pose, str]] = []
    for reacher in serving.values():
        for tool, tcp in hands(line, stop, reacher):
            flange = tcp @ line.tools[tool].tcp_in_flange.pose.inverse() if tool else tcp
            why = _why_no_way(line, station, stop, reacher, tool, tcp, flange)
            if not why:
                if tool:
                    came.add(tool)
                return None
            tried.append((reacher, tool, flange, why))
    misses = [_miss(*each) for each in tried]
    return (stop, max(misses, key=lambda miss: miss.in_reach)) if misses else None


def _miss(reacher: Reacher, tool: str, flange: Pose, why: str) -> Miss:
    short = reacher.why_not(flange)
    return Miss(f"{reacher.name}{f' with {tool}' if tool else ''}: {short or why}", in_reach=not short, tool=tool)


def hands(line: Line, stop: Stop, reacher: Reacher) -> Iterator[tuple[str, Pose]]:
    """Each tool of an arm's cribs that will do, with where its TCP has to come; the bare flange has no tool."""
    if stop.task is None and stop.tool in ("", *reacher.tools):
        yield stop.tool, stop.tcp_in_cell
    for tool in reacher.tools:
        if stop.task is not None and line.tools[tool].can(stop.task):
            yield from ((tool, pose) for pose in (stop.tcp_in_cell, stop.turned) if pose is not None)


def rise_over(stop: Stop, reacher: Reacher, tcp: Pose) -> float:
    """How far over a stop an arm goes across, where its TCP comes there, m."""
    spec, z_m = reacher.spec, tcp.position[2]
    return max(spec.travel_height_m, max(z_m, stop.clear_m) + spec.approach_m) - z_m


def _why_no_way(line: Line, station: str, stop: Stop, reacher: Reacher, tool: str, tcp: Pose, flange: Pose) -> str:
    spec, rise_m = reacher.spec, rise_over(stop, reacher, tcp)
    load = Load(tool, stop.part)
    if why := reacher.why_no_way(flange, rise_m, load, _leased(line, station), stop.guarded, stop.hover):
        return why
    if stop.tool:
        bare_m = max(spec.travel_height_m, stop.clear_m + spec.approach_m) - stop.clear_m
        return reacher.why_not_up(flange, bare_m, rise_m)
    return _why_not_across(line, reacher, tool, tcp.shifted(dz=rise_m))


def _why_not_across(line: Line, reacher: Reacher, tool: str, over: Pose) -> str:
    """Why planning finds no way to over a place: for the bare flange from home, for a tool from over its pocket."""
    if not tool:
        return reacher.why_not_from_home([over])
    tcp_in_flange = line.tools[tool].tcp_in_flange.pose
    pocket = reacher.pocket_of(tool)
    clear_m = pocket.position[2] + reacher.spec.approach_m
    begin = pocket @ tcp_in_flange
    begin = begin.shifted(dz=max(reacher.spec.travel_height_m, clear_m) - begin.position[2])
    way = (begin, *line.ways.legs(reacher.name, begin, over))
    return reacher.why_not_across([tcp @ tcp_in_flange.inverse() for tcp in way], Load(tool))


def _leased(line: Line, station: str) -> frozenset[str]:
    """The stations that one operation may have leased together with one: where parts, screws and labels are brought from."""
    devices = line.cell_description.devices
    own = devices[station].kind
    together = {"fixture": ("feeder", "printer", "bin"), "feeder": ("fixture",), "printer": ("fixture",), "tester": ("bin",)}
    others = (name for name, spec in devices.items() if spec.kind in together.get(own, ()) and _is_screws_or_no_feeder(spec))
    return frozenset({station, *others})


def _is_screws_or_no_feeder(spec: DeviceSpec) -> bool:
    return not isinstance(spec, FeederSpec) or spec.style == "screw"


def _told(pose: Pose) -> str:
    return f"({', '.join(f'{value:.3g}' for value in pose.position)})"


_DOWN = (1.0, 0.0, 0.0, 0.0)
"""The orientation of a TCP that points straight down, as quaternion."""
