"""A line on a bad day: the cell goes on by itself, and scrap and rework come from the disturbances alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from line_run import EVERYTHING_GOES_WRONG, Produced, produce

from microcell.description.loader import load_line
from microcell.orchestration.work import OrderStatus

FROM_DISTURBANCES = ("inspection failed: ", "still not good after ", "GRIP_PART_LOST at ", "INSERT_", "FASTEN_")


def check_goes_on_by_itself(run: Produced, quantity: int) -> None:
    assert run.order.status is OrderStatus.COMPLETED, run.reason
    assert run.order.good == quantity
    assert len(run.variants) == run.order.good + run.order.scrapped, "every unit that was begun is accounted for"
    assert run.escapes() == []
    assert run.left() == []
    assert run.packed() == sorted(run.order.serials)
    assert all(reason.startswith(FROM_DISTURBANCES) for reason in run.scrap_reasons()), run.scrap_reasons()


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_units_are_made_without_a_person(seed: int):
    run = produce(load_line("valve"), 100, seed, **EVERYTHING_GOES_WRONG)
    check_goes_on_by_itself(run, 100)
    assert run.order.scrapped + run.order.reworked > 5, "it was a bad day"


def test_so_it_is_with_rendered_images():
    check_goes_on_by_itself(produce(load_line("valve"), 12, 1, "rendered", **EVERYTHING_GOES_WRONG), 12)


@pytest.mark.parametrize("name", EVERYTHING_GOES_WRONG)
def test_each_disturbance_alone_is_coped_with(name: str):
    run = produce(load_line("valve"), 18, 2, **{name: 0.12})
    check_goes_on_by_itself(run, 18)
    assert run.order.scrapped + run.order.reworked + sum(run.faults().values()) > 0


def test_two_processes_with_other_hash_seeds_write_the_same_journal():
    program = (
        "from line_run import EVERYTHING_GOES_WRONG as bad, produce\n"
        "from microcell.description.loader import load_line\n"
        "print(produce(load_line('valve'), 100, 5, **bad).digest)"
    )
    assert digest(program, "1") == digest(program, "4711")


def digest(program: str, hash_seed: str) -> str:
    paths = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout
