"""The files of a journal: rotation leaves what is written to a file beside it, and backups copy all of them.

A rotated journal keeps its name. Its earlier entries are in `<journal>.<first>-<last>`, which nobody writes any more;
each file says which one it goes on from. A restarted cell folds all of them, so rotation may come at any time, and they
stay beside the journal as long as a cell goes on with it.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from microcell.errors import JournalError
from microcell.records.chain import Head, Segment, link
from microcell.records.journal import Journal
from microcell.records.journal_file import MEMORY, SQLITE_ERRORS, explain, sync_file
from microcell.records.journal_reader import JournalReader, earlier_files

READ_ONLY, WRITABLE = 0o444, 0o644


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a journal's file, as far as it had grown; not under its final name yet."""

    path: Path
    connection: sqlite3.Connection

    @classmethod
    def of(cls, journal: JournalReader, path: Path) -> Copy:
        """Copy a file, also while it is written; slow for a long one, and harmless to do beside the event loop."""
        path.unlink(missing_ok=True)
        try:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA synchronous = OFF")  # it is synchronised once, at the end
        except SQLITE_ERRORS as error:
            raise explain(path, error) from error
        copy = cls(path, connection)
        try:
            journal.copy_to(connection)
            copy._sync()  # here, where nobody waits for it: what follows is little
        except JournalError:
            copy.discard()
            raise
        return copy

    def head(self) -> Head:
        """The last entry that was copied."""
        return JournalReader(self.path, self.connection).head()

    def catch_up(self, journal: JournalReader) -> None:
        """Add what was written since the copying."""
        head = self.head()
        try:
            self.connection.execute("BEGIN")
            for row in journal.rows(head.sequence):
                if link(head.hash, *row[:4]) != row[4]:
                    raise JournalError(f"entry {row[0]} of {journal.path} does not follow: verify the journal")
                self.connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", row)
                head = Head(row[0], row[4])
            for signed in journal.signatures():
                values = (signed.head.sequence, signed.head.hash, signed.key_id, signed.signature)
                self.connection.execute("INSERT OR REPLACE INTO signature VALUES (?, ?, ?, ?)", values)
            self.connection.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error

    def finish(self, path: Path, mode: int) -> None:
        """Make the copy durable, a single file, and give it its name."""
        try:
            self.connection.execute("PRAGMA journal_mode = DELETE")
            self.connection.close()
            self.path.chmod(mode)
            self._sync()
            self.path.replace(path)
            sync_file(path.parent)
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error
        except OSError as error:
            raise JournalError(
                f"{path} cannot be written ({error.strerror}): free space and make its folder writable"
            ) from error

    def _sync(self) -> None:
        try:
            sync_file(self.path)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written ({error.strerror}): free space") from error

    def discard(self) -> None:
        """Remove the copy."""
        self.connection.close()
        for name in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + name).unlink(missing_ok=True)


def begin_rotation(path: Path) -> Copy:
    """Copy the journal that is to be rotated: the long part of it, which may be done in a thread of its own."""
    if str(path) == MEMORY:
        raise JournalError("this journal is kept in memory only, there is nothing to rotate: run with a journal's file")
    with JournalReader.open(path) as reader:
        return Copy.of(reader, path.with_name(path.name + ".rotating"))


def finish_rotation(journal: Journal, copy: Copy) -> Path:
    """Leave all entries to a file beside the journal, and go on after them; the earlier file.

    Killed at any instant, the journal is whole: its entries go only when the other file holds them durably.
    """
    try:
        journal.flush()
        journal.sign()
        before, head = journal.segment().before, journal.head()
        if head == before:
            raise JournalError(f"{journal.path} holds nothing since the last rotation: rotate again when it does")
        copy.catch_up(journal)
        if copy.head() != head:
            raise JournalError(f"{copy.path} is not a copy of {journal.path}: verify the journal")
        earlier = journal.path.with_name(f"{journal.path.name}.{before.sequence + 1}-{head.sequence}")
        _refuse_another(earlier, head)
        copy.finish(earlier, READ_ONLY)
    except JournalError:
        copy.discard()
        raise
    journal.begin_after(Segment(head, earlier.name))
    return earlier


def rotate(journal: Journal) -> Path:
    """Rotate a journal at once; the file that holds what was written so far."""
    journal.flush()
    return finish_rotation(journal, begin_rotation(journal.path))


def _refuse_another(path: Path, head: Head) -> None:
    """A file of that name may only be there from a rotation that was cut short."""
    if path.exists():
        with JournalReader.open(path) as reader:
            if reader.head() != head:
                raise JournalError(f"{path} is there already and holds another journal: move it away")


def backup(source: Path, target: Path) -> tuple[Path, ...]:
    """Copy a journal, also while it is written, with the earlier files that it needs; the files written.

    Earlier files that are beside the target already are kept, for they never change. `JournalError` where the target is
    there already.
    """
    target = target.resolve()
    if target.exists():
        raise JournalError(f"{target} is there already: name a new file")
    if not target.parent.is_dir():
        raise JournalError(f"the folder of {target} does not exist: create it, or name another file")
    with JournalReader.open(source) as reader:
        copy = Copy.of(reader, target.with_name(target.name + ".partial"))
        try:
            files = earlier_files(JournalReader(reader.path, copy.connection), 0)
            written = [beside for file, _ in files if (beside := _keep(file, target.with_name(file.name))) is not None]
            copy.finish(target, WRITABLE)
        except JournalError:
            copy.discard()
            raise
    return (*written, target)


def _keep(file: Path, target: Path) -> Path | None:
    """Copy an earlier file where it is not there yet; what was written."""
    with JournalReader.open(file) as reader:
        if target.exists():
            _refuse_another(target, reader.head())
            return None
        copy = Copy.of(reader, target.with_name(target.name + ".partial"))
    try:
        copy.finish(target, READ_ONLY)
    except JournalError:
        copy.discard()
        raise
    return target
