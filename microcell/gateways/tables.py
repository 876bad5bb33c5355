"""Tables as spreadsheets export them: any usual encoding and separator, every cell with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from microcell.description.source import Unusable

MAX_ROWS, MAX_CELLS, MAX_CELL = 20_000, 200, 500
SEPARATORS = (";", ",", "\t", "|")
_BOMS = ((b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig"),
         (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # fmt: skip
_SPACES = " \u00a0\u202f\t"


@dataclass(frozen=True)
class Cell:
    """A cell's text without blanks around it, and where it begins, from 1."""

    text: str
    line: int
    column: int


Row = tuple[Cell, ...]


def decode_table(content: bytes) -> tuple[str, str]:
    """The text of a table and the name of its encoding: by its byte order mark, by its zeros, else UTF-8 or cp1252."""
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "") or _unmarked(content)
    try:
        return content.decode(encoding).removeprefix("\ufeff"), encoding
    except UnicodeDecodeError as error:
        what = f"the byte 0x{content[error.start]:02x} at {error.start} is not {encoding}"
        raise Unusable(what, "UTF-8, UTF-16 and Windows-1252 are read. Save the table as UTF-8.") from None


def _unmarked(content: bytes) -> str:
    """UTF-16 without a mark has zeros in every second byte of plain text."""
    even, odd = content[0:2000:2].count(0), content[1:2000:2].count(0)
    if max(even, odd) * 2 > len(content[:2000]) * 0.6:
        return "utf-16-be" if even > odd else "utf-16-le"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def read_table(text: str, separator: str) -> list[Row]:
    """The rows that are not empty. A quoted cell may hold separators, line ends and doubled quotes."""
    rows: list[Row] = []
    for row in _rows(text, separator):
        if len(row) > MAX_CELLS:
            raise Unusable(
                f"a row has more than {MAX_CELLS} cells", "tables of orders are narrow. Correct the row.", row[0].line
            )
        if any(cell.text for cell in row):
            rows.append(row)
        if len(rows) > MAX_ROWS + 1:
            raise Unusable(f"the table has more than {MAX_ROWS} rows", "split it.", row[0].line)
    return rows


def _rows(text: str, separator: str) -> Iterator[Row]:
    """A small machine over characters: the places of cells that hold line ends need one."""
    row: list[Cell] = []
    at, line, begun = 0, 1, 0
    end = len(text)
    while at < end:
        cell, at, line, begun = _cell(text, at, line, begun, separator)
        row.append(cell)
        if at < end and text[at] == separator:
            at += 1
            if at == end:
                row.append(Cell("", line, at - begun + 1))
            continue
        yield tuple(row)
        row = []
        at += 2 if text.startswith("\r\n", at) else 1
        line, begun = line + 1, at
    if row:
        yield tuple(row)


def _cell(text: str, at: int, line: int, begun: int, separator: str) -> tuple[Cell, int, int, int]:
    """One cell from `at` on, with what follows: place, line, and where that line begins."""
    place = line, at - begun + 1
    while at < len(text) and text[at] in _SPACES and text[at] != separator:
        at += 1
    if not text.startswith('"', at):
        stop = at
        while stop < len(text) and text[stop] not in (separator, "\r", "\n"):
            stop += 1
        return Cell(bounded(text[at:stop].strip(_SPACES), *place), *place), stop, line, begun
    parts, at = [], at + 1
    while True:
        close = text.find('"', at)
        if close < 0:
            raise Unusable("a quoted cell has no end", "close its quotes.", *place)
        piece = text[at:close]
        if breaks := piece.count("\n") or piece.count("\r"):
            line, begun = line + breaks, at + max(piece.rfind("\n"), piece.rfind("\r")) + 1
        parts.append(piece)
        if text.startswith('""', close):
            parts.append('"')
            at = close + 2
            continue
        at = close + 1
        break
    while at < len(text) and text[at] not in (separator, "\r", "\n"):
        if text[at] not in _SPACES:
            raise Unusable("text follows the quotes of a cell", "double the quotes that belong to it.", line, at - begun + 1)
        at += 1
    return Cell(bounded("".join(parts).strip(), *place), *place), at, line, begun


def bounded(text: str, line: int, column: int) -> str:
    """The text of a cell at a place; Unusable where it is too long to be one."""
    if len(text) > MAX_CELL:
        raise Unusable(f"a cell has more than {MAX_CELL} characters", "is a quote missing? Correct the cell.", line, column)
    return text


def best_separator(text: str, is_known: Callable[[str], bool]) -> str:
    """The separator with which the first row has most known headers; a line `sep=;` above says it itself."""
    if said := re.match(r'"?sep=(.)"?[ \t]*(?:[\r\n]|\Z)', text, re.IGNORECASE):
        return said[1]
    return max(SEPARATORS, key=lambda separator: _known_headers(text, separator, is_known))


def _known_headers(text: str, separator: str, is_known: Callable[[str], bool]) -> tuple[int, int]:
    """How many known headers the first row has with a separator, and how many cells."""
    try:
        row = next(_rows(text, separator), ())
    except Unusable:
        return 0, 0
    return sum(is_known(cell.text) for cell in row), len(row)
