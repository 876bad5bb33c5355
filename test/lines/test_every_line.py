"""Every line that is shipped makes its product, in every variant, and the plant agrees that it is good."""

from pathlib import Path

import pytest
from line_run import Produced, produce

from microcell.description.line import Disturbances
from microcell.description.loader import load_line
from microcell.orchestration.work import OrderStatus

LINES = sorted((Path(__file__).parents[2] / "config" / "lines").glob("*.yaml"))
QUIET = dict.fromkeys(Disturbances.model_fields, 0.0)


def check_all_good(run: Produced, quantity: int) -> None:
    assert run.order.status is OrderStatus.COMPLETED, run.reason
    assert (run.order.good, run.order.scrapped, run.order.reworked) == (quantity, 0, 0)
    assert run.escapes() == []
    assert run.left() == []
    assert run.packed() == sorted(run.order.serials)
    assert run.faults() == {}


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_twenty_units_over_all_variants_are_good(path: Path):
    line = load_line(path)
    run = produce(line, 20, **QUIET)
    check_all_good(run, 20)
    assert set(run.variants.values()) == set(line.product_description.variants)


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_the_same_seed_gives_the_same_journal_and_another_one_another(path: Path):
    line = load_line(path)
    first, again, other = (produce(line, 2, seed).digest for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_with_rendered_images_two_units_are_good(path: Path):
    check_all_good(produce(load_line(path), 2, camera="rendered", **QUIET), 2)
