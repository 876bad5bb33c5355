"""What of a camera's view never changes: lens, lights, the bench with its stations, and how much light lies where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.driver_parameters import camera_parameters
from microcell.geometry import Pose
from microcell.motion.scene import Solid
from microcell.plant.render_lens import Lens, rotation
from microcell.plant.render_light import Lighting, spread
from microcell.plant.render_materials import grain, linear
from microcell.plant.render_meshes import Mesh, solid_mesh

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.integer[Any]]

BENCH_HALF_M = 3.0
_GRAIN_RATIO, _GRAIN_PX = 0.04, 1.2
_SHADE_M = 0.001
"""The bench's light is looked up about so often, but at least each `_COARSEST_PX` and at most each `_FINEST_PX` pixels."""

_FINEST_PX, _COARSEST_PX = 4, 8
_STRIP = 1 << 19


@dataclass(frozen=True)
class Hits:
    """What rays met: depth along the optical axis m, number of body and triangle, normal towards the camera."""

    depth_m: Floats
    body: Ints
    triangle: Ints
    normals: Floats

    def __getitem__(self, where: Any) -> Hits:
        return Hits(self.depth_m[where], self.body[where], self.triangle[where], self.normals[where])


class Stage:
    """One camera over its surroundings; `light` is the light that each pixel of the empty bench sends to the lens."""

    def __init__(self, camera: CameraSpec, around: Sequence[Solid]) -> None:
        self.lens = Lens(camera)
        self.lighting = Lighting(camera.light)
        self.ground = linear(camera_parameters(camera.parameters, "background_rgb").background_rgb)
        self._meshes = [_bench(), *((solid_mesh(solid.shape), solid.middle) for solid in around)]

    def bodies(self, meshes: Sequence[tuple[Mesh, Pose]] = ()) -> Any:
        """A scene to cast rays in: the surroundings, then other meshes at their poses; their numbers begin at `first`."""
        from microcell.libraries import open3d

        library = open3d()
        scene = library.t.geometry.RaycastingScene()
        for mesh, pose in (*self._meshes, *meshes):
            points = mesh.points @ rotation(pose).T + pose.position
            scene.add_triangles(
                library.core.Tensor(points.astype(np.float32)), library.core.Tensor(np.ascontiguousarray(mesh.faces))
            )
        return scene

    @property
    def first(self) -> int:
        """Number of the first body that is not of the surroundings."""
        return len(self._meshes)

    def cast(self, bodies: Any, directions: Floats) -> Hits:
        """What the camera sees in (n, 3) directions; a depth of infinity where nothing is."""
        from microcell.libraries import open3d

        rays = np.empty((len(directions), 6), np.float32)
        rays[:, :3], rays[:, 3:] = self.lens.origin, directions
        found = bodies.cast_rays(open3d().core.Tensor(rays))
        normals = found["primitive_normals"].numpy()
        away = np.einsum("ij,ij->i", normals, directions) > 0.0
        normals[away] *= -1.0
        return Hits(found["t_hit"].numpy(), found["geometry_ids"].numpy(), found["primitive_ids"].numpy(), normals)

    @cached_property
    def falloff(self) -> Floats:
        """Light over the field, (height, width): 4 % less in the corners, and a slope of 2 % along x."""
        x = np.linspace(-1.0, 1.0, self.lens.width, dtype=np.float32)[None, :]
        y = np.linspace(-1.0, 1.0, self.lens.height, dtype=np.float32)[:, None]
        level: Floats = 1.0 - np.float32(0.02) * (x * x + y * y) + np.float32(0.01) * x
        return level

    @property
    def light(self) -> Floats:
        """Light from the empty bench for each pixel, (height, width), of that from a level surface of its colour."""
        return self._empty[0]

    @property
    def depth_m(self) -> Floats:
        """Depth of the empty bench for each pixel, (height, width); infinity where nothing is."""
        return self._empty[1]

    @cached_property
    def _empty(self) -> tuple[Floats, Floats]:
        lens, size = self.lens, (self.lens.height, self.lens.width)
        field = spread(self.seen, np.ones(self.seen.shape[:2], bool), self.stride, size[::-1])
        field = field.reshape(lens.width * lens.height, -1)
        level, depth = np.empty(len(field), np.float32), np.empty(len(field), np.float32)
        for start in range(0, len(field), _STRIP):
            part = np.arange(start, min(start + _STRIP, len(field)))
            directions = lens.directions(part)
            hits = self.cast(self._bare, directions)
            depth[part] = hits.depth_m
            level[part] = np.where(
                np.isfinite(hits.depth_m), self.lighting.on(hits.normals, directions, field[part]), np.float32(0.0)
            )
        rough = 1.0 + np.float32(_GRAIN_RATIO) * grain(lens.width, lens.height, _GRAIN_PX, seed=1)
        return level.reshape(size) * rough * self.falloff, depth.reshape(size)

    @cached_property
    def _bare(self) -> Any:
        return self.bodies()

    @cached_property
    def stride(self) -> int:
        """The bench's light is looked up in one of so many pixels along both axes."""
        middle = np.array((self.lens.height // 2 * self.lens.width + self.lens.width // 2,))
        depth = float(self.cast(self._bare, self.lens.directions(middle)).depth_m[0])
        height = float(self.lens.origin[2]) - depth if np.isfinite(depth) else 0.0
        return int(np.clip(round(_SHADE_M * self.lens.scale_px_m(height)), _FINEST_PX, _COARSEST_PX))

    @cached_property
    def grid(self) -> tuple[Ints, Floats, Floats]:
        """Numbers of those pixels (rows, columns), and what they show of the empty bench: points and normals."""
        rows = np.arange(0, self.lens.height, self.stride) * self.lens.width
        numbers = rows[:, None] + np.arange(0, self.lens.width, self.stride)
        directions = self.lens.directions(numbers.ravel())
        hits = self.cast(self._bare, directions)
        points = self.lens.origin + np.where(np.isfinite(hits.depth_m), hits.depth_m, 1.0)[:, None] * directions
        return numbers, points.astype(np.float32), hits.normals

    @cached_property
    def seen(self) -> Floats:
        """What these pixels of the empty bench see of the lights, (rows, columns, 1 + lamps)."""
        numbers, points, normals = self.grid
        return self.lighting.seen_from(self._bare, points, normals).reshape(*numbers.shape, -1)


@lru_cache(maxsize=8)
def _stage(told: str, around: tuple[Solid, ...]) -> Stage:
    return Stage(CameraSpec.model_validate_json(told), around)


def stage_of(camera: CameraSpec, around: tuple[Solid, ...]) -> Stage:
    """The stage of a camera, made once."""
    return _stage(camera.model_dump_json(), around)


def _bench() -> tuple[Mesh, Pose]:
    half = BENCH_HALF_M
    points = np.array(((-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)))
    return Mesh(points, np.array(((0, 1, 2), (0, 2, 3)), np.uint32), 2), Pose()
