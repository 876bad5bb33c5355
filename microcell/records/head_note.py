"""A note beside a journal of the last entry that was acknowledged: with it, entries that got lost are missed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from microcell.errors import JournalError
from microcell.records.chain import EMPTY, Head
from microcell.records.journal_file import unlockable
from microcell.records.journal_reader import JournalReader

_LONGEST = 200


def note_path(journal: Path) -> Path:
    """Where a journal's writer notes the last entry that it acknowledged."""
    return journal.with_name(journal.name + ".head")


def read_note(journal: Path) -> Head | None:
    """The last entry that a journal's writer acknowledged; None where nothing was noted or the note is torn."""
    try:
        with note_path(journal).open(encoding="ascii") as note:
            return Head.parse(note.read(_LONGEST))
    except (OSError, UnicodeDecodeError):
        return None


@dataclass(frozen=True, slots=True)
class HeadNote:
    """A file `<journal>.head` with the last acknowledged entry: tells that entries are gone when their log was lost.

    Written after the entry is on the disk and not synchronised itself, so that it may lag behind the journal after a loss
    of power, and is never ahead of it.
    """

    descriptor: int

    @classmethod
    def open(cls, journal: Path) -> HeadNote:
        """Open a journal's note for writing."""
        try:
            return cls(os.open(note_path(journal), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
        except OSError as error:
            raise unlockable(journal, error) from error

    def write(self, head: Head) -> None:
        """Note a head. A note that cannot be written is left as it is: one that lags only warns of less."""
        with suppress(OSError):
            os.pwrite(self.descriptor, f"{head.sequence:020d} {head.hash}\n".encode(), 0)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.descriptor)


def refuse_lost_entries(journal: JournalReader) -> None:
    """`JournalError` where the file does not hold what its note says was acknowledged."""
    path, noted, head = journal.path, read_note(journal.path), journal.head()
    if noted is None or noted == EMPTY:
        return
    remedy = (
        f"put back {path.name}-wal or the newest copy of the journal; to go on without them, look at every unit and tool in "
        f"the cell first, then remove {note_path(path).name}"
    )
    if noted.sequence > head.sequence:
        raise JournalError(
            f"{path} has lost entries {head.sequence + 1} to {noted.sequence}, which had been written "
            f"(its write-ahead log is gone, or this is an older copy): {remedy}"
        )
    before = journal.segment().before
    if noted.sequence >= before.sequence:
        held = before if noted.sequence == before.sequence else journal.head_at(noted.sequence)
        if held != noted:
            raise JournalError(
                f"{path} is not the journal that was written here, its entry {noted.sequence} differs: {remedy}"
            )
