import re

import pytest

from microcell import events
from microcell.errors import UsageError
from microcell.records.gantt import draw_gantt
from microcell.records.journal import Journal
from microcell.records.production import fold


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _text_stays_text(monkeypatch):
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")


def test_a_chart_has_a_row_for_each_resource_and_a_legend_of_units(story, tmp_path):
    drawn = text_of(draw_gantt(story.shift(4), tmp_path / "g.svg"))
    for word in ("arm", "fixture_1", "fixture_2", "camera", "printer", "tool_crib", "state", "Execute"):
        assert f">{word}<" in drawn
    assert ">VALVE-000004<" in drawn
    assert ">tool change, set-up<" in drawn
    assert "Line valve, 4 units, all" in drawn


def test_many_units_are_coloured_by_skill(story, tmp_path):
    drawn = text_of(draw_gantt(fold(story.shift(14)), tmp_path / "g.svg"))
    assert ">fasten<" in drawn
    assert ">VALVE-000001<" not in drawn


def test_a_long_journal_is_cut_and_says_so(story, tmp_path):
    drawn = text_of(draw_gantt(story.shift(40), tmp_path / "g.svg"))
    assert re.search(r"0\.\d to 30\.\d min of", drawn)


def test_a_cell_that_waited_long_for_its_first_order_is_drawn_from_there_on(story, tmp_path):
    late = [events.moved(event, 3600.0) if event.kind != "journal.opened" else event for event in story.shift(2)]
    drawn = text_of(draw_gantt(late, tmp_path / "g.svg"))
    assert re.search(r"2 units, 60\.\d to 6\d\.\d min of 6\d\.\d min", drawn)
    assert ">VALVE-000002<" in drawn
    with pytest.raises(UsageError, match="no operation was begun yet, so that there is no Gantt chart to draw"):
        draw_gantt(late[:1], tmp_path / "g.svg")


def test_an_unfinished_operation_is_marked(story, tmp_path):
    history = story.shift(1)
    last_intent = max(i for i, event in enumerate(history) if event.kind == "operation.started")
    drawn = text_of(draw_gantt(history[: last_intent + 1], tmp_path / "g.svg"))
    assert ">outcome not recorded<" in drawn


def test_the_same_journal_gives_the_same_picture(story, tmp_path):
    first = draw_gantt(story.shift(2), tmp_path / "a.svg")
    second = draw_gantt(story.shift(2), tmp_path / "b.svg")
    assert first.read_bytes() == second.read_bytes()


def test_png_is_written_too(story, tmp_path):
    """Into a folder that is not there yet, as of the other commands."""
    assert draw_gantt(story.shift(2), tmp_path / "new" / "g.png", (0.0, 60.0)).read_bytes().startswith(b"\x89PNG")


def test_a_journal_file_can_be_drawn(story, tmp_path):
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        for event in story.shift(2):
            journal.append(event)
    from_file = draw_gantt(tmp_path / "j", tmp_path / "a.svg")
    assert from_file.read_bytes() == draw_gantt(story.shift(2), tmp_path / "b.svg").read_bytes()


def test_other_endings_and_empty_windows_are_refused(story, tmp_path):
    with pytest.raises(UsageError, match=r"drawn as \.png or \.svg, not 'g\.pdf': change the ending"):
        draw_gantt(story.shift(1), tmp_path / "g.pdf")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match=r"folder\.png cannot be written \(Is a directory\): name another"):
        draw_gantt(story.shift(1), tmp_path / "folder.png")
    with pytest.raises(UsageError, match="nothing was done between 0 s and 1 s: choose another window"):
        draw_gantt(story.shift(1), tmp_path / "g.png", (0.0, 1.0))
