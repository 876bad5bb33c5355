"""The one place that turns a name in a YAML file into a class: `gripper/mock` is `devices/gripper/mock.py`.

A module names its class in `PLUGIN`. Packages outside register under the entry point groups `microcell.devices` and
`microcell.skills`, by the same names.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from microcell.errors import UsageError

NOT_DRIVERS = ("contract", "pixels", "modelled_sizes")
"""Modules beside the drivers that hold what drivers share."""

SKILL_FAMILIES = ("assembly", "inspection", "packaging", "tooling")


@cache
def driver(name: str) -> Any:
    """The device class behind `<kind>/<driver>`, for example `arm/mock`."""
    if name in _registered("microcell.devices"):
        return _registered("microcell.devices")[name].load()
    kind, _, module = name.partition("/")
    path = f"microcell.devices.{kind}.{module}"
    if not kind.isidentifier() or not module.isidentifier() or not _exists(path):
        raise UsageError(f"no driver '{name}'; there are: {', '.join(driver_names())}")
    return importlib.import_module(path).PLUGIN


@cache
def skill(name: str) -> Any:
    """The skill class of that name, for example `insert`."""
    known = skill_names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(f"no skill '{name}'; {hint}there are: {', '.join(known)}")
    if name in _registered("microcell.skills"):
        return _registered("microcell.skills")[name].load()
    return importlib.import_module(f"microcell.skills.{known[name]}.{name}").PLUGIN


@cache
def skill_names() -> dict[str, str]:
    """Every installed skill and its family, by name."""
    found = dict.fromkeys(_registered("microcell.skills"), "")
    for family in SKILL_FAMILIES:
        found.update(dict.fromkeys(_modules(f"microcell.skills.{family}"), family))
    return dict(sorted(found.items()))


@cache
def driver_names() -> tuple[str, ...]:
    """Every installed driver as `<kind>/<driver>`."""
    found = set(_registered("microcell.devices"))
    for kind in _modules("microcell.devices", packages=True):
        found |= {f"{kind}/{name}" for name in _modules(f"microcell.devices.{kind}") if name not in NOT_DRIVERS}
    return tuple(sorted(found))


@cache
def _registered(group: str) -> dict[str, EntryPoint]:
    """What other packages registered in a group; reading it takes milliseconds for each installed package."""
    return {point.name: point for point in reversed(tuple(entry_points(group=group)))}  # the first of a name counts


def _exists(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False


def _modules(package: str, packages: bool = False) -> list[str]:
    if not _exists(package):
        return []
    locations = importlib.import_module(package).__path__
    return sorted(m.name for m in pkgutil.iter_modules(locations) if m.ispkg == packages and m.name[0] != "_")
