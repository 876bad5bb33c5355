"""Say in plain words what a value is and what may stand in its place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from microcell.description.base import PATTERN_WORDS

_MANY = 12
_LIMITS = {
    "minimum": "from",
    "exclusiveMinimum": "over",
    "maximum": "up to",
    "exclusiveMaximum": "below",
}


def shortened(text: str, length: int = 60) -> str:
    """Text that fits in a message."""
    return text if len(text) <= length else text[: length - 1] + "…"


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"text '{shortened(value)}'"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"keys {shortened(', '.join(map(str, value)))}" if value else "no keys"
    return shortened(str(value))


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first dozen of them."""
    every = list(names)
    tail = f" and {len(every) - _MANY} more" if len(every) > _MANY else ""
    return ", ".join(every[:_MANY]) + tail if every else "none"


def a_kind(name: str) -> str:
    """A kind of document with its article."""
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    found = get_close_matches(name, list(known), 1)
    return found[0] if found else None


def choice(name: str, known: Iterable[str], noun: str = "name") -> str:
    """The remedy for a name that is not known: the near match, or what there is."""
    every = list(known)
    if match := near(name, every):
        return f"did you mean '{match}'? Correct the {noun}."
    return f"there are: {listed(every)}. Correct the {noun}."


def allowed(schema: dict[str, Any]) -> str:
    """What a JSON schema lets stand at its place."""
    if "const" in schema:
        return f"'{schema['const']}'"
    if "enum" in schema:
        return "one of " + listed(map(str, schema["enum"]))
    if "discriminator" in schema:
        return f"a mapping whose {schema['discriminator']['propertyName']} says what it is"
    words = _WORDS.get(schema.get("type", ""))
    return words(schema) if words else "another value"


def number_hint(value: Any) -> str | None:
    """What to do about a text that was perhaps meant as a number."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"[-+]?\d+,\d+", text):
        return "Write the decimals after a point."
    if re.fullmatch(r"[-+]?0\d+(\.\d*)?", text):
        return "Write the number without leading zeros."
    if re.fullmatch(r"[-+]?[\d_]*\d_[\d_.]*", text):
        return "Write the number without underscores."
    if re.fullmatch(r"[-+]?0[xXoObB][\da-fA-F]+", text):
        return "Write the number in decimals."
    if re.fullmatch(r"\d+(:\d+)+(\.\d*)?", text):
        return "Write a time in seconds, as one number."
    if re.fullmatch(r"[-+]?\.?(inf|nan)", text, re.IGNORECASE):
        return "Write a finite number."
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return "Write the number without quotes."
    if re.match(r"[-+]?(\d|\.\d)", text):
        return "Write the number alone; the key's ending is its unit."
    return None


_OTHER_UNITS = {"_rad": ("rad", "degrees", math.pi / 180.0), "_m": ("m", "mm", 1e-3)}
"""What stands in a key's ending, what people write instead, and how much one of that is."""


def unit_hint(key: str, value: Any, schema: dict[str, Any]) -> str | None:
    """What to do about a number out of range that is right in the unit that people mostly think in."""
    for ending, (unit, other, factor) in _OTHER_UNITS.items():
        if key.endswith(ending) and isinstance(value, (int, float)) and not isinstance(value, bool):
            meant = value * factor
            if meant <= schema.get("maximum", math.inf) and meant >= schema.get("minimum", -math.inf):
                return f"Write {unit}: {value:g} {other} are {meant:.8g}."
    return None


def _range(schema: dict[str, Any], noun: str) -> str:
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return f"{noun} {' '.join(limits)}".rstrip()


def _text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "a date and time with zone such as 2026-03-01T14:00:00+01:00"
    if "pattern" in schema:
        words = PATTERN_WORDS.get(schema["pattern"], f"text of the form {schema['pattern']}")
    else:
        words = "text"
    return f"{words} (at most {schema['maxLength']} characters)" if "maxLength" in schema else words


def _list(schema: dict[str, Any]) -> str:
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if high is not None and low == high:
        return f"a list of {low} values"
    if high is not None:
        return f"a list of {low} to {high} values"
    return f"a list of at least {low} value{'s' * (low > 1)}" if low else "a list"


def _mapping(schema: dict[str, Any]) -> str:
    if keys := schema.get("properties"):
        return f"a mapping with the keys {listed(keys)}"
    return "a mapping of names with at least one entry" if schema.get("minProperties") else "a mapping of names"


_WORDS = {
    "number": lambda schema: _range(schema, "a number"),
    "integer": lambda schema: _range(schema, "a whole number"),
    "boolean": lambda schema: "true or false",
    "string": _text,
    "array": _list,
    "object": _mapping,
    "null": lambda schema: "nothing",
}
