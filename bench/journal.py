"""How fast the journal is, and whether verification names what was done to it.

    python bench/journal.py [--n N] [--folder DIR] [--seed N] [--json] [--check]

Written in a batch and durably, folded, rotated, and backed up; N events (1 million by default) are verified, then once more
with one flipped bit, one deleted, one swapped, one inserted event and so on, at places drawn from the seed: the place must
be named. Durable figures depend on the disk under `--folder`. `--check` fails where a figure is worse than its limit.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

from common import Figure, arguments, report

from microcell.events import Event, OperationEnded, OperationStarted
from microcell.records.chain import Head
from microcell.records.journal import Journal, JournalReader
from microcell.records.production import ProductionFold
from microcell.records.segments import backup, begin_rotation, finish_rotation
from microcell.records.signing import PublicKey, SiteKey, new_key, public_key, site_key
from microcell.records.verifying import Verdict, first_break, verify

DURABLE_EVENTS = 300
FOLDED_EVENTS = 30_000
VERIFY_LIMIT_S = 30.0
"""The promise for a million events."""


def operations(count: int, seed: int) -> Iterator[Event]:
    """Intent and outcome of screws driven into units of twenty, each with its torque and lot."""
    random = Random(f"{seed}:bench/journal")
    for number in range(count // 2):
        begun_s = 4.0 * number
        name = {"unit": f"VALVE-{number // 20:06d}", "operation": f"screw_{number % 20}", "skill": "fasten"}
        name["attempt_id"] = f"1-{number}"
        yield OperationStarted(time_s=begun_s, resources={"arm": "arm", "fixture": "fixture_1"}, **name)
        torque = {
            "name": "seated.torque",
            "value": random.gauss(0.5, 0.02),
            "unit": "N m",
            "lower": 0.4,
            "upper": 0.6,
        }
        yield OperationEnded(
            time_s=begun_s + 3.5,
            outcome="succeeded",
            message="seated",
            duration_s=3.5,
            measurements=(torque,),
            parts=(("screw", f"L{number // 500}"),),
            tool_serial="SD-1",
            **name,
        )


def measure(folder: Path, count: int, seed: int) -> list[Figure]:
    """Write, verify, fold, damage, back up and rotate the same events."""
    _, public = new_key(folder / "keys")
    key = public_key(public)
    signer = site_key(folder / "keys")
    began = time.perf_counter()
    with Journal.create_or_open(folder / "batch", "batch", signer) as journal:
        for event in operations(count, seed):
            journal.append(event)
    batch_s = time.perf_counter() - began
    history = list(operations(min(count, FOLDED_EVENTS), seed))
    durable_ms = sorted(_durable(folder, history[:DURABLE_EVENTS], signer))
    found, verify_s = _verified(folder / "batch", key)
    if found.broken or found.head.sequence != count - count % 2 or found.unsigned_entries:
        raise SystemExit(f"the journal did not keep what was written: {found}")
    fold_s = _folded(folder / "batch", history)
    return [
        Figure("append, batch", count / batch_s, "1/s", least=8000.0),
        Figure("append, durable, mean", sum(durable_ms) / len(durable_ms), "ms"),
        Figure("append, durable, 99 %", durable_ms[int(0.99 * len(durable_ms))], "ms"),
        Figure("verify, all events", verify_s, "s", most=VERIFY_LIMIT_S * max(1.0, count / 1e6)),
        Figure("verify", count / verify_s, "1/s", least=1e6 / VERIFY_LIMIT_S),
        Figure("fold", len(history) / fold_s, "1/s", least=20_000.0),
        *_damages(folder, key, found.head, seed),
        *_files(folder),
    ]


def _durable(folder: Path, history: list[Event], signer: SiteKey | None) -> Iterator[float]:
    with Journal.create_or_open(folder / "full", "full", signer) as journal:
        for event in history:
            began = time.perf_counter()
            journal.append(event)
            yield 1000.0 * (time.perf_counter() - began)


def _verified(path: Path, key: PublicKey, noted: Head | None = None) -> tuple[Verdict, float]:
    with JournalReader.open(path) as journal:
        began = time.perf_counter()
        verdict = verify(journal, [noted] if noted else [], [key])
        return verdict, time.perf_counter() - began


def _folded(path: Path, history: list[Event]) -> float:
    with JournalReader.open(path) as journal:
        read = [event for event, _ in zip(journal.events(), history, strict=False)]
    if read != history:
        raise SystemExit("the journal did not keep what was written")
    began = time.perf_counter()
    folded = ProductionFold()
    for event in history:
        folded.apply(event)
    folded.production()
    return time.perf_counter() - began


def _damages(folder: Path, key: PublicKey, head: Head, seed: int) -> Iterator[Figure]:
    """Damage a copy in each way; the figure is 1 where verification names the place that was damaged."""
    random = Random(f"{seed}:bench/journal/damage")
    at = random.randrange(2, head.sequence - 2)
    swap = (
        "UPDATE entry SET sequence = -1 WHERE sequence = :at",
        "UPDATE entry SET sequence = :at WHERE sequence = :at + 1",
        "UPDATE entry SET sequence = :at + 1 WHERE sequence = -1",
    )
    shift = (
        "UPDATE entry SET sequence = -(sequence + 1) WHERE sequence >= :at",
        "UPDATE entry SET sequence = -sequence WHERE sequence < 0",
    )
    insert = "INSERT INTO entry SELECT :at, time_s, kind, data, hash FROM entry WHERE sequence = 1"
    ways: dict[str, tuple[str, ...]] = {
        "one flipped bit": ("UPDATE entry SET data = flip(data) WHERE sequence = :at",),
        "one deleted event": ("DELETE FROM entry WHERE sequence = :at",),
        "two swapped events": swap,
        "one inserted event": (*shift, insert),
        "a cut-off tail": ("DELETE FROM entry WHERE sequence >= :at",),
        "a wrong signature": ("UPDATE signature SET signature = flip(signature) WHERE sequence = :signed",),
    }
    for name, statements in ways.items():
        copy = folder / "damaged"
        shutil.copy(folder / "batch", copy)
        signed = _damage(copy, statements, at, random.randrange(8))
        verdict, _ = _verified(copy, key, head)
        place = signed if "signature" in name else at
        print(f"{name} at {place}: {verdict.broken}", file=sys.stderr)
        right = verdict.broken is not None and verdict.broken.sequence == place
        yield Figure(f"named: {name}", float(right), least=1.0)
        for left in folder.glob("damaged*"):
            left.unlink()


def _damage(path: Path, statements: tuple[str, ...], at: int, bit: int) -> int:
    """Do that to a journal; the first signed entry at or after the place."""

    def flip(text: str) -> str:
        middle = len(text) // 2
        return text[:middle] + chr(ord(text[middle]) ^ (1 << (bit % 4))) + text[middle + 1 :]

    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("flip", 1, flip)
        for trigger in ("entry_keeps", "entry_stays", "entry_follows"):
            connection.execute(f"DROP TRIGGER {trigger}")
        (signed,) = connection.execute("SELECT min(sequence) FROM signature WHERE sequence >= ?", (at,)).fetchone()
        for statement in statements:
            connection.execute(statement, {"at": at, "signed": signed})
        connection.commit()
    return int(signed)


def _files(folder: Path) -> Iterator[Figure]:
    """Back up and rotate; of a rotation, only the second part stops the cell's event loop."""
    began = time.perf_counter()
    backup(folder / "batch", folder / "backup")
    yield Figure("backup", time.perf_counter() - began, "s")
    with Journal.create_or_open(folder / "batch") as journal:
        began = time.perf_counter()
        copy = begin_rotation(journal.path)
        copied = time.perf_counter()
        finish_rotation(journal, copy)
        yield Figure("rotation, copying beside", copied - began, "s")
        yield Figure("rotation, writing waits", time.perf_counter() - copied, "s")
        if (broken := first_break(journal)) is not None:
            raise SystemExit(f"the journal is not whole after its rotation: {broken}")


def main() -> int:
    """Measure, print, and check where asked."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=1_000_000, help="events to write and verify (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    options = parser.parse_args()
    if options.n < 100:
        parser.error("--n must be 100 at least")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(Path(folder), options.n, options.seed)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
