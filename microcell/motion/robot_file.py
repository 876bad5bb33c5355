"""Robot files: URDF, or xacro that becomes URDF, read into links and joints.

Only what a serial arm needs is read (http://wiki.ros.org/urdf/XML); transmissions, sensors, ros2_control and
Gazebo elements are passed over. A file that cannot be used raises RobotFileError.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from microcell.errors import MicrocellError
from microcell.geometry import IDENTITY, Pose, Vector
from microcell.motion.robot_elements import (
    Inertial,
    Primitive,
    colour_of,
    inertial_of,
    number,
    numbers,
    origin_of,
    primitive_of,
)
from microcell.motion.xacro_files import MAX_URDF_BYTES, XacroError, processed

LEAST_JOINTS, MOST_JOINTS = 4, 7
MOST_LINKS, MOST_DEPTH = 300, 50
"""No robot has more links; URDF nests about five levels deep."""

T = TypeVar("T")

JOINT_TYPES = ("revolute", "continuous", "prismatic", "fixed", "floating", "planar")
TURN = 2.0 * math.pi


_WRITE_OUT = (
    "Mend it, or write it out where its arguments and packages are known (xacro FILE name:=value > robot.urdf) "
    "and give that file"
)
"""What to do about a xacro that does not become an arm by itself."""

_NAME_IT_XACRO = "Let its name end in .urdf.xacro, or write it out (xacro FILE > robot.urdf) and give that file"
"""What to do about a xacro that goes by the name of a URDF."""


class RobotFileError(MicrocellError):
    """A robot file that cannot be read, or holds no arm that can be used: what is wrong, and what to do.

    `key` is the key of an arm's description that names what is wrong, besides `robot`: a link, or the joints' limits.
    """

    def __init__(self, path: Path, what: str, remedy: str, key: str = "robot") -> None:
        super().__init__(f"{path}: {what}. {remedy}.")
        self.path, self.what, self.remedy, self.key = path, what, remedy, key


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link as the file has it."""

    name: str
    visuals: tuple[Primitive, ...]
    collisions: tuple[Primitive, ...]
    inertial: Inertial | None


@dataclass(frozen=True, slots=True)
class FileJoint:
    """A joint as the file has it; limits that the file does not give are None."""

    name: str
    kind: str
    parent: str
    child: str
    origin: Pose
    axis: Vector
    lower: float | None
    upper: float | None
    velocity: float | None
    mimics: str

    @property
    def moves(self) -> bool:
        return self.kind != "fixed"

    @property
    def slides(self) -> bool:
        return self.kind == "prismatic"

    def locked(self) -> Pose:
        """Child in parent with the joint at its neutral position: zero, or the limit next to it."""
        if self.kind not in ("revolute", "prismatic") or self.mimics:
            return self.origin
        value = min(max(0.0, self.lower or 0.0), self.upper or 0.0) if self.lower is not None else 0.0
        x, y, z = self.axis
        if self.slides:
            return self.origin @ Pose((x * value, y * value, z * value), IDENTITY)
        sine = math.sin(value / 2)
        return self.origin @ Pose((0.0, 0.0, 0.0), (x * sine, y * sine, z * sine, math.cos(value / 2)))


@dataclass(frozen=True, slots=True)
class Chain:
    """The arm in a file: from which link to which, and its moving joints."""

    base: str
    tip: str
    joints: tuple[FileJoint, ...]


