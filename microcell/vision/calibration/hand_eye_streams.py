"""Hand-eye calibration from two streams of poses that were recorded while the arm moved, each with its own clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from microcell.errors import CalibrationError
from microcell.vision.calibration.hand_eye import HandEye, check_motion, deeper, disagreement, refined, refuse_misfit, search
from microcell.vision.calibration.streams import PoseStream, delay_of
from microcell.vision.calibration.transforms import inverse

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.calibration.transforms import Floats

    Flags = npt.NDArray[np.bool_]

Mounting = Literal["in_hand", "to_hand"]
"""Camera on the hand; or beside the arm, with the target on the hand."""

Meaning = Literal["target_in_camera", "camera_in_target"]

WINDOW_S = 0.5
"""Samples within it make one place of the target, as at a stop of the arm a camera would average over as many images."""

LEAST_SAMPLES = 30
FOLDS = 4

_MARGIN_S = 0.1
"""So far the delay may still change while it is refined."""

_LEAST_IN_WINDOW = 3
_GAIN = 1.02
"""A wrong depth is believed where what was held out fits better with it by this factor."""


@dataclass(frozen=True)
class StreamFit:
    """What two streams say.

    Spreads are root mean square distances of the target's places (in the base) from their mean, m: `sample_spread_m` over
    the single samples that agree, `spread_m` over their means in windows of `WINDOW_S`. `held_out_m` is as `spread_m`, of
    stretches of time that the calibration had not seen, about the target's place as it was found without them. `times_s`
    (n,) are the samples', from the first of all.
    """

    hand_eye: HandEye
    mounting: Mounting
    read_as: Meaning
    samples: int
    times_s: Floats
    spread_m: float
    sample_spread_m: float
    all_samples_spread_m: float
    held_out_m: float


def calibrate_streams(
    hand: PoseStream, camera: PoseStream, mounting: Mounting = "in_hand", read_as: Meaning | None = None, seed: int = 0
) -> StreamFit:
    """Find camera, target and the camera's delay from hand_in_base and the poses that a tracker of a target gave.

    Without `read_as`, both meanings of the tracker's poses are tried: the wrong one does not fit at all, unless the mounting
    is wrong too, for then both errors cancel. Outliers up to a third of the samples are found and left out.
    `CalibrationError` where the streams do not belong together, overlap too little, or turn too little.
    """
    # Near 0 times have the resolution that derivatives by the delay need; seconds since 1970 have not.
    origins_s = float(hand.times_s[0]), float(camera.times_s[0])
    hand, camera = hand.earlier(origins_s[0]), camera.earlier(origins_s[1])
    delay_s = delay_of(camera, hand)
    camera = camera.taken(_covered(hand, camera, delay_s))
    if len(camera.times_s) < LEAST_SAMPLES:
        raise CalibrationError(
            f"{len(camera.times_s)} camera poses lie within the hand's times, {LEAST_SAMPLES} are needed: record longer."
        )
    samples = _Samples(hand, camera, mounting)
    check_motion(samples.hands_at(delay_s))
    meaning, start = _read(samples, delay_s, read_as, seed)
    samples = samples.read_as(meaning)
    judged = min(
        (_judged(samples, start, delay_s, meaning, with_depth) for with_depth in (False, True)),
        key=lambda fit: fit.held_out_m * (1.0 if fit.hand_eye.depth_ratio == 1.0 else _GAIN),
    )
    fit = judged.hand_eye
    refuse_misfit(judged.spread_m, samples.targets, fit.agrees, lambda: "")
    return replace(judged, hand_eye=replace(fit, delay_s=fit.delay_s + origins_s[0] - origins_s[1]))


@dataclass(frozen=True)
class _Samples:
    """Camera poses with the means to get the hand's at the same times."""

    hand: PoseStream
    camera: PoseStream
    mounting: Mounting

    @property
    def targets(self) -> Floats:
        return self.camera.poses

    def hands_at(self, delay_s: float) -> Floats:
        hands, _ = self.hand.at(self.camera.times_s + delay_s)
        return hands if self.mounting == "in_hand" else inverse(hands)

    def taken(self, chosen: Flags) -> _Samples:
        return replace(self, camera=self.camera.taken(chosen))

    def read_as(self, meaning: Meaning) -> _Samples:
        if meaning == "target_in_camera":
            return self
        return replace(self, camera=PoseStream(self.camera.times_s, inverse(self.camera.poses)))


