"""The solids of a robot's links: as its file has them, else fitted to what is seen, else to the kinematics.

Meshes count where their file is there (as the convex body around them); a robot file whose meshes are elsewhere loads
all the same. A link without any usable shape becomes a rod (`rods.py`): coarse, but it stands where the link stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec, SphereShape
from microcell.geometry import Pose
from microcell.motion.hulls import THINNEST_M, mesh_hull
from microcell.motion.robot_elements import Primitive
from microcell.motion.robot_file import Chain, FileJoint, RobotFile, RobotFileError
from microcell.motion.rods import Rods

Placed = tuple[ShapeSpec, Pose]
"""A primitive and the pose of its middle in its link's frame. Its own `at` is not used."""

Rgba = tuple[float, float, float, float]
Drawn = tuple[ShapeSpec, Pose, Rgba]
"""The same with its colour, each 0 to 1."""

GREY: Rgba = (0.75, 0.77, 0.80, 1.0)
MOST_M = 10.0
MAX_MESH_BYTES = 50_000_000


def felt(robot: RobotFile, chain: Chain) -> dict[str, list[Placed]]:
    """The solids to check for collisions, by link; for each link under the base that has a body."""
    carrying = {joint.child for joint in chain.joints}
    rods = Rods(robot, chain)
    found = {}
    for name in [chain.base, *(joint.child for joint in robot.below(chain.base))]:
        link = robot.links[name]
        solids = placed(robot.path, link.collisions) or placed(robot.path, link.visuals)
        if far := next((joint for joint in robot.children.get(name, ()) if _length_m(joint) > MOST_M), None):
            _check_size(robot.path, f"the link {name}, up to joint {far.name},", [_length_m(far)])
        if not solids and (name in carrying or link.collisions or link.visuals or link.inertial):
            solids = rods.of(link)
        if solids:
            found[name] = solids
    return found


def meshes_not_read(robot: RobotFile, chain: Chain) -> tuple[str, ...]:
    """Meshes that are no solids because their files are not there or cannot be read, of links that need them."""
    links = [robot.links[name] for name in (chain.base, *(joint.child for joint in robot.below(chain.base)))]
    needed = [link.collisions or link.visuals for link in links]
    meshes = (part for parts in needed for part in parts if part.kind == "mesh")
    return tuple(dict.fromkeys(part.mesh for part in meshes if not _mesh(robot.path, part)))


def _length_m(joint: FileJoint) -> float:
    return math.hypot(*joint.origin.position)


def seen(robot: RobotFile, chain: Chain) -> dict[str, list[Drawn]]:
    """What a picture shows, by link: the primitives of `visual`, else the solids in grey."""
    found: dict[str, list[Drawn]] = {}
    for name, solids in felt(robot, chain).items():
        visuals = [part for part in robot.links[name].visuals if part.kind != "mesh"]
        drawn = [(shape, pose, part.rgba or GREY) for part in visuals for shape, pose in _shapes(robot.path, part)]
        found[name] = drawn or [(shape, pose, GREY) for shape, pose in solids]
    return found


def placed(path: Path, parts: Sequence[Primitive]) -> list[Placed]:
    found = []
    for part in parts:
        found += _mesh(path, part) if part.kind == "mesh" else _shapes(path, part)
    return found


def _check_size(path: Path, what: str, sizes: Sequence[float]) -> None:
    """RobotFileError for a solid that is no robot's: mostly its numbers are mm."""
    if max(sizes) > MOST_M:
        remedy = "URDF is in m: give lengths in m, and meshes that are in mm scale='0.001 0.001 0.001'"
        raise RobotFileError(path, f"{what} is {max(sizes):.4g} m large, more than {MOST_M:g} m", remedy)


def _shapes(path: Path, part: Primitive) -> list[Placed]:
    _check_size(path, f"a {part.kind}", part.sizes)
    sizes = [max(size, THINNEST_M) for size in part.sizes]
    if part.kind == "box":
        return [(BoxShape(box_m=(sizes[0], sizes[1], sizes[2])), part.pose)]
    if part.kind == "sphere":
        return [(SphereShape(sphere_radius_m=sizes[0]), part.pose)]
    cylinder = (CylinderShape(radius_m=sizes[0], length_m=sizes[1]), part.pose)
    if part.kind == "cylinder":
        return [cylinder]
    ends = (part.pose @ Pose((0.0, 0.0, half)) for half in (-sizes[1] / 2, sizes[1] / 2))
    return [cylinder, *((SphereShape(sphere_radius_m=sizes[0]), end) for end in ends)]


def _mesh(path: Path, part: Primitive) -> list[Placed]:
    """The convex body around a mesh, nothing where its file is not there or cannot be read."""
    found = _mesh_file(path, part.mesh)
    x, y, z = part.sizes
    hull = mesh_hull(found, found.stat().st_mtime_ns, (x, y, z)) if found is not None else None
    if found is None or hull is None:
        return []
    shape, middle = hull
    _check_size(path, f"the mesh {found.name}", shape.box_m)
    return [(shape, part.pose @ Pose(middle))]


def _mesh_file(path: Path, name: str) -> Path | None:
    """Where a mesh is: beside the robot file, or in its package, which is looked for in the folders above.

    Raises RobotFileError for one that lies elsewhere or is too large: whoever gives a robot file gives its meshes with it.
    """
    scheme, _, rest = name.rpartition("://")
    if scheme != "package":
        own = next((folder for folder in path.parents if (folder / "package.xml").is_file()), path.parent)
        return _inside(path, own, Path(rest) if rest.startswith("/") else path.parent / rest)
    package, _, inside = rest.partition("/")
    for folder in path.parents:
        home = folder if folder.name == package else folder / package
        for root, candidate in ((home, home / inside), (folder / "share" / package, folder / "share" / rest)):
            if found := _inside(path, root, candidate):
                return found
    return None


def _inside(path: Path, root: Path, mesh: Path) -> Path | None:
    if not mesh.is_file():
        return None
    if not mesh.resolve().is_relative_to(root.resolve()):
        raise RobotFileError(path, f"the mesh {mesh} lies outside of {root}", "Put it into the robot file's folder")
    if mesh.stat().st_size > MAX_MESH_BYTES:
        raise RobotFileError(path, f"the mesh {mesh} is larger than {MAX_MESH_BYTES} bytes", "Simplify it")
    return mesh
