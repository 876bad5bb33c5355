"""What touches what in a running world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def touches(told: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Pairs of collisions of a gz.msgs.Contacts in JSON, each as model::link::collision."""
    pairs = ((contact.get("collision1", {}), contact.get("collision2", {})) for contact in told.get("contact", ()))
    return {(str(one.get("name", "")), str(other.get("name", ""))) for one, other in pairs}
