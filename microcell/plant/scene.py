"""What a camera could see: the true things in its view, for renderers and for the modelled camera."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.description.product import Part
from microcell.geometry import Pose, Vector


@dataclass(frozen=True)
class Flaw:
    """A scratch or dirt on a part's top: a line from `start_m` to `end_m` in the part's frame, with its width and colour."""

    start_m: tuple[float, float]
    end_m: tuple[float, float]
    width_m: float
    colour_rgb: tuple[int, int, int]


@dataclass(frozen=True)
class SceneItem:
    """One thing as it really is: type, true pose of its frame, where it is mounted, and its flaws.

    `site` is the site of the unit where it sits ("" when it does not), `station` the fixture or feeder that it is on.
    `content` is what a label's DataMatrix encodes, `contrast` from 0 (unreadable) to 1.
    """

    item_id: int
    part_name: str
    part: Part
    part_in_cell: Pose
    station: str
    site: str = ""
    flaws: tuple[Flaw, ...] = ()
    content: str = ""
    contrast: float = 1.0

    def top_m(self) -> float:
        """Height of the upper side in the cell frame, m."""
        shape = self.part.shape
        height = 0.0 if shape.kind == "screw" else shape.height_m
        top: Vector = self.part_in_cell.apply((0.0, 0.0, height))
        return top[2]
