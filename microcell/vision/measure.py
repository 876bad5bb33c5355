"""Judge a unit by one image, and find a part in one: pixels in, readings out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.colours import Rgb
from microcell.description.extents import half_extents, top_m, turns_of
from microcell.description.ground import tells
from microcell.description.picture import Point, looked_at, outline
from microcell.description.product import Part
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.vision.codes import read_code
from microcell.vision.colour import is_own, lab_of, to_lab
from microcell.vision.edges import deviation
from microcell.vision.find import Found, find, find_of_any_colour, fit, turned
from microcell.vision.flaws import flaws_on
from microcell.vision.marks import turn
from microcell.vision.measuring import Sight, matches_code, reading_of
from microcell.vision.outline import NEAR_RATIO, face, reach_m, rim, turns_rad
from microcell.vision.requests import (
    LIKE_ITS_GROUND,
    NO_TURN,
    NOT_FOUND,
    OUT_OF_IMAGE,
    CheckKind,
    CheckRequest,
    Locate,
    Reading,
)
from microcell.vision.taught import judge_of
from microcell.vision.unseen import colour_doubt
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

MIN_VISIBLE_RATIO = 0.5
"""Share of the outline in its own colour that makes a found spot a part."""

_CODE_SD_PX = 0.5
"""Standard deviation of where a code is seen: its corners are told in whole pixels (0.25 to 0.6 on rendered labels)."""


def measure(
    pixels: npt.NDArray[np.uint8],
    camera: CameraSpec,
    requests: Sequence[CheckRequest],
    where: str = "camera",
    depth_m: npt.NDArray[Any] | None = None,
) -> tuple[Reading, ...]:
    """Measure every request in one image, (height, width, 3) uint8 RGB; readings in the requests' order.

    `depth_m` is (height, width), along the optical axis, NaN where nothing was measured. What each reading means stands at
    `Reading`. Raises CAMERA_UNUSABLE_IMAGE at `where`, and INSPECTION_NOT_CONFIGURED for a taught check without its model
    and a check of heights without depth.
    """
    unit = _Unit(View.of(pixels, camera, where), requests, depth_m, where)
    return tuple(_told(unit, request, _CHECKS[request.kind](unit, request)) for request in requests)


def locate(pixels: npt.NDArray[np.uint8], camera: CameraSpec, request: Locate, where: str = "camera") -> Pose:
    """Find a part near its nominal pose; its pose in the cell frame, with the nominal height.

    Where none of its colour is, another of its outline will do: that it is the wrong one, an inspection tells.
    A part with marks is found in every turn, of those that look alike the nearest to the nominal one; a box without marks
    likewise, any other keeps the nominal turn. Parts of one colour that touch are not told apart. Raises PART_NOT_FOUND,
    for a part that is cut off by the image's border too, or CAMERA_UNUSABLE_IMAGE at `where`.
    """
    view = View.of(pixels, camera, where)
    part, nominal = request.part, request.part_in_cell
    found = find(view, part, nominal, request.search_radius_m)
    if found is None or visible_ratio(view, part, found.part_in_cell, view.background_rgb) < MIN_VISIBLE_RATIO:
        found = find_of_any_colour(view, part, nominal, request.search_radius_m)
    if found is None:
        place = f"at '{request.feeder}' within {request.search_radius_m * 1000:.1f} mm"
        raise FaultError("PART_NOT_FOUND", where, f"nothing of the part's outline {place} of its place")
    if not shows(view, part, found.part_in_cell, outline(part)):
        raise FaultError("PART_NOT_FOUND", where, f"the part at '{request.feeder}' lies partly {OUT_OF_IMAGE}")
    angle = _turn_by_marks(view, part, nominal, found) if part.marks else None
    return found.part_in_cell if angle is None else turned(_at(found.part_in_cell, nominal), angle)


def _turn_by_marks(view: View, part: Part, nominal: Pose, found: Found | None, place: Pose | None = None) -> float | None:
    """Angle from the nominal turn by a part's marks, and by its sides as far as they are seen, at a place or where found."""
    at = place or (found.part_in_cell if found else nominal)
    sides = found.part_in_cell.yaw - nominal.yaw if found and turns_rad(part) is not None else None
    return turn(view, part, _at(at, nominal), sides)


