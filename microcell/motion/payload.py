"""What an arm carries against what it may: mass at the flange, and the moment that it makes there."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.description.cell import ArmSpec
from microcell.description.extents import top_m
from microcell.description.line import Line
from microcell.description.product import Part, Product, Screw
from microcell.description.tool import Tool
from microcell.faults import FaultError
from microcell.geometry import Vector
from microcell.motion.carried import UNIT, part_in_tcp_of, unit_parts


@dataclass(frozen=True, slots=True)
class Mass:
    """A mass, kg, and its centre in some frame, m."""

    mass_kg: float = 0.0
    centre_m: Vector = (0.0, 0.0, 0.0)

    def with_mass(self, other: Mass) -> Mass:
        """Both together; the frames are the same."""
        total = self.mass_kg + other.mass_kg
        if total <= 0.0:
            return self
        x, y, z = (
            (self.mass_kg * a + other.mass_kg * b) / total for a, b in zip(self.centre_m, other.centre_m, strict=True)
        )
        return Mass(total, (x, y, z))

    @property
    def distance_m(self) -> float:
        """Of the centre from the frame's origin, m."""
        return sum(c * c for c in self.centre_m) ** 0.5


def part_mass(part: Part) -> Mass:
    """A part's mass, its centre in the part's frame: the middle of its shape."""
    shape = part.shape
    low_m = -shape.length_m if isinstance(shape, Screw) else 0.0
    return Mass(part.mass_kg, (0.0, 0.0, (low_m + top_m(part)) / 2))


def unit_mass(product: Product, variant: str = "") -> Mass:
    """A finished unit's mass, its centre in the unit's frame; "" is the default variant."""
    total = Mass()
    for name, pose in unit_parts(product, variant):
        part = part_mass(product.parts[name])
        total = total.with_mass(Mass(part.mass_kg, pose.apply(part.centre_m)))
    return total


def carried_mass(tool: Tool | None, part: Mass | None = None) -> Mass:
    """Tool and part together, in the flange's frame; the part's centre is in the TCP's."""
    if tool is None:
        return Mass()
    total = Mass(tool.mass_kg, tool.centre_of_gravity_m)
    if part is not None:
        total = total.with_mass(Mass(part.mass_kg, tool.tcp_in_flange.pose.apply(part.centre_m)))
    return total


def check_payload(spec: ArmSpec, arm: str, tool: Tool | None, part: Mass | None = None) -> None:
    """ARM_OVERLOADED, with by how much, when tool and part are too heavy for an arm or reach too far out.

    The part's centre is in the TCP's frame. The arm may carry `payload_kg` with its centre `payload_reach_m` from the
    flange; less may be further out, as long as the moment (mass times distance) is no greater.
    """
    load = carried_mass(tool, part)
    limit = spec.payload_kg
    if load.mass_kg > limit:
        detail = f"{load.mass_kg:.3g} kg are {load.mass_kg - limit:.2g} kg more than the {limit:g} kg that it may carry"
        raise FaultError("ARM_OVERLOADED", arm, f"{_what(tool, part)}: {detail}")
    moment, moment_limit = load.mass_kg * load.distance_m, limit * spec.payload_reach_m
    if moment > moment_limit:
        detail = (
            f"{load.mass_kg:.3g} kg at {load.distance_m * 1e3:.0f} mm from the flange make {moment:.3g} kg m, "
            f"{moment - moment_limit:.2g} kg m more than the {moment_limit:.3g} kg m that it may carry"
        )
        raise FaultError("ARM_OVERLOADED", arm, f"{_what(tool, part)}: {detail}")


def check_carrying(line: Line, arm: str, tool: str, part: str = "", variant: str = "") -> None:
    """ARM_OVERLOADED when an arm of a line can't carry a tool and a part of the product (or `UNIT`), by their names."""
    product = line.product_description
    held = None
    if part:
        mass = unit_mass(product, variant) if part == UNIT else part_mass(product.parts[part])
        grasp = product.unit_grasp if part == UNIT else product.parts[part].grasp
        held = Mass(mass.mass_kg, part_in_tcp_of(grasp).apply(mass.centre_m))
    check_payload(line.cell_description.devices[arm], arm, line.tools[tool] if tool else None, held)  # type: ignore[arg-type]


def _what(tool: Tool | None, part: Mass | None) -> str:
    name = tool.name if tool is not None else "the bare flange"
    return f"{name} and part" if part is not None else name
