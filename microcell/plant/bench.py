"""The present truth of a cell: where every piece, tool and arm is. The physics reads and changes it."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.clock import Clock
from microcell.description.line import Line
from microcell.description.tool import GripperTool, Tool
from microcell.errors import UsageError
from microcell.geometry import Pose
from microcell.plant.arms import ArmMotion
from microcell.plant.chance import Chance
from microcell.plant.items import Inventory, Item, Place
from microcell.plant.layout import Layout, Recipe, Zone
from microcell.plant.signals import Signal


@dataclass(frozen=True, slots=True)
class Lighting:
    """Light over a camera's scene, of the light that it is set up for, and the lens' blur where it is out of focus, px."""

    level: float = 1.0
    blur_px: float | None = None


@dataclass
class ToolTruth:
    """A tool as it is now.

    It is on an arm, or in a pocket (crib and number), or lies lost. `opening_m` is the gap between a
    gripper's fingers; `active` a cup's running pump; `driving` a turning bit. `slips_at_s` is when a badly
    held part will slip away; a `leaking` cup seals on nothing, a bit that `crosses` starts its screw crossed.
    """

    name: str
    spec: Tool
    serial: str
    tcp_in_flange: Pose
    pocket: tuple[str, int] | None
    arm: str | None = None
    opening_m: float = 0.0
    active: bool = False
    driving: bool = False
    slips_at_s: float | None = None
    leaking: bool = False
    crosses: bool = False
    picks: int = 0
    drives: int = 0


class Bench:
    """All that is true at this instant, in one place. Frames: the cell's, unless a name says otherwise."""

    def __init__(self, line: Line, seed: int, clock: Clock, earlier: int = 0) -> None:
        self.line = line
        self.mark = f"W{earlier + 1}-" if earlier else ""
        self.clock = clock
        self.layout = Layout(line)
        self.chance = Chance(seed)
        self.inventory = Inventory(self._moved)
        cell = line.cell_description
        self.arms = {name: ArmMotion(name, spec, clock) for name, spec in cell.of_kind("arm").items()}
        self.tools = _tools(line)
        self.clamped = dict.fromkeys(cell.of_kind("fixture"), False)
        self.cartons = dict.fromkeys(cell.of_kind("carton_station"), "")
        self.feeder_changed = {name: Signal() for name in cell.of_kind("feeder")}

    def arm(self, name: str) -> ArmMotion:
        """An arm by name."""
        try:
            return self.arms[name]
        except KeyError:
            raise UsageError(f"the plant has no arm '{name}'; it has: {', '.join(self.arms)}") from None

    def arm_with(self, field: str, device: str) -> str:
        """The arm whose description names a device, for example as its `force_sensor`."""
        for name, arm in self.arms.items():
            if getattr(arm.spec, field) == device:
                return name
        raise UsageError(f"no arm has '{device}' as its {field}")

    def tool_on(self, arm: str) -> ToolTruth | None:
        """The tool on an arm's flange."""
        for tool in self.tools.values():
            if tool.arm == arm:
                return tool
        return None

    def tcp(self, tool: ToolTruth) -> Pose:
        """Present pose of the TCP of a mounted tool, in the cell frame."""
        return self.arms[tool.arm or ""].flange() @ tool.tcp_in_flange

    def held(self, tool: ToolTruth) -> Item | None:
        """What a tool holds."""
        return self.inventory.first("tool", tool.name)

    def recipe_of(self, item: Item) -> Recipe:
        """The recipe of the product that an item was brought for."""
        return self.layout.recipe(item.product)

    def becomes(self, unit: Item, product: str) -> Item:
        """A unit is one of this product by what is in it: products may begin with the same part."""
        same = product in ("", unit.product or self.line.product)
        return unit if same else self.inventory.change(unit, product=product)

    def unit_in(self, fixture: str) -> Item | None:
        """First part of the unit in a fixture."""
        return self.inventory.first("fixture", fixture)

    def roots_at(self, zone: Zone) -> list[Item]:
        """What stands or lies at a station: parts, and the first parts of units."""
        if zone.kind == "bin":
            return []
        holder = self.cartons[zone.name] if zone.kind == "carton" else zone.name
        return self.inventory.at(zone.kind, holder) + self.inventory.at("loose", zone.name)

    def pose_of(self, item: Item) -> Pose:
        """Pose of an item's frame in the cell."""
        if item.place.kind == "tool":
            tool = self.tools[item.place.holder]
            return (self.tcp(tool) if tool.arm else Pose()) @ item.pose
        if item.place.kind == "unit":
            return self.pose_of(self.inventory[int(item.place.holder)]) @ item.pose
        return item.pose

    def mass_kg(self, item: Item) -> float:
        """Mass of an item with what is installed in it."""
        return item.part.mass_kg + sum(other.part.mass_kg for other in self.inventory.installed(item))

    def lose(self, item: Item, pose: Pose, reason: str) -> None:
        """An item is out of reach from now on."""
        self.inventory.lose(item, pose, reason, self.clock.now())

    def _moved(self, before: Place, after: Place) -> None:
        if before.kind == "feeder":
            self.feeder_changed[before.holder].notify()
        for place in (before, after):
            arm = self.tools[place.holder].arm if place.kind == "tool" else None
            if arm is not None:
                self.arms[arm].changed.notify()


def _tools(line: Line) -> dict[str, ToolTruth]:
    """Every tool in the pocket where it stands when the cell is set up."""
    found = {}
    for crib, spec in line.cell_description.of_kind("tool_crib").items():
        for number, pocket in enumerate(spec.pockets):
            if pocket.tool is None:
                continue
            tool = line.tools[pocket.tool]
            truth = ToolTruth(pocket.tool, tool, pocket.serial or pocket.tool, tool.tcp_in_flange.pose, (crib, number))
            truth.opening_m = tool.stroke_m if isinstance(tool, GripperTool) else 0.0
            found[truth.name] = truth
    return found
