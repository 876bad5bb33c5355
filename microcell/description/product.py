"""A product: parts, how they fit, in which order they go together, what is inspected, how it is packed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from microcell.description.base import (
    LABEL_TEXT_PATTERN,
    SERIAL_PREFIX_PATTERN,
    Description,
    Document,
    Metre,
    Name,
    PoseSpec,
    PositiveMetre,
    Radian,
    Rgb,
)
from microcell.description.checks import Check
from microcell.description.tool import Capability


class Cylinder(Description):
    """A disc or cylinder standing on its end; `bore_m` is the diameter of a central hole seen from above."""

    kind: Literal["cylinder"]
    diameter_m: PositiveMetre = Field(description="Outer diameter.")
    height_m: PositiveMetre = Field(description="Along z.")
    bore_m: float = Field(0.0, ge=0, le=10, description="Diameter of the central hole; 0 = none.")


class Box(Description):
    """A box lying flat."""

    kind: Literal["box"]
    length_m: PositiveMetre = Field(description="Along x.")
    width_m: PositiveMetre = Field(description="Along y.")
    height_m: PositiveMetre = Field(description="Along z.")


class Screw(Description):
    """A screw standing on its tip; its frame is under the head, z up."""

    kind: Literal["screw"]
    head_diameter_m: PositiveMetre = Field(description="Diameter of the head.")
    length_m: PositiveMetre = Field(description="Of the shaft, under the head.")
    pitch_m: PositiveMetre = Field(description="Of the thread: way for one turn.")


Shape = Annotated[Cylinder | Box | Screw, Field(discriminator="kind")]


class Mark(Description):
    """Something to be seen on a part's top: a hole, a notch, a print. Round with `width_m` = 0."""

    at_m: tuple[Metre, Metre] = Field(description="Its centre, x and y in the part's frame.")
    length_m: PositiveMetre = Field(description="Along x; the diameter of a round one.")
    width_m: float = Field(0.0, ge=0, le=10, description="Along y; 0 = round.")
    colour_rgb: Rgb = Field(description="sRGB colour.")


class Grasp(Description):
    """How a tool takes the part: the TCP's pose in the part's frame."""

    capability: Capability = Field(description="What the tool must be able to do.")
    tcp_in_part: PoseSpec = Field(description="Frame of the tool centre point; its z axis points into the part.")
    width_m: float = Field(0.0, ge=0, le=1, description="Size of the part between the fingers.")
    force_n: float = Field(0.0, ge=0, le=2000, description="Gripping force.")


class Voltage(Description):
    """Voltage of good pieces, for the simulated plant."""

    mean_v: float = Field(ge=0, le=1000, description="Mean.")
    spread_v: float = Field(ge=0, le=100, description="Standard deviation.")


class Part(Description):
    """A part type. Its frame is at the centre of its underside, z up (a screw's: under the head)."""

    shape: Shape = Field(description="Outline for plant, camera and force.")
    mass_kg: float = Field(gt=0, le=100, description="Mass of one piece.")
    colour_rgb: Rgb = Field(description="sRGB colour seen from above.")
    marks: tuple[Mark, ...] = Field((), description="What is to be seen on the top.")
    same_turned_rad: tuple[Radian, ...] = Field(
        (),
        max_length=8,
        description="Turns about its z axis after which it is the same: a pick that failed takes it so turned.",
    )
    grasp: Grasp = Field(description="How a tool takes it, or makes it there (`dispense`, `weld`).")
    path_m: tuple[tuple[Metre, Metre], ...] = Field(
        (), description="Of what is dispensed: the nozzle's way from corner to corner, x and y in the part's frame."
    )
    voltage: Voltage | None = Field(None, description="Of a battery's cell.")


FIRMEST_RATIO = 0.8
"""The firmest press that puts a part into a fit, of the force limit: a limit is chosen, and a part pressed, by it."""


class Fit(Description):
    """How a part goes into its site along -z."""

    clearance_m: float = Field(gt=0, le=0.1, description="Diameter of the hole less that of the part.")
    depth_m: PositiveMetre = Field(description="From first contact to seated.")
    friction_n: float = Field(2.0, ge=0, le=1000, description="Force while going in.")
    latch_n: float = Field(0.0, ge=0, le=1000, description="Pull that the seated part's latch withstands; 0 = no latch.")


class Thread(Description):
    """A threaded hole."""

    engagement_m: PositiveMetre = Field(description="Thread length in use when seated.")
    friction_n_m: float = Field(ge=0, le=100, description="Running torque.")
    stiffness_n_m_rad: float = Field(gt=0, le=1000, description="Rise of torque after the head is seated.")


class Joint(Description):
    """A joint that a press closes."""

    force_n: float = Field(gt=0, le=100_000, description="Force that it needs.")
    hold_s: float = Field(0.0, ge=0, le=600, description="How long the force must be held.")
    proud_m: PositiveMetre = Field(description="How high the part stands over its place until it is pressed.")


class Site(Description):
    """A place in the unit where an item goes."""

    item: Name = Field(description="Item of the bill of materials that goes here.")
    part_in_unit: PoseSpec = Field(description="Frame of the part when it is seated.")
    fit: Fit | None = Field(None, description="For parts that are inserted.")
    thread: Thread | None = Field(None, description="For screws.")
    joint: Joint | None = Field(None, description="For parts that are laid on and then pressed.")


