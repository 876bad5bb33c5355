"""A unit's making recorded and drawn: what the pictures show is what the plant did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from config_copy import EXAMPLE
from PIL import Image

from microcell.description.loader import load_line
from microcell.errors import MissingCapabilityError, UsageError
from microcell.motion.carried import UNIT, carried_solids
from microcell.motion.cell_scene import cell_scene
from microcell.motion.collision import CollisionChecker
from microcell.motion.robot import RobotModel
from microcell.viewing import browser
from microcell.viewing.picture import Painter, check_format, save_animation, save_still
from microcell.viewing.recording import Recording, record
from microcell.viewing.stage import Stage

LINE = load_line(EXAMPLE / "lines" / "valve.yaml")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(LINE, period_s=0.2)


def moment(recording: Recording, doing: str) -> int:
    """A frame in the middle of an operation."""
    numbers = [n for n, frame in enumerate(recording.frames) if frame.doing.startswith(doing)]
    return numbers[len(numbers) // 2]


def test_a_recording_runs_from_the_first_operation_to_the_last(recording):
    assert recording.unit == "VLV-000001"
    assert recording.frames[0].doing.startswith("mount_parallel_gripper")
    assert recording.frames[-1].doing == "pack_unit"
    seen = {frame.doing.split(" ")[0] for frame in recording.frames}
    assert {"pick_body", "insert_membrane", "fasten_1", "label_unit", "pack_unit"} <= seen


def test_a_tool_is_on_the_arm_while_it_works_and_in_its_pocket_otherwise(recording):
    fastening = recording.frames[moment(recording, "fasten_2")]
    assert {name for name, seen in fastening.tools.items() if seen.arm == "arm"} == {"screwdriver"}
    pocket = LINE.cell_description.devices["crib"].pockets[0].flange_in_cell.pose
    assert fastening.tools["parallel_gripper"].flange_in_cell == pocket


def test_a_held_part_moves_with_the_tcp(recording):
    stage = Stage(LINE)
    held = [frame for frame in recording.frames if any(item.held for item in frame.items.values())]
    assert held
    for frame in held:
        tcp = stage.tcp(frame, "arm")
        gaps = [np.subtract(i.part_in_cell.position, tcp.position) for i in frame.items.values() if i.held]
        assert min(float(np.linalg.norm(gap)) for gap in gaps) < 0.03


def test_the_arm_with_tool_and_part_touches_nothing_but_what_it_works_at(recording):
    model, spec = RobotModel.of(LINE.cell_description.devices["arm"]), LINE.cell_description.devices["arm"]
    checkers = {}
    for frame in recording.frames:
        tool = next((name for name, seen in frame.tools.items() if seen.arm), "")
        held = [item.part for item in frame.items.values() if item.held]
        load = (tool, UNIT if len(held) > 1 else "".join(held))
        if load not in checkers:
            scene = cell_scene(LINE, "arm").without(tool)
            checkers[load] = CollisionChecker(model, spec.base_in_cell.pose, scene, carried_solids(LINE, *load))
        allowed = frame.resources | (set(LINE.tools) if "crib" in frame.resources else set())
        touched = {body for _, body in checkers[load].hits(frame.joints["arm"])}
        assert touched <= allowed, f"{frame.time_s:.1f} s, {frame.doing}"


def test_the_fingers_stand_as_far_apart_as_they_truly_do(recording):
    stage = Stage(LINE)
    frame = recording.frames[moment(recording, "place_body")]
    left, right = (p for p in stage.moving(frame) if p.name in ("tool/parallel_gripper/2", "tool/parallel_gripper/3"))
    gap_m = float(np.linalg.norm(np.subtract(left.pose.position, right.pose.position))) - 0.010
    assert gap_m == pytest.approx(frame.tools["parallel_gripper"].opening_m, abs=1e-9)


def test_every_piece_of_an_instant_has_a_name_of_its_own(recording):
    stage = Stage(LINE)
    names = [p.name for p in (*stage.fixed, *stage.moving(recording.frames[5]))]
    assert len(names) == len(set(names))
    assert not any(name.startswith("bench_top/") or "/room" in name for name in names)


def test_a_still_shows_arm_and_stations_on_the_bench(recording, tmp_path):
    path = tmp_path / "deep" / "still.png"
    save_still(recording, path, at_s=40.0, width_px=240, height_px=150)
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert image.shape == (150, 240, 3)
    blue = (image[..., 2] > image[..., 0] + 40).sum()
    bench = (np.abs(image - (205, 205, 197)).max(axis=2) < 25).sum()
    assert blue > 60, "the arm's joints"
    assert bench > 4000, "the bench top"


def test_the_same_recording_gives_the_same_picture(recording):
    pictures = [np.asarray(Painter(recording, 160, 100).picture(30)) for _ in range(2)]
    assert np.array_equal(*pictures)


def test_two_pictures_of_one_painter_are_those_of_two_painters(recording):
    """What is kept between pictures must not show in the next one."""
    one = Painter(recording, 160, 100)
    later = [np.asarray(one.picture(number)) for number in (30, 200)][1]
    assert np.array_equal(later, np.asarray(Painter(recording, 160, 100).picture(200)))


def test_an_animation_has_its_frames_and_its_speed(recording, tmp_path):
    short = replace(recording, frames=recording.frames[:3])
    done = []
    save_animation(short, tmp_path / "unit.gif", 1.0, 160, 100, lambda *told: done.append(told))
    image = Image.open(tmp_path / "unit.gif")
    assert (image.n_frames, image.size, image.info["duration"]) == (3, (160, 100), 200)
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_a_file_of_another_format_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UsageError, match=r"film.mp4': give a file that ends in .gif or .png."):
        check_format(tmp_path / "film.mp4")


def test_a_cell_that_stops_before_the_units_end_says_why():
    weak = LINE.model_copy(update={"disturbances": LINE.disturbances.model_copy(update={"lost_grip_ratio": 1.0})})
    with pytest.raises(UsageError, match="unit 1 was not finished, the cell stopped: .+ Try another --seed."):
        record(weak, period_s=1.0)


def test_without_viser_the_view_says_what_to_install(monkeypatch):
    monkeypatch.setattr(browser.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingCapabilityError, match="needs viser, .+ 'pip install viser', or write"):
        browser.check_installed()


class FakeServer:
    """Stands for viser: keeps what is added, under its path."""

    def __init__(self) -> None:
        self.scene = self.gui = self.initial_camera = self
        self.things: dict[str, FakeHandle] = {}

    def __getattr__(self, name: str):
        def add(label: str = "", *args, **more):
            made = FakeHandle(args[-1] if name == "add_slider" else more.get("initial_value", args[0] if args else None))
            self.things[label] = made
            return made

        return add


class FakeHandle:
    def __init__(self, value) -> None:
        self.value = value
        self.visible = True
        self.position = self.wxyz = self.content = None


def test_the_player_moves_the_pieces_in_the_browser_and_comes_round_again(recording):
    server = FakeServer()
    player = browser.Player(recording, server)
    before = server.things["/arm/flange/0"].position
    player.advance(10.0)
    assert server.things["/arm/flange/0"].position != before
    assert server.things["time, s"].value == 10.0
    assert server.things[""].content == f"**{recording.frames[50].doing}**\n\n10.0 s · parallel_gripper"
    player.advance(1e4)
    assert server.things["time, s"].value == 0.0
    server.things["play"].value = False
    player.advance(1.0)
    assert server.things["time, s"].value == 0.0
