"""Streams of an arm's hand and of a camera that sees a target, with noise, outliers, gaps, and clocks that do not agree."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from microcell.vision.calibration.streams import PoseStream
from microcell.vision.calibration.transforms import assembled, inverse, of_twist

CAMERA_IN_HAND = of_twist(np.array([0.4, -1.1, 0.3, 0.035, -0.052, 0.081]))
TARGET_IN_BASE = of_twist(np.array([0.05, -0.1, 1.2, 0.62, -0.21, 0.01]))
EPOCH_S = 1_487_000_000.0


def hands(times_s: np.ndarray, seed: int = 3, axes: int = 3) -> np.ndarray:
    """A smooth motion above the target, turning about so many axes by up to 0.7 rad."""
    rng = np.random.default_rng(seed)
    waves = rng.uniform(0.05, 0.35, (6, 3)), rng.uniform(0.0, 6.28, (6, 3))
    swings = np.sin(2.0 * np.pi * waves[0] * times_s[:, None, None] + waves[1]).mean(axis=2)
    turns = 1.1 * swings[:, :3] * (np.arange(3) < axes)
    turned = Rotation.from_rotvec(turns) * Rotation.from_rotvec([3.0, 0.2, 0.0])
    return assembled(turned, 0.3 * swings[:, 3:] + [0.5, 0.0, 0.9])


def recorded(
    delay_s: float = 0.0,
    seconds: float = 30.0,
    noise: float = 1.0,
    outliers: float = 0.0,
    seed: int = 3,
    axes: int = 3,
    depth_ratio: float = 1.0,
    gap: bool = False,
) -> tuple[PoseStream, PoseStream]:
    """hand_in_base at 50 Hz and target_in_camera at 20 Hz, whose times are `delay_s` too early.

    Noise 1 is 2 mrad and 1 mm, and 3 mm of depth.
    """  # fmt: skip
    rng = np.random.default_rng(seed)
    hand_s = np.arange(0.0, seconds, 0.02)
    seen_s = np.arange(0.4, seconds - 0.4, 0.05) + rng.uniform(0.0, 0.002)
    if gap:
        seen_s = seen_s[(seen_s < 0.4 * seconds) | (seen_s > 0.5 * seconds)]
    seen = inverse(hands(seen_s, seed, axes) @ CAMERA_IN_HAND) @ TARGET_IN_BASE
    seen[:, :3, :3] = (Rotation.from_rotvec(rng.normal(0, 0.002 * noise, (len(seen), 3))).as_matrix()) @ seen[:, :3, :3]
    seen[:, :3, 3] += rng.normal(0.0, noise * np.array([0.001, 0.001, 0.003]), (len(seen), 3))
    seen[:, 2, 3] /= depth_ratio
    wrong = rng.random(len(seen)) < outliers
    seen[wrong, :3, :3] = Rotation.random(wrong.sum(), random_state=1).as_matrix()
    seen[wrong, :3, 3] += rng.uniform(-0.3, 0.3, (wrong.sum(), 3))
    return PoseStream(EPOCH_S + hand_s, hands(hand_s, seed, axes)), PoseStream(EPOCH_S + seen_s - delay_s, seen)
