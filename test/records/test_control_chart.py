"""Control charts, against the worked examples of the NIST/SEMATECH e-Handbook and against processes of known run length."""

from __future__ import annotations

from itertools import count
from random import Random
from statistics import fmean

import pytest

from microcell.records.control_chart import BEYOND_EWMA, RULES, Basis, Chart, Ewma, rule_in_words

FLOWRATES = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
"""Batches of the example of section 6.3.2.2."""

EWMA_VALUES = (
    52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1,
)  # fmt: skip
EWMA_MEANS = (
    50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73,
    51.23, 51.94, 51.99,
)  # fmt: skip
"""Data and averages of the example of section 6.3.2.4: target 50, standard deviation 2.0539, ratio 0.3."""


def test_the_individuals_chart_of_the_handbook():
    basis = Basis.of(FLOWRATES)
    low, high = basis.limits()
    assert (basis.centre, low, high) == (
        pytest.approx(50.81), pytest.approx(45.8159, abs=2e-4), pytest.approx(55.8041, abs=2e-4),
    )  # fmt: skip


def test_the_ewma_chart_of_the_handbook():
    ewma = Ewma(Basis(50.0, 2.0539), 0.3, 3.0)
    assert [ewma.add(value) for value in EWMA_VALUES] == [pytest.approx(mean, abs=0.006) for mean in EWMA_MEANS]
    low, high = ewma.limits
    assert (low, high) == (pytest.approx(47.4115, abs=2e-3), pytest.approx(52.5884, abs=2e-3))
    assert not ewma.is_out


def test_the_limits_of_the_first_averages_are_narrower():
    ewma = Ewma(Basis(0.0, 1.0), 0.2, 3.0)
    ewma.add(0.0)
    assert ewma.limits[1] == pytest.approx(3.0 * 0.2)


@pytest.mark.parametrize(
    ("rule", "zs", "but_not"),
    [
        (1, (0.0, 3.1), (0.0, 2.9)),
        (2, (0.1,) * 9, (0.1,) * 8 + (-0.1,)),
        (3, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), (0.0, 0.1, 0.2, 0.2, 0.4, 0.5)),
        (3, (0.5, 0.4, 0.3, 0.2, 0.1, 0.0), (0.5, 0.4, 0.3, 0.2, 0.1)),
        (4, (0.5, -0.5) * 7, (0.5, -0.5) * 6),
        (5, (2.1, 0.0, 2.1), (2.1, 0.0, -2.1)),
        (6, (1.1, 1.1, 0.0, 1.1, 1.1), (1.1, 1.1, 0.0, 1.1, -1.1)),
        (7, (0.9, -0.9) * 7 + (0.5,), (0.9, -0.9) * 7 + (1.5,)),
        (8, (1.1, -1.1) * 4, (1.1, -1.1) * 3 + (0.9, 1.1)),
    ],
)
def test_each_rule_sees_its_pattern_and_nothing_less(rule, zs, but_not):
    _, broken = RULES[rule]
    assert broken(zs)
    assert not broken(but_not)


def values(seed: int, number: int) -> list[float]:
    random = Random(f"chart {seed}")
    return [random.gauss(0.0, 1.0) for _ in range(number)]


def run_length(seed: int, shift: float) -> int:
    """Values until the average is out, of a process whose basis is known."""
    chart = Chart(1, 0.2, 3.0, ())
    chart.begin(Basis(0.0, 1.0))
    random = Random(f"run {seed}")
    return next(number for number in count(1) if BEYOND_EWMA in chart.add(random.gauss(shift, 1.0)).broken)


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 350, 800), (1.0, 7, 12)])
def test_the_ewma_chart_has_the_run_lengths_that_lucas_and_saccucci_computed(shift, low, high):
    """For ratio 0.2 and three standard deviations about 560 in order, and 10 after a shift by one standard deviation."""
    assert low < fmean(run_length(seed, shift) for seed in range(60)) < high


def test_the_first_values_set_the_basis_and_break_no_rule():
    chart = Chart(10)
    assert [chart.add(value) for value in values(1, 10)] == [None] * 10
    assert chart.basis == Basis.of(values(1, 10))
    assert chart.add(100.0).broken == (BEYOND_EWMA, 1)


def test_a_process_that_never_scattered_is_out_as_soon_as_it_changes():
    chart = Chart(5)
    assert [chart.add(1.0) for _ in range(8)][-1].broken == ()
    assert chart.add(0.99).broken == (BEYOND_EWMA, 1)


def test_rules_have_words():
    assert rule_in_words(BEYOND_EWMA) == "the weighted mean is beyond its limits"
    assert rule_in_words(2) == "nine in a row on one side of the centre"
