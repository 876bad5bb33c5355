"""How much a running cell takes in. Beyond it says no, clearly and at once; what it has taken it keeps.

Descriptions and files have their limits where they are read: `description/source.py`, `description/order.py`,
`motion/robot_file.py`, `motion/xacro_files.py`. docs/security.md lists all of them.
"""

from __future__ import annotations

import re

from microcell.errors import UsageError

MAX_OPEN_ORDERS = 20_000
MAX_ORDER_UNITS = 100_000
"""Of one order, over all of its lines."""

MAX_TEXT = 500
"""Characters of a reason or an answer that somebody gives; it goes into the journal."""

KEPT_ENDED_ORDERS = 200
"""Ended orders that a running cell still lists; the journal has them all."""

KEPT_SERIALS = 1_000
"""Last serials that an order's state names; the journal has them all."""

SHOWN_NAMES = 10
"""Names in a message that says what there is."""


_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, and those that turn the direction of what follows."""


def check_text(name: str, text: str, most: int = MAX_TEXT) -> None:
    """Raise `UsageError` for a text that is too long, or would do something to a terminal that shows it."""
    if len(text) > most:
        raise UsageError(f"{name} is too long: {len(text)} characters, {most} are allowed. Say it shorter.")
    if wrong := _NO_TEXT.search(text):
        raise UsageError(f"{name} holds the character U+{ord(wrong.group()):04X}. Give plain text on one line.")


def some(names: list[str]) -> str:
    """The first of some names for a message, and how many more there are."""
    more = len(names) - SHOWN_NAMES
    return (", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")) or "none"
