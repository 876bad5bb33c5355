"""The file of a journal: opening it, its schema, the lock of its one writer, and what its errors mean."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from microcell.errors import JournalError

MEMORY = ":memory:"
SCHEMA_VERSION = 1
APPLICATION_ID = 0x4D43454C  # "MCEL": tells a journal from any other SQLite file
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What reading can raise: Python also fails to decode SQLite's own message where it quotes damaged text."""

_BUSY_S = 2.0

_SCHEMA = (
    """CREATE TABLE entry (
        sequence INTEGER PRIMARY KEY,
        time_s REAL NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL,
        hash TEXT NOT NULL
    )""",
    """CREATE TRIGGER entry_keeps BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END""",
    """CREATE TRIGGER entry_stays BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END""",
    # INSERT OR REPLACE deletes without a delete trigger, so the order of entries is guarded as well.
    """CREATE TRIGGER entry_follows BEFORE INSERT ON entry
        WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM entry)
        BEGIN SELECT RAISE(ABORT, 'a journal has no gaps: somebody else wrote to it'); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

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
    uri = path.as_uri()
    try:
        if not readonly:
            return _connect(f"{uri}?mode=rwc")
        if _readable_beside_writer(path):
            return _connect(f"{uri}?mode=ro")
        return _connect(f"{uri}?mode=ro&immutable=1")
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error


def check_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a journal (True) or nothing yet (False); anything else is a `JournalError`."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error
    if application == 0 and not tables:
        return False
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is not a journal but some other SQLite file: name another file")
    if version != SCHEMA_VERSION:
        raise JournalError(
            f"{path} has schema version {version}, this release reads and writes {SCHEMA_VERSION}: "
            "use the release that wrote it, or name another journal"
        )
    if tables != [
        (_SCHEMA[0],)
    ]:  # SQLite itself would read nonsense from a damaged definition without a word
        raise JournalError(f"{path} is damaged, its table is not that of a journal: go on with a copy")
    return True


def create_schema(connection: sqlite3.Connection, path: Path, durable: bool) -> None:
    """Make the file a journal where it is none yet, and make sure that it can be written."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        connection.execute("BEGIN IMMEDIATE")
        if not check_schema(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    except SQLITE_ERRORS as error:
        raise explain(path, error) from error


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
            raise _unlockable(journal, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalError(
                f"{journal} is being written by process {holder}: stop that one first, "
                "or name another journal"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise _unlockable(journal, error) from error
        return cls(descriptor)

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self.descriptor)


def _unlockable(journal: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{journal} cannot be locked for writing ({error.strerror}): "
        "free space and make its folder writable for this user, or name another journal"
    )


def _connect(target: str) -> sqlite3.Connection:
    return sqlite3.connect(
        target, timeout=_BUSY_S, isolation_level=None, uri=target != MEMORY, check_same_thread=False
    )


def _readable_beside_writer(path: Path) -> bool:
    """Whether readers share the write-ahead log; a closed journal on read-only media has and needs none."""
    return os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists()
