"""An order: what to make, how many, how urgent."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from microcell.description.base import ORDER_ID_PATTERN, Description, Name

OrderId = Annotated[str, StringConstraints(pattern=ORDER_ID_PATTERN, max_length=63)]


FIRST_DATE, LAST_DATE = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(2038, 1, 19, tzinfo=timezone.utc)
"""Dates between these can go over ROS: seconds since 1970 in 32 bits, none of them for no date."""

POSSIBLE_DATES = f"a date after {FIRST_DATE:%Y-%m-%d} and before {LAST_DATE:%Y-%m-%d} is needed; leave it away for none"
_NEEDED = "a date and time with zone such as 2026-03-01T14:00:00+01:00 is needed"
_DATE = TypeAdapter(AwareDatetime)


def is_possible(date: datetime) -> bool:
    """Whether an order may have this date."""
    return FIRST_DATE < date < LAST_DATE


def _parsed(value: Any) -> Any:
    """Read a date's text, which a strict validator does not do behind this one.

    A number is refused, which would be taken for seconds since 1970.
    """
    if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip("+-.0123456789 ") == ""):
        raise ValueError(_NEEDED)
    try:
        return _DATE.validate_python(value) if isinstance(value, str) else value
    except ValidationError:
        raise ValueError(_NEEDED) from None


def _possible(date: datetime) -> datetime:
    if not is_possible(date):
        raise ValueError(POSSIBLE_DATES)
    return date


Due = Annotated[AwareDatetime, BeforeValidator(_parsed), AfterValidator(_possible)]


OnShortage = Literal["wait", "hold", "partial", "substitute", "refuse"]
"""What to do with an order for which the parts are not enough."""


class OrderLine(Description):
    """So many of one variant; without a variant, the product's default."""

    variant: Name | None = Field(None, description="Without it, the product's default variant.")
    quantity: int = Field(ge=1, le=100_000, description="Units.")


class Order(Description):
    """One order. `due` is a date and time with zone; higher priority goes first, 0 is normal."""

    kind: Literal["order"] = "order"
    order_id: OrderId | None = Field(None, description="Without it, the cell gives one.")
    product: Name = Field(description="Must be the line's product.")
    lines: tuple[OrderLine, ...] = Field(min_length=1, max_length=1000, description="How many of which variant.")
    priority: int = Field(0, ge=-100, le=100, description="Higher goes first.")
    due: Due | None = Field(None, description="Date and time with zone; among equal priorities the earlier goes first.")
    replace_scrapped: bool = Field(True, description="Make another unit for each scrapped one.")
    earliest: Due | None = Field(None, description="Date and time with zone before which no unit of it is begun.")
    allowed_to_start: bool = Field(True, description="Without it the order is only stored, until it is commanded to start.")
    on_shortage: OnShortage = Field(
        "wait",
        description="When parts are short before the start. wait: begin, and wait for parts; hold: wait for a decision; "
        "partial: make what the parts are enough for; substitute: other variants by `substitutes`; refuse: do not take it.",
    )
    substitutes: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict, description="Variants that may be delivered in place of another, the best first."
    )

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)