class Operation(Description):
    """One node of the process plan: a skill with its parameters.

    `continues_in` names the operation that must follow at once with the same arm (the part is in the hand);
    the resources of both are taken together. `occupies` is the kind of station that the unit takes from here
    on, until an operation with the same kind in `vacates` has ended.
    """

    skill: Name = Field(description="Skill that does it.")
    after: tuple[Name, ...] = Field((), description="Operations that must have ended before.")
    item: Name | None = Field(None, description="Item of the bill of materials that is handled.")
    site: Name | None = Field(None, description="Site of the unit that is worked on.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Parameters of the skill.")
    given: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Parameters that are values measured of the same unit before, as <operation>.<feature>.",
    )
    continues_in: Name | None = Field(None, description="Operation that must follow at once with the same arm.")
    occupies: Name | None = Field(None, description="Kind of station that the unit takes from here on.")
    vacates: Name | None = Field(None, description="Kind of station that the unit leaves when this has ended.")


class Inspection(Description):
    """Checks on one image."""

    checks: dict[Name, Check] = Field(min_length=1, description="Checks by name.")
    exposure_s: float | None = Field(None, gt=0, le=5, description="Instead of the camera's own.")


class Variant(Description):
    """What differs from the base product."""

    summary: str = Field("", description="One line for people.")
    items: dict[Name, Name] = Field(default_factory=dict, description="Part to use for an item.")
    parameters: dict[Name, dict[str, Any]] = Field(default_factory=dict, description="Operation parameters, by operation.")
    label_text: str = Field(
        "", max_length=24, pattern=LABEL_TEXT_PATTERN, description="On the label behind the serial: region, size, colour."
    )


class Packing(Description):
    """How units lie in a carton or on a pallet: on a grid of places, or, without one, as is worked out from the sizes."""

    carton_m: tuple[PositiveMetre, PositiveMetre, PositiveMetre] | None = Field(
        None, description="Inside of the carton: length, width, height. Needed where there is no grid."
    )
    units: int | None = Field(None, ge=1, le=1000, description="Of a layout worked out: so many; without it, all that fit.")
    room_m: tuple[Metre, Metre] = Field(
        (0.0, 0.0), description="Of a layout worked out: free on both sides of a unit along its x and y, for the fingers."
    )
    columns: int | None = Field(None, ge=1, le=100, description="Of a grid: places along x.")
    rows: int | None = Field(None, ge=1, le=100, description="Of a grid: places along y.")
    pitch_m: PositiveMetre | None = Field(None, description="Of a grid: distance of the places.")
    layers: int = Field(1, ge=1, le=100, description="Of a grid: units that stand on each other.")
    layer_m: Metre = Field(0.0, description="Of a grid: height from layer to layer.")


class Product(Document):
    """What is made. The unit's frame is that of its first part."""

    kind: Literal["product"]
    serial_prefix: str = Field(pattern=SERIAL_PREFIX_PATTERN, description="Serials are <prefix>-<six digits>.")
    parts: dict[Name, Part] = Field(min_length=1, description="Part types by name.")
    bill_of_materials: dict[Name, Name] = Field(min_length=1, description="Part used for each item.")
    replacements: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Parts that may be taken instead of one that is short, the best first: where an order permits "
        "substitutes, a unit becomes the variant that differs in such parts only.",
    )
    sites: dict[Name, Site] = Field(default_factory=dict, description="Places in the unit by name.")
    unit_grasp: Grasp = Field(description="How the finished unit is taken, in the unit's frame.")
    plan: dict[Name, Operation] = Field(min_length=1, description="Process plan: operations and what they come after.")
    scrap_plan: dict[Name, Operation] = Field(default_factory=dict, description="How a scrapped unit leaves its station.")
    inspections: dict[Name, Inspection] = Field(default_factory=dict, description="Inspections by name.")
    variants: dict[Name, Variant] = Field(min_length=1, description="Variants by name.")
    default_variant: Name = Field(description="Variant of an order line that names none.")
    packing: Packing = Field(description="How units stand in a carton.")

    def part_of(self, item: str, variant: str) -> str:
        """The part that a variant uses for an item."""
        return self.variants[variant].items.get(item, self.bill_of_materials[item])

    def stand_ins(self, variant: str) -> tuple[str, ...]:
        """The variants that differ from one in parts only that may be taken instead, those with the fewest first."""
        found = []
        for other in self.variants:
            changed = [(self.part_of(i, variant), self.part_of(i, other)) for i in self.bill_of_materials]
            swaps = [(part, instead) for part, instead in changed if part != instead]
            if swaps and all(instead in self.replacements.get(part, ()) for part, instead in swaps):
                found.append((len(swaps), sum(self.replacements[part].index(instead) for part, instead in swaps), other))
        return tuple(other for _, _, other in sorted(found, key=lambda entry: entry[:2]))

    def label_of(self, serial: str, variant: str) -> str:
        """What the label of a unit says: its serial, and behind a blank the variant's text."""
        return f"{serial} {self.variants[variant or self.default_variant].label_text}".rstrip()

    def parameters_of(self, operation: str, variant: str) -> dict[str, Any]:
        """Parameters of an operation as its skill gets them: with the variant's changes, its item and its site."""
        spec = self.operation(operation)
        names = {key: name for key, name in (("item", spec.item), ("site", spec.site)) if name is not None}
        return {**spec.parameters, **self.variants[variant].parameters.get(operation, {}), **names}

    def operation(self, name: str) -> Operation:
        """An operation of the plan, or of the way out for a scrapped unit."""
        return self.plan.get(name) or self.scrap_plan[name]
