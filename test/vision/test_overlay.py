"""Evidence pictures for people."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from microcell.measurement import Measurement
from microcell.vision.evidence import VERDICT_RGB
from microcell.vision.overlay import annotate, as_png, value_in_words
from microcell.vision.results import CheckResult, Finding, InspectionReport, Look


def report(requests: Any, verdict: Any, findings: tuple[Finding, ...] = ()) -> InspectionReport:
    measured = Measurement("cap.position", 0.0004, "m", None, 0.0006, uncertainty=1e-5)
    checks = tuple(CheckResult(r.name, r.kind, verdict, (measured,), findings) for r in requests)
    return InspectionReport("closed", "fixture", "camera", verdict, checks, (Look(1.0, ""),))


def of_colour(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return np.count_nonzero((picture == colour).all(axis=2))


@pytest.mark.parametrize("verdict", ["accept", "scrap", "rework", "recycle"])
def test_verdict_and_outlines_have_the_verdicts_colour(stage: Any, verdict: str) -> None:
    pixels, requests = stage.photo(stage.closed(stage.cap)), stage.closed_checks(stage.cap)
    before = pixels.copy()
    picture = annotate(pixels, stage.camera, requests, report(requests, verdict), "VLV-1")
    assert (pixels == before).all()
    for other, colour in VERDICT_RGB.items():
        assert (of_colour(picture, colour) > 100) == (other == verdict)


def test_what_failed_is_drawn_thicker_than_what_passed(stage: Any) -> None:
    pixels, requests = stage.photo(stage.closed(stage.cap)), stage.closed_checks(stage.cap)
    passed, failed = (
        of_colour(annotate(pixels, stage.camera, requests, report(requests, verdict)), VERDICT_RGB[verdict])
        for verdict in ("accept", "scrap")
    )
    assert failed > 1.5 * passed


def test_the_picture_shows_the_unit_and_not_the_whole_bench(stage: Any) -> None:
    pixels, requests = stage.photo(stage.closed(stage.cap)), stage.closed_checks(stage.cap)
    picture = annotate(pixels, stage.camera, requests, report(requests, "accept"))
    view = picture[:560, :-430]
    assert view.shape[0] == 560
    assert np.median(view[240:320, 100:180].reshape(-1, 3), axis=0)[2] > 150  # the blue cap fills it
    assert np.all(picture[4, -4] == 255)


def test_a_16_bit_grey_image_is_drawn_as_well(stage: Any) -> None:
    requests = stage.closed_checks(stage.cap)
    grey = cv2.cvtColor(stage.photo(stage.closed(stage.cap)), cv2.COLOR_RGB2GRAY).astype(np.uint16) * 257
    assert annotate(grey, stage.camera, requests, report(requests, "accept")).dtype == np.uint8


def test_without_requests_the_whole_image_is_shown(stage: Any) -> None:
    assert annotate(stage.photo([]), stage.camera, (), report((), "accept")).shape == (560, round(960 / 720 * 560) + 430, 3)


def test_the_png_has_the_picture_s_pixels_and_the_same_bytes_each_time(stage: Any) -> None:
    picture = annotate(stage.photo([]), stage.camera, (), report((), "accept"))
    read = cv2.imdecode(np.frombuffer(as_png(picture), np.uint8), cv2.IMREAD_COLOR)
    assert (cv2.cvtColor(read, cv2.COLOR_BGR2RGB) == picture).all()
    assert as_png(picture) == as_png(picture)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (Measurement("a.position", 0.0004, "m", None, 0.0006, uncertainty=1e-5), "0.400 +/- 0.010 mm, at most 0.6"),
        (Measurement("a.presence", 0.97, "1", 0.6), "0.970, at least 0.6"),
        (Measurement("a.turn", 0.1, "rad", None, 0.12), "5.730 deg, at most 6.88"),
        (Measurement("a.torque", 0.45, "N.m", 0.4, 0.5), "0.450 N.m, at least 0.4, at most 0.5"),
        (Measurement("a.anomaly", 1.4, "1", None, 1.0, "missing"), "1.400, at most 1, missing"),
        (Measurement("a.code", 1.0, "1", 1.0, None, "VLV-000001"), "'VLV-000001'"),
    ],
)
def test_values_are_told_in_the_units_of_the_trade(measured: Measurement, words: str) -> None:
    assert value_in_words(measured) == words
