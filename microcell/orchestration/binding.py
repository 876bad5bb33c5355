"""What a chain would get, or why it gets nothing now, and how that is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from microcell.orchestration.plan import Chain

TOOL_CHANGE = ""
"""Stands for the tool change among a binding's operations."""


@dataclass(frozen=True)
class Binding:
    """What a chain gets: devices by kind and zones for each operation, the tool to mount first, the stations taken.

    `tool` is on the flange while it is done; `old_crib` is where the one before belongs, if that is not the new one's crib.
    """

    arm: str
    change_to: str
    crib: str
    operations: Mapping[str, Mapping[str, str]]
    taken: Mapping[str, str]
    zones: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tool: str = ""
    old_crib: str = ""

    def devices(self) -> tuple[str, ...]:
        """All devices and zones of the chain, the tool crib included when the tool is changed first."""
        names = {device for devices in self.operations.values() for device in devices.values()}
        return tuple(sorted(names.union(*self.zones.values()) | ({self.crib, self.old_crib} - {""})))

    def claims(self) -> frozenset[str]:
        """What nobody else has meanwhile: the devices, the zones and the tool."""
        return frozenset(self.devices()) | ({self.tool} if self.tool else frozenset())

    def all_zones(self) -> frozenset[str]:
        """Every zone of the chain."""
        return frozenset().union(*self.zones.values())

    def still_needed(self, chain: Chain, index: int) -> frozenset[str]:
        """Devices and zones of the operations from `index` on, and the zones where the one before has left the arm."""
        devices = frozenset(d for op in chain.operations[index:] for d in self.operations[op].values())
        return devices.union(*(self.zones.get(op, frozenset()) for op in chain.operations[max(0, index - 1) :]))


@dataclass(frozen=True)
class Blocked:
    """Why a chain cannot start now.

    `parts` names an empty feeder's part when that is the reason; `wish` what the chain would take if nothing were leased.
    """

    reason: str
    parts: str = ""
    wish: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """How a binding is looked for: patiently (what is leased counts as free), without what is barred, anyhow, as if nothing
    were out of service, with the tools of idle arms as if they were docked, and for a chain that has begun: whether its tool
    is worn is asked no more, for something may be in its hand.
    """

    patient: bool = False
    barred: frozenset[str] = frozenset()
    anyhow: bool = False
    docked: bool = False
    begun: bool = False


@dataclass(frozen=True)
class Docking:
    """An idle arm's tool that another arm could go on with: what is leased to put it into its pocket."""

    arm: str
    tool: str
    crib: str
    zones: frozenset[str]
    claims: frozenset[str]
    """Of the chain that waits for it."""

    def devices(self) -> tuple[str, ...]:
        """All devices and zones that the docking takes."""
        return (self.arm, self.crib, *sorted(self.zones))
