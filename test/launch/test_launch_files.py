"""The launch files hold no logic: they hand everything to `composition.launching`."""

import ast
from pathlib import Path

import pytest

LAUNCH_FILES = sorted((Path(__file__).parents[2] / "launch").glob("*.launch.py"))
LINES = ("battery", "bracket", "controller", "footwear", "stool", "valve")
SOURCES = sorted((Path(__file__).parents[2] / "microcell").rglob("*.py"))


def test_there_are_launch_files():
    assert [path.name for path in LAUNCH_FILES] == sorted(["cell.launch.py", *(f"{line}.launch.py" for line in LINES)])


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_a_launch_file_only_calls_launch_cell(path):
    docstring, imported, function = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(imported, ast.ImportFrom) and imported.module == "microcell.composition.launching"
    assert isinstance(function, ast.FunctionDef) and function.name == "generate_launch_description"
    (statement,) = function.body
    assert isinstance(statement, ast.Return) and statement.value.func.id == "launch_cell"


def test_only_launching_imports_launch():
    importers = {
        path.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("launch", "launch_ros")
    }
    assert importers == {"launching.py"}
