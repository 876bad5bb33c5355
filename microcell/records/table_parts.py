"""What the tables of a report are made of: numbers, units and limits as people read them."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, an exponent only where it needs one; "-" for none."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 10**6:
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    return f"{value:.{digits - 1}e}"


def percent(ratio: float | None) -> str:
    """A ratio as people say it."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


def duration(seconds: float | None) -> str:
    """A time in the unit that suits its size."""
    if seconds is None:
        return "-"
    if seconds < 600:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def gauge_unit(unit: str, largest: float) -> tuple[str, float]:
    """The unit to show a value in, and the factor to it."""
    if unit != "m" or largest >= 1.0:
        return unit, 1.0
    return ("mm", 1e3) if largest >= 1e-3 else ("µm", 1e6)


def limits_in_words(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return f">= {number(lower)}" if lower is not None else f"<= {number(upper)}" if upper is not None else "-"
    return f"{number(lower)} to {number(upper)}"


def table_of(title: str, *columns: str) -> Table:
    """A table. A column whose name begins with ">" is aligned right; only the first one breaks its lines."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.show_edge = table.pad_edge = False
    for column in columns:
        right = column.startswith(">")
        wraps = {"overflow": "fold"} if not table.columns else {"no_wrap": True}
        table.add_column(column.lstrip(">"), justify="right" if right else "left", **wraps)
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table that has rows."""
    if table.row_count:
        console.print(table, "")
