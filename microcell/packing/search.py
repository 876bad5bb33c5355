"""Pack boxes by building blocks into free spaces, and looking ahead by beam search.

A block is valued by its volume, by how much of the space's rest the edges of the boxes that are left can still fill (a
subset sum along each axis), and by how few boxes it has. Each partial packing in the beam is completed greedily, and the
ones with the best completions go on (after Araya and Riff, "A beam search approach to the container loading problem",
2014). The work is bounded by a number of placements, not by time: the same problem and effort give the same packing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from microcell.packing.blocks import Blocks, build_blocks
from microcell.packing.boxes import BoxKind, Container, Edges, Grid, Packing, Placement, check_problem
from microcell.packing.spaces import Space, place

EFFORT = 20_000
WIDEST = 64
FILLING, FEW_BOXES = 4.0, 0.2
"""Exponents of the value: how much the rest of the space can be filled, and how few boxes the block has."""


@dataclass(frozen=True)
class Put:
    """A block at its lower corner, and what was put before it."""

    block: int
    corner: Edges
    before: Put | None


@dataclass(frozen=True)
class Partial:
    """A packing under way. `spaces` are still free, `left` counts boxes of each kind, `volume` is what is packed."""

    spaces: tuple[Space, ...]
    left: tuple[int, ...]
    volume: float
    last: Put | None


def pack(kinds: Sequence[BoxKind], container: Container, grid: Grid | None = None, effort: int = EFFORT) -> Packing:
    """Put as much volume as possible into a container.

    `effort` bounds how many blocks are tried in all; `grid` is what lengths are rounded to; without it one on
    which they lie. Raises `UsageError` for a problem without sense.
    """
    wanted = tuple(kinds)
    grid = grid or Grid.fitting(wanted, container)
    check_problem(wanted, container, grid)
    search = _Search(wanted, grid.container(container.size_m), grid)
    best = search.run(effort)
    placements = _placements(best, search.blocks, wanted, grid)
    left = tuple((kind.name, number) for kind, number in zip(wanted, best.left, strict=True))
    return Packing(container, placements, left)


class _Search:
    """One problem with its blocks; `tried` counts placements."""

    def __init__(self, kinds: tuple[BoxKind, ...], room: Edges, grid: Grid) -> None:
        self.room = room
        self.blocks = build_blocks(kinds, room, grid)
        self.tried = 0
        self._quantities = tuple(kind.quantity for kind in kinds)
        self._fillable: dict[tuple[bool, ...], tuple[list[np.ndarray], Edges]] = {}

    def run(self, effort: int) -> Partial:
        """Search with beams of growing width until the effort is spent."""
        start = Partial(((0, 0, 0, *self.room),), self._quantities, 0.0, None)
        best = self._complete(start)
        width = 1
        while self.tried < effort and any(best.left) and width <= WIDEST:
            found = self._beam(start, width, effort)
            best = max(best, found, key=lambda partial: partial.volume)
            width = max(width + 1, round(width * 1.5))
        return best

    def _beam(self, start: Partial, width: int, effort: int) -> Partial:
        beam, best = [start], start
        while beam and self.tried < effort:
            children: dict[tuple[float, tuple[int, ...], float], tuple[Partial, Partial]] = {}
            for partial in beam:
                for child in self._children(partial, width):
                    whole = self._complete(child)
                    children.setdefault((whole.volume, child.left, child.volume), (child, whole))
            ranked = sorted(children.values(), key=lambda pair: -pair[1].volume)[:width]
            beam = [child for child, _ in ranked]
            best = max([best, *(whole for _, whole in ranked)], key=lambda partial: partial.volume)
        return best

    def _children(self, partial: Partial, width: int) -> Iterator[Partial]:
        """The packings with one of the best blocks in the space that is filled next."""
        spaces = list(partial.spaces)
        while spaces:
            space = min(spaces, key=self._distance)
            chosen = self._best_blocks(space, partial.left, width)
            if len(chosen):
                now = replace(partial, spaces=tuple(spaces))
                yield from (self._put(now, space, int(block)) for block in chosen)
                return
            spaces.remove(space)

    def _complete(self, partial: Partial) -> Partial:
        """Always take the best block until nothing fits."""
        while (following := next(self._children(partial, 1), None)) is not None:
            partial = following
        return partial

    def _distance(self, space: Space) -> tuple[int, ...]:
        """How far a space is from the container's corners, floor first; among equals the larger first."""
        x = sorted((space[0], self.room[0] - space[3]))
        y = sorted((space[1], self.room[1] - space[4]))
        volume = (space[3] - space[0]) * (space[4] - space[1]) * (space[5] - space[2])
        return x[0] + y[0] + space[2], -volume, *space

    def _best_blocks(self, space: Space, left: tuple[int, ...], number: int) -> np.ndarray:
        """The blocks with the highest value in a space, the best first."""
        blocks, size = self.blocks, (space[3] - space[0], space[4] - space[1], space[5] - space[2])
        fits = (blocks.edges <= size).all(axis=1) & (blocks.count <= np.array(left)[blocks.kind])
        index = np.flatnonzero(fits)
        if not len(index):
            return index
        reach, _ = self._reach(left)
        rest = np.ones(len(index))
        for axis in range(3):
            edges = blocks.edges[index, axis]
            rest *= (edges + reach[axis][size[axis] - edges]) / size[axis]
        value = blocks.volume[index] * rest**FILLING * blocks.count[index] ** -FEW_BOXES
        if number == 1:
            return index[[int(value.argmax())]]
        return index[np.argsort(-value, kind="stable")[:number]]

    def _put(self, partial: Partial, space: Space, block: int) -> Partial:
        """Put a block into the corner of a space that is nearest to the container's."""
        self.tried += 1
        edges = [int(edge) for edge in self.blocks.edges[block]]
        x0 = space[0] if space[0] <= self.room[0] - space[3] else space[3] - edges[0]
        y0 = space[1] if space[1] <= self.room[1] - space[4] else space[4] - edges[1]
        corner = (x0, y0, space[2])
        kind, count = int(self.blocks.kind[block]), int(self.blocks.count[block])
        left = (*partial.left[:kind], partial.left[kind] - count, *partial.left[kind + 1 :])
        taken: Space = (*corner, x0 + edges[0], y0 + edges[1], space[2] + edges[2])
        spaces = place(partial.spaces, taken, self._reach(left)[1])
        volume = partial.volume + float(self.blocks.volume[block])
        return Partial(tuple(spaces), left, volume, Put(block, corner, partial.last))

    def _reach(self, left: tuple[int, ...]) -> tuple[list[np.ndarray], Edges]:
        """Along each axis the most of a length that edges of boxes that are left can fill; and the least edges."""
        there = tuple(number > 0 for number in left)
        if there not in self._fillable:
            boxes = [box for kind, turns in enumerate(self.blocks.kinds) if there[kind] for box, _ in turns]
            reach = [_sums({box[axis] for box in boxes}, self.room[axis]) for axis in range(3)]
            x, y, z = (min((box[axis] for box in boxes), default=self.room[axis] + 1) for axis in range(3))
            self._fillable[there] = reach, (x, y, z)
        return self._fillable[there]


