"""Workbooks: cells as the planner sees them, one sheet, and nothing read that could be meant otherwise."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.cli import main
from microcell.description.source import Unusable
from microcell.gateways import workbook
from microcell.gateways.formats import import_file
from microcell.gateways.imported import Choices, Imported

openpyxl = pytest.importorskip("openpyxl", reason="the extra 'excel' is not installed: pip install openpyxl")


def day(*at: int) -> datetime:
    """A date as workbooks have it: without a zone."""
    return datetime(*at)  # type: ignore[arg-type]  # noqa: DTZ001


HEADERS = ("Order", "Product", "Variant", "Quantity", "Due date")
ROWS = (HEADERS, ("A-1", "valve", "adult", 12, day(2026, 3, 1)), ("A-1", "valve", "child", 3.0, None))


def book(*rows: tuple[Any, ...], change: Callable[[Any], None] = lambda book: None) -> bytes:
    """A workbook with a sheet `Orders`."""
    made = openpyxl.Workbook()
    made.active.title = "Orders"
    for row in rows:
        made.active.append(row)
    change(made)
    return saved(made)


def saved(made: Any) -> bytes:
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def edited(content: bytes, part: str, old: str, new: str) -> bytes:
    """A workbook with another text in one of its parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(stream, "w") as written:
        for name in packed.namelist():
            text = packed.read(name)
            assert name != part or old.encode() in text
            written.writestr(name, text.replace(old.encode(), new.encode()) if name == part else text)
    return stream.getvalue()


def read(content: bytes, **choices: str) -> Imported:
    return workbook.read(content, "orders.xlsx", Choices(**choices))  # type: ignore[arg-type]


def told(found: Imported) -> list[str]:
    return [str(issue) for issue in found.issues]


def test_a_workbook_is_read_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "orders.xlsx"
    path.write_bytes(book(*ROWS))
    assert main(["import", str(path), "--zone", "Europe/Berlin"]) == 0
    assert "A-1: 12 x valve adult, 3 x valve child, priority 0, due 2026-03-01T23:59:59+01:00" in capsys.readouterr().out
    found = import_file(path)
    assert (found.format, [row.line for row in found.rows]) == ("xlsx", [2, 3])
    assert "read as sheet 'Orders'; columns: order_id ('Order')" in str(found.notes[0])


def test_dates_have_their_time_to_the_second():
    order = read(book(HEADERS, ("A", "valve", "adult", 1, day(2026, 3, 1, 13, 59, 59, 999_000)))).orders[0].order
    assert order.due.isoformat() == "2026-03-01T14:00:00+00:00"


def test_numbers_are_numbers_whatever_marks_the_texts_beside_them_have():
    texts = ("A", "valve", "adult", "1.200,0", None)
    exact = told(read(book(HEADERS, texts, ("B", "valve", "adult", 1.234, None))))
    assert exact == ["orders.xlsx:3:4: quantity: no whole number ('1.2340'); pieces are whole. Correct it."]
    assert read(book(HEADERS, texts, ("B", "valve", "adult", 0.1 * 30, None))).orders[1].order.quantity == 3


def test_ids_keep_the_zeros_that_their_format_shows():
    def as_shown(made: Any) -> None:
        made.active["A2"].number_format = "0000"

    found = read(book(HEADERS, (7, "valve", "adult", 1, None), change=as_shown))
    assert found.orders[0].order.order_id == "0007"


def test_a_formula_has_the_value_that_was_saved_or_is_refused():
    content = book(HEADERS, ("A", "valve", "adult", "=3*4", "=B9"))
    mistakes = told(read(content))
    assert "orders.xlsx:2:4: quantity: a formula without a value ('=3*4'); correct it, or write the value." in mistakes
    sheet = "xl/worksheets/sheet1.xml"
    computed = edited(content, sheet, "<f>3*4</f><v />", "<f>3*4</f><v>12</v>")
    assert "orders.xlsx:2:5: due: a formula without a value ('=B9'); correct it, or write the value." in told(read(computed))
    empty = edited(computed, sheet, '<c r="E2"><f>B9</f><v />', '<c r="E2" t="str"><f>B9</f><v />')
    assert (told(read(empty)), read(empty).orders[0].order.quantity) == ([], 12)
    failed = edited(empty, sheet, '<c r="D2"><f>3*4</f><v>12</v>', '<c r="D2" t="e"><f>3*4</f><v>#N/A</v>')
    assert "a formula without a value ('#N/A')" in told(read(failed))[0]


