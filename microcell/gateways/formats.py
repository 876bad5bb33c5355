"""Which format a file has, and its importer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from microcell.description.source import Unusable, read_bytes, shown_path
from microcell.errors import Issue
from microcell.gateways import ariac, b2mml, csv_orders, nexus, own, workbook
from microcell.gateways.imported import Choices, Imported
from microcell.gateways.naming import is_made, parts_of, product_of, same_name

Importer = Callable[[bytes, str, Choices], Imported]

IMPORTERS: dict[str, Importer] = {
    "own": own.read,
    "csv": csv_orders.read,
    "xlsx": workbook.read,
    "b2mml": b2mml.read,
    "nexus": nexus.read,
    "ariac": ariac.read,
}
"""By the name that `--format` takes. Each gets the file's content, its name for messages, and the choices."""

_PACKED, _OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How .xlsx and .ods (zip archives), and .xls begin."""
_TABLES = (".csv", ".tsv", ".txt")
_TRIAL_KEYS = re.compile(rb"^(kitting_trays|assembly_inserts|orders|challenges)\s*:", re.MULTILINE)


def import_file(path: Path, format: str = "", choices: Choices | None = None) -> Imported:
    """Read orders from a file of any known format. Never raises for its content: then `issues` say what is wrong."""
    file = shown_path(path)
    try:
        content = read_bytes(path, "a file of orders")
        _check_packed(content, format)
        format = format or detect(path, content)
        found = IMPORTERS[format](content, file, choices or Choices())
        if not found.orders and not found.issues:
            raise Unusable("there is no order in the file", "one at least is needed. Add it.")
        return _with_names_told(found, choices or Choices())
    except Unusable as error:
        issue = Issue(file, error.line, error.column, "", error.what, error.remedy)
        return Imported(file, format or "unknown", issues=(issue,))


def _check_packed(content: bytes, format: str) -> None:
    """Refuse workbooks of other kinds, and those that are to be read as something else."""
    if content.startswith(_OLD_WORKBOOK):
        raise Unusable("this is an old workbook (.xls), or a locked one", f"save it as .xlsx, {workbook.SAVE_AS_CSV}.")
    if content.startswith(_PACKED) and format not in ("", "xlsx"):
        raise Unusable(f"this is a packed file such as a workbook, not {format}", "say --format xlsx, or nothing.")


def _with_names_told(found: Imported, choices: Choices) -> Imported:
    """A note for each name of a product that was made one of ours; a mistake where two names would be the same one."""
    made: dict[str, list[str]] = {}
    notes, issues = [*found.notes], [*found.issues]
    for imported in found.orders:
        called, others = parts_of(imported.called, choices)[0], made.setdefault(imported.order.product, [])
        if not is_made(imported.called, choices) or called in others:
            continue
        what = f"'{called}' is taken for the product '{imported.order.product}'"
        if others and not same_name(others[0], called):
            remedy = "--names FILE says which product each is."
            issues.append(Issue(found.file, imported.line, 1, "", f"{what}, and so is '{others[0]}'", remedy))
        else:
            notes.append(Issue(found.file, imported.line, 1, "", what, "--names FILE says otherwise."))
        others.append(called)
    issues += _variants_called_alike(found, choices)
    return replace(found, notes=tuple(notes), issues=tuple(sorted(issues)))


def _variants_called_alike(found: Imported, choices: Choices) -> Iterator[Issue]:
    """A mistake where two names of a variant would be the same one."""
    known: dict[tuple[str, str], str] = {}
    for imported in found.orders:
        for material in imported.materials:
            product, variant = product_of(material, choices)
            called = parts_of(material, choices)[1]
            if variant is not None and not same_name(first := known.setdefault((product, variant), called), called):
                what = f"'{called[:40]}' is taken for the variant '{variant}', and so is '{first[:40]}'"
                yield Issue(found.file, imported.line, 1, "", what, "--names FILE says which variant each is.")


def detect(path: Path, content: bytes) -> str:
    """The format of a file, from its ending and its content."""
    start = content[:4000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content.startswith(_PACKED):
        return "xlsx"
    if path.suffix.lower() in _TABLES:
        return "csv"
    if path.suffix.lower() == ".xml" or start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return "b2mml"
    if b"workInstructionName" in content:
        return "nexus"
    if _TRIAL_KEYS.search(content) and not re.search(rb"^kind\s*:", content, re.MULTILINE):
        return "ariac"
    return "own"
