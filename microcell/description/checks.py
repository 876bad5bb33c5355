"""The checks that an inspection makes of an image: what is measured, and the limits it is judged by.

The first family measures what the product's description says (outline, colour, marks), the second, `MeasuredBase`, what the
check itself says (sizes, gaps, spots, heights). The third, `TaughtBase`, is taught from photos: its options say how to look,
its model file holds what was learned (`microcell teach`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from microcell.description.base import Description, FileName, Metre, Name, PositiveMetre, Rgb, TextPattern
from microcell.description.code_kinds import CodeKind


class ChartSpec(Description):
    """How a measured value is watched for drift: by a weighted mean (EWMA) of what passed, in each variant and station.

    A drift is told when the mean is beyond its control limits, or a rule is broken, and it matters: much of the way to the
    product's limit is used up, or the limit is near.
    """

    alarm: bool = Field(True, description="Tell a drift (PROCESS_DRIFTING); the cell goes on.")
    baseline: int = Field(40, ge=5, le=10_000, description="So many first values say where the process is in order.")
    weight_ratio: float = Field(0.2, gt=0, le=1, description="Weight of the newest value in the mean.")
    width_ratio: float = Field(3.0, gt=0, le=10, description="Control limits of the mean, in its standard deviations.")
    rules: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        (), max_length=8, description="Nelson's rules for single values that count too, by number."
    )
    used_ratio: float = Field(
        0.5, ge=0, le=1, description="Way from the baseline's centre to the limit that the mean must have come; 0 = none."
    )
    near_ratio: float = Field(
        4.0, ge=0, le=100, description="Or: nearer to the limit than so many standard deviations of single values."
    )


Rejection = Literal["rework", "scrap", "recycle"]


class CheckBase(Description):
    """What to do with the unit when the check fails: rework redoes operations and inspects again.

    `recycle` takes the unit out as `scrap` does, and says in the records that its material can be used again.
    """

    on_fail: Rejection = Field("scrap", description="What becomes of the unit when the check fails.")
    on_uncertain: Rejection | None = Field(
        None, description="What becomes of it when all looks leave the check uncertain; without it, as for `on_fail`."
    )
    chart: ChartSpec | None = Field(None, description="How its value is watched for drift, instead of as the line says.")
    redo: tuple[Name, ...] = Field((), description="Operations that a rework does again.")


class Presence(CheckBase):
    """The item is at its site."""

    kind: Literal["presence"]
    site: Name = Field(description="Site that is looked at.")
    min_ratio: float = Field(0.6, gt=0, le=1, description="Visible share of the item's outline in its own colour.")


class Position(CheckBase):
    """The item lies where it should."""

    kind: Literal["position"]
    site: Name = Field(description="Site that is looked at.")
    max_offset_m: PositiveMetre = Field(description="Greatest distance from the site.")


class Orientation(CheckBase):
    """The item is turned as it should be, judged by its marks."""

    kind: Literal["orientation"]
    site: Name = Field(description="Site that is looked at.")
    max_angle_rad: float = Field(gt=0, le=3.15, description="Greatest angle from the right one.")


class Colour(CheckBase):
    """The item has the colour of the ordered part: tells variants apart."""

    kind: Literal["colour"]
    site: Name = Field(description="Site that is looked at.")
    max_delta_e_ratio: float = Field(0.12, gt=0, le=1, description="CIE 1976 colour difference divided by 100.")


class Surface(CheckBase):
    """The item's top has no scratch or dirt longer than the limit."""

    kind: Literal["surface"]
    site: Name = Field(description="Site that is looked at.")
    max_flaw_m: PositiveMetre = Field(description="Greatest length of a flaw.")


class Outline(CheckBase):
    """The item's outline is complete: no material is missing at its edge (short shot), and there is none too much (burr)."""

    kind: Literal["outline"]
    site: Name = Field(description="Site that is looked at.")
    max_deviation_m: PositiveMetre = Field(description="Greatest distance of the edge from the outline.")


