"""Tables of orders: any order of columns, any usual encoding, mark and date; a report row by row."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

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


def read(text: str, encoding: str = "utf-8", **choices: object) -> Imported:
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


def test_headers_that_nobody_knows_are_said_and_then_the_known_one_is_passed_over():
    table = "Teil | Stk. offen | Stk | Kunde\nvalve | 4 | 900 | x\n"
    assert any("no column of products" in text for text in told(read(table)))
    found = read(table, columns={"product": "teil", "quantity": "STK. OFFEN"})
    assert (told(found), found.orders[0].order.product, found.orders[0].order.quantity) == ([], "valve", 4)
    assert [str(note) for note in found.notes if "Stk" in note.what] == [
        "orders.csv:1:20: the column 'Stk' is passed over; --column says another one for quantity."
    ]
    assert told(read(table, columns={"product": "Tiel"})) == [
        "orders.csv:1:1: product: there is no header 'Tiel'; there are: 'Teil', 'Stk. offen', 'Stk', 'Kunde'. "
        "Correct --column.",
    ]


@pytest.mark.parametrize("header", ["Date", "DATUM", "Fecha"])
def test_a_date_of_which_nobody_says_what_it_is_of_is_no_due_date(header: str):
    alone = read(f"{header},order,product,qty\n2026-03-01,A,valve,4\n")
    assert told(alone) == [
        f"orders.csv:1:1: '{header}' may be the date of the order, or when it is due; say --column due={header} if it is "
        "that, else remove it."
    ]
    said = read(f"{header},order,product,qty\n2026-03-01,A,valve,4\n", columns={"due": header})
    assert (told(said), said.orders[0].order.due.day) == ([], 1)
    beside = read(f"{header},order,product,qty,due date\n2026-03-01,A,valve,4,2026-03-09\n")
    assert (told(beside), beside.orders[0].order.due.day) == ([], 9)
    assert f"the column '{header}' does not say which date it is; it is passed over." in str(beside.notes[1])


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
        ("A,valve,1 2,", "quantity: no number ('1 2')"),
        ("A,valve,1'23,", "quantity: no number ('1'23')"),
        ("A,valve,1,200,", "orders.csv:2:11: due: no date ('200')"),
        (
            "A,valve,1,2026-03-01,200",
            "orders.csv:2:22: the row has more cells than there are headers ('200'); a number with",
        ),
        ("A,valve,3,26-03-04", "due: '26-03-04' may be two dates"),
        ("A,valve,3,1 Marble 2026", "due: no date ('1 Marble 2026')"),
        ("A,valve,3,1 jui 2026", "due: no date ('1 jui 2026')"),
        ("A,valve,3,\nTotal,,3,", "orders.csv:3:1: this is a row of totals ('Total'); remove it."),
        ("A,valve,3,\n,valve/child,4,", "orders.csv:3:1: order_id: the order's id is missing; say it in every row"),
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


def test_cells_that_contradict_each_other_settle_nothing():
    dates = "order,product,quantity,due\nA,valve,3,03/04/2026\nB,valve,3,13/04/2026\nC,valve,3,04/13/2026\n"
    found = read(dates)
    assert [o.order.due.isoformat()[:10] for o in found.orders] == ["2026-04-13", "2026-04-13"]
    assert "orders.csv:2:11: due: '03/04/2026' may be two dates" in told(found)[0]
    numbers = 'order,product,quantity\nA,valve,"12,0"\nB,valve,12.0\nC,valve,1.000\n'
    assert [o.order.quantity for o in read(numbers).orders] == [12, 12]
    assert "orders.csv:4:9: quantity: '1.000' may be a thousand times as many or not" in told(read(numbers))[0]


@pytest.mark.parametrize("other", ["12 Stk.", "12.", "n/a.", "1.5.3"])
def test_a_mark_that_belongs_to_no_number_settles_nothing(other: str):
    found = read(f"order,product,quantity\nA,valve,{other}\nB,valve,1.000\n")
    assert any("'1.000' may be a thousand times" in line for line in told(found))


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ("order,product,quantity,\nA,valve,1,200\n", "orders.csv:2:11: the row has more cells than there are headers"),
        ("order,product,quantity,note\nA,valve,3,x\nB,valve,1,200,\n", "orders.csv:3:15: the row has more cells than there"),
    ],
)
def test_a_number_that_its_comma_parts_is_refused_also_where_empty_cells_end_the_rows(table: str, mistake: str):
    assert [line.startswith(mistake) for line in told(read(table))] == [True]


@pytest.mark.parametrize("table", ["order,product,quantity\nA,valve,3,,\n", ",order,product,quantity,\n0,A,valve,3,\n"])
def test_separators_that_end_every_row_and_numbers_before_them_are_no_mistake(table: str):
    assert (told(read(table)), [order.order.quantity for order in read(table).orders]) == ([], [3])


def test_a_separator_does_not_settle_the_decimal_mark():
    assert "'1,000' may be a thousand times" in told(read("order;product;quantity\nA;valve;1,000\n"))[0]


def test_points_in_dates_say_nothing_about_dates_with_strokes():
    found = read("order,product,quantity,due\nA,valve,3,03/04/2026\nB,valve,3,31.12.2026\n")
    assert "'03/04/2026' may be two dates" in told(found)[0]
    months = read("order,product,quantity,due\nA,valve,3,03.04.2026\nB,valve,3,12/31/2026\n")
    assert "'03.04.2026' may be two dates" in told(months)[0]


def test_quantities_are_pieces_whatever_stands_in_a_column_of_units():
    table = "order,product,quantity,{}\nA,valve,3,{}\n"
    for header, unit in (("unit", "pcs"), ("Einheit", "Stk."), ("UoM", "EA"), ("Unité", "pièces")):
        assert told(read(table.format(header, unit))) == []
    assert told(read(table.format("Unit", "kg"))) == [
        "orders.csv:2:11: unit: 'kg' is no unit of pieces; quantities are pieces. Convert them."
    ]
    assert "there is no column of quantities" in told(read("order,product,Menge (kg)\nA,valve,3\n"))[0]
    assert read("order,product,Menge [Stk]\nA,valve,3\n").orders[0].order.quantity == 3


def test_two_variants_never_become_one_by_their_names():
    table = "order,product,variant,quantity\nA,{},{},3\nB,valve,{},4\n"
    found = read(table.format("valve", "A+", "A-"))
    assert told(found) == [
        "orders.csv:3:9: variant: 'A-' and 'A+' would both be the variant 'a'; name them as the product does."
    ]
    assert any("'A+' is taken for the variant 'a'" in str(note) for note in found.notes)
    assert told(read(table.format("valve", "Child", "child "))) == []
    whole = read("order,product,quantity\nA,valve/A+,3\nB,valve/A-,4\nC,pump/A-,5\n")
    assert told(whole) == [
        "orders.csv:3:3: variant: 'A-' and 'A+' would both be the variant 'a'; name them as the product does."
    ]
    both = told(read(table.format("valve/adult", "child", "child")))
    assert both == ["orders.csv:2:15: variant: the product says variant 'adult', this cell 'child'; correct one of the two."]


def test_rows_of_an_order_whose_products_would_become_one_are_told_unless_their_names_are_given():
    table = "order,product,variant,quantity\nA,Kit A+,x,3\nA,Kit A-,y,4\n"
    assert told(read(table)) == [
        "orders.csv:3:3: product: 'Kit A-' and 'Kit A+' would both be the product 'kit_a'; --names FILE says which product "
        "each is."
    ]
    given = read(table, names={"Kit A+": "kit", "Kit A-": "kit"})
    assert (told(given), [line.quantity for line in given.orders[0].order.lines]) == ([], [3, 4])


@pytest.mark.parametrize(
    "headers",
    [
        "Order_Number,PRODUCT NAME,Qty.,Due-Date",
        "OrderID,ProductName,Quantity,DueDate",
        '"Order\nNo","Product  name",order qty,Due by',
        "Auftrags-Nr.,Artikel,Stueckzahl,Faellig am",
        "N° commande,Produit,Qté,Date d'échéance",
        "N\u00b0 Commande,PRODUIT,Quantite,Date de livraison",
    ],
)
def test_headers_are_known_whatever_their_case_accents_and_blanks(headers: str):
    found = read(f"{headers}\n7,valve,3,2026-03-01\n")
    assert told(found) == []
    order = found.orders[0].order
    assert (order.order_id, order.product, order.quantity, order.due.day) == ("7", "valve", 3, 1)


def test_a_time_that_clocks_leave_out_is_refused():
    table = "product,quantity,earliest\nvalve,3,{}\n"
    skipped = told(read(table.format("2026-03-29 02:30"), zone="Europe/Berlin"))
    assert "earliest: there is no such time in the zone ('2026-03-29 02:30')" in skipped[0]
    assert told(read(table.format("2026-03-29"), zone="Asia/Beirut")) == []


def test_a_day_is_due_at_its_end_and_begins_at_its_beginning():
    table = "order,product,quantity,due,earliest\nA,valve,3,2026-03-02,{}\n"
    order = read(table.format("2026-03-02")).orders[0].order
    assert (order.earliest.isoformat(), order.due.isoformat()) == ("2026-03-02T00:00:00+00:00", "2026-03-02T23:59:59+00:00")
    late = told(read(table.format("2026-03-03")))
    assert late == ["orders.csv:2:22: earliest: the order is due before its earliest start; correct one of the two."]


def test_a_table_without_quantities_or_products_says_which_columns_it_needs():
    found = told(read("order,colour\nA,red\n"))
    assert any("there is no column of quantities; one of quantity, qty" in line for line in found)
    assert any(
        "there is no column of products; add one, or say --product, or --column product=HEADER." in line for line in found
    )
    assert told(read("order,qty\nA,3\n", product="valve")) == []


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=12)
ROWS = st.lists(st.lists(st.one_of(CELL, st.just('a "b"; c,\nd')), min_size=2, max_size=4), min_size=1, max_size=6)


@settings(max_examples=60)
@given(ROWS, st.sampled_from(SEPARATORS))
def test_what_a_spreadsheet_writes_is_what_is_read(rows: list[list[str]], separator: str):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    found = [[cell.text for cell in row] for row in read_table(out.getvalue(), separator)]
    assert found == [row for row in rows if any(row)]


@settings(max_examples=40)
@given(st.integers(-999_999, 999_999), st.sampled_from([",", "."]))
def test_a_whole_number_is_the_same_in_every_locale(number: int, decimal: str):
    habits = Habits(decimal)
    grouped = f"{number:,}".replace(",", "." if decimal == "," else ",")
    swiss, french = f"{number:,}".replace(",", "\u2019"), f"{number:,}".replace(",", "\u00a0")
    for text in (str(number), grouped, f"{grouped}{decimal}00", swiss, swiss.replace("\u2019", "'"), french):
        assert whole_number(text, habits, -1_000_000, 1_000_000) == number


@settings(max_examples=80)
@given(st.dates(date(2000, 1, 1), date(2037, 12, 31)), st.lists(st.sampled_from("dm"), max_size=3), st.sampled_from("/-"))
def test_a_date_of_digits_is_the_written_one_or_refused(day: date, others: list[str], mark: str):
    """Whatever the other rows look like: of the writer's habit a row is never read as another day."""
    written = [day.strftime(f"%d{mark}%m{mark}%Y"), *(f"{'28/11' if o == 'd' else '11/28'}/2026" for o in others)]
    rows = "".join(f"valve,{number},{text}\n" for number, text in enumerate(written, 1))
    first = next((o.order for o in read(f"product,quantity,due\n{rows}").orders if o.order.quantity == 1), None)
    if "m" not in others:
        assert first is None or first.due.date() == day
    elif "d" in others and day.day <= 12 and day.day != day.month:
        assert first is None


DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%m-%Y", "%m/%d/%y", "%d-%b-%Y", "%B %d, %Y", "%Y/%m/%d")
ORDERED = st.tuples(
    st.sampled_from([1, 12, 1000, 3000, 12_345]),
    st.sampled_from(["", "0", "00", "000"]),
    st.builds(datetime.combine, st.dates(date(2026, 1, 1), date(2029, 12, 31)), st.times()),
)


@settings(max_examples=400)
@given(
    st.lists(ORDERED, min_size=1, max_size=5),
    st.sampled_from([",.", ",'", ", ", ",", ".,", ".'", "."]),
    st.sampled_from(DATES),
    st.sampled_from(["", " %H:%M", "T%H:%M:%S", " %I:%M %p"]),
    st.sampled_from(SEPARATORS),
    st.sampled_from(ENCODINGS),
)
def test_an_order_of_any_locale_is_read_as_it_was_meant_or_refused(
    orders: list[tuple[int, str, datetime]], marks: str, day: str, clock: str, separator: str, encoding: str
):
    """`marks` are the decimal mark and that of thousands."""
    out = io.StringIO(newline="")
    table = csv.writer(out, delimiter=separator)
    table.writerow(["Order ID", "Product", "Qty", "Due Date"])
    for number, (quantity, decimals, due) in enumerate(orders):
        written = f"{quantity:,}".replace(",", marks[1:]) + (f"{marks[0]}{decimals}" if decimals else "")
        table.writerow([f"o{number}", "valve", written, due.strftime(day + clock)])
    for imported in read(out.getvalue(), encoding).orders:
        quantity, _, due = orders[int(str(imported.order.order_id)[1:])]
        found = imported.order.due
        assert (imported.order.quantity, found.date()) == (quantity, due.date())
        assert not clock or (found.hour, found.minute) == (due.hour, due.minute)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-03-01T14:00:00+01:00", "2026-03-01T14:00:00+01:00"),
        ("2026-03-01 14:00 Z", "2026-03-01T14:00:00+00:00"),
        ("2026/3/1", "2026-03-01T23:59:59+00:00"),
        ("01.03.26 2:30 pm", "2026-03-01T14:30:00+00:00"),
        ("1. März 2026", "2026-03-01T23:59:59+00:00"),
        ("01-Mar-2026 08:15:30", "2026-03-01T08:15:30+00:00"),
        ("March 1, 2026", "2026-03-01T23:59:59+00:00"),
        ("5 août 2026", "2026-08-05T23:59:59+00:00"),
        ("1 juil. 2026", "2026-07-01T23:59:59+00:00"),
        ("46082", "2026-03-01T23:59:59+00:00"),
        ("46082,5", "2026-03-01T12:00:00+00:00"),
    ],
)
def test_dates_are_read_as_spreadsheets_and_people_write_them(text: str, iso: str):
    assert date_and_time(text, Habits())[0].isoformat() == iso


@settings(max_examples=80)
@given(st.text(max_size=24))
def test_any_other_text_is_no_date_and_never_an_error_of_ours(text: str):
    try:
        date_and_time(text, Habits("", "dmy"))
    except CellError as error:
        assert error.remedy


def test_windows_text_is_recognised():
    assert decode_table("Stück".encode("cp1252")) == ("Stück", "cp1252")
    assert decode_table("Stück".encode("utf-16")) == ("Stück", "utf-16")
