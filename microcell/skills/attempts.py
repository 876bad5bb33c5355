"""What a skill server knows of its attempts, kept where it outlives the server: begun, checked, accomplished, ended.

An interrupted operation is settled with it: what was never begun has moved nothing, what was accomplished is not done
again, and everything between is looked at with the devices' own sensors (`Skill.reconcile`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from microcell.errors import JournalError
from microcell.faults import CATALOGUE, Fault
from microcell.measurement import Measurement
from microcell.skills.contract import Outcome, PartUse, SkillResult
from microcell.skills.report_data import report_data, report_of

KEPT = 2_000
"""So many attempts are remembered; an orchestrator asks about those of its last moments only."""
LINES = 20_000
"""A longer file is written anew with what is remembered."""


@dataclass
class Attempt:
    """One attempt as far as it came. `checked`: what must hold before it did, and from then on it may have moved something.

    `notes` are facts that a skill wanted to remember, `done` is the result that was accomplished, `ended` the last one.
    """

    checked: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    taken: list[PartUse] = field(default_factory=list)
    done: SkillResult | None = None
    ended: SkillResult | None = None


class AttemptLog:
    """Remembers attempts; this one for as long as the process lives."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()
        self._sessions: set[str] = set()

    def of(self, attempt_id: str) -> Attempt | None:
        """What is known of an attempt; None when it was never begun here, or is forgotten."""
        return self._attempts.get(attempt_id)

    def covers(self, attempt_id: str) -> bool:
        """Whether the log was there when the attempt would have been begun: then one that it does not know was not."""
        return _session(attempt_id) in self._sessions

    def write(self, attempt_id: str, what: str, data: Any = None) -> None:
        """Remember a fact: begun, checked, note, taken, done, ended. `JournalError` when it cannot be made durable."""
        self._apply(attempt_id, what, data)

    def _apply(self, attempt_id: str, what: str, data: Any) -> None:
        self._sessions.add(_session(attempt_id))
        attempt = self._attempts.setdefault(attempt_id, Attempt())
        if what == "checked":
            attempt.checked = True
        elif what == "note":
            attempt.notes.update(data)
        elif what == "taken":
            attempt.taken.append(data)
        elif what == "done":
            attempt.done = data
        elif what == "ended":
            attempt.ended = data
        while len(self._attempts) > KEPT:
            self._attempts.popitem(last=False)


class AttemptFile(AttemptLog):
    """An `AttemptLog` in a file: a line of JSON for each fact, durable when `write` returns. A torn last line is no fact."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._lines = 0
        self._torn = False
        self._read()
        self._compact()

    def write(self, attempt_id: str, what: str, data: Any = None) -> None:
        self._apply(attempt_id, what, data)
        line = _line(attempt_id, what, data)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}" if self._torn else line)  # what a full disk cut off spoils no other fact
                self._torn = True
                file.flush()
                os.fsync(file.fileno())
            self._torn = False
            self._lines += 1
            if self._lines > LINES:
                self._compact()
        except OSError as error:
            raise JournalError(f"the attempts cannot be kept in '{self._path}': {error}") from error

    def _read(self) -> None:
        if not self._path.is_file():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                data = json.loads(line)
                self._apply(data["attempt"], data["what"], _read_back(data["what"], data.get("data")))

    def _compact(self) -> None:
        """Write what is remembered into a new file, which takes the old one's place at once. This mends a torn line, too."""
        draft = self._path.with_name(f"{self._path.name}.draft")
        lines = [line for attempt_id, attempt in self._attempts.items() for line in _lines(attempt_id, attempt)]
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise JournalError(f"the attempts cannot be kept in '{self._path}': {error}") from error
        self._lines = len(lines)


def _session(attempt_id: str) -> str:
    """What comes before the number of an attempt: whose attempts these are."""
    return attempt_id.rpartition(":")[0]


def _lines(attempt_id: str, attempt: Attempt) -> list[str]:
    facts: list[tuple[str, Any]] = [("begun", None)]
    facts += [("checked", None)] if attempt.checked else []
    facts += [("note", attempt.notes)] if attempt.notes else []
    facts += [("taken", use) for use in attempt.taken]
    facts += [(what, result) for what, result in (("done", attempt.done), ("ended", attempt.ended)) if result]
    return [_line(attempt_id, what, data) for what, data in facts]


def _line(attempt_id: str, what: str, data: Any) -> str:
    told: Any = data
    if isinstance(data, SkillResult):
        told = result_as_data(data)
    elif isinstance(data, PartUse):
        told = asdict(data)
    return json.dumps({"attempt": attempt_id, "what": what, "data": told}, separators=(",", ":")) + "\n"


def _read_back(what: str, data: Any) -> Any:
    if what in ("done", "ended"):
        return result_from_data(data)
    return PartUse(**data) if what == "taken" else data


def result_as_data(result: SkillResult) -> dict[str, Any]:
    """A result in JSON's types."""
    data = asdict(result)
    data["outcome"] = result.outcome.name
    data["fault"] = result.fault.as_data() if result.fault else None
    data["inspection"] = report_data(result.inspection, whole=True) if result.inspection else None
    return data


def result_from_data(data: Mapping[str, Any]) -> SkillResult:
    """The result of `result_as_data`."""
    return SkillResult(
        **{
            **data,
            "outcome": Outcome[data["outcome"]],
            "fault": _fault(data["fault"]) if data["fault"] else None,
            "measurements": tuple(Measurement(**m) for m in data["measurements"]),
            "failed_checks": tuple(data["failed_checks"]),
            "parts": tuple(PartUse(**use) for use in data["parts"]),
            "inspection": report_of(data["inspection"]) if data.get("inspection") else None,
        }
    )


def _fault(data: Mapping[str, Any]) -> Fault:
    known = Fault.__dataclass_fields__
    if data["code"] not in CATALOGUE:
        raise ValueError(f"'{data['code']}' is not in the fault catalogue")
    return Fault(**{key: value for key, value in data.items() if key in known})
