"""How soon a drifting process is told, how often one that does not drift, and how good the gauge of a line is.

    python bench/drift.py [--runs N] [--study] [--seed S] [--json] [--check]

A process is a measured value of a unit after the other, normally distributed, with a limit some standard deviations away. In
order, it stays as it is; drifting, its mean moves towards the limit by a share of a standard deviation with each unit, from
the hundredth on. Told is what the running cell tells (`microcell/records/drift.py`), with its defaults. `--study` measures
the valve line's gauge (R&R) with the rendered camera as well, which takes minutes.
"""

from __future__ import annotations

import sys
from itertools import count
from random import Random

from common import Figure, arguments, report

from microcell import events
from microcell.description.checks import ChartSpec
from microcell.records.drift import DriftFold

IN_ORDER, SETTLED = 2000, 100
DISTANCES, RATES = (4.5, 6.0, 10.0, 30.0), (0.02, 0.05, 0.2)
UNFIT_ABOVE = 0.30


class Process:
    """Units with one measured value each; `told` is how many drifts the fold has told."""

    def __init__(self, limit: float) -> None:
        self.fold = DriftFold(lambda measurement: ChartSpec())
        self.limit, self.told, self._units = limit, 0, count(1)

    def make(self, value: float) -> None:
        """Take the next unit's value in."""
        number = next(self._units)
        measured = {"name": "gap.width", "value": value, "unit": "m", "lower": None, "upper": self.limit, "text": ""}
        done = {"operation": "inspect", "skill": "inspect", "outcome": "succeeded", "message": "", "duration_s": 1.0}
        unit = {"unit": f"U-{number}", "attempt_id": f"1.{number}", "measurements": (measured,)}
        self.fold.apply(events.OperationEnded(time_s=float(number), **unit, **done))
        for told in self.fold.due(float(number)):
            self.fold.apply(told)
            self.told += told.drifting


def false_alarms(distance: float, seed: int) -> int:
    """Drifts told of a process that stays in order."""
    process, random = Process(distance), Random(f"{seed}:order:{distance}")
    for _ in range(IN_ORDER):
        process.make(random.gauss(0.0, 1.0))
    return process.told


def drifts(distance: float, rate: float, seed: int) -> tuple[bool, int]:
    """Whether a drift was told before the first value out of its limit, and how many units before (negative: after)."""
    process, random = Process(distance), Random(f"{seed}:drift:{distance}:{rate}")
    told_at = scrap_at = 0
    for number in count(1):
        value = random.gauss(rate * max(0, number - SETTLED), 1.0)
        process.make(value)
        if number == SETTLED:
            process.told = 0  # what was told so far was told wrongly, and does not count
        told_at = told_at or (number if process.told else 0)
        scrap_at = scrap_at or (number if value > distance else 0)
        if scrap_at and (told_at or number > scrap_at + IN_ORDER):
            return bool(told_at) and told_at < scrap_at, scrap_at - told_at
    raise AssertionError("a drift has an end")


def figures(runs: int, seed: int) -> list[Figure]:
    """All figures of the alarm."""
    found = []
    for distance in DISTANCES:
        wrong = sum(false_alarms(distance, seed + run) for run in range(runs))
        rate = 1000.0 * wrong / (runs * IN_ORDER)
        found.append(Figure(f"false alarms, limit at {distance:g} sd", rate, "per 1000 units", most=2.5))
        for step in RATES:
            outcomes = [drifts(distance, step, seed + run) for run in range(runs)]
            before = sum(told for told, _ in outcomes) / runs
            ahead = sorted(units for _, units in outcomes)[runs // 2]
            name = f"drift {step:g} sd a unit, limit at {distance:g} sd"
            found.append(Figure(f"{name}: told before scrap", before, "of runs", least=_least(distance, step)))
            found.append(Figure(f"{name}: units ahead, median", float(ahead), "units"))
    return found


def _least(distance: float, rate: float) -> float | None:
    """What is promised: slow enough a drift, and room enough."""
    return 0.95 if distance >= 6.0 and rate <= 0.05 else None


def study(seed: int) -> list[Figure]:
    """Share of the tolerance that the valve line's gauge takes, by feature."""
    from microcell.description.loader import load_line
    from microcell.gauging import GaugePlan, measure_parts
    from microcell.records.gauge_readings import studies_of

    studies = studies_of(measure_parts(GaugePlan(load_line("valve"), seed=seed))).studies
    return [
        Figure(f"gauge of {one.feature}", one.grr_of_tolerance or 0.0, "of tolerance", most=UNFIT_ABOVE) for one in studies
    ]


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=40, help="of each process (default: %(default)s)")
    parser.add_argument("--study", action="store_true", help="measure the valve line's gauge too")
    options = parser.parse_args()
    found = figures(options.runs, options.seed) + (study(options.seed) if options.study else [])
    return report(found, options)


if __name__ == "__main__":
    sys.exit(main())
