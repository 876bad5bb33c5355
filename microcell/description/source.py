"""Read one YAML file into plain data that remembers where everything stood.

Plain scalars are read as YAML 1.2 has it: `yes`, `off`, `010` and `1:30` are text, `1e-3` is a number. No tag
makes an object. Size, depth and what aliases expand to are limited, so that no file can exhaust the reader.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from microcell.description.wording import shortened
from microcell.errors import Issue

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_VALUES = 50_000
MAX_DIGITS = 18

Where: TypeAlias = "tuple[str | int, ...]"
"""Path of a value in a document: keys and list indices from the root."""

_TAG = "tag:yaml.org,2002:"
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SCALARS = {
    "null": (re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    "int": (re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")),
    "float": (
        re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"),
        list("-+0123456789."),
    ),
    "merge": (re.compile(r"<<\Z"), ["<"]),
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes with libyaml where it is there; resolves only the scalars above."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the name and the shape are PyYAML's


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, _first)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, from 1, of a value and of its key (a list's element has its own place as key)."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(frozen=True)
class Source:
    """What one file says. `spoiled` are the places whose value could not be read and has been reported."""

    file: str
    data: Any = None
    places: Mapping[Where, Place] = field(default_factory=dict)
    spoiled: frozenset[Where] = frozenset()
    issues: tuple[Issue, ...] = ()

    def entries(self) -> list[tuple[Where, Any]]:
        """The elements of a file that is a list, or the whole of another one, each with its place."""
        listed = self.data if isinstance(self.data, list) else None
        return [((), self.data)] if listed is None else [((i,), entry) for i, entry in enumerate(listed)]

    def issue(self, where: Where, what: str, remedy: str, key: bool = False) -> Issue:
        """An issue at a value, or at its key; where the file has no such place, at the nearest one above."""
        known = where
        while known and known not in self.places:
            known = known[:-1]
        place = self.places.get(known, Place((1, 1), (1, 1)))
        line, column = place.key if key or known != where else place.value
        return Issue(self.file, line, column, dotted(where), what, remedy)


def dotted(where: Where) -> str:
    """A path as people write it: `devices.crib.pockets[2].tool`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".")


def shown_path(path: Path) -> str:
    """A path for messages: relative to the working directory where it is inside."""
    try:
        resolved = path.resolve()
        return str(resolved.relative_to(Path.cwd().resolve()))
    except (ValueError, OSError, RuntimeError):
        return str(path)


def read_source(path: Path) -> Source:
    """Read a YAML file. Never raises for its content: then `issues` say what is wrong; `data` may be None."""
    file = shown_path(path)
    try:
        text = decoded(read_bytes(path))
        return parse_source(text, file)
    except Unusable as error:
        return Source(file, issues=(Issue(file, error.line, error.column, "", error.what, error.remedy),))


def parse_source(text: str, file: str) -> Source:
    """Read YAML text; as `read_source`, but raises Unusable where nothing at all can be made of it."""
    root = _compose(text)
    if root is None:
        raise Unusable("the file is empty", "a description with 'kind' and 'name' is needed. Write one.")
    reader = _Reader(file)
    data = reader.read(root, (), _position(root))
    return Source(file, data, reader.places, frozenset(reader.spoiled), tuple(reader.issues))


class Unusable(Exception):
    """Nothing can be read from the file."""

    def __init__(self, what: str, remedy: str, line: int = 1, column: int = 1) -> None:
        super().__init__(what)
        self.what, self.remedy, self.line, self.column = what, remedy, line, column


def read_bytes(path: Path, noun: str = "a YAML file") -> bytes:
    """What a file holds, bounded; Unusable where it cannot be read or is too large. `noun` says what is expected."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # opening a pipe would wait for its writer
            raise Unusable("this is no regular file", f"{noun} is needed here. Correct the path.")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Unusable("there is no such file", f"{noun} is needed here. Correct the path.") from None
    except IsADirectoryError:
        raise Unusable("this is a directory", f"{noun} is needed here. Name a file in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unusable(f"the file cannot be read ({reason})", "it must be readable. Correct its path or rights.") from None
    if len(content) > MAX_BYTES:
        raise Unusable(f"the file is larger than {MAX_BYTES} bytes", "descriptions are small. Split it.")
    return content


def decoded(content: bytes) -> str:
    """The text of a YAML or JSON file; Unusable where it is not plain UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(content[: error.start].decode("utf-8", "replace"))
        what = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise Unusable(what, "YAML files are UTF-8 text. Save the file as UTF-8.", line, column) from None
    if found := _CONTROL.search(text):
        line, column = _line_and_column(text[: found.start()])
        what = f"the character U+{ord(found.group()):04X} is not allowed"
        raise Unusable(what, "YAML files are plain text. Remove the character.", line, column)
    return text


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _compose(text: str) -> yaml.Node | None:
    """Compose the node tree. The depth is checked on the flat events first: composing is recursive."""
    try:
        _check_depth(text, _Loader)
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        why = ": ".join(part for part in (error.context, error.problem) if part)
        if "nesting depth" in why:  # libyaml looks far ahead and gives up before it tells an event; Python's parser does not
            _check_depth(text, yaml.SafeLoader)
        at = text.split("\n")[line - 1 : line]
        tab = bool(at) and "\t" in at[0][: len(at[0]) - len(at[0].lstrip())]
        raise Unusable(f"this is not YAML ({why})", _TAB if tab else _syntax_remedy(why), line, column) from None
    except yaml.YAMLError as error:
        raise Unusable(f"this is not YAML ({error})".replace("\n", " "), _syntax_remedy(""), 1, 1) from None


