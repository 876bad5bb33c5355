"""Load descriptions from YAML files: complete and checked, or a ConfigError with all issues of all files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from microcell.description.base import is_name
from microcell.description.calibration import with_optics
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.files import leads_out, with_file, with_models
from microcell.description.line import Line, LineDocument
from microcell.description.order import Order
from microcell.description.product import Product
from microcell.description.reading import FOLDERS, Reading, read_document
from microcell.description.rules import Context, check
from microcell.description.source import Source, Where, shown_path
from microcell.description.wording import choice
from microcell.errors import ConfigError, Issue
from microcell.paths import share_directory

ENDINGS = (".yaml", ".yml")


def load_line(path_or_name: Path | str, also: Iterable[Path | str] = (), further: Iterable[Further] = ()) -> Line:
    """Load a line with its cell, product and tools; raises ConfigError. `also` are other lines of the same cell.

    `further` are looks beyond the descriptions, such as into robot files.

    A bare name is looked for in `./config/lines`, then in the shared configuration. What the line names is
    looked for beside the line's folder (`../cells/<name>.yaml`), then in the shared configuration.
    """
    library = _Library()
    contexts = [library.line(find_line(name)) for name in (path_or_name, *also)]
    _refuse([*library.issues(), *(issue for context in contexts for issue in check(context))])
    _refuse(_not_beside(contexts))
    lines = [_line(context) for context in contexts]
    _refuse([issue for look in further for pair in zip(contexts, lines, strict=True) for issue in look(*pair)])
    first, *others = lines
    return first.beside(tuple(others)) if others else first


def load_document(path: Path | str) -> Any:
    """Load one Cell, Tool, Product, LineDocument or Order; raises ConfigError.

    Only what can be told from the file alone is checked.
    """
    reading = read_document(Path(path))
    _refuse([*reading.issues, *check(_alone(reading))])
    return reading.document


def load_product(path_or_name: Path | str) -> Product:
    """Load one product, by path or by name as a line is found; raises ConfigError."""
    reading = read_document(_find("product", path_or_name), "product")
    _refuse([*reading.issues, *check(_alone(reading))])
    return reading.document


def load_order(path: Path | str, line: Line | None = None, elsewhere: bool = False) -> Order:
    """Load an order and check that it can be made: on the line, or else of a product that lies beside it.

    With `elsewhere` the product may be known to a running cell alone, which then judges the order.
    """
    library = _Library()
    context = library.order(Path(path), line, elsewhere)
    _refuse([*library.issues(), *check(context)])
    return context.order


def load_faults(path: Path | str, line: Line) -> tuple[ScheduledFault, ...]:
    """Load a schedule of faults and check that they can happen on the line that it names, which must be this one."""
    library = _Library()
    context = library.faults(Path(path))
    _refuse([*library.issues(), *check(context)])
    if context.fault_schedule.line != line.name:
        source = context.readings["fault_schedule"].source
        remedy = f"this run is of '{line.name}'. Name that one, or run '{context.fault_schedule.line}'."
        _refuse([source.issue(("line",), f"these faults are for '{context.fault_schedule.line}'", remedy)])
    return context.fault_schedule.faults


Further = Callable[[Context, Line], Iterator[Issue]]
"""What else is looked for in a line whose files are right."""


def check_paths(
    paths: Iterable[Path | str], today: date | None = None, further: Iterable[Further] = ()
) -> tuple[Issue, ...]:
    """Every issue of files, of all files below directories, and of what the lines among them refer to.

    With `today`, also what has expired by then. `further` checks are asked of the lines that have no issue so far.
    """
    library = _Library(today)
    found: list[Issue] = []
    for path in map(Path, paths):
        files = _files(path)
        if not files:
            what, remedy = "there is no YAML file below this directory", "some are needed. Correct the path."
            found.append(Issue(shown_path(path), 1, 1, "", what, remedy))
        for file in files:
            context = library.context(file)
            issues = list(check(context))
            if "line" in context.readings and not issues and context.sound:
                issues = [issue for look in further for issue in look(context, _line(context))]
            found += issues
    return _ordered([*library.issues(), *found])


def find_line(path_or_name: Path | str) -> Path:
    """The file of a line from its path or bare name; raises ConfigError where no line has that name."""
    return _find("line", path_or_name)


def _find(kind: str, path_or_name: Path | str) -> Path:
    if isinstance(path_or_name, Path) or "/" in path_or_name or path_or_name.endswith(ENDINGS):
        return Path(path_or_name)
    folders = [Path("config") / FOLDERS[kind], *_shared(kind)]
    for folder in folders:
        if is_name(path_or_name) and (path := folder / f"{path_or_name}.yaml").is_file():
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    what = f"there is no {kind} '{path_or_name}' in {' or '.join(map(str, folders))}"
    raise ConfigError([Issue(path_or_name, 1, 1, "", what, choice(path_or_name, known))])


def description_digest(line: Line) -> str:
    """SHA-256 of all that the line says, defaults included, as hexadecimal.

    Layout, comments and anchors of the files do not count; the order of entries does, because it decides
    between equals.
    """
    return hashlib.sha256(line.model_dump_json().encode()).hexdigest()


class _Library:
    """Finds and reads documents; each file once."""

    def __init__(self, today: date | None = None) -> None:
        self._today = today
        self._readings: dict[tuple[Path, str | None], Reading] = {}
        self._unfound: list[Issue] = []

    def issues(self) -> Iterator[Issue]:
        """What is wrong in the files themselves, and the names that no file was found for."""
        for reading in self._readings.values():
            yield from reading.issues
        yield from self._unfound

    def context(self, path: Path) -> Context:
        """A file with what it refers to; what the file is, it says itself."""
        reading = self._read(path)
        if reading.kind == "line":
            return self.line(path)
        if reading.kind == "order":
            return self.order(path)
        if reading.kind == "fault_schedule":
            return self.faults(path)
        return _alone(reading)

    def line(self, path: Path) -> Context:
        """A line with its cell, product and tools."""
        line = self._read(path, "line")
        readings = {"line": line}
        for kind in ("cell", "product"):
            reading = self._referred(line, (kind,), kind, path)
            if reading is not None:
                readings[kind] = reading
        tools: dict[str, Reading] = {}
        places = list(_tool_places(readings["cell"])) if "cell" in readings else []
        for name, where in places:
            tool = self._referred(readings["cell"], where, "tool", path)
            if tool is not None:
                tools[name] = _named(tool, name)
        unread = len(tools) < len({name for name, _ in places})
        calibrations = self._calibrations(readings["cell"], path) if "cell" in readings else {}
        return Context(readings, tools, unread, calibrations, self._today)

    def _calibrations(self, cell: Reading, beside: Path) -> dict[str, Reading]:
        """What the cell's cameras name as their calibrations, by camera."""
        devices = cell.value("devices")
        cameras = [name for name, device in devices.items() if isinstance(device, dict)] if isinstance(devices, dict) else []
        found = {}
        for name in cameras:
            reading = self._referred(cell, ("devices", name, "calibration"), "calibration", beside)
            if reading is not None:
                found[name] = reading
        return found

    def order(self, path: Path, line: Line | None = None, elsewhere: bool = False) -> Context:
        """An order with the product that it names; of several that a line's cell makes, with that one."""
        order, known = self._read(path, "order"), len(self._unfound)
        product: Reading | None
        if line is not None:
            wanted = order.value("product")
            product = _made(line.making(wanted) if isinstance(wanted, str) and line.makes(wanted) else line)
        else:
            product = self._referred(order, ("product",), "product", path)
        if elsewhere:
            del self._unfound[known:]
        return Context({"order": order, **({"product": product} if product else {})})

    def faults(self, path: Path) -> Context:
        """A schedule of faults with the line that it names, and all that the line names."""
        schedule = self._read(path, "fault_schedule")
        named = self._referred(schedule, ("line",), "line", path)
        if named is None:
            return Context({"fault_schedule": schedule})
        line = self.line(named.path)
        return replace(line, readings={"fault_schedule": schedule, **line.readings})

    def _read(self, path: Path, kind: str | None = None) -> Reading:
        key = path.absolute(), kind
        for known in (self._readings.get(key), self._readings.get((path.absolute(), None))):
            if known and kind in (None, known.kind):
                return known
        self._readings[key] = read_document(path, kind)
        return self._readings[key]

    def _referred(self, reading: Reading, where: tuple[str | int, ...], kind: str, beside: Path) -> Reading | None:
        """The document that a place names; None where it names nothing, or nothing that can be found."""
        name = reading.value(*where)
        if reading.document is None or not is_name(name):
            return None
        folders = [beside.absolute().parent.parent / FOLDERS[kind], *_shared(kind)]
        for folder in folders:
            if (path := folder / f"{name}.yaml").exists():
                if leads_out(path, beside):
                    what = f"the file of {kind} '{name}' is a link that leads out of the configuration"
                    self._unfound.append(reading.source.issue(where, what, "it must lie there itself. Put the file there."))
                    return None
                return self._read(path, kind)
        known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
        what = f"there is no {kind} '{name}' in {' or '.join(dict.fromkeys(map(shown_path, folders)))}"
        self._unfound.append(reading.source.issue(where, what, choice(name, known)))
        return None


