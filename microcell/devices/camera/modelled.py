"""A camera that makes no pixels: it reads the plant's truth, with the measured errors of rendered images.

For long runs, some hundred times faster than `camera/mock`. The errors: `vision/error_statistics.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.colours import delta_e
from microcell.description.driver_parameters import BENCH_RGB
from microcell.description.extents import covers, half_extents, same_turn, top_m, turns_of
from microcell.description.ground import tells
from microcell.description.product import Part
from microcell.devices.camera.contract import Camera, Frame
from microcell.devices.camera.modelled_sizes import drawn_size, true_size
from microcell.devices.camera.pixels import lit
from microcell.devices.contract import DeviceStatus
from microcell.devices.factory import DeviceHost
from microcell.devices.mocking import MockDevice, command_named
from microcell.devices.plausible import check_calibrated, check_fresh
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy, multiply
from microcell.plant.bench import Lighting
from microcell.plant.scene import SceneItem
from microcell.vision.colour import OWN_DELTA_E
from microcell.vision.error_model import Chances, Spread
from microcell.vision.error_statistics import MEASURED
from microcell.vision.exposure import MIN_SHARPNESS
from microcell.vision.measuring import matches_code
from microcell.vision.outline import NEAR_RATIO, RIM_INSETS, contour, reach_m
from microcell.vision.requests import LIKE_ITS_GROUND, CheckKind, CheckRequest, Locate, Reading

BLURRED_PX = 0.4 / MIN_SHARPNESS
"""Standard deviation of the blur from which on a rendered image is refused."""

_UNITS: dict[CheckKind, str] = {
    "presence": "1", "position": "m", "orientation": "rad", "colour": "1", "surface": "m", "outline": "m", "code": "1",
    "template": "1", "anomaly": "1", "taught_presence": "1", "count": "1",
}  # fmt: skip

_ERRORS: dict[CheckKind, Spread] = {
    "position": MEASURED.position_m,
    "orientation": MEASURED.orientation_rad,
    "colour": MEASURED.colour,
    "outline": MEASURED.outline_m,
}


@dataclass(frozen=True)
class Look:
    """What one shot shows: the true things in view, and the cell time of its exposure.

    `stream` is that of its own errors. Those that all looks at a part have in common begin with `seed`.
    """

    items: Sequence[SceneItem]
    stream: Random
    seed: str
    time_s: float

    def chances(self, *what: object) -> Chances:
        """Where the errors come from of what is measured; the same thing has the same ones in common again."""
        return Chances(Random(":".join((self.seed, *map(str, what)))), self.stream)


class ModelledCamera(MockDevice, Camera):
    """Draws readings around the truth; each shot from a stream of its own, by seed, name and number."""

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        self._shots = 0
        self._calibration = host.line.calibrations.get(name)

    async def status(self) -> DeviceStatus:
        return DeviceStatus(self._connected, self._connected, f"modelled, {self._shots} looks taken")

    async def capture(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        raise FaultError("CAMERA_NO_IMAGE", self.name, "modelled camera makes no pixels")

    async def measure(
        self, requests: Sequence[CheckRequest], exposure_s: float, light: str = USUAL_LIGHT
    ) -> tuple[Sequence[Reading], str]:
        lit(self.name, self.spec, light)
        look = await self._fresh_look(exposure_s)
        coded = {request.site for request in requests if request.kind == "code"}
        return tuple(as_told(request, drawn_reading(request, look), coded) for request in requests), ""

    async def locate(self, request: Locate, exposure_s: float) -> Pose:
        look = await self._fresh_look(exposure_s)
        item = _nearest(request, look.items)
        if item is None:
            place = f"at '{request.feeder}' within {request.search_radius_m * 1000:.1f} mm"
            raise FaultError("PART_NOT_FOUND", self.name, f"no part of its outline {place} of its place")
        return _located(request, item, look.chances("place", item.item_id))

    @command_named("capture")
    async def _look(self, exposure_s: float) -> Look:
        await self.clock.sleep(exposure_s)
        self._shots += 1
        lowest, highest = MEASURED.exposure_levels
        light = self.plant.lights.get(self.name, Lighting())
        if not lowest <= light.level * exposure_s / self.spec.exposure_s <= highest:
            lit = "" if light.level == 1.0 else f" at {light.level:g} times the usual light"
            detail = f"{exposure_s:g} s{lit}; usable are {lowest:g} to {highest:g} times {self.spec.exposure_s:g} s"
            raise FaultError("CAMERA_UNUSABLE_IMAGE", self.name, detail)
        if light.blur_px is not None and light.blur_px > BLURRED_PX:
            detail = f"blurred by {light.blur_px:g} px, not {BLURRED_PX:.1f} or less"
            raise FaultError("CAMERA_UNUSABLE_IMAGE", self.name, detail)
        stream = Random(f"{self.plant.seed}:{self.name}:{self._shots}")
        return Look(self.plant.scene(self.name), stream, str(self.plant.seed), self.clock.now())

    async def _fresh_look(self, exposure_s: float) -> Look:
        look: Look = await self._look(exposure_s)
        check_fresh(self.name, look.time_s, self.clock.now())
        check_calibrated(self.name, self.spec.serial, self._calibration, self.clock.epoch_s + self.clock.now())
        return look


def true_reading(request: CheckRequest, items: Sequence[SceneItem]) -> Reading:
    """What a perfect measurement would read."""
    installed = _installed(request, items)
    if request.measured is not None:
        return true_size(request, installed, items)
    value = _TRUTHS[request.kind](request, installed, items)
    text = installed.content if request.kind == "code" and installed else ""
    return Reading(request.name, request.kind, value, _UNITS[request.kind], text)


def drawn_reading(request: CheckRequest, look: Look) -> Reading:
    """A reading with the errors of a rendered image's measurement.

    Parts that are alike, and lie alike, have the same error but for what differs from look to look, as in images.
    """
    truth, installed = true_reading(request, look.items), _installed(request, look.items)
    chances = look.chances(request.name, installed.part_name if installed else "nothing", f"{truth.value:.4g}")
    if request.measured is not None:
        return drawn_size(request, truth, chances)
    if request.kind == "code":
        return _drawn_code(request, truth, installed, look.stream)
    if request.kind == "surface":
        return replace(truth, value=_drawn_flaw(truth.value, request.part, chances))
    if request.kind == "presence":
        error = MEASURED.presence if truth.value > 0.0 else MEASURED.absence
        return replace(truth, value=min(1.0, error.around(truth.value, chances)))
    if request.kind not in _ERRORS:  # taught checks were measured on photos of real parts only (`bench/vision_real.py`)
        return truth
    error = _ERRORS[request.kind]
    return replace(truth, value=error.around(truth.value, chances), uncertainty=error.sd)


def as_told(request: CheckRequest, reading: Reading, coded: set[str]) -> Reading:
    """A reading as an image tells it: uncertain where the part's colour does not tell it from its ground.

    A position by a code (`coded`: the sites that have one) is told anyway.
    """
    by_colour = request.kind in ("presence", "outline") or (request.kind == "position" and request.site not in coded)
    if not by_colour or tells(request.part, _ground(request)):
        return reading
    return replace(reading, text=LIKE_ITS_GROUND, uncertain=True)


def _ground(request: CheckRequest) -> tuple[int, int, int]:
    return request.ground_rgb or BENCH_RGB


def _drawn_flaw(length_m: float, part: Part, chances: Chances) -> float:
    """Whether a flaw is seen, or one that is none, is the part's doing and not the look's."""
    if length_m > 0.0:
        found = chances.part.random() < MEASURED.flaw_found
        return MEASURED.surface_m.around(length_m, chances) if found else 0.0
    invented = chances.part.random() < MEASURED.flaw_invented
    return chances.part.uniform(0.0, max(half_extents(part))) if invented else 0.0


def _drawn_code(request: CheckRequest, truth: Reading, label: SceneItem | None, stream: Random) -> Reading:
    readable = label is not None and stream.random() < MEASURED.code_probability(label.contrast)
    text = truth.text if readable else ""
    right = float(matches_code(request, text))
    return Reading(request.name, "code", right, "1", text, uncertain=text == "")


def _installed(request: CheckRequest, items: Sequence[SceneItem]) -> SceneItem | None:
    """What is mounted at the requested site: the uppermost, where a label was stuck on another."""
    mounted = [item for item in items if item.site == request.site and item.station == request.station]
    return max(mounted, key=_top) if mounted else None


def _presence(request: CheckRequest, item: SceneItem | None, items: Sequence[SceneItem]) -> float:
    """Share of the rim that shows the item, where it is, or in its place if it is far beside; or else its colour."""
    if item is None or not _is_like(item.part, request):
        return _own_coloured(request, items)
    above = [other for other in items if _top(other) > _top(item) and _touches(other, item)]
    offset = math.dist(item.part_in_cell.position[:2], request.part_in_cell.position[:2])
    near = offset <= NEAR_RATIO * min(half_extents(request.part))
    if near and not above:
        return 1.0
    pose = item.part_in_cell if near else request.part_in_cell
    rim = [pose.apply(point) for point in _rim(request.part)]
    seen = sum(_covers(item, point) and not any(_covers(other, point) for other in above) for point in rim)
    return seen / len(rim)


def _own_coloured(request: CheckRequest, items: Sequence[SceneItem]) -> float:
    """Share of the rim's place at which the uppermost thing has the colour that the item should have."""
    points = [request.part_in_cell.apply(point) for point in _rim(request.part)]
    uppermost = (max((i for i in items if _covers(i, point)), key=_top, default=None) for point in points)
    shown = [_has_own_colour(item.part.colour_rgb if item else _ground(request), request) for item in uppermost]
    return sum(shown) / len(shown)


