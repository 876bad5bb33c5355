"""Where a part lies in an image, against its golden image: shift, turn and scale to a fraction of a pixel.

Coarse: the golden image's structure is turned through the permitted angles and correlated at low resolution. Fine:
Gauss-Newton on the golden image's strongest edge points with the light's gain and offset as unknowns and robust weights
(inverse compositional: Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 2004), from coarse to full resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Grey = npt.NDArray[np.float32]

COARSE_PX = 96
"""Longer side of the image in which the coarse search is made."""

MAX_POINTS = 4000
"""Edge points that the fine adjustment uses; more do not make it better, only slower."""

_ANGLE_STEP_RAD = math.radians(6.0)
_SCALE_STEP = 1.06
_CANDIDATES = 3
_ITERATIONS = 15
_SURE_QUALITY = 0.9
"""A first candidate this good needs no second."""

_CORRELATED_PIXELS = 12.0
"""Neighbouring points share noise by smoothing and interpolation: so many count as one (test_registration.py)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may differ between an image and the golden one."""

    shift_ratio: float = 0.35
    """Greatest shift, of the longer side."""
    angle_rad: float = math.radians(20.0)
    scale_ratio: float = 1.05
    """Greatest scale; the least is its inverse. With 1, the scale is not looked for."""
    min_quality: float = 0.5


@dataclass(frozen=True)
class Registration:
    """How a golden image lies in an image.

    `image_from_golden` is (2, 3): pixels of the golden image to pixels of the image. `shift_px` is that of the golden
    image's centre. The `sd_` are one standard deviation. `quality` is the correlation of the two images at the golden
    image's edges, less what lies outside of the image: 1 is perfect; under `Reach.min_quality`, `found` is False.
    """

    image_from_golden: Floats
    shift_px: tuple[float, float]
    angle_rad: float
    scale: float
    sd_px: float
    sd_rad: float
    sd_scale: float
    quality: float
    found: bool

    def rectified(self, image: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
        """The image laid over the golden one; `size` is (width, height). Outside, the edge is repeated."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid: npt.NDArray[Any] = cv2.warpAffine(
            image, self.image_from_golden, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return laid

    def to_image(self, points_px: Floats) -> Floats:
        """(n, 2) pixels of the golden image in the image."""
        return points_px @ self.image_from_golden[:, :2].T + self.image_from_golden[:, 2]


def grey(image: npt.NDArray[Any]) -> Grey:
    """Brightness of a mono or RGB image of 8 or 16 bit, (h, w) float32, 0 to 255."""
    mono = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    values = np.ascontiguousarray(mono, np.float32)
    return values / np.float32(257.0) if image.dtype == np.uint16 else values


def register(image: npt.NDArray[Any], golden: npt.NDArray[Any], reach: Reach | None = None) -> Registration:
    """Find the golden image in an image of the same scene; both mono or RGB, of any size."""
    return Registrar(golden, reach).register(image)


