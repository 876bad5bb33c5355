"""`microcell faults`: what can be injected."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from microcell.description.fault_schedule import Scope
from microcell.description.injectable import INJECTABLE
from microcell.description.injectable_kinds import Injectable
from microcell.description.loader import load_line


def run(args: argparse.Namespace) -> int:
    """Print the catalogue of injectable faults, or the part of it that a line or a world has."""
    scope = Scope.of(load_line(args.line)) if args.line else None
    found = {
        name: entry
        for name, entry in INJECTABLE.items()
        if (args.world is None or args.world in entry.worlds) and (scope is None or scope.fitting(name))
    }
    if args.json:
        print(json.dumps({name: _data(name, entry, scope) for name, entry in found.items()}, indent=2))
    else:
        _print(found, scope)
    return 0


def told_by(entry: Injectable) -> str:
    """What the cell must tell of a fault, in words."""
    return {"fault": ", ".join(entry.codes), "inspection": "an inspection rejects the unit", "nobody": "nothing"}[entry.told]


def _data(name: str, entry: Injectable, scope: Scope | None) -> dict[str, Any]:
    size = entry.size
    return {
        "sentence": entry.sentence,
        "places": list(scope.fitting(name)) if scope else list(entry.fits),
        "told": entry.told,
        "codes": list(entry.codes),
        "recoverable": entry.recoverable,
        "by_hand": sorted(scope.by_hand.get(name, ())) if scope else [],
        "worlds": list(entry.worlds),
        "size": {"unit": size.unit, "default": size.default, "low": size.low, "high": size.high} if size else None,
        "times": entry.times,
    }


def _print(found: Mapping[str, Injectable], scope: Scope | None) -> None:
    for name, entry in found.items():
        size = f" Size: {entry.size.meaning}, {entry.size.default:g} {entry.size.unit}." if entry.size else ""
        print(f"{name}: {entry.sentence}{size}")
        print(f"    at: {', '.join(scope.fitting(name) if scope else entry.fits)}")
        alone = "goes on by itself" if entry.recoverable else "needs a person"
        if scope and entry.recoverable and (by_hand := [at for at in scope.fitting(name) if at not in scope.alone(name)]):
            alone += f", but needs a person at {', '.join(by_hand)}"
        print(f"    told: {told_by(entry)}; {alone}; worlds: {', '.join(entry.worlds)}")
    print(f"{len(found)} faults")