def _position(request: CheckRequest, item: SceneItem | None, _: Sequence[SceneItem]) -> float:
    widest = max(half_extents(request.part))
    if item is None or not _is_like(item.part, request):
        return widest
    return min(widest, math.dist(item.part_in_cell.position[:2], request.part_in_cell.position[:2]))


def _orientation(request: CheckRequest, item: SceneItem | None, _: Sequence[SceneItem]) -> float:
    if item is None:
        return math.pi
    if turns_of(request.part) == 0:
        return math.nan
    return abs(same_turn(request.part, item.part_in_cell.yaw - request.part_in_cell.yaw))


def _colour(request: CheckRequest, item: SceneItem | None, items: Sequence[SceneItem]) -> float:
    """Difference of the item's colour; where it is missing, of what is seen in its middle instead."""
    middle = request.part_in_cell.position
    if item is None:
        below = [other for other in items if _covers(other, middle)]
        colour = max(below, key=_top).part.colour_rgb if below else _ground(request)
    else:
        colour = item.part.colour_rgb
    return delta_e(colour, request.part.colour_rgb) / 100.0


def _surface(_: CheckRequest, item: SceneItem | None, __: Sequence[SceneItem]) -> float:
    if item is None:
        return 0.0
    return max((math.dist(flaw.start_m, flaw.end_m) for flaw in item.flaws), default=0.0)


