"""Orders as a table: a row for each line of an order, columns in any order, a report row by row.

Rows with one order's id are lines of that order; then they say the same product, priority and dates, or nothing.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import datetime

from microcell.description.order import Order, OrderLine
from microcell.description.source import Unusable
from microcell.description.wording import listed, near
from microcell.errors import Issue
from microcell.gateways import cells
from microcell.gateways.cells import CellError, Habits
from microcell.gateways.imported import Choices, Imported, ImportedOrder, RowReport
from microcell.gateways.naming import is_order_id, is_pieces, parts_of, plain, product_of, same_name, slug
from microcell.gateways.tables import Cell, Row, best_separator, decode_table, read_table

COLUMNS = {
    "order_id": ("order_id", "order", "order no.", "order number", "order nr", "order #", "id", "auftrag",
                 "auftragsnummer", "auftrags-nr.", "bestellung", "bestellnummer", "bestell-nr.", "commande", "n° commande",
                 "numéro de commande", "pedido"),
    "product": ("product", "product name", "item", "article", "sku", "material", "produkt", "artikel", "produit",
                "producto"),
    "variant": ("variant", "version", "type", "option", "variante", "ausführung", "typ"),
    "quantity": ("quantity", "qty", "amount", "count", "pieces", "pcs", "units", "order quantity", "order qty", "menge",
                 "anzahl", "stück", "stk", "stückzahl", "bestellmenge", "quantité", "qté", "cantidad"),
    "unit": ("unit", "uom", "unit of measure", "einheit", "mengeneinheit", "me", "unité", "unidad"),
    "priority": ("priority", "prio", "urgency", "priorität", "dringlichkeit", "priorité", "prioridad"),
    "due": ("due", "due date", "due by", "deadline", "delivery date", "needed by", "required date", "termin", "liefertermin",
            "lieferdatum", "wunschtermin", "fällig", "fällig am", "échéance", "date d'échéance", "date de livraison",
            "fecha de entrega"),
    "earliest": ("earliest", "earliest start", "start", "start date", "not before", "frühestens", "beginn", "starttermin"),
}  # fmt: skip
"""Headers by column; case, accents, blanks and marks make no difference. Others are passed over and told."""

KNOWN = {plain(header): column for column, headers in COLUMNS.items() for header in headers}
ANY_DATE = frozenset(("date", "datum", "fecha"))
"""Headers of a date of which they do not say whether the order was written or is due on it."""
TOTALS = frozenset(map(plain, ("total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "gesamtsumme",
                               "insgesamt", "zwischensumme", "somme", "total général", "suma")))  # fmt: skip
NO_VALUES = frozenset(("#N/A", "#NV", "#REF!", "#BEZUG!", "#VALUE!", "#WERT!", "#DIV/0!", "#NAME?", "#NUM!", "#ZAHL!",
                       "#NULL!"))  # fmt: skip
"""What spreadsheets write where a formula has no value."""
MAX_LINES = 1_000


@dataclass
class _Building:
    """An order whose rows are being read."""

    order_id: str | None
    product: str
    called: str
    first: int
    priority: int | None = None
    due: datetime | None = None
    earliest: datetime | None = None
    lines: dict[str | None, int] = field(default_factory=dict)


@dataclass
class _Table:
    """A table that is read: what its columns are, how it writes, and what was found wrong."""

    file: str
    columns: dict[str, int]
    habits: Habits
    choices: Choices
    issues: list[Issue] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)
    width: int = 0
    """Cells up to the last header that is not empty."""
    usual: int = 0
    """Cells that a row may have, empty ones at its end included: as many as the headers, or as every row has."""
    has_ids: bool = False
    variants: dict[tuple[str, str], str] = field(default_factory=dict)
    """What they are called in the table, by our names of product and variant."""

    def cell(self, row: Row, column: str) -> Cell | None:
        """A row's cell of a column, None where it has none or an empty one."""
        index = self.columns.get(column, len(row))
        return row[index] if index < len(row) and row[index].text else None

    def wrong(self, cell: Cell, column: str, what: str, remedy: str) -> None:
        self.issues.append(Issue(self.file, cell.line, cell.column, column, what, remedy))


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import every row that can be understood."""
    text, encoding = decode_table(content)
    separator = best_separator(text, lambda header: _column(header, choices) is not None)
    rows = read_table(text, separator)
    if rows and rows[0][0].text.lower().startswith("sep="):
        rows = rows[1:]
    if not rows:
        raise Unusable("the table is empty", "a row of headers and a row for each line of an order are needed.")
    how = f"{encoding}, '{'tab' if separator == chr(9) else separator}' between cells"
    return read_rows(rows, file, choices, "csv", how)


def read_rows(rows: list[Row], file: str, choices: Choices, format: str, how: str) -> Imported:
    """Import the rows of a table, its headers first; `format` and `how` say what it was read from."""
    table = _table(rows, file, choices)
    orders: dict[str, _Building] = {}
    reports = [_take(table, row, orders) for row in rows[1:]] if "quantity" in table.columns else []
    columns = (f"{name} ('{rows[0][index].text}')" for name, index in table.columns.items())
    told = Issue(file, rows[0][0].line, 1, "", f"read as {how}", f"columns: {listed(columns)}.")
    found = tuple(_order(building) for building in orders.values())
    return Imported(file, format, found, tuple(sorted(table.issues)), (told, *sorted(table.notes)), rows=tuple(reports))


def has_quantities(headers: Row, choices: Choices) -> bool:
    """Whether one of the headers is that of a column of quantities."""
    return any(_column(header.text, choices) == "quantity" for header in headers)


def _column(header: str, choices: Choices) -> str | None:
    """The column that a header names; a unit of pieces may stand behind it in brackets. What was chosen counts alone."""
    chosen = next((column for column, name in choices.columns.items() if plain(name) == plain(header)), None)
    name, _, unit = header.rstrip(")] ").partition("(" if "(" in header else "[")
    known = KNOWN.get(plain(name if unit and is_pieces(unit) else header))
    return chosen or (None if known in choices.columns else known)


def _table(rows: list[Row], file: str, choices: Choices) -> _Table:
    columns: dict[str, int] = {}
    named = [index for index, header in enumerate(rows[0], 1) if header.text]
    usual = max(len(rows[0]), min(map(len, rows[1:]), default=0))
    table = _Table(file, columns, Habits(), choices, width=named[-1], usual=usual)
    undecided: list[Cell] = []
    for index, header in enumerate(rows[0]):
        column = _column(header.text, choices)
        if column is None and plain(header.text) in ANY_DATE:
            undecided.append(header)
        elif column is None and (meant := _column(header.text, Choices())):
            what = f"the column '{header.text[:40]}' is passed over"
            table.notes.append(Issue(file, header.line, header.column, "", what, f"--column says another one for {meant}."))
        elif column is None and header.text:
            match = near(header.text.lower(), (name for names in COLUMNS.values() for name in names))
            hint = f"it is passed over; did you mean '{match}'?" if match else "it is passed over."
            table.notes.append(Issue(file, header.line, header.column, "", f"unknown column '{header.text[:40]}'", hint))
        elif column is not None and column in columns:
            table.wrong(header, column, f"two columns are '{column}'", "keep one of them.")
        elif column is not None:
            columns[column] = index
    for header in undecided:
        _tell_date(table, header)
    for column, name in choices.columns.items():
        if column not in columns:
            remedy = f"there are: {listed(repr(header.text[:40]) for header in rows[0] if header.text)}. Correct --column."
            table.issues.append(Issue(file, rows[0][0].line, 1, column, f"there is no header '{name}'", remedy))
    if "quantity" not in {*columns, *choices.columns}:
        remedy = f"one of {listed(COLUMNS['quantity'])} is needed in the first row. Add it, or say --column quantity=HEADER."
        table.issues.append(Issue(file, rows[0][0].line, 1, "", "there is no column of quantities", remedy))
    if "product" not in {*columns, *choices.columns} and not choices.product:
        remedy = "add one, or say --product, or --column product=HEADER."
        table.issues.append(Issue(file, rows[0][0].line, 1, "", "there is no column of products", remedy))
    table.has_ids = bool(_texts(table, rows, "order_id"))
    numbers = (_without_unit(text) for text in _texts(table, rows, "quantity", "priority"))
    dates = _texts(table, rows, "due", "earliest")
    given = Habits(choices.decimal, choices.dates, cells.zone_of(choices.zone))
    table.habits = cells.habits_of(numbers, dates, given)
    return table


def _tell_date(table: _Table, header: Cell) -> None:
    """A column of dates that does not say of what: with dates due in a column of their own it is another, else it may be."""
    if "due" in table.columns:
        what = f"the column '{header.text}' does not say which date it is"
        table.notes.append(Issue(table.file, header.line, header.column, "", what, "it is passed over."))
    else:
        what = f"'{header.text}' may be the date of the order, or when it is due"
        table.wrong(header, "", what, f"say --column due={shlex.quote(header.text)} if it is that, else remove it.")


def _texts(table: _Table, rows: list[Row], *columns: str) -> list[str]:
    return [cell.text for row in rows[1:] for name in columns if (cell := table.cell(row, name))]


def _take(table: _Table, row: Row, orders: dict[str, _Building]) -> RowReport:
    """Add a row to its order; what became of it."""
    before = len(table.issues)
    _check_row(table, row)
    quantity = _number(table, row, "quantity", 1, 100_000)
    called = cell.text if (cell := table.cell(row, "product")) else table.choices.product
    if not called and "product" in table.columns:
        table.wrong(row[0], "product", "the product is missing", "say it in the row, or --product.")
    product, variant = product_of(called, table.choices) if called else ("", None)
    variant = _variant(table, row, called, product, variant)
    building = _building(table, row, product, called, orders)
    if quantity is not None and building is not None and variant in building.lines:
        which = f"variant '{variant}'" if variant else "this product"
        what = f"the order '{building.order_id}' has {which} already"
        table.wrong(
            table.cell(row, "order_id") or row[0], "order_id", what, f"it begins on line {building.first}. Remove one."
        )
    if building is not None and len(building.lines) >= MAX_LINES:
        table.wrong(row[0], "order_id", f"the order has more than {MAX_LINES} lines", "split it.")
    if len(table.issues) > before or building is None or quantity is None:
        return RowReport(row[0].line, "; ".join(issue.what for issue in table.issues[before:]) or "no product", False)
    key = building.order_id or f"#{row[0].line}"
    joined = key in orders
    orders[key] = building
    building.lines[variant] = quantity
    text = f"{building.order_id or 'an order'}: {quantity} x {product}" + (f" {variant}" if variant else "")
    return RowReport(row[0].line, text + (", one more line of it" if joined else ""), True)


def _check_row(table: _Table, row: Row) -> None:
    """Tell what is no line of an order, or belongs to none of the columns."""
    first = next(cell for cell in row if cell.text)
    if plain(first.text) in TOTALS:
        table.wrong(first, "", f"this is a row of totals ('{first.text}')", "remove it.")
    beyond = next((cell for cell in row[table.width :] if cell.text), None) or next(iter(row[table.usual :]), None)
    if beyond is not None:
        what = "the row has more cells than there are headers" + (f" ('{beyond.text[:40]}')" if beyond.text else "")
        table.wrong(beyond, "", what, "a number with a comma, or a text with separators, stands in quotes. Correct it.")
    for column in table.columns:
        if (cell := table.cell(row, column)) and (cell.text.startswith("=") or cell.text in NO_VALUES):
            table.wrong(cell, column, f"a formula without a value ('{cell.text[:40]}')", "correct it, or write the value.")
    unit = table.cell(row, "unit")
    if unit is not None and not is_pieces(unit.text):
        table.wrong(unit, "unit", f"'{unit.text[:40]}' is no unit of pieces", "quantities are pieces. Convert them.")


def _variant(table: _Table, row: Row, called: str, product: str, of_product: str | None) -> str | None:
    """The variant that a row names in its own column or with the product."""
    cell, text = table.cell(row, "variant"), parts_of(called, table.choices)[1]
    if cell is not None:
        text, variant = cell.text, slug(cell.text)
    elif of_product is not None:
        cell, variant = table.cell(row, "product") or row[0], of_product
    else:
        return None
    known = table.variants.get((product, variant))
    if of_product not in (None, variant):
        what = f"the product says variant '{of_product}', this cell '{text[:40]}'"
        table.wrong(cell, "variant", what, "correct one of the two.")
    elif known is not None and not same_name(known, text):
        what = f"'{text[:40]}' and '{known[:40]}' would both be the variant '{variant}'"
        table.wrong(cell, "variant", what, "name them as the product does.")
    elif known is None and not same_name(variant, text):
        what = f"'{text[:40]}' is taken for the variant '{variant}'"
        table.notes.append(Issue(table.file, cell.line, cell.column, "variant", what, "name it as the product does."))
    table.variants.setdefault((product, variant), text)
    return variant


def _building(table: _Table, row: Row, product: str, called: str, orders: dict[str, _Building]) -> _Building | None:
    """The order that a row belongs to: a new one, or one above that it agrees with."""
    priority = _number(table, row, "priority", -100, 100)
    due, earliest = _date(table, row, "due"), _date(table, row, "earliest")
    if due and earliest and earliest >= due:
        what = "the order is due before its earliest start"
        table.wrong(table.cell(row, "earliest") or row[0], "earliest", what, "correct one of the two.")
    given = table.cell(row, "order_id")
    if given is not None and not is_order_id(given.text):
        remedy = "letters, digits, '_', '.' and '-' are possible, 63 at most. Correct it."
        table.wrong(given, "order_id", f"not well formed ('{given.text[:60]}')", remedy)
        return None
    if given is None and table.has_ids:
        remedy = "say it in every row of the order, also where cells are merged, or in none."
        table.wrong(row[0], "order_id", "the order's id is missing", remedy)
        return None
    known = orders.get(given.text) if given else None
    if known is None or given is None:
        return (
            _Building(given.text if given else None, product, called, row[0].line, priority, due, earliest)
            if product
            else None
        )
    if product == known.product and not same_name(*(parts_of(name, table.choices)[0] for name in (called, known.called))):
        what = f"'{called[:40]}' and '{known.called[:40]}' would both be the product '{product}'"
        remedy = "--names FILE says which product each is."
        table.wrong(table.cell(row, "product") or given, "product", what, remedy)
    told = (("product", product or None), ("priority", priority), ("due", due), ("earliest", earliest))
    for name, value in told:
        if value is not None and value != getattr(known, name):
            what = f"the order '{given.text}' has another {name} on line {known.first}"
            table.wrong(table.cell(row, name) or given, name, what, "give this row its own id, or make them agree.")
    return known


def _number(table: _Table, row: Row, column: str, least: int, most: int) -> int | None:
    cell = table.cell(row, column)
    if cell is None:
        if column == "quantity":
            table.wrong(
                row[0], column, "the quantity is missing", f"a whole number from {least} to {most} is needed. Add it."
            )
        return None
    try:
        return cells.whole_number(_without_unit(cell.text), table.habits, least, most)
    except CellError as error:
        table.wrong(cell, column, error.what, error.remedy)
        return None


def _without_unit(text: str) -> str:
    """The number of a text such as `12 pcs`; any other text as it is."""
    number, _, unit = text.rpartition(" ")
    return number.rstrip() if number and unit[:1].isalpha() and is_pieces(unit) else text


def _date(table: _Table, row: Row, column: str) -> datetime | None:
    cell = table.cell(row, column)
    if cell is None:
        return None
    try:
        alone = cells.BEGIN_OF_DAY if column == "earliest" else cells.END_OF_DAY
        found, with_zone = cells.date_and_time(cell.text, table.habits, alone)
    except CellError as error:
        table.wrong(cell, column, error.what, error.remedy)
        return None
    if not with_zone and not any("zone" in note.what for note in table.notes):
        what = "dates have no time zone"
        table.notes.append(
            Issue(table.file, cell.line, cell.column, column, what, f"they are taken as {table.choices.zone}.")
        )
    return found


def _order(building: _Building) -> ImportedOrder:
    order = Order(
        order_id=building.order_id,
        product=building.product,
        lines=tuple(OrderLine(variant=variant, quantity=quantity) for variant, quantity in building.lines.items()),
        priority=building.priority or 0,
        due=building.due,
        earliest=building.earliest,
    )
    return ImportedOrder(order, building.first, building.called)