def _sums(edges: set[int], length: int) -> np.ndarray:
    """For each length up to `length` the largest sum of edges, each as often as one likes, that is not longer."""
    can, within = 1, (1 << length + 1) - 1
    for edge in sorted(edges):
        step = edge
        while step <= length:
            can |= can << step & within
            step *= 2
    octets = np.frombuffer(can.to_bytes(length // 8 + 1, "little"), np.uint8)
    bits = np.unpackbits(octets, count=length + 1, bitorder="little")
    return np.maximum.accumulate(np.where(bits, np.arange(length + 1), 0))


def _placements(found: Partial, blocks: Blocks, kinds: Sequence[BoxKind], grid: Grid) -> tuple[Placement, ...]:
    """The single boxes, from the bottom up."""
    boxes = []
    put = found.last
    while put is not None:
        kind = kinds[int(blocks.kind[put.block])]
        edges, turn = blocks.kinds[int(blocks.kind[put.block])][int(blocks.turn[put.block])]
        size = (kind.size_m[turn[0]], kind.size_m[turn[1]], kind.size_m[turn[2]])
        counts = [range(int(n)) for n in blocks.along[put.block]]
        for i, j, k in ((i, j, k) for k in counts[2] for j in counts[1] for i in counts[0]):
            at = (put.corner[0] + i * edges[0], put.corner[1] + j * edges[1], put.corner[2] + k * edges[2])
            boxes.append((at, kind.name, size))
        put = put.before
    boxes.sort(key=lambda box: (box[0][2], box[0][1], box[0][0]))
    step = grid.step_m
    return tuple(Placement(name, (x * step, y * step, z * step), size) for (x, y, z), name, size in boxes)