def _outline(request: CheckRequest, item: SceneItem | None, _: Sequence[SceneItem]) -> float:
    if item is None or not _is_like(item.part, request):
        return max(half_extents(request.part))
    return max((edge.depth_m for edge in item.edges), default=0.0)


def _code(request: CheckRequest, item: SceneItem | None, _: Sequence[SceneItem]) -> float:
    return float(item is not None and matches_code(request, item.content))


def _template(request: CheckRequest, item: SceneItem | None, __: Sequence[SceneItem]) -> float:
    """Each flaw and each missing mark is a difference from the template; where nothing is, all is."""
    return 1.0 if item is None else float(len(item.flaws) + len(request.part.marks) - len(item.part.marks))


def _anomaly(_: CheckRequest, item: SceneItem | None, __: Sequence[SceneItem]) -> float:
    return 0.5 if item is not None and not item.flaws else 2.0


def _taught_presence(_: CheckRequest, item: SceneItem | None, __: Sequence[SceneItem]) -> float:
    return -0.2 if item is None else 0.2


def _count(_: CheckRequest, item: SceneItem | None, __: Sequence[SceneItem]) -> float:
    """The marks that are on the item are what is counted."""
    return 0.0 if item is None else float(len(item.part.marks))


_TRUTHS: dict[CheckKind, Callable[[CheckRequest, SceneItem | None, Sequence[SceneItem]], float]] = {
    "presence": _presence,
    "position": _position,
    "orientation": _orientation,
    "colour": _colour,
    "surface": _surface,
    "outline": _outline,
    "code": _code,
    "template": _template,
    "anomaly": _anomaly,
    "taught_presence": _taught_presence,
    "count": _count,
}


