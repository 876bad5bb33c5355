"""Poses with times, of two devices whose clocks need not agree: read, compared by how fast they turn, brought together."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import fftconvolve
from scipy.spatial.transform import Rotation, Slerp

from microcell.errors import CalibrationError
from microcell.vision.calibration.transforms import assembled, turns_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.calibration.transforms import Floats

    Flags = npt.NDArray[np.bool_]

GAP_S = 0.25
"""Over a longer gap between two samples nothing is interpolated."""

_GRID_S = 0.01
_HALF_S = 0.08
"""Half of the time over which a rate is taken: long against a camera's period, short against a motion."""

_MOST_RAD_S = 4.0
"""No arm turns its hand faster during a calibration."""

_LEAST_LIKENESS = 0.4
_LEAST_OVERLAP_S = 5.0


@dataclass(frozen=True)
class PoseStream:
    """Poses at rising times: (n,) s and (n, 4, 4)."""

    times_s: Floats
    poses: Floats

    @property
    def name(self) -> str:
        """What it spans, for messages."""
        return f"{len(self.times_s)} poses over {self.times_s[-1] - self.times_s[0]:.1f} s"

    def at(self, times_s: Floats) -> tuple[Floats, Flags]:
        """Poses at other times, (m, 4, 4), and which of them lie within the stream and over no gap."""
        clipped = np.clip(times_s, self.times_s[0], self.times_s[-1])
        after = np.clip(np.searchsorted(self.times_s, clipped), 1, len(self.times_s) - 1)
        near = self.times_s[after] - self.times_s[after - 1] <= GAP_S
        turned = self._turning(clipped)
        places = np.stack([np.interp(clipped, self.times_s, self.poses[:, k, 3]) for k in range(3)], axis=1)
        return assembled(turned, places), near & (clipped == times_s)

    @cached_property
    def _turning(self) -> Slerp:
        return Slerp(self.times_s, Rotation.from_matrix(self.poses[:, :3, :3]))

    def earlier(self, by_s: float) -> PoseStream:
        """The same with earlier times."""
        return PoseStream(self.times_s - by_s, self.poses)

    def taken(self, chosen: Flags | npt.NDArray[np.intp] | slice) -> PoseStream:
        """Some of the samples."""
        return PoseStream(self.times_s[chosen], self.poses[chosen])


def read_stream(path: Path) -> PoseStream:
    """Read `time, x, y, z, qx, qy, qz, qw` (s, m), one sample a line; a first line that holds names is passed over.

    `CalibrationError` names the line of what cannot be read. Samples are put in the order of their times.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [_row(path, number, row) for number, row in enumerate(csv.reader(file), 1) if _has_numbers(number, row)]
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"'{path}' cannot be read: {error}") from error
    if len(rows) < 2:
        raise CalibrationError(f"'{path}' holds {len(rows)} poses: lines of time, x, y, z, qx, qy, qz, qw are needed.")
    table = np.array(sorted(rows))
    table = table[np.concatenate(([True], np.diff(table[:, 0]) > 0.0))]
    return PoseStream(table[:, 0], assembled(Rotation.from_quat(table[:, 4:8]), table[:, 1:4]))


def read_pose(path: Path, number: int, row: list[str]) -> Floats:
    """The (4, 4) pose of a line's x, y, z, qx, qy, qz, qw (m); `CalibrationError` names the line."""
    values = _numbers(path, number, row, ("x", "y", "z", "qx", "qy", "qz", "qw"))
    return assembled(Rotation.from_quat(values[3:]), values[:3])[0]


def delay_of(camera: PoseStream, hand: PoseStream) -> float:
    """What is to be added to the camera's times so that both turn at the same times, s, to about 10 ms.

    By the correlation of how fast they turn, which no frame of either changes (Furrer et al., "Evaluation of combined
    time-offset estimation and hand-eye calibration on robotic datasets", 2017), over all delays at which they overlap.
    `CalibrationError` where at none they turn alike.
    """
    (a, seen), (b, known) = _rates(hand), _rates(_without_jumps(camera))
    likeness = _correlation(a, seen, b, known)
    best = int(np.argmax(likeness))
    if likeness[best] < _LEAST_LIKENESS:
        raise CalibrationError(
            f"the camera ({camera.name}) and the hand ({hand.name}) never turn alike (likeness "
            f"{max(0.0, likeness[best]):.2f} of 1): are they of the same motion? "
            "Turn the hand briskly, now and then, about several axes, for 30 s or more."
        )
    shift = best - (len(b) - 1) + _peak_offset(likeness, best)
    return float(hand.times_s[0] + shift * _GRID_S - camera.times_s[0])


