"""The scene of an arm: named bodies, each of some solids, with poses in the cell frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec, SphereShape
from microcell.errors import UsageError
from microcell.geometry import Pose, Vector
from microcell.motion.hulls import HullShape

ROOM, JAW, FORK = "room", "jaw", "fork"
"""Names of solids: room that nobody sees, for what may be there, such as the unit in a fixture; a fixture's closed jaws; the
fork that a tool hangs in."""


@dataclass(frozen=True, slots=True)
class Solid:
    """One solid. `pose` is the frame of what it belongs to; the shape's own `at` is in that frame."""

    name: str
    shape: ShapeSpec
    pose: Pose = field(default_factory=Pose)

    @property
    def middle(self) -> Pose:
        """Pose of the solid's middle, in the frame that `pose` is in."""
        return self.pose @ self.shape.at.pose

    def seen_from(self, outer: Pose) -> Solid:
        """The same solid in the frame around, where its own frame has the pose `outer`."""
        return replace(self, pose=outer @ self.pose)


@dataclass(frozen=True)
class Scene:
    """Bodies by name, in the cell frame. Never changes: what is put in or taken out makes another scene."""

    bodies: Mapping[str, tuple[Solid, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.bodies)

    def __contains__(self, name: object) -> bool:
        return name in self.bodies

    def __getitem__(self, name: str) -> tuple[Solid, ...]:
        try:
            return self.bodies[name]
        except KeyError:
            raise UsageError(f"the scene has no body '{name}'; it has: {', '.join(self.bodies)}.") from None

    def with_body(self, name: str, solids: Iterable[Solid]) -> Scene:
        """With a body, instead of one that has the same name."""
        return Scene(MappingProxyType({**self.bodies, name: tuple(solids)}))

    def without(self, *names: str) -> Scene:
        """Without some bodies; a name that is not there is no mistake."""
        return Scene(MappingProxyType({name: solids for name, solids in self.bodies.items() if name not in names}))


def box(name: str, edges_m: Vector, middle: Pose) -> Solid:
    """A box by its edges and its middle."""
    return Solid(name, BoxShape(box_m=edges_m), middle)


def cylinder(name: str, radius_m: float, length_m: float, middle: Pose) -> Solid:
    """A cylinder along z by its middle."""
    return Solid(name, CylinderShape(radius_m=radius_m, length_m=length_m), middle)


def sphere(name: str, radius_m: float, middle: Pose) -> Solid:
    """A sphere by its middle."""
    return Solid(name, SphereShape(sphere_radius_m=radius_m), middle)


def grown(solid: Solid, by_m: float) -> Solid:
    """The solid with every face moved out by a distance, m."""
    shape = solid.shape
    if by_m == 0.0:
        return solid
    if isinstance(shape, HullShape):
        return replace(solid, shape=shape.model_copy(update={"grown_m": shape.grown_m + by_m}))
    if isinstance(shape, BoxShape):
        x, y, z = shape.box_m
        return replace(solid, shape=shape.model_copy(update={"box_m": (x + 2 * by_m, y + 2 * by_m, z + 2 * by_m)}))
    if isinstance(shape, CylinderShape):
        size = {"radius_m": shape.radius_m + by_m, "length_m": shape.length_m + 2 * by_m}
        return replace(solid, shape=shape.model_copy(update=size))
    return replace(solid, shape=shape.model_copy(update={"sphere_radius_m": shape.sphere_radius_m + by_m}))
