"""What needs Gazebo itself, headless: worlds that are stepped exactly, and units that are made in them and judged by their
cameras. Skipped where it is not installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ros_cell import RosCell, ros_cell, wait_for
from stepped_world import SteppedWorld, stepped_world

from microcell.cli import main as command_line
from microcell.composition.bringup import GAZEBO_READY_S
from microcell.composition.gazebo import check_installed
from microcell.description.loader import load_line
from microcell.description.product import Screw
from microcell.errors import MissingCapabilityError
from microcell.events import UnitEnded
from microcell.gazebo import requests, scheme
from microcell.gazebo.contacts import touches
from microcell.gazebo.part import part_text
from microcell.gazebo.standing import Hold
from microcell.gazebo.world import world_name
from microcell.geometry import Pose, distance
from microcell.paths import share_directory
from microcell.ros import names

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
UNIT_S = 1800.0


def lacks() -> str:
    """What this machine lacks for Gazebo, in words."""
    try:
        check_installed()
    except MissingCapabilityError as error:
        return str(error)
    return ""


pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.skipif(bool(lacks()), reason=lacks())]


@pytest.mark.parametrize("line", LINES)
def test_a_unit_is_built_inspected_and_packed(line: str, tmp_path: Path) -> None:
    (unit,) = made(line, 1, tmp_path)
    assert unit["state"] == "good" and unit["carton"]


def test_an_order_of_valves_is_made_on_both_fixtures_and_fills_more_than_a_carton(tmp_path: Path) -> None:
    units = made("valve", 7, tmp_path)
    assert [unit["state"] for unit in units] == ["good"] * 7
    assert sorted(unit["carton"] for unit in units) == ["CTN-000001"] * 6 + ["CTN-000002"]


def test_skills_and_orchestrator_that_are_killed_find_their_unit_in_the_same_world(tmp_path: Path) -> None:
    with ros_cell(tmp_path, "bracket", "--world", "gazebo", ready_s=GAZEBO_READY_S) as cell:
        assert cell.run("order", "--quantity", "1", "--no-wait").returncode == 0
        for count, killed in ((3, ("arm_skills", "orchestrator")), (9, ("orchestrator",)), (14, ("arm_skills",))):
            wait_for(lambda: kinds(cell).count("operation.started") >= count, UNIT_S)  # noqa: B023 - called here
            for name in killed:
                cell.kill(name)
        wait_for(lambda: "unit.ended" in kinds(cell), UNIT_S)
        assert [event.disposition for event in cell.events("bracket") if isinstance(event, UnitEnded)] == ["good"]
    assert [pid for pid in cell.pids() if Path(f"/proc/{pid}").exists()] == []


def kinds(cell: RosCell) -> list[str]:
    return [event.kind for event in cell.events("bracket")]


def made(line: str, quantity: int, folder: Path) -> list[dict[str, Any]]:
    """The units of an order that a cell in Gazebo has made, as its report has them."""
    with ros_cell(folder, line, "--world", "gazebo", ready_s=GAZEBO_READY_S) as cell:
        order = cell.run("order", "--quantity", str(quantity), timeout_s=quantity * UNIT_S)
        assert order.returncode == 0, order.stdout + order.stderr
    return list(json.loads(cell.run("report", f"out/{line}.journal", "--json").stdout)["units"])


def world_file(line: str, folder: Path) -> Path:
    assert command_line(["world", line, "--output", str(folder / "world.sdf")]) == 0
    return folder / "world.sdf"


@pytest.fixture(scope="module")
def valve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SteppedWorld]:
    with stepped_world(world_file("valve", tmp_path_factory.mktemp("valve")), "valve") as world:
        yield world


@pytest.mark.parametrize("line", LINES)
def test_a_paused_world_loads_and_does_exactly_the_steps_that_it_is_told(line: str, tmp_path: Path) -> None:
    file = world_file(line, tmp_path)
    with stepped_world(file, world_name(load_line(line))) as world:
        assert world.time_s() == 0.0
        for steps, time_s in ((250, 0.5), (1, 0.502), (49, 0.6)):
            world.step(steps)
            assert [world.time_s() for _ in range(3)] == [pytest.approx(time_s, abs=1e-12)] * 3
        world.step(500)
    said = file.with_suffix(".log").read_text().splitlines()
    assert said
    assert [text for text in said if "[Err]" in text or "[error]" in text or "Error Code" in text] == []


def test_tools_hang_in_their_rack_and_parts_rest_in_their_trays(valve: SteppedWorld) -> None:
    valve.step(10)
    before = valve.poses()
    valve.step(500)
    after = valve.poses()
    for tool in load_line("valve").tools:
        assert distance(before[tool], after[tool]) < 1e-4, tool
    assert not [name for name in after if name.startswith("item_")], "of what rests no pose is told"


def test_an_arm_follows_a_trajectory_and_stays_at_its_end(valve: SteppedWorld) -> None:
    goal = [0.3, 0.0, 0.2, 0.0, 0.0, 0.0]
    send(valve, goal)
    valve.step(1500)
    assert joints_of(valve) == pytest.approx(goal, abs=5e-4)


def test_an_arm_that_runs_into_the_bench_tells_what_touches_what(valve: SteppedWorld) -> None:
    listening = valve.listener(f"/bench/{scheme.contacts_felt('arm')}")
    send(valve, [0.0, 2.2, 0.0, 0.0, 0.0, 0.0])
    while not listening.has_heard():
        assert joints_of(valve)[1] < 2.1, "it has not gone through the bench unfelt"
        valve.step(100)
    told = listening.message()
    assert any("arm::flange::" in one and "bench_top::" in other for one, other in touches(told)), told
    send(valve, [0.0] * 6)
    valve.step(3000)


def send(world: SteppedWorld, goal: list[float]) -> None:
    """Have the arm go to a posture, and see it depart."""
    text = " ".join(f'joint_names: "{joint}"' for joint in arm_joints())
    text += f" points {{ {' '.join(f'positions: {value}' for value in goal)} time_from_start {{ nsec: 1 }} }}"
    before = joints_of(world)
    world.tell_until(
        lambda: joints_of(world) != pytest.approx(before, abs=1e-2),
        f"/bench/{names.joint_trajectory('arm')}", "gz.msgs.JointTrajectory", text,
    )  # fmt: skip


def joints_of(world: SteppedWorld) -> list[float]:
    told = world.heard(f"/bench/{scheme.states_heard('arm')}")
    found = {joint["name"]: joint["axis1"].get("position", 0.0) for joint in told["joint"]}
    return [found[joint] for joint in arm_joints()]


def arm_joints() -> tuple[str, ...]:
    return names.arm_joints("arm", load_line("valve").cell_description.of_kind("arm")["arm"])


def test_what_is_spawned_falls_is_held_and_falls_again_when_it_is_let_go_of(valve: SteppedWorld) -> None:
    product = load_line("valve").product_description
    sdf = part_text("item_900", product, "body", Pose((0.3, 0.0, 0.6)))
    assert requests.accepted(valve.ask(requests.spawn("valve", sdf)))
    valve.step(50)
    falling = valve.poses()["item_900"].position[2]
    assert falling < 0.6 - 0.02
    entity = requests.models_of(valve.ask(requests.scene("valve")))["fixture_1"]
    hold, release, told = Hold("fixture_1", scheme.STATION_LINK), "/bench/fixture_1/item_900/release", "/bench/gazebo/holds"
    valve.ask(requests.attach("valve", hold, entity, "item_900", scheme.PART_LINK, release, told))
    valve.step(5)
    held = valve.poses()["item_900"].position[2]
    valve.step(200)
    assert valve.poses()["item_900"].position[2] == pytest.approx(held, abs=1e-4)
    valve.tell_until(
        lambda: valve.poses()["item_900"].position[2] < held - 0.02,
        release, "gz.msgs.Empty", requests.EMPTY,
    )  # fmt: skip
    assert requests.accepted(valve.ask(requests.remove("valve", "item_900")))
    valve.step(5)
    assert "item_900" not in valve.poses()


def test_a_screw_that_is_taken_is_not_pressed_out_of_its_feeder(valve: SteppedWorld) -> None:
    line = load_line("valve")
    feeder = next(spec for spec in line.cell_description.of_kind("feeder").values() if spec.style == "screw")
    screw = next(name for name, part in line.product_description.parts.items() if isinstance(part.shape, Screw))
    where = feeder.part_in_cell.pose.shifted(dz=0.0004)
    assert requests.accepted(
        valve.ask(requests.spawn("valve", part_text("item_902", line.product_description, screw, where)))
    )
    for _ in range(4):
        valve.step(10)
        assert valve.poses()["item_902"].position[2] < where.position[2] + 1e-5
    assert requests.accepted(valve.ask(requests.remove("valve", "item_902")))
    valve.step(5)


def test_what_is_there_already_is_refused_with_an_empty_line(valve: SteppedWorld) -> None:
    sdf = part_text("item_901", load_line("valve").product_description, "body", Pose((0.3, 0.2, 0.6)))
    request = requests.when_done(requests.spawn("valve", sdf), valve.services())
    answers = [valve.ask(request), valve.ask(request)]
    assert [requests.accepted(answer) for answer in answers] == [True, not request.service.endswith("blocking")]
    assert answers[1].strip() == ("" if request.service.endswith("blocking") else "data: true")
    assert answers[1]


def test_a_camera_exposes_when_it_is_triggered(valve: SteppedWorld) -> None:
    spec = load_line("valve").cell_description.of_kind("camera")["camera_trays"]
    picture = valve.picture(f"/bench/{names.image('camera_trays')}", f"/bench/{scheme.trigger('camera_trays')}")
    assert picture.shape == (spec.height_px, spec.width_px, 3)
    assert 10.0 < picture.mean() < 245.0 and picture.std() > 2.0, "something is seen, and it is lit"
