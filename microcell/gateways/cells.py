"""Numbers and dates in the cells of a table. What one cell leaves open, the others of the table may settle."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from microcell.description.order import POSSIBLE_DATES, is_possible
from microcell.errors import UsageError

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,' \u00a0\u202f]\d+)*\Z")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\Z")
_SHORT = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})\Z")
_NAMED = re.compile(r"(\d{1,2})[-. ]{1,2}([^\W\d]{3,12})\.?[-. ]{1,2}(\d{4})\Z")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?\Z")
_ZONE = re.compile(r"(.*\d)\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})\Z")
_SERIAL = re.compile(r"[34-6]\d{4}(?:[.,]\d+)?\Z")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"), 1
    )
    for name in names.split()
}
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


def habits_of(numbers: Iterable[str], dates: Iterable[str], separator: str, given: Habits) -> Habits:
    """What the cells of a table tell; what is given wins."""
    return Habits(given.decimal or _decimal(list(numbers), separator), given.dates or _order(dates), given.zone)


def _decimal(numbers: list[str], separator: str) -> str:
    """The mark that is last where both stand in one number, or that stands before other than three digits."""
    for text in numbers:
        marks = [c for c in text if c in ".,"]
        if len(set(marks)) == 2:
            return marks[-1]
        if len(marks) == 1 and len(text) - text.rindex(marks[0]) - 1 != 3:
            return marks[0]
        if len(marks) > 1:
            return "," if marks[0] == "." else "."
    return "," if separator == ";" and any("," in text for text in numbers) else ""


def _order(dates: Iterable[str]) -> str:
    """Whether days or months come first: the one that is over 12 somewhere."""
    for text in dates:
        if found := _SHORT.match(re.split(r"[T ]", text)[0]):
            if int(found[1]) > 12 >= int(found[3]):
                return "dmy"
            if int(found[3]) > 12 >= int(found[1]):
                return "mdy"
    return ""


def whole_number(text: str, habits: Habits, least: int, most: int) -> int:
    """A whole number within bounds, `12`, `12,0` and `1.200` among them; raises CellError."""
    if not _NUMBER.match(text):
        raise CellError(f"no number ('{text[:40]}')", f"a whole number from {least} to {most} is needed. Correct it.")
    number = _number(re.sub(r"[' \u00a0\u202f]", "", text), habits)
    if number != number.to_integral_value():
        raise CellError(f"no whole number ('{text}')", "pieces are whole. Correct it.")
    if not least <= number <= most:
        raise CellError(f"out of range ('{text}')", f"a whole number from {least} to {most} is needed. Correct it.")
    return int(number)


def _number(text: str, habits: Habits) -> Decimal:
    marks = {c for c in text if c in ".,"}
    if not marks:
        return Decimal(text)
    if not habits.decimal:
        if re.fullmatch(r"[+-]?\d{1,3}([.,])\d{3}", text) and not re.fullmatch(r"[+-]?0[.,]000", text):
            what = f"'{text}' may be a thousand times as many or not"
            raise CellError(what, "write it without a mark, or say --decimal ',' or --decimal '.'.")
        return Decimal(text.replace(",", "."))
    thousands = "." if habits.decimal == "," else ","
    whole, _, rest = text.partition(habits.decimal)
    if (
        thousands in rest
        or habits.decimal in rest
        or not re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{thousands}\d{{3}})+|[+-]?\d+", whole)
    ):
        raise CellError(f"no number ('{text}')", f"'{habits.decimal}' is the decimal mark of this table. Correct it.")
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
    return _zoned(datetime.combine(when, _time(clock, text) if clock else alone), zone, habits)


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
    if found := _NAMED.match(text):
        month = _MONTHS.get(found[2].lower()[:3])
        if month is not None:
            return _day(int(found[3]), month, int(found[1]), text)
    if found := _SHORT.match(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        year += 2000 if year < 100 else 0
        order = habits.dates or ("dmy" if found[2] == "." or first == second else "")
        if not order:
            what = f"'{text}' may be two dates"
            raise CellError(what, "write it as 2026-03-01, or say --dates dmy or --dates mdy.")
        day, month = (first, second) if order == "dmy" else (second, first)
        return _day(year, month, day, text)
    raise CellError(f"no date ('{text[:40]}')", "one such as 2026-03-01 or 2026-03-01 14:00 is needed. Correct it.")


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
