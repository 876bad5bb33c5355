"""One document read from its file: what of it is sound, what is damaged, and every issue of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from microcell.description.problems import Problem, validate, value_at
from microcell.description.schema import DOCUMENTS, adapter
from microcell.description.source import Source, Where, read_source
from microcell.description.wording import a_kind, choice, listed, near, shown
from microcell.errors import Issue

FOLDERS = {
    "cell": "cells",
    "tool": "tools",
    "product": "products",
    "line": "lines",
    "order": "orders",
    "fault_schedule": "faults",
    "calibration": "calibrations",
}
"""Where the documents of each kind lie, below the configuration directory."""


@dataclass(frozen=True)
class Reading:
    """A document. Where it has mistakes, `document` holds what is sound of it, and None where nothing is.

    `damaged` are the top-level keys, or the entries below one (`("devices", "arm")`), that are left out or
    defaulted.
    """

    path: Path
    source: Source
    kind: str | None = None
    document: Any = None
    damaged: frozenset[Where] = frozenset()
    issues: tuple[Issue, ...] = ()

    def value(self, *where: str | int) -> Any:
        """What the file says at a place, sound or not; None where it says nothing."""
        return value_at(self.source.data, where)

    def whole(self, section: str = "") -> bool:
        """Whether the document, or one of its sections, has no mistakes."""
        if self.document is None:
            return False
        return not any(where[0] == section or not section for where in self.damaged)

    def names(self, section: str) -> tuple[str, ...] | None:
        """Names of a section's entries, the damaged ones too; None where they cannot be known."""
        if self.document is None or (section,) in self.damaged:
            return None
        entries = self.value(section)
        return tuple(entries) if isinstance(entries, dict) else ()


def read_document(path: Path, expected: str | None = None) -> Reading:
    """Read a file that is to hold a document of the expected kind, or of the kind that it says."""
    source = read_source(path)
    if source.data is None and source.issues:
        return Reading(path, source, issues=source.issues)
    if not isinstance(source.data, dict):
        problem = Problem(
            (),
            f"this is no description ({shown(source.data)})",
            "keys such as 'kind' and 'name' are needed. Write them.",
        )
        return Reading(path, source, issues=(*source.issues, problem.issue(source)))
    kind, wrong = _kind(path, source, expected)
    if kind is None:
        return Reading(path, source, issues=(*source.issues, *wrong))
    document, problems = validate(DOCUMENTS[kind], {**source.data, "kind": kind})
    found = [problem for problem in problems if not _follows(problem, source.spoiled)]
    damaged = _damaged(kind, [*problems, *(Problem(where, "", "") for where in source.spoiled)])
    if damaged:
        document = _salvage(kind, source.data, damaged)
    issues = (*source.issues, *wrong, *(problem.issue(source) for problem in found))
    return Reading(path, source, kind, document, damaged, issues)


def _kind(path: Path, source: Source, expected: str | None) -> tuple[str | None, tuple[Issue, ...]]:
    """The kind as which a file is to be checked, and what is wrong with the kind that it says."""
    said = source.data.get("kind")
    known = isinstance(said, str) and said in DOCUMENTS
    if known and expected in (None, said):
        return said, ()
    folder = {folder: kind for kind, folder in FOLDERS.items()}.get(path.parent.name)
    wanted = expected or folder
    if "kind" not in source.data:
        if wanted and near("kind", source.data):
            return wanted, ()
        remedy = f"it is '{wanted}'. Add it." if wanted else f"it is one of {listed(DOCUMENTS)}. Add it."
        return wanted, (source.issue((), "the key 'kind' is missing", remedy),)
    if known:
        remedy = f"{a_kind(str(expected))} is needed here. Name another file, or correct the kind."
        return None, (source.issue(("kind",), f"this is {a_kind(str(said))}", remedy),)
    return wanted, (source.issue(("kind",), f"not allowed ({shown(said)})", choice(str(said), DOCUMENTS, "kind")),)


def _follows(problem: Problem, spoiled: Iterable[Where]) -> bool:
    """Whether a problem only repeats that a value could not be read."""
    return any(problem.where[: len(where)] == where for where in spoiled)


def _damaged(kind: str, problems: Iterable[Problem]) -> frozenset[Where]:
    """The smallest parts that can be left out so that only sound ones remain."""
    fields = getattr(DOCUMENTS[kind], "model_fields", {})
    damaged: set[Where] = set()
    for problem in problems:
        where = problem.where
        if not where and problem.missing:
            damaged.add((problem.missing,))
        elif len(where) == 1 and problem.unknown:
            damaged.update((name,) for name in (near(str(where[0]), fields),) if name)
        elif len(where) > 1 and _by_name(fields.get(str(where[0]))):
            damaged.add(where[:2])
        else:
            damaged.add(where[:1] or ("kind",))
    return frozenset(damaged)


def _by_name(field: Any) -> bool:
    return field is not None and get_origin(field.annotation) is dict


def _salvage(kind: str, data: dict[str, Any], damaged: frozenset[Where]) -> Any:
    """A document of the sound parts: damaged entries left out, damaged sections empty, defaulted or None."""
    model = DOCUMENTS[kind]
    if not hasattr(model, "model_fields"):
        return None
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in data and (name,) not in damaged:
            values[name] = _sound(field.annotation, name, data[name], damaged)
        elif field.is_required():
            values[name] = {} if _by_name(field) else None
    return model.model_construct(**values)


def _sound(annotation: Any, section: str, value: Any, damaged: frozenset[Where]) -> Any:
    if isinstance(value, dict):
        value = {name: entry for name, entry in value.items() if (section, name) not in damaged}
    return adapter(annotation).validate_json(json.dumps(value), strict=True)