def _tool_places(cell: Reading) -> Iterator[tuple[str, Where]]:
    """The tools of a cell, and where it names the file of each, also where the rest of the crib is damaged."""
    devices = cell.value("devices")
    for name, device in devices.items() if isinstance(devices, dict) else ():
        pockets = device.get("pockets") if isinstance(device, dict) else None
        for index, pocket in enumerate(pockets if isinstance(pockets, list) else ()):
            if isinstance(pocket, dict) and isinstance(pocket.get("tool"), str):
                key = "type" if pocket.get("type") is not None else "tool"
                yield pocket["tool"], ("devices", name, "pockets", index, key)


def _named(tool: Reading, name: str) -> Reading:
    """A tool as the cell calls it: equal tools have one file."""
    if tool.document is None or tool.path.stem == name:
        return tool
    return replace(tool, document=tool.document.model_copy(update={"name": name}))


def _alone(reading: Reading) -> Context:
    if reading.kind == "tool":
        return Context({}, {reading.path.stem: reading})
    return Context({reading.kind: reading} if reading.kind else {})


def _not_beside(contexts: list[Context]) -> Iterator[Issue]:
    """What is wrong with lines that one cell is to run: they are set up in the same cell, and make different products."""
    first, *others = contexts
    made = {first.line.product: first.line.name}
    for context in others:
        line, source = context.line, context.readings["line"].source
        if line.cell != first.line.cell:
            remedy = f"'{first.line.name}' is set up in '{first.line.cell}'. Name lines of one cell."
            yield source.issue(("cell",), f"this line is set up in another cell ('{line.cell}')", remedy)
        if line.product in made:
            remedy = "of the lines that a cell runs each makes another product. Leave one out."
            yield source.issue(("product",), f"'{made[line.product]}' makes this product already", remedy)
        made[line.product] = line.name


