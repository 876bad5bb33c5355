"""Which cell a command goes to that names none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed here")
pytest.importorskip("microcell_interfaces", reason="microcell_interfaces is not built: make env")

from microcell.clock import run_virtual
from microcell.errors import UsageError
from microcell.ros.cell_client import FIND_S, SETTLE_S, find_cell

STATE = "microcell_interfaces/msg/CellState"


class Discovery:
    """A node that comes to know of cells at these times, s."""

    def __init__(self, **cells: float) -> None:
        self._cells = cells

    def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
        now_s = asyncio.get_running_loop().time()
        return [(f"/{cell}/cell_state", [STATE]) for cell, time_s in self._cells.items() if now_s >= time_s]

    def count_publishers(self, topic: str) -> int:
        return 1


def found(wanted: str = "", **cells: float) -> tuple[str, float]:
    """The cell that is found, and after how long, s."""

    async def find() -> tuple[str, float]:
        node: Any = Discovery(**cells)
        return await find_cell(node, wanted), asyncio.get_running_loop().time()

    return run_virtual(find())


def test_a_cell_that_is_discovered_a_little_later_counts_as_well():
    with pytest.raises(UsageError, match=r"several cells are there: bench, press\. Say which with --cell\."):
        found(press=0.2, bench=0.2 + 0.8 * SETTLE_S)


def test_the_only_cell_is_taken_when_no_other_has_shown_for_a_while():
    cell, after_s = found(bench=0.2)
    assert (cell, after_s) == ("bench", pytest.approx(0.2 + SETTLE_S, abs=0.1))


def test_a_cell_that_is_named_is_taken_at_once():
    cell, after_s = found("/bench", press=0.0, bench=0.5)
    assert (cell, after_s) == ("bench", pytest.approx(0.5, abs=0.1))


def test_a_cell_that_is_found_at_the_last_moment_is_taken():
    cell, after_s = found(bench=FIND_S - 0.5 * SETTLE_S)
    assert (cell, after_s) == ("bench", pytest.approx(FIND_S, abs=0.1))


def test_without_a_cell_the_command_says_what_to_look_at():
    with pytest.raises(UsageError, match="no cell answers within 10 s"):
        found()
