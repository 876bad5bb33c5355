"""Gauge R&R by analysis of variance, against the worked example of AIAG's manual and against made-up gauges."""

from __future__ import annotations

import math
from random import Random

import pytest

from microcell.errors import UsageError
from microcell.records.gauge_study import study

AIAG = {
    "A": (
        (0.29, -0.56, 1.34, 0.47, -0.80, 0.02, 0.59, -0.31, 2.26, -1.36),
        (0.41, -0.68, 1.17, 0.50, -0.92, -0.11, 0.75, -0.20, 1.99, -1.25),
        (0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31),
    ),
    "B": (
        (0.08, -0.47, 1.19, 0.01, -0.56, -0.20, 0.47, -0.63, 1.80, -1.68),
        (0.25, -1.22, 0.94, 1.03, -1.20, 0.22, 0.55, 0.08, 2.12, -1.62),
        (0.07, -0.68, 1.34, 0.20, -1.28, 0.06, 0.83, -0.34, 2.19, -1.50),
    ),
    "C": (
        (0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49),
        (-0.11, -1.13, 1.09, 0.20, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77),
        (-0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16),
    ),
}
"""Ten parts, three appraisers, three trials: the study of the Measurement Systems Analysis manual, 4th edition."""


def aiag():
    return [
        (str(part), appraiser, value)
        for appraiser, trials in AIAG.items()
        for trial in trials
        for part, value in enumerate(trial)
    ]


def test_the_table_of_the_manual():
    rows = {source.name: source for source in study("thickness", aiag()).table}
    assert (rows["part"].freedom, rows["part"].squares) == (9, pytest.approx(88.3619, abs=1e-4))
    assert (rows["appraiser"].freedom, rows["appraiser"].squares) == (2, pytest.approx(3.16726, abs=1e-5))
    crossed = rows["part x appraiser"]
    assert (crossed.freedom, crossed.squares) == (18, pytest.approx(0.35898, abs=1e-5))
    assert crossed.p == pytest.approx(0.974, abs=1e-3)
    pooled = rows["repeatability"]
    assert (pooled.freedom, pooled.squares) == (60 + 18, pytest.approx(2.7589 + 0.35898, abs=1e-4))


def test_the_variations_of_the_manual():
    found = study("thickness", aiag())
    assert found.pooled
    assert found.repeatability == pytest.approx(0.199933, abs=1e-6)
    assert found.reproducibility == pytest.approx(0.226838, abs=1e-6)
    assert found.rr == pytest.approx(0.302373, abs=2e-6)
    assert found.part_variation == pytest.approx(1.042327, abs=1e-6)
    assert found.total == pytest.approx(1.085, abs=1e-3)
    assert found.grr_of_variation == pytest.approx(0.279, abs=1e-3)
    assert found.categories == 4


def made_up(seed, parts=30, appraisers=4, trials=4, part_sd=1.0, place_sd=0.0, crossed_sd=0.0, noise_sd=0.1):
    """Readings of a gauge whose sources of variation are known."""
    random = Random(f"gauge {seed}")
    place = {a: random.gauss(0.0, place_sd) for a in range(appraisers)}
    for part in range(parts):
        true = random.gauss(0.0, part_sd)
        for appraiser in range(appraisers):
            shift = place[appraiser] + random.gauss(0.0, crossed_sd)
            yield from ((str(part), str(appraiser), true + shift + random.gauss(0.0, noise_sd)) for _ in range(trials))


def test_a_gauge_of_known_scatter_is_found_again():
    found = [study("x", made_up(seed, crossed_sd=0.2)) for seed in range(20)]
    assert not any(one.pooled for one in found)
    for name, true in (("repeatability", 0.1), ("interaction", 0.2), ("part_variation", 1.0)):
        mean = math.sqrt(sum(getattr(one, name) ** 2 for one in found) / len(found))
        assert mean == pytest.approx(true, rel=0.08)


def test_places_that_measure_differently_show_as_reproducibility():
    alike, unlike = study("x", made_up(1)), study("x", made_up(1, place_sd=2.0))
    assert alike.reproducibility < 0.05 < 0.5 < unlike.reproducibility
    assert unlike.repeatability == pytest.approx(alike.repeatability, rel=0.01)


def test_one_place_has_repeatability_only():
    found = study("x", made_up(2, appraisers=1))
    assert [source.name for source in found.table] == ["part", "repeatability"]
    assert (found.reproducibility, found.rr) == (0.0, found.repeatability)


def test_values_that_are_never_negative_have_a_tolerance_from_0_to_their_limit():
    offsets = [(part, place, abs(value)) for part, place, value in made_up(3, part_sd=0.001, noise_sd=0.001)]
    assert study("x", offsets, "m", None, 0.01).tolerance == 0.01


def test_rounding_is_no_scatter():
    rounded = [(str(p), "a", 0.002 + p * 1e-4 + trial * 1e-18) for p in range(3) for trial in range(2)]
    found = study("x", rounded)
    assert (found.repeatability, found.resolution) == (0.0, pytest.approx(1e-4))


@pytest.mark.parametrize(
    ("limits", "tolerance"),
    [((None, None), None), ((-2.0, 3.0), 5.0), ((None, 10.0), 20.0), ((-10.0, None), 20.0)],
)
def test_the_tolerance_is_between_the_limits_or_twice_the_way_to_the_one(limits, tolerance):
    found = study("x", made_up(3, part_sd=0.001, noise_sd=0.001), "m", *limits)
    assert found.tolerance == (None if tolerance is None else pytest.approx(tolerance, abs=0.01))


