"""Every command in the README is run, here or where the comment says."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", README, flags=re.MULTILINE)

ELSEWHERE = {
    "make demo": "test/ros/test_demo.py",
    "make test": "what runs this test",
    "source .venv/bin/activate": "whoever runs this test",
    "microcell up valve --time-scale 10": "test/ros/test_readme_cell.py",
    "microcell watch": "test/ros/test_readme_cell.py",
    "microcell order --quantity 3 --variant child": "test/ros/test_readme_cell.py",
    "microcell order --list": "test/ros/test_readme_cell.py",
    'microcell command hold --reason "door open"': "test/ros/test_readme_cell.py",
    "microcell command unhold": "test/ros/test_readme_cell.py",
}
HERE = [command for command in COMMANDS if command not in ELSEWHERE]


def test_the_commands_that_run_elsewhere_are_in_the_readme_and_the_tests_exist():
    assert set(ELSEWHERE) <= set(COMMANDS)
    for place in ELSEWHERE.values():
        assert not place.endswith(".py") or (ROOT / place).exists()


def test_the_readmes_virtual_commands_run_in_its_order(tmp_path: Path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    assert len(HERE) >= 4
    for command in HERE:
        words = [word.replace("microcell", "microcell.cli", 1) for word in shlex.split(command)[:1]]
        assert words == ["microcell.cli"], f"no test runs '{command}'"
        done = subprocess.run(
            [sys.executable, "-m", *words, *shlex.split(command)[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "out/gantt.png").stat().st_size > 10_000


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_what_the_readme_links_to_exists(target: str):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("script", sorted(set(re.findall(r"`python (bench/\w+\.py)`", README))))
def test_the_benchmarks_of_the_readme_exist_and_explain_themselves(script: str):
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert {"--json", "--seed", "--check"} <= set(re.findall(r"--\w+", done.stdout))
