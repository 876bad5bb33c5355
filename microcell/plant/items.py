"""Every piece in the cell: what it is, and the one place where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.plant.scene import EdgeFlaw, Flaw

PlaceKind = Literal["feeder", "tool", "fixture", "unit", "carton", "bin", "printer", "tester", "loose", "lost"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is: kind and name of its holder, and the slot there.

    `holder` is the device's name, the carton's id, or for a `unit` the id of its first part; for `loose` the
    station that the item lies on, "" for the bench. `slot` is the place's number or the site's name.
    """

    kind: PlaceKind
    holder: str = ""
    slot: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece.

    `pose` is that of the part's frame: in the tool's TCP frame for a held item, in the unit's frame for an
    installed one, otherwise in the cell frame. `crossed` marks a screw that started crossed, `broken` a part whose latch is;
    `oversize_m` is how much thicker its foot is than it should be.
    `product` is the one that the part was brought for, "" for that of the cell's first line.
    """

    item_id: int
    part_name: str
    part: Part
    lot: str
    place: Place
    pose: Pose
    flaws: tuple[Flaw, ...] = ()
    content: str = ""
    contrast: float = 1.0
    crossed: bool = False
    edges: tuple[EdgeFlaw, ...] = ()
    broken: bool = False
    voltage_v: float = 0.0
    product: str = ""
    oversize_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """The record of an item that was lost: where nobody finds it again."""

    item_id: int
    part_name: str
    reason: str
    time_s: float


_NOTHING: dict[int, Item] = {}


class Inventory:
    """All items. An item is made once, moves from place to place, and always has exactly one."""

    def __init__(self, on_move: Callable[[Place, Place], None]) -> None:
        self.losses: list[Loss] = []
        self._on_move = on_move
        self._made = 0
        self._items: dict[int, Item] = {}
        self._at: dict[tuple[str, str], dict[int, Item]] = {}

    def __getitem__(self, item_id: int) -> Item:
        return self._items[item_id]

    def find(self, item_id: int) -> Item | None:
        """An item by its id; None when it has left the cell."""
        return self._items.get(item_id)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def make(self, part_name: str, part: Part, lot: str, place: Place, pose: Pose, **details: Any) -> Item:
        """A new item at a place; `details` are further fields of `Item`."""
        self._made += 1
        item = Item(self._made, part_name, part, lot, place, pose, **details)
        self._items[item.item_id] = item
        self._held_by(place.kind, place.holder)[item.item_id] = item
        return item

    def move(self, item: Item, place: Place, pose: Pose, **changes: Any) -> Item:
        """Move an item, with what is installed in it, to another place; `changes` are fields of `Item`."""
        before = self._items[item.item_id].place
        moved = replace(item, place=place, pose=pose, **changes)
        self._let_go(item.item_id, before)
        self._held_by(place.kind, place.holder)[item.item_id] = moved
        self._items[item.item_id] = moved
        self._on_move(before, place)
        return moved

    def change(self, item: Item, **changes: Any) -> Item:
        """An item where it is, with other fields."""
        changed = replace(self._items[item.item_id], **changes)
        self._items[item.item_id] = self._held_by(changed.place.kind, changed.place.holder)[item.item_id] = changed
        return changed

    def lose(self, item: Item, pose: Pose, reason: str, time_s: float) -> None:
        """Take an item out of reach, with a record."""
        self.move(item, Place("lost"), pose)
        self.losses.append(Loss(item.item_id, item.part_name, reason, time_s))

    @property
    def made(self) -> int:
        """How many items there have been."""
        return self._made

    def put_back(self, items: Iterable[Item], losses: Iterable[Loss], made: int) -> None:
        """Have these items and no others, after so many have been made."""
        self._made = made
        self._items, self.losses = {item.item_id: item for item in items}, list(losses)
        self._at = {}
        for item in self._items.values():
            self._held_by(item.place.kind, item.place.holder)[item.item_id] = item

    def take_away(self, kind: PlaceKind, holder: str) -> None:
        """Take a holder with all that it has out of the cell: what left the factory is no item any more."""
        for item in self.at(kind, holder):
            if item.place.kind != "unit":
                self.take_away("unit", str(item.item_id))
            del self._items[item.item_id]
        self._at.pop((kind, holder), None)

    def at(self, kind: PlaceKind, holder: str = "") -> list[Item]:
        """The items of a holder, in the order in which they came."""
        return list(self._at.get((kind, holder), _NOTHING).values())

    def first(self, kind: PlaceKind, holder: str = "") -> Item | None:
        """The item that has been longest with a holder."""
        return next(iter(self._at.get((kind, holder), _NOTHING).values()), None)

    def count(self, kind: PlaceKind, holder: str = "") -> int:
        """How many items a holder has."""
        return len(self._at.get((kind, holder), _NOTHING))

    def slot(self, place: Place) -> Item | None:
        """The item in a slot."""
        return next((item for item in self.at(place.kind, place.holder) if item.place.slot == place.slot), None)

    def installed(self, unit: Item) -> list[Item]:
        """What is installed in a unit, without its first part."""
        return self.at("unit", str(unit.item_id))

    def _held_by(self, kind: PlaceKind, holder: str) -> dict[int, Item]:
        return self._at.setdefault((kind, holder), {})

    def _let_go(self, item_id: int, place: Place) -> None:
        held = self._held_by(place.kind, place.holder)
        del held[item_id]
        if not held:
            del self._at[place.kind, place.holder]