def _at(place: Pose, nominal: Pose) -> Pose:
    """The nominal pose, moved to a place."""
    return Pose(place.position, nominal.orientation)


def visible_ratio(view: View, part: Part, pose: Pose, ground_rgb: Rgb) -> float:
    """Share of the points close inside the outline that have the part's own colour rather than that of its ground."""
    colours = to_lab(view.colours(view.on_top(part, pose, rim(part))))
    return float(np.mean(is_own(colours, part.colour_rgb, ground_rgb)))


def shows(view: View, part: Part, pose: Pose, points_m: Iterable[Point]) -> bool:
    """Whether points on a part's top, x and y in its frame, all lie in the image."""
    return bool(view.inside(view.on_top(part, pose, np.array(tuple(points_m)))).all())


class _Unit:
    """A unit in an image; each of its parts is looked for once."""

    def __init__(
        self, view: View, requests: Sequence[CheckRequest], depth_m: npt.NDArray[Any] | None = None, where: str = "camera"
    ) -> None:
        self.view = view
        self.sight = Sight(view, depth_m, where)
        self._requests = requests
        self._found: dict[tuple[str, str], Found | None] = {}
        self._angles: dict[tuple[str, str], float | None] = {}
        self._codes: dict[tuple[str, str], tuple[str, tuple[float, float] | None]] = {}

    def found(self, request: CheckRequest) -> Found | None:
        """Where the requested part is seen, within its own size of its place."""
        key = (request.station, request.site)
        if key not in self._found:
            radius_m = max(half_extents(request.part))
            self._found[key] = find(self.view, request.part, request.part_in_cell, radius_m, self.ground(request))
        return self._found[key]

    def ground(self, request: CheckRequest) -> Rgb:
        """Described colour of what lies beneath the requested part."""
        return request.ground_rgb or self.view.background_rgb

    def told(self, request: CheckRequest, reading: Reading) -> Reading:
        """A reading that was made by the part's colour: uncertain where that does not tell it from its ground."""
        if tells(request.part, self.ground(request)):
            return reading
        return replace(reading, text=LIKE_ITS_GROUND, uncertain=True)

    def angle(self, request: CheckRequest) -> float | None:
        """The least turn from the nominal pose after which it looks as seen, by its marks, or by its sides without any."""
        key = (request.station, request.site)
        if key not in self._angles:
            self._angles[key] = self._measured_angle(request)
        return self._angles[key]

    def pose(self, request: CheckRequest) -> Pose:
        """Where the part is seen, or its nominal pose where it is not."""
        place = self._place(request)
        angle = self.angle(request) if request.part.marks else None
        return place if angle is None else turned(_at(place, request.part_in_cell), angle)

    def above(self, request: CheckRequest) -> list[CheckRequest]:
        """One request for each other site of the station whose part lies over this one."""
        part, (x, y, z) = request.part, request.part_in_cell.position
        found: dict[str, CheckRequest] = {}
        for other in self._requests:
            ox, oy, oz = other.part_in_cell.position
            higher = oz + top_m(other.part) > z + top_m(part)
            near = math.hypot(ox - x, oy - y) < reach_m(part) + reach_m(other.part)
            if higher and near and other.station == request.station and other.site != request.site:
                found[other.site] = other
        return list(found.values())

    def has_code(self, request: CheckRequest) -> bool:
        """Whether the code on a part is read as well."""
        return any(other.kind == "code" and other.site == request.site for other in self._requests)

    def code(self, request: CheckRequest) -> tuple[str, tuple[float, float] | None]:
        """Text of the code on a part, and its middle in the image, px."""
        key = (request.station, request.site)
        if key not in self._codes:
            asked = next((r for r in self._requests if r.kind == "code" and r.site == request.site), request)
            kinds = asked.code.symbologies if asked.code else ("data_matrix",)
            self._codes[key] = read_code(self.view, request.part, request.part_in_cell, kinds)
        return self._codes[key]

    def code_place(self, request: CheckRequest) -> tuple[float, float] | None:
        """(x, y) in the cell of the middle of a part's code."""
        middle_px = self.code(request)[1]
        height = request.part_in_cell.position[2] + top_m(request.part)
        return None if middle_px is None else self.view.optics.unproject(middle_px, height)

    def _measured_angle(self, request: CheckRequest) -> float | None:
        part, nominal = request.part, request.part_in_cell
        if part.marks:
            seen = self.found(request) or fit(self.view, part, nominal, nominal)
            return _turn_by_marks(self.view, part, nominal, seen, self._place(request))
        found = self.found(request)
        return math.remainder(found.part_in_cell.yaw - nominal.yaw, 2 * math.pi) if found else None

    def _place(self, request: CheckRequest) -> Pose:
        """As `found`, else by the edges alone (a part of the wrong colour), else the nominal place."""
        nominal = request.part_in_cell
        if self.has_code(request):
            return Pose((*(self.code_place(request) or nominal.position[:2]), nominal.position[2]), nominal.orientation)
        found = self.found(request) or fit(self.view, request.part, nominal, nominal)
        return found.part_in_cell if found else nominal


