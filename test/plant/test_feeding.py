"""Feeders of the simulated plant, filled as the line says."""

import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.description.loader import load_line
from microcell.faults import FaultError
from microcell.plant.plant import Plant


def test_a_feeder_that_the_line_leaves_empty_has_no_parts_and_presents_none():
    async def story() -> None:
        line = load_line("controller")
        empty = next(name for name in line.cell_description.of_kind("feeder") if name not in line.feeders)
        feeding = Plant(line, 1, LoopClock()).feeding
        assert feeding.level(empty) == 0
        with pytest.raises(FaultError, match="the line has not set this feeder up with a part"):
            feeding.present(empty)

    run_virtual(story())