class Registrar:
    """A golden image prepared for registering many others against it."""

    def __init__(self, golden: npt.NDArray[Any], reach: Reach | None = None) -> None:
        self.reach = reach or Reach()
        self._golden = grey(golden)
        self._shape = self._golden.shape
        self._turned = list(self._turned_structures())
        self._levels = [_Level.of(self._golden, factor, self.reach.scale_ratio > 1.0) for factor in _factors(self._shape)]

    def register(self, image: npt.NDArray[Any]) -> Registration:
        """Find the golden image in an image."""
        values = grey(image)
        smooth = {level.factor: _shrunk(values, level.factor) for level in self._levels}
        first = self._levels[0]
        best: _Fit | None = None
        for start in self._coarse(values):
            fit = first.fit(smooth[first.factor], start)
            if best is None or fit.quality > best.quality:
                best = fit
            if best.quality >= _SURE_QUALITY:
                break
        if best is None:
            return self._result(_Fit(np.eye(2, 3), np.full(4, math.inf), 0.0))
        for level in self._levels[1:]:
            best = level.fit(smooth[level.factor], best.transform)
        return self._result(best)

    def refined(self, image: npt.NDArray[Any], start: Floats) -> Registration:
        """From a transform that is right to a few pixels; the reach is not asked, but for the quality."""
        values = grey(image)
        best = _Fit(start, np.full(4, math.inf), 0.0)
        for level in self._levels[-2:]:
            best = level.fit(_shrunk(values, level.factor), best.transform)
        result = self._result(best)
        return replace(result, found=result.quality >= self.reach.min_quality)

    def _turned_structures(self) -> Any:
        """The golden structure at low resolution, turned and scaled, with the transform that did it."""
        factor = _coarse_factor(self._shape)
        structure = _structure(_shrunk(self._golden, factor))
        height, width = structure.shape
        turns = round(min(self.reach.angle_rad, math.pi) / _ANGLE_STEP_RAD)
        sizes = round(math.log(self.reach.scale_ratio) / math.log(_SCALE_STEP))
        for turn in range(-turns, turns + 1):
            for size in range(-sizes, sizes + 1):
                angle, scale = turn * _ANGLE_STEP_RAD, _SCALE_STEP**size
                matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -math.degrees(angle), scale)
                turned = cv2.warpAffine(structure, matrix, (width, height))
                yield matrix, turned, float(np.linalg.norm(turned)) + 1e-6

    def _coarse(self, values: Grey) -> list[Floats]:
        """The likeliest transforms, best first."""
        factor = _coarse_factor(self._shape)
        structure = _structure(_shrunk(values, factor))
        height, width = self._turned[0][1].shape
        pad = max(2, round(self.reach.shift_ratio * max(height, width)))
        bottom, right = (max(0, g - s) for g, s in zip((height, width), structure.shape, strict=True))
        padded = cv2.copyMakeBorder(structure, pad, pad + bottom, pad, pad + right, cv2.BORDER_CONSTANT, value=0.0)
        found = []
        for matrix, turned, norm in self._turned:
            scores = cv2.matchTemplate(padded, turned, cv2.TM_CCORR)
            _, score, _, (x, y) = cv2.minMaxLoc(scores)
            found.append((score / norm, matrix, (x - pad, y - pad)))
        found.sort(key=lambda entry: -entry[0])
        return [_enlarged(_moved(matrix, shift), factor) for _, matrix, shift in found[:_CANDIDATES]]

    def _result(self, fit: _Fit) -> Registration:
        matrix = fit.transform
        height, width = self._shape
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = matrix[:, :2] @ centre + matrix[:, 2] - centre
        scale = math.hypot(matrix[0, 0], matrix[1, 0])
        angle = math.atan2(matrix[1, 0], matrix[0, 0])
        found = fit.quality >= self.reach.min_quality and self._permits(shift, angle, scale)
        return Registration(
            matrix, (float(shift[0]), float(shift[1])), angle, scale, float(math.hypot(fit.sd[0], fit.sd[1])),
            float(fit.sd[3]), float(fit.sd[2]), fit.quality, found,
        )  # fmt: skip

    def _permits(self, shift: Floats, angle: float, scale: float) -> bool:
        """Whether the result lies within the reach, with a step of the coarse search to spare."""
        return (
            float(np.abs(shift).max()) <= 1.1 * self.reach.shift_ratio * max(self._shape) + 2.0
            and abs(angle) <= self.reach.angle_rad + _ANGLE_STEP_RAD
            and abs(math.log(max(scale, 1e-6))) <= math.log(self.reach.scale_ratio * _SCALE_STEP)
        )


@dataclass(frozen=True)
class _Fit:
    """A transform in full pixels, the deviations of (tx, ty, scale, angle), and its quality."""

    transform: Floats
    sd: Floats
    quality: float


