"""One look at things on a stage: rays where they are, more of them at edges, and their shadows on the bench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.extents import top_m
from microcell.plant.render_lens import rotation
from microcell.plant.render_light import spread
from microcell.plant.render_materials import surface
from microcell.plant.render_meshes import Mesh, part_mesh
from microcell.plant.render_stage import Hits, Stage

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.plant.scene import SceneItem

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.integer[Any]]

_SAMPLES = ((1, 3), (-3, -1), (3, 0), (-1, -3), (2, -2), (-2, 2), (0, 1), (-4, 4))
"""More rays of an edge pixel, in eighths of a pixel from its centre: no two in one row or column."""

_LAYERS = 64
_SIDE = 32
_STRIDE_PX = 4
"""Shadows on things are looked up in one of so many pixels along both axes."""

_MARGIN_PX = 2
_UNKNOWN, _BENCH = -1, -2
_AROUND = np.ones((3, 3), np.uint8)


class Shot:
    """What a camera gets of some things: `light`, (height, width, 3), and `depth_m`, (height, width)."""

    def __init__(self, stage: Stage, items: Sequence[SceneItem]) -> None:
        self._stage = stage
        meshes = [part_mesh(item.part, item.edges) for item in items]
        seen = [(item, mesh, _Box.around(stage, item, mesh)) for item, mesh in zip(items, meshes, strict=True)]
        self._things = [_Thing(item, mesh, box, stage.lighting.count) for item, mesh, box in seen if box is not None]
        self._bodies = stage.bodies([(thing.mesh, thing.item.part_in_cell) for thing in self._things])
        size = (stage.lens.height, stage.lens.width)
        self._code = np.zeros(size, np.int32)
        self._bench = stage.light.copy()
        self.depth_m = stage.depth_m.copy()
        self._look()
        self._shade_bench()
        self.light = cv2.merge([self._bench * part for part in stage.ground])
        self._draw()
        self._smooth_edges()

    def _look(self) -> None:
        """Find what each pixel shows that could show a thing.

        A ray for one pixel in four comes first. Where its neighbours all meet the same level top, what lies between is
        that top as well, and is worked out; the rest is cast.
        """
        covered = np.zeros(self._code.shape, bool)
        for thing in self._things:
            covered[thing.box.slices] = True
        self._tops = self._between(covered)
        self._pixels = np.flatnonzero(covered & (self._tops != _BENCH))
        self._directions = self._stage.lens.directions(self._pixels)
        self._hits = self._meet(self._directions, self._tops.ravel()[self._pixels])
        self.depth_m.ravel()[self._pixels] = self._hits.depth_m

    def _between(self, covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """For each pixel the number of the thing whose top it shows for certain, `_BENCH`, or `_UNKNOWN`."""
        width = covered.shape[1]
        coarse = np.full((-(-covered.shape[0] // 2), -(-width // 2)), _UNKNOWN, np.int32)
        row, column = np.nonzero(covered[::2, ::2])
        hits = self._stage.cast(self._bodies, self._stage.lens.directions(2 * row * width + 2 * column))
        number = hits.body.astype(np.int64) - self._stage.first
        limits = np.array([thing.mesh.tops for thing in self._things] or [0])
        top = (number >= 0) & (number < len(limits)) & (hits.triangle < limits[np.clip(number, 0, len(limits) - 1)])
        coarse[row, column] = np.where(top, number, np.where(number < 0, _BENCH, _UNKNOWN))
        return _filled_in(coarse, covered.shape)

    def _meet(self, directions: Floats, tops: Ints) -> Hits:
        """What rays meet: the tops that are known, by plain geometry, all else by casting."""
        count = len(directions)
        depth_m, normals = np.zeros(count, np.float32), np.zeros((count, 3), np.float32)
        hits = Hits(depth_m, np.zeros(count, np.int64), np.zeros(count, np.int64), normals)
        unknown = np.flatnonzero(tops < 0)
        cast = self._stage.cast(self._bodies, directions[unknown])
        hits.depth_m[unknown], hits.body[unknown] = cast.depth_m, cast.body
        hits.triangle[unknown], hits.normals[unknown] = cast.triangle, cast.normals
        for number, thing in enumerate(self._things):
            mine = np.flatnonzero(tops == number)
            if len(mine):
                normal, above = thing.top_seen_from(self._stage.lens.origin)
                hits.depth_m[mine] = above / (directions[mine] @ normal)
                hits.body[mine], hits.normals[mine] = self._stage.first + number, normal
        return hits

    def _draw(self) -> None:
        row, column = np.divmod(self._pixels, self._code.shape[1])
        chosen = (row % _STRIDE_PX == 0) & (column % _STRIDE_PX == 0)
        flat_light, flat_code = self.light.reshape(-1, 3), self._code.reshape(-1)
        for number, thing in enumerate(self._things):
            mine = np.flatnonzero(self._hits.body == self._stage.first + number)
            if len(mine) == 0:
                continue
            hits, directions = self._hits[mine], self._directions[mine]
            points = self._stage.lens.origin + hits.depth_m[:, None] * directions
            few = np.flatnonzero(chosen[mine])
            seen = self._stage.lighting.seen_from(self._bodies, points[few], hits.normals[few])
            thing.note_lights(self._pixels[mine[few]], seen, self._code.shape[1])
            colours, code = self._coloured(number, thing, points, hits)
            level = self._lit(thing, self._pixels[mine], hits.normals, directions)
            flat_light[self._pixels[mine]] = colours * level[:, None]
            flat_code[self._pixels[mine]] = code

    def _smooth_edges(self) -> None:
        """Give the pixels where one thing or layer meets another the mean of several rays."""
        pixels = np.flatnonzero(self._edges())
        if len(pixels) == 0:
            return
        shifts = [(x / 8, y / 8) for x, y in _SAMPLES]
        directions = np.concatenate([self._stage.lens.directions(pixels, shift) for shift in shifts])
        many = np.tile(pixels, len(shifts))
        inner = cv2.erode(self._tops.astype(np.float32), _AROUND) == cv2.dilate(self._tops.astype(np.float32), _AROUND)
        hits = self._meet(directions, np.where(inner, self._tops, _UNKNOWN).ravel()[many])
        light = self._bench.ravel()[many][:, None] * self._stage.ground
        for number, thing in enumerate(self._things):
            mine = np.flatnonzero(hits.body == self._stage.first + number)
            if len(mine) == 0:
                continue
            points = self._stage.lens.origin + hits.depth_m[mine, None] * directions[mine]
            colours, _ = self._coloured(number, thing, points, hits[mine])
            level = self._lit(thing, many[mine], hits.normals[mine], directions[mine])
            light[mine] = colours * level[:, None]
        self.light.reshape(-1, 3)[pixels] = light.reshape(len(shifts), -1, 3).mean(axis=0)

    def _coloured(self, number: int, thing: _Thing, points: Floats, hits: Hits) -> tuple[Floats, Ints]:
        on_top = hits.triangle < thing.mesh.tops
        colours, layers = surface(thing.item, thing.local(points), on_top)
        return colours, (number + 1) * _LAYERS + layers + _SIDE * ~on_top

    def _lit(self, thing: _Thing, pixels: Ints, normals: Floats, directions: Floats) -> Floats:
        seen = thing.lights_at(pixels, self._code.shape[1])
        level: Floats = self._stage.lighting.on(normals, directions, seen) * self._stage.falloff.ravel()[pixels]
        return level

    def _edges(self) -> npt.NDArray[np.bool_]:
        """Where a neighbour along a row or column shows something else."""
        code = self._code
        edges = np.zeros(code.shape, bool)
        across, down = code[:, 1:] != code[:, :-1], code[1:] != code[:-1]
        edges[:, 1:] |= across
        edges[:, :-1] |= across
        edges[1:] |= down
        edges[:-1] |= down
        return edges

    def _shade_bench(self) -> None:
        """Take from the bench the light that the things on it keep away."""
        stage, window = self._stage, self._shadows_window()
        if window is None:
            return
        numbers, points, normals = stage.grid
        rows, columns = window
        few = (np.arange(numbers.size).reshape(numbers.shape)[rows, columns]).ravel()
        seen = stage.lighting.seen_from(self._bodies, points[few], normals[few])
        directions = stage.lens.directions(numbers.ravel()[few])
        before = stage.lighting.on(normals[few], directions, stage.seen.reshape(numbers.size, -1)[few])
        after = stage.lighting.on(normals[few], directions, seen)
        ratio: Floats = (after / np.maximum(before, np.float32(1e-6))).astype(np.float32)
        ratio = ratio.reshape(numbers[rows, columns].shape)
        stride = stage.stride
        area = self._bench[rows.start * stride : rows.stop * stride, columns.start * stride : columns.stop * stride]
        area *= spread(ratio[..., None], np.ones(ratio.shape, bool), stride, area.shape[::-1])[..., 0]

    def _shadows_window(self) -> tuple[slice, slice] | None:
        """The part of the stage's grid on which shadows can fall, by rows and columns."""
        if not self._things:
            return None
        reach = max(thing.item.top_m() * self._stage.lighting.reach_ratio for thing in self._things)
        grow = int(reach * self._stage.lens.scale_px_m(max(thing.item.top_m() for thing in self._things)))
        boxes = [thing.box for thing in self._things]
        stride, shape = self._stage.stride, self._stage.grid[0].shape
        rows = slice(max(0, (min(b.top for b in boxes) - grow) // stride),
                     min(shape[0], (max(b.bottom for b in boxes) + grow) // stride + 2))  # fmt: skip
        columns = slice(max(0, (min(b.left for b in boxes) - grow) // stride),
                        min(shape[1], (max(b.right for b in boxes) + grow) // stride + 2))  # fmt: skip
        return rows, columns


def _filled_in(coarse: Ints, size: tuple[int, int]) -> npt.NDArray[np.int32]:
    """What is known for one pixel in four, for those between as well where their neighbours agree, else `_UNKNOWN`."""
    right, below = np.roll(coarse, -1, axis=1), np.roll(coarse, -1, axis=0)
    across, down = coarse == right, coarse == below
    both = across & down & (coarse == np.roll(right, -1, axis=0))
    found = np.full(size, _UNKNOWN, np.int32)
    for row, column, certain in ((0, 0, np.ones_like(across)), (0, 1, across), (1, 0, down), (1, 1, both)):
        part = found[row::2, column::2]
        part[:] = np.where(certain, coarse, _UNKNOWN)[: part.shape[0], : part.shape[1]]
    found[-1], found[:, -1] = _UNKNOWN, _UNKNOWN
    return found


class _Box:
    """A rectangle of the image that begins at multiples of the stride."""

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self.slices = (slice(top, bottom), slice(left, right))

    @classmethod
    def around(cls, stage: Stage, item: SceneItem, mesh: Mesh) -> _Box | None:
        """Around a thing in the image; None where nothing of it is."""
        points = mesh.points @ rotation(item.part_in_cell).T + item.part_in_cell.position
        pixels = stage.lens.pixels(points)
        limits = (stage.lens.width, stage.lens.height)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - _MARGIN_PX, 0) // _STRIDE_PX * _STRIDE_PX
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + _MARGIN_PX + 1, limits)
        return cls(*map(int, low), *map(int, high)) if (high > low).all() else None


class _Thing:
    """A thing in view, and what its pixels see of the lights: of all, where it is too small for a look."""

    def __init__(self, item: SceneItem, mesh: Mesh, box: _Box, lights: int) -> None:
        self.item, self.mesh, self.box = item, mesh, box
        self._lights = lights
        back = item.part_in_cell.inverse()
        self._from_cell = np.hstack((rotation(back), np.array(back.position)[:, None]))
        self._field: Floats | None = None

    def local(self, points: Floats) -> Floats:
        """(n, 3) points of the cell in the part's frame."""
        moved: Any = cv2.transform(points[None], self._from_cell)
        found: Floats = moved[0]
        return found

    def top_seen_from(self, eye: Floats) -> tuple[Floats, float]:
        """Normal of the top, and how far it lies along it from a point in the cell, m."""
        normal = rotation(self.item.part_in_cell)[:, 2]
        top = self.item.part_in_cell.apply((0.0, 0.0, top_m(self.item.part)))
        return normal.astype(np.float32), float(normal @ (np.array(top) - eye))

    def note_lights(self, pixels: Ints, seen: Floats, width: int) -> None:
        """Note what some of its pixels see of the lights."""
        box = self.box
        rows, columns = -(-(box.bottom - box.top) // _STRIDE_PX), -(-(box.right - box.left) // _STRIDE_PX)
        values = np.ones((rows, columns, seen.shape[1]), np.float32)
        known = np.zeros((rows, columns), bool)
        row, column = np.divmod(pixels, width)
        at = ((row - box.top) // _STRIDE_PX, (column - box.left) // _STRIDE_PX)
        values[at], known[at] = seen, True
        self._field = spread(values, known, _STRIDE_PX, (box.right - box.left, box.bottom - box.top))

    def lights_at(self, pixels: Ints, width: int) -> Floats:
        """What pixels see of the lights, (n, 1 + lamps)."""
        row, column = np.divmod(pixels, width)
        if self._field is None:
            return np.ones((len(pixels), self._lights), np.float32)
        found: Floats = self._field[
            np.clip(row - self.box.top, 0, self._field.shape[0] - 1),
            np.clip(column - self.box.left, 0, self._field.shape[1] - 1),
        ]
        return found
