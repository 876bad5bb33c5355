"""Readings for a gauge study: from a table (CSV), or from a journal whose units were inspected again and again."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from microcell.errors import UsageError
from microcell.records.drift import STATION
from microcell.records.gauge_study import GaugeStudy, Reading, study
from microcell.records.production import Production

COLUMNS = ("feature", "part", "appraiser", "value")
MORE_COLUMNS = ("unit", "lower", "upper")
MOST_ROWS = 1_000_000


@dataclass
class Feature:
    """Readings of one measured feature, with the limits that it is judged by; `failed` more gave no number."""

    name: str
    unit: str = ""
    lower: float | None = None
    upper: float | None = None
    readings: list[Reading] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class Studies:
    """What could be studied, and why the rest could not: sentences."""

    studies: tuple[GaugeStudy, ...]
    lacking: tuple[str, ...]


def studies_of(features: Iterable[Feature]) -> Studies:
    """A study of each feature, as far as its readings allow one."""
    found, lacking = [], []
    for feature in features:
        try:
            if feature.failed and not feature.readings:
                raise UsageError(f"{feature.name}: {feature.failed} looks failed to measure it, and none gave a number.")
            limits = feature.lower, feature.upper
            found.append(study(feature.name, feature.readings, feature.unit, *limits, feature.failed))
        except UsageError as error:
            lacking.append(str(error))
    return Studies(tuple(found), tuple(lacking))


def from_table(path: Path) -> list[Feature]:
    """The features of a CSV file with the columns `COLUMNS` and, as far as they are known, `MORE_COLUMNS`.

    `UsageError` names file, line and what is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise UsageError(f"{path}:1: there is no column '{missing[0]}'; a table has: {', '.join(COLUMNS)}.")
            return list(_features(path, rows).values())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a table: {error}") from error


def from_journal(production: Production) -> list[Feature]:
    """Every number that inspections measured: a unit is a part, fixture and camera are an appraiser."""
    found: dict[str, Feature] = {}
    for attempt in production.attempts:
        for measured in attempt.ended.measurements if attempt.ended and attempt.unit else ():
            value = measured.get("value")
            if measured.get("text"):
                continue
            limits = (measured.get("unit", ""), measured.get("lower"), measured.get("upper"))
            feature = found.setdefault(measured["name"], Feature(measured["name"], *limits))
            if value is None:
                feature.failed += 1
                continue
            places = (attempt.resources.get(STATION, ""), measured.get("source", ""))
            feature.readings.append((attempt.unit, "/".join(filter(None, places)), value))
    return list(found.values())


def _features(path: Path, rows: csv.DictReader[str]) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for row in rows:
        where = f"{path}:{rows.line_num}"
        if rows.line_num > MOST_ROWS:
            raise UsageError(f"{where}: more than {MOST_ROWS} lines are no gauge study.")
        empty = [name for name in COLUMNS if not (row[name] or "").strip()]
        if empty:
            raise UsageError(f"{where}: '{empty[0]}' is empty.")
        if None in row:
            raise UsageError(f"{where}: more cells than columns. Decimals have a point, and cells are parted by commas.")
        name, part, appraiser = (row[column].strip() for column in COLUMNS[:3])
        lower, upper = (_number(where, column, row) if row.get(column) else None for column in MORE_COLUMNS[1:])
        unit = (row.get("unit") or "").strip()
        feature = found.setdefault(name, Feature(name, unit, lower, upper))
        if feature.unit != unit:
            raise UsageError(f"{where}: the unit of '{name}' is '{unit}', above it is '{feature.unit}'.")
        if (feature.lower, feature.upper) != (lower, upper):
            raise UsageError(f"{where}: other limits of '{name}' than above; a feature has the same ones throughout.")
        feature.readings.append((part, appraiser, _number(where, "value", row)))
    return found


def _number(where: str, column: str, row: Mapping[str, Any]) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{where}: {column} '{row[column]}' is no number.")
    return value
