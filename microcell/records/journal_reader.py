"""Reading a journal: its own file, and those before it that rotation left beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from microcell.errors import JournalError
from microcell.events import Event
from microcell.records.chain import EMPTY, Entry, Head, Segment, Signature
from microcell.records.journal_file import SQLITE_ERRORS, check_schema, connect, explain

J = TypeVar("J", bound="JournalReader")

COLUMNS = "sequence, time_s, kind, data, hash"
_PAGE_ENTRIES = 1000
_LAST = 2**63 - 1
"""The largest number that SQLite knows."""


class JournalReader:
    """Reads a journal, also while another process writes it.

    Errors: `JournalError` where the file is missing, is no journal, comes from another release or cannot be
    read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path | str) -> JournalReader:
        """Open an existing journal for reading only."""
        resolved = Path(path).resolve()
        if not resolved.is_file():
            raise JournalError(f"there is no journal at {resolved}: check the path, or run the line first")
        connection = connect(resolved, readonly=True)
        try:
            if not check_schema(connection, resolved):
                raise JournalError(f"{resolved} is empty: no controller has begun to write it yet")
        except JournalError:
            connection.close()
            raise
        return JournalReader(resolved, connection)

    def head(self) -> Head:
        """Number and hash of the last entry: the journal's digest."""
        rows = self._rows("SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1", ())
        return Head(*rows[0]) if rows else self.segment().before

    def head_at(self, sequence: int) -> Head | None:
        """Number and hash of one entry of this file; None where it does not hold it."""
        rows = self._rows("SELECT sequence, hash FROM entry WHERE sequence = ?", (sequence,))
        return Head(*rows[0]) if rows else None

    def segment(self) -> Segment:
        """What this file begins after; rotation leaves earlier entries to a file beside it."""
        if not self._has_signatures():
            return Segment(EMPTY)
        rows = self._rows("SELECT before, hash, file FROM segment", ())
        if len(rows) != 1 or [type(value) for value in rows[0]] != [int, str, str]:
            raise JournalError(f"{self.path} is damaged, it does not say where it begins: go on with a copy")
        return Segment(Head(*rows[0][:2]), rows[0][2])

    def signatures(self) -> list[Signature]:
        """The signed heads of this file, in order."""
        if not self._has_signatures():
            return []
        rows = self._rows("SELECT sequence, hash, key, signature FROM signature ORDER BY sequence", ())
        return [Signature(Head(row[0], str(row[1])), str(row[2]), str(row[3])) for row in rows]

    def entries(self, since: int = 0, until: int = _LAST) -> Iterator[Entry]:
        """The entries after number `since` up to `until`, in order, up to the last one when the iterator gets there.

        Entries that rotation left to earlier files are read there; `JournalError` names a file that is not there. Nothing
        after `until` is read, where the file may be damaged.
        """
        query = f"SELECT {COLUMNS} FROM entry WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT {_PAGE_ENTRIES}"
        while since < until:
            rows = self._rows(query, (since, until))
            if not rows or rows[0][0] > since + 1:  # also while a writer rotates under this reader
                for entry in self._earlier(since, until):
                    yield entry
                    since = entry.sequence
                rows = self._rows(query, (since, until))
            if not rows:
                return
            for row in rows:
                yield Entry(*row)
            since = rows[-1][0]

    def stray(self) -> int | None:
        """The number of an entry that stands before the first one of this file; None, as it has to be."""
        rows = self._rows("SELECT min(sequence) FROM entry WHERE sequence <= ?", (self.segment().before.sequence,))
        return None if rows[0][0] is None else int(rows[0][0])

    def rows(self, since: int) -> sqlite3.Cursor:
        """A cursor over the raw rows of this file after an entry: sequence, time_s, kind, data, hash."""
        return self._connection.execute(f"SELECT {COLUMNS} FROM entry WHERE sequence > ? ORDER BY sequence", (since,))

    def events(self) -> Iterator[Event]:
        """All events; one that this release does not know is a `JournalError`."""
        return (entry.event() for entry in self.entries())

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy this file as it is now, also while it is written."""
        try:
            self._connection.backup(target)
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error

    def quick_check(self) -> str:
        """SQLite's own word on the file: "ok", or what is damaged."""
        return str(self._rows("PRAGMA quick_check(1)", ())[0][0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See the file as it is now, whatever a writer does meanwhile."""
        if self._connection.in_transaction:  # this is the writer, with entries that are not committed yet
            yield
            return
        self._rows("BEGIN", ())
        try:
            self._rows("SELECT max(sequence) FROM entry", ())
            yield
        finally:
            with suppress(*SQLITE_ERRORS):
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Give the file back; closing twice is harmless."""
        self._connection.close()

    def __enter__(self: J) -> J:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _earlier(self, since: int, until: int) -> Iterator[Entry]:
        """What earlier files hold after an entry, as far as this file does not."""
        for file, last in earlier_files(self, since):
            with JournalReader.open(file) as reader:
                yield from reader.entries(since, min(last, until))
            since = last

    def _has_signatures(self) -> bool:
        """Whether the file has the tables that schema 2 brought; a writer may bring them while this reads."""
        return bool(self._rows("PRAGMA user_version", ())[0][0] >= 2)

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error


def earlier_files(journal: JournalReader, since: int) -> list[tuple[Path, int]]:
    """The files before a journal's own that hold entries after a number, oldest first, each with its last entry.

    `JournalError` names one that is not there or is not the one that was written.
    """
    found: list[tuple[Path, int]] = []
    of, segment = journal.path, journal.segment()
    while segment.before.sequence > since:
        path = _beside(of, segment)
        with JournalReader.open(path) as reader:
            if reader.head() != segment.before:
                raise JournalError(
                    f"{path} is not the file that {of.name} goes on from, its last entry differs: put that one back"
                )
            found.append((path, segment.before.sequence))
            of, segment, later = path, reader.segment(), segment
        if segment.before.sequence >= later.before.sequence:  # a made-up file could lead round in circles
            raise JournalError(f"{of} is damaged, it holds no entry: go on with a copy")
    return found[::-1]


def _beside(path: Path, segment: Segment) -> Path:
    """The earlier file of a segment."""
    if not segment.file or Path(segment.file).name != segment.file:
        raise JournalError(f"{path} is damaged, it names '{segment.file}' as the file before it: go on with a copy")
    earlier = path.with_name(segment.file)
    if not earlier.is_file():
        raise JournalError(
            f"entries up to {segment.before.sequence} of {path.name} are in {segment.file}, which is not in {path.parent}: "
            "put it back there"
        )
    return earlier
