"""The generated worlds before a packaged SDF checker, as far as it judges: Gazebo's `gz sdf`, or Debian's older `ign sdf`.

Debian's is of the generation of SDF 1.9: it gets the worlds as such, for they have no element that is newer.
"""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from microcell.description.loader import load_line
from microcell.gazebo.elements import SDF_VERSION
from microcell.gazebo.world import world_text
from microcell.paths import share_directory

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
OLD_VERSION = "1.9"
COMPLAINTS = ("Error", "Warning")
ACCEPTED = "is deprecated"
"""A camera's optical_frame_id has a successor, which older releases do not read."""


def judged(text: str, folder: Path) -> str:
    """What the checker says of a world; skipped where none is installed."""
    command = next((found for name in ("gz", "ign") if (found := shutil.which(name))), None)
    if command is None:
        pytest.skip("no SDF checker: apt install ignition-tools libsdformat-dev, or Gazebo")
    path = folder / "world.sdf"
    path.write_text(text, encoding="utf-8")

    def said() -> str:
        process = subprocess.run([command, "sdf", "-k", str(path)], capture_output=True, text=True, timeout=60, check=False)
        return process.stdout + process.stderr

    if "version" not in (told := said()):
        return told
    path.write_text(text.replace(f'<sdf version="{SDF_VERSION}">', f'<sdf version="{OLD_VERSION}">'), encoding="utf-8")
    return said()


def complaints(told: str) -> list[str]:
    return [line for line in told.splitlines() if any(word in line for word in COMPLAINTS) and ACCEPTED not in line]


@pytest.mark.parametrize("name", LINES)
def test_the_checker_finds_the_world_of_each_line_valid(name: str, tmp_path: Path) -> None:
    told = judged(world_text(load_line(name)), tmp_path)
    assert "Valid" in told and complaints(told) == []


def test_the_checker_would_have_told(tmp_path: Path) -> None:
    root = ET.fromstring(world_text(load_line("valve")))
    joint = next(joint for joint in root.iter("joint") if joint.findtext("parent") not in (None, "world"))
    parent = joint.find("parent")
    assert parent is not None
    parent.text = "nobody"
    told = judged(ET.tostring(root, encoding="unicode"), tmp_path)
    assert any("nobody" in complaint for complaint in complaints(told))
