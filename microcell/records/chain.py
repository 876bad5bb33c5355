"""The chain of a journal's entries: each hash stands for everything before it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256

from microcell.errors import JournalError
from microcell.events import Event

GENESIS = "0" * 64
"""What the first entry's hash is chained to."""

_HEAD = re.compile(r"([0-9]{1,20})[: ]([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the last entry, the digest of the journal; an empty one has 0 and `GENESIS`."""

    sequence: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Read `<number> <hash>` or `<number>:<hash>`; None where the text is neither."""
        found = _HEAD.fullmatch(text.strip())
        return cls(int(found[1]), found[2]) if found else None

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


EMPTY = Head(0, GENESIS)


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
class Segment:
    """What a journal's file begins after: the last entry before it, and the file beside it that ends with that entry.

    The first file of a journal begins after entry 0, and `file` is "".
    """

    before: Head
    file: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signed head: Ed25519 in hex, and the id of the key that made it."""

    head: Head
    key_id: str
    signature: str


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
