"""How fast the virtual clock runs: an eight-hour shift of the valve line, from its YAML files to the last journal entry.

    python bench/throughput.py [--hours H] [--camera modelled|rendered] [--seed N] [--json] [--check]

Plant, mock devices, skills, controller and journal run in this one process, which does nothing else and which an unlimited
order keeps busy. `--check` fails where the shift takes a minute or longer, or 500 MB or more, or ends before its time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from math import ceil
from pathlib import Path

from common import Figure, arguments, report

from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.records.journal import JournalReader
from microcell.virtual import VirtualRun, run_line

LINE = "valve"
LONGEST_S = 60.0
LARGEST_MB = 500.0
BYTES_OF_RSS = 1 if sys.platform == "darwin" else 1024
"""In what `ru_maxrss` counts."""


def measure(path: Path, options: argparse.Namespace) -> list[Figure]:
    """Run a shift and count what its journal holds."""
    began_s, used_s = time.perf_counter(), time.process_time()
    line, shift_s = load_line(LINE), 3600.0 * options.hours
    more_than_it_can_make = 2 * ceil(shift_s / line.ideal_cycle_s)
    order = Order(product=line.product, lines=(OrderLine(quantity=more_than_it_can_make),))
    result = run_line(VirtualRun(line, (order,), options.seed, options.camera, path, shift_s))
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - used_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_RSS / 1e6
    for fault in result.snapshot.active_faults:
        print(f"the cell held: {fault}", file=sys.stderr)
    with JournalReader.open(path) as journal:
        entries = list(journal.entries())
    kinds = [entry.kind for entry in entries]
    units, operations = kinds.count("unit.ended"), kinds.count("operation.ended")
    return [
        Figure("shift, wall time", wall_s, "s", most=LONGEST_S * options.hours / 8.0),
        Figure("shift, processor time", cpu_s, "s"),
        Figure("cell time", entries[-1].time_s / 3600.0, "h", least=options.hours),
        Figure("cell time per wall time", entries[-1].time_s / 3600.0 / wall_s, "h/s"),
        Figure("units", units),
        Figure("processor time per unit", 1000.0 * cpu_s / max(1, units), "ms"),
        Figure("operations", operations / wall_s, "1/s"),
        Figure("events", len(entries) / wall_s, "1/s"),
        Figure("largest memory", peak_mb, "MB", most=LARGEST_MB),
        Figure("journal", path.stat().st_size / 1e6, "MB"),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--hours", type=float, default=8.0, help="cell time to run (default: %(default)s)")
    parser.add_argument("--camera", choices=("modelled", "rendered"), default="modelled", help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder) / "shift.journal", options)
    if not options.json:
        print(f"{options.hours:g} hours of the {LINE} line, {options.camera} cameras, seed {options.seed}")
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
