"""Whether a journal still is what was written: its chain, its signed and noted heads, and where it breaks."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from microcell.errors import JournalError
from microcell.records.chain import EMPTY, Break, Head, Signature, link
from microcell.records.head_note import read_note
from microcell.records.journal_file import SQLITE_ERRORS
from microcell.records.journal_reader import JournalReader, earlier_files

Row = tuple[int, float, str, str, str]

_REMOVED_AT_MOST = 10_000
"""So many removed entries in a row are looked for behind renumbered ones."""


class Key(Protocol):
    """A public key."""

    @property
    def key_id(self) -> str:
        """Names the key."""

    def fits(self, signature: Signature) -> bool:
        """Whether this key's owner made the signature."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `head` is the last entry that holds; `signed` the last signed head before a break.

    `keys_checked` are the ids of the public keys that signatures were checked with, none where none was given.
    """

    head: Head
    broken: Break | None
    files: tuple[str, ...]
    signatures: int
    signed: Head | None
    signed_by: tuple[str, ...]
    keys_checked: tuple[str, ...]

    @property
    def unsigned_entries(self) -> int:
        """Entries that hold and stand after the last signed head."""
        return self.head.sequence - (self.signed.sequence if self.signed else 0)


def verify(journal: JournalReader, noted: Sequence[Head] = (), keys: Collection[Key] = ()) -> Verdict:
    """Recompute the chain over all files of a journal, and check its heads.

    `noted` are heads that were written down elsewhere. With `keys`, every signature must be by one of them, and there must
    be one; without, signed heads still count as noted ones. A million entries take some seconds.
    """
    acknowledged = read_note(journal.path)
    wanted = [Expected(head, "the noted head") for head in noted if head != EMPTY]
    if acknowledged and acknowledged != EMPTY:
        wanted.append(Expected(acknowledged, "the head that its writer noted"))
    scan = _Scan(wanted)
    with ExitStack() as opened:
        try:
            opened.enter_context(journal.snapshot())
            for file, _ in earlier_files(journal, 0):
                scan.add(opened.enter_context(JournalReader.open(file)))
            scan.add(journal)
            scan.end()
        except JournalError as error:
            scan.breaks(scan.head.sequence + 1, str(error))
    return scan.verdict(keys)


def first_break(journal: JournalReader, noted: Head | None = None) -> Break | None:
    """The first place where the chain does not hold, or None.

    `noted` is a head that was written down earlier: with it, a cut-off or wholly rewritten journal is found too.
    """
    return verify(journal, [noted] if noted else []).broken


def refuse_broken(journal: JournalReader) -> None:
    """`JournalError` for a journal that is not what was written: a cell must not go on from it."""
    if broken := first_break(journal):
        raise JournalError(
            f"{journal.path} is not what was written ({broken}): go on with a backup, or name another journal"
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """A head that the chain must pass through."""

    head: Head
    name: str


class _Scan:
    """Goes through the files of a journal in order, up to the first break."""

    def __init__(self, wanted: Sequence[Expected]) -> None:
        self.head = EMPTY
        self.broken: Break | None = None
        self._wanted = {expected.head.sequence: expected for expected in reversed(wanted)}
        self._signatures: list[Signature] = []
        self._files: list[str] = []

    def breaks(self, sequence: int, reason: str) -> None:
        """Note a break, where none was found before it."""
        if self.broken is None or sequence < self.broken.sequence:
            self.broken = Break(sequence, reason)

    def add(self, journal: JournalReader) -> None:
        """Check the next file."""
        if self.broken:
            return
        self._files.append(str(journal.path))
        if journal.segment().before != self.head:
            self.breaks(self.head.sequence + 1, f"{journal.path} does not go on where the file before it ends")
            return
        if (stray := journal.stray()) is not None:
            self.breaks(self.head.sequence + 1, f"inserted: an entry {stray} stands before it")
            return
        signatures = [s for s in journal.signatures() if s.head.sequence > self.head.sequence or len(self._files) == 1]
        self._signatures += signatures
        for signature in signatures:
            self._wanted.setdefault(signature.head.sequence, Expected(signature.head, "the signed head"))
        self._chain(journal)
        if self.broken is None and (damage := journal.quick_check()) != "ok":
            self.breaks(self.head.sequence + 1, f"the file is damaged: {damage}")

    def end(self) -> None:
        """Check that nothing is missing after the last file."""
        beyond = [sequence for sequence in self._wanted if sequence > self.head.sequence]
        if self.broken is None and beyond:
            last = self._wanted[max(beyond)]
            self.breaks(self.head.sequence + 1, f"missing: {last.name} is entry {last.head.sequence}")

    def verdict(self, keys: Collection[Key]) -> Verdict:
        """All that was found, signatures included."""
        for signature in self._signatures:
            self._check(signature, keys)
        if keys and not self._signatures and self.broken is None:
            self.breaks(1, "not signed: nothing in this journal is signed by the given key")
        limit = self.broken.sequence if self.broken else self.head.sequence + 1
        kept = [signature for signature in self._signatures if signature.head.sequence < limit]
        return Verdict(
            head=self.head,
            broken=self.broken,
            files=tuple(self._files),
            signatures=len(kept),
            signed=kept[-1].head if kept else None,
            signed_by=tuple(sorted({signature.key_id for signature in kept})),
            keys_checked=tuple(sorted(key.key_id for key in keys)),
        )

    def _check(self, signature: Signature, keys: Collection[Key]) -> None:
        known = [key for key in keys if key.key_id == signature.key_id]
        if keys and not known:
            self.breaks(signature.head.sequence, f"signed by another key, {signature.key_id}: none of those given")
        elif known and not any(key.fits(signature) for key in known):
            self.breaks(signature.head.sequence, f"wrong signature: it was not made with the key {signature.key_id}")

    def _chain(self, journal: JournalReader) -> None:
        """Follow one file's chain; the hot loop."""
        previous, sequence, kinds, wanted = self.head.hash, self.head.sequence, _Kinds(), self._wanted
        row: Row | None = None
        try:
            for row in journal.rows(sequence):
                number, time_s, kind, data, stored = row
                if number != sequence + 1:
                    break
                text = f'{previous}{{"data":{data},"kind":{kinds[kind]},"sequence":{number},"time_s":{time_s!r}}}'
                if sha256(text.encode()).hexdigest() != stored:
                    break
                if number in wanted and stored != wanted[number].head.hash:
                    self.breaks(number, f"rewritten: its hash is not {_with(wanted[number].name)} one")
                    break
                previous, sequence = stored, number
            else:
                row = None
        except SQLITE_ERRORS as error:
            self.breaks(sequence + 1, f"cannot be read: {error}")
        except ValueError as error:  # text that is no Unicode
            self.breaks(sequence + 1, f"cannot be read: {error}")
        self.head = Head(sequence, previous)
        if row is not None and self.broken is None:
            self.breaks(sequence + 1, _diagnosis(journal, self.head, row))


