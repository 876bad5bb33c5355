"""Numbers and dates in the cells of a table. What one cell leaves open, the others of the table may settle."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from microcell.description.order import POSSIBLE_DATES, is_possible
from microcell.errors import UsageError
from microcell.gateways.naming import plain

_BLANKS = "' \u00a0\u202f\u2019"
"""What stands between thousands and is never a decimal mark."""
_NUMBER = re.compile(rf"[+-]?\d{{1,15}}(?:[.,]\d+)*\Z|[+-]?\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?:[.,]\d+)?\Z")
_WHOLE = r"[+-]?(?:[1-9]\d{{0,2}}(?:\{}\d{{3}})+|\d+)"
"""Digits, or groups of three of them behind a mark."""
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\Z")
_SHORT = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})\Z")
_NAMED = re.compile(r"(?P<day>\d{1,2})[-. ]{1,2}(?P<month>[^\W\d]{3,12})\.?[-. ]{1,2}(?P<year>\d{4})\Z")
_NAMED_FIRST = re.compile(r"(?P<month>[^\W\d]{3,12})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})\Z")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?\Z")
_ZONE = re.compile(r"(.*\d)\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})\Z")
_SERIAL = re.compile(r"[34-6]\d{4}(?:[.,]\d+)?\Z")
_MONTHS = (
    "january januar janvier enero", "february februar fevrier febrero", "march maerz marz mrz mars marzo",
    "april avril abril", "may mai mayo", "june juni juin junio", "july juli juillet julio", "august aout agosto",
    "september septembre septiembre", "october oktober octobre octubre", "november novembre noviembre",
    "december dezember decembre diciembre",
)  # fmt: skip
"""Names of the months without accents; any beginning that fits one month only is understood."""
_SERIAL_ZERO = datetime(1899, 12, 30, tzinfo=timezone.utc)
BEGIN_OF_DAY, END_OF_DAY = time(0, 0), time(23, 59, 59)


class CellError(Exception):
    """A cell that cannot be read: what is wrong, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Habits:
    """How a table writes: its decimal mark and the order of day and month; "" where nothing tells."""

    decimal: str = ""
    dates: str = ""
    zone: tzinfo = timezone.utc


def zone_of(name: str) -> tzinfo:
    """A time zone by name; UsageError where there is none."""
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"no time zone '{name}' is known here; Europe/Berlin is one.") from None


def habits_of(numbers: Iterable[str], dates: Iterable[str], given: Habits) -> Habits:
    """What the cells of a table tell, unless they contradict each other; what is given wins."""
    marks = {mark for text in numbers if (mark := _mark(text))}
    orders = {order for text in dates if (order := _order(text))}
    decimal = marks.pop() if len(marks) == 1 else ""
    return Habits(given.decimal or decimal, given.dates or (orders.pop() if len(orders) == 1 else ""), given.zone)


def _mark(text: str) -> str:
    """The decimal mark with which alone a number has a value, "" where there is none or both do."""
    marks = [mark for mark in ".," if _NUMBER.match(text) and _value(_joined(text), mark) is not None]
    return marks[0] if len(marks) == 1 else ""


def _order(text: str) -> str:
    """Whether a date tells that days or months come first; with points, days always do."""
    found = _SHORT.match(re.split(r"[T ]", text)[0])
    orders = _possible(found) if found and found[2] != "." else {}
    return next(iter(orders)) if len(orders) == 1 else ""


def whole_number(text: str, habits: Habits, least: int, most: int) -> int:
    """A whole number within bounds, `12`, `12,0` and `1.200` among them; raises CellError."""
    if not _NUMBER.match(text):
        raise CellError(f"no number ('{text[:40]}')", f"a whole number from {least} to {most} is needed. Correct it.")
    number = _number(_joined(text), habits.decimal)
    if number != number.to_integral_value():
        raise CellError(f"no whole number ('{text}')", "pieces are whole. Correct it.")
    if not least <= number <= most:
        raise CellError(f"out of range ('{text}')", f"a whole number from {least} to {most} is needed. Correct it.")
    return int(number)


def _joined(text: str) -> str:
    """A number without what stands between its thousands and is never a decimal mark."""
    return re.sub(f"[{_BLANKS}]", "", text)


def _number(text: str, decimal: str) -> Decimal:
    """The value of a number with a decimal mark, or the only one that it can have."""
    values = {value for mark in decimal or ".," if (value := _value(text, mark)) is not None}
    if len(values) > 1:
        what = f"'{text}' may be a thousand times as many or not"
        raise CellError(what, "write it without a mark, or say --decimal ',' or --decimal '.'.")
    if not values:
        why = f"'{decimal}' is the decimal mark of this table" if decimal else "its marks are not those of a number"
        raise CellError(f"no number ('{text}')", f"{why}. Correct it.")
    return values.pop()


def _value(text: str, decimal: str) -> Decimal | None:
    """The value of digits and marks where one of those is the decimal mark; None where they are no number then."""
    thousands = "." if decimal == "," else ","
    whole, _, rest = text.partition(decimal)
    if not re.fullmatch(_WHOLE.format(thousands), whole) or not re.fullmatch(r"\d*", rest):
        return None
    return Decimal(f"{whole.replace(thousands, '')}.{rest or 0}")


