"""The journal: one append-only, hash-chained SQLite file that holds every event.

Each entry's hash is SHA-256 over the hash of the entry before it and its own canonical JSON. The hash of the
last entry, the head, therefore stands for the whole history: noted elsewhere (an order's papers, a printed
report) or signed with the site's key, it later proves that nothing was changed, left out or added before it.
Without such a head the chain still shows any single change. Rotation leaves the entries written so far to a
file beside the journal, and the chain goes on from that file's head.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from microcell.errors import JournalError
from microcell.events import Event, OrderControlled, canonical
from microcell.records.chain import GENESIS, Break, Entry, Head, Segment, Signature, link
from microcell.records.head_note import HeadNote, note_path, refuse_lost_entries
from microcell.records.journal_file import (
    MEMORY,
    SQLITE_ERRORS,
    WriterLock,
    check_schema,
    connect,
    create_schema,
    explain,
    leave_entries,
)
from microcell.records.journal_reader import COLUMNS, JournalReader

if TYPE_CHECKING:
    from microcell.records.signing import Signer

__all__ = ["GENESIS", "Break", "Entry", "Head", "Journal", "JournalReader", "link"]

Durability = Literal["full", "batch"]

BATCH_ENTRIES = 1000
SIGN_ENTRIES = 1000
"""A head is signed after so many entries at the latest; also when an order ends, at rotation and on close."""

_ORDER_ENDED = ("completed", "cancelled", "failed")
_PUT_ENTRY = f"INSERT INTO entry ({COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_PUT_SIGNATURE = "INSERT INTO signature (sequence, hash, key, signature) VALUES (?, ?, ?, ?)"


class Journal(JournalReader):
    """Writes a journal; one writer at a time. Not for use from several threads at once.

    With durability "full", `append` returns when the entry is on the disk (WAL, synchronous=FULL, one commit
    each): what was acknowledged survives SIGKILL and loss of power. With "batch", entries are committed
    together after `BATCH_ENTRIES`, on `flush` and on `close`, without waiting for the disk: only for the
    virtual world, where no physical action hangs on an entry and a lost run is repeated from its seed.

    `obstacle` is asked before each write: what it raises of SQLite's errors is dealt with like the disk's own. Simulated
    disks fail through it.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        durability: Durability,
        lock: WriterLock | None = None,
        note: HeadNote | None = None,
        signer: Signer | None = None,
    ) -> None:
        super().__init__(path, connection)
        self._lock = lock
        self._note = note
        self._signer = signer
        self._batch = durability == "batch"
        self._pending = 0
        self._incomplete = False
        self._closed = False
        self.obstacle: Callable[[Event], None] = lambda event: None
        self._head = super().head()
        signed = self._rows("SELECT max(sequence) FROM signature", ())[0][0]
        self._signed = self.segment().before.sequence if signed is None else signed

    @classmethod
    def create_or_open(cls, path: Path | str, durability: Durability = "full", signer: Signer | None = None) -> Journal:
        """Open a journal for writing, new where there is none; ":memory:" keeps it in this process only.

        A journal of an earlier release is brought to the present schema; its entries and hashes stay as they are.
        With a signer, heads are signed (see `SIGN_ENTRIES`).

        Errors: `JournalError` where another process writes it, or the file is no journal, is read-only or
        locked, comes from a later release, or has lost entries that were acknowledged.
        """
        if str(path) == MEMORY:
            connection = connect(Path(MEMORY), readonly=False)
            create_schema(connection, Path(MEMORY), durable=False)
            return cls(Path(MEMORY), connection, durability, signer=signer)
        resolved = Path(path).resolve()
        is_new = not resolved.exists()
        connection = connect(resolved, readonly=False)
        lock = note = None
        try:
            check_schema(connection, resolved)  # first, so that a file of somebody else's is left as it is
            lock = WriterLock.take(resolved)
            if is_new:  # a note that is left of a journal that was here before says nothing about this one
                note_path(resolved).unlink(missing_ok=True)
            create_schema(connection, resolved, durable=durability == "full")
            refuse_lost_entries(JournalReader(resolved, connection))
            note = HeadNote.open(resolved) if durability == "full" else None
            journal = cls(resolved, connection, durability, lock, note, signer)
            journal._note_head()
            return journal
        except JournalError:
            connection.close()
            for opened in (note, lock):
                if opened:
                    opened.close()
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
        signature = self._signature_due(event, Head(entry.sequence, entry.hash))
        try:
            self.obstacle(event)
            if (self._batch and not self._pending) or (signature and not self._batch):
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_PUT_ENTRY, (entry.sequence, entry.time_s, entry.kind, entry.data_json, entry.hash))
            if signature:
                self._put(signature)
                if not self._batch:
                    self._connection.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise self._failed(error) from error
        self._head = Head(entry.sequence, entry.hash)
        self._signed = entry.sequence if signature else self._signed
        if self._batch:
            self._pending += 1
            if self._pending >= BATCH_ENTRIES:
                self.flush()
        self._note_head()
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

    def sign(self) -> None:
        """Sign the head where there is a signer and the head is not signed yet."""
        self.flush()
        if self._signer and self._signed < self._head.sequence and not self._incomplete:
            try:
                self._put(self._signer.sign(self._head))
            except SQLITE_ERRORS as error:
                raise self._failed(error) from error
            self._signed = self._head.sequence

    def begin_after(self, segment: Segment) -> None:
        """Leave all entries to another file, which must hold them durably; all or nothing.

        For `microcell.records.segments`, which makes that file.
        """
        if segment.before != self._head:
            raise JournalError(f"{self.path} has grown since {segment.file} was made: rotate again")
        try:
            leave_entries(self._connection, segment)
        except SQLITE_ERRORS as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Commit what is pending, sign the head, and let the next writer in; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
            with suppress(JournalError):  # the entries are safe; that their last head is not signed, verify tells
                self.sign()
        finally:
            super().close()
            for opened in (self._note, self._lock):
                if opened:
                    opened.close()

    def _signature_due(self, event: Event, head: Head) -> Signature | None:
        if self._signer is None:
            return None
        ends_order = isinstance(event, OrderControlled) and event.state in _ORDER_ENDED
        return self._signer.sign(head) if ends_order or head.sequence - self._signed >= SIGN_ENTRIES else None

    def _put(self, signature: Signature) -> None:
        values = (signature.head.sequence, signature.head.hash, signature.key_id, signature.signature)
        self._connection.execute(_PUT_SIGNATURE, values)

    def _note_head(self) -> None:
        if self._note:
            self._note.write(self._head)

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
