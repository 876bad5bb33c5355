"""What arguments of the command line are read with; a ValueError or ArgumentTypeError becomes the usage's text."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date

MOST_DOMAIN = 232
"""The highest ROS_DOMAIN_ID whose ports exist."""


def domain(text: str) -> int:
    """A ROS_DOMAIN_ID."""
    if not (text.isdecimal() and int(text) <= MOST_DOMAIN):
        raise argparse.ArgumentTypeError(f"'{text}' is not a domain from 0 to {MOST_DOMAIN}")
    return int(text)


def day(text: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day such as 2026-01-31") from None


def ratio(text: str) -> float:
    """A share."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not from 0 to less than 1")
    return value


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Numbers greater than 0."""

    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"'{text}' is not greater than 0")
        return value

    parse.__name__ = "number"
    return parse