def _check_depth(text: str, loader: Any) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep(*_position(event))


_TAB = "indentation is made of spaces, and there is a tab. Replace it."


def _syntax_remedy(why: str) -> str:
    if "single document" in why:
        return "one file holds one description. Split the file at '---'."
    return "check indentation, colons, quotes and brackets here and on the line above. Correct the text."


def _too_deep(line: int, column: int) -> Unusable:
    return Unusable(f"values are nested deeper than {MAX_DEPTH} levels", "write it flatter.", line, column)


def _position(item: Any) -> tuple[int, int]:
    return item.start_mark.line + 1, item.start_mark.column + 1


class _Reader:
    """Turns nodes into data; collects places and issues on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Where, Place] = {}
        self.spoiled: set[Where] = set()
        self.issues: list[Issue] = []
        self._count = 0

    def read(self, node: yaml.Node, where: Where, key: tuple[int, int]) -> Any:
        """The data of a node that stands at `where`."""
        self._count += 1
        if self._count > MAX_VALUES:
            what = f"the file expands to more than {MAX_VALUES} values"
            raise Unusable(what, "aliases must not multiply. Write it without them.", *_position(node))
        if len(where) > MAX_DEPTH:
            raise _too_deep(*_position(node))
        self.places[where] = Place(key, _position(node))
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(child, (*where, i), _position(child)) for i, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, where)
        return self._refuse_tag(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        entries = self._entries(node, where)
        return {key: self.read(value, (*where, key), position) for key, (position, value) in entries.items()}

    def _entries(self, node: yaml.MappingNode, where: Where, depth: int = 0) -> dict[str, tuple[tuple[int, int], yaml.Node]]:
        """Entries of a mapping by key, merged ones first; its own win over merged ones."""
        if depth > MAX_DEPTH:
            raise _too_deep(*_position(node))
        own: dict[str, tuple[tuple[int, int], yaml.Node]] = {}
        merged: dict[str, tuple[tuple[int, int], yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report(key, where, "a key is not plain text", "keys are names. Correct it.")
            elif key.tag == _TAG + "merge":
                for source in self._merge_sources(value, where):
                    merged = {**self._entries(source, where, depth + 1), **merged}
            elif key.value in own:
                first = own[key.value][0][0]
                remedy = f"it is already on line {first}. Keep one of the two."
                self._report(key, (*where, key.value), f"the key '{key.value}' stands twice", remedy)
            else:
                own[key.value] = (_position(key), value)
        return {**merged, **own}

    def _merge_sources(self, value: yaml.Node, where: Where) -> list[yaml.MappingNode]:
        found = value.value if isinstance(value, yaml.SequenceNode) else [value]
        self._count += len(found)
        if all(isinstance(node, yaml.MappingNode) for node in found):
            return list(found)
        self._report(value, (*where, "<<"), "'<<' merges something that has no keys", "name a mapping: '<<: *anchor'.")
        return []

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in ("str", "merge"):
            return node.value
        if kind not in _SCALARS:
            return self._refuse_tag(node, where)
        if not _SCALARS[kind][0].match(node.value):
            return self._spoil(node, where, f"'{node.value}' is not what its tag says", "remove the tag.")
        if kind in ("null", "bool"):
            return None if kind == "null" else node.value.lower() == "true"
        return self._number(node, where, kind)

    def _number(self, node: yaml.ScalarNode, where: Where, kind: str) -> int | float | None:
        if kind == "int" and len(node.value) <= MAX_DIGITS:
            return int(node.value)
        if kind == "float" and math.isfinite(number := float(node.value)):
            return number
        what = f"the number is too large ({shortened(node.value)})"
        self._spoil(node, where, what, f"at most {MAX_DIGITS} digits, or 1.7e308, are possible. Correct it.")
        return None

    def _refuse_tag(self, node: yaml.Node, where: Where) -> None:
        tag = node.tag.replace(_TAG, "!!")
        self._spoil(
            node,
            where,
            f"the tag '{shortened(tag)}' is not allowed",
            "descriptions are plain data. Remove the tag.",
        )

    def _spoil(self, node: yaml.Node, where: Where, what: str, remedy: str) -> None:
        self.spoiled.add(where)
        self._report(node, where, what, remedy)

    def _report(self, node: yaml.Node, where: Where, what: str, remedy: str) -> None:
        self.issues.append(Issue(self.file, *_position(node), dotted(where), what, remedy))
