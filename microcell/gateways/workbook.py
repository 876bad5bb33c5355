"""Orders in a workbook (.xlsx): one sheet becomes the rows of a table. Places are its row and the number of its column.

A workbook says what a saved table does not: which cells are numbers and dates, what is merged, what is hidden. What a
planner does not see, and what may be meant in two ways, is refused.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from microcell.description.source import Unusable
from microcell.description.wording import listed
from microcell.errors import Issue
from microcell.gateways import csv_orders
from microcell.gateways.imported import Choices, Imported
from microcell.gateways.tables import MAX_CELLS, MAX_ROWS, Cell, Row, bounded

MAX_BYTES, MAX_PARTS, MAX_PLACES = 16_000_000, 2_000, 1_000_000
"""Of a workbook when it is unpacked: its bytes, the files in it, and the cells from a sheet's first to its last."""
SAVE_AS_CSV = "or save the sheet as CSV (UTF-8) in a program for spreadsheets, and import that"
_DIGITS = re.compile(r"0+\Z")
"""Number formats that write a number with so many digits, as 0007."""


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import the sheet of orders: that of `choices.sheet`, else the only visible one with a column of quantities."""
    _check_packed(content)
    values, formulas = _opened(content, values=True), _opened(content, values=False)
    tables = {sheet.title: _rows(sheet, formulas[sheet.title]) for sheet in _sheets(values, choices.sheet)}
    name = _chosen(tables, choices)
    found = csv_orders.read_rows(tables[name], file, choices, "xlsx", f"sheet '{name}'")
    issues = (*found.issues, *_hidden_rows(values[name], file, tables[name]), *_merged_rows(values[name], file))
    notes = found.notes
    if others := [sheet for sheet in values.sheetnames if sheet != name]:
        what = f"sheets that are not read: {listed(map(repr, others))}"
        notes = (*notes, Issue(file, 1, 1, "", what, "--sheet NAME says another."))
    return replace(found, issues=tuple(sorted(issues)), notes=notes)


def _check_packed(content: bytes) -> None:
    """Refuse what is no .xlsx, and what would unpack to more than can be orders."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise Unusable("this is no workbook that can be read (.xlsx)", f"save it as .xlsx, {SAVE_AS_CSV}.") from None
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise Unusable("this is a packed file, and no workbook (.xlsx)", f"save it as .xlsx, {SAVE_AS_CSV}.")
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_BYTES:
        what = f"the workbook has more than {MAX_PARTS} parts, or {MAX_BYTES} bytes when it is unpacked"
        raise Unusable(what, f"copy the orders into a new one, {SAVE_AS_CSV}.")


