"""From the names of other systems to ours."""

from __future__ import annotations

import re
import unicodedata

from microcell.description.base import MAX_NAME, ORDER_ID_PATTERN, is_name
from microcell.gateways.imported import Choices

_SPLIT = re.compile(r"[/:|]")
_BETWEEN_WORDS = re.compile(r"[\s_./:|-]+")
_UMLAUTS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"))
_PIECES = frozenset((
    "1", "c62", "ea", "each", "h87", "nar", "pc", "pce", "pces", "pcs", "piece", "pieces", "pz", "pza", "st", "stck", "stk",
    "stueck", "u", "un", "unit", "units", "unite", "unites", "x",
))  # fmt: skip
_MAX_ID = 63


def product_of(called: str, choices: Choices) -> tuple[str, str | None]:
    """Product and variant for a name: as `choices` say, else `product/variant` as it stands, else made a legal name."""
    product, variant = parts_of(called, choices)
    return _legal(product), _legal(variant) if variant else None


def parts_of(called: str, choices: Choices) -> tuple[str, str]:
    """What stands for the product in a name, or in what `choices` say for it, and what for the variant, "" without one."""
    product, *rest = _SPLIT.split(choices.names.get(called, called), maxsplit=1)
    return product, rest[0].strip() if rest else ""


def is_made(called: str, choices: Choices) -> bool:
    """Whether a product of ours is called otherwise than that, without anybody having said so."""
    return bool(called) and called not in choices.names and not is_name(parts_of(called, choices)[0])


def _legal(text: str) -> str:
    return text if is_name(text) else slug(text)


def slug(text: str) -> str:
    """A legal name as near to a text as possible: `CV-299 (Rev 4)` becomes `cv_299_rev_4`."""
    name = re.sub(r"[^a-z0-9]+", "_", _ascii(text)).strip("_")
    if not name or not name[0].isalpha():
        name = f"p_{name}".rstrip("_")
    return name[:MAX_NAME]


def plain(text: str) -> str:
    """Letters and digits alone, in lower case and without accents, umlauts written out: `Due_Date` and `due date` agree."""
    spelt = unicodedata.normalize("NFC", text).casefold()
    for umlaut, letters in _UMLAUTS:
        spelt = spelt.replace(umlaut, letters)
    return re.sub(r"[^a-z0-9]+", "", _ascii(spelt))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def same_name(one: str, other: str) -> bool:
    """Whether two names differ at most in case and in the blanks, dashes and the like between their words."""
    first, second = (_BETWEEN_WORDS.sub(" ", name.casefold()).strip() for name in (one, other))
    return first == second


def is_pieces(unit: str) -> bool:
    """Whether a unit of measure counts pieces: by its name or by its code of UN/ECE recommendation 20."""
    return plain(unit) in _PIECES


def is_order_id(text: str) -> bool:
    """Whether a text can be the id of an order of ours."""
    return len(text) <= _MAX_ID and re.fullmatch(ORDER_ID_PATTERN, text) is not None
