"""The same order in every world that runs here: are operations, verdicts and records the same, apart from times?

    python bench/parity.py [--line NAME] [--quantity N] [--worlds WORLD ...] [--folder DIR] [--seed S] [--json] [--check]

virtual: one process, cameras rendered. mock: the ROS cell on simulated hardware, ten times as fast as real. gazebo: the ROS
cell in a Gazebo world, left out where that is not installed, unless --worlds names it. Compared with the virtual run, unit
by unit: variant, how it ended, each operation with its skill, outcome and number of attempts, the parts, the tools, and
which measurements were within their limits. "cycle" is the mean time of a unit in the world's own time; "real time" is the
order's time in the world over its real time: mock hardware is told to be ten times as fast, Gazebo is at most as fast as
real.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import domain
from common import Figure, arguments, report

from microcell.composition.bringup import GAZEBO_READY_S
from microcell.composition.gazebo import check_installed
from microcell.errors import MissingCapabilityError

WORLDS = ("virtual", "mock", "gazebo")
READY_S, STOP_S, UNIT_S = GAZEBO_READY_S + 60.0, 120.0, 1800.0
MOCK_SPEED = "10"


def cli(*words: str, folder: Path, timeout_s: float = UNIT_S) -> str:
    """Output of a `microcell` command."""
    command = [sys.executable, "-m", "microcell.cli", *words]
    given: dict[str, Any] = {"cwd": folder, "timeout": timeout_s}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **given)
    if done.returncode not in (0, 1):
        raise SystemExit(f"microcell {' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


def produced(world: str, options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], float]:
    """The journal's report of an order in a world, and the real seconds that the order took."""
    journal = folder / "cell.journal"
    quantity = ("--quantity", str(options.quantity))
    started_s = time.monotonic()
    if world == "virtual":
        seed = ("--seed", str(options.seed), "--camera", "rendered")
        cli("run", options.line, *quantity, *seed, "--journal", str(journal), folder=folder)
        real_s = time.monotonic() - started_s
    else:
        up = [sys.executable, "-m", "microcell.cli", "up", options.line, "--world", world, "--journal", str(journal)]
        up += ["--seed", str(options.seed), *(["--time-scale", MOCK_SPEED] if world == "mock" else [])]
        log = folder / "up.log"
        with log.open("w") as output:
            cell = subprocess.Popen(up, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            until_ready(cell, log)
            started_s = time.monotonic()
            cli("order", *quantity, folder=folder)
            real_s = time.monotonic() - started_s
        finally:
            stop(cell)
    return json.loads(cli("report", str(journal), "--json", folder=folder)), real_s


def stop(cell: subprocess.Popen[bytes]) -> None:
    """End a cell as Ctrl-C does; one that does not leave is killed, and its processes with it."""
    cell.send_signal(signal.SIGINT)
    try:
        cell.wait(STOP_S)
    except subprocess.TimeoutExpired:
        cell.kill()
        cell.wait()


def until_ready(cell: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the cell; SystemExit with its last words when it does not come up."""
    end_s = time.monotonic() + READY_S
    while "the cell is ready" not in log.read_text():
        if cell.poll() is not None or time.monotonic() > end_s:
            raise SystemExit(f"the cell did not come up:\n{log.read_text()}")
        time.sleep(0.2)


def facts(unit: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """What must be the same of a unit in every world."""
    yield "variant", unit["variant"]
    yield "ended", (unit["state"], unit["reworks"])
    for operation in unit["operations"]:
        yield operation["operation"], (operation["skill"], operation["outcome"], operation["attempts"])
    yield "parts", sorted((part["part"], part["operation"]) for part in unit["parts"])
    yield "tools", sorted(unit["tools"])
    for measured in unit["measurements"]:
        yield f"verdict of {measured['name']}", within(measured)


def within(measured: dict[str, Any]) -> bool:
    """Whether a measured value is within its limits."""
    value, lower, upper = measured["value"], measured["lower"], measured["upper"]
    return value is not None and (lower is None or value >= lower) and (upper is None or value <= upper)


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What differs between two reports, in words."""
    found = []
    left, right = ({unit["serial"]: dict(facts(unit)) for unit in each["units"]} for each in (ours, theirs))
    for serial in sorted({*left, *right}):
        a, b = left.get(serial, {}), right.get(serial, {})
        found += [f"{serial} {key}: {a.get(key)} / {b.get(key)}" for key in {**a, **b} if a.get(key) != b.get(key)]
    return found


def cycle_s(found: dict[str, Any]) -> float:
    """Mean time of a unit from its start to its end, in the world's own time."""
    cycles = [unit["cycle_s"] for unit in found["units"] if unit["cycle_s"] is not None]
    return sum(cycles) / len(cycles) if cycles else float("nan")


def span_s(found: dict[str, Any]) -> float:
    """The world's own time from the first unit's start to the last one's end."""
    ends = [unit["ended_s"] for unit in found["units"] if unit["ended_s"] is not None]
    return max(ends, default=0.0) - min((unit["started_s"] for unit in found["units"]), default=0.0)


def chosen(named: list[str] | None) -> list[str]:
    """The worlds that are named, or all that run here; SystemExit for one that is named and not installed."""
    worlds = named or list(WORLDS)
    if "gazebo" in worlds:
        try:
            check_installed()
        except MissingCapabilityError as error:
            if named:
                raise SystemExit(f"gazebo: {error}") from None
            print(f"gazebo: left out: {error}", file=sys.stderr)
            worlds.remove("gazebo")
    return worlds


def main() -> int:
    domain.take()
    parser = arguments(__doc__ or "")
    parser.add_argument("--line", default="valve")
    parser.add_argument("--quantity", type=int, default=2)
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, help="all that are installed")
    parser.add_argument("--folder", type=Path, help="keep journals and logs there")
    options = parser.parse_args()
    worlds = chosen(options.worlds)
    if Path(options.line).is_file():  # the worlds run in folders of their own
        options.line = str(Path(options.line).resolve())
    figures, reports = [], {}
    with tempfile.TemporaryDirectory(prefix="microcell-parity-") as scratch:
        for world in worlds:
            folder = (options.folder or Path(scratch)).resolve() / world
            folder.mkdir(parents=True, exist_ok=False)
            reports[world], real_s = produced(world, options, folder)
            figures += [
                Figure(f"{world} units good", sum(unit["state"] == "good" for unit in reports[world]["units"])),
                Figure(f"{world} cycle", cycle_s(reports[world]), "s"),
                Figure(f"{world} real time", span_s(reports[world]) / real_s, "x"),
            ]
    base = next(iter(reports))
    for world in list(reports)[1:]:
        differing = differences(reports[base], reports[world])
        print("\n".join(f"{base} / {world}: {text}" for text in differing), file=sys.stderr)
        figures.append(Figure(f"{world} differs from {base}", len(differing), most=0))
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
