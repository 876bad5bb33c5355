"""What a camera could see: the true things in its view, for renderers and for the modelled camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from microcell.description.product import Part
from microcell.geometry import Pose, Vector

DIRT_COVERS = 0.75
"""How much of what is under it dirt hides."""


@dataclass(frozen=True)
class Flaw:
    """A scratch or dirt on a part's top, from `start_m` to `end_m` in the part's frame, with its width and colour."""

    start_m: tuple[float, float]
    end_m: tuple[float, float]
    width_m: float
    colour_rgb: tuple[int, int, int]
    kind: Literal["scratch", "dirt"] = "scratch"


@dataclass(frozen=True)
class EdgeFlaw:
    """Material that is missing (short shot) or too much (burr) at a part's outline.

    It lies in the direction `at_rad` from the part's axis, in the part's frame, and is `depth_m` deep or high in the
    middle of its `span_m` along the outline.
    """

    kind: Literal["short", "burr"]
    at_rad: float
    span_m: float
    depth_m: float


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
    edges: tuple[EdgeFlaw, ...] = ()

    def top_m(self) -> float:
        """Height of the upper side in the cell frame, m."""
        shape = self.part.shape
        height = 0.0 if shape.kind == "screw" else shape.height_m
        top: Vector = self.part_in_cell.apply((0.0, 0.0, height))
        return top[2]