def _with(name: str) -> str:
    return name.replace(" head", "").replace("that its writer noted", "its writer's noted")


class _Kinds(dict[str, str]):
    """JSON of each kind of event; what is no text has none that could be hashed."""

    def __missing__(self, kind: str) -> str:
        text = json.dumps(kind, ensure_ascii=False) if isinstance(kind, str) else "?"
        self[kind] = text
        return text


def _diagnosis(journal: JournalReader, good: Head, row: Row) -> str:
    """What happened to the entry that should follow a good one, where another row stands in its place."""
    wanted = good.sequence + 1
    if row[0] != wanted:
        return f"missing: the next one in the file is entry {row[0]}"
    try:
        found = _elsewhere(journal, good)
        if found is not None:
            return found
        if removed := _removed(journal, row):
            many = "an entry was" if removed == 1 else f"{removed} entries were"
            return f"removed: {many} taken out here and the later ones renumbered"
    except (*SQLITE_ERRORS, ValueError):
        pass  # the rest of the file is damaged as well; what is known holds
    return "changed after it was written: its hash does not follow from its content"


def _elsewhere(journal: JournalReader, good: Head) -> str | None:
    """Where the entry that belongs after `good` stands now, or None."""
    wanted = good.sequence + 1
    rows = iter(journal.rows(wanted))
    for row in rows:
        if _follows(good.hash, wanted, row):
            after = next(rows, None)
            if after is None or _follows(row[4], wanted + 1, after):
                last = row[0] - 1
                which = f"entry {wanted} was" if last == wanted else f"entries {wanted} to {last} were"
                return f"inserted: {which} never written here, what was stands as entry {row[0]}"
            return f"reordered: what was written here stands as entry {row[0]}"
    return None


def _removed(journal: JournalReader, row: Row) -> int:
    """How many entries were taken out before a row, where the ones after it were renumbered; 0 for none."""
    after = next(iter(journal.rows(row[0])), None)
    if after is None or _follows(row[4], after[0], after):
        return 0
    return next((gone for gone in range(1, _REMOVED_AT_MOST) if _follows(row[4], after[0] + gone, after)), 0)


def _follows(previous: str, sequence: int, row: Row) -> bool:
    """Whether a row's hash is that of its content as this entry."""
    _, time_s, kind, data, stored = row
    return isinstance(kind, str) and link(previous, sequence, time_s, kind, data) == stored
