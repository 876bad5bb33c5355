"""What every unit of a simulated run truly was whenever it was inspected, in a file beside the journal.

The cell never reads it. It is for judging the cell's verdicts: escapes and false rejects.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from microcell.description.line import Line
from microcell.errors import UsageError
from microcell.events import OperationEnded, OperationStarted, UnitStarted

if TYPE_CHECKING:
    from microcell.plant.plant import Plant
    from microcell.records.journal import Entry

SUFFIX = ".truth.jsonl"


@dataclass(frozen=True)
class InspectedTruth:
    """One inspection: which, of which unit, with which verdict, and what was truly wrong with the unit, as sentences."""

    unit: str
    variant: str
    operation: str
    inspection: str
    attempt_id: str
    time_s: float
    outcome: str
    failed_checks: tuple[str, ...]
    faults: tuple[str, ...]


def truth_path(journal: Path) -> Path:
    """The file that belongs to a journal."""
    return journal.with_name(journal.name + SUFFIX)


class TruthLog:
    """Listens to the journal, and asks the plant about each unit when its inspection has ended."""

    def __init__(self, line: Line, plant: Plant, path: Path) -> None:
        self._cell_line, self._plant, self._path = line, plant, path
        self._file: TextIO | None = None
        self._units: dict[str, tuple[Line, str]] = {}
        self._fixtures: dict[str, str] = {}

    def saw(self, entry: Entry) -> None:
        """Take note of an entry."""
        if entry.kind not in (UnitStarted.kind, OperationStarted.kind, OperationEnded.kind):
            return
        event = entry.event()
        if isinstance(event, UnitStarted):
            self._units[event.unit] = (self._cell_line.making(event.product), event.variant)
        elif isinstance(event, OperationStarted) and event.skill == "inspect":
            self._fixtures[event.attempt_id] = event.resources.get("fixture", "")
        elif isinstance(event, OperationEnded) and event.skill == "inspect":
            self._write(event)

    def close(self) -> None:
        """End the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: OperationEnded) -> None:
        fixture = self._fixtures.pop(event.attempt_id, "")
        truth = self._plant.unit_at(fixture) if fixture else None
        if truth is None:
            return
        line, variant = self._units.get(event.unit, (self._cell_line, self._cell_line.product_description.default_variant))
        inspection = str(line.product_description.parameters_of(event.operation, variant).get("inspection", ""))
        told = InspectedTruth(
            event.unit, variant, event.operation, inspection, event.attempt_id, self._plant.clock.now(), event.outcome,
            event.failed_checks, truth.faults(line, variant, _sites(line, inspection)),
        )  # fmt: skip
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8")
        self._file.write(json.dumps(asdict(told)) + "\n")


def _sites(line: Line, inspection: str) -> tuple[str, ...]:
    """The sites that an inspection looks at: those that have their parts by then."""
    checks = line.product_description.inspections[inspection].checks.values()
    return tuple(dict.fromkeys(check.site for check in checks))


def read_truth(path: Path) -> list[InspectedTruth]:
    """What a run left in its file, in the order of the inspections."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    told: list[dict[str, Any]] = [
        {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
    ]
    return [InspectedTruth(**row) for row in told]


def truth_of(journal: Path) -> list[InspectedTruth] | None:
    """The truth beside a journal; None where there is none. `UsageError` for a file that is damaged."""
    path = truth_path(journal)
    if not path.is_file():
        return None
    try:
        return read_truth(path)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is damaged ({error}): remove it, the report does without.") from error
