"""A tool change killed at every micro-step, with real processes: does the cell know afterwards what is on the flange?

    python bench/tool_change.py [--steps N] [--seed N] [--json] [--check]

The ROS cell of the valve line over mock hardware, each process as `microcell up` starts it. For each of the twelve
micro-steps an order of one unit is begun, and the orchestrator and both skill servers are killed (SIGKILL): once right
after the step is in the journal, so that it is not done, and once a random moment (up to 0.4 s, by the seed) later, in the
midst of it. The hardware lives on; the programs are started again on the same journal. Then the hardware itself is asked:

- `certain` are restarts after which the cell named, without asking anybody, the tool that is on the flange;
- `wrong moves` are motions that the arm began while something else was on the flange than the journal said at that time;
- `finished` are orders that ended with their good unit.

`--steps` takes the first so many kills of the twenty-four only. A kill takes about half a minute. `--check` fails where not
every restart is certain, where a wrong move is seen, or where an order did not end well.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common
import domain
from ordering import one_unit

from microcell.clock import LoopClock
from microcell.composition.bringup import command
from microcell.composition.compose import compose
from microcell.composition.processes import environment
from microcell.description.loader import find_line, load_line
from microcell.devices.factory import DeviceHost, make_devices
from microcell.errors import UsageError
from microcell.events import Event, OperationEnded, OrderControlled, ToolChangeStep
from microcell.nodes import hardware, orchestrator
from microcell.orchestration.packml import Command, State
from microcell.orchestration.tools import ToolLedger
from microcell.plant.plant import Plant
from microcell.records.journal import Entry, Journal, JournalReader
from microcell.ros.cell_client import CellClient
from microcell.ros.node import HostNode
from microcell.ros.runtime import RosRuntime, run

LINE, TIME_SCALE = "valve", 5.0
STEPS = tuple(
    f"{way}.{step}"
    for way, steps in (
        ("fetch", ("approach", "verify", "align", "lock", "confirm", "retract")),
        ("dock", ("approach", "verify", "align", "unlock", "confirm", "retract")),
    )
    for step in steps
)
LATER_S = 0.4
FOLDER = "MICROCELL_BENCH_FOLDER"
KILL_FILE, WRITTEN, MOVED = "kill.json", "written.txt", "moved.txt"
READY_S, ORDER_S, STOP_S = 90.0, 150.0, 30.0
LOOK_S = 0.05
PROGRAMS = ("arm_skills", "inspection_skills", "orchestrator")


# --- programs that tell more than usual ---------------------------------------------------------------------------------


def orchestrate() -> int:
    """The orchestrator as it is, but for a journal that notes when it wrote each entry, and at the step that a file tells
    kills the cell's programs.
    """
    append, folder = Journal.append, Path(os.environ[FOLDER])
    told = folder / KILL_FILE

    def appended(journal: Journal, event: Event) -> Entry:
        entry = append(journal, event)
        _note(folder / WRITTEN, entry.sequence)
        if isinstance(event, ToolChangeStep) and told.exists():
            wanted = json.loads(told.read_text(encoding="utf-8"))
            if wanted["step"] == event.step:
                told.unlink()
                if wanted["later_s"] > 0.0:
                    threading.Timer(wanted["later_s"], kill, (wanted["pids"],)).start()
                else:
                    kill(wanted["pids"])
        return entry

    Journal.append = appended  # type: ignore[method-assign]
    return run(orchestrator.control)


def drive_hardware() -> int:
    """The mock hardware as it is, but that it notes what is on the flange whenever the arm begins to move."""
    made, moved = Plant.__init__, Path(os.environ[FOLDER]) / MOVED

    def make(plant: Plant, *args: Any, **options: Any) -> None:
        made(plant, *args, **options)
        arm = plant.bench.arm("arm")
        start = arm.start

        def started(trajectory: Any) -> None:
            tool = plant.bench.tool_on("arm")
            _note(moved, tool.serial if tool else "")
            start(trajectory)

        arm.start = started  # type: ignore[method-assign]

    Plant.__init__ = make  # type: ignore[method-assign]
    return run(hardware.serve)


def _note(path: Path, fact: object) -> None:
    """Write a line with the time of the whole machine; so short a line is written at once."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{time.monotonic()} {fact}\n")


