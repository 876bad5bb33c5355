"""Killed anywhere, does a cell lose nothing and repeat nothing?

    python bench/kill_anywhere.py [--n 200] [--ros-kills 50] [--first SEED] [--one SEED] [--ros-seed SEED]
                                   [--time-scale X] [--patience-s S] [--check]

In the virtual world five kills for each of `--n` (so 1000 for 200), each in a cell of its own with an order of two units:
the orchestrator, the skill runner or both die at a random instant, journal entry or fact that the runner notes. The bench
lives on, the program comes back after some seconds, on the same journal; three in ten die once more soon after that. In ROS
`--ros-kills` real SIGKILLs (0: none) of the orchestrator, one skill server, the hardware, or everything, `microcell up`
included, at a random time in an order of one unit; nobody helps but the supervisor, and an operator who confirms what he is
asked.

- `converged` are orders that ended with all their units good, while the bench, looked at from outside, is as the journal
  says: every good unit whole and in its carton, nothing else there, no hand or fixture with anything in it;
- `repeated actions` are operations that ended well twice on a unit though nothing was undone, and sites with two parts;
- `lost units` were begun and never ended, or fell;
- an order that does not end in time ends the run in ROS: it and what would have come after it have not converged;
- `asked` are kills after which a person was asked something; `thrown away` are parts that ended in the bin or fell.

Each kill that went wrong is told with its seed: `--one SEED` repeats one of the virtual world (exactly), `--ros-seed SEED`
one in ROS (the instant depends on the machine). `--check` fails where any kill went wrong. A virtual kill takes about a
third of a second, one in ROS about half a minute.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import common
import domain  # makes test/support importable, too
from mortal_cell import Aftermath, Kill, aftermath, disagreements, lost, repeated
from ordering import one_unit

from microcell.clock import LoopClock
from microcell.composition.bringup import bring_up
from microcell.composition.compose import compose
from microcell.composition.supervision import RestartPolicy
from microcell.description.loader import find_line, load_line
from microcell.errors import UsageError
from microcell.events import Event, OrderControlled
from microcell.orchestration.packml import Command, State
from microcell.plant.plant import Plant
from microcell.plant.state import PlantFile
from microcell.records.journal import JournalReader

if TYPE_CHECKING:
    from microcell.ros.cell_client import CellClient
    from microcell.ros.runtime import RosRuntime

LINE, QUANTITY, EACH = "valve", 2, 5
ORDER_CELL_S = 80.0
"""About how long an order of one unit takes in ROS, start included: kills are spread over this."""
VICTIMS = ("orchestrator", "arm_skills", "inspection_skills", "hardware", "everything")
WAY_ON = {State.HELD: Command.UNHOLD, State.ABORTED: Command.CLEAR, State.STOPPED: Command.RESET}
"""What a person commands who has looked."""
READY_S, STOP_S, LOOK_S = 300.0, 90.0, 0.1


# --- the virtual world ---------------------------------------------------------------------------------------------------


def virtual(seeds: range, quiet: bool) -> list[Aftermath]:
    """Kill once for each seed."""
    line, found = load_line(LINE), []
    for seed in seeds:
        came = aftermath(line, Kill.of(seed, QUANTITY), QUANTITY)
        found.append(came)
        if bad := (*came.wrong, *came.repeated, *came.lost):
            print(f"seed {seed}, {came.kill}: {'; '.join(bad)}", file=sys.stderr, flush=True)
        elif not quiet and came.asked:
            print(f"seed {seed}, {came.kill.who}: asked {', '.join(came.asked)}", flush=True)
    return found


def virtual_figures(found: list[Aftermath]) -> list[common.Figure]:
    kills = max(1, len(found))
    return [
        common.Figure("cells", len(found)),
        common.Figure("virtual kills", sum(came.deaths for came in found)),
        common.Figure("converged", 100.0 * sum(not came.wrong for came in found) / kills, "%", least=100.0),
        common.Figure("repeated actions", sum(len(came.repeated) for came in found), most=0.0),
        common.Figure("lost units", sum(len(came.lost) for came in found), most=0.0),
        common.Figure("asked", sum(bool(came.asked) for came in found)),
        common.Figure("units scrapped", sum(came.scrapped for came in found)),
        common.Figure("parts thrown away", sum(came.thrown_away for came in found)),
    ]


# --- ROS -----------------------------------------------------------------------------------------------------------------


@dataclass
class RealKill:
    """One SIGKILL in ROS, and what came of it."""

    seed: int
    victim: str
    after_s: float
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @staticmethod
    def of(seed: int, time_scale: float) -> RealKill:
        chance = random.Random(f"ros:{seed}")
        return RealKill(seed, chance.choice(VICTIMS), chance.uniform(0.5, ORDER_CELL_S / time_scale))


def up(folder: Path, time_scale: float) -> int:
    """`microcell up`, but for a supervisor that is not put off by as many deaths as this bench causes."""
    line, journal = load_line(LINE), str(folder / "valve.journal")
    blueprint = compose(line, "mock", line_path=str(find_line(LINE)), journal=journal, seed=3, time_scale=time_scale)
    policy = RestartPolicy(most=1000, longest_s=0.5)
    return bring_up(blueprint, folder / "logs", lambda text: print(text, flush=True), READY_S, policy)


class Up:
    """The cell's supervisor in a process of its own."""

    def __init__(self, folder: Path, time_scale: float, patience_s: float) -> None:
        self.folder = folder
        self.time_scale, self.patience_s = time_scale, patience_s
        self.log = folder / "up.log"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, __file__, "up", str(self.folder), str(self.time_scale)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def pid(self, name: str) -> int:
        """Of the present process of that name."""
        return int(re.findall(rf"^{name}: started \(pid (\d+)", self.log.read_text(), re.MULTILINE)[-1])

    def kill(self, victim: str) -> None:
        """SIGKILL to one process, or to all of them and their supervisor, who is then started again."""
        if victim != "everything":
            os.kill(self.pid(victim), signal.SIGKILL)
            return
        self.process.kill()
        for name in VICTIMS[:-1]:
            with suppress(ProcessLookupError):
                os.kill(self.pid(name), signal.SIGKILL)
        self.process.wait()
        self.start()

    def stop(self) -> None:
        """Leave nothing behind."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def events(self) -> list[Event]:
        with JournalReader.open(self.folder / "valve.journal") as journal:
            return list(journal.events())

    def words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])


async def story(runtime: RosRuntime, cell: Up, kills: list[RealKill], quiet: bool) -> None:
    client = await _connected(runtime, cell)
    for number, kill in enumerate(kills, 1):
        await _one(cell, client, kill, f"order-{number:02d}")
        if kill.wrong:
            print(f"--ros-seed {kill.seed}, {kill.victim}: {'; '.join(kill.wrong)}", file=sys.stderr, flush=True)
        elif not quiet:
            asked = f", asked {', '.join(kill.asked)}" if kill.asked else ""
            print(f"{kill.victim:18} after {kill.after_s:4.1f} s: ended after {kill.took_s:5.1f} s{asked}", flush=True)


async def _one(cell: Up, client: CellClient, kill: RealKill, order_id: str) -> None:
    """An order during which somebody is killed, to its end."""
    await client.produce(one_unit(LINE, order_id))
    await asyncio.sleep(kill.after_s)
    cell.kill(kill.victim)
    start_s = time.monotonic()
    while not (ended := _ended(cell, order_id)):
        state = client.state
        if state is not None and state.state in WAY_ON:
            if state.state != State.STOPPED:
                kill.asked.append(state.reason.partition(":")[0])
            with suppress(UsageError, asyncio.TimeoutError):
                await client.command(WAY_ON[State(state.state)])
            await asyncio.sleep(1.0)
        if time.monotonic() - start_s > cell.patience_s or cell.process.poll() is not None:
            shown = f"{State(state.state).title}, {state.reason}" if state is not None else "not seen"
            told = f"{order_id} did not end after {kill.victim}; the cell is {shown}"
            raise UsageError(f"--ros-seed {kill.seed}: {told}\n{cell.words()}")
        await asyncio.sleep(LOOK_S)
    kill.took_s = time.monotonic() - start_s
    if ended != "completed":
        kill.wrong.append(f"{order_id} has {ended}")
    await _until(lambda: client.state is not None and client.state.state in (State.IDLE, State.COMPLETE), READY_S, cell)


def _ended(cell: Up, order_id: str) -> str:
    states = [e.state for e in cell.events() if isinstance(e, OrderControlled) and e.order_id == order_id]
    return next((state for state in states if state in ("completed", "failed", "cancelled")), "")


async def _connected(runtime: RosRuntime, cell: Up) -> CellClient:
    from microcell.ros.cell_client import CellClient

    end_s = time.monotonic() + READY_S
    while True:
        try:
            client = await CellClient.connect(runtime, load_line(LINE).cell)
            break
        except UsageError:
            if time.monotonic() > end_s or cell.process.poll() is not None:
                raise UsageError(f"the cell does not show itself:\n{cell.words()}") from None
            await asyncio.sleep(LOOK_S)
    await _until(lambda: client.state is not None and client.state.state == State.IDLE, READY_S, cell)
    return client


async def _until(condition, limit_s: float, cell: Up) -> None:  # type: ignore[no-untyped-def]
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s or cell.process.poll() is not None:
            raise UsageError(f"the cell is not ready:\n{cell.words()}")
        await asyncio.sleep(LOOK_S)


async def _truth(folder: Path) -> Plant:
    """The bench as the hardware left it."""
    plant = Plant(load_line(LINE), 3, LoopClock())
    PlantFile(plant, folder / "valve.journal.bench").load()
    return plant


def ros(kills: list[RealKill], time_scale: float, patience_s: float, quiet: bool) -> list[common.Figure]:
    """Kill in ROS, one after the other in one cell, and look at the bench in the end."""
    from microcell.ros.runtime import run

    folder = Path(tempfile.mkdtemp(prefix="microcell-kill-"))
    cell = Up(folder, time_scale, patience_s)
    try:
        code = run(lambda runtime: story(runtime, cell, kills, quiet), [])
    finally:
        cell.stop()
    plant, events = asyncio.run(_truth(folder)), cell.events()
    differs = list(disagreements(load_line(LINE), plant, events))
    again, gone = list(repeated(plant, events)), list(lost(plant, events))
    for sentence in (*differs, *again, *gone):
        print(f"in ROS: {sentence}", file=sys.stderr)
    if code or differs or again or gone:
        print(f"journal and logs are kept in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    fine = sum(kill.took_s > 0.0 and not kill.wrong for kill in kills)
    return [
        common.Figure("ROS kills", len(kills)),
        common.Figure("ROS converged", 100.0 * fine / len(kills), "%", least=100.0),
        common.Figure("ROS bench not as the journal says", len(differs) + bool(code), most=0.0),
        common.Figure("ROS repeated actions", len(again), most=0.0),
        common.Figure("ROS lost units", len(gone), most=0.0),
        common.Figure("ROS asked", sum(bool(kill.asked) for kill in kills)),
        common.Figure("ROS order's end, median", sorted(k.took_s for k in kills)[len(kills) // 2], "s"),
    ]


def main() -> int:
    domain.take()
    parser = common.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=200, help="five virtual kills for each (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first virtual kill (default: %(default)s)")
    parser.add_argument("--one", type=int, help="repeat the virtual kill of this seed, and nothing else")
    parser.add_argument("--ros-kills", type=int, default=5, help="real kills (default: %(default)s; the target is 50)")
    parser.add_argument("--ros-seed", type=int, help="repeat the ROS kill of this seed, and nothing else")
    parser.add_argument("--time-scale", type=float, default=5.0, help="of the ROS cell (default: %(default)s)")
    parser.add_argument(
        "--patience-s", type=float, default=240.0, help="an order that takes longer in ROS is stuck (default: %(default)s)"
    )
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what a program says as it is killed
    figures: list[common.Figure] = []
    if options.ros_seed is None and (options.n or options.one is not None):
        first, count = (options.one, 1) if options.one is not None else (options.first, EACH * options.n)
        figures += virtual_figures(virtual(range(first, first + count), options.json))
    seeds = [options.ros_seed] if options.ros_seed is not None else range(options.seed, options.seed + options.ros_kills)
    if options.one is None and seeds:
        kills = [RealKill.of(seed, options.time_scale) for seed in seeds]
        figures += ros(kills, options.time_scale, options.patience_s, options.json)
    return common.report(figures, options)


if __name__ == "__main__":
    sys.exit(up(Path(sys.argv[2]), float(sys.argv[3])) if sys.argv[1:2] == ["up"] else main())
