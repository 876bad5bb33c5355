"""Rules of calibrations: of the file itself, and of a camera that names one."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.calibration import Calibration, IntrinsicsSpec
from microcell.description.cell import CameraSpec
from microcell.description.rules_context import Context, rule
from microcell.errors import Issue

NEW_ONE = "Calibrate anew (microcell calibrate), or name another calibration."
SQUARE_RATIO = 0.002
"""Pixels that differ more in height and width than this are not taken for square."""


@rule("calibration")
def rule_a_calibration_ends_after_it_was_made(context: Context) -> Iterator[Issue]:
    """The last day of a calibration is not before the day on which it was made."""
    found: Calibration = context.readings["calibration"].document
    if found.made and found.valid_until and found.valid_until < found.made:
        remedy = f"it was made on {found.made}. Correct one of the days."
        yield context.issue("calibration", ("valid_until",), f"out of order ({found.valid_until})", remedy)


@rule("cell")
def rule_a_calibrated_camera_says_its_serial(context: Context) -> Iterator[Issue]:
    """A camera that names a calibration says its serial, which is the calibration's."""
    for name, camera, found in _calibrated(context):
        if not camera.serial:
            remedy = f"'{camera.calibration}' is of '{found.serial}'. Read it off the camera: serial: ..."
            yield context.issue("cell", ("devices", name), "a camera with a calibration and without a serial", remedy)
        elif camera.serial != found.serial:
            what = f"this is the calibration of another camera ('{found.serial}')"
            yield context.issue("cell", _where(name), what, f"the camera's serial is '{camera.serial}'. {NEW_ONE}")


@rule("cell")
def rule_a_calibration_fits_the_images(context: Context) -> Iterator[Issue]:
    """The optics of a camera's calibration are of images of its size, with square pixels."""
    for name, camera, found in _calibrated(context):
        optics = found.intrinsics
        if optics is None:
            continue
        sizes = (optics.width_px, optics.height_px), (camera.width_px, camera.height_px)
        if sizes[0] != sizes[1]:
            what = "this calibration is of images of {} x {} px".format(*sizes[0])
            yield context.issue("cell", _where(name), what, "the camera's are {} x {} px. ".format(*sizes[1]) + NEW_ONE)
        elif not _is_square(optics):
            what = f"this calibration is of pixels that are not square ({optics.focal_x_px:g}, {optics.focal_y_px:g})"
            yield context.issue("cell", _where(name), what, "a cell's camera has square ones. Take unscaled images.")


@rule("cell")
def rule_a_calibration_has_not_expired(context: Context) -> Iterator[Issue]:
    """The calibration that a camera names still holds."""
    for name, _, found in _calibrated(context):
        if context.today is not None and found.valid_until < context.today:
            what = f"this calibration expired on {found.valid_until}"
            yield context.issue("cell", _where(name), what, f"today is {context.today}. {NEW_ONE}")


def _where(camera: str) -> tuple[str, str, str]:
    return ("devices", camera, "calibration")


def _calibrated(context: Context) -> Iterator[tuple[str, CameraSpec, Calibration]]:
    """Each camera with a calibration that was found and is sound."""
    calibrations = context.calibrations
    for name, camera in context.cell.of_kind("camera").items():
        if name in calibrations:
            yield name, camera, calibrations[name]


def _is_square(optics: IntrinsicsSpec) -> bool:
    return abs(optics.focal_y_px / optics.focal_x_px - 1.0) <= SQUARE_RATIO
