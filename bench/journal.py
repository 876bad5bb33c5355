"""How fast the journal is: events/s in a batch, ms for each durable append, verification and folding.

    python bench/journal.py [--events N] [--folder DIR] [--seed N] [--json] [--check]

Durable figures depend on the disk under `--folder`. `--check` fails where a figure is worse than its limit.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from common import Figure, arguments, report

from microcell.events import Event, OperationEnded, OperationStarted
from microcell.records.journal import Journal, JournalReader
from microcell.records.production import ProductionFold

DURABLE_EVENTS = 300


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
    """Write, verify and fold the same events."""
    history = list(operations(count, seed))
    began = time.perf_counter()
    with Journal.create_or_open(folder / "batch", "batch") as journal:
        for event in history:
            journal.append(event)
    batch_s = time.perf_counter() - began
    durable_ms = sorted(_durable(folder, history[:DURABLE_EVENTS]))
    with JournalReader.open(folder / "batch") as journal:
        began = time.perf_counter()
        broken = journal.verify()
        verify_s = time.perf_counter() - began
        read = list(journal.events())
    if broken or read != history:
        raise SystemExit(f"the journal did not keep what was written: {broken}")
    began = time.perf_counter()
    folded = ProductionFold()
    for event in history:
        folded.apply(event)
    folded.production()
    fold_s = time.perf_counter() - began
    return [
        Figure("append, batch", len(history) / batch_s, "1/s", least=8000.0),
        Figure("append, durable, mean", sum(durable_ms) / len(durable_ms), "ms"),
        Figure("append, durable, 99 %", durable_ms[int(0.99 * len(durable_ms))], "ms"),
        Figure("verify", len(history) / verify_s, "1/s", least=20_000.0),
        Figure("fold", len(history) / fold_s, "1/s", least=20_000.0),
    ]


def _durable(folder: Path, history: list[Event]) -> Iterator[float]:
    with Journal.create_or_open(folder / "full", "full") as journal:
        for event in history:
            began = time.perf_counter()
            journal.append(event)
            yield 1000.0 * (time.perf_counter() - began)


def main() -> int:
    """Measure, print, and check where asked."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=30_000, help="events to write (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(Path(folder), options.events, options.seed)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
