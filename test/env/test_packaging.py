"""The package as pip and colcon install it: one version, every data file, the entry points, the pins."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import microcell
from microcell.paths import share_directory

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "package.xml",
    "LICENSE",
    "requirements",
    "resource",
    "microcell",
)


def requirement_names(file):
    lines = (line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    lines = (line for line in lines if 'platform_machine != "x86_64"' not in line)  # the pins are those of x86_64
    return {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", line).group()).lower() for line in lines if line}


@pytest.mark.parametrize("manifest", ["package.xml", "microcell_interfaces/package.xml"])
def test_the_packages_state_one_version(manifest):
    assert ElementTree.parse(ROOT / manifest).findtext("version") == microcell.__version__


def test_every_ros_package_that_is_imported_is_a_dependency():
    told = {element.text for element in ElementTree.parse(ROOT / "package.xml").iter("exec_depend")}
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "microcell").rglob("*.py"))
    imported = set(re.findall(r"^ *from (\w+)\.(?:msg|srv|action)(?:\.\w+)* import", sources, re.MULTILINE))
    assert {"microcell_interfaces", "sensor_msgs"} <= imported <= told


@pytest.mark.parametrize("name", ["runtime", "ros", "dev"])
def test_every_requirement_is_pinned(name):
    requirements = ROOT / "requirements"
    assert requirement_names(requirements / f"{name}.txt") <= requirement_names(requirements / "lock.txt")


def test_the_lock_holds_exact_pins_only():
    lines = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.match(r"[a-z0-9-]+==[\w.]+( ; python_version .*)?$", pin)] == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The prefix of an installation from a copy of the sources, without the dependencies."""
    source = tmp_path_factory.mktemp("source")
    for name in (*COPIED, "config", "launch", "urdf"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).is_file():
            shutil.copy(ROOT / name, source / name)
    prefix = tmp_path_factory.mktemp("prefix")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--ignore-installed", "--prefix", prefix, source], check=True)
    return prefix


def files_under(*folders, relative_to):
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(relative_to)) for path in paths if "__pycache__" not in path.parts}


def test_all_shared_files_are_installed(installed):
    shared = files_under(ROOT / "config", ROOT / "launch", ROOT / "urdf", relative_to=ROOT)
    share = installed / "share" / "microcell"
    assert files_under(share, relative_to=share) == {*shared, "package.xml"}
    assert (installed / "share/ament_index/resource_index/packages/microcell").is_file()


def test_the_executables_are_on_the_path(installed):
    executables = {path.name for path in (installed / "bin").iterdir()}
    assert {"microcell", "gazebo", "hardware", "skill_server", "orchestrator"} <= executables


def test_the_installed_package_finds_its_shared_files(installed):
    (package,) = installed.glob("lib/python*/site-packages/microcell")
    assert share_directory(package / "paths.py") == installed / "share" / "microcell"


def test_the_package_in_its_source_tree_finds_the_files_there():
    assert share_directory() == ROOT
    assert (share_directory() / "config").is_dir()


def test_a_package_without_its_files_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="copied without its data files. Install it with pip or colcon"):
        share_directory(tmp_path / "microcell" / "paths.py")
