"""A product: parts, how they fit, in which order they go together, what is inspected, how it is packed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from microcell.description.base import (
    SERIAL_PREFIX_PATTERN,
    Description,
    Document,
    Metre,
    Name,
    PoseSpec,
    PositiveMetre,
    Rgb,
)
from microcell.description.tool import Capability


class Cylinder(Description):
    """A disc or cylinder standing on its end; `bore_m` is the diameter of a central hole seen from above."""

    kind: Literal["cylinder"]
    diameter_m: PositiveMetre
    height_m: PositiveMetre
    bore_m: float = Field(0.0, ge=0, le=10)


class Box(Description):
    """A box lying flat."""

    kind: Literal["box"]
    length_m: PositiveMetre
    width_m: PositiveMetre
    height_m: PositiveMetre


class Screw(Description):
    """A screw standing on its tip; its frame is under the head, z up."""

    kind: Literal["screw"]
    head_diameter_m: PositiveMetre
    length_m: PositiveMetre
    pitch_m: PositiveMetre


Shape = Annotated[Cylinder | Box | Screw, Field(discriminator="kind")]


class Mark(Description):
    """Something to be seen on a part's top: a hole, a notch, a print. Round with `width_m` = 0."""

    at_m: tuple[Metre, Metre]
    length_m: PositiveMetre
    width_m: float = Field(0.0, ge=0, le=10)
    colour_rgb: Rgb


class Grasp(Description):
    """How a tool takes the part: the TCP's pose in the part's frame."""

    capability: Capability
    tcp_in_part: PoseSpec
    width_m: float = Field(0.0, ge=0, le=1, description="Size of the part between the fingers.")
    force_n: float = Field(0.0, ge=0, le=2000)


class Part(Description):
    """A part type. Its frame is at the centre of its underside, z up (a screw's: under the head)."""

    shape: Shape
    mass_kg: float = Field(gt=0, le=100)
    colour_rgb: Rgb
    marks: tuple[Mark, ...] = ()
    grasp: Grasp


class Fit(Description):
    """How a part goes into its site along -z."""

    clearance_m: float = Field(gt=0, le=0.1, description="Diameter of the hole less that of the part.")
    depth_m: PositiveMetre = Field(description="From first contact to seated.")
    friction_n: float = Field(2.0, ge=0, le=1000, description="Force while going in.")


class Thread(Description):
    """A threaded hole."""

    engagement_m: PositiveMetre = Field(description="Thread length in use when seated.")
    friction_n_m: float = Field(ge=0, le=100, description="Running torque.")
    stiffness_n_m_rad: float = Field(gt=0, le=1000, description="Rise of torque after the head is seated.")


class Site(Description):
    """A place in the unit where an item goes."""

    item: Name
    part_in_unit: PoseSpec
    fit: Fit | None = None
    thread: Thread | None = None


class Operation(Description):
    """One node of the process plan: a skill with its parameters.

    `continues_in` names the operation that must follow at once with the same arm (the part is in the hand);
    the resources of both are taken together. `occupies` is the kind of station that the unit takes from here
    on, until an operation with the same kind in `vacates` has ended.
    """

    skill: Name
    after: tuple[Name, ...] = ()
    item: Name | None = Field(None, description="Item of the bill of materials that is handled.")
    site: Name | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    continues_in: Name | None = None
    occupies: Name | None = None
    vacates: Name | None = None


class CheckBase(Description):
    """What to do with the unit when the check fails: rework redoes operations and inspects again."""

    on_fail: Literal["rework", "scrap"] = "scrap"
    redo: tuple[Name, ...] = ()


class Presence(CheckBase):
    """The item is at its site."""

    kind: Literal["presence"]
    site: Name
    min_ratio: float = Field(0.6, gt=0, le=1, description="Visible share of the item's outline in its own colour.")


class Position(CheckBase):
    """The item lies where it should."""

    kind: Literal["position"]
    site: Name
    max_offset_m: PositiveMetre


class Orientation(CheckBase):
    """The item is turned as it should be, judged by its marks."""

    kind: Literal["orientation"]
    site: Name
    max_angle_rad: float = Field(gt=0, le=3.15)


class Colour(CheckBase):
    """The item has the colour of the ordered part: tells variants apart."""

    kind: Literal["colour"]
    site: Name
    max_delta_e_ratio: float = Field(0.12, gt=0, le=1, description="CIE 1976 colour difference divided by 100.")


class Surface(CheckBase):
    """The item's top has no scratch or dirt longer than the limit."""

    kind: Literal["surface"]
    site: Name
    max_flaw_m: PositiveMetre


class Code(CheckBase):
    """The label's DataMatrix holds the unit's serial."""

    kind: Literal["code"]
    site: Name


Check = Annotated[Presence | Position | Orientation | Colour | Surface | Code, Field(discriminator="kind")]


class Inspection(Description):
    """Checks on one image."""

    checks: dict[Name, Check] = Field(min_length=1)
    exposure_s: float | None = Field(None, gt=0, le=5)


class Variant(Description):
    """What differs from the base product."""

    summary: str = ""
    items: dict[Name, Name] = Field(default_factory=dict, description="Part to use for an item.")
    parameters: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="Operation parameters, by operation."
    )


class Packing(Description):
    """Tray in a carton: places along x (columns) and y (rows)."""

    columns: int = Field(ge=1, le=100)
    rows: int = Field(ge=1, le=100)
    pitch_m: PositiveMetre

    @property
    def places(self) -> int:
        return self.columns * self.rows


class Product(Document):
    """What is made. The unit's frame is that of its first part."""

    kind: Literal["product"]
    serial_prefix: str = Field(pattern=SERIAL_PREFIX_PATTERN)
    parts: dict[Name, Part] = Field(min_length=1)
    bill_of_materials: dict[Name, Name] = Field(min_length=1, description="Part used for each item.")
    sites: dict[Name, Site] = Field(default_factory=dict)
    unit_grasp: Grasp = Field(description="How the finished unit is taken, in the unit's frame.")
    plan: dict[Name, Operation] = Field(min_length=1, description="Process plan: operations and what they come after.")
    scrap_plan: dict[Name, Operation] = Field(
        default_factory=dict, description="How a scrapped unit leaves its station."
    )
    inspections: dict[Name, Inspection] = Field(default_factory=dict)
    variants: dict[Name, Variant] = Field(min_length=1)
    default_variant: Name
    packing: Packing

    def part_of(self, item: str, variant: str) -> str:
        """The part that a variant uses for an item."""
        return self.variants[variant].items.get(item, self.bill_of_materials[item])

    def parameters_of(self, operation: str, variant: str) -> Mapping[str, Any]:
        """Parameters of an operation with the variant's changes."""
        spec = self.plan.get(operation) or self.scrap_plan[operation]
        return {**spec.parameters, **self.variants[variant].parameters.get(operation, {})}
