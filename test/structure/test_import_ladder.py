"""The shape of the package: who may import whom, and where ROS may appear."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "microcell"

GROUND = {
    "errors", "faults", "event", "change_events", "events", "clock", "geometry", "libraries", "measurement", "plugins",
    "paths",
}  # fmt: skip
"""No imports upward. `plugins` imports what a YAML file names, by text."""

MAY_IMPORT = {
    "packing": set(),
    "description": {"packing"},
    "composition": {"description"},
    "plant": {"description", "motion"},
    "motion": {"description"},
    "vision": {"description"},
    "records": {"description"},
    "devices": {"description", "plant", "motion", "vision"},
    "skills": {"description", "devices", "motion", "vision"},
    "orchestration": {"description", "devices", "skills", "records"},
    "gateways": {"description", "records"},
}
"""For each package, the others that it may import; the ground floor always. What is not listed is the top floor."""

ROS = {"rclpy", "rosgraph_msgs", "sensor_msgs", "std_msgs", "microcell_interfaces", "launch", "launch_ros"}
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> list[str]:
    """Dotted names that a module imports, those for type checkers only included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" if node.module == "microcell" else node.module for alias in node.names]
    return found


def part_of(path: Path) -> str:
    """The package or ground-floor module that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_below(path: Path):
    part = part_of(path)
    allowed = GROUND if part in GROUND else MAY_IMPORT.get(part, set()) | GROUND | {part}
    if path.name == "ros.py" and part == "devices":
        allowed = allowed | {"ros"}
    if part not in GROUND and part not in MAY_IMPORT:
        return  # the top floor: ros, nodes, commands, cli, virtual
    used = {name.split(".")[1] for name in imports(path) if name.startswith("microcell.")}
    own = {"__version__"}
    assert used - allowed - own == set(), f"{part} may import {sorted(allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_ros_appears_only_in_its_places(path: Path):
    used = {name.split(".")[0] for name in imports(path)} & ROS
    part = part_of(path)
    if part in ("ros", "nodes", "commands") or (part == "devices" and path.name == "ros.py"):
        return
    if path == ROOT / "composition" / "launching.py":
        used -= {"launch", "launch_ros"}
    assert used == set()


def test_nothing_imports_a_driver_or_a_skill_by_name():
    families = ("assembly", "inspection", "packaging", "tooling")
    for path in MODULES:
        for name in imports(path):
            parts = name.split(".")
            a_driver = parts[:2] == ["microcell", "devices"] and parts[-1] in ("mock", "ros", "modelled")
            a_skill = parts[:2] == ["microcell", "skills"] and len(parts) > 3 and parts[2] in families
            assert not a_driver and not a_skill, f"{path.relative_to(ROOT)} imports {name}: let plugins.py do it"


def test_a_module_is_one_concept():
    lines = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {path: count for path, count in lines.items() if count > 400} == {}


def test_core_code_never_reads_the_wall_clock():
    forbidden = {("time", "time"), ("time", "sleep"), ("time", "monotonic"), ("datetime", "now"), ("datetime", "utcnow")}
    for path in MODULES:
        if part_of(path) in ("ros", "nodes", "commands", "clock", "composition") or path.name == "ros.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in forbidden, f"{path.relative_to(ROOT)}:{node.lineno}"
