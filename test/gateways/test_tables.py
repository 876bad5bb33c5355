"""Tables of orders: any order of columns, any usual encoding, mark and date; a report row by row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.gateways import csv_orders
from microcell.gateways.cells import CellError, Habits, date_and_time, whole_number
from microcell.gateways.imported import Choices, Imported
from microcell.gateways.tables import SEPARATORS, decode_table, read_table

GERMAN = (
    "Menge;Auftrag;Artikel;Variante;Liefertermin;Priorität\r\n"
    "1.200,0;A-1;valve;adult;31.12.2026 14:00;5\r\n"
    '"3";A-1;valve;child;;\r\n'
    "12;B-2;valve;;1.2.2026;\r\n"
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


def read(text: str, encoding: str = "utf-8", **choices: str) -> Imported:
    return csv_orders.read(text.encode(encoding), "orders.csv", Choices(**choices))  # type: ignore[arg-type]


def told(found: Imported) -> list[str]:
    return [str(issue) for issue in found.issues]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_german_table_is_read_in_every_encoding(encoding: str):
    found = read(GERMAN, encoding, zone="Europe/Berlin")
    assert told(found) == []
    first, second = (imported.order for imported in found.orders)
    assert [(line.variant, line.quantity) for line in first.lines] == [("adult", 1200), ("child", 3)]
    assert (first.priority, first.due.isoformat()) == (5, "2026-12-31T14:00:00+01:00")
    assert second.due.isoformat() == "2026-02-01T23:59:59+01:00"
    assert [row.text for row in found.rows] == [
        "A-1: 1200 x valve adult",
        "A-1: 3 x valve child, one more line of it",
        "B-2: 12 x valve",
    ]


def test_columns_may_stand_in_any_order_and_unknown_ones_are_told():
    found = read("note,qty,sku,order id\nx,4,valve/child,9\n")
    assert [(o.order.order_id, o.order.lines[0].variant, o.order.quantity) for o in found.orders] == [("9", "child", 4)]
    assert any("unknown column 'note'" in str(note) for note in found.notes)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("A,valve,2.5,", "orders.csv:2:9: quantity: no whole number ('2.5'); pieces are whole."),
        ("A,valve,0,", "quantity: out of range ('0'); a whole number from 1 to 100000 is needed."),
        ("A,valve,ten,", "quantity: no number ('ten')"),
        ("A,valve,,", "orders.csv:2:1: quantity: the quantity is missing"),
        ("A,,3,", "product: the product is missing"),
        ("A b,valve,3,", "order_id: not well formed ('A b')"),
        ("A,valve,3,31.02.2026", "orders.csv:2:11: due: there is no such day ('31.02.2026')"),
        ("A,valve,3,03/04/2026", "due: '03/04/2026' may be two dates; write it as 2026-03-01, or say --dates dmy"),
        ("A,valve,3,soon", "due: no date ('soon')"),
        ("A,valve,3,2026-03-01 25:00", "due: no time of day"),
        ("A,valve,3,2099-12-31", "due: no possible date ('2099-12-31'); a date after 1970-01-01"),
        ('A,valve,"1,000",', "quantity: '1,000' may be a thousand times as many or not"),
        ("A,valve,3,\nA,valve,4,", "orders.csv:3:1: order_id: the order 'A' has this product already; it begins on line 2."),
        (
            "A,valve,3,2026-03-01\nB,valve,1,\nA,pump,4,",
            "orders.csv:4:3: product: the order 'A' has another product on line 2",
        ),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_place_and_refused(rows: str, text: str):
    found = read(f"order,product,quantity,due\n{rows}\n")
    assert any(text in line for line in told(found)), told(found)
    assert not found.rows[-1].accepted


def test_what_a_table_leaves_open_is_settled_by_its_other_cells_or_the_command_line():
    other = "order,product,quantity,due\nA,valve,3,03/04/2026\nB,valve,3,03/14/2026\n"
    assert [o.order.due.month for o in read(other).orders] == [3, 3]
    alone = 'order,product,quantity,due\nA,valve,"1,000",03/04/2026\n'
    found = read(alone, decimal=".", dates="dmy").orders[0].order
    assert (found.quantity, found.due.month) == (1000, 4)


def test_a_day_is_due_at_its_end_and_begins_at_its_beginning():
    table = "order,product,quantity,due,earliest\nA,valve,3,2026-03-02,{}\n"
    order = read(table.format("2026-03-02")).orders[0].order
    assert (order.earliest.isoformat(), order.due.isoformat()) == ("2026-03-02T00:00:00+00:00", "2026-03-02T23:59:59+00:00")
    late = told(read(table.format("2026-03-03")))
    assert late == ["orders.csv:2:22: earliest: the order is due before its earliest start; correct one of the two."]


def test_a_table_without_quantities_or_products_says_which_columns_it_needs():
    found = told(read("order,colour\nA,red\n"))
    assert any("there is no column of quantities; one of quantity, qty" in line for line in found)
    assert any("there is no column of products; add one, or say --product." in line for line in found)
    assert told(read("order,qty\nA,3\n", product="valve")) == []


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=12)
ROWS = st.lists(st.lists(st.one_of(CELL, st.just('a "b"; c,\nd')), min_size=2, max_size=4), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(SEPARATORS))
def test_what_a_spreadsheet_writes_is_what_is_read(rows: list[list[str]], separator: str):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    found = [[cell.text for cell in row] for row in read_table(out.getvalue(), separator)]
    assert found == [row for row in rows if any(row)]


@settings(max_examples=40, deadline=None)
@given(st.integers(-999_999, 999_999), st.sampled_from([",", "."]))
def test_a_whole_number_is_the_same_in_every_locale(number: int, decimal: str):
    habits = Habits(decimal)
    grouped = f"{number:,}".replace(",", "." if decimal == "," else ",")
    swiss, french = f"{number:,}".replace(",", "'"), f"{number:,}".replace(",", "\u00a0")
    for text in (str(number), grouped, f"{grouped}{decimal}00", swiss, french):
        assert whole_number(text, habits, -1_000_000, 1_000_000) == number


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-03-01T14:00:00+01:00", "2026-03-01T14:00:00+01:00"),
        ("2026-03-01 14:00 Z", "2026-03-01T14:00:00+00:00"),
        ("2026/3/1", "2026-03-01T23:59:59+00:00"),
        ("01.03.26 2:30 pm", "2026-03-01T14:30:00+00:00"),
        ("1. März 2026", "2026-03-01T23:59:59+00:00"),
        ("01-Mar-2026 08:15:30", "2026-03-01T08:15:30+00:00"),
        ("46082", "2026-03-01T23:59:59+00:00"),
        ("46082,5", "2026-03-01T12:00:00+00:00"),
    ],
)
def test_dates_are_read_as_spreadsheets_and_people_write_them(text: str, iso: str):
    assert date_and_time(text, Habits())[0].isoformat() == iso


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=24))
def test_any_other_text_is_no_date_and_never_an_error_of_ours(text: str):
    try:
        date_and_time(text, Habits("", "dmy"))
    except CellError as error:
        assert error.remedy


def test_windows_text_is_recognised():
    assert decode_table("Stück".encode("cp1252")) == ("Stück", "cp1252")
    assert decode_table("Stück".encode("utf-16")) == ("Stück", "utf-16")
