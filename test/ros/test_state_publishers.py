"""robot_state_publisher for each arm, where it is installed; here a program that stands in for it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import yaml
from fake_gz import lives

from microcell.description.loader import load_line
from microcell.ros.state_publishers import PACKAGE, PROGRAM, StatePublishers

LIMIT_S = 20.0
STANDING_IN = """#!{python}
import os, sys, time
from pathlib import Path
told = sys.argv[-1]
Path(told + ".words").write_text(str(os.getpid()) + "\\n" + "\\n".join(sys.argv[1:]))
while True:
    time.sleep(1.0)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "lib" / PACKAGE / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text(STANDING_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.delenv("ROS_SECURITY_ENABLE", raising=False)
    return tmp_path / "states"


def test_each_arm_s_frames_are_told_from_its_joint_states_until_the_cell_stops(installed: Path) -> None:
    async def run() -> None:
        shown = StatePublishers(load_line("valve_twin"), "/twin", installed, simulated_time=True)
        assert await shown.start() == 2
        words = {arm: installed / f"{arm}.states.yaml.words" for arm in ("left_arm", "right_arm")}
        while not all(path.is_file() and path.read_text() for path in words.values()):
            await asyncio.sleep(0.02)
        pid, *told = words["left_arm"].read_text().splitlines()
        for word in ("__ns:=/twin", "joint_states:=left_arm/joint_states", "robot_description:=left_arm/robot_description"):
            assert word in told
        parameters = yaml.safe_load((installed / "left_arm.states.yaml").read_text())["/**"]["ros__parameters"]
        assert parameters["use_sim_time"] is True and 'name="left_arm_joint_1"' in parameters["robot_description"]
        for frame in ("left_force_frame", "camera_1_optical_frame"):
            assert f'<link name="{frame}"' in parameters["robot_description"]
        assert "optical_frame" not in (installed / "right_arm.states.yaml").read_text(), "one tells of all cameras"
        assert lives(int(pid))
        await shown.stop()
        assert not lives(int(pid))

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))


@pytest.mark.parametrize(("variable", "value"), [("AMENT_PREFIX_PATH", ""), ("ROS_SECURITY_ENABLE", "true")])
def test_without_the_package_or_with_security_nothing_is_started(
    installed: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert asyncio.run(StatePublishers(load_line("valve"), "bench", installed, simulated_time=False).start()) == 0
    assert not installed.exists()


@pytest.mark.parametrize("camera", ["camera_1", "camera_trays"])
def test_what_lies_under_a_camera_lies_ahead_of_its_optical_frame(tmp_path: Path, camera: str) -> None:
    line = load_line("valve")
    seen = StatePublishers(line, "/bench", tmp_path, False)._lenses("arm")[f"{camera}_optical_frame"].inverse()
    spec = line.cell_description.of_kind("camera")[camera]
    lens = spec.lens_in_cell.pose
    x, y, z = seen.apply(lens.apply((0.02, 0.03, -0.5)))
    assert (x, y, z) == pytest.approx((0.02, -0.03, 0.5)), "x to the right of the image, y down, z into the scene"
