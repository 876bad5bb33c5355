"""docs/security.md: every threat has tests that exist, every limit is the one that the code has."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without its head."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


THREATS, LIMITS = rows("Threats"), rows("Limits")


def defined(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


@pytest.mark.parametrize("row", THREATS, ids=lambda row: f"{row[0]}: {row[1]}")
def test_every_threat_has_tests_that_exist(row: list[str]):
    assert all(row[:3])
    named = re.findall(r"`(test/[\w/]+\.py)::(\w+)`", row[3])
    assert named, "a threat without a test"
    for file, test in named:
        assert test in defined(file), f"{file} has no {test}"


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row[0])
def test_every_limit_is_the_codes(row: list[str]):
    what, value, place = row
    module, _, name = place.strip("`").rpartition(".")
    assert getattr(importlib.import_module(module), name) == int(value), what


def test_the_page_speaks_of_every_limit_of_a_running_cell():
    from microcell.orchestration import limits

    told = {row[2].strip("`").rpartition(".")[2] for row in LIMITS}
    assert {name for name in vars(limits) if name.isupper() and not name.startswith("_")} - {"SHOWN_NAMES"} <= told


def test_there_are_threats_at_every_entry_point():
    entries = {row[0] for row in THREATS}
    assert entries >= {"YAML files", "robot files", "xacro files", "ROS domain", "services and actions", "orders", "journal"}
