"""A trajectory tells where its joints are at any time, and the same with more points."""

from __future__ import annotations

from itertools import pairwise

import pytest

from microcell.motion.trajectory import JointTrajectory, resample, sample

BEND = JointTrajectory((0.0, 1.0, 3.0), ((0.0, 0.0), (1.0, 0.5), (2.0, 0.0)), ((0.0, 0.0), (1.0, 0.0), (0.0, 0.0)))


def test_at_its_points_it_is_what_they_say():
    for time_s, row, rate in zip(BEND.times_s, BEND.positions, BEND.velocities, strict=True):
        positions, velocities = sample(BEND, time_s)
        assert positions == pytest.approx(row)
        assert velocities == pytest.approx(rate)


def test_between_its_points_velocities_are_what_positions_change_by():
    for time_s in (0.2, 0.9, 1.4, 2.7):
        before, after = sample(BEND, time_s - 1e-6)[0], sample(BEND, time_s + 1e-6)[0]
        rates = [(b - a) / 2e-6 for a, b in zip(before, after, strict=True)]
        assert sample(BEND, time_s)[1] == pytest.approx(rates, abs=1e-6)


def test_resampled_it_is_the_same_motion_with_more_points():
    finer = resample(BEND, 0.008)
    assert finer.duration_s == BEND.duration_s
    assert max(b - a for a, b in pairwise(finer.times_s)) < 0.008 + 1e-9
    for time_s in (0.1, 0.5, 1.7):
        assert sample(BEND, time_s)[0] == pytest.approx(sample(finer, time_s)[0], abs=1e-5)


def test_before_its_start_and_after_its_end_a_trajectory_stands_still():
    assert sample(BEND, -1.0) == ((0.0, 0.0), (0.0, 0.0))
    assert sample(BEND, 99.0) == ((2.0, 0.0), (0.0, 0.0))