def _without_jumps(stream: PoseStream) -> PoseStream:
    """The stream without poses from which most of the neighbours could be reached by no arm: a board that was misread."""
    rotations, count = stream.poses[:, :3, :3], len(stream.times_s)
    rates = np.full((6, count), np.nan)
    for row, step in enumerate((-3, -2, -1, 1, 2, 3)):
        near = np.clip(np.arange(count) + step, 0, count - 1)
        turns = np.linalg.norm(turns_of(np.swapaxes(rotations, 1, 2) @ rotations[near]), axis=1)
        apart_s = np.abs(stream.times_s[near] - stream.times_s)
        rates[row] = np.where(apart_s > 0.0, turns / np.maximum(apart_s, 1e-6), np.nan)
    calm = np.nanmedian(rates, axis=0) <= _MOST_RAD_S
    return stream.taken(calm) if calm.sum() >= 2 else stream


def _rates(stream: PoseStream) -> tuple[Floats, Flags]:
    """How fast a stream turns on an even grid from its first time on, rad/s, and where that is known."""
    length = int((stream.times_s[-1] - stream.times_s[0]) / _GRID_S)
    if not 2 * _HALF_S < length * _GRID_S < 24 * 3600.0:
        raise CalibrationError(f"{stream.name}: between one second and a day of poses, with times in s, can be compared.")
    times = stream.times_s[0] + _GRID_S * np.arange(length)
    (before, there), (after, here) = stream.at(times - _HALF_S), stream.at(times + _HALF_S)
    relative = np.swapaxes(before[:, :3, :3], 1, 2) @ after[:, :3, :3]
    rates = Rotation.from_matrix(relative).magnitude() / (2.0 * _HALF_S)
    known = there & here
    limit = np.quantile(rates[known], 0.98) if known.any() else 0.0
    return np.minimum(rates, limit), known


def _correlation(a: Floats, seen: Flags, b: Floats, known: Flags) -> Floats:
    """Pearson's correlation of two series for every shift of b over a, over what is known of both; -1 for too little."""
    reverse = known[::-1].astype(float)
    mask, x, y = seen.astype(float), a * seen, (b * known)[::-1]

    def over(p: Floats, q: Floats) -> Floats:
        return np.asarray(fftconvolve(p, q), float)

    count = over(mask, reverse)
    enough = count >= min(_LEAST_OVERLAP_S / _GRID_S, 0.5 * min(seen.sum(), known.sum()))
    if not enough.any() or count.max() < 1.0:
        return np.full(len(count), -1.0)
    n = np.maximum(count, 1.0)
    sum_x, sum_y = over(x, reverse), over(mask, y)
    product = over(x, y) - sum_x * sum_y / n
    spread_x = np.maximum(over(x * x, reverse) - sum_x**2 / n, 1e-9)
    spread_y = np.maximum(over(mask, y * y) - sum_y**2 / n, 1e-9)
    likeness = product / np.sqrt(spread_x * spread_y)
    # A short overlap can agree by chance: it counts less.
    return np.where(enough, likeness * np.sqrt(np.clip(count / (0.8 * count.max()), 0.0, 1.0)), -1.0)


def _peak_offset(values: Floats, best: int) -> float:
    """Where between the neighbours the peak lies, by a parabola, in steps."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, middle, right = values[best - 1 : best + 2]
    bend = left - 2.0 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0.0 else 0.0


def _has_numbers(number: int, row: list[str]) -> bool:
    """Whether a line is to be read: not empty, no comment, not a first line of names."""
    if not row or not "".join(row).strip() or row[0].lstrip().startswith("#"):
        return False
    return number > 1 or _is_number(row[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _row(path: Path, number: int, row: list[str]) -> tuple[float, ...]:
    return _numbers(path, number, row, ("time", "x", "y", "z", "qx", "qy", "qz", "qw"))


def _numbers(path: Path, number: int, row: list[str], names: tuple[str, ...]) -> tuple[float, ...]:
    """A line's numbers, the last four a unit quaternion; `CalibrationError`."""
    words = [word for word in row if word.strip()]
    if len(words) != len(names) or not all(map(_is_number, words)):
        raise CalibrationError(f"{path}:{number}: {len(names)} numbers are needed: {', '.join(names)} (s, m).")
    values = tuple(map(float, words))
    length = math.hypot(*values[-4:])
    if not all(map(math.isfinite, values)) or not 0.99 < length < 1.01:
        raise CalibrationError(f"{path}:{number}: qx, qy, qz, qw are no unit quaternion (length {length:.3f}).")
    return values
