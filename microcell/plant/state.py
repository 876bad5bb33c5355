"""The plant's truth in a file, so that mock hardware which is started again finds the bench as it was.

A real bench does not vanish when its driver dies: what was moving stopped, what was held is held, and what lay somewhere
lies there. Instants are kept as times from now, for the plant's clock begins anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from microcell.errors import UsageError
from microcell.geometry import Pose
from microcell.plant.bench import ToolTruth
from microcell.plant.items import Item, Loss, Place
from microcell.plant.plant import Plant
from microcell.plant.scene import EdgeFlaw, Flaw

log = logging.getLogger(__name__)

VERSION = 4


class PlantFile:
    """Keeps one plant in one file. `save` is cheap when little has changed, and writes nothing when nothing has."""

    def __init__(self, plant: Plant, path: Path) -> None:
        self._plant = plant
        self._path = path
        self._texts: dict[int, tuple[Item, str]] = {}  # what has left the cell is dropped from time to time
        self._written = ""
        self._failing = False

    def load(self) -> bool:
        """Bring the plant to what the file says; False without a file. `UsageError` for the bench of another line."""
        if not self._path.is_file():
            return False
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            _put_back(self._plant, data)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"'{self._path}' is no bench of the line '{self._plant.line.name}': {error}. Remove it to begin with a "
                "fresh bench."
            ) from error
        return True

    def save(self) -> None:
        """Write the plant as it is now; the old file is replaced at once. The log tells of a full disk."""
        text = self._text()
        if text == self._written:
            return
        try:
            self._write(text)
        except OSError as error:
            if not self._failing:
                log.error("the bench is not kept in '%s' (%s): a new start would find it as it was", self._path, error)
            self._failing = True
            return
        if self._failing:
            log.warning("the bench is kept in '%s' again", self._path)
        self._failing = False
        self._written = text

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._path)

    def _text(self) -> str:
        items = ",\n".join(self._item(item) for item in self._plant.inventory)
        if len(self._texts) > 2 * len(self._plant.inventory):
            self._texts = {item.item_id: self._texts[item.item_id] for item in self._plant.inventory}
        rest = json.dumps(_rest(self._plant), separators=(",", ":"))
        return f'{{"items":[{items}],\n"rest":{rest}}}\n'

    def _item(self, item: Item) -> str:
        """An item's text; it is made anew only when the item has changed."""
        known = self._texts.get(item.item_id)
        if known is None or known[0] is not item:
            known = self._texts[item.item_id] = (item, json.dumps(_item_data(item), separators=(",", ":")))
        return known[1]


def _item_data(item: Item) -> dict[str, Any]:
    return {
        "id": item.item_id,
        "part": item.part_name,
        "lot": item.lot,
        "place": [item.place.kind, item.place.holder, item.place.slot],
        "pose": [item.pose.position, item.pose.orientation],
        "flaws": [asdict(flaw) for flaw in item.flaws],
        "edges": [asdict(edge) for edge in item.edges],
        "content": item.content,
        "contrast": item.contrast,
        "crossed": item.crossed,
        "broken": item.broken,
        "voltage_v": item.voltage_v,
        "oversize_m": item.oversize_m,
        "marks": len(item.part.marks),
        "product": item.product,
    }


def _rest(plant: Plant) -> dict[str, Any]:
    """All but the items."""
    bench, now_s = plant.bench, plant.clock.now()
    return {
        "version": VERSION,
        "line": plant.line.name,
        "set_up": bench.layout.set_up,
        "made": bench.inventory.made,
        "losses": [asdict(loss) for loss in bench.inventory.losses],
        "tools": {name: _tool_data(tool, now_s) for name, tool in bench.tools.items()},
        "arms": {name: arm.joints()[0] for name, arm in bench.arms.items()},
        "clamped": bench.clamped,
        "cartons": bench.cartons,
        "coupling": plant.coupling.as_data(),
        "feeding": plant.feeding.as_data(),
        "stations": plant.stations.as_data(),
        "dispensing": plant.dispensing.as_data(),
        "joining": plant.joining.as_data(),
        "entered": plant.supports.as_data(),
        "pressed": sorted(plant.safety.pressed),
        "tripped": sorted(plant.safety.tripped),
    }


def _tool_data(tool: ToolTruth, now_s: float) -> dict[str, Any]:
    return {
        "pocket": tool.pocket,
        "arm": tool.arm,
        "opening_m": tool.opening_m,
        "active": tool.active,
        "slips_in_s": None if tool.slips_at_s is None else tool.slips_at_s - now_s,
        "picks": tool.picks,
        "drives": tool.drives,
    }


def _put_back(plant: Plant, data: Mapping[str, Any]) -> None:
    rest, bench = data["rest"], plant.bench
    if (rest["version"], rest["line"]) != (VERSION, plant.line.name):
        raise ValueError(f"it is version {rest['version']} of line '{rest['line']}'")
    for station, product in rest["set_up"].items():
        bench.layout.set_up_for(station, product)
    losses = [Loss(**loss) for loss in rest["losses"]]
    bench.inventory.put_back([_item(plant, item) for item in data["items"]], losses, rest["made"])
    for name, told in rest["tools"].items():
        _put_tool(bench.tools[name], told, plant.clock.now())
    for name, joints in rest["arms"].items():
        bench.arm(name).rest(tuple(joints))
    bench.clamped.update(rest["clamped"])
    bench.cartons.update(rest["cartons"])
    plant.coupling.put_back(rest["coupling"])
    plant.feeding.put_back(rest["feeding"])
    plant.stations.put_back(rest["stations"])
    plant.dispensing.put_back(rest["dispensing"])
    plant.joining.put_back(rest["joining"])
    plant.supports.put_back(rest["entered"])
    plant.safety.pressed, plant.safety.tripped = set(rest["pressed"]), set(rest["tripped"])


def _item(plant: Plant, data: Mapping[str, Any]) -> Item:
    name, position_orientation = data["part"], data["pose"]
    label_name, label = plant.stations.label(data["product"])
    part = label if name == label_name else plant.bench.layout.recipe(data["product"]).product.parts[name]
    part = part if len(part.marks) == data["marks"] else part.model_copy(update={"marks": part.marks[: data["marks"]]})
    flaws = tuple(
        Flaw(tuple(f["start_m"]), tuple(f["end_m"]), f["width_m"], tuple(f["colour_rgb"]), f["kind"]) for f in data["flaws"]
    )
    edges = tuple(EdgeFlaw(**edge) for edge in data["edges"])
    pose = Pose(tuple(position_orientation[0]), tuple(position_orientation[1]))
    place = Place(*data["place"])
    return Item(
        data["id"], name, part, data["lot"], place, pose, flaws, data["content"], data["contrast"], data["crossed"], edges,
        data["broken"], data["voltage_v"], data["product"], data["oversize_m"],
    )  # fmt: skip


def _put_tool(tool: ToolTruth, told: Mapping[str, Any], now_s: float) -> None:
    """A tool as it was; a bit that turned has stopped."""
    tool.pocket = tuple(told["pocket"]) if told["pocket"] is not None else None
    tool.arm, tool.opening_m, tool.active, tool.driving = told["arm"], told["opening_m"], told["active"], False
    tool.slips_at_s = None if told["slips_in_s"] is None else now_s + told["slips_in_s"]
    tool.picks, tool.drives = told["picks"], told["drives"]
