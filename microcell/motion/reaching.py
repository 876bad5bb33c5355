"""Whether an arm comes to every place where a line has it work; asked before anything moves, of the description alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from microcell.description.cell import (
    ArmSpec,
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
from microcell.description.product import Grasp, Product
from microcell.description.rules_context import Context
from microcell.errors import Issue
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.described_arm import check_limits, described_chain
from microcell.motion.limits import Limits
from microcell.motion.robot_file import RobotFileError

if TYPE_CHECKING:
    from microcell.motion.inverse import InverseKinematics

STEP_M = 0.005


@dataclass(frozen=True)
class Stop:
    """Somewhere a flange or a tool has to come: the TCP's pose in the cell, and what for.

    `capability` is what the tool must be able to do; None is the flange itself. `key` is where the station's description
    tells its place. Where a unit can be turned over, what is out of reach may be reached then, at `turned`.
    """

    key: str
    what: str
    tcp_in_cell: Pose
    capability: str | None = None
    turned: Pose | None = None


def out_of_reach(context: Context, line: Line) -> Iterator[Issue]:
    """Each station with a place that no arm which works there comes to, with any tool that it could take.

    Stations of an arm whose robot file cannot be used are passed over.
    """
    arms = {name: _Reacher(line, name, spec) for name, spec in line.cell_description.of_kind("arm").items()}
    for name, spec in line.cell_description.devices.items():
        serving = {arm: reacher for arm, reacher in arms.items() if reacher.spec.works_at(name)}
        if not all(reacher.is_usable() for reacher in serving.values()):
            continue
        missed = next((miss for stop in stops(line, name, spec) if (miss := _missed(stop, serving))), None)
        if missed is not None:
            stop, why = missed
            what = f"out of reach of every arm, {stop.what} at {_told(stop.tcp_in_cell)}"
            yield context.issue("cell", ("devices", name, stop.key), what, f"{why}. Move it nearer, or the arm.")


def reach_m(line: Line, arm: str, height_m: float) -> float:
    """How far from its base an arm's flange comes, pointing straight down at a height over the bench, m; 0: nowhere."""
    spec = line.cell_description.of_kind("arm")[arm]
    reacher = _Reacher(line, arm, spec)
    base, found, step = spec.base_in_cell.pose, 0.0, 0
    down = spec.base_in_cell.pose.inverse()
    while step * STEP_M < 3.0:
        away = step * STEP_M
        place = base @ Pose((away, 0.0, height_m - base.position[2]))
        if not reacher.why_not(down @ Pose(place.position, _DOWN)):
            found = away
        elif found:
            break
        step += 1
    return found


def stops(line: Line, name: str, spec: DeviceSpec) -> Iterator[Stop]:
    """Where an arm that works at a device has to come."""
    product = line.product_description
    if isinstance(spec, FeederSpec) and name in line.feeders:
        part = line.feeders[name].part
        for c, r in ((c, r) for r in (0, spec.rows - 1) for c in (0, spec.columns - 1)):
            place = spec.part_in_cell.pose @ Pose((c * spec.pitch_m, r * spec.pitch_m, 0.0))
            yield _stop("part_in_cell", f"to take '{part}'", place, product.parts[part].grasp)
    elif isinstance(spec, FixtureSpec):
        turners = line.cell_description.of_kind("turner").values()
        yield from _at_fixture(product, spec.seat_in_cell.pose, next((t for t in turners if t.fixture == name), None))
    elif isinstance(spec, CartonStationSpec):
        for number, place in enumerate(line.carton.places, 1):
            what = f"for place {number} of the carton"
            yield _stop("carton_in_cell", what, spec.carton_in_cell.pose @ place, product.unit_grasp)
    elif isinstance(spec, ToolCribSpec):
        for number, pocket in enumerate(spec.pockets):
            yield Stop("pockets", f"for pocket {number}", pocket.flange_in_cell.pose)
    elif isinstance(spec, TesterSpec):
        tested = (part for part in product.parts.values() if part.voltage is not None)
        yield from (_stop("part_in_cell", "to lay a part in", spec.part_in_cell.pose, part.grasp) for part in tested)
    elif isinstance(spec, PrinterSpec):
        labels = {op.item: op.item for op in product.plan.values() if op.skill == "label" and op.item}
        grasps = (product.parts[product.part_of(item, product.default_variant)].grasp for item in labels)
        yield from (_stop("label_in_cell", "to take a label", spec.label_in_cell.pose, grasp) for grasp in grasps)
    elif isinstance(spec, BinSpec):
        yield Stop("drop_in_cell", "to drop a part", Pose(spec.drop_in_cell.xyz_m, _DOWN), product.unit_grasp.capability)


