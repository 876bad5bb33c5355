"""A rate of bad units is shared out among the kinds of defects that a line's inspections look for."""

from __future__ import annotations

import math

import pytest

from microcell.description.checks import Surface
from microcell.description.defects import with_defects
from microcell.description.line import Line
from microcell.description.loader import load_line

LINE = load_line("valve")
PLACES = {
    "missing_screw_ratio": 4, "scratch_ratio": 2, "dirt_ratio": 2, "short_shot_ratio": 2, "burr_ratio": 2,
    "wrong_part_ratio": 2, "wrong_turn_ratio": 1, "unreadable_label_ratio": 1, "shifted_label_ratio": 1,
}  # fmt: skip
"""In how many places of a valve each kind can come up."""


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.5])
def test_so_many_units_are_bad_and_each_kind_is_as_frequent(ratio: float):
    disturbances = with_defects(LINE, ratio).disturbances
    good_of_kind = [(1.0 - getattr(disturbances, name)) ** places for name, places in PLACES.items()]
    assert math.prod(good_of_kind) == pytest.approx(1.0 - ratio)
    assert good_of_kind == pytest.approx([good_of_kind[0]] * len(PLACES))
    assert disturbances.lost_grip_ratio == disturbances.cross_thread_ratio == 0.0


def test_what_no_inspection_looks_for_does_not_come_up():
    inspections = {
        name: inspection.model_copy(
            update={"checks": {k: c for k, c in inspection.checks.items() if not isinstance(c, Surface)}}
        )
        for name, inspection in LINE.product_description.inspections.items()
    }
    product = LINE.product_description.model_copy(update={"inspections": inspections})
    disturbances = with_defects(LINE.model_copy(update={"product_description": product}), 0.1).disturbances
    assert disturbances.scratch_ratio == disturbances.dirt_ratio == 0.0
    assert disturbances.burr_ratio > 0.0


def test_a_line_without_inspections_stays_as_it_is():
    product = LINE.product_description.model_copy(update={"inspections": {}})
    plain: Line = LINE.model_copy(update={"product_description": product})
    assert with_defects(plain, 0.1) is plain
