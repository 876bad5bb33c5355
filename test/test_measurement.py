"""Measured values and their limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from microcell.measurement import GUARD_SDS, Measurement

numbers = some.floats(-1e3, 1e3, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "conformity"),
    [
        (0.50, "conforming"),
        (0.98, "uncertain"),
        (1.02, "uncertain"),
        (1.05, "nonconforming"),
        (-0.05, "nonconforming"),
        (0.02, "uncertain"),
        (math.nan, "uncertain"),
    ],
)
def test_a_value_nearer_to_a_limit_than_its_guard_band_is_uncertain(value: float, conformity: str):
    assert Measurement("a.b", value, "m", 0.0, 1.0, uncertainty=0.02).conformity == conformity


def test_without_an_uncertainty_the_limits_alone_decide():
    assert Measurement("a.b", 1.0, "1", 1.0).conformity == "conforming"
    assert Measurement("a.b", 0.999, "1", 1.0).conformity == "nonconforming"


def test_the_guard_band_ends_where_the_verdict_is_right_with_95_percent():
    at = Measurement("a.b", 1.0 - GUARD_SDS * 0.02, "m", None, 1.0, uncertainty=0.02)
    assert at.confidence == pytest.approx(0.95, abs=0.001)
    assert Measurement("a.b", 1.0, "m", None, 1.0, uncertainty=0.02).confidence == pytest.approx(0.5)


@given(numbers, numbers, some.floats(0, 100), some.one_of(some.none(), some.floats(0, 10)))
def test_only_what_is_within_its_limits_ever_conforms(value: float, lower: float, width: float, sd: float | None):
    measured = Measurement("a.b", value, "m", lower, lower + width, uncertainty=sd)
    if measured.conformity == "conforming":
        assert measured.within_limits
    if measured.conformity == "nonconforming":
        assert not measured.within_limits
    assert 0.5 <= measured.confidence <= 1.0