@pytest.mark.parametrize(("noise", "verdict"), [(0.01, "good"), (0.2, "usable"), (1.0, "unfit")])
def test_the_verdict_is_by_the_tolerance(noise, verdict):
    assert study("x", made_up(4, noise_sd=noise, part_sd=0.01), "m", -3.0, 3.0).verdict == verdict


def test_a_gauge_whose_trials_do_not_scatter_is_not_better_than_its_resolution():
    """The parts may as well differ by steps of the gauge as by 1."""
    found = study("x", [(str(p), "a", float(p)) for p in range(3) for _ in range(2)])
    assert (found.rr, found.categories, found.verdict) == (pytest.approx(1.0 / math.sqrt(12.0)), 4, "usable")


def test_readings_of_two_values_are_told_to_be_too_coarse_and_are_not_good():
    coarse = [(str(p), a, 0.02 * (p > 4)) for p in range(10) for a in "ab" for _ in range(3)]
    found = study("x", coarse, "m", -0.02, 0.04)
    assert (found.repeatability, found.resolution, found.is_coarse) == (0.0, 0.02, True)
    assert (found.grr_of_tolerance, found.verdict) == (pytest.approx(6.0 * 0.02 / math.sqrt(12.0) / 0.06), "unfit")
    assert study("x", coarse, "m").verdict == "unfit"
    wide = study("x", coarse, "m", -1.0, 1.0)
    assert (wide.is_coarse, wide.verdict) == (False, "good"), "a hundredth of the tolerance is fine enough"


def test_a_resolution_within_the_scatter_of_the_trials_changes_nothing():
    rounded = [(part, place, round(value, 1)) for part, place, value in made_up(5, noise_sd=0.1)]
    found = study("x", rounded)
    assert not found.is_coarse
    assert found.rr == pytest.approx(math.hypot(found.repeatability, found.reproducibility), rel=1e-9)


def unlike(counts, noise_sd=0.1):
    """Readings by one place of parts that were measured so many times."""
    random = Random("unlike")
    return [(str(p), "a", p + random.gauss(0.0, noise_sd)) for p, count in enumerate(counts) for _ in range(count)]


def test_parts_that_were_measured_unequally_often_are_named_and_not_cut_in_silence():
    told = (
        "x: there are 2 readings of part '4' by 'a' and 42 of '0' by 'a', of which a study can use only 90 of 138: measure"
    )
    with pytest.raises(UsageError, match=told):
        study("x", unlike([42, 42, 30, 22, 2]))


def test_one_part_that_was_measured_less_often_is_left_out_and_the_others_keep_their_trials():
    found = study("x", unlike([3] * 11 + [2]))
    assert (found.parts, found.trials, found.used, found.readings, found.verdict) == (11, 3, 33, 35, "good")


def test_a_gauge_of_which_many_readings_were_left_out_or_failed_is_not_called_good():
    assert study("x", unlike([3] * 6 + [2]), "m", -10.0, 20.0).verdict == "good"
    many = study("x", unlike([3] * 6 + [2, 2]), "m", -10.0, 20.0)
    assert (many.used, many.readings, many.verdict) == (18, 22, "usable")
    assert study("x", unlike([3] * 6), "m", -10.0, 20.0, failed=2).verdict == "good"
    assert study("x", unlike([3] * 6), "m", -10.0, 20.0, failed=3).verdict == "usable"


def test_a_gauge_that_always_reads_the_same_is_not_called_good():
    stuck = [(str(p), a, 0.04) for p in range(3) for a in "ab" for _ in range(2)]
    with pytest.raises(UsageError, match=r"x: every reading is 0.04, as of a gauge that is stuck; take parts that span"):
        study("x", stuck, "m", 0.03, 0.05)


def test_an_interaction_beside_trials_that_do_not_scatter_is_no_noise():
    readings = [(str(p), str(a), float(4 * p + (a if p == 1 else -a))) for p in range(3) for a in range(3) for _ in range(2)]
    found = study("x", readings)
    assert not found.pooled
    assert (found.repeatability, found.interaction) == (0.0, pytest.approx(math.sqrt(4.0 / 3.0)))


def test_limits_that_are_the_wrong_way_round_make_no_gauge_good():
    with pytest.raises(UsageError, match=r"x: the lower limit 3 is not below the upper one, -3\."):
        study("x", made_up(4), "m", 3.0, -3.0)
    offsets = [(part, place, abs(value)) for part, place, value in made_up(4)]
    assert (study("x", offsets, "m", None, -1.0).tolerance or 0.0) > 0.0


@pytest.mark.parametrize(
    ("readings", "lack"),
    [
        ([("1", "a", 1.0), ("1", "a", 1.1)], "x: 1 part(s); a study needs 2 at the least"),
        ([("1", "a", 1.0), ("1", "b", 1.0), ("2", "a", 1.0)], "x: nobody measured part '2' by 'b'"),
        ([("1", "a", 1.0), ("1", "a", 1.0), ("2", "a", 1.0)], "x: a part was measured only once"),
        ([("1", "a", math.nan)], "x: part '1' has a value that is no number"),
    ],
)
def test_what_a_study_lacks_is_said(readings, lack):
    with pytest.raises(UsageError) as error:
        study("x", readings)
    assert lack in str(error.value)