def _covered(hand: PoseStream, camera: PoseStream, delay_s: float) -> Flags:
    """Camera samples at whose times, and a little before and after, the hand is known."""
    known = [hand.at(camera.times_s + delay_s + margin)[1] for margin in (-_MARGIN_S, 0.0, _MARGIN_S)]
    covered: Flags = np.all(known, axis=0)
    return covered


def _read(samples: _Samples, delay_s: float, said: Meaning | None, seed: int) -> tuple[Meaning, Floats]:
    """The meaning of the camera's poses and a first camera_in_hand."""
    hands = samples.hands_at(delay_s)
    found: list[tuple[float, Meaning, Floats]] = []
    meanings: tuple[Meaning, ...] = (said,) if said else ("target_in_camera", "camera_in_target")
    for meaning in meanings:
        targets = samples.read_as(meaning).targets
        start = search(hands, targets, np.random.default_rng(seed))
        found.append((disagreement(hands, targets, start), meaning, start))
    _, meaning, start = min(found, key=lambda one: one[0])
    return meaning, start


def _judged(samples: _Samples, start: Floats, delay_s: float, meaning: Meaning, with_depth: bool) -> StreamFit:
    """The fit with its spreads, and with those of stretches that were held out."""
    fit = refined(samples.hands_at, samples.targets, start, delay_s, with_depth)
    everything = _places(samples, fit)
    windows = _windows(samples.camera.times_s)
    held_out = [_held_out(samples, fit, windows, fold, with_depth) for fold in range(FOLDS)]
    return StreamFit(
        hand_eye=fit,
        mounting=samples.mounting,
        read_as=meaning,
        samples=len(everything),
        times_s=samples.camera.times_s,
        spread_m=_about(_fused(everything, windows, fit.agrees)),
        sample_spread_m=_about(everything[fit.agrees]),
        all_samples_spread_m=_about(everything),
        held_out_m=float(np.sqrt(np.mean(np.concatenate(held_out)))),
    )


def _held_out(samples: _Samples, fit: HandEye, windows: npt.NDArray[np.intp], fold: int, with_depth: bool) -> Floats:
    """Squared distances of the fused places of one stretch from the target as the other stretches say, m2."""
    inside = windows * FOLDS // (windows[-1] + 1) == fold
    others = samples.taken(~inside & fit.agrees)
    without = refined(others.hands_at, others.targets, fit.camera_in_hand, fit.delay_s, with_depth)
    fused = _fused(_places(samples, without), windows, inside & fit.agrees)
    distances: Floats = np.sum((fused - without.target_in_base[:3, 3]) ** 2, axis=1)
    return distances


def _places(samples: _Samples, fit: HandEye) -> Floats:
    """(n, 3) places of the target in the base, m."""
    seen = deeper(samples.targets, fit.depth_ratio)
    places: Floats = (samples.hands_at(fit.delay_s) @ fit.camera_in_hand @ seen)[:, :3, 3]
    return places


def _windows(times_s: Floats) -> npt.NDArray[np.intp]:
    """The number of each sample's window."""
    return ((times_s - times_s[0]) / WINDOW_S).astype(np.intp)


def _fused(places: Floats, windows: npt.NDArray[np.intp], chosen: Flags) -> Floats:
    """Means of the chosen places in each window that has enough of them, (m, 3)."""
    numbers, counts = np.unique(windows[chosen], return_counts=True)
    kept = numbers[counts >= _LEAST_IN_WINDOW]
    means = [places[chosen & (windows == number)].mean(axis=0) for number in kept]
    return np.array(means).reshape(-1, 3) if means else places[chosen]


def _about(places: Floats) -> float:
    """Root mean square distance from the mean, m."""
    return float(np.sqrt(np.mean(np.sum((places - places.mean(axis=0)) ** 2, axis=1))))
