"""Requests from outside are read before they are acted on: short lists, and texts of bounded length and plain characters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from microcell.errors import UsageError
from microcell.orchestration.limits import MAX_TEXT, check_text

MAX_LIST = 1_000
"""Entries of a list in a message, such as the lines of an order."""

MAX_YAML_TEXT, MAX_YAML_DEPTH = 20_000, 20
"""Characters and levels of a parameter that is YAML, and of every text in a skill's goal."""

Handler = Callable[[Any, Any], Awaitable[Any]]


def bounded(handler: Handler) -> Handler:
    """A service's handler that never sees an unreasonable request: that one is answered with accepted=false and why."""

    async def handle(request: Any, response: Any) -> Any:
        try:
            check_message(request)
        except UsageError as error:
            if hasattr(response, "message"):
                response.message = str(error)
            return response
        return await handler(request, response)

    return handle


def check_message(message: Any) -> None:
    """Raise `UsageError` for what in a message is too long, or is no plain text."""
    if problems := too_long(message, MAX_TEXT):
        raise UsageError(problems[0])
    for place, text in _texts(message):
        check_text(place, text)


def too_long(message: Any, most: int) -> list[str]:
    """What is wrong with the sizes of a message: texts of more than so many characters, long lists."""
    found = [f"{place} has {size} entries, {MAX_LIST} are allowed" for place, size in _lists(message) if size > MAX_LIST]
    if not found:
        long = ((place, len(text)) for place, text in _texts(message) if len(text) > most)
        found = [f"{place} is too long: {size} characters, {most} are allowed" for place, size in long]
    return found


def _lists(message: Any) -> Iterator[tuple[str, int]]:
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if isinstance(value, (list, tuple)):
            yield name, len(value)
            for entry in value[:MAX_LIST] if value and hasattr(value[0], "get_fields_and_field_types") else ():
                yield from ((f"{name}.{place}", size) for place, size in _lists(entry))
        elif hasattr(value, "get_fields_and_field_types"):
            yield from ((f"{name}.{place}", size) for place, size in _lists(value))


def _texts(message: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a message and in those inside it, with its place."""
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        entries = enumerate(value) if isinstance(value, (list, tuple)) else ((None, value),)
        for index, entry in entries:
            place = f"{where}{name}" if index is None else f"{where}{name}[{index}]"
            if isinstance(entry, str):
                yield place, entry
            elif hasattr(entry, "get_fields_and_field_types"):
                yield from _texts(entry, f"{place}.")