def _opened(content: bytes, values: bool) -> Any:
    """The workbook with the values that were saved with it, or with its formulas."""
    try:
        import openpyxl
    except ImportError:
        what = "this is a workbook, and openpyxl, which reads it, is not installed here"
        raise Unusable(what, f"install it with 'pip install openpyxl' (the extra 'excel'), {SAVE_AS_CSV}.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # drawings, validations and the like that it passes over
            return openpyxl.load_workbook(io.BytesIO(content), data_only=values, keep_links=False)
    except Exception as error:  # noqa: BLE001 - a library reads a file of others, and names no errors of its own
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise Unusable(f"the workbook is broken ({reason})", f"save it anew as .xlsx, {SAVE_AS_CSV}.") from None


def _sheets(workbook: Any, wanted: str) -> list[Any]:
    """The sheet of a name, or all visible ones; charts have no cells."""
    known = {sheet.title: sheet for sheet in workbook.worksheets}
    if wanted and wanted not in known:
        raise Unusable(f"there is no sheet '{wanted}'", f"there are: {listed(map(repr, known))}. Correct --sheet.")
    found = [known[wanted]] if wanted else [sheet for sheet in known.values() if sheet.sheet_state == "visible"]
    if not found:
        raise Unusable("the workbook has no visible sheet", "--sheet NAME says a hidden one.")
    return found


def _chosen(tables: dict[str, list[Row]], choices: Choices) -> str:
    """The only sheet that has a column of quantities; where none has, the first that is not empty tells what it lacks."""
    filled = [name for name, rows in tables.items() if rows]
    if not filled:
        raise Unusable("the sheet is empty", "a row of headers and a row for each line of an order are needed.")
    orders = [name for name in filled if csv_orders.has_quantities(tables[name][0], choices)]
    if len(orders) > 1:
        raise Unusable(f"{listed(map(repr, orders))} all look like orders", "--sheet NAME says which is to be read.")
    return (orders or filled)[0]


def _rows(sheet: Any, formulas: Any) -> list[Row]:
    """The rows of a sheet that are not empty; raises Unusable for one that is too large."""
    if sheet.max_row * sheet.max_column > MAX_PLACES:
        what = f"the sheet '{sheet.title}' reaches down to row {sheet.max_row} and {sheet.max_column} columns wide"
        raise Unusable(what, f"delete what is formatted beyond the orders, {SAVE_AS_CSV}.")
    rows = [row for row in map(tuple, _read_rows(sheet, formulas)) if any(cell.text for cell in row)]
    width = max((number for row in rows for number, cell in enumerate(row, 1) if cell.text), default=0)
    if width > MAX_CELLS or len(rows) > MAX_ROWS + 1:
        what = f"the sheet '{sheet.title}' has more than {MAX_ROWS} rows or {MAX_CELLS} columns"
        raise Unusable(what, "tables of orders are narrow. Split it.")
    return [row[:width] for row in rows]


def _read_rows(sheet: Any, formulas: Any) -> Iterator[list[Cell]]:
    for number, (row, written) in enumerate(zip(sheet.iter_rows(), formulas.iter_rows(), strict=True), 1):
        yield [
            Cell(bounded(_text(cell, formula.value), number, column), number, column)
            for column, (cell, formula) in enumerate(zip(row, written, strict=True), 1)
        ]


def _text(cell: Any, written: object) -> str:
    """A cell as a table has it; a formula without a saved value as it stands, which is refused where it matters."""
    value = cell.value
    if value is None:
        computed = written is None or cell.data_type == "str"  # an empty text is a value, too
        return "" if computed else str(getattr(written, "text", written))[:80]
    if isinstance(value, datetime):
        moment = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        return f"{moment:%Y-%m-%d}" if moment.time() == moment.min.time() else f"{moment:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).strip(" \t\r\n\u00a0\u202f")
    text = str(value) if isinstance(value, int) else f"{value:.15g}"
    if _DIGITS.match(shown := _number_format(cell)):
        return text.zfill(len(shown))
    return f"{text}0" if re.search(r"\.\d{3}\Z", text) else text  # 1.200 might be thousands elsewhere; here it is not


def _number_format(cell: Any) -> str:
    """How a cell writes its number; "" where the workbook does not have the format that the cell names."""
    try:
        return cell.number_format or ""
    except IndexError:
        return ""


def _hidden_rows(sheet: Any, file: str, rows: list[Row]) -> list[Issue]:
    """A mistake where rows are hidden, or filtered away: whether they count, the table does not say."""
    hidden = [row[0].line for row in rows if sheet.row_dimensions[row[0].line].hidden]
    what = f"{len(hidden)} row{'s are' if len(hidden) > 1 else ' is'} hidden, or filtered away"
    return [Issue(file, hidden[0], 1, "", what, "show what is to be made, and delete the rest.")] if hidden else []


def _merged_rows(sheet: Any, file: str) -> list[Issue]:
    """A mistake for each place where cells of several rows are one: the lower rows have no value of their own."""
    what, remedy = "cells of several rows are merged", "separate them, and say in every row what it has."
    return [Issue(file, m.min_row, m.min_col, "", what, remedy) for m in sheet.merged_cells.ranges if m.max_row > m.min_row]