def _made(line: Line) -> Reading:
    """The product of a line that is loaded already, as a reading for the rules of an order."""
    product = line.product_description
    return Reading(Path(product.name), Source(product.name, product.model_dump(mode="json")), "product", product)


def _line(context: Context) -> Line:
    said = {name: getattr(context.line, name) for name in LineDocument.model_fields}
    cell_path = context.readings["cell"].path
    calibrations = context.calibrations
    devices = {
        name: with_optics(with_file(spec, cell_path), calibrations.get(name)) for name, spec in context.cell.devices.items()
    }
    cell = context.cell.model_copy(update={"devices": devices})
    tools = {name: with_file(tool, context.tool_readings[name].path) for name, tool in context.tools.items()}
    product = with_models(context.product, context.readings["product"].path)
    return Line(
        **said, cell_description=cell, product_description=product, tools=tools, calibrations=calibrations
    )  # fmt: skip


def _shared(kind: str) -> tuple[Path, ...]:
    try:
        return (share_directory() / "config" / FOLDERS[kind],)
    except FileNotFoundError:
        return ()


def _files(path: Path) -> list[Path]:
    """A file, or those below a folder, dead links too; what is hidden there belongs to other programs (.git, .github)."""
    if not os.path.isdir(path):  # which never raises, as Path.is_dir may
        return [path]
    below = (file for file in path.rglob("*") if file.suffix in ENDINGS and (file.is_file() or file.is_symlink()))
    return sorted(file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts))


def _ordered(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Sort by place; what aliases repeat elsewhere is said once, at the one place where it is written."""
    once: dict[tuple[str, int, int, str], Issue] = {}
    for issue in issues:
        once.setdefault((issue.file, issue.line, issue.column, issue.what), issue)
    return tuple(sorted(once.values()))


def _refuse(issues: Iterable[Issue]) -> None:
    if found := _ordered(issues):
        raise ConfigError(found)
