"""What an importer makes of a file: typed orders, what the file says about parts, and everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from microcell.description.order import Order
from microcell.errors import Issue
from microcell.geometry import Vector


@dataclass(frozen=True)
class WantedPart:
    """A part that an order wants, and where; `place` is a quadrant, a seat or "". Lengths m, angles rad."""

    part: str
    quantity: int = 1
    place: str = ""
    xyz_m: Vector | None = None
    rpy_rad: Vector | None = None
    direction: Vector | None = None


@dataclass(frozen=True)
class ProcessStep:
    """One step of a work instruction: what goes in and what comes out, as (item, quantity)."""

    process: str
    inputs: tuple[tuple[str, int], ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Release:
    """When an order becomes known: after so many seconds, after another order, or when a part is placed somewhere."""

    after_s: float | None = None
    after_order: str = ""
    after_part: str = ""
    at: str = ""


@dataclass(frozen=True)
class ImportedOrder:
    """One order with what the other system says beyond our own model.

    `called` is the product's name over there, `materials` are those of all that is made, with variants in them.
    """

    order: Order
    line: int = 1
    called: str = ""
    task: str = ""
    release: Release | None = None
    station: str = ""
    carriers: tuple[str, ...] = ()
    tray: str = ""
    parts: tuple[WantedPart, ...] = ()
    steps: tuple[ProcessStep, ...] = ()
    command: str = ""
    materials: tuple[str, ...] = ()


@dataclass(frozen=True)
class StockItem:
    """Parts that a file says are there: in a bin, on a carrier, on a belt."""

    part: str
    quantity: int
    place: str
    flipped: bool = False


@dataclass(frozen=True)
class RowReport:
    """What became of one row of a table."""

    line: int
    text: str
    accepted: bool


@dataclass(frozen=True)
class Imported:
    """The result of reading one file. Where `issues` are, the orders without mistakes are there all the same."""

    file: str
    format: str
    orders: tuple[ImportedOrder, ...] = ()
    issues: tuple[Issue, ...] = ()
    notes: tuple[Issue, ...] = ()
    stock: tuple[StockItem, ...] = ()
    trays: tuple[tuple[str, str], ...] = ()
    """(tray, place) pairs."""
    challenges: tuple[tuple[str, str], ...] = ()
    """(kind, what it concerns): disturbances that the file announces."""
    rows: tuple[RowReport, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What a file cannot say itself.

    `names` maps the other system's names to `product` or `product/variant` of ours; `product` is that of rows without
    one. `decimal` ("," or "."), `dates` ("dmy" or "mdy") and `zone` settle what a spreadsheet leaves open; `sheet` names
    that of a workbook; `columns` the header of a table's column by what the column is (`csv_orders.COLUMNS`).
    """

    names: dict[str, str] = field(default_factory=dict)
    product: str = ""
    decimal: str = ""
    dates: str = ""
    zone: str = "UTC"
    sheet: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