@dataclass(frozen=True)
class RobotFile:
    """Links, and joints by the link that they carry; a tree, or several."""

    path: Path
    name: str
    links: dict[str, FileLink]
    joint_of: dict[str, FileJoint]
    children: dict[str, list[FileJoint]] = field(default_factory=dict)

    def chain(self, base_link: str = "", tip_link: str = "") -> Chain:
        """Choose the arm: from `base_link` (without it, the file's root) to `tip_link`.

        Without `tip_link` the tip is the end of the only chain with 4 to 7 joints of its own. Raises
        RobotFileError with the candidates where that does not say which.
        """
        for key, link in (("base_link", base_link), ("tip_link", tip_link)):
            if link and link not in self.links:
                raise self.error(f"there is no link {link!r}", f"Its links are {', '.join(self.links)}", key)
        base = base_link or self._root()
        if tip_link:
            return self._checked(base, tip_link)
        tips = [tip for tip in self._ends(base) if self._usable(base, tip)]
        if len(tips) == 1:
            return self._checked(base, tips[0])
        text = f"from {base} the chains with {LEAST_JOINTS} to {MOST_JOINTS} joints"
        if tips:
            raise self.error(f"{text} end at {', '.join(tips)}", "Say which link is the tip (tip_link)", "tip_link")
        longest = max(self._ends(base), key=lambda tip: len(self._moving(base, tip)), default=base)
        joints = self._moving(base, longest)
        if LEAST_JOINTS <= len(joints) <= MOST_JOINTS:
            return self._checked(base, longest)  # which tells of the joint that mimics another
        text += f" are none; the longest, to {longest}, has {len(joints)} ({', '.join(j.name for j in joints) or 'none'})"
        if len(joints) < LEAST_JOINTS:
            raise self.error(text, "Arms with fewer joints cannot be used")
        raise self.error(text, "Say which link is the tip (tip_link) and which the base", "tip_link")

    def below(self, link: str) -> Iterator[FileJoint]:
        """The joints under a link, parents first."""
        for joint in self.children.get(link, []):
            yield joint
            yield from self.below(joint.child)

    def renamed(self, names: Mapping[str, str]) -> RobotFile:
        """The same with other names for some links."""

        def called(link: str) -> str:
            return names.get(link, link)

        def moved(joint: FileJoint) -> FileJoint:
            return replace(joint, parent=called(joint.parent), child=called(joint.child))

        links = {called(name): replace(link, name=called(name)) for name, link in self.links.items()}
        joint_of = {called(child): moved(joint) for child, joint in self.joint_of.items()}
        children = {called(parent): list(map(moved, joints)) for parent, joints in self.children.items()}
        return replace(self, links=links, joint_of=joint_of, children=children)

    def error(self, what: str, remedy: str, key: str = "robot") -> RobotFileError:
        return RobotFileError(self.path, what, remedy, key)

    def _root(self) -> str:
        roots = [link for link in self.links if link not in self.joint_of]
        if len(roots) != 1:
            raise self.error(
                f"roots are {', '.join(roots) or 'none'}", "Say which link is the base (base_link)", "base_link"
            )
        return roots[0]

    def _ends(self, base: str) -> list[str]:
        return [joint.child for joint in self.below(base) if joint.child not in self.children]

    def _moving(self, base: str, tip: str) -> tuple[FileJoint, ...]:
        found: list[FileJoint] = []
        link = tip
        while link != base:
            if link not in self.joint_of:
                remedy = f"The ends are {', '.join(self._ends(base))}"
                raise self.error(f"no chain leads from {base} to {tip}", remedy, "tip_link")
            found.append(self.joint_of[link])
            link = found[-1].parent
        return tuple(joint for joint in reversed(found) if joint.moves)

    def _usable(self, base: str, tip: str) -> bool:
        joints = self._moving(base, tip)
        return LEAST_JOINTS <= len(joints) <= MOST_JOINTS and not any(joint.mimics for joint in joints)

    def _checked(self, base: str, tip: str) -> Chain:
        joints = self._moving(base, tip)
        if not LEAST_JOINTS <= len(joints) <= MOST_JOINTS:
            names = ", ".join(joint.name for joint in joints) or "none"
            text = f"the chain from {base} to {tip} has {len(joints)} moving joints ({names})"
            raise self.error(text, f"{LEAST_JOINTS} to {MOST_JOINTS} can be used", "tip_link")
        for joint in joints:
            if joint.mimics:
                raise self.error(f"joint {joint.name} mimics {joint.mimics}", "An arm's joints must each move alone")
            if joint.kind in ("floating", "planar"):
                raise self.error(f"joint {joint.name} is {joint.kind}", "An arm's joints turn or slide")
        return Chain(base, tip, joints)


def read_robot_file(path: str | Path, **arguments: str) -> RobotFile:
    """Read a URDF, or a xacro (a name that ends in .xacro) with its arguments. Raises RobotFileError."""
    path = Path(path).resolve()
    if not path.is_file():
        raise RobotFileError(path, "there is no such robot file", "Give the path of a .urdf or .urdf.xacro file")
    return _read(path, path.stat().st_mtime_ns, tuple(sorted(arguments.items())))


@lru_cache(maxsize=32)
def _read(path: Path, _changed_ns: int, arguments: tuple[tuple[str, str], ...]) -> RobotFile:
    text = _text(path, dict(arguments))
    try:
        root = ET.fromstring(text, ET.XMLParser(target=_BoundedTree()))
        if root.tag != "robot":
            raise RobotFileError(path, f"the outermost element is <{root.tag}>", "A robot file has <robot>")
        return _tree(path, root)
    except ET.ParseError as error:
        raise RobotFileError(path, f"no XML: {error}", "Mend the file") from error
    except (KeyError, ValueError, TypeError) as error:
        reason = _reason(error)
        raise RobotFileError(path, reason, "Mend the file" if "$" not in reason else _NAME_IT_XACRO) from error


def _reason(error: Exception) -> str:
    return f"attribute {error} is missing" if isinstance(error, KeyError) else str(error)


def _text(path: Path, arguments: dict[str, str]) -> str:
    """The URDF of a file, of bounded size; a xacro is worked out first."""
    if path.stat().st_size > MAX_URDF_BYTES:
        raise RobotFileError(path, f"it is larger than {MAX_URDF_BYTES} bytes", "Leave out what is no link or joint")
    try:
        return processed(path, arguments) if path.suffix == ".xacro" else path.read_text(encoding="utf-8")
    except XacroError as error:
        raise RobotFileError(path, f"xacro: {error}", _WRITE_OUT) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RobotFileError(path, f"it cannot be read: {error}", "Mend the file") from error