def _nearest(request: Locate, items: Sequence[SceneItem]) -> SceneItem | None:
    """The nearest item that looks like the part, within the search radius; else the nearest one of its size."""
    place = request.part_in_cell.position[:2]
    near = [
        (not _looks_as(item.part, request.part), distance, item.item_id, item)
        for item in items
        if (distance := math.dist(item.part_in_cell.position[:2], place)) <= request.search_radius_m
        and item.station == request.feeder
        and _same_size(item.part, request.part)
    ]
    return min(near)[3] if near else None


def _located(request: Locate, item: SceneItem, chances: Chances) -> Pose:
    """The item's pose with errors; turn and height are nominal where an image does not tell them."""
    nominal, part = request.part_in_cell, request.part
    x, y, _ = item.part_in_cell.position
    x, y = x + MEASURED.locate_m.drawn(chances), y + MEASURED.locate_m.drawn(chances)
    turn = same_turn(part, item.part_in_cell.yaw - nominal.yaw)
    if turns_of(part) > 0:
        turn += MEASURED.locate_rad.drawn(chances)
    return Pose((x, y, nominal.position[2]), multiply(from_rpy(0.0, 0.0, turn), nominal.orientation))


def _is_like(part: Part, request: CheckRequest) -> bool:
    """Whether a part has the size of the expected one, and its colour rather than that of the ground."""
    return _same_size(part, request.part) and _has_own_colour(part.colour_rgb, request)


def _has_own_colour(colour: tuple[int, int, int], request: CheckRequest) -> bool:
    off = delta_e(colour, request.part.colour_rgb)
    return off <= OWN_DELTA_E and off < delta_e(colour, _ground(request))


def _looks_as(part: Part, expected: Part) -> bool:
    """Same size, and a colour near enough."""
    return _same_size(part, expected) and delta_e(part.colour_rgb, expected.colour_rgb) <= OWN_DELTA_E


def _same_size(part: Part, expected: Part) -> bool:
    return part is expected or half_extents(part) == half_extents(expected)


@lru_cache(maxsize=256)
def _rim(part: Part) -> tuple[tuple[float, float, float], ...]:
    """Points on the lines inside the outline on which vision looks for the part."""
    smallest = min(half_extents(part))
    lines = (contour(part, 12, inset * smallest)[0] for inset in RIM_INSETS)
    return tuple((float(x), float(y), top_m(part)) for line in lines for x, y in line)


def _covers(item: SceneItem, point_in_cell: tuple[float, float, float]) -> bool:
    x, y, _ = item.part_in_cell.inverse().apply(point_in_cell)
    return covers(item.part, (x, y))


def _touches(item: SceneItem, other: SceneItem) -> bool:
    """Whether the circles around two items overlap, seen from above."""
    apart = math.dist(item.part_in_cell.position[:2], other.part_in_cell.position[:2])
    return apart < reach_m(item.part) + reach_m(other.part)


def _top(item: SceneItem) -> float:
    return item.part_in_cell.position[2] + top_m(item.part)


PLUGIN = ModelledCamera
