"""The base of all events, and the one text that an event has."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from microcell.errors import JournalError


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. `kind` is `<what>.<verb in past tense>`."""

    kind: ClassVar[str]
    KINDS: ClassVar[dict[str, type[Event]]] = {}
    time_s: float

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        Event.KINDS[cls.kind] = cls

    def as_data(self) -> dict[str, Any]:
        """The event's fields without its time."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "time_s"}

    @staticmethod
    def from_data(kind: str, time_s: float, data: dict[str, Any]) -> Event:
        """Read an event back; unknown kinds or fields are a `JournalError`."""
        try:
            return Event.KINDS[kind](time_s=time_s, **{k: _frozen(v) for k, v in data.items()})
        except (KeyError, TypeError) as error:
            raise JournalError(f"an event '{kind}' that this release does not know: {error}") from error


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(data: Any) -> str:
    """The one JSON text of some data: sorted keys, no blanks, so that equal data have equal hashes."""
    return _CANONICAL.encode(data)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
