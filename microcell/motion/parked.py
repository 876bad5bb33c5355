"""Whether arms that wait on their turning circles are in the way of others at work; asked of the description alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.errors import Issue
from microcell.geometry import Pose
from microcell.motion.contacts import told
from microcell.motion.limits import Joints
from microcell.motion.planner import Load
from microcell.motion.reacher import Reacher
from microcell.motion.reaching import distinct, hands, rise_over, stops


@dataclass(frozen=True)
class Posture:
    """How an arm stands, with a tool, when it works at a station, or waits after that."""

    station: str
    tool: str
    joints: Joints


@dataclass(frozen=True)
class Blocking:
    """An arm that waits in the way of another one: where each has been or is, and what would come too near to what."""

    waiting: str
    after: str
    working: str
    at: str
    pairs: tuple[tuple[str, str], ...]


def in_the_way(context: Context, line: Line, reachers: Mapping[str, Reacher]) -> Iterator[Issue]:
    """Each arm that, parked, would be in the way of another one for good: that waits for it, and ends in ARM_BLOCKED."""
    told_of = set()
    for found in blocking(line, reachers):
        if (found.waiting, found.working) not in told_of:
            told_of.add((found.waiting, found.working))
            what = f"parked after work at '{found.after}' it is in the way of '{found.working}' at '{found.at}'"
            remedy = f"{told(found.pairs)}. Take another turning radius or home posture, or move one of the two."
            yield context.issue("cell", ("devices", found.waiting, "turning_radius_m"), what, remedy)


def blocking(line: Line, reachers: Mapping[str, Reacher]) -> Iterator[Blocking]:
    """Every pair of a place where an arm is parked and one where another works, at which they would come too near.

    Arms are parked only in a cell with zones.
    """
    from microcell.motion.carried import carried_solids
    from microcell.motion.meeting import CLEARANCE_M
    from microcell.motion.two_arms import Armed, TwoArms

    def armed(arm: str, tool: str) -> Armed:
        reacher = reachers[arm]
        return Armed(reacher.model, reacher.spec.base_in_cell.pose, carried_solids(line, tool))

    if not line.ways.zones:
        return
    waiting = {name: list(_waiting(line, reacher)) for name, reacher in reachers.items()}
    working = {name: list(_working(line, reacher)) for name, reacher in reachers.items()}
    for one, other in permutations(reachers, 2):
        pairs = {(w.tool, at.tool): None for w in waiting[one] for at in working[other]}
        both = {tools: TwoArms(armed(one, tools[0]), armed(other, tools[1]), CLEARANCE_M) for tools in pairs}
        for parked in waiting[one]:
            for busy in working[other]:
                arms = both[parked.tool, busy.tool]
                if not arms.free(parked.joints, busy.joints):
                    hits = tuple(arms.hits(parked.joints, busy.joints))
                    yield Blocking(one, parked.station, other, busy.station, hits)


def _working(line: Line, reacher: Reacher) -> Iterator[Posture]:
    """Over each place where an arm works, and at it, with each tool that it may do that with."""
    for station, tool, rise_m, tcp in _places(line, reacher):
        flange = tcp @ line.tools[tool].tcp_in_flange.pose.inverse() if tool else tcp
        yield from (Posture(station, tool, joints) for joints in reacher.postures(flange, rise_m, Load(tool)))


def _waiting(line: Line, reacher: Reacher) -> Iterator[Posture]:
    """On the turning circle, where an arm is parked after work in a zone."""
    travel_m = reacher.spec.travel_height_m
    for station, tool, _, tcp in _places(line, reacher):
        if line.ways.zones_at(reacher.name, station):
            back = line.ways.withdrawn(reacher.name, tcp.shifted(dz=max(0.0, travel_m - tcp.position[2])))
            flange = back @ line.tools[tool].tcp_in_flange.pose.inverse() if tool else back
            yield from (Posture(station, tool, joints) for joints in reacher.postures(flange, 0.0, Load(tool))[:1])


def _places(line: Line, reacher: Reacher) -> Iterator[tuple[str, str, float, Pose]]:
    """Station, tool, how far over it the arm goes across, and where the TCP comes."""
    for station, spec in line.cell_description.devices.items():
        if reacher.spec.works_at(station) and line.works_with(station):
            for stop in distinct(stops(line, station, spec)):
                for tool, tcp in hands(line, stop, reacher):
                    yield station, tool, rise_over(stop, reacher, tcp), tcp
