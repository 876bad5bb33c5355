"""A product line: one cell set up for one product."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from microcell.description.base import Description, Document, Name
from microcell.description.calibration import Calibration
from microcell.description.cartons import CartonLayout, carton_layout
from microcell.description.cell import Cell
from microcell.description.checks import ChartSpec
from microcell.description.product import Product
from microcell.description.tool import Tool
from microcell.description.zones import Ways


class FeederSetup(Description):
    """What a feeder is filled with, and when the operator brings more."""

    part: Name = Field(description="Part type in the feeder.")
    level: int | None = Field(None, ge=0, description="Pieces at the start; without it the feeder is full.")
    reorder_level: int = Field(5, ge=0, description="Simulated worlds: level at which more is brought.")
    refill_s: float = Field(60.0, ge=0, le=86_400, description="Simulated worlds: time from reorder to refill.")
    operator_refills: bool = Field(
        True,
        description="Somebody brings parts without being told: they are never short. For real hardware mostly false.",
    )


Choice = Literal["retry", "look_again", "next_part", "other", "wait", "rework", "scrap", "hold"]
"""What the cell can do about a fault by itself, and what a person can choose."""

Exchanged = Literal[
    "tool", "arm", "feeder", "fixture", "camera", "printer", "carton_station", "bin", "press", "turner", "tester"
]


class RecoveryStep(Description):
    """One thing to try. The steps of a policy are gone through in order; each has its own number of times."""

    action: Literal[Choice, "ask"] = Field(description="What to do.")
    times: int = Field(1, ge=1, le=100, description="How often, before the next step's turn.")
    kind: Exchanged | None = Field(
        None, description="`other`: what is to be exchanged; without it, the device that the fault names."
    )
    redo: tuple[Name, ...] = Field((), description="`rework`: operations that are done again, with all of their chains.")
    text: str = Field("", max_length=200, description="`ask`: the question; without it, what happened.")
    choices: tuple[Choice, ...] = Field((), description="`ask`: what the operator can choose.")
    default: Choice | None = Field(None, description="`ask`: choice when nobody has answered in time.")
    after_s: float | None = Field(None, gt=0, le=86_400, description="`ask`: how long an answer is waited for.")
    pause_s: float = Field(0.0, ge=0, le=600, description="`retry`, `look_again`: wait so long before.")


class RecoveryBudget(Description):
    """How much the cell may try by itself. Every repetition counts: retry, look_again, next_part, other, rework.

    What a person lets the cell go on with begins to count anew.
    """

    per_operation: int = Field(6, ge=1, le=1000, description="Of one operation of one unit.")
    per_unit: int = Field(20, ge=1, le=1000, description="Of all operations of one unit.")
    per_order: int = Field(5000, ge=1, le=1_000_000, description="Of all units of one order; beyond it the cell holds.")
    per_window: int = Field(60, ge=1, le=10_000, description="Within `window_s`; beyond it the cell holds.")
    window_s: float = Field(600.0, gt=0, le=86_400, description="The last so many seconds of cell time.")
    source_uses: int = Field(6, ge=1, le=20, description="Last uses of a source that are judged together.")
    source_failures: int = Field(
        3, ge=1, le=21, description="So many failures among them take it out of use; more than `source_uses`: never."
    )
    beyond: Literal["scrap", "hold"] = Field(
        "scrap", description="What becomes of a unit beyond `per_operation` or `per_unit`."
    )


class Disturbances(Description):
    """How imperfect the simulated plant is. All zero: only the feeders' scatter and the sensors' noise."""

    lost_grip_ratio: float = Field(0.0, ge=0, le=1, description="Picks whose part slips away.")
    missing_screw_ratio: float = Field(0.0, ge=0, le=1, description="Driven screws that come off with the bit.")
    cross_thread_ratio: float = Field(0.0, ge=0, le=1, description="Screws that start crossed.")
    scratch_ratio: float = Field(0.0, ge=0, le=1, description="Parts with a scratch, of those whose surface is inspected.")
    dirt_ratio: float = Field(0.0, ge=0, le=1, description="Parts with dirt on them, of those whose surface is inspected.")
    dent_ratio: float = Field(0.0, ge=0, le=1, description="Parts with a dent, of those whose surface is inspected.")
    bulge_ratio: float = Field(0.0, ge=0, le=1, description="Parts with a bulge, of those whose surface is inspected.")
    short_shot_ratio: float = Field(
        0.0, ge=0, le=1, description="Parts with material missing at the edge, of those whose outline is inspected."
    )
    burr_ratio: float = Field(
        0.0, ge=0, le=1, description="Parts with a burr at the edge, of those whose outline is inspected."
    )
    weak_ratio: float = Field(0.0, ge=0, le=1, description="Cells delivered with a voltage a tenth too low.")
    short_count_ratio: float = Field(0.0, ge=0, le=1, description="Parts, of those counted or compared, that lack a mark.")
    wrong_part_ratio: float = Field(0.0, ge=0, le=1, description="Parts delivered in another variant's colour.")
    wrong_turn_ratio: float = Field(0.0, ge=0, le=1, description="Caps delivered turned by a quarter.")
    unreadable_label_ratio: float = Field(0.0, ge=0, le=1, description="Labels printed without contrast.")
    shifted_label_ratio: float = Field(0.0, ge=0, le=1, description="Labels that slip while they are pressed on.")


class Evidence(Description):
    """The pictures that inspections leave in the folder `evidence` beside the journal."""

    pictures: int = Field(
        1000, ge=0, le=10_000_000, description="So many are kept, the newest; about 0.5 MB each. 0 = none are made."
    )
    of: Literal["all", "rejected"] = Field("all", description="Of which units.")


Shared = Literal["fixture", "carton_station", "printer"]
"""Kinds of station that a line can have for itself, besides its feeders."""


class LineDocument(Document):
    """The file of a line: names of cell and product, and the set-up."""

    kind: Literal["line"]
    cell: Name = Field(description="Cell that is set up.")
    product: Name = Field(description="Product that it makes.")
    feeders: dict[Name, FeederSetup] = Field(description="What is in each feeder of the cell.")
    uses: dict[Shared, tuple[Name, ...]] = Field(
        default_factory=dict, description="Stations of a kind that are for this line; of a kind that is not named, all."
    )
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
    recovery_budget: RecoveryBudget = Field(RecoveryBudget(), description="How much may be tried before it ends.")
    chart: ChartSpec = Field(ChartSpec(), description="How measured values are watched for drift.")
    evidence: Evidence = Field(Evidence(), description="Pictures that inspections leave.")
    disturbances: Disturbances = Field(Disturbances(), description="How imperfect the simulated plant is.")
    time_scale: float = Field(1.0, gt=0, le=100, description="Speed of mock hardware against real time.")


class Line(LineDocument):
    """A line with all that it refers to, complete and checked.

    `also` are other lines of the same cell, which it can change over to, or run as well where their set-ups agree.
    """

    cell_description: Cell
    product_description: Product
    tools: dict[Name, Annotated[Tool, Field(discriminator="device")]]
    calibrations: dict[Name, Calibration] = Field(default_factory=dict)
    """By camera. What they say of its optics stands in `cell_description` already."""
    also: tuple[Line, ...] = ()

    @cached_property
    def ways(self) -> Ways:
        """The ground that each arm needs, and the zones on it."""
        return Ways(self.cell_description, self.carton)

    @cached_property
    def carton(self) -> CartonLayout:
        """Where units stand in a carton."""
        return carton_layout(self.product_description)

    def feeders_of(self, part: str) -> tuple[str, ...]:
        """The feeders that offer a part, in the order of the file."""
        return tuple(name for name, setup in self.feeders.items() if setup.part == part)

    @property
    def every(self) -> tuple[Line, ...]:
        """This line and those that the same cell can run besides."""
        return (self, *self.also)

    def making(self, product: str) -> Line:
        """The line of the cell that makes a product, "" for this one; KeyError where none does."""
        return self if product in ("", self.product) else self._others[product]

    def makes(self, product: str) -> bool:
        """Whether some line of the cell makes a product; "" is this one's."""
        return product in ("", self.product) or product in self._others

    @cached_property
    def _others(self) -> dict[str, Line]:
        """The other lines of the cell by their products; each knows all the rest."""
        alone = (self.beside(()), *self.also)
        return {line.product: line.beside(tuple(other for other in alone if other is not line)) for line in self.also}

    def beside(self, others: tuple[Line, ...]) -> Line:
        """The same line in a cell that can run these lines as well."""
        return self.model_copy(update={"also": tuple(other.model_copy(update={"also": ()}) for other in others)})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Line:
        """A copy that works out anew what follows from what is changed."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("_others", None)
        if update and {"cell_description", "product_description"} & update.keys():
            for name in ("ways", "carton"):
                copy.__dict__.pop(name, None)
        return copy

    def works_with(self, device: str) -> bool:
        """Whether this line may use a device: not where it names others of the kind."""
        spec = self.cell_description.devices.get(device)
        return spec is None or spec.kind not in self.uses or device in self.uses[spec.kind]