def _at_fixture(product: Product, seat: Pose, turner: TurnerSpec | None) -> Iterator[Stop]:
    """Every site with the part that goes there, and the finished unit."""
    for site_name, site in product.sites.items():
        grasp = product.parts[product.part_of(site.item, product.default_variant)].grasp
        stop = _stop("seat_in_cell", f"for site '{site_name}'", seat @ site.part_in_unit.pose, grasp)
        if turner is not None:
            over = seat @ turner.half_turn @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
            stop = replace(stop, turned=over)
        yield stop
    yield _stop("seat_in_cell", "to take the unit", seat, product.unit_grasp)


def _stop(key: str, what: str, part_in_cell: Pose, grasp: Grasp) -> Stop:
    return Stop(key, what, part_in_cell @ grasp.tcp_in_part.pose, grasp.capability)


def _missed(stop: Stop, serving: Mapping[str, _Reacher]) -> tuple[Stop, str] | None:
    """The stop and why nobody comes there; None where somebody does, or nobody could hold the tool."""
    reasons = []
    for arm, reacher in serving.items():
        for tool, flange in reacher.flanges(stop):
            why = reacher.why_not(flange)
            if not why:
                return None
            reasons.append(f"{arm}{f' with {tool}' if tool else ''}: {why}")
    return (stop, reasons[0]) if reasons else None


def _told(pose: Pose) -> str:
    return f"({', '.join(f'{value:.3g}' for value in pose.position)})"


_DOWN = (1.0, 0.0, 0.0, 0.0)
"""The orientation of a TCP that points straight down, as quaternion."""


class _Reacher:
    """One arm, asked whether its flange comes to a pose."""

    def __init__(self, line: Line, name: str, spec: ArmSpec) -> None:
        self.spec = spec
        self._line, self._name = line, name
        self._inverse: InverseKinematics | None = None
        self._cell_in_base = spec.base_in_cell.pose.inverse()
        cribs = line.cell_description.of_kind("tool_crib").items()
        served = (pocket.tool for crib, rack in cribs if spec.works_at(crib) for pocket in rack.pockets)
        self._tools = [tool for tool in served if tool in line.tools]

    def flanges(self, stop: Stop) -> Iterator[tuple[str, Pose]]:
        """The flange's pose in the arm's base for each tool of its cribs that will do; the bare flange has no tool."""
        if stop.capability is None:
            yield "", self._cell_in_base @ stop.tcp_in_cell
        for name in self._tools:
            tool = self._line.tools[name]
            if stop.capability in tool.capabilities:
                for pose in (stop.tcp_in_cell, stop.turned):
                    if pose is not None:
                        yield name, self._cell_in_base @ pose @ tool.tcp_in_flange.pose.inverse()

    def is_usable(self) -> bool:
        """Whether the robot file has the arm that the cell describes."""
        try:
            check_limits(*described_chain(self.spec), Limits.of(self.spec.joints))
        except RobotFileError:
            return False
        return True

    def why_not(self, flange_in_base: Pose) -> str:
        """Why the arm does not come there, "" when it does."""
        try:
            self._kinematics().solve(flange_in_base, tuple(self.spec.home_rad))
        except FaultError as error:
            return error.fault.detail
        return ""

    def _kinematics(self) -> InverseKinematics:
        if self._inverse is None:
            from microcell.motion.inverse import InverseKinematics
            from microcell.motion.robot import RobotModel

            self._inverse = InverseKinematics(RobotModel.of(self.spec, self._name))
        return self._inverse
