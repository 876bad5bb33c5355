"""The journal: one append-only, hash-chained SQLite file that holds every event.

Each entry's hash is SHA-256 over the hash of the entry before it and its own canonical JSON. The hash of the
last entry, the head, therefore stands for the whole history: noted elsewhere (an order's papers, a printed
report) it later proves that nothing was changed, left out or added before it. Without a noted head the chain
still shows any single change.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from microcell.errors import JournalError
from microcell.events import Event, canonical
from microcell.records.journal_file import (
    MEMORY,
    SQLITE_ERRORS,
    WriterLock,
    check_schema,
    connect,
    create_schema,
    explain,
)

Durability = Literal["full", "batch"]
J = TypeVar("J", bound="JournalReader")

GENESIS = "0" * 64
"""What the first entry's hash is chained to."""

BATCH_ENTRIES = 1000
_PAGE_ENTRIES = 1000
_COLUMNS = "sequence, time_s, kind, data, hash"


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the last entry, the digest of the journal; an empty one has 0 and `GENESIS`."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it was written; sequence counts from 1 without gaps."""

    sequence: int
    time_s: float
    kind: str
    data_json: str
    hash: str

    def event(self) -> Event:
        """The event itself; a kind or field that this release does not know is a `JournalError`."""
        try:
            data = json.loads(self.data_json)
        except (TypeError, ValueError) as error:
            raise JournalError(f"entry {self.sequence} holds no JSON: verify the journal") from error
        if not isinstance(data, dict):
            raise JournalError(f"entry {self.sequence} holds no JSON object: verify the journal")
        return Event.from_data(self.kind, self.time_s, data)


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a journal cannot be trusted."""

    sequence: int
    reason: str

    def __str__(self) -> str:
        return f"entry {self.sequence}: {self.reason}"


def link(previous: str, sequence: int, time_s: float, kind: str, data_json: str) -> str:
    """Hash of an entry: SHA-256, in hex, of the previous hash and the canonical JSON of this entry."""
    text = (
        f'{previous}{{"data":{data_json},"kind":{json.dumps(kind, ensure_ascii=False)},'
        f'"sequence":{sequence},"time_s":{time_s!r}}}'
    )
    return sha256(text.encode()).hexdigest()


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
        return Head(*rows[0]) if rows else Head(0, GENESIS)

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """The entries after number `since`, in order, up to the last one when the iterator gets there."""
        query = f"SELECT {_COLUMNS} FROM entry WHERE sequence > ? ORDER BY sequence LIMIT {_PAGE_ENTRIES}"
        while rows := self._rows(query, (since,)):
            for row in rows:
                yield Entry(*row)
            since = rows[-1][0]

    def events(self) -> Iterator[Event]:
        """All events; one that this release does not know is a `JournalError`."""
        return (entry.event() for entry in self.entries())

    def verify(self, noted: Head | None = None) -> Break | None:
        """Recompute the chain; return the first place where it does not hold, or None.

        `noted` is a head that was written down earlier: with it, a cut-off or wholly rewritten journal is
        found too.
        """
        previous = Head(0, GENESIS)
        if noted == previous:
            noted = None
        try:
            for entry in self.entries():
                if fault := _fault(previous, entry, noted):
                    return Break(previous.sequence + 1, fault)
                previous = Head(entry.sequence, entry.hash)
            damage = self._rows("PRAGMA quick_check(1)", ())[0][0]
        except JournalError as error:
            return Break(previous.sequence + 1, str(error))
        if damage != "ok":
            return Break(previous.sequence + 1, f"the file is damaged: {damage}")
        if noted is not None and noted.sequence > previous.sequence:
            return Break(previous.sequence + 1, f"missing: the noted head is entry {noted.sequence}")
        return None

    def close(self) -> None:
        """Give the file back; closing twice is harmless."""
        self._connection.close()

    def __enter__(self: J) -> J:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error


class Journal(JournalReader):
    """Writes a journal; one writer at a time. Not for use from several threads at once.

    With durability "full", `append` returns when the entry is on the disk (WAL, synchronous=FULL, one commit
    each): what was acknowledged survives SIGKILL and loss of power. With "batch", entries are committed
    together after `BATCH_ENTRIES`, on `flush` and on `close`, without waiting for the disk: only for the
    virtual world, where no physical action hangs on an entry and a lost run is repeated from its seed.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, durability: Durability, lock: WriterLock | None
    ) -> None:
        super().__init__(path, connection)
        self._lock = lock
        self._batch = durability == "batch"
        self._pending = 0
        self._incomplete = False
        self._head = super().head()

    @classmethod
    def create_or_open(cls, path: Path | str, durability: Durability = "full") -> Journal:
        """Open a journal for writing, new where there is none; ":memory:" keeps it in this process only.

        Errors: `JournalError` where another process writes it, or the file is no journal, is read-only or
        locked, or comes from another release.
        """
        if str(path) == MEMORY:
            connection = connect(Path(MEMORY), readonly=False)
            create_schema(connection, Path(MEMORY), durable=False)
            return cls(Path(MEMORY), connection, durability, None)
        resolved = Path(path).resolve()
        connection = connect(resolved, readonly=False)
        lock = None
        try:
            check_schema(connection, resolved)  # first, so that a file of somebody else's is left as it is
            lock = WriterLock.take(resolved)
            create_schema(connection, resolved, durable=durability == "full")
            return cls(resolved, connection, durability, lock)
        except JournalError:
            connection.close()
            if lock:
                lock.release()
            raise

    def append(self, event: Event) -> Entry:
        """Write an event as the next entry and return it, durable as the class says.

        Errors: `JournalError` where the event holds no JSON (NaN, for one) or the file cannot be written.
        After a failed "full" append nothing was written and it may be tried again; a failed "batch" loses its
        uncommitted entries, so the journal then takes no more.
        """
        entry = self._next(event)
        if self._incomplete:
            raise JournalError(f"{self.path} lost entries in a failed write: mend its cause and run again")
        try:
            if self._batch and not self._pending:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                f"INSERT INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                (entry.sequence, entry.time_s, entry.kind, entry.data_json, entry.hash),
            )
        except SQLITE_ERRORS as error:
            raise self._failed(error) from error
        self._head = Head(entry.sequence, entry.hash)
        if self._batch:
            self._pending += 1
            if self._pending >= BATCH_ENTRIES:
                self.flush()
        return entry

    def flush(self) -> None:
        """Commit the entries of a batch, so that other processes see them."""
        if self._pending:
            try:
                self._connection.execute("COMMIT")
            except SQLITE_ERRORS as error:
                raise self._failed(error) from error
            self._pending = 0

    def head(self) -> Head:
        """Number and hash of the last entry appended, a batch's uncommitted ones included."""
        return self._head

    def close(self) -> None:
        """Commit what is pending and let the next writer in; closing twice is harmless."""
        try:
            self.flush()
        finally:
            super().close()
            if self._lock:
                self._lock.release()
                self._lock = None

    def _next(self, event: Event) -> Entry:
        sequence = self._head.sequence + 1
        try:
            time_s = _finite(event.time_s)
            data_json = canonical(event.as_data())
            link_hash = link(self._head.hash, sequence, time_s, event.kind, data_json)
        except (TypeError, ValueError) as error:
            raise JournalError(
                f"a '{event.kind}' event cannot be written, for it holds a value that JSON does not have "
                f"({error}): write None for a number that is not known"
            ) from error
        return Entry(sequence, time_s, event.kind, data_json, link_hash)

    def _failed(self, error: Exception) -> JournalError:
        """Undo the unfinished transaction; say what went wrong."""
        self._incomplete = self._pending > 0
        self._pending = 0
        with suppress(*SQLITE_ERRORS):  # the first error is the one to tell
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return explain(self.path, error)


def _finite(time_s: float) -> float:
    """The time as SQLite gives it back: a float, and never -0.0."""
    if not math.isfinite(time_s):
        raise ValueError(f"time_s is {time_s}")
    return float(time_s) + 0.0


def _fault(previous: Head, entry: Entry, noted: Head | None) -> str:
    """Why an entry does not follow the one before it, or ""."""
    if entry.sequence != previous.sequence + 1:
        return f"missing: the next one in the file is entry {entry.sequence}"
    if not isinstance(entry.kind, str) or entry.hash != link(
        previous.hash, entry.sequence, entry.time_s, entry.kind, entry.data_json
    ):
        return "changed after it was written: its hash does not follow from its content"
    if noted and entry.sequence == noted.sequence and entry.hash != noted.hash:
        return "rewritten: its hash is not the noted one"
    return ""
