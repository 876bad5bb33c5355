"""Every injectable fault in the virtual world, on the valve line or one that has its device: told rightly, and got over?

    python bench/faults.py [--seeds N] [--only TEXT] [--seed N] [--json] [--check]

Each fault of the catalogue (`docs/faults.md`) that the virtual world has happens once in an order of two units, at one place
of each kind that it fits, for each seed. Detected: the first fault that is told has a code that the catalogue gives (or an
inspection rejects the unit, or nothing at all is told of what must do no harm), and the order shows it to who submitted it.
Recovered: the order ends with all units good without a person. Where a person is needed, the benchmark does what the remedy
says and lets the cell go on; the order must then end well. `--check` fails below the limits.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable

from common import Figure, arguments, report
from fault_trials import Outcome, carry_out, trials, trials_elsewhere

from microcell.description.loader import load_line
from microcell.motion.planner import MotionPlanner

LINE = "valve"
LEAST_RECOVERED_RATIO = 0.95


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    """What all trials say together."""
    found = list(outcomes)
    recoverable = [outcome for outcome in found if outcome.trial.entry.recoverable]
    over_budget = sum("was dealt with" in sentence for outcome in found for sentence in outcome.wrong)
    wrong = sum(len(outcome.wrong) for outcome in found) - over_budget
    return [
        Figure("faults", len({outcome.trial.fault.fault for outcome in found})),
        Figure("trials", len(found)),
        Figure("happened", _percent(outcome.released > 0 for outcome in found), "%", least=100.0),
        Figure("detected", _percent(outcome.detected for outcome in found), "%", least=100.0),
        Figure("recoverable", len(recoverable)),
        Figure("recovered alone", _percent(o.recovered for o in recoverable), "%", least=100.0 * LEAST_RECOVERED_RATIO),
        Figure("ended well", _percent(outcome.ended_well for outcome in found), "%", least=100.0),
        Figure("over budget", over_budget, most=0.0),
        Figure("lost, doubled or bad units", wrong, most=0.0),
        Figure("looks of a person", sum(outcome.looks for outcome in found)),
    ]


def print_table(outcomes: Iterable[Outcome]) -> None:
    """One line for each fault."""
    by_fault: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_fault[outcome.trial.fault.fault].append(outcome)
    print(f"{'fault':<30}{'trials':>7}{'detected':>10}{'alone':>7}{'well':>6}{'looks':>7}  told")
    for name, found in by_fault.items():
        told = [word for o in found for word in (*o.codes[:1], *(f"check {check}" for check in o.rejected[:1]))]
        detected, alone = sum(o.detected for o in found), sum(o.recovered for o in found)
        well, looks = sum(o.ended_well for o in found), sum(o.looks for o in found)
        print(f"{name:<30}{len(found):>7}{detected:>10}{alone:>7}{well:>6}{looks:>7}  {', '.join(dict.fromkeys(told))}")


def print_failures(outcomes: Iterable[Outcome]) -> None:
    """What is not as it should be, with what repeats it."""
    for outcome in outcomes:
        alone = outcome.recovered or not outcome.trial.entry.recoverable
        if outcome.detected and outcome.ended_well and outcome.released and alone:
            continue
        seed, codes, wrong = outcome.trial.seed, ", ".join(outcome.codes) or "nothing", "; ".join(outcome.wrong)
        print(f"seed {seed}: {outcome.trial}: told {codes}; {outcome.looks} looks; {wrong}", file=sys.stderr)


def _percent(answers: Iterable[bool]) -> float:
    found = list(answers)
    return 100.0 * sum(found) / len(found) if found else 100.0


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each fault and place (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults whose id holds this text")
    options = parser.parse_args()
    every = (*trials(load_line(LINE), options.seeds, options.seed), *trials_elsewhere(options.seeds, options.seed))
    wanted = [trial for trial in every if options.only in trial.fault.fault]
    lines = {trial.line: load_line(trial.line) for trial in wanted}
    planners: dict[str, dict[str, MotionPlanner]] = {name: {} for name in lines}
    outcomes = [carry_out(trial, lines[trial.line], planners[trial.line]) for trial in wanted]
    if not options.json:
        print_table(outcomes)
    print_failures(outcomes)
    return report(figures(outcomes), options)


if __name__ == "__main__":
    sys.exit(main())
