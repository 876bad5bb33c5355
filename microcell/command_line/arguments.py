"""What the commands' arguments have in common: how values are read, and those that several commands take.

A ValueError or ArgumentTypeError becomes the usage's text.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

WORLDS = ("virtual", "mock", "gazebo", "real")
ORDER_FORMATS = ("own", "csv", "xlsx", "b2mml", "nexus", "ariac")
TABLE_COLUMNS = ("order_id", "product", "variant", "quantity", "unit", "priority", "due", "earliest")

MOST_WIDTH_PX = 4000
"""Of a picture: one of twice its width is drawn first, in memory."""

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


def column_of_table(text: str) -> tuple[str, str]:
    """What a table's column is, and its header."""
    column, equals, header = text.partition("=")
    if column.strip() not in TABLE_COLUMNS or not equals or not header.strip():
        known = ", ".join(TABLE_COLUMNS)
        raise argparse.ArgumentTypeError(f"'{text}' is not COLUMN=HEADER, such as quantity='Qty open', with one of {known}")
    return column.strip(), header.strip()


def positive(kind: type[int] | type[float], most: float = math.inf) -> Callable[[str], float]:
    """Numbers greater than 0, up to the most that is possible."""

    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"'{text}' is not greater than 0")
        if value > most:
            raise argparse.ArgumentTypeError(f"'{text}' is too much: {most:g} at most")
        return value

    parse.__name__ = "number"
    return parse


def size(text: str) -> tuple[float, float, float]:
    """Length x width x height, m."""
    try:
        length, width, height = (float(edge) for edge in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not length x width x height in m, such as 0.4x0.3x0.2") from None
    if not all(0 < edge < float("inf") for edge in (length, width, height)):
        raise argparse.ArgumentTypeError(f"'{text}' has an edge that is not greater than 0")
    return length, width, height


def add_command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """Add a command; its help is also its description."""
    return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")


def takes_line(parser: argparse.ArgumentParser) -> None:
    """Which line."""
    parser.add_argument("line", metavar="LINE", help="name of a shipped line, or the path of a line's YAML file")


def takes_json(parser: argparse.ArgumentParser) -> None:
    """Whether a machine reads the answer."""
    parser.add_argument("--json", action="store_true", help="for machines: JSON on standard output")


def takes_cell(parser: argparse.ArgumentParser) -> None:
    """Which running cell."""
    parser.add_argument("--cell", default="", help="namespace of the cell; default: the only one that answers")


def takes_what(parser: argparse.ArgumentParser, product: bool = False) -> None:
    """What to produce. With `product` it may be named; without, orders may be files."""
    if product:
        parser.add_argument("--product", help="default: that of the running line")
    else:
        text = "an order as YAML, or a file of other systems (see import); may be repeated"
        parser.add_argument("--order", type=Path, action="append", default=[], metavar="FILE", help=text)
    parser.add_argument("--quantity", type=positive(int), metavar="N", help="so many units")
    parser.add_argument("--variant", help="of the product; default: the product's default variant")


def takes_foreign(parser: argparse.ArgumentParser, product: bool = True) -> None:
    """How files of other systems are to be read."""
    group = parser.add_argument_group("orders of other systems")
    group.add_argument("--format", choices=ORDER_FORMATS, help="of the file; default: told from its content")
    if product:
        group.add_argument("--product", help="for a table without a column of products")
    group.add_argument("--names", type=Path, metavar="FILE", help="YAML: our 'product' or 'product/variant' for theirs")
    group.add_argument("--decimal", choices=(",", "."), help="the table's decimal mark, where it does not tell")
    group.add_argument("--dates", choices=("dmy", "mdy"), help="the table's order of day and month, where it does not tell")
    group.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="COLUMN=HEADER",
        type=column_of_table,
        help=f"which header a table's column has ({', '.join(TABLE_COLUMNS)}); may be repeated",
    )
    group.add_argument("--sheet", metavar="NAME", help="of a workbook; default: the only visible one that has orders")
    group.add_argument("--zone", default="UTC", help="time zone of dates without one (default: %(default)s)")


def takes_keys(parser: argparse.ArgumentParser) -> None:
    """Where the site's keys are."""
    parser.add_argument(
        "--keys", type=Path, metavar="DIR", help="folder of keys; default: $MICROCELL_KEYS, else ~/.config/microcell/keys"
    )


def takes_also(parser: argparse.ArgumentParser) -> None:
    """Other lines of the same cell."""
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="LINE",
        help="another line of the same cell: made as well where both are set up, else after a change of the line",
    )