class Code(CheckBase):
    """The item's code holds the unit's serial, or a text of its own."""

    kind: Literal["code"]
    site: Name = Field(description="Site that is looked at.")
    symbologies: tuple[CodeKind, ...] = Field(
        ("data_matrix",), description="Kinds of code that are read; none = any, which takes longer and may err."
    )
    text: str | None = Field(None, min_length=1, max_length=4000, description="Expected instead of the unit's serial.")
    pattern: TextPattern | None = Field(
        None, description="Regular expression that the whole text must match, instead of the serial."
    )


PointM = Annotated[tuple[Metre, Metre], Field(description="x and y in the item's frame, on its top.")]


class MeasuredBase(CheckBase):
    """A check that measures one thing on an item, where the image shows the item to be."""

    site: Name = Field(description="Site that is looked at.")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Lower and upper limit of the reading; that of a text or name is 1.0 where it is the expected one."""
        return 1.0, None


class Toleranced(MeasuredBase):
    """A size with its nominal value and the deviation that is permitted to either side."""

    nominal_m: Metre = Field(description="As it should be.")
    tolerance_m: PositiveMetre = Field(description="Greatest deviation to either side.")
    correction_m: Metre = Field(
        0.0, description="Added to what is measured: by so much, a part of known size was measured too small."
    )

    @property
    def limits(self) -> tuple[float | None, float | None]:
        return self.nominal_m - self.tolerance_m, self.nominal_m + self.tolerance_m


class AlongLine(Toleranced):
    """A distance between two edges that a line crosses."""

    from_m: PointM
    to_m: PointM
    strip_m: float = Field(0.001, ge=0, le=1, description="Width of the strip along the line that is averaged.")


class Dimension(AlongLine):
    """The distance of the outermost edges on a line: begin and end it outside of the item, on even ground."""

    kind: Literal["dimension"]


class Gap(AlongLine):
    """The distance of the two edges on either side of a line's middle: begin and end it on the neighbours of the gap."""

    kind: Literal["gap"]


class Diameter(Toleranced):
    """The diameter of a round edge: an outline, a bore, a printed circle."""

    kind: Literal["diameter"]
    at_m: PointM = (0.0, 0.0)


class Patch(MeasuredBase):
    """A spot of the item has a colour."""

    kind: Literal["patch"]
    at_m: PointM = (0.0, 0.0)
    radius_m: PositiveMetre = Field(description="Of the spot.")
    colour_rgb: Rgb = Field(description="sRGB colour that it should have.")
    max_delta_e_ratio: float = Field(0.12, gt=0, le=1, description="CIE 1976 colour difference divided by 100.")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        return None, self.max_delta_e_ratio


class RightPart(MeasuredBase):
    """Of the product's parts, the item is the ordered one, by outline, colour and marks."""

    kind: Literal["right_part"]
    among: tuple[Name, ...] = Field((), description="Parts that it may be mistaken for; none = all of the product's.")


class Text(MeasuredBase):
    """What is printed on the item reads as it should (extra `text`)."""

    kind: Literal["text"]
    at_m: PointM = (0.0, 0.0)
    size_m: tuple[PositiveMetre, PositiveMetre] = Field(description="Of the field in which it stands, along x and y.")
    text: str | None = Field(None, min_length=1, max_length=400, description="Expected instead of the unit's serial.")
    pattern: TextPattern | None = Field(None, description="Regular expression that the whole text must match instead.")


class Height(Toleranced):
    """How high a spot of the item lies, from the depth image: over other spots (flushness, steps), or in the cell.

    The nominal height over no other spots is that over the site's own frame.
    """

    kind: Literal["height"]
    at_m: PointM = (0.0, 0.0)
    radius_m: PositiveMetre = Field(description="Of the spots.")
    over_m: tuple[PointM, ...] = Field((), max_length=16, description="Spots of which the mean height is the reference.")


class Flatness(MeasuredBase):
    """A field of the item is flat, from the depth image: the distance of two parallel planes that hold all of it."""

    kind: Literal["flatness"]
    at_m: PointM = (0.0, 0.0)
    size_m: tuple[PositiveMetre, PositiveMetre] = Field(description="Of the field, along x and y.")
    max_flatness_m: PositiveMetre = Field(description="Greatest distance of the planes.")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        return None, self.max_flatness_m


