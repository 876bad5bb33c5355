"""Boxes, a container, and where each box stands in it.

The container's frame is in its lower corner, x along its length, y along its width, z up. Lengths are m.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

from microcell.errors import UsageError

MAX_KINDS = 200
MAX_BOXES = 20_000
MAX_STEPS = 20_000
"""Of the grid along one edge of a container."""

_ROUNDING = 1e-6
"""So much of a step is a rounding of floats."""
_NO_LENGTH_M = 1e-9

Edges = tuple[int, int, int]
"""Along x, y and z, in steps of the grid."""


@dataclass(frozen=True)
class BoxKind:
    """Equal boxes. `upright` says for each of the three edges whether it may stand vertically."""

    name: str
    size_m: tuple[float, float, float]
    quantity: int
    upright: tuple[bool, bool, bool] = (True, True, True)

    @property
    def volume_m3(self) -> float:
        """Of one box."""
        return math.prod(self.size_m)


@dataclass(frozen=True)
class Container:
    """The inside of a carton, a crate or a vehicle."""

    size_m: tuple[float, float, float]

    @property
    def volume_m3(self) -> float:
        return math.prod(self.size_m)


@dataclass(frozen=True)
class Placement:
    """One box: its lower corner and its edges in the container's frame."""

    kind: str
    corner_m: tuple[float, float, float]
    size_m: tuple[float, float, float]


@dataclass(frozen=True)
class Packing:
    """Boxes in a container in the order in which they can be put there from above, and how many were left out."""

    container: Container
    placements: tuple[Placement, ...]
    left: tuple[tuple[str, int], ...]

    @property
    def volume_use_ratio(self) -> float:
        """Volume of the boxes to that of the container."""
        return math.fsum(math.prod(p.size_m) for p in self.placements) / self.container.volume_m3

    @property
    def complete(self) -> bool:
        """Whether no box was left out."""
        return not any(number for _, number in self.left)


@dataclass(frozen=True)
class Grid:
    """Whole steps of `step_m`: a box is rounded up to them and the container down, so that nothing touches that must not."""

    step_m: float = 0.001

    @classmethod
    def fitting(cls, kinds: Iterable[BoxKind], container: Container) -> Grid:
        """The coarsest of 1, 0.1 and 0.01 mm on which all edges lie, else their common measure (a third of the container, or
        a sixteenth of an inch), else the finest of those three that the length permits.
        """
        edges = [*container.size_m, *(edge for kind in kinds for edge in kind.size_m)]
        edges = [edge for edge in edges if math.isfinite(edge) and edge > 0]
        grid = cls()
        for step_m in (0.0001, 0.00001):
            if grid._holds(edges) or max(container.size_m) / step_m > MAX_STEPS:
                break
            grid = cls(step_m)
        if grid._holds(edges) or (step_m := _common_measure(edges)) * MAX_STEPS < max(container.size_m):
            return grid
        common = cls(step_m)
        return common if common._holds(edges) else grid

    def _holds(self, edges: Iterable[float]) -> bool:
        """Whether all edges are whole numbers of steps."""
        return all(abs(edge / self.step_m - round(edge / self.step_m)) <= _ROUNDING for edge in edges)

    def box(self, size_m: tuple[float, float, float]) -> Edges:
        """Edges of a box in steps."""
        x, y, z = (max(1, math.ceil(edge / self.step_m - _ROUNDING)) for edge in size_m)
        return x, y, z

    def container(self, size_m: tuple[float, float, float]) -> Edges:
        """Edges of a container in steps."""
        x, y, z = (math.floor(edge / self.step_m + _ROUNDING) for edge in size_m)
        return x, y, z


def _common_measure(edges: Iterable[float]) -> float:
    """The length of which all edges are multiples, as far as floats tell: Euclid's algorithm."""
    measure = 0.0
    for edge in edges:
        rest = edge
        while rest > _NO_LENGTH_M:
            measure, rest = rest, abs(math.remainder(measure, rest))
    return measure


def orientations(edges: Edges, upright: tuple[bool, bool, bool]) -> tuple[tuple[int, int, int], ...]:
    """Which of a box's edges may lie along x, y and z; equal ones once."""
    found: dict[Edges, tuple[int, int, int]] = {}
    for along in permutations(range(3)):
        if upright[along[2]]:
            found.setdefault((edges[along[0]], edges[along[1]], edges[along[2]]), (along[0], along[1], along[2]))
    return tuple(found.values())


def check_problem(kinds: tuple[BoxKind, ...], container: Container, grid: Grid) -> None:
    """Raise `UsageError` for a problem that makes no sense or is too large."""
    sizes = [*container.size_m, *(edge for kind in kinds for edge in kind.size_m), grid.step_m]
    if not all(math.isfinite(edge) and edge > 0 for edge in sizes):
        raise UsageError("every edge of the container, of a box and of the grid is greater than 0. Correct the size.")
    if len({kind.name for kind in kinds}) < len(kinds):
        raise UsageError("two kinds of box have one name. Name each kind once.")
    if any(kind.quantity < 0 for kind in kinds) or any(not any(kind.upright) for kind in kinds):
        raise UsageError("a kind of box has 0 or more boxes, and at least one edge that may be vertical. Correct it.")
    if len(kinds) > MAX_KINDS or sum(kind.quantity for kind in kinds) > MAX_BOXES:
        raise UsageError(f"at most {MAX_KINDS} kinds and {MAX_BOXES} boxes are packed at once. Split the problem.")
    if max(container.size_m) / grid.step_m > MAX_STEPS:
        raise UsageError(f"the container is longer than {MAX_STEPS} steps of {grid.step_m:g} m. Use a coarser grid.")
