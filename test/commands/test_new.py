"""`microcell new line` writes a line that checks and runs."""

from pathlib import Path

import pytest
from line_run import produce

from microcell.cli import main
from microcell.description.loader import check_paths, load_line
from microcell.orchestration.work import OrderStatus


def test_a_new_line_checks_and_makes_every_variant(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["new", "line", "lunch_box", "--folder", str(tmp_path)]) == 0
    assert "lines/lunch_box.yaml --quantity 3" in capsys.readouterr().out
    assert check_paths([tmp_path]) == ()
    run = produce(load_line(tmp_path / "lines" / "lunch_box.yaml"), 2)
    assert (run.order.status, run.order.good, run.escapes()) == (OrderStatus.COMPLETED, 2, [])
    assert run.packed() == ["LUN-000001", "LUN-000002"]


def test_editors_find_the_schema_that_each_file_names(tmp_path: Path):
    assert main(["new", "line", "lunch_box", "--folder", str(tmp_path)]) == 0
    files = list(tmp_path.rglob("*.yaml"))
    for file in files:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert (file.parent / first.removeprefix("# yaml-language-server: $schema=")).is_file(), file
    assert len(files) == 6


def test_a_second_line_of_a_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        code = main(["new", "line", "lunch_box", "--folder", str(tmp_path)])
    assert code == 2
    assert "lunch_box.yaml' is there already. Choose another name, or remove it." in capsys.readouterr().err


def test_what_is_no_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["new", "line", "Lunch Box", "--folder", str(tmp_path)]) == 2
    assert "'Lunch Box' is no name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
