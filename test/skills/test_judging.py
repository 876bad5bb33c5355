"""What an inspection says of its readings: limits, looking again, and one verdict."""

from __future__ import annotations

import math

import pytest
from skill_bench import valve_line

from microcell.description.checks import Position, Presence
from microcell.description.product import Inspection
from microcell.faults import FaultError
from microcell.skills.examining import Examination, failed_in, summary
from microcell.skills.judging import SHARED_RATIO, inspection_of, pooled, requests_of
from microcell.skills.report_data import report_data, report_of
from microcell.vision.requests import Reading
from microcell.vision.results import Finding

LIMIT_M, SD_M = 0.0006, 0.00002


def offset(value_m: float, sd_m: float | None = SD_M, **more) -> Reading:
    return Reading("place", "position", value_m, "m", uncertainty=sd_m, **more)


def seen(ratio: float = 1.0) -> Reading:
    return Reading("there", "presence", ratio, "1")


def examination(**options) -> Examination:
    line = valve_line()
    there = Presence(kind="presence", site="membrane_seat", min_ratio=0.6, on_fail="rework", redo=("insert_membrane",))
    place = Position(kind="position", site="membrane_seat", max_offset_m=LIMIT_M, **options)
    inspection = Inspection(checks={"there": there, "place": place})
    product = line.product_description.model_copy(update={"inspections": {"open": inspection}})
    line = line.model_copy(update={"product_description": product})
    requests = requests_of(line, "adult", "open", "fixture_1", "VLV-1")
    return Examination("open", inspection, requests, "camera_1", line.cell_description.devices["camera_1"])


def after(*looks: tuple[Reading, ...], **options):
    examined = examination(**options)
    for number, readings in enumerate(looks):
        examined.take(readings, 1.0 + number, f"image {number}")
    return examined


def test_a_clear_unit_is_decided_by_the_first_look():
    examined = after((seen(), offset(0.0001)))
    assert examined.uncertain == ()
    assert (examined.report().verdict, failed_in(examined.report())) == ("accept", ())


def test_a_value_within_the_guard_band_is_to_be_looked_at_again():
    examined = after((seen(), offset(LIMIT_M - SD_M)))
    assert examined.uncertain == ("place",)


@pytest.mark.parametrize(("second_m", "verdict"), [(0.00040, "accept"), (0.00080, "scrap")])
def test_the_mean_of_both_looks_decides(second_m: float, verdict: str):
    report = after((seen(), offset(LIMIT_M - SD_M)), (seen(), offset(second_m))).report()
    assert report.verdict == verdict
    assert report.checks[1].measurements[0].value == pytest.approx((LIMIT_M - SD_M + second_m) / 2)
    assert report.checks[1].note == ""


def test_a_check_that_was_certain_once_stands_whatever_a_further_look_reads():
    report = after((seen(), offset(LIMIT_M)), (seen(0.0), offset(0.0001))).report()
    assert report.verdict == "accept"


def test_what_stays_uncertain_is_not_accepted_though_it_lies_within_its_limit():
    report = after(*[(seen(), offset(LIMIT_M - SD_M / 4))] * 3).report()
    assert (report.verdict, failed_in(report)) == ("scrap", ("place",))
    assert report.checks[1].note.startswith("uncertain after 3 looks: 5e-06 m from its limit, within the guard band of")
    assert summary(report) == "failed: place (uncertain: place)"
    assert [look.uncertain for look in report.looks] == [("place",)] * 3


def test_the_product_says_what_becomes_of_an_uncertain_unit():
    report = after((seen(), offset(LIMIT_M)), on_uncertain="recycle").report()
    assert report.verdict == "recycle"


def test_scrap_comes_before_recycle_and_recycle_before_rework():
    assert after((seen(0.0), offset(0.001))).report().verdict == "scrap"
    assert after((seen(0.0), offset(0.001)), on_fail="recycle").report().verdict == "recycle"
    assert after((seen(0.0), offset(0.0001))).report().verdict == "rework"


def test_a_reading_that_says_nothing_does_not_count_beside_one_that_does():
    report = after((seen(), offset(math.nan, None)), (seen(), offset(0.0001))).report()
    assert report.verdict == "accept"
    never = after((seen(), offset(math.nan, None))).report()
    assert (never.verdict, never.checks[1].note) == ("scrap", "uncertain after 1 look: it could not be measured")


def test_an_image_that_cannot_be_judged_leaves_the_doubt_and_is_told():
    examined = after((seen(), offset(LIMIT_M)))
    examined.saw_nothing(1.2)
    report = examined.report()
    assert (report.verdict, report.looks[1].usable) == ("scrap", False)
    assert "after 1 look:" in report.checks[1].note


def test_many_looks_do_not_average_away_what_they_have_in_common():
    one, many = pooled([offset(0.0006)]), pooled([offset(0.0006)] * 1000)
    assert one.uncertainty == pytest.approx(SD_M)
    assert many.uncertainty == pytest.approx(SD_M * math.sqrt(SHARED_RATIO), rel=1e-3)


def test_a_failed_check_says_where_in_the_cell_and_how_large():
    finding = after((seen(), offset(0.002))).report().checks[1].findings[0]
    assert finding.centre_m == pytest.approx((0.48, -0.10), abs=1e-3)
    assert finding.size_m == pytest.approx(0.024, abs=0.002)
    assert finding.kind == "position"


def test_of_findings_that_are_judged_by_size_only_those_are_told_that_matter():
    def flaw(size_m):
        return Finding("flaw", (0.0, 0.0, 10.0, 10.0), 100.0, 1.0, 1.0, size_m=size_m)

    flaws = (flaw(0.0008), flaw(0.0004), flaw(0.0001))
    failed = after((seen(), offset(0.0008, findings=flaws))).report().checks[1]
    assert [finding.size_m for finding in failed.findings] == [0.0008]
    passed = after((seen(), offset(0.0004, findings=flaws[1:]))).report().checks[1]
    assert [finding.size_m for finding in passed.findings] == [0.0004]


def test_a_whole_report_survives_as_data_and_a_short_one_leaves_out_what_was_good():
    report = after((seen(), offset(math.nan, None))).report()
    whole = report_of(report_data(report, whole=True))
    assert math.isnan(whole.checks[1].measurements[0].value)
    clear = after((seen(), offset(0.002))).report()
    assert report_of(report_data(clear, whole=True)) == clear
    short = report_data(clear)
    assert [check["check"] for check in short["checks"]] == ["place"]
    assert "measurements" not in short["checks"][0]


def test_what_the_product_or_the_cell_does_not_have_is_refused():
    line = valve_line()
    with pytest.raises(FaultError, match="'opened'; there are: open, closed"):
        inspection_of(line, "opened")
    with pytest.raises(FaultError, match="'camera_1' is no fixture of the cell"):
        requests_of(line, "adult", "open", "camera_1", "")
