"""Which format a file has, and its importer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from microcell.description.source import Unusable, read_bytes, shown_path
from microcell.errors import Issue
from microcell.gateways import ariac, b2mml, csv_orders, nexus, own
from microcell.gateways.imported import Choices, Imported
from microcell.gateways.naming import is_made

Importer = Callable[[bytes, str, Choices], Imported]

IMPORTERS: dict[str, Importer] = {
    "own": own.read,
    "csv": csv_orders.read,
    "b2mml": b2mml.read,
    "nexus": nexus.read,
    "ariac": ariac.read,
}
"""By the name that `--format` takes. Each gets the file's content, its name for messages, and the choices."""

_TABLES = (".csv", ".tsv", ".txt")
_TRIAL_KEYS = re.compile(rb"^(kitting_trays|assembly_inserts|orders|challenges)\s*:", re.MULTILINE)


def import_file(path: Path, format: str = "", choices: Choices | None = None) -> Imported:
    """Read orders from a file of any known format. Never raises for its content: then `issues` say what is wrong."""
    file = shown_path(path)
    try:
        content = read_bytes(path, "a file of orders")
        format = format or detect(path, content)
        found = IMPORTERS[format](content, file, choices or Choices())
        return replace(found, notes=(*found.notes, *_made_names(found, choices or Choices())))
    except Unusable as error:
        issue = Issue(file, error.line, error.column, "", error.what, error.remedy)
        return Imported(file, format or "unknown", issues=(issue,))


def _made_names(found: Imported, choices: Choices) -> Iterator[Issue]:
    """A note for each name of a product that was made one of ours."""
    told: set[str] = set()
    for imported in found.orders:
        if is_made(imported.called, choices) and imported.called not in told:
            told.add(imported.called)
            what = f"'{imported.called}' is taken for the product '{imported.order.product}'"
            yield Issue(found.file, imported.line, 1, "", what, "--names FILE says otherwise.")


def detect(path: Path, content: bytes) -> str:
    """The format of a file, from its ending and its content."""
    start = content[:4000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if path.suffix.lower() in _TABLES:
        return "csv"
    if path.suffix.lower() == ".xml" or start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return "b2mml"
    if b"workInstructionName" in content:
        return "nexus"
    if _TRIAL_KEYS.search(content) and not re.search(rb"^kind\s*:", content, re.MULTILINE):
        return "ariac"
    return "own"
