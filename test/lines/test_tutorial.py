"""The seventh line: made from a written specification by data alone (docs/tutorial)."""

import shutil
from pathlib import Path

from line_run import produce

from microcell.description.loader import check_paths, load_line
from microcell.orchestration.work import OrderStatus

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"


def test_the_line_of_the_tutorial_checks_and_makes_twenty_good_units(tmp_path: Path):
    for folder in ("cells", "tools"):
        shutil.copytree(ROOT / "config" / folder, tmp_path / folder)
    for folder in ("products", "lines"):
        shutil.copytree(TUTORIAL / folder, tmp_path / folder)
    assert check_paths([tmp_path / "lines"]) == ()
    run = produce(load_line(tmp_path / "lines" / "pump.yaml"), 20)
    assert (run.order.status, run.order.good, run.order.scrapped) == (OrderStatus.COMPLETED, 20, 0), run.reason
    assert (run.escapes(), run.left()) == ([], [])
    assert set(run.variants.values()) == {"fine", "coarse"}


def test_no_python_belongs_to_it():
    assert {path.suffix for path in TUTORIAL.rglob("*") if path.is_file()} == {".md", ".yaml"}
