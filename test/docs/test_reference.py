"""The reference pages are what the code says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from microcell.description.injectable import CONDITIONS, INJECTABLE
from microcell.description.schema import schemas
from microcell.faults import CATALOGUE
from microcell.plugins import skill_names

ROOT = Path(__file__).parents[2]


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_tool", ROOT / "tools" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = tool()


@pytest.mark.parametrize("name", REFERENCE.pages())
def test_a_reference_page_is_current(name: str):
    assert name not in REFERENCE.stale(), f"docs/reference/{name} is not current. Run: {REFERENCE.COMMAND}"


def test_the_page_of_injectable_faults_is_current_and_has_every_one():
    assert "../faults.md" not in REFERENCE.stale(), f"docs/faults.md is not current. Run: {REFERENCE.COMMAND}"
    page = REFERENCE.injectable_page()
    assert all(page.count(f"\n| `{name}` |") == 1 for name in (*INJECTABLE, *CONDITIONS))


def test_no_page_is_left_over():
    assert {path.name for path in REFERENCE.FOLDER.glob("*")} == set(REFERENCE.pages())


def test_a_changed_page_is_found(tmp_path: Path):
    REFERENCE.write(tmp_path)
    assert REFERENCE.stale(tmp_path) == []
    (tmp_path / "faults.md").write_text("something else", encoding="utf-8")
    assert REFERENCE.stale(tmp_path) == ["faults.md"]


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_table_of_faults_has_every_code(code: str):
    assert REFERENCE.fault_page().count(f"\n| `{code}` |") == 1


def test_every_skill_of_a_plan_stands_in_its_page_with_a_meaning_for_each_parameter():
    page = REFERENCE.pages()["skills.md"]
    planned = [name for name, family in skill_names().items() if family in REFERENCE.PLANNED]
    assert re.findall(r"\n## (\w+)\n", page) == planned
    assert len(planned) > 10
    assert not re.search(r"\|\s*\|\n", page), "a parameter without a description"
    assert "| `wrist_axial_n_m` | number | N/m |" in page


@pytest.mark.parametrize("kind", schemas())
def test_every_key_stands_in_its_page_with_a_meaning(kind: str):
    page = REFERENCE.pages()[f"{kind}.md"]
    schema = schemas()[kind]
    for block in (schema, *schema.get("$defs", {}).values()):
        for key in block.get("properties", {}):
            assert re.search(rf"^\| `{key}` \|.*\S \|$", page, re.MULTILINE), f"{kind}: {key}"
    assert not re.search(r"\|  \|$", page, re.MULTILINE), "a key has no meaning: give its Field a description"


@pytest.mark.parametrize(("key", "row"), [
    ("payload_kg", "| `payload_kg` | number | kg | > 0, ≤ 1000 | – | Greatest mass of tool and part. |"),
    ("columns", "| `columns` | integer |  | ≥ 1, ≤ 100 | 1 | Places of a tray along x. |"),
    ("camera", "| `camera` | text |  | a name | none | Camera that finds the part; without one the nominal pose must do. |"),
    ("style", "| `style` | `nest` or `tray` or `screw` |  |  | – | One place, a tray of places, or one screw at a time. |"),
])  # fmt: skip
def test_a_row_says_type_unit_bounds_default_and_meaning(key: str, row: str):
    assert row in REFERENCE.pages()["cell.md"].splitlines(), key
