"""A product line: one cell set up for one product."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from microcell.description.base import Description, Document, Name
from microcell.description.cell import Cell
from microcell.description.product import Product
from microcell.description.tool import Tool
from microcell.description.zones import Ways


class FeederSetup(Description):
    """What a feeder is filled with, and when the operator brings more."""

    part: Name = Field(description="Part type in the feeder.")
    level: int | None = Field(None, ge=0, description="Pieces at the start; without it the feeder is full.")
    reorder_level: int = Field(5, ge=0, description="Simulated worlds: level at which more is brought.")
    refill_s: float = Field(60.0, ge=0, le=86_400, description="Simulated worlds: time from reorder to refill.")
    operator_refills: bool = Field(True, description="Simulated worlds: whether somebody brings parts at all.")


class RecoveryStep(Description):
    """One thing to try. The steps of a policy are gone through in order; each has its own number of times."""

    action: Literal["retry", "next_part", "wait", "scrap", "hold"] = Field(description="What to do.")
    times: int = Field(1, ge=1, le=100, description="How often, before the next step's turn.")


class Disturbances(Description):
    """How imperfect the simulated plant is. All zero: only the feeders' scatter and the sensors' noise."""

    lost_grip_ratio: float = Field(0.0, ge=0, le=1, description="Picks whose part slips away.")
    missing_screw_ratio: float = Field(0.0, ge=0, le=1, description="Driven screws that come off with the bit.")
    cross_thread_ratio: float = Field(0.0, ge=0, le=1, description="Screws that start crossed.")
    scratch_ratio: float = Field(0.0, ge=0, le=1, description="Caps delivered with a scratch.")
    wrong_part_ratio: float = Field(0.0, ge=0, le=1, description="Parts delivered in another variant's colour.")
    wrong_turn_ratio: float = Field(0.0, ge=0, le=1, description="Caps delivered turned by a quarter.")
    unreadable_label_ratio: float = Field(0.0, ge=0, le=1, description="Labels printed without contrast.")


class LineDocument(Document):
    """The file of a line: names of cell and product, and the set-up."""

    kind: Literal["line"]
    cell: Name = Field(description="Cell that is set up.")
    product: Name = Field(description="Product that it makes.")
    feeders: dict[Name, FeederSetup] = Field(description="What is in each feeder of the cell.")
    ideal_cycle_s: float = Field(
        gt=0,
        le=86_400,
        description="Time per unit of the undisturbed, fully loaded cell: the base of OEE's performance.",
    )
    max_units_in_work: int = Field(4, ge=1, le=1000, description="Units that may be in work at once.")
    max_reworks: int = Field(2, ge=0, le=20, description="Reworks of one unit before it is scrapped.")
    max_tool_run: int = Field(
        8, ge=0, le=1000, description="Operations that may overtake a more urgent one, to save tool changes; 0: none."
    )
    recovery: dict[str, tuple[RecoveryStep, ...]] = Field(
        default_factory=dict, description="Policy by fault code, instead of the default."
    )
    disturbances: Disturbances = Field(Disturbances(), description="How imperfect the simulated plant is.")
    time_scale: float = Field(1.0, gt=0, le=100, description="Speed of mock hardware against real time.")


class Line(LineDocument):
    """A line with all that it refers to, complete and checked."""

    cell_description: Cell
    product_description: Product
    tools: dict[Name, Annotated[Tool, Field(discriminator="device")]]

    @cached_property
    def ways(self) -> Ways:
        """The ground that each arm needs, and the zones on it."""
        return Ways(self.cell_description, self.product_description.packing)

    def feeders_of(self, part: str) -> tuple[str, ...]:
        """The feeders that offer a part, in the order of the file."""
        return tuple(name for name, setup in self.feeders.items() if setup.part == part)
