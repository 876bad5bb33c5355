"""Results as documents: what is kept of a calibration, written as YAML that `microcell check` reads."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from microcell.description.base import PoseSpec
from microcell.description.calibration import Calibration, HandEyeSpec, IntrinsicsSpec, PlaneSpec
from microcell.vision.calibration.hand_eye_images import ImageFit
from microcell.vision.calibration.hand_eye_streams import StreamFit
from microcell.vision.calibration.intrinsics import Intrinsics
from microcell.vision.calibration.scale import PlaneScale

if TYPE_CHECKING:
    from microcell.vision.calibration.transforms import Floats

DIGITS = 9
"""Significant ones that are kept: far below what any calibration knows."""


def intrinsics_spec(found: Intrinsics) -> IntrinsicsSpec:
    """The optics as they are kept."""
    width, height = found.size_px
    k1, k2, p1, p2, k3 = map(_short, found.distortion)
    return IntrinsicsSpec(
        width_px=width,
        height_px=height,
        focal_x_px=_short(found.matrix[0, 0]),
        focal_y_px=_short(found.matrix[1, 1]),
        centre_px=(_short(found.matrix[0, 2]), _short(found.matrix[1, 2])),
        distortion_ratios=(k1, k2, p1, p2, k3),
        error_px=_short(found.error_px),
        held_out_px=_short(found.held_out_px),
        focal_sd_px=_short(found.focal_sd_px),
        images=len(found.used),
    )


def hand_eye_of_images(found: ImageFit) -> HandEyeSpec:
    """A hand-eye calibration from images as it is kept."""
    return HandEyeSpec(
        mounting=found.mounting,
        camera=pose_spec(found.camera_in_hand),
        target=pose_spec(found.target_in_base),
        spread_m=_short(found.spread_m),
        held_out_m=_short(found.held_out_m),
        error_px=_short(found.error_px),
        poses=len(found.used),
    )


def hand_eye_of_streams(found: StreamFit) -> HandEyeSpec:
    """A hand-eye calibration from streams as it is kept."""
    fit = found.hand_eye
    return HandEyeSpec(
        mounting=found.mounting,
        camera=pose_spec(fit.camera_in_hand),
        target=pose_spec(fit.target_in_base),
        delay_s=_short(fit.delay_s),
        depth_ratio=_short(fit.depth_ratio),
        spread_m=_short(found.spread_m),
        held_out_m=_short(found.held_out_m),
        poses=int(fit.agrees.sum()),
    )


def plane_spec(found: PlaneScale) -> PlaneSpec:
    """The scale of a plane as it is kept."""
    a, b, c, d, e, f, g, h, i = map(_short, found.plane_from_pixel.ravel())
    return PlaneSpec(
        model=found.model,
        pixel_m=_short(found.pixel_m),
        plane_from_pixel_ratios=(a, b, c, d, e, f, g, h, i),
        error_m=_short(found.error_m),
        images=len(found.used),
    )


def matrices_of(spec: IntrinsicsSpec) -> tuple[Floats, Floats]:
    """Camera matrix (3, 3) and distortion (5,) of kept optics."""
    cx, cy = spec.centre_px
    matrix = np.array(((spec.focal_x_px, 0.0, cx), (0.0, spec.focal_y_px, cy), (0.0, 0.0, 1.0)))
    return matrix, np.array(spec.distortion_ratios)


def pose_spec(transform: Floats) -> PoseSpec:
    """A (4, 4) transform as a description has it."""
    x, y, z = map(_short, transform[:3, 3])
    roll, pitch, yaw = map(_short, Rotation.from_matrix(transform[:3, :3]).as_euler("xyz"))
    return PoseSpec(xyz_m=(x, y, z), rpy_rad=(roll, pitch, yaw))


def write(calibration: Calibration, path: Path) -> None:
    """Write a calibration as YAML; the same calibration makes the same bytes."""
    import yaml

    data: dict[str, Any] = calibration.model_dump(mode="json", exclude_none=True, exclude_defaults=False)
    head = ("kind", "name", "summary", "serial", "made", "valid_until")
    ordered = {key: data[key] for key in (*head, *(k for k in data if k not in head)) if data[key] != ""}
    # Dates unquoted, as people write them.
    ordered |= {key: date.fromisoformat(data[key]) for key in ("made", "valid_until")}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(ordered, sort_keys=False, width=120, default_flow_style=None), encoding="utf-8")


def _short(value: Any) -> float:
    return float(f"{float(value):.{DIGITS}g}")