def test_what_is_hidden_or_merged_is_refused():
    def hide(made: Any) -> None:
        made.active.row_dimensions[3].hidden = True

    def merge(made: Any) -> None:
        made.active.merge_cells("E2:E3")

    assert told(read(book(*ROWS, change=hide))) == [
        "orders.xlsx:3:1: 1 row is hidden, or filtered away; show what is to be made, and delete the rest."
    ]
    assert told(read(book(*ROWS, change=merge))) == [
        "orders.xlsx:2:5: cells of several rows are merged; separate them, and say in every row what it has."
    ]


def test_of_several_sheets_the_one_with_quantities_is_read_and_the_others_are_told():
    def add(made: Any) -> None:
        made.create_sheet("Notes", 0).append(("Remarks",))
        made.create_sheet("Old").append(HEADERS)
        made["Old"].sheet_state = "hidden"

    found = read(book(*ROWS, change=add))
    assert (told(found), len(found.orders)) == ([], 1)
    assert "sheets that are not read: 'Notes', 'Old'; --sheet NAME says another." in str(found.notes[-1])
    assert read(book(*ROWS, change=add), sheet="Old").orders == ()
    with pytest.raises(Unusable, match="there is no sheet 'Neu'"):
        read(book(*ROWS, change=add), sheet="Neu")


def test_two_sheets_of_orders_are_not_guessed_between():
    content = book(*ROWS, change=lambda made: made.create_sheet("May").append(HEADERS))
    with pytest.raises(Unusable, match="'Orders', 'May' all look like orders"):
        read(content)
    assert len(read(content, sheet="Orders").orders) == 1


def test_a_sheet_that_reaches_too_far_is_refused():
    def far(made: Any) -> None:
        made.active["XFD1048576"] = " "

    with pytest.raises(Unusable, match="reaches down to row 1048576 and 16384 columns wide"):
        read(book(*ROWS, change=far))


def test_a_workbook_that_unpacks_to_too_much_is_refused():
    stream = io.BytesIO(book(*ROWS))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/bomb", bytes(workbook.MAX_BYTES))
    with pytest.raises(Unusable, match="when it is unpacked"):
        read(stream.getvalue())


def test_without_openpyxl_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "orders.xlsx").write_bytes(book(*ROWS))
    told = str(import_file(tmp_path / "orders.xlsx").issues[0])
    assert "install it with 'pip install openpyxl' (the extra 'excel'), or save the sheet as CSV" in told


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(allow_nan=False), st.datetimes(day(1901, 1, 1)),
    st.sampled_from(["valve", "12", "1.200", "=A1", "#REF!", "A" * 600]),
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES, VALUES), max_size=4))
def test_no_cell_gets_the_reader_into_trouble(rows: list[tuple[Any, ...]]):
    try:
        found = read(book(HEADERS, *rows))
    except Unusable as error:
        assert error.remedy
    else:
        assert all(0 < imported.order.quantity <= 100_000_000 for imported in found.orders)


CONTENT = book(*ROWS)


@settings(max_examples=100)
@given(st.data())
def test_no_damage_of_a_workbook_gets_the_reader_into_trouble(data: st.DataObject):
    with zipfile.ZipFile(io.BytesIO(CONTENT)) as packed:
        names = packed.namelist()
        name = data.draw(st.sampled_from(names))
        text = packed.read(name)
    at, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    put = data.draw(st.sampled_from([b"", b"0", b"-1", b"<", b"&x;", b"NaN", b"9" * 30, b'r="A1" r="B1"']))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(CONTENT)) as packed, zipfile.ZipFile(stream, "w") as written:
        for each in names:
            written.writestr(each, text[:at] + put + text[end:] if each == name else packed.read(each))
    try:
        read(stream.getvalue())
    except Unusable as error:
        assert error.remedy
