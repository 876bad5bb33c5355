"""Calibrations that cameras name: their optics are used, and what does not fit or has expired is reported."""

from datetime import date

import pytest
from config_copy import ConfigCopy

from microcell.description import rules_calibration
from microcell.description.loader import check_paths, load_document, load_line
from microcell.description.rules import RULES

CALIBRATION = """\
kind: calibration
name: lens_1
serial: C-1
made: 2026-01-10
valid_until: 2027-01-10
intrinsics:
  width_px: 1280
  height_px: 960
  focal_x_px: 15010.0
  focal_y_px: 15012.0
  centre_px: [636.5, 481.0]
  distortion_ratios: [-0.1, 0.02, 0.0, 0.0001, 0.0]
  error_px: 0.05
  held_out_px: 0.06
  focal_sd_px: 2.0
  images: 15
"""
FILE = "calibrations/lens_1.yaml"
CELL = "cells/bench.yaml"
TODAY = date(2026, 11, 28)


@pytest.fixture
def calibrated(tmp_path):
    """The example with a calibrated first camera."""
    copy = ConfigCopy(tmp_path)
    (copy.root / "calibrations").mkdir()
    (copy.root / FILE).write_text(CALIBRATION, encoding="utf-8")
    named = "    sees: [fixture_1]\n    serial: C-1\n    calibration: lens_1\n"
    return copy.edit(CELL, "    sees: [fixture_1]\n", named).edit(
        CELL, "camera_2: {<<: *station_camera,", "camera_2: {<<: *station_camera, calibration: null,"
    )


def test_a_calibrated_camera_has_the_optics_of_its_calibration(calibrated):
    line = load_line(calibrated.line)
    camera, other = (line.cell_description.devices[name] for name in ("camera_1", "camera_2"))
    assert camera.focal_px == pytest.approx(15011.0, abs=0.01)
    assert (camera.centre_px, camera.distortion_ratios[0]) == ((636.5, 481.0), -0.1)
    assert (other.focal_px, other.centre_px) == (15000.0, None)
    assert line.calibrations["camera_1"].valid_until == date(2027, 1, 10)
    assert "camera_2" not in line.calibrations


PROVOCATIONS = [
    (
        "rule_a_calibration_ends_after_it_was_made",
        (FILE, "valid_until: 2027-01-10", "valid_until: 2025-01-10"),
        "calibrations/lens_1.yaml:5:14: valid_until: out of order (2025-01-10); it was made on 2026-01-10. "
        "Correct one of the days.",
    ),
    (
        "rule_a_calibrated_camera_says_its_serial",
        (CELL, "    serial: C-1\n", ""),
        "devices.camera_1: a camera with a calibration and without a serial; 'lens_1' is of 'C-1'. "
        "Read it off the camera: serial: ...",
    ),
    (
        "rule_a_calibrated_camera_says_its_serial",
        (CELL, "serial: C-1", "serial: C-2"),
        "devices.camera_1.calibration: this is the calibration of another camera ('C-1'); the camera's serial is 'C-2'. "
        "Calibrate anew (microcell calibrate), or name another calibration.",
    ),
    (
        "rule_a_calibration_fits_the_images",
        (FILE, "height_px: 960", "height_px: 720"),
        "devices.camera_1.calibration: this calibration is of images of 1280 x 720 px; the camera's are 1280 x 960 px. "
        "Calibrate anew",
    ),
    (
        "rule_a_calibration_fits_the_images",
        (FILE, "focal_y_px: 15012.0", "focal_y_px: 15112.0"),
        "devices.camera_1.calibration: this calibration is of pixels that are not square (15010, 15112); "
        "a cell's camera has square ones. Take unscaled images.",
    ),
    (
        "rule_a_calibration_has_not_expired",
        (FILE, "valid_until: 2027-01-10", "valid_until: 2026-11-27"),
        "devices.camera_1.calibration: this calibration expired on 2026-11-27; today is 2026-11-28. Calibrate anew",
    ),
]


@pytest.mark.parametrize(("rule", "change", "expected"), PROVOCATIONS)
def test_a_broken_rule_of_calibrations_is_reported_with_its_remedy(calibrated, rule, change, expected):
    calibrated.edit(*change)
    found = [str(issue).removeprefix(f"{calibrated.root}/") for issue in check_paths([calibrated.root], TODAY)]
    assert any(expected in text for text in found), "\n".join(found)


def test_every_rule_of_calibrations_is_provoked_here():
    names = {rule.check.__name__ for rule in RULES if rule.check.__module__ == rules_calibration.__name__}
    assert names == {rule for rule, _, _ in PROVOCATIONS}


def test_a_good_calibration_is_accepted_to_its_last_day(calibrated):
    assert check_paths([calibrated.root], date(2027, 1, 10)) == ()
    assert len(check_paths([calibrated.root], date(2027, 1, 11))) == 1


def test_a_calibration_that_is_not_there_is_named(calibrated):
    calibrated.edit(CELL, "calibration: lens_1", "calibration: lens_2")
    assert any(
        "devices.camera_1.calibration: there is no calibration 'lens_2' in " in text and "did you mean 'lens_1'?" in text
        for text in calibrated.texts()
    )


def test_a_file_is_read_as_it_was_written(calibrated):
    found = load_document(calibrated.root / FILE)
    assert (found.serial, found.made, found.intrinsics.images) == ("C-1", date(2026, 1, 10), 15)
