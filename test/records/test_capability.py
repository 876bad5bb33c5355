"""Capability indices, against the NIST/SEMATECH e-Handbook and against processes of known capability."""

from __future__ import annotations

from random import Random
from statistics import fmean, stdev

import pytest

from microcell.records.capability import Capability, capability


def process(seed: int, count: int, mean: float = 16.0, sd: float = 2.0) -> list[float]:
    random = Random(f"process {seed}")
    return [random.gauss(mean, sd) for _ in range(count)]


def exactly(mean: float, sd: float, count: int = 50) -> list[float]:
    """Values with just this mean and standard deviation."""
    raw = process(1, count)
    centre, scale = fmean(raw), stdev(raw)
    return [mean + sd * (value - centre) / scale for value in raw]


def test_the_example_of_the_handbook():
    """6.1.6: limits 8 and 20, mean 16, standard deviation 2."""
    found = capability(exactly(16.0, 2.0), 8.0, 20.0)
    assert found.pp.value == pytest.approx(1.0)
    assert found.ppk.value == pytest.approx(0.6667, abs=1e-4)


def test_one_limit_gives_one_index():
    found = capability(exactly(16.0, 2.0), None, 22.0)
    assert (found.cp, found.pp, found.ppk.value) == (None, None, pytest.approx(1.0))
    assert capability(exactly(16.0, 2.0), 13.0, None).ppk.value == pytest.approx(0.5)


def test_drift_shows_in_ppk_and_not_in_cpk():
    drifting = [value + 0.2 * number for number, value in enumerate(process(2, 200, 0.0, 1.0))]
    found = capability(drifting, -60.0, 60.0)
    assert found.cpk.value > 3 * found.ppk.value


@pytest.mark.parametrize("index", ["cp", "cpk", "pp", "ppk"])
def test_the_interval_holds_the_true_value_in_about_95_of_100_cases(index):
    true = 1.0 if index in ("cp", "pp") else 2.0 / 3.0
    held = 0
    for seed in range(400):
        found: Capability = capability(process(seed, 40), *((10.0, 22.0) if true == 1.0 else (8.0, 20.0)))
        held += getattr(found, index).low <= true <= getattr(found, index).high
    assert 0.91 * 400 < held < 0.985 * 400


def test_a_skewed_distribution_says_so():
    folded = [abs(value) for value in process(3, 2000, 0.0, 1.0)]
    assert capability(folded, None, 5.0).skewness == pytest.approx(1.0, abs=0.25)
    assert abs(capability(process(3, 2000), 0.0, None).skewness) < 0.2


def test_where_nothing_can_be_said_nothing_is():
    assert capability([1.0, 2.0], 0.0, 3.0) is None
    assert capability(exactly(1.0, 1.0), None, None) is None
    constant = capability([1.0] * 9, 0.6, None)
    assert (constant.cpk, constant.ppk, constant.sd) == (None, None, 0.0)
