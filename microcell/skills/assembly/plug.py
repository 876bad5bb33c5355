"""Plug the held connector in, within its force limit, and pull at it: a latch that has snapped in holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.skills.contract import SkillContext
from microcell.skills.guarded import READINGS
from microcell.skills.inserting import Inserting, InsertParameters
from microcell.skills.peg_in_hole import Insertion

PULL_M_S = 0.002
HELD_RATIO = 0.7
"""Share of the pull that a good latch is felt to hold: the rest is the wrist's own give."""


class PlugParameters(InsertParameters):
    """As for insert, and how hard the plug is pulled afterwards."""

    pull_n: float = Field(5.0, gt=0, le=500, description="Pull that the latch must withstand.")


class Plug(Inserting):
    """Plug a connector in.

    All that `insert` does, and then a pull on the connector that is still in the hand: PLUG_NOT_LATCHED when it gives way.
    Measures `<operation>.force`, `<operation>.depth` and `<operation>.pull`.
    """

    name = "plug"
    summary = "Plugs the held connector in and pulls at it, to feel that its latch holds."
    Parameters = PlugParameters
    faults = (*Inserting.faults, "PLUG_NOT_LATCHED")

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 6.0

    async def prove(self, context: SkillContext, sensor: ForceSensor, insertion: Insertion) -> tuple[Measurement, ...]:
        """Pull at the connector as far as the wrist needs for the force, feel it, and go back."""
        wanted = PlugParameters.model_validate(dict(context.goal.parameters))
        context.say("pull", 0.7, f"pulling at the {wanted.item}")
        seated = await self.motion.tcp_in_cell()
        up_m = insertion.seat.position[2] - seated.position[2] + wanted.pull_n / insertion.stiffness.axial_n_m
        await self.motion.move_straight(seated.shifted(dz=up_m), PULL_M_S)
        held_n = -sum([(await sensor.read()).pressing_n for _ in range(READINGS)]) / READINGS
        least_n = HELD_RATIO * wanted.pull_n
        if held_n < least_n:
            detail = f"pulled with {wanted.pull_n:.1f} N, {wanted.site} held {max(0.0, held_n):.1f} N"
            raise FaultError("PLUG_NOT_LATCHED", self.motion.name, detail)
        await self.motion.move_straight(seated, PULL_M_S)
        return (Measurement(f"{context.goal.operation}.pull", held_n, "N", lower=least_n, source="force_sensor"),)


PLUGIN = Plug
