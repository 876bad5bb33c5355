"""Which of the known parts lies in a place, by outline, colour and marks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from microcell.description.extents import half_extents
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.colour import OWN_DELTA_E, lab_of, to_lab
from microcell.vision.find import find
from microcell.vision.marks import visibility_at_best_turn
from microcell.vision.outline import face, rim
from microcell.vision.view import View

MIN_LIKENESS_RATIO = 0.5
"""Under it, nothing that is known lies there."""

SURE_RATIO = 0.1
"""Two parts whose likenesses lie nearer to each other are not told apart."""

UNMARKED_RATIO = 0.85
"""A part without marks is never quite sure: one that has marks, and shows them, is preferred."""

MARKS_SEEN = (0.1, 0.5)
"""Mean visibility of marks that are not there at all, and of marks that surely are."""


def likenesses(view: View, parts: Mapping[str, Part], part_in_cell: Pose) -> dict[str, float]:
    """How much what lies near a place looks like each part, 0 to 1, best first."""
    found = {name: likeness(view, part, part_in_cell) for name, part in parts.items()}
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def likeness(view: View, part: Part, part_in_cell: Pose) -> float:
    """The share of a part's rim and face that shows its own colour, less where its marks are missing or others are seen."""
    seen = find(view, part, part_in_cell, max(half_extents(part)))
    if seen is None:
        return 0.0
    own = lab_of(part.colour_rgb)
    shares = []
    for points in (rim(part), face(part)):
        labs = to_lab(view.colours(view.on_top(part, seen.part_in_cell, points)))
        shares.append(float(np.mean(np.linalg.norm(labs - own, axis=1) <= OWN_DELTA_E)))
    return min(shares) * (_marks_ratio(view, part, seen.part_in_cell) if part.marks else UNMARKED_RATIO)


def _marks_ratio(view: View, part: Part, pose: Pose) -> float:
    """How sure it is that the part's marks are there: 0.3 without them, 1 when they are seen as far as marks mostly are."""
    low, high = MARKS_SEEN
    seen = visibility_at_best_turn(view, part, pose)
    return 0.3 + 0.7 * float(np.clip((seen - low) / (high - low), 0.0, 1.0))
