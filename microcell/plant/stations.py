"""Fixtures, cartons, label printer and bin."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from microcell.description.contents import label_part
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.plant.bench import Bench
from microcell.plant.items import Item, Place
from microcell.plant.physics import CLAMP_HOLDS_M
from microcell.plant.supports import on_seat

KEPT_CARTONS = 50
"""Full cartons that still stand beside the cell, to be looked into; older ones have been driven away."""

_FADED = (0.01, 0.05)
"""Contrast of an unreadable label: at 0.05 no code was read in 300 rendered images, at 0.1 half of them."""


@dataclass(frozen=True, slots=True)
class CartonTruth:
    """The open carton: its id, its number of places, and the units in it."""

    carton: str
    places: int
    filled: int


class Stations:
    """What stands on the bench and is no feeder."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._exchanged = dict.fromkeys(bench.cartons, 0)
        self._full: deque[str] = deque()
        self._printed = 0
        self._labels = {line.product: label_part(line) for line in bench.line.every}
        for station in bench.cartons:
            self.exchange(station)

    def label(self, product: str = "") -> tuple[str, Part]:
        """Name and description of the part that a printer makes for a product; "" for that of the cell's first line."""
        return self._labels[product or self._bench.line.product]

    def as_data(self) -> dict[str, Any]:
        """How many cartons and labels there have been."""
        return {"exchanged": self._exchanged, "printed": self._printed, "full": list(self._full)}

    def put_back(self, data: Mapping[str, Any]) -> None:
        """Go on counting."""
        self._exchanged.update(data["exchanged"])
        self._printed, self._full = data["printed"], deque(data["full"])

    def seated(self, fixture: str) -> Item | None:
        """What a fixture's part sensor sees: the part on its seat, let go or still in the tool."""
        unit = self._bench.unit_in(fixture)
        return unit if unit is not None else next((i for i in self._held() if self._on_seat(fixture, i)), None)

    def clamp(self, fixture: str) -> bool:
        """Close the clamp; whether it holds something."""
        self._bench.clamped[fixture] = True
        return self.seated(fixture) is not None

    def unclamp(self, fixture: str) -> None:
        """Open the clamp."""
        self._bench.clamped[fixture] = False

    def carton(self, station: str) -> CartonTruth:
        """The present carton."""
        carton = self._bench.cartons[station]
        set_up = self._bench.layout.set_up.get(station, "")
        places = len(self._bench.line.making(set_up).carton.places)
        return CartonTruth(carton, places, self._bench.inventory.count("carton", carton))

    def exchange(self, station: str) -> CartonTruth:
        """Put an empty carton in place of the present one.

        Ids are numbers, with the station's name before them when there are several stations.
        """
        self._exchanged[station] += 1
        self._full.append(self._bench.cartons[station])
        if len(self._full) > KEPT_CARTONS:
            self._bench.inventory.take_away("carton", self._full.popleft())
        prefix = "CTN" if len(self._bench.cartons) == 1 else f"CTN-{station}"
        self._bench.cartons[station] = f"{prefix}-{self._bench.mark}{self._exchanged[station]:06d}"
        return self.carton(station)

    def set_up(self, station: str, product: str) -> None:
        """Somebody sets a station up for another product: other labels, or an empty carton of another kind."""
        self._bench.layout.set_up_for(station, product)
        if station in self._bench.cartons:
            self.exchange(station)

    def print_label(self, printer: str, content: str) -> Pose:
        """Print a label onto the peel-off plate; its pose. A label still lying there is pushed off."""
        place = Place("printer", printer, "0")
        before = self._bench.inventory.slot(place)
        if before is not None:
            self._bench.lose(before, before.pose, "pushed off the printer's plate by the next label")
        self._printed += 1
        ratio, key = self._bench.line.disturbances.unreadable_label_ratio, f"unreadable:{self._printed}"
        faded = self._bench.chance.happens(ratio, key)
        contrast = self._bench.chance.stream(f"contrast:{key}").uniform(*_FADED) if faded else 1.0
        product = self._bench.layout.set_up.get(printer, "")
        name, part = self.label(product)
        pose = self._bench.layout.zones[printer].frame
        self._bench.inventory.make(name, part, "", place, pose, content=content, contrast=contrast, product=product)
        return pose

    def in_bin(self, name: str) -> int:
        """Parts and units that fell into a bin."""
        return self._bench.inventory.count("bin", name)

    def _held(self) -> list[Item]:
        held = (self._bench.held(tool) for tool in self._bench.tools.values() if tool.arm is not None)
        return [item for item in held if item is not None]

    def _on_seat(self, fixture: str, item: Item) -> bool:
        seat, pose = self._bench.layout.zones[fixture].frame, self._bench.pose_of(item)
        return on_seat(seat, item, pose) and pose.position[2] - seat.position[2] <= CLAMP_HOLDS_M
