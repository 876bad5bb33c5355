"""Solid shapes of tools and stations: what a moving arm must not touch, and what a picture shows."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag

from microcell.description.base import Description, PoseSpec, PositiveMetre


class ShapeBase(Description):
    """A solid. Its origin is its middle."""

    at: PoseSpec = Field(PoseSpec(), description="Its middle, in the frame of what it belongs to.")


class BoxShape(ShapeBase):
    """A box."""

    box_m: tuple[PositiveMetre, PositiveMetre, PositiveMetre] = Field(description="Its edges along x, y and z.")


class CylinderShape(ShapeBase):
    """A cylinder along z."""

    radius_m: PositiveMetre = Field(description="Its radius.")
    length_m: PositiveMetre = Field(description="Its length along z.")


class SphereShape(ShapeBase):
    """A sphere."""

    sphere_radius_m: PositiveMetre = Field(description="Its radius.")


def _which(value: Any) -> str:
    keys = value if isinstance(value, dict) else getattr(type(value), "model_fields", {})
    return "box" if "box_m" in keys else "sphere" if "sphere_radius_m" in keys else "cylinder"


ShapeSpec: TypeAlias = Annotated[
    Annotated[BoxShape, Tag("box")] | Annotated[CylinderShape, Tag("cylinder")] | Annotated[SphereShape, Tag("sphere")],
    Discriminator(_which),
]
