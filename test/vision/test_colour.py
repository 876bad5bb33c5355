"""Colours against published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.description import colours
from microcell.description.colours import delta_e
from microcell.vision.colour import lab_of, to_encoded, to_linear

channel = st.integers(0, 255)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_the_primaries_is_as_published(rgb: tuple[int, int, int], lab: tuple[float, ...]) -> None:
    assert lab_of(rgb) == pytest.approx(lab, abs=0.05)
    assert colours.lab(rgb) == pytest.approx(lab_of(rgb), abs=1e-9)


@given(value=channel)
def test_to_linear_light_and_back_changes_nothing(value: int) -> None:
    assert to_encoded(to_linear(np.array([value])))[0] == pytest.approx(value, abs=1e-9)


@given(one=st.tuples(channel, channel, channel), other=st.tuples(channel, channel, channel))
def test_the_difference_is_the_same_both_ways_and_none_to_itself(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    assert delta_e(one, other) == pytest.approx(delta_e(other, one))
    assert delta_e(one, one) == 0.0
