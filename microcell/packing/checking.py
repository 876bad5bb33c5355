"""Judge a packing by what it says alone: nothing here knows how it was found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from microcell.packing.boxes import BoxKind, Packing, Placement

TOLERANCE_M = 1e-6


@dataclass(frozen=True)
class Judgement:
    """What is wrong, in words, and the least share of a box's bottom that stands on something."""

    faults: tuple[str, ...]
    least_support_ratio: float

    @property
    def sound(self) -> bool:
        return not self.faults


def judge(packing: Packing, kinds: Sequence[BoxKind], support_ratio: float = 1.0, gap_m: float = TOLERANCE_M) -> Judgement:
    """Look for boxes outside, in each other, turned as they must not be, not supported, too many, or put below others.

    A box counts as standing on another one when their distance is at most `gap_m`.
    """
    faults = [*_counted(packing, kinds), *_turned(packing.placements, kinds), *_outside(packing)]
    low, high = _corners(packing.placements)
    supports = []
    for i, (box, others) in enumerate(zip(packing.placements, _in_same_cells(low, high), strict=True)):
        shared = np.minimum(high[i], high[others]) - np.maximum(low[i], low[others])
        before = others < i
        for j in others[before & (shared > TOLERANCE_M).all(axis=1)]:
            faults.append(f"box {i} ({box.kind}) is in box {j} ({packing.placements[j].kind})")
        over = before & (shared[:, :2] > TOLERANCE_M).all(axis=1) & (low[others, 2] >= high[i, 2] - TOLERANCE_M)
        faults += [f"box {i} ({box.kind}) goes below box {j}, which is there before it" for j in others[over]]
        supports.append(_support(low[i], high[i], high[others, 2], shared, gap_m))
        if supports[-1] < support_ratio - 1e-9:
            faults.append(f"box {i} ({box.kind}) stands on {100 * supports[-1]:.1f} % of its bottom only")
    return Judgement(tuple(faults), min(supports, default=1.0))


def _corners(placements: Sequence[Placement]) -> tuple[np.ndarray, np.ndarray]:
    low = np.array([p.corner_m for p in placements]).reshape(-1, 3)
    return low, low + np.array([p.size_m for p in placements]).reshape(-1, 3)


def _in_same_cells(low: np.ndarray, high: np.ndarray) -> Iterator[np.ndarray]:
    """For each box the numbers, rising, of those that share a square of the floor with it: all above and below are there."""
    edge_m = float((high - low)[:, :2].max(initial=0.0)) or 1.0
    cells: dict[tuple[int, int], list[int]] = {}
    covered = []
    for i, (x0, y0, x1, y1) in enumerate(np.floor(np.hstack([low[:, :2], high[:, :2]]) / edge_m).astype(int).tolist()):
        covered.append([(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)])
        for cell in covered[i]:
            cells.setdefault(cell, []).append(i)
    for mine in covered:
        yield np.unique([j for cell in mine for j in cells[cell]])


def _support(low: np.ndarray, high: np.ndarray, tops: np.ndarray, shared: np.ndarray, gap_m: float) -> float:
    """The share of a box's bottom that is on the floor or on other boxes; `tops` are theirs."""
    if low[2] <= gap_m:
        return 1.0
    gaps = low[2] - tops
    below = (gaps > -TOLERANCE_M) & (gaps <= gap_m) & (shared[:, :2] > 0).all(axis=1)
    area = shared[below, 0] @ shared[below, 1]
    return float(area / math.prod(high[:2] - low[:2]))


def _outside(packing: Packing) -> list[str]:
    low, high = _corners(packing.placements)
    out = (low < -TOLERANCE_M).any(axis=1) | (high > np.array(packing.container.size_m) + TOLERANCE_M).any(axis=1)
    return [f"box {i} ({packing.placements[i].kind}) reaches out of the container" for i in np.flatnonzero(out)]


def _counted(packing: Packing, kinds: Sequence[BoxKind]) -> list[str]:
    placed, left = Counter(p.kind for p in packing.placements), dict(packing.left)
    found = [f"there is no kind '{name}'" for name in placed if name not in {kind.name for kind in kinds}]
    for kind in kinds:
        placed_now, left_now = placed[kind.name], left.get(kind.name, 0)
        if placed_now + left_now != kind.quantity:
            found.append(f"{placed_now} of {kind.name} are placed and {left_now} left, of {kind.quantity}")
    return found


def _turned(placements: Sequence[Placement], kinds: Sequence[BoxKind]) -> list[str]:
    """Boxes whose edges are not those of their kind, or whose vertical edge must not be vertical."""
    known = {kind.name: kind for kind in kinds}
    found = []
    for i, box in enumerate(placements):
        kind = known.get(box.kind)
        if kind is None:
            continue
        if sorted(kind.size_m) != sorted(box.size_m):
            found.append(f"box {i} ({box.kind}) has other edges than its kind")
        elif not any(ok and edge == box.size_m[2] for edge, ok in zip(kind.size_m, kind.upright, strict=True)):
            found.append(f"box {i} ({box.kind}) stands on an edge that must not be vertical")
    return found
