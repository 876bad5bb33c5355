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
    marks = visibility_at_best_turn(view, part, seen.part_in_cell) if part.marks else 1.0
    return min(shares) * (0.3 + 0.7 * min(1.0, max(0.0, marks)))
