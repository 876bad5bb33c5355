"""What to look for in an image, and what was found: the common language of cameras, skills and vision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from microcell.description.checks import Code, MeasuredCheck, Taught
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.results import Finding

DescribedKind = Literal["presence", "position", "orientation", "colour", "surface", "outline", "code"]
TaughtKind = Literal["anomaly", "taught_presence", "template", "count"]
MeasuredKind = Literal["dimension", "gap", "diameter", "patch", "right_part", "text", "height", "flatness"]
CheckKind = DescribedKind | TaughtKind | MeasuredKind

OUT_OF_IMAGE = "out of the image"
NOT_FOUND = "not found"
NO_TURN = "neither its outline nor its marks tell its turn"
LIKE_ITS_GROUND = "its colour is nearly that of what lies beneath"
TOO_SMALL = "too few of its pixels show its own colour"
COLOURLESS = "the image has no colour"
OVEREXPOSED = "overexposed: its pixels are at full scale"
"""What readings say of what was not measured."""


@dataclass(frozen=True)
class CheckRequest:
    """Measure one thing of a unit at a station.

    `part` is the expected part and `part_in_cell` its nominal pose. `site` names its place for cameras that
    do not make pixels. A surface check leaves out what lies on the part, as far as other requests of the
    same image name it. `taught` is the check itself, for those that were taught from photos, `measured` for those that say
    by themselves what to measure, and `code` for codes. `parts` are those that it may be mistaken for, with the part itself.
    `ground_rgb` is the described colour of what lies beneath the part; None = the camera's background.
    """

    name: str
    kind: CheckKind
    station: str
    site: str
    part: Part
    part_in_cell: Pose
    expected_text: str = ""
    taught: Taught | None = None
    measured: MeasuredCheck | None = None
    code: Code | None = None
    ground_rgb: tuple[int, int, int] | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True)
class Locate:
    """Find a part at a feeder, near its nominal pose."""

    feeder: str
    part: Part
    part_in_cell: Pose
    search_radius_m: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured feature.

    By kind: presence -> ratio of visible outline ("1"); position -> offset ("m"); orientation -> absolute angle to the
    nearest turn that looks right ("rad"); colour -> CIE 1976 difference / 100 ("1"); surface -> length of the longest flaw
    ("m"); outline -> largest distance of the edge from the outline ("m"); code -> 1.0 when the text is the expected one
    ("1"), the text beside it; anomaly -> deviation / taught threshold ("1"); taught_presence -> the least likeness with the
    item less that without ("1"); template -> number of defects that are not permitted ("1"); count -> number ("1"). Those
    four say in the text what was found. dimension, gap, diameter, height and flatness -> the size ("m"); patch -> CIE 1976
    difference / 100 ("1"); right_part and text -> 1.0 when it is the expected one ("1"), with its name or text. What could
    not be measured is NaN, and the text says why.
    A part that is not found reads the worst that can be measured: an offset of its half size ("not found"), an angle of pi.
    Presence, outline, and position but by a code, are uncertain where the part's colour does not tell it from its ground.
    What lies out of the image, wholly or in part, is uncertain, and the text says so. So is a surface of which more than a
    fiftieth is at full scale or too little shows its own colour, and a colour or patch whose median is at full scale.
    Where the image has no colour (a mono camera), a colour, patch or right_part that is to have one is uncertain.
    `uncertainty` is one standard deviation. `uncertain`: the measuring itself cannot say, whatever the limits; so is a value
    of NaN. `findings` are places in the whole image, where the check tells any.
    """

    name: str
    feature: str
    value: float
    unit: str
    text: str = ""
    uncertainty: float | None = None
    uncertain: bool = False
    findings: tuple[Finding, ...] = ()
