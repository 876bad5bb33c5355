"""The executable `hardware`: what its nodes show, and that it leaves when it is told to."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from hardware_bench import DOMAIN, LINE, NAMESPACE, SIMULATED
from in_ros import in_ros
from rclpy.parameter import Parameter

from microcell.composition import processes
from microcell.devices.factory import DeviceHost, make_devices
from microcell.faults import FaultError
from microcell.nodes import hardware
from microcell.ros import names
from microcell.ros.clock import RosClock
from microcell.ros.node import HostNode
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.msg import InjectedFault
from microcell_interfaces.srv import ListFaults, ScheduleFault

pytestmark = pytest.mark.ros
READY_S, LIMIT_S = 60.0, 120.0


Scenario = Callable[[RosRuntime, Any, int], Awaitable[None]]
"""What is done with the hardware; it gets the runtime, a node, and the process's id."""


def with_hardware(folder: Path, scenario: Scenario, time_scale: float, ends: int = 0) -> None:
    """Run a scenario against the hardware in a process of its own, which then leaves: at Ctrl-C with code 0, or killed."""
    address = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(address)
        notifications.settimeout(READY_S)
        profile = processes.environment(os.environ)
        environment = {**os.environ, **profile, "ROS_DOMAIN_ID": str(DOMAIN), "NOTIFY_SOCKET": address}
        parameters = ["-p", "line:=valve", "-p", f"time_scale:={time_scale}", "-p", "use_sim_time:=true"]
        command = [sys.executable, "-m", "microcell.nodes.hardware", *NAMESPACE[1:], *parameters]
        with subprocess.Popen(command, env=environment) as process:
            try:
                while "READY=1" not in notifications.recv(4096).decode():
                    assert process.poll() is None, "it lives, and is getting ready"
                asyncio.run(asyncio.wait_for(in_process(scenario, time_scale, process.pid), LIMIT_S))
                if ends == 0:
                    process.send_signal(signal.SIGINT)
                assert process.wait(READY_S) == ends
            finally:
                process.kill()


async def in_process(scenario: Scenario, time_scale: float, pid: int) -> None:
    simulated = SIMULATED if time_scale != 1.0 else []
    async with RosRuntime([*NAMESPACE, *simulated], DOMAIN) as runtime:
        node = runtime.create_node("drivers")
        runtime.clock = RosClock(node)
        await scenario(runtime, node, pid)


def test_all_devices_answer_and_time_runs_as_fast_as_it_was_told(tmp_path):
    async def scenario(runtime: RosRuntime, node: Any, pid: int) -> None:
        devices = make_devices(DeviceHost(LINE, runtime.clock, node=HostNode(runtime, node)), "mock")
        await asyncio.gather(*(device.connect() for device in devices.values()))
        real_s, cell_s = runtime.loop.time(), runtime.clock.now()
        presented = await devices["nest_1"].present()
        assert presented.part == "body" and presented.level == LINE.cell_description.devices["nest_1"].capacity
        frame = await devices["camera_1"].capture(0.02)
        assert frame.pixels.shape == (960, 1280, 3)
        await runtime.clock.sleep(10.0)
        passed = (runtime.clock.now() - cell_s) / (runtime.loop.time() - real_s)
        assert 5.0 < passed < 20.0
        found = {name for name, _ in node.get_node_names_and_namespaces()}
        assert {"hardware", "arm_controller", "tooling", "stations", "cameras"} <= found
        await asyncio.gather(*(device.disconnect() for device in devices.values()))

    with_hardware(tmp_path, scenario, 10.0)