def date_and_time(text: str, habits: Habits, alone: time = END_OF_DAY) -> tuple[datetime, bool]:
    """A date with zone, and whether the zone was said; `alone` is the time of a date alone. Raises CellError."""
    moment, with_zone = _moment(text, habits, alone)
    if not is_possible(moment):
        raise CellError(f"no possible date ('{text[:40]}')", f"{POSSIBLE_DATES}.")
    return moment, with_zone


def _moment(text: str, habits: Habits, alone: time) -> tuple[datetime, bool]:
    if _SERIAL.match(text):  # how spreadsheets count days
        days = float(text.replace(",", "."))
        found = _SERIAL_ZERO + timedelta(seconds=round(days * 86_400))
        moment = found.replace(tzinfo=None)
        return _zoned(moment if days % 1 else datetime.combine(moment, alone), None, habits)
    zone = None
    if ":" in text and (said := _ZONE.match(text)):
        text, zone = said[1], said[2]
    day, clock = _split(text.strip())
    when = _date(day, habits)
    moment, with_zone = _zoned(datetime.combine(when, _time(clock, text) if clock else alone), zone, habits)
    if clock and moment.astimezone(timezone.utc).astimezone(moment.tzinfo) != moment:
        raise CellError(f"there is no such time in the zone ('{text}')", "clocks are put forward then. Correct it.")
    return moment, with_zone


def _split(text: str) -> tuple[str, str]:
    """Date and time of a text, "" without a time."""
    found = re.match(r"(.*?)(?:[T ]+(\d{1,2}:.*))?\Z", text)
    return (found[1].rstrip(","), found[2] or "") if found else (text, "")


def _zoned(moment: datetime, zone: str | None, habits: Habits) -> tuple[datetime, bool]:
    if zone is None:
        return moment.replace(tzinfo=habits.zone), False
    if zone in ("Z", "UTC", "GMT"):
        return moment.replace(tzinfo=timezone.utc), True
    sign, hours, minutes = (-1 if zone[0] == "-" else 1), int(zone[1:3]), int(zone[-2:])
    if hours > 14 or minutes > 59:
        raise CellError(f"no time zone ('{zone}')", "one such as +01:00 is needed. Correct it.")
    return moment.replace(tzinfo=timezone(sign * timedelta(hours=hours, minutes=minutes))), True


def _date(text: str, habits: Habits) -> date:
    if found := _ISO.match(text):
        return _day(int(found[1]), int(found[2]), int(found[3]), text)
    if (found := _NAMED.match(text) or _NAMED_FIRST.match(text)) and (month := _month(found["month"])):
        return _day(int(found["year"]), month, int(found["day"]), text)
    if found := _SHORT.match(text):
        return _short(found, habits.dates, text)
    raise CellError(f"no date ('{text[:40]}')", "one such as 2026-03-01 or 2026-03-01 14:00 is needed. Correct it.")


def _month(name: str) -> int:
    """Number of a month by the beginning of its name, 0 for none or several."""
    begin = plain(name)
    found = [number for number, names in enumerate(_MONTHS, 1) if any(each.startswith(begin) for each in names.split())]
    return found[0] if len(found) == 1 else 0


def _short(found: re.Match[str], habit: str, text: str) -> date:
    """A date of digits only: in the table's order, or in the only one that is possible."""
    orders = _possible(found)
    points = found[2] == "."
    if len(set(orders.values())) > 1 and (habit == "mdy" if points else not habit):
        raise CellError(f"'{text}' may be two dates", "write it as 2026-03-01, or say --dates dmy or --dates mdy.")
    wanted = "dmy" if points else habit
    if orders and (wanted in orders or not wanted):
        return orders[wanted] if wanted else next(iter(orders.values()))
    raise CellError(f"there is no such day ('{text}')", "correct the date.")


def _possible(found: re.Match[str]) -> dict[str, date]:
    """The dates that digits may be, by the order of year, month and day."""
    a, b, c = int(found[1]), int(found[3]), int(found[4])
    year = c + 2000 if c < 100 else c
    read = {"dmy": (year, b, a), "mdy": (year, a, b)}
    if found[2] == "-" and len(found[4]) == 2:  # 26-03-01 may be a shortened 2026-03-01
        read["ymd"] = a + 2000, b, c
    possible = {}
    for order, numbers in read.items():
        with suppress(CellError):
            possible[order] = _day(*numbers, "")
    return possible


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        if not 1990 <= year <= 2200:
            raise ValueError
        return date(year, month, day)
    except ValueError:
        raise CellError(f"there is no such day ('{text}')", "correct the date.") from None


def _time(text: str, whole: str) -> time:
    found = _TIME.match(text.strip())
    hour = int(found[1]) if found else 99
    if found and found[4]:
        hour = hour % 12 + (12 if found[4].lower() == "p" else 0) if 1 <= hour <= 12 else 99
    try:
        return time(hour, int(found[2]) if found else 0, int(found[3] or 0) if found else 0)
    except ValueError:
        raise CellError(f"no time of day ('{whole[:40]}')", "one such as 14:00 is needed. Correct it.") from None
