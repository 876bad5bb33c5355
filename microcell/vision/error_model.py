"""How far readings are from the truth: statistics of the measuring, and readings drawn with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Chances:
    """Where errors are drawn from: `part` begins anew with each look at the same thing, `look` never does."""

    part: Random
    look: Random


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of reading minus truth, in the reading's unit.

    `repeat_sd` is how far readings of the same part under the same light scatter; the rest of `sd` stays with the part, its
    place and its light.
    """

    bias: float
    sd: float
    repeat_sd: float

    def drawn(self, chances: Chances) -> float:
        """An error."""
        own_sd = math.sqrt(max(0.0, self.sd**2 - self.repeat_sd**2))
        return self.bias + chances.part.gauss(0.0, own_sd) + chances.look.gauss(0.0, self.repeat_sd)

    def around(self, truth: float, chances: Chances) -> float:
        """A reading of a quantity that is never negative."""
        return abs(truth + self.drawn(chances))


@dataclass(frozen=True)
class ErrorStatistics:
    """Errors of every check kind and of locating, as measured on rendered images.

    `flaw_found` is the probability that a flaw is seen at all, `flaw_invented` that a clean top shows one.
    `code_read` are pairs of contrast and probability, rising in contrast. `exposure_levels` are the lowest
    and highest exposure, of the one that the light is set up for, whose images can be used.
    """

    presence: Spread
    absence: Spread
    position_m: Spread
    orientation_rad: Spread
    colour: Spread
    surface_m: Spread
    outline_m: Spread
    flaw_found: float
    flaw_invented: float
    code_read: tuple[tuple[float, float], ...]
    locate_m: Spread
    locate_rad: Spread
    exposure_levels: tuple[float, float]

    def code_probability(self, contrast: float) -> float:
        """Probability that a code of a contrast is read, linear between the measured contrasts."""
        below, *rest = self.code_read
        for above in rest:
            if contrast <= above[0]:
                share = (contrast - below[0]) / (above[0] - below[0])
                return below[1] + max(0.0, share) * (above[1] - below[1])
            below = above
        return below[1]
