"""Blocks: equal boxes in equal orientation, side by side and in layers, that are placed as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from microcell.packing.boxes import BoxKind, Edges, Grid, orientations

MAX_BLOCKS = 12_000
"""About; single boxes come on top."""


@dataclass(frozen=True)
class Blocks:
    """Every block that can be built and fits; row for row: edges, boxes along each, kind, boxes, orientation."""

    edges: np.ndarray
    along: np.ndarray
    kind: np.ndarray
    count: np.ndarray
    turn: np.ndarray
    kinds: tuple[tuple[tuple[Edges, tuple[int, int, int]], ...], ...]
    """For each kind its orientations: the box's edges along x, y, z and which edges of the description those are."""

    @cached_property
    def volume(self) -> np.ndarray:
        """In cubic steps."""
        return self.edges.astype(float).prod(axis=1)

    def box(self, block: int) -> Edges:
        """Edges of one box of a block."""
        return self.kinds[self.kind[block]][self.turn[block]][0]


def build_blocks(kinds: Sequence[BoxKind], room: Edges, grid: Grid) -> Blocks:
    """All blocks of the kinds that fit into a room; of too many a choice of every size, single boxes too."""
    rows: list[tuple[int, ...]] = []
    turned = []
    for number, kind in enumerate(kinds):
        edges = grid.box(kind.size_m)
        turns = [((edges[a], edges[b], edges[c]), (a, b, c)) for a, b, c in orientations(edges, kind.upright)]
        turned.append(tuple(turns))
        for turn, (box, _) in enumerate(turns):
            rows += [(*row, number, turn) for row in _stacks(box, kind.quantity, room)]
    rows.sort(key=lambda row: (-row[0] * row[1] * row[2], row))
    table = np.array(_chosen(rows) or np.zeros((0, 8)), dtype=np.int64)
    along = table[:, 3:6]
    return Blocks(table[:, :3], along, table[:, 6], along.prod(axis=1), table[:, 7], tuple(turned))


def _chosen(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Of too many blocks, the largest first: half of them the largest, then every so many, and what is one box."""
    if len(rows) <= MAX_BLOCKS:
        return rows
    half = MAX_BLOCKS // 2
    rest = rows[half:]
    thinned = [rest[number * len(rest) // half] for number in range(half)]
    singles = [row for row in rest if row[3] * row[4] * row[5] == 1]
    return [*rows[:half], *sorted({*thinned, *singles}, key=lambda row: (-row[0] * row[1] * row[2], row))]


def _stacks(box: Edges, quantity: int, room: Edges) -> list[tuple[int, ...]]:
    """Edges, and boxes along each, of every block of at most so many boxes."""
    most = [room[axis] // box[axis] for axis in range(3)]
    found: list[tuple[int, ...]] = []
    for nx in range(1, min(most[0], quantity) + 1):
        for ny in range(1, min(most[1], quantity // nx) + 1):
            for nz in range(1, min(most[2], quantity // (nx * ny)) + 1):
                found.append((nx * box[0], ny * box[1], nz * box[2], nx, ny, nz))
    return found