def _told(unit: _Unit, request: CheckRequest, reading: Reading) -> Reading:
    """The reading, uncertain where something that it needs lies out of the image."""
    points = ((0.0, 0.0),) if request.taught else looked_at(request.part, request.measured)
    if all(shows(unit.view, request.part, pose, points) for pose in _places(unit, request)):
        return reading
    return replace(reading, uncertain=True, text=OUT_OF_IMAGE)


def _places(unit: _Unit, request: CheckRequest) -> tuple[Pose, ...]:
    """Where the thing to be judged should be, and where it is seen: as far as its check looks there."""
    if request.measured and request.kind != "right_part":
        return (unit.pose(request),)
    found = None if request.taught or unit.has_code(request) else unit.found(request)
    return (request.part_in_cell, found.part_in_cell) if found else (request.part_in_cell,)


def _presence(unit: _Unit, request: CheckRequest) -> Reading:
    found = unit.found(request)
    near = found is not None and found.offset_m <= NEAR_RATIO * min(half_extents(request.part))
    pose = found.part_in_cell if found and near else request.part_in_cell
    ratio, told = (
        visible_ratio(unit.view, request.part, pose, unit.ground(request)),
        tells(request.part, unit.ground(request)),
    )
    return Reading(request.name, "presence", ratio, "1", "" if told else LIKE_ITS_GROUND, uncertain=not told)


def _position(unit: _Unit, request: CheckRequest) -> Reading:
    if unit.has_code(request):
        return _position_of_code(unit, request)
    found = unit.found(request)
    if found is None:
        return unit.told(request, _not_found(request))
    return unit.told(request, Reading(request.name, "position", found.offset_m, "m", uncertainty=found.sd_m))


def _not_found(request: CheckRequest) -> Reading:
    return Reading(request.name, request.kind, max(half_extents(request.part)), "m", NOT_FOUND)


def _position_of_code(unit: _Unit, request: CheckRequest) -> Reading:
    """A label's place is told by the middle of its code: its edge on a part of its colour is hardly seen."""
    seen = unit.code_place(request)
    if seen is None:
        return _not_found(request)
    offset_m = math.dist(seen, request.part_in_cell.position[:2])
    sd_m = _CODE_SD_PX / unit.view.scale_px_m(request.part, request.part_in_cell)
    return Reading(request.name, "position", offset_m, "m", uncertainty=sd_m)


def _orientation(unit: _Unit, request: CheckRequest) -> Reading:
    if turns_of(request.part) == 0:
        return Reading(request.name, "orientation", math.nan, "rad", NO_TURN)
    angle = unit.angle(request)
    return Reading(request.name, "orientation", math.pi if angle is None else abs(angle), "rad")


