"""What a unit or carton truly is: for tests and for judging the cell's own records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from microcell.description.line import Line
from microcell.description.product import Product
from microcell.plant.bench import Bench
from microcell.plant.items import Item, Place
from microcell.plant.physics import SEATED_WITHIN_M

_READABLE = 0.3
_TURNED_RAD = 0.3
_SHIFTED_M = 0.001
_WORDS = {"scratch": "scratched", "dirt": "dirty", "short": "short shot", "burr": "burr"}


@dataclass(frozen=True)
class UnitTruth:
    """A unit as it really is: part by site, where it is, its label's serial and text, defects as sentences, its product."""

    parts: Mapping[str, str]
    place: Place
    label: str
    defects: tuple[str, ...]
    label_text: str = ""
    product: str = ""

    def is_good(self, line: Line, variant: str) -> bool:
        """Whether every site has the variant's part, the label the variant's text, and nothing is wrong."""
        product = line.product_description
        wanted = {name: product.part_of(site.item, variant) for name, site in product.sites.items()}
        labelled = self.label_text == product.variants[variant].label_text or not self.label
        return dict(self.parts) == wanted and labelled and not self.defects

    def faults(self, line: Line, variant: str, sites: Iterable[str]) -> tuple[str, ...]:
        """What is wrong with a unit of which so far these sites should have their parts, as sentences."""
        product = line.product_description
        found = []
        for site in sites:
            wanted, there = product.part_of(product.sites[site].item, variant), self.parts.get(site)
            if there is None:
                found.append(f"{site}: missing")
            elif there != wanted:
                found.append(f"{site}: {there} instead of {wanted}")
        return (*found, *self.defects)


def _serial(label: str) -> str:
    """The serial of what a label says."""
    return label.partition(" ")[0]


class Truth:
    """Looks at the plant without touching it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def unit(self, serial: str) -> UnitTruth | None:
        """The unit that carries a label with this serial; None when no unit does."""
        for item in self._bench.inventory:
            if _serial(item.content) == serial and item.place.kind == "unit" and self._uppermost(item):
                return self.of(self._bench.inventory[int(item.place.holder)])
        return None

    def of(self, unit: Item) -> UnitTruth:
        """The truth about the unit of a first part."""
        there = self._bench.inventory.installed(unit)
        installed = {item.place.slot: item for item in there}
        parts = {site: item.part_name for site, item in installed.items()}
        body_site = self._bench.recipe_of(unit).body_site
        if body_site:
            parts = {body_site: unit.part_name, **parts}
        labels = [item for item in installed.values() if item.content]
        product = self._bench.recipe_of(unit).product
        defects = [sentence for site, item in installed.items() for sentence in _defects(product, site, item)]
        defects += _faults_of(body_site or unit.part_name, unit)
        showing = (item.place.slot for item in there if _shows(item, installed[item.place.slot]))
        defects += [f"{site}: an older label shows" for site in showing]
        label = labels[-1].content if labels else ""
        return UnitTruth(parts, unit.place, _serial(label), tuple(defects), label.partition(" ")[2], product.name)

    def carton_contents(self) -> dict[str, tuple[str, ...]]:
        """Labels of the units in each carton, by place; a unit without a label counts as ""."""
        found: dict[str, list[tuple[int, str]]] = {}
        for item in self._bench.inventory:
            if item.place.kind == "carton":
                found.setdefault(item.place.holder, []).append((int(item.place.slot), self.of(item).label))
        return {carton: tuple(label for _, label in sorted(found[carton])) for carton in sorted(found)}

    def _uppermost(self, label: Item) -> bool:
        stack = [i for i in self._bench.inventory.at("unit", label.place.holder) if i.place.slot == label.place.slot]
        return stack[-1].item_id == label.item_id


def _defects(product: Product, site: str, item: Item) -> list[str]:
    """What is wrong with an installed part."""
    seated = product.sites[site].part_in_unit.pose
    part_in_site = seated.inverse() @ item.pose
    defects = []
    if item.crossed:
        defects.append(f"{site}: crossed")
    elif part_in_site.position[2] > SEATED_WITHIN_M:
        defects.append(f"{site}: {part_in_site.position[2] * 1000:.1f} mm from seated")
    if item.part.marks and abs(part_in_site.yaw) > _TURNED_RAD:
        defects.append(f"{site}: turned by {part_in_site.yaw:.2f} rad")
    if item.content and math.hypot(*part_in_site.position[:2]) > _SHIFTED_M:
        defects.append(f"{site}: {math.hypot(*part_in_site.position[:2]) * 1000:.1f} mm beside its place")
    if len(item.part.marks) < len(product.parts[item.part_name].marks):
        defects.append(f"{site}: incomplete")
    if item.part.shape != product.parts[item.part_name].shape:
        defects.append(f"{site}: {item.part_name} of another product")
    defects += _faults_of(site, item)
    if item.contrast < _READABLE:
        defects.append(f"{site}: unreadable")
    return defects


def _shows(label: Item, cover: Item) -> bool:
    """Whether a label peeps out from under the one that was stuck on it."""
    return math.dist(label.pose.position[:2], cover.pose.position[:2]) > _SHIFTED_M


def _faults_of(site: str, item: Item) -> list[str]:
    """What a piece came with: scratches, dirt, short shots, burrs."""
    kinds = dict.fromkeys([flaw.kind for flaw in item.flaws] + [edge.kind for edge in item.edges])
    return [f"{site}: {_WORDS[kind]}" for kind in kinds]
