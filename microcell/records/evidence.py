"""The pictures that inspections leave, and whether they still are what the journal says.

They are in `evidence/<journal's name>/` beside the journal, each under its own SHA-256, which is in the journal's entry of
the inspection. The newest ones are kept, as many as the line says; `JournalOpened.pictures` has that number, so that a
picture which had to go can be told from one that somebody took away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from microcell.errors import JournalError
from microcell.events import JournalOpened, OperationEnded
from microcell.records.journal import JournalReader

FOLDER = "evidence"
_EARLIER = re.compile(r"\.\d+-\d+$")
SPARE = 50
"""An inspection that was interrupted leaves a picture that no entry names: so many do not push out others."""


def evidence_folder(journal: Path) -> Path:
    """Where a journal's pictures are; those of an earlier file, which rotation left, are with the journal's."""
    return journal.parent / FOLDER / _EARLIER.sub("", journal.name)


class EvidenceStore:
    """Writes pictures into a folder and lets the oldest go; one writer at a time.

    `most` are kept for the journal, and `SPARE` more. `durable`: a picture is on the disk before its entry is written.
    """

    def __init__(self, folder: Path, most: int, durable: bool = True) -> None:
        self._folder = folder
        self._most = most + SPARE
        self._durable = durable
        self._there: deque[str] | None = None

    def keep(self, png: bytes) -> None:
        """Store a picture durably under its SHA-256; `JournalError` where it cannot be written."""
        name = f"{hashlib.sha256(png).hexdigest()}.png"
        try:
            there = self._known()
            if name in there:  # kept as long as its newest use
                there.remove(name)
            else:
                self._write(name, png)
            there.append(name)
            while len(there) > self._most:
                (self._folder / there.popleft()).unlink(missing_ok=True)
        except OSError as error:
            raise JournalError(f"no picture can be kept in '{self._folder}': {error}") from error

    def _known(self) -> deque[str]:
        """Names of the files that are there, the oldest first."""
        if self._there is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            for draft in self._folder.glob("*.draft"):
                draft.unlink()
            files = [(path.stat().st_mtime_ns, path.name) for path in self._folder.glob("*.png")]
            self._there = deque(name for _, name in sorted(files))
        return self._there

    def _write(self, name: str, png: bytes) -> None:
        draft = self._folder / f"{name}.draft"
        with draft.open("wb") as file:
            file.write(png)
            if self._durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(self._folder / name)


def copy_evidence(journal: JournalReader, target: Path) -> int:
    """Copy the pictures that a journal names, as far as they are there, to where those of a copy of it belong; how many.

    Pictures that are there already are kept, for they never change. `JournalError` where one cannot be written.
    """
    source, folder, copied = evidence_folder(journal.path), evidence_folder(target), 0
    names = {f"{digest}.png" for _, digest, _ in _named(journal, journal.head().sequence) if digest}
    try:
        for name in sorted(names):
            if (source / name).is_file() and not (folder / name).exists():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, folder / f"{name}.draft")
                (folder / f"{name}.draft").replace(folder / name)
                copied += 1
    except OSError as error:
        raise JournalError(f"no picture can be copied to '{folder}': {error}") from error
    return copied


@dataclass(frozen=True, slots=True)
class Lack:
    """A picture that is not what the journal says: of which entry, and what is wrong."""

    sequence: int
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceVerdict:
    """What is left of the pictures that a journal names. `let_go`: not there, and older than those that are kept."""

    folder: str
    named: int
    there: int
    let_go: int
    lacks: tuple[Lack, ...]


def check_evidence(journal: JournalReader, up_to: int) -> EvidenceVerdict:
    """Compare the pictures with what a journal's entries say, up to one that holds."""
    folder = evidence_folder(journal.path)
    named: dict[str, int] = {}
    most = 0
    for sequence, digest, pictures in _named(journal, up_to):
        most = max(most, pictures)
        if digest:
            named.pop(digest, None)  # the newest use counts
            named[digest] = sequence
    there, let_go, lacks = 0, 0, list[Lack]()
    for age, (digest, sequence) in enumerate(reversed(named.items())):
        wrong = _wrong(folder / f"{digest}.png", digest)
        if wrong is None:
            there += 1
        elif wrong == _MISSING and age >= most:
            let_go += 1
        else:
            lacks.append(Lack(sequence, digest, wrong))
    return EvidenceVerdict(str(folder), len(named), there, let_go, tuple(reversed(lacks)))


_MISSING = "missing"


def _wrong(path: Path, digest: str) -> str | None:
    """What is wrong with a picture's file; None when it is what was written."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return _MISSING
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == digest else "changed after it was written"


def _named(journal: JournalReader, up_to: int) -> Iterator[tuple[int, str, int]]:
    """Of each entry that says something of pictures: its number, a picture's digest or "", and how many are kept."""
    for entry in journal.entries(until=up_to):
        if entry.kind == OperationEnded.kind and '"evidence_sha256":"' in entry.data_json:
            told = (json.loads(entry.data_json).get("inspection") or {}).get("evidence_sha256")
            if isinstance(told, str):
                yield entry.sequence, told, 0
        elif entry.kind == JournalOpened.kind:
            with suppress(TypeError, ValueError):
                yield entry.sequence, "", int(json.loads(entry.data_json).get("pictures", 0))