@dataclass(frozen=True)
class _Level:
    """The golden image's edge points at one resolution."""

    factor: float
    points: Floats
    values: Floats
    jacobian: Floats
    centre: Floats

    @classmethod
    def of(cls, golden: Grey, factor: float, scaling: bool) -> _Level:
        small = _shrunk(golden, factor)
        gx, gy = (cv2.Scharr(small, cv2.CV_32F, *axes) / 32.0 for axes in ((1, 0), (0, 1)))
        edge = cv2.magnitude(gx, gy)
        edge[[0, -1]] = 0.0
        edge[:, [0, -1]] = 0.0
        count = min(MAX_POINTS, edge.size // 2)
        chosen = np.argpartition(edge.ravel(), -count)[-count:]
        y, x = np.unravel_index(chosen, edge.shape)
        centre = np.array([(small.shape[1] - 1) / 2, (small.shape[0] - 1) / 2])
        dx, dy = x - centre[0], y - centre[1]
        ix, iy = (g[y, x].astype(np.float64) for g in (gx, gy))
        jacobian = np.stack((ix, iy, (ix * dx + iy * dy) * scaling, iy * dx - ix * dy), axis=1)
        return cls(factor, np.stack((x, y), 1).astype(np.float64), small[y, x].astype(np.float64), jacobian, centre)

    def fit(self, image: Grey, start: Floats) -> _Fit:
        """Adjust a transform (full pixels) to an image of this level's resolution."""
        matrix = _enlarged(start, 1.0 / self.factor)
        normal, spread, inside, seen = np.eye(6), math.inf, 0.0, self.values
        for _ in range(_ITERATIONS):
            seen, valid = _sampled(image, self.points @ matrix[:, :2].T + matrix[:, 2])
            inside = float(valid.mean())
            if inside < 0.2:
                return _Fit(start, np.full(4, math.inf), 0.0)
            step, normal, spread = self._step(seen, valid)
            matrix = _composed(matrix, step, self.centre)
            if np.abs(step[:2]).max() < 1e-3 and np.abs(step[2:]).max() * self.centre.max() < 1e-3:
                break
        if not np.all(np.isfinite(matrix)):
            return _Fit(start, np.full(4, math.inf), 0.0)
        deviations = spread * np.sqrt(np.maximum(np.diag(np.linalg.pinv(normal))[:4], 0.0) * _CORRELATED_PIXELS)
        deviations[:2] *= self.factor
        quality = max(0.0, _correlation(self.values, seen)) * min(1.0, inside / 0.9)
        return _Fit(_enlarged(matrix, self.factor), deviations, quality)

    def _step(self, seen: Floats, valid: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, float]:
        """One Gauss-Newton step of (tx, ty, scale, angle), with its normal matrix and the residuals' spread.

        seen = gain * golden(moved by the step) + offset; gain and offset are solved for at the same time.
        """
        weight = valid.astype(np.float64)
        gain, offset = _light(self.values, seen, weight)
        residual = seen - gain * self.values - offset
        spread = 1.4826 * float(np.median(np.abs(residual[valid]))) + 1e-3
        weight *= 1.0 / (1.0 + (residual / (2.5 * spread)) ** 2)
        full = np.column_stack((gain * self.jacobian, self.values, np.ones(len(seen))))
        normal = full.T @ (full * weight[:, None])
        step: Floats = np.linalg.lstsq(normal, full.T @ (weight * residual), rcond=None)[0].astype(np.float64)
        return step[:4], normal, spread


def _factors(shape: tuple[int, ...]) -> list[float]:
    """Reductions from coarse to full: at most a factor of three each."""
    coarse = _coarse_factor(shape)
    steps = math.ceil(math.log(coarse) / math.log(3.0))
    return [*(coarse ** (1.0 - k / steps) for k in range(steps)), 1.0]


def _coarse_factor(shape: tuple[int, ...]) -> float:
    return max(1.0, max(shape) / COARSE_PX)


def _shrunk(values: Grey, factor: float) -> Grey:
    """A smoothed image of 1 / factor of the size."""
    if factor > 1.0:
        size = tuple(max(8, round(side / factor)) for side in values.shape[::-1])
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    smooth: Grey = cv2.GaussianBlur(values, (0, 0), 1.0)
    return smooth


def _structure(values: Grey) -> Grey:
    """What stands out from its surroundings, whatever the light: between about -2 and 2."""
    mean = cv2.GaussianBlur(values, (0, 0), 6.0)
    high = values - mean
    spread = np.sqrt(cv2.GaussianBlur(high * high, (0, 0), 12.0)) + 0.05 * float(values.std()) + 1.0
    structure: Grey = high / spread
    return structure


def _enlarged(matrix: Floats, factor: float) -> Floats:
    """A transform of a reduced image for the full one; pixel centres are at whole numbers in both."""
    half = (factor - 1.0) / 2.0
    offset = factor * matrix[:, 2] + half - matrix[:, :2] @ np.array([half, half])
    return np.column_stack((matrix[:, :2], offset))


def _moved(matrix: Floats, shift: tuple[int, int]) -> Floats:
    return np.column_stack((matrix[:, :2], matrix[:, 2] + np.array(shift)))


def _composed(matrix: Floats, step: Floats, centre: Floats) -> Floats:
    """The transform after a step in the golden image's frame, about its centre.

    The image at matrix(x) shows golden(x + J step): so golden's x is at matrix(x - J step), to first order.
    """
    c, s = (1.0 + step[2]) * math.cos(step[3]), (1.0 + step[2]) * math.sin(step[3])
    linear = np.linalg.inv(np.array([[c, -s], [s, c]]))
    offset = centre - linear @ (centre + step[:2])
    return np.column_stack((matrix[:, :2] @ linear, matrix[:, :2] @ offset + matrix[:, 2]))


def _sampled(image: Grey, points: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Interpolated values at (n, 2) points, and which of them lie in the image."""
    height, width = image.shape
    x, y = points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
    valid = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    sampled = cv2.remap(image, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.ravel().astype(np.float64), valid


def _light(golden: Floats, seen: Floats, weight: Floats) -> tuple[float, float]:
    """Gain and offset of the light between two sets of values."""
    total = weight.sum()
    mean_g, mean_s = (golden @ weight) / total, (seen @ weight) / total
    variance = ((golden - mean_g) ** 2) @ weight
    gain = float(((golden - mean_g) * (seen - mean_s)) @ weight / max(variance, 1e-9))
    gain = gain if gain > 0.05 else 0.05
    return gain, float(mean_s - gain * mean_g)


def _correlation(a: Floats, b: Floats) -> float:
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
