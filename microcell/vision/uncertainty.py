"""How uncertain a pose is, from its covariance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class WithCovariance:
    """A result with a pose's `covariance`, (6, 6): shift in m, then a rotation vector in rad."""

    covariance: npt.NDArray[np.floating[Any]]

    @property
    def sd_m(self) -> float:
        """Of the position, the root of the summed variances."""
        return math.sqrt(float(np.trace(self.covariance[:3, :3])))

    @property
    def sd_rad(self) -> float:
        """Of the turn, likewise."""
        return math.sqrt(float(np.trace(self.covariance[3:, 3:])))
