"""Every fault that the cell gets over alone, at every place of every shipped line: does it, wherever it happens?

    python bench/fault_sweep.py [--lines LINE ...] [--every N] [--first K] [--only TEXT] [--seed N] [--json] [--check]

Each fault of the catalogue (`docs/faults.md`) that the virtual world has and that is recoverable happens once, at each
device, tool or program that it can happen to (`Scope.alone`), at the first and at the second command at which it could, in
an order of three units of the line's variants in turn. It should end with all of them good, without a person, with nothing
lost, made twice or left in a hand or a station. A case whose fault finds nothing to happen to is counted, and says nothing.
All lines take half an hour: `--every` 10 takes each tenth case, from the `--first` (0) on. `--check` fails below the limits.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from common import Figure, arguments, report
from fault_trials import Outcome, Trial, carry_out

from microcell.description.fault_schedule import ScheduledFault, Scope
from microcell.description.injectable import INJECTABLE
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.motion.planner import MotionPlanner

CONFIG = Path(__file__).parents[1] / "config"
UNITS = 3
NTHS = (1, 2)


def cases(line: Line, seed: int, only: str = "") -> Iterator[Trial]:
    """Every fault at every place of a line where the cell gets over it alone."""
    scope, variants = Scope.of(line), tuple(line.product_description.variants)
    for name, entry in INJECTABLE.items():
        if "virtual" not in entry.worlds or only not in name:
            continue
        for where in scope.alone(name):
            for nth in NTHS:
                yield Trial(ScheduledFault(fault=name, where=where, nth=nth), seed, UNITS, line.name, variants)


def failed(outcome: Outcome) -> bool:
    """Whether the cell did not get over a fault that happened."""
    return outcome.released > 0 and not outcome.recovered


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    """What all cases say together."""
    found = list(outcomes)
    happened = [outcome for outcome in found if outcome.released]
    alone = 100.0 * sum(outcome.recovered for outcome in happened) / max(1, len(happened))
    return [
        Figure("lines", len({outcome.trial.line for outcome in found})),
        Figure("cases", len(found)),
        Figure("happened", len(happened)),
        Figure("recovered alone", alone if happened else 100.0, "%", least=100.0),
        Figure("looks of a person", sum(outcome.looks for outcome in happened), most=0.0),
        Figure("scrapped units", sum(outcome.order.scrapped for outcome in happened)),
        Figure("lost, doubled or bad units", sum(len(outcome.wrong) for outcome in found), most=0.0),
    ]


def print_table(outcomes: Iterable[Outcome]) -> None:
    """One row for each line."""
    found = list(outcomes)
    print(f"{'line':<20}{'cases':>7}{'happened':>10}{'alone':>7}{'looks':>7}{'scrapped':>10}")
    for name in dict.fromkeys(outcome.trial.line for outcome in found):
        mine = [outcome for outcome in found if outcome.trial.line == name]
        happened = [outcome for outcome in mine if outcome.released]
        alone, looks = sum(outcome.recovered for outcome in happened), sum(outcome.looks for outcome in happened)
        scrapped = sum(outcome.order.scrapped for outcome in happened)
        print(f"{name:<20}{len(mine):>7}{len(happened):>10}{alone:>7}{looks:>7}{scrapped:>10}")


def print_failure(outcome: Outcome) -> None:
    """What the cell did not get over, with what repeats it."""
    trial, codes = outcome.trial, ", ".join(outcome.codes) or "nothing"
    ended = f"{outcome.order.status.name.lower()}, {outcome.order.good} good"
    told = "; ".join((f"told {codes}", f"{outcome.looks} looks", ended, *outcome.wrong))
    print(f"{trial.line}, seed {trial.seed}: {trial}, nth {trial.fault.nth}: {told}", file=sys.stderr, flush=True)


def sweep(names: Iterable[str], options: argparse.Namespace) -> list[Outcome]:
    """Carry the cases out, line by line."""
    outcomes: list[Outcome] = []
    for name in names:
        line, planners = load_line(name), dict[str, MotionPlanner]()
        for trial in islice(cases(line, options.seed, options.only), options.first, None, options.every):
            outcomes.append(carry_out(trial, line, planners))
            if failed(outcomes[-1]):
                print_failure(outcomes[-1])
    return outcomes


def main() -> int:
    """Run the benchmark from the command line."""
    shipped = sorted(path.stem for path in (CONFIG / "lines").glob("*.yaml"))
    parser = arguments(__doc__ or "")
    parser.add_argument("--lines", nargs="+", default=shipped, metavar="LINE", help=f"of {', '.join(shipped)}")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th case only (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="begin with case K (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults whose id holds this text")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # of a crash that was injected the program would print where it happened
    outcomes = sweep(options.lines, options)
    if not options.json:
        print_table(outcomes)
    return report(figures(outcomes), options)


if __name__ == "__main__":
    sys.exit(main())
