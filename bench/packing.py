"""How full is a container packed: Bischoff and Ratcliff's container loading problems.

    python bench/packing.py [--set N ...] [--first N] [--effort N] [--data DIR] [--picture FILE] [--json] [--check]

The first `--first` problems of each set (set 1: 3 kinds of box, about 150 boxes; set 2: 5 kinds), each with full support
and the orientations that its flags allow. Every packing is judged by `packing/checking.py`, which knows nothing of how it
was found: outside, overlaps, orientation, counts, support, order of placing. Volume use is the mean; one packing that is
not sound fails.
The lengths of the problems are cm. Nothing scatters: `--seed` changes nothing.

Data: --data, else ../shared/data beside the repository or a folder above it; a set that is not there is skipped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import mean

from common import Figure, arguments, report

from microcell.packing.boxes import BoxKind, Container, Grid
from microcell.packing.checking import judge
from microcell.packing.search import EFFORT, pack

CM = 0.01
LEAST_PERCENT = {1: 88.0}
MOST_S = 20.0
"""Of the slowest problem."""


def problems(path: Path) -> Iterator[tuple[list[BoxKind], Container]]:
    """Problems of one file: number of problems; then number and seed, container, kinds, and each kind with its flags."""
    numbers = iter(map(int, path.read_text(encoding="utf-8").split()))
    for _ in range(next(numbers)):
        _, _, length, width, height, kinds = (next(numbers) for _ in range(6))
        boxes = []
        for _ in range(kinds):
            name, x, x_up, y, y_up, z, z_up, quantity = (next(numbers) for _ in range(8))
            boxes.append(BoxKind(str(name), (x * CM, y * CM, z * CM), quantity, (bool(x_up), bool(y_up), bool(z_up))))
        yield boxes, Container((length * CM, width * CM, height * CM))


def measure(number: int, path: Path, first: int, effort: int, picture: Path | None) -> list[Figure]:
    """Pack and judge the first problems of a set."""
    used, times, faults, support = [], [], 0, 1.0
    for kinds, container in islice(problems(path), first):
        began = time.process_time()
        found = pack(kinds, container, Grid(CM), effort)
        times.append(time.process_time() - began)
        judgement = judge(found, kinds)
        used.append(100 * found.volume_use_ratio)
        faults += len(judgement.faults)
        support = min(support, judgement.least_support_ratio)
        if picture is not None and len(used) == 1:
            from microcell.packing.picture import draw

            draw(found, picture, f"set {number}, problem 1")
    return [
        Figure(f"set {number}, problems", len(used)),
        Figure(f"set {number}, volume use", mean(used), "%", least=LEAST_PERCENT.get(number)),
        Figure(f"set {number}, worst", min(used), "%"),
        Figure(f"set {number}, least support", 100 * support, "%", least=100.0 - 1e-6),
        Figure(f"set {number}, faults found", faults, most=0),
        Figure(f"set {number}, processor time", mean(times), "s a problem"),
        Figure(f"set {number}, slowest", max(times), "s", most=MOST_S),
    ]


def data_folder(named: Path | None) -> Path:
    """Where the sets are."""
    places = [named] if named else [above / "shared" / "data" for above in Path(__file__).resolve().parents]
    return next((p for place in places if (p := place / "scheduling" / "packing").is_dir()), places[0])


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--set", type=int, action="append", metavar="N", help="may be repeated; default: 1 and 2")
    parser.add_argument("--first", type=int, default=20, metavar="N", help="problems of each set (default: %(default)s)")
    parser.add_argument("--effort", type=int, default=EFFORT, help="blocks tried for a problem (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that holds `scheduling/packing`")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the first problem's packing")
    options = parser.parse_args()
    figures: list[Figure] = []
    for number in options.set or (1, 2):
        path = data_folder(options.data) / f"set_{number}.txt"
        if path.is_file():
            figures += measure(number, path, options.first, options.effort, options.picture)
        else:
            print(f"skipped: there is no file {path}", file=sys.stderr)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
