"""The simulated cell that mock devices act on.

Time is the clock's: nothing is stepped. Where an arm is at an instant is worked out from its trajectory, and
what happens to a part follows from geometry at the moment when a device acts. The same line, seed and
commands give the same plant, to the last bit.
"""

from __future__ import annotations

from microcell.clock import Clock
from microcell.description.contents import holds_its_own
from microcell.description.line import Line
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.limits import Joints
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.bench import Bench, Lighting, ToolTruth
from microcell.plant.contact import Contact
from microcell.plant.coupling import Coupling
from microcell.plant.dispensing import Dispensing
from microcell.plant.feeding import Feeding, RefillListener
from microcell.plant.holding import Holding
from microcell.plant.injection import Injections, condition_of
from microcell.plant.items import Inventory, Item
from microcell.plant.joining import Joining
from microcell.plant.safety import SafetyCircuit
from microcell.plant.scene import SceneItem
from microcell.plant.screwing import Screwing
from microcell.plant.settling import Settling
from microcell.plant.stations import Stations
from microcell.plant.supports import Supports
from microcell.plant.truth import Truth, UnitTruth


class Plant:
    """The truth of one cell, and the physics by which devices change it.

    Mock devices use the parts by topic: `holding`, `screwing`, `coupling`, `feeding`, `stations`, `dispensing`, `joining`,
    `contact`, `safety`.
    Tests and cameras look with `scene`, `truth` and `carton_contents`. `earlier` are the worlds that the same journal had
    before, whose lots and cartons are gone: those of this one are called otherwise.
    """

    def __init__(self, line: Line, seed: int, clock: Clock, earlier: int = 0) -> None:
        self.line = line
        self.seed = seed
        self.clock = clock
        self.safety = SafetyCircuit(_buttons(line), tuple(line.cell_description.of_kind("arm")))
        self.bench = Bench(line, seed, clock, earlier)
        self.lights: dict[str, Lighting] = {}
        self.injections = Injections(condition_of(self.bench))
        self.supports = Supports(self.bench)
        self.settling = Settling(self.bench, self.supports)
        self.holding = Holding(self.bench, self.settling)
        self.contact = Contact(self.bench, self.supports, self.holding)
        self.screwing = Screwing(self.bench, self.supports, self.holding)
        self.coupling = Coupling(self.bench, self.holding)
        self.feeding = Feeding(self.bench)
        self.stations = Stations(self.bench)
        self.dispensing = Dispensing(self.bench)
        self.joining = Joining(self.bench)
        self._truth = Truth(self.bench)

    @property
    def inventory(self) -> Inventory:
        """Every piece in the cell."""
        return self.bench.inventory

    def tool(self, name: str) -> ToolTruth:
        """A tool by name."""
        return self.bench.tools[name]

    def tcp(self, tool: str) -> Pose:
        """Present pose of a mounted tool's TCP in the cell frame."""
        return self.bench.tcp(self.bench.tools[tool])

    def start_motion(self, arm: str, trajectory: JointTrajectory) -> None:
        """Let an arm follow a trajectory from now on."""
        self.contact.note_entered(arm)
        self.dispensing.note_way(arm)
        self.holding.departing(arm)
        self.bench.arm(arm).start(trajectory)

    def lead(self, arm: str, joints: Joints, at_s: float) -> None:
        """An arm that somebody else moves was here at an instant of cell time, straight from where it was last: what is in
        its hole by now stays there, and so does what an open nozzle has laid.
        """
        self.bench.arm(arm).be_led(joints, at_s)
        self.contact.note_entered(arm)
        self.dispensing.note_way(arm)

    def halt(self, arm: str, at_s: float | None = None) -> None:
        """Stop an arm where it is, or where it was a moment ago: what its controller does by itself is late on no host."""
        self.contact.note_entered(arm)
        self.dispensing.note_way(arm)
        self.bench.arm(arm).halt(at_s)

    def set_up(self, station: str, product: str) -> None:
        """Somebody sets a station up for the line of another product; DEVICE_REFUSED where that line does not use it."""
        line = next((line for line in self.line.every if line.product == product), None)
        if line is None or not holds_its_own(line, station):
            raise FaultError("DEVICE_REFUSED", station, f"no line of this cell makes '{product}' with it")
        if station in line.feeders:
            self.feeding.set_up(station, product)
        else:
            self.stations.set_up(station, product)

    def on_refill(self, listener: RefillListener) -> None:
        """Call a function with feeder, part, lot and level after every refill."""
        self.feeding.on_refill(listener)

    def scene(self, camera: str) -> list[SceneItem]:
        """Everything at the stations that a camera sees, lowest first."""
        stations = self.line.cell_description.of_kind("camera")[camera].sees
        items = [scene for name in stations if name in self.bench.layout.zones for scene in self._at(name)]
        return sorted(items, key=lambda item: (item.top_m(), item.item_id))

    def truth(self, serial: str) -> UnitTruth | None:
        """The unit that carries a label with this serial, as it really is."""
        return self._truth.unit(serial)

    def unit_at(self, fixture: str) -> UnitTruth | None:
        """The unit in a fixture, as it really is."""
        unit = self.bench.unit_in(fixture)
        return self._truth.of(unit) if unit is not None else None

    def carton_contents(self) -> dict[str, tuple[str, ...]]:
        """Labels of the units in each carton, by place."""
        return self._truth.carton_contents()

    def _at(self, station: str) -> list[SceneItem]:
        found = []
        for root in self.bench.roots_at(self.bench.layout.zones[station]):
            in_unit = root.place.kind in ("fixture", "carton")
            found.append(_seen(root, root.pose, station, self.bench.recipe_of(root).body_site if in_unit else ""))
            for item in self.inventory.installed(root):
                found.append(_seen(item, root.pose @ item.pose, station, item.place.slot))
        return found


def _buttons(line: Line) -> tuple[str, ...]:
    return tuple(b for spec in line.cell_description.of_kind("safety").values() for b in spec.buttons)


def _seen(item: Item, pose: Pose, station: str, site: str) -> SceneItem:
    return SceneItem(
        item.item_id, item.part_name, item.part, pose, station, site, item.flaws, item.content, item.contrast, item.edges
    )