def _notes(path: Path) -> list[tuple[float, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(float(time_s), fact) for time_s, _, fact in (line.partition(" ") for line in lines)]


def kill(pids: list[int]) -> None:
    """SIGKILL the other programs, then this one."""
    for pid in (*pids, os.getpid()):
        os.kill(pid, signal.SIGKILL)


# --- the processes --------------------------------------------------------------------------------------------------------


@dataclass
class Processes:
    """The cell's processes; the hardware is started once, the programs again after each kill."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        line = load_line(LINE)
        path, journal = str(find_line(LINE)), str(self.journal)
        self._blueprint = compose(line, "mock", line_path=path, journal=journal, seed=3, time_scale=TIME_SCALE)
        self.cell = self._blueprint.namespace

    @property
    def journal(self) -> Path:
        return self.folder / "valve.journal"

    @property
    def kill_file(self) -> Path:
        return self.folder / KILL_FILE

    def start(self) -> None:
        """Start what does not run."""
        for plan in self._blueprint.processes:
            if plan.name in self.running and self.running[plan.name].poll() is None:
                continue
            arguments = command(plan, self._blueprint, self.folder)
            if plan.name in ("orchestrator", "hardware"):
                arguments[1:3] = [__file__, plan.name]
            log = (self.folder / f"{plan.name}.log").open("ab")
            variables = {**os.environ, **environment(os.environ), FOLDER: str(self.folder)}
            self.running[plan.name] = subprocess.Popen(
                arguments,
                env=variables,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - it only asks the kernel, and takes no lock
            )
            log.close()

    def kill_at(self, step: str, later_s: float) -> None:
        """Let the programs die at the next such step."""
        pids = [self.running[name].pid for name in PROGRAMS[:2]]
        told = {"step": step, "later_s": later_s, "pids": pids}
        draft = self.kill_file.with_suffix(".draft")
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.rename(self.kill_file)

    def dead(self) -> bool:
        """Whether the programs have died."""
        return all(self.running[name].poll() is not None for name in PROGRAMS)

    def stop(self) -> None:
        """Leave nothing behind."""
        for name in reversed(self.running):
            if self.running[name].poll() is None:
                self.running[name].send_signal(signal.SIGINT)
                try:
                    self.running[name].wait(STOP_S)
                except subprocess.TimeoutExpired:
                    self.running[name].kill()
                    self.running[name].wait()

    def words(self, name: str) -> str:
        """The last of what a process said."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-12:])


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextmanager
def processes() -> Iterator[Processes]:
    with tempfile.TemporaryDirectory(prefix="microcell-tool-change-") as folder:
        cell = Processes(Path(folder))
        try:
            yield cell
        finally:
            cell.stop()


# --- the hardware's truth ------------------------------------------------------------------------------------------------


class Witness:
    """Asks the hardware what is on the flange, and compares what it noted with the journal."""

    def __init__(self, runtime: RosRuntime, cell: Processes) -> None:
        self._cell = cell
        self._line = load_line(LINE)
        node = runtime.create_node("witness", namespace=f"/{cell.cell}")
        host = DeviceHost(self._line, LoopClock(), node=HostNode(runtime, node))
        self._changer = make_devices(host, "mock", ["changer"])["changer"]

    async def open(self) -> None:
        await self._changer.connect()

    async def close(self) -> None:
        await self._changer.disconnect()

    async def serial(self) -> str:
        """What the hardware says is on the flange, "" for nothing."""
        coupling = await self._changer.coupling()  # type: ignore[attr-defined]
        return coupling.tool_serial if coupling.locked else ""

    def moves(self) -> tuple[int, list[str]]:
        """How often the arm began to move, and when that was with another tool than the journal had told by then."""
        ledger, wrong = ToolLedger(self._line, LoopClock()), []
        written = {int(fact): time_s for time_s, fact in _notes(self._cell.folder / WRITTEN)}
        with JournalReader.open(self._cell.journal) as journal:
            entries = [(written.get(entry.sequence, 0.0), entry.event()) for entry in journal.entries()]
        moved = _notes(self._cell.folder / MOVED)
        for time_s, truth in moved:
            while entries and entries[0][0] <= time_s:
                ledger.apply(entries.pop(0)[1])
            expected = ledger.expected("arm")
            if expected and truth not in expected:
                step = ledger.last_step("arm") or "none"
                wrong.append(f"{truth or 'no tool'} on the flange, by the journal {expected}, last step: {step}")
        return len(moved), wrong

    def events(self) -> list[Event]:
        with JournalReader.open(self._cell.journal) as journal:
            return list(journal.events())


# --- the story ------------------------------------------------------------------------------------------------------------


@dataclass
class Killed:
    """What came of one kill."""

    step: str
    later_s: float
    certain: bool = False
    asked: str = ""
    finished: bool = False
    restart_s: float = 0.0
    found: str = ""


async def story(runtime: RosRuntime, cell: Processes, kills: list[Killed], say) -> Witness:  # type: ignore[no-untyped-def]
    cell.start()
    client = await _connected(runtime, cell)
    witness = Witness(runtime, cell)
    await witness.open()
    try:
        for number, killed in enumerate(kills, 1):
            await _kill(cell, client, witness, killed, f"order-{number:02d}")
            say(killed)
    finally:
        await witness.close()
    return witness


async def _connected(runtime: RosRuntime, cell: Processes) -> CellClient:
    end = time.monotonic() + READY_S
    while True:
        try:
            client = await CellClient.connect(runtime, cell.cell)
            break
        except UsageError:
            _check_time(end, cell, "the cell does not show itself")
    await _until(lambda: client.state is not None and client.state.state == State.IDLE, READY_S, cell, "not ready")
    return client


async def _kill(cell: Processes, client: CellClient, witness: Witness, killed: Killed, order_id: str) -> None:
    cell.kill_at(killed.step, killed.later_s)
    before = len(witness.events())
    await client.produce(one_unit(LINE, order_id))
    await _until(cell.dead, ORDER_S, cell, f"{killed.step} was not reached")
    start = time.monotonic()
    cell.start()
    settled = await _settled(cell, client, witness, killed, before)
    truth = await witness.serial()
    killed.restart_s = time.monotonic() - start
    killed.found = truth or "no tool"
    killed.certain = settled.outcome == "succeeded" and settled.tool_serial == truth and not killed.asked
    await _until(lambda: _ended(witness, order_id), ORDER_S, cell, f"{order_id} did not end")
    killed.finished = _ended(witness, order_id) == "completed"
    idle = (State.IDLE, State.EXECUTE)
    await _until(lambda: client.state is not None and client.state.state in idle, READY_S, cell, "not idle again")


async def _settled(cell: Processes, client: CellClient, witness: Witness, killed: Killed, before: int) -> OperationEnded:
    """The end of the settling; a cell that asks first is let go on, and that is noted."""
    end = time.monotonic() + ORDER_S
    while True:
        ended = [e for e in witness.events()[before:] if isinstance(e, OperationEnded) and e.skill == "settle_tool"]
        if ended and ended[-1].outcome == "succeeded":
            return ended[-1]
        if client.state is not None and client.state.state == State.HELD:
            if client.state.reason.startswith("TOOL_"):  # anything else is about a unit
                killed.asked = killed.asked or client.state.reason
            with suppress(UsageError):
                await client.command(Command.UNHOLD)
        _check_time(end, cell, f"nobody settled the flange after {killed.step}")
        await asyncio.sleep(LOOK_S)


def _ended(witness: Witness, order_id: str) -> str:
    states = [e.state for e in witness.events() if isinstance(e, OrderControlled) and e.order_id == order_id]
    return next((state for state in states if state in ("completed", "failed", "cancelled")), "")


async def _until(condition, limit_s: float, cell: Processes, what: str) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + limit_s
    while not condition():
        _check_time(end, cell, what)
        await asyncio.sleep(LOOK_S)


def _check_time(end: float, cell: Processes, what: str) -> None:
    if time.monotonic() > end:
        raise UsageError(f"{what}. The orchestrator's last words:\n{cell.words('orchestrator')}")


def main() -> int:
    domain.take()
    parser = common.arguments(__doc__ or "")
    parser.add_argument("--steps", type=int, default=2 * len(STEPS), help="so many kills (default: %(default)s)")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kills = [Killed(step, later) for step in STEPS for later in (0.0, round(chance.uniform(0.05, LATER_S), 2))]
    kills = kills[: options.steps]

    def say(killed: Killed) -> None:
        if not options.json:
            end = "finished" if killed.finished else "NOT FINISHED"
            how = f"asked: {killed.asked}" if killed.asked else "certain" if killed.certain else "NOT CERTAIN"
            when = f"+ {killed.later_s:.2f} s" if killed.later_s else "at once"
            print(f"{killed.step:15} {when:9} {killed.found:9} {how}, {end}, after {killed.restart_s:.1f} s", flush=True)

    async def measure(runtime: RosRuntime) -> None:
        witness = await story(runtime, cell, kills, say)
        found.append(witness.moves())

    found: list[tuple[int, list[str]]] = []
    with processes() as cell:
        code = run(measure, [])
    if not found:
        return code or 1
    moves, wrong_moves = found[0]
    for wrong in wrong_moves:
        print(f"wrong move: {wrong}", file=sys.stderr)
    figures = [
        common.Figure("kills", len(kills)),
        common.Figure("certain", 100.0 * sum(k.certain for k in kills) / len(kills), "%", least=100.0),
        common.Figure("wrong moves", len(wrong_moves), f"of {moves}", most=0.0),
        common.Figure("finished", 100.0 * sum(k.finished for k in kills) / len(kills), "%", least=100.0),
        common.Figure("known after, longest", max(k.restart_s for k in kills), "s"),
    ]
    return common.report(figures, options)


if __name__ == "__main__":
    if sys.argv[1:2] in (["orchestrator"], ["hardware"]):
        program = orchestrate if sys.argv.pop(1) == "orchestrator" else drive_hardware
        sys.exit(program())
    sys.exit(main())
