"""Where in an image a check looks, and where in the cell its findings are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.extents import top_m
from microcell.vision.optics import Optics, placed
from microcell.vision.outline import polygon
from microcell.vision.requests import CheckRequest
from microcell.vision.results import Finding

if TYPE_CHECKING:
    from microcell.vision.optics import Floats

Box = tuple[float, float, float, float]


def outline_px(request: CheckRequest, camera: CameraSpec) -> Floats:
    """(n, 2) pixels of the requested part's outline at its nominal pose."""
    corners = polygon(request.part, 0.0005)
    heights = np.full((len(corners), 1), top_m(request.part))
    return Optics.of(camera).project(placed(request.part_in_cell, np.hstack((corners, heights))))


def box_px(request: CheckRequest, camera: CameraSpec) -> Box:
    """x_min, y_min, x_max, y_max around that outline; the whole image where the camera does not look at it."""
    corners = outline_px(request, camera)
    if not np.all(np.isfinite(corners)):
        return 0.0, 0.0, float(camera.width_px), float(camera.height_px)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def located(finding: Finding, request: CheckRequest, camera: CameraSpec) -> Finding:
    """A finding with its place in the cell's frame, at the height of the part's top, and its size in m."""
    optics, height_m = Optics.of(camera), request.part_in_cell.position[2] + top_m(request.part)
    size_m = finding.size_m
    if size_m is None:
        size_m = finding.size_px / optics.scale_px_m(height_m)
    x_m, y_m = optics.unproject(finding.centre_px, height_m)
    return replace(finding, centre_m=(float(x_m), float(y_m)), size_m=float(size_m))