def _colour(unit: _Unit, request: CheckRequest) -> Reading:
    part, view = request.part, unit.view
    points = view.on_top(part, request.part_in_cell, face(part))
    seen = np.median(view.colours(points), axis=0)
    difference = float(np.linalg.norm(to_lab(seen) - lab_of(part.colour_rgb)))
    doubt = colour_doubt(view, view.raw(points), part.colour_rgb)
    return Reading(request.name, "colour", difference / 100.0, "1", doubt, uncertain=doubt != "")


def _surface(unit: _Unit, request: CheckRequest) -> Reading:
    covers = [(other.part, unit.pose(other)) for other in unit.above(request)]
    surface = flaws_on(unit.view, request.part, unit.pose(request), covers)
    longest_m = max((flaw.size_m or 0.0 for flaw in surface.flaws), default=0.0)
    doubt = surface.doubt
    return Reading(request.name, "surface", longest_m, "m", doubt, uncertain=doubt != "", findings=surface.flaws)


def _outline(unit: _Unit, request: CheckRequest) -> Reading:
    found = unit.found(request)
    if found is None:
        return unit.told(request, _not_found(request))
    deviation_m, places = deviation(unit.view, request.part, found.part_in_cell, unit.ground(request))
    text = ", ".join(dict.fromkeys(place.kind for place in places))
    return unit.told(request, Reading(request.name, "outline", deviation_m, "m", text, found.sd_m, findings=places))


def _code(unit: _Unit, request: CheckRequest) -> Reading:
    text, _ = unit.code(request)
    right = float(matches_code(request, text))
    return Reading(request.name, "code", right, "1", text, uncertain=text == "")


def _measured(unit: _Unit, request: CheckRequest) -> Reading:
    """The reading of a check that says by itself what to measure."""
    return reading_of(unit.sight, request, unit.pose(request))


def _taught(unit: _Unit, request: CheckRequest) -> Reading:
    """The reading of a taught check on what the image shows around the site."""
    if request.taught is None:
        raise ValueError(f"check '{request.name}': a taught check is asked for without its options")
    judge = judge_of(request.taught, request.name, "inspect")
    cut, corner = _cut_out(unit.view, request, request.taught.window_m)
    result = judge.check(cut, request.name)
    value = min((measured.value for measured in result.measurements), default=math.nan)
    found = ", ".join(sorted({finding.kind for finding in result.findings}))
    places = tuple(finding.moved(*corner) for finding in result.findings)
    unsure = result.verdict == "uncertain"
    return Reading(request.name, request.kind, value, "1", result.note or found, uncertain=unsure, findings=places)


def _cut_out(view: View, request: CheckRequest, window_m: float) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """The square around the site that a taught check looks at, and its corner in the image; the whole image for 0."""
    if window_m == 0.0:
        return view.pixels, (0.0, 0.0)
    scale = view.scale_px_m(request.part, request.part_in_cell)
    centre = view.on_top(request.part, request.part_in_cell, np.zeros((1, 2)))[0]
    size = round(window_m * scale)
    sides = view.pixels.shape[1::-1]
    left, top = (min(max(0, round(c - size / 2)), max(0, side - size)) for c, side in zip(centre, sides, strict=True))
    return view.pixels[top : top + size, left : left + size], (float(left), float(top))


_CHECKS: dict[CheckKind, Callable[[_Unit, CheckRequest], Reading]] = {
    "presence": _presence,
    "position": _position,
    "orientation": _orientation,
    "colour": _colour,
    "surface": _surface,
    "outline": _outline,
    "code": _code,
    "anomaly": _taught,
    "taught_presence": _taught,
    "template": _taught,
    "count": _taught,
    "dimension": _measured,
    "gap": _measured,
    "diameter": _measured,
    "patch": _measured,
    "right_part": _measured,
    "text": _measured,
    "height": _measured,
    "flatness": _measured,
}