class _BoundedTree(ET.TreeBuilder):
    """Builds elements; refuses what only an attack has: a document type with entities, a tower of elements."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> ET.Element:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"its elements are nested deeper than {MOST_DEPTH} levels")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("a document type (<!DOCTYPE>) is not allowed, for its entities can multiply")


def _tree(path: Path, root: ET.Element) -> RobotFile:
    colours = {m.get("name", ""): rgba for m in root.findall("material") if (rgba := colour_of(m, {})) is not None}
    for kind in ("link", "joint"):
        _check_names(kind, root.findall(kind))
    links = {
        link.name: link for link in (_told(element, lambda part: _link(part, colours)) for element in root.findall("link"))
    }
    robot = RobotFile(path, root.get("name", path.stem), links, {})
    if len(links) > MOST_LINKS:
        raise robot.error(f"there are {len(links)} links", f"{MOST_LINKS} can be used")
    if not links and any(str(element.tag).startswith("{http://") for element in root):
        raise robot.error("it is a xacro, by another name", _NAME_IT_XACRO)
    if not links:
        macros = path.suffix == ".xacro"
        what = "; a xacro with macros alone makes none" if macros else ""
        raise robot.error(f"there are no links{what}", _WRITE_OUT if macros else "Give a robot file")
    for joint in (_told(element, _joint) for element in root.findall("joint")):
        for link in (joint.parent, joint.child):
            if link not in links:
                raise robot.error(f"joint {joint.name}: there is no link {link!r}", "Mend the file")
        if joint.child in robot.joint_of:
            both = f"{robot.joint_of[joint.child].name} and {joint.name}"
            raise robot.error(f"link {joint.child} hangs on two joints, {both}", "A robot's links form a tree")
        robot.joint_of[joint.child] = joint
        robot.children.setdefault(joint.parent, []).append(joint)
    return robot if _hangs_together(robot) else _raise_loop(robot)


def _told(element: ET.Element, read: Callable[[ET.Element], T]) -> T:
    """What is read of a link or joint; ValueError names it."""
    try:
        return read(element)
    except ValueError as error:
        name = f"{element.tag} {element.attrib['name']}"
        raise ValueError(str(error) if str(error).startswith(name) else f"{name}: {error}") from error


def _check_names(kind: str, elements: Sequence[ET.Element]) -> None:
    """ValueError for two of a name: each limit and each pose would be told of one of them."""
    seen: set[str] = set()
    for element in elements:
        name = element.attrib["name"]
        if name in seen:
            raise ValueError(f"there are two {kind}s {name!r}")
        seen.add(name)


def _hangs_together(robot: RobotFile) -> bool:
    roots = [link for link in robot.links if link not in robot.joint_of]
    return len(roots) + sum(1 for root in roots for _ in robot.below(root)) == len(robot.links)


def _raise_loop(robot: RobotFile) -> RobotFile:
    raise robot.error("its joints form a loop", "A robot's links form a tree")


def _link(element: ET.Element, colours: dict[str, tuple[float, float, float, float]]) -> FileLink:
    return FileLink(
        element.attrib["name"],
        tuple(primitive_of(part, colours) for part in element.findall("visual")),
        tuple(primitive_of(part, colours) for part in element.findall("collision")),
        inertial_of(element.find("inertial")),
    )


def _joint(element: ET.Element) -> FileJoint:
    name, kind = element.attrib["name"], element.attrib["type"]
    if kind not in JOINT_TYPES:
        raise ValueError(f"joint {name}: type {kind!r} is none of {', '.join(JOINT_TYPES)}")
    limit, mimic = element.find("limit"), element.find("mimic")
    given = {key: _limit(name, value) for key, value in limit.attrib.items()} if limit is not None else {}
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise ValueError(f"joint {name} lacks its parent or child")
    if limit is not None and kind in ("revolute", "prismatic"):
        given = {"lower": 0.0, "upper": 0.0, **given}  # as URDF has it
    return FileJoint(
        name,
        kind,
        parent.attrib["link"],
        child.attrib["link"],
        origin_of(element),
        _axis(name, kind, element.find("axis")),
        given.get("lower"),
        given.get("upper"),
        given.get("velocity"),
        mimic.attrib["joint"] if mimic is not None else "",
    )


def _limit(joint: str, text: str) -> float:
    value = number(text)
    if value is None or math.isnan(value):
        raise ValueError(f"joint {joint}: a limit is {text!r}, no number")
    return value


def _axis(name: str, kind: str, element: ET.Element | None) -> Vector:
    """The unit axis of a joint. One that has no axis may tell any, and exporters write zeros there."""
    if element is None or kind in ("fixed", "floating"):
        return (1.0, 0.0, 0.0)
    axis = numbers(element.attrib["xyz"], 3)
    length = math.hypot(*axis)
    if length < 1e-9:
        raise ValueError(f"joint {name}: its axis is zero")
    x, y, z = axis
    return (x / length, y / length, z / length)