async def client_of(node: Any, kind: Any, name: str) -> Any:
    """A client whose service is discovered: a request sent before would be lost."""
    client = node.create_client(kind, name)
    end = asyncio.get_running_loop().time() + READY_S
    while not client.service_is_ready():
        assert asyncio.get_running_loop().time() < end, f"no service {name}"
        await asyncio.sleep(0.02)
    return client


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so, but not for ever."""
    end = asyncio.get_running_loop().time() + READY_S
    while not condition():
        assert asyncio.get_running_loop().time() < end, what
        await asyncio.sleep(0.02)


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal (Linux)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"


def test_faults_are_scheduled_and_listed_by_service_and_bad_ones_refused(tmp_path):
    async def scenario(runtime: RosRuntime, node: Any, pid: int) -> None:
        devices = make_devices(DeviceHost(LINE, runtime.clock, node=HostNode(runtime, node)), "mock", ["changer", "nest_1"])
        changer, nest = devices["changer"], devices["nest_1"]
        await asyncio.gather(changer.connect(), nest.connect())
        client = await client_of(node, ScheduleFault, names.SCHEDULE_FAULT)

        async def schedule(**wanted: Any) -> Any:
            request = ScheduleFault.Request(injection=InjectedFault(**{"value": math.nan, **wanted}))
            return await runtime.call(client, request, READY_S)

        assert (await schedule(fault="tool_changer.not_locked", where="changer", times=2)).accepted
        assert [(await changer.lock()).locked for _ in range(3)] == [False, False, True]
        assert (await schedule(fault="feeder.stuck", where="nest_1")).accepted
        with pytest.raises(FaultError, match="FEEDER_JAMMED at nest_1: "):
            await nest.present()
        assert (await schedule(fault="feeder.announces_other", where="nest_1")).accepted
        assert (await nest.present()).part != "body"
        refused = {
            "there is no injectable fault 'feeder.stock'; did you mean 'feeder.stuck'?": {"fault": "feeder.stock"},
            "there is no device 'chager'": {"fault": "tool_changer.not_locked", "where": "chager"},
            "'device.late' cannot be injected in the world 'mock', only in: virtual.": {"fault": "device.late"},
            "condition: Input should be 'holding'": {"fault": "feeder.empty", "condition": "hungry"},
            "'after' is -1 s from now: it is 0 (at once) or more.": {"fault": "feeder.empty", "after": -1.0},
            "out of bounds ('90.0 s'); 0 to 10 s are allowed": {"fault": "gripper.slip", "value": 90.0},
        }
        for said, wanted in refused.items():
            answer = await schedule(**wanted)
            assert not answer.accepted and said in answer.message
        lister = await client_of(node, ListFaults, names.LIST_FAULTS)
        listed = await runtime.call(lister, ListFaults.Request(), READY_S)
        assert len(listed.faults) == len(listed.descriptions) >= 40
        assert [(fault.fault, fault.where) for fault in listed.scheduled][:1] == [("tool_changer.not_locked", "changer")]
        assert list(listed.released) == [2, 1, 1]
        await asyncio.gather(changer.disconnect(), nest.disconnect())
        assert (await schedule(fault="node.hung")).accepted
        await until(lambda: is_stopped(pid), "the process is not stopped")
        os.kill(pid, signal.SIGCONT)
        assert (await schedule(fault="node.killed")).accepted

    with_hardware(tmp_path, scenario, 1.0, -signal.SIGKILL)


def test_hardware_that_was_killed_finds_its_bench_as_it_was(tmp_path):
    journal, bench = tmp_path / "valve.journal", tmp_path / "valve.journal.bench"

    def printed() -> bool:
        return bench.exists() and "VLV-000007" in bench.read_text()

    journal.touch()
    parameters = ["-p", "line:=valve", "-p", f"plant_state:={bench}", "-p", f"journal:={journal}"]
    address = str(tmp_path / "notify")
    environment = {**os.environ, "ROS_DOMAIN_ID": str(DOMAIN), "NOTIFY_SOCKET": address}
    command = [sys.executable, "-m", "microcell.nodes.hardware", *NAMESPACE[1:], *parameters]

    async def print_a_label() -> None:
        async with RosRuntime(NAMESPACE, DOMAIN) as runtime:
            node = runtime.create_node("drivers")
            runtime.clock = RosClock(node)
            host = DeviceHost(LINE, runtime.clock, node=HostNode(runtime, node))
            printer = make_devices(host, "mock", ["printer"])["printer"]
            await printer.connect()
            await printer.print_label("VLV-000007")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(address)
        notifications.settimeout(READY_S)
        for life in ("first", "second"):
            with subprocess.Popen(command, env=environment) as process:
                try:
                    while b"READY=1" not in notifications.recv(4096):
                        pass
                    assert printed() == (life == "second")
                    if life == "first":
                        asyncio.run(asyncio.wait_for(print_a_label(), LIMIT_S))
                        assert printed()
                finally:
                    process.kill()


@in_ros
async def test_with_a_new_journal_the_bench_begins_afresh(runtime, tmp_path):
    journal, bench = tmp_path / "valve.journal", tmp_path / "valve.journal.bench"
    told = [Parameter("plant_state", value=str(bench)), Parameter("journal", value=str(journal))]
    for there, name in ((True, "later"), (False, "new")):
        bench.write_text("{}")
        (journal.touch if there else journal.unlink)()
        assert hardware._bench_file(runtime.create_node(name, parameter_overrides=told)) == bench
        assert bench.exists() == there
    assert hardware._bench_file(runtime.create_node("without")) is None
