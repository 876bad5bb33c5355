"""The file of a journal: opening it, its schema, the lock of its one writer, and what its errors mean."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from microcell.errors import JournalError
from microcell.records.chain import GENESIS, Segment

MEMORY = ":memory:"
SCHEMA_VERSION = 2
READABLE = (1, 2)
"""Schemas that this release reads; it brings a journal to `SCHEMA_VERSION` when it writes to it."""

APPLICATION_ID = 0x4D43454C  # "MCEL": tells a journal from any other SQLite file
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What reading can raise: Python also fails to decode SQLite's own message where it quotes damaged text."""

_BUSY_S = 2.0

_ENTRY = """CREATE TABLE entry (
        sequence INTEGER PRIMARY KEY,
        time_s REAL NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL,
        hash TEXT NOT NULL
    )"""
_SIGNATURE = """CREATE TABLE signature (
        sequence INTEGER PRIMARY KEY,
        hash TEXT NOT NULL,
        key TEXT NOT NULL,
        signature TEXT NOT NULL
    )"""
_SEGMENT = """CREATE TABLE segment (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        before INTEGER NOT NULL,
        hash TEXT NOT NULL,
        file TEXT NOT NULL
    )"""
_KEEPS = """CREATE TRIGGER entry_keeps BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END"""
_STAYS = """CREATE TRIGGER entry_stays BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END"""
# INSERT OR REPLACE deletes without a delete trigger, so the order of entries is guarded as well.
_FOLLOWS = """CREATE TRIGGER entry_follows BEFORE INSERT ON entry
        WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), (SELECT before FROM segment)) + 1 FROM entry)
        BEGIN SELECT RAISE(ABORT, 'a journal has no gaps: somebody else wrote to it'); END"""

_TABLES = {1: [_ENTRY], 2: [_ENTRY, _SIGNATURE, _SEGMENT]}
_FROM_1_TO_2 = (
    _SIGNATURE,
    _SEGMENT,
    f"INSERT INTO segment VALUES (1, 0, '{GENESIS}', '')",
    "DROP TRIGGER IF EXISTS entry_follows",
    _FOLLOWS,
    "PRAGMA user_version = 2",
)
_NEW = (_ENTRY, _KEEPS, _STAYS, f"PRAGMA application_id = {APPLICATION_ID}", *_FROM_1_TO_2)
_STEPS: dict[int, tuple[str, ...]] = {0: _NEW, 1: _FROM_1_TO_2, 2: ()}
"""What brings a file of each schema to the present one; 0 is a file that holds nothing yet."""

_MEANINGS = (
    ("locked", "is locked by another program: close it (a backup, a database browser) and try again"),
    ("readonly", "is read-only: make it and its folder writable for this user, or name another journal"),
    ("is full", "cannot be written, the disk is full: free space and try again"),
    ("I/O error", "cannot be read or written: check the disk and the space left on it"),
    ("unable to open", "cannot be opened: check that its folder exists and that this user may use it"),
    ("not a database", "is not a journal: name another file, or move this one away"),
    ("codec", "is damaged: move it away and go on with a copy; its report names the last good entry"),
    ("malformed", "is damaged: move it away and go on with a copy; its report names the last good entry"),
    ("no gaps", "has been written to by another program: move it away, and go on with a copy from before"),
    ("closed database", "is closed: open it again"),
)


def explain(path: Path, error: Exception) -> JournalError:
    """What an error of SQLite means for the user of a journal, and what to do."""
    for sign, meaning in _MEANINGS:
        if sign in str(error):
            return JournalError(f"{path} {meaning} (SQLite: {error})")
    return JournalError(f"{path} cannot be used: check the file and its disk (SQLite: {error})")


def connect(path: Path, readonly: bool) -> sqlite3.Connection:
    """Open a journal's file; every statement is a transaction of its own unless BEGIN says otherwise."""
    if str(path) == MEMORY:
        return _connect(MEMORY)
    if not path.parent.is_dir():
        raise JournalError(f"the folder of {path} does not exist: create it, or name another journal")
    if not readonly and path.exists() and not os.access(path, os.W_OK):  # SQLite would tell at the first entry only
        raise JournalError(f"{path} is read-only: make it and its folder writable for this user, or name another journal")
    uri = path.as_uri()
    try:
        if not readonly:
            return _connect(f"{uri}?mode=rwc")
        if _readable_beside_writer(path):
            return _connect(f"{uri}?mode=ro")
        return _connect(f"{uri}?mode=ro&immutable=1")
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """The schema of the journal that the file holds, 0 where it holds nothing yet; anything else is a `JournalError`."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error
    if application == 0 and not tables:
        return 0
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is not a journal but some other SQLite file: name another file")
    if version not in READABLE:
        raise JournalError(
            f"{path} has schema version {version}, this release reads {' and '.join(map(str, READABLE))}: "
            "use the release that wrote it, or name another journal"
        )
    if [sql for (sql,) in tables] != _TABLES[version]:  # SQLite itself would read nonsense without a word
        raise JournalError(f"{path} is damaged, its table is not that of a journal: go on with a copy")
    return int(version)


def create_schema(connection: sqlite3.Connection, path: Path, durable: bool) -> None:
    """Make the file a journal of the present schema, and make sure that it can be written.

    The schema is in the file itself before there is a write-ahead log: without its log, a journal is still known as one.
    """
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _STEPS[check_schema(connection, path)]:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
        if durable and str(path) != MEMORY:
            sync_file(path.parent)
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error


def leave_entries(connection: sqlite3.Connection, segment: Segment) -> None:
    """Take out all entries, which a file beside the journal holds, and note that file; all or nothing."""
    last = segment.before.sequence
    connection.execute("PRAGMA secure_delete = OFF")  # or every page is written once more
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE segment SET before = ?, hash = ?, file = ?", (last, segment.before.hash, segment.file))
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("DELETE FROM entry")
    connection.execute(_STAYS)
    connection.execute("DELETE FROM signature WHERE sequence < ?", (last,))
    connection.execute("COMMIT")
    with suppress(*SQLITE_ERRORS):  # the room is given back when it can be; all is well without it
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sync_file(path: Path) -> None:
    """Make a file's content durable, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class WriterLock:
    """The right to write a journal: a lock on `<journal>.lock`, which ends with its process, however killed.

    The lock has a file of its own, because SQLite's locks on the journal would vanish when a second handle of
    that file is closed. The file stays: removing it would let a late process lock a file that nobody else
    sees.
    """

    descriptor: int

    @classmethod
    def take(cls, journal: Path) -> WriterLock:
        """Lock a journal for this process, or say which process writes it."""
        path = journal.with_name(journal.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise unlockable(journal, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalError(
                f"{journal} is being written by process {holder}: stop that one first, or name another journal"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise unlockable(journal, error) from error
        return cls(descriptor)

    def close(self) -> None:
        """Let the next writer in."""
        os.close(self.descriptor)


def unlockable(journal: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{journal} cannot be locked for writing ({error.strerror}): "
        "free space and make its folder writable for this user, or name another journal"
    )


def _connect(target: str) -> sqlite3.Connection:
    return sqlite3.connect(target, timeout=_BUSY_S, isolation_level=None, uri=target != MEMORY, check_same_thread=False)


def _readable_beside_writer(path: Path) -> bool:
    """Whether readers share the write-ahead log; a closed journal on read-only media has and needs none."""
    return os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists()
