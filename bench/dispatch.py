"""How fast work is given to free resources in a ROS cell, against a bare rclpy action measured beside it.

    python bench/dispatch.py [--units N] [--seed N] [--json] [--check]

`bare action` is goal to result with nothing but rclpy: a plain client and a plain server in two processes. `dispatch` is the
way of a whole cell, controller and skill server in two processes: from the moment that the last thing an operation needs is
free (the outcome of what held it is in the journal) to the start of its skill, with the intent written durably to the
journal on the way. `intent to start` is what follows that write, `durable append` what the disk alone takes for one. The
skills do nothing. The ways are measured in turns, on a machine that should have nothing else to do. `--check` fails where
the median of `dispatch` is over 1.5 times that of `bare action`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import domain
import rclpy
from load_floor import EndlessFeeder, NothingPressed, ToldChanger
from rclpy.action import ActionClient, ActionServer
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.events import OperationEnded, OperationStarted, StateChanged
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import State
from microcell.orchestration.session import Session
from microcell.records.journal import Entry, Journal
from microcell.ros import convert_skills
from microcell.ros.actions import Goal
from microcell.ros.fleet import Fleet
from microcell.ros.runtime import RosRuntime, run
from microcell.ros.skill_client import RosSkillPort
from microcell.ros.skill_server import SkillServerNode
from microcell.skills.contract import Feedback, Lease, Outcome, SkillGoal, SkillResult
from microcell_interfaces.action import ExecuteSkill

LINE = "valve"
LIMIT = 1.5
ROUNDS = 3
FAMILIES = ["assembly", "inspection", "packaging", "tooling"]
EXAMPLE = SkillGoal(
    skill="fasten",
    unit="VLV-000001",
    variant="adult",
    operation="fasten_1",
    attempt_id="1.1",
    parameters={"item": "screw", "site": "screw_1", "torque_n_m": 0.45},
    lease=Lease("VLV-000001/fasten_1", {"arm": "arm", "fixture": "fixture_1", "feeder": "screws_1"}, 1),
)


# --- the servers, each in a process of its own -------------------------------------------------------------------------


def serve_bare() -> int:
    """A plain rclpy action server."""

    def execute(handle: Any) -> Any:
        handle.succeed()
        return convert_skills.result_message(SkillResult(Outcome.SUCCEEDED, "done"), 0.0)

    rclpy.init()
    node = rclpy.create_node("bare_server")
    ActionServer(node, ExecuteSkill, "bare", execute)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    return 0


class InstantSkillServer(SkillServerNode):
    """The skill server as it is, with skills that only tell when they were started."""

    async def _run(self, wanted: SkillGoal, goal: Goal) -> SkillResult:
        return SkillResult(Outcome.SUCCEEDED, repr(time.perf_counter()))


async def serve_skills(runtime: RosRuntime) -> None:
    given = [Parameter("line", value=LINE), Parameter("families", value=FAMILIES)]
    node = runtime.create_node("skills", InstantSkillServer, parameter_overrides=given)
    node.open(runtime, lambda host, world, names: {})
    await asyncio.Event().wait()


# --- the cell ------------------------------------------------------------------------------------------------------------


class TimedPort:
    """Passes goals on, and measures from when all that a goal needs was free to the start of its skill.

    A device is free, and a unit can go on, as soon as the outcome of the operation that held it is in the journal.
    """

    def __init__(self, port: RosSkillPort, mount: Callable[[str], None]) -> None:
        self._port = port
        self._mount = mount
        self._held: dict[str, list[str]] = {}
        self._free: dict[str, float] = {}
        self._intents: dict[str, float] = {}
        self.latencies_s: list[float] = []
        self.sends_s: list[float] = []

    async def offered(self) -> frozenset[str]:
        return await self._port.offered()

    def saw(self, entry: Entry) -> None:
        """Note when an intent was written, and what an ended operation leaves free."""
        now = time.perf_counter()
        if entry.kind == OperationStarted.kind:
            self._intents[json.loads(entry.data_json)["attempt_id"]] = now
        elif entry.kind == OperationEnded.kind:
            self._free.update(dict.fromkeys(self._held.pop(json.loads(entry.data_json)["attempt_id"]), now))

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        needed = [*goal.lease.resources.values(), *([goal.unit] if goal.unit else [])]
        self._held[goal.attempt_id] = needed
        free_s = max((self._free[name] for name in needed if name in self._free), default=None)
        result = await self._port.execute(goal, on_feedback)
        if result.outcome is not Outcome.SUCCEEDED:
            raise RuntimeError(f"a goal of the benchmark failed: {result.message}")
        if free_s is not None:
            self.latencies_s.append(float(result.message) - free_s)
            self.sends_s.append(float(result.message) - self._intents[goal.attempt_id])
        if goal.skill == "change_tool":
            self._mount(str(goal.parameters["tool"]))
        return result


async def dispatches(runtime: RosRuntime, units: int, seed: int) -> TimedPort:
    """Make one order; the port with its times."""
    line = load_line(LINE)
    node = runtime.create_node("bench_cell")
    fleet = Fleet(runtime, node, ["skills"])
    await fleet.bring_up(lambda text: None)
    changer = ToldChanger()
    serials = {p.tool: p.serial for crib in line.cell_description.of_kind("tool_crib").values() for p in crib.pockets}
    port = TimedPort(RosSkillPort(runtime, node, ["skills"]), lambda tool: setattr(changer, "serial", serials[tool]))
    devices = {**{name: EndlessFeeder() for name in line.feeders}, "changer": changer, "safety": NothingPressed()}
    with tempfile.TemporaryDirectory() as folder, Journal.create_or_open(Path(folder) / "journal") as journal:
        controller = Controller(line, runtime.clock, journal, port, devices, Session("mock", seed=seed))
        controller.add_listener(port.saw)
        await controller.start()
        await controller.until_state(State.IDLE)
        order = Order(product=line.product, lines=(OrderLine(quantity=units),))
        await controller.order_ended(controller.submit(order))
        await controller.close()
    await fleet.take_down()
    return port


def cell(units: int, seed: int) -> TimedPort:
    """Make one order in a cell of its own."""
    ports: list[TimedPort] = []

    async def main(runtime: RosRuntime) -> None:
        ports.append(await dispatches(runtime, units, seed))

    run(main, [])
    return ports[0]


def bare(goals: int) -> list[float]:
    """Goal to result with a plain rclpy client, s."""
    rclpy.init()
    node = rclpy.create_node("bare_client")
    client = ActionClient(node, ExecuteSkill, "bare")
    client.wait_for_server()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    goal, times = convert_skills.goal_message(EXAMPLE), []
    for _ in range(goals):
        start = time.perf_counter()
        accepted = client.send_goal_async(goal)
        executor.spin_until_future_complete(accepted)
        result = accepted.result().get_result_async()
        executor.spin_until_future_complete(result)
        times.append(time.perf_counter() - start)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return times


# --- the report ------------------------------------------------------------------------------------------------------------


@contextmanager
def servers() -> Iterator[None]:
    """Both servers as child processes."""
    started = [subprocess.Popen([sys.executable, __file__, "--serve", which]) for which in ("bare", "skills")]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)


def measure(units: int, seed: int) -> dict[str, Any]:
    plain, ours, sends, appends = [], [], [], []
    with servers():
        for _ in range(ROUNDS):
            plain += bare(units * 17 // ROUNDS)
            port = cell(max(1, units // ROUNDS), seed)
            ours += port.latencies_s
            sends += port.sends_s
            appends += durable_appends(100)
    return {
        "bare action": figures(plain),
        "dispatch": figures(ours),
        "intent to start": figures(sends),
        "durable append": figures(appends),
        "ratio": median(ours) / median(plain),
        "limit": LIMIT,
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"ROS 2 {os.environ.get('ROS_DISTRO') or 'from PyPI'}, load {os.getloadavg()[0]:.1f}",
    }


def durable_appends(count: int) -> list[float]:
    """What the disk takes for one entry, s."""
    times = []
    with tempfile.TemporaryDirectory() as folder, Journal.create_or_open(Path(folder) / "journal") as journal:
        for number in range(count):
            start = time.perf_counter()
            journal.append(StateChanged(time_s=float(number), state="Execute", reason="benchmark"))
            times.append(time.perf_counter() - start)
    return times


def figures(times_s: list[float]) -> dict[str, float]:
    cuts = quantiles(times_s, n=100)
    return {"count": len(times_s), "median_ms": median(times_s) * 1e3, "p90_ms": cuts[89] * 1e3, "p99_ms": cuts[98] * 1e3}


def show(found: dict[str, Any]) -> None:
    print(f"{'':15} {'count':>6} {'median':>9} {'90 %':>9} {'99 %':>9}")
    for name in ("bare action", "dispatch", "intent to start", "durable append"):
        row = found[name]
        print(f"{name:15} {row['count']:6d} {row['median_ms']:6.2f} ms {row['p90_ms']:6.2f} ms {row['p99_ms']:6.2f} ms")
    print(f"dispatch / bare action, medians: {found['ratio']:.2f} (limit {LIMIT})")
    print(f"measured on {found['machine']}")


def main() -> int:
    domain.take()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=30, help="made in each of both ways (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--check", action="store_true", help="fail where the limit is missed")
    parser.add_argument("--serve", choices=("bare", "skills"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve_bare() if arguments.serve == "bare" else run(serve_skills, [])
    found = measure(arguments.units, arguments.seed)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    return int(arguments.check and found["ratio"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
