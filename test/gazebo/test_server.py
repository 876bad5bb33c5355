"""Server, bridge and stream of poses as child processes: what they say is heard, and none is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fake_gz
import pytest

from microcell.composition.gazebo import transport_program
from microcell.gazebo.listening import TopicStream
from microcell.gazebo.poses import poses_of
from microcell.gazebo.server import GazeboError, Servers, variables
from microcell.geometry import Pose

LIMIT_S = 20.0
PROCESSES = ("sim", "server", "window", "bridge")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key, value in fake_gz.install(tmp_path, sys.executable).items():
        monkeypatch.setenv(key, value)
    return tmp_path


def servers(folder: Path, world: str = '<sdf version="1.10"/>', headless: bool = True) -> Servers:
    path = folder / "world.sdf"
    path.write_text(world, encoding="utf-8")
    return Servers(path, folder / "bridge.yaml", folder, dict(os.environ), headless, stop_s=0.3)


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.02)


def limited(work: object) -> None:
    asyncio.run(asyncio.wait_for(work, LIMIT_S))  # type: ignore[arg-type]


def test_nothing_is_left_of_a_world_with_a_window_whose_processes_do_not_hear_an_interrupt(folder: Path) -> None:
    async def run() -> None:
        world = servers(folder, headless=False)
        await world.start()
        await until(lambda: all(fake_gz.pid_of(folder, name) for name in PROCESSES))
        pids = [fake_gz.pid_of(folder, name) or 0 for name in PROCESSES]
        assert all(map(fake_gz.lives, pids))
        await world.stop()
        await until(lambda: not any(map(fake_gz.lives, pids)))

    limited(run())


def test_a_world_that_is_refused_is_an_error_though_gz_ends_with_zero(folder: Path) -> None:
    async def run() -> None:
        world = servers(folder, "this is no world")
        await world.start()
        with pytest.raises(GazeboError, match=r"gz has ended; its last words .*gz\.log\):\n.*Unable to read SDF"):
            await world.until_one_ends()
        assert world.refusals() == ["[Err] [Server.cc:139] Error Code 17: Unable to read SDF"]
        await world.stop()

    limited(run())


def test_a_killed_program_takes_its_world_and_bridge_with_it(folder: Path) -> None:
    program = f"""
import asyncio, os
from pathlib import Path
from microcell.gazebo.server import Servers
folder = Path({str(folder)!r})
async def run():
    await Servers(folder / "world.sdf", folder / "bridge.yaml", folder, dict(os.environ)).start()
    await asyncio.Event().wait()
asyncio.run(run())
"""
    servers(folder)

    async def run() -> None:
        killed = subprocess.Popen([sys.executable, "-c", program])
        await until(lambda: all(fake_gz.pid_of(folder, name) for name in ("sim", "bridge")))
        pids = [fake_gz.pid_of(folder, name) or 0 for name in ("sim", "bridge")]
        killed.send_signal(signal.SIGKILL)
        killed.wait(LIMIT_S)
        await until(lambda: not any(map(fake_gz.lives, pids)))

    limited(run())


def test_poses_are_heard_by_name_until_nobody_listens_any_more(folder: Path) -> None:
    async def run() -> None:
        heard: dict[str, Pose] = {}
        topic = "/world/valve/dynamic_pose/info"
        stream = TopicStream(topic, dict(os.environ), lambda told: heard.update(poses_of(told)))
        await stream.start()
        await until(lambda: heard)
        assert heard == {"item_7": Pose((0.5, 0.0, 0.25), (0.0, 0.0, 0.0, 1.0))}
        await until(lambda: fake_gz.pid_of(folder, "topic"))
        await stream.stop()
        assert not fake_gz.lives(fake_gz.pid_of(folder, "topic") or 0)

    limited(run())


def test_a_world_that_is_not_heard_any_more_is_an_error(folder: Path) -> None:
    async def run() -> None:
        stream = TopicStream("/world/valve/dynamic_pose/info", dict(os.environ), lambda told: None)
        await stream.start()
        ending = asyncio.ensure_future(stream.until_it_ends())
        await until(lambda: fake_gz.pid_of(folder, "topic"))
        assert not ending.done()
        os.kill(fake_gz.pid_of(folder, "topic") or 0, signal.SIGKILL)
        with pytest.raises(GazeboError, match="listens to Gazebo's /world/valve/dynamic_pose/info has ended"):
            await ending
        await stream.stop()

    limited(run())


def test_what_cannot_be_read_of_a_world_is_an_error(folder: Path) -> None:
    def heard(told: object) -> None:
        raise KeyError("pose")

    async def run() -> None:
        stream = TopicStream("/poses", dict(os.environ), heard)
        await stream.start()
        with pytest.raises(GazeboError, match=r"what Gazebo tells on /poses cannot be read: KeyError\('pose'\)"):
            await stream.until_it_ends()
        await stream.stop()

    limited(run())


def test_each_refusal_of_server_or_bridge_is_told_once_and_whole(folder: Path) -> None:
    world = servers(folder)
    log, bridge = folder / "gz.log", folder / "bridge.log"
    log.write_text("[Msg] Loading\n[Err] no plugin of this name\n[Err] half a li")
    assert world.refusals() == ["[Err] no plugin of this name"]
    with log.open("a") as more:
        more.write("ne\n")
    bridge.write_text("[INFO] bridged\n[WARN] [ros_gz_bridge]: Failed to create a bridge for topic [x]\n")
    assert world.refusals() == [
        "[Err] half a line",
        "[WARN] [ros_gz_bridge]: Failed to create a bridge for topic [x]",
    ]
    assert world.refusals() == []


@pytest.mark.parametrize("place", ["libexec/gz", "../gz_transport_vendor/libexec/gz"])
def test_the_newest_program_beside_gz_is_taken_without_the_script_around_it(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "gz_tools_vendor"
    monkeypatch.setenv("PATH", fake_gz.install(tools, sys.executable)["PATH"])
    assert transport_program("service") == [str(tools / "bin" / "gz"), "service"]
    programs = [(tools / place).resolve() / f"transport{version}" / "gz-transport-service" for version in (9, 14, 13)]
    for program in programs:
        program.parent.mkdir(parents=True)
        program.touch()
    assert transport_program("service") == [str(programs[1])]


def test_of_two_things_with_one_name_the_first_is_the_model() -> None:
    first, second = {"name": "a", "position": {"x": 1}, "orientation": {"w": 1}}, {"name": "a", "orientation": {"w": 1}}
    assert poses_of({"pose": [first, second]})["a"].position == (1.0, 0.0, 0.0)


def test_a_cells_world_is_apart_from_others_also_where_somebody_looks_into_one() -> None:
    looking = {"GZ_PARTITION": "microcell_0_bench", "GZ_IP": "127.0.0.1", "HOME": "/root", "ROS_DOMAIN_ID": "7"}
    assert variables("/site/bench", looking) == {**looking, "GZ_PARTITION": "microcell_7_site_bench"}
    assert variables("bench", {}) == {"GZ_PARTITION": "microcell_0_bench", "GZ_IP": "127.0.0.1"}