class TaughtBase(CheckBase):
    """A check that was taught from photos with `microcell teach`."""

    site: Name = Field(description="Site that is looked at.")
    model: FileName | None = Field(None, description="What was taught, in a file beside this one.")
    window_m: float = Field(
        0.0, ge=0, le=10, description="Side of the square around the site that is cut out; 0 = the whole image."
    )


class Aligned(TaughtBase):
    """A taught check that first lays the image over the golden one: what may differ."""

    max_shift_ratio: float = Field(0.3, gt=0, le=1, description="Greatest shift, of the image's longer side.")
    max_angle_rad: float = Field(0.3, ge=0, le=3.1416, description="Greatest turn.")
    max_scale_ratio: float = Field(1.0, ge=1, le=2, description="Greatest scale, and its inverse the least.")
    min_quality_ratio: float = Field(
        0.15, ge=0, le=1, description="Correlation of the edges under which the part is not found; of a rigid one 0.5."
    )


class Anomaly(Aligned):
    """The part looks as the good ones that were taught do."""

    kind: Literal["anomaly"]
    max_score_ratio: float = Field(1.0, gt=0, le=10, description="Greatest deviation, of the taught threshold.")
    guard_ratio: float = Field(0.1, ge=0, lt=1, description="So near to the limit, the verdict is uncertain.")
    work_px: int = Field(280, ge=64, le=2000, description="Longer side of the image that is worked on.")
    cell_px: int = Field(4, ge=1, le=32, description="Side of the cells that are compared, in that image.")
    flexible: bool = Field(True, description="The part bends a little: smooth displacements are no defect.")
    stiffness_ratio: float = Field(
        0.05, gt=0, le=1, description="Shortest length over which the part bends, of the image's longer side."
    )


BoxPx = Annotated[tuple[int, int, int, int], Field(description="x_min, y_min, x_max, y_max in the image.")]


class TaughtPresence(TaughtBase):
    """Something is, or is not, at each of some places; taught from one photo with all of it and one with none."""

    kind: Literal["taught_presence"]
    places_px: dict[Name, BoxPx] = Field(min_length=1, description="Boxes in which to search, by name.")
    item_px: int = Field(ge=4, le=1000, description="Radius of the item with as much again of its surroundings.")
    turning: bool = Field(True, description="The item may be turned in any way.")
    alike: bool = Field(True, description="The same item belongs in every place.")
    guard_ratio: float = Field(0.02, ge=0, lt=1, description="Likenesses so near to each other are uncertain.")


DefectClass = Literal["open", "short", "mousebite", "spur", "copper", "pin-hole"]


class Template(Aligned):
    """A two-coloured pattern (copper on a board, print on a panel) agrees with its template."""

    kind: Literal["template"]
    dark: bool = Field(True, description="The pattern is darker than its ground.")
    tolerance_px: int = Field(3, ge=1, le=20, description="Edges may lie so far off.")
    slack_px: int = Field(8, ge=0, le=40, description="Single features may lie so far off as a whole.")
    min_area_px: int = Field(4, ge=1, le=100_000, description="Smallest difference that counts.")
    join_px: int = Field(5, ge=0, le=100, description="Differences so near to each other are one defect.")
    margin_px: int = Field(9, ge=0, le=100, description="Drawn around a defect.")
    permitted: tuple[DefectClass, ...] = Field((), description="Classes that are no reason to fail.")


class Count(TaughtBase):
    """As many separate things are seen as there should be."""

    kind: Literal["count"]
    expected: int = Field(ge=0, le=10_000, description="How many.")
    dark: bool = Field(True, description="They are darker than their ground.")
    min_area_ratio: float = Field(0.3, gt=0, le=1, description="Smaller ones, of the taught area, do not count.")


Check = Annotated[
    Presence | Position | Orientation | Colour | Surface | Outline | Code | Anomaly | TaughtPresence | Template | Count
    | Dimension | Gap | Diameter | Patch | RightPart | Text | Height | Flatness,
    Field(discriminator="kind"),
]  # fmt: skip

MeasuredCheck = Dimension | Gap | Diameter | Patch | RightPart | Text | Height | Flatness

TAUGHT = (Anomaly, TaughtPresence, Template, Count)

Taught = Annotated[Anomaly | TaughtPresence | Template | Count, Field(discriminator="kind")]
