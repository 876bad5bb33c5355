"""The Blueprint: what runs, where, with which parameters and in which order. Built by `compose`, printed by `show`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from microcell.description.cell import World


@dataclass(frozen=True)
class DevicePlan:
    """One device: the driver that speaks to it and what the driver is told."""

    name: str
    kind: str
    driver: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class NodePlan:
    """One ROS node: the skill families and devices that it hosts, and the nodes that must be there first."""

    name: str
    role: str
    process: str
    hosts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProcessPlan:
    """One operating system process: an executable of the package and its ROS parameters."""

    name: str
    executable: str
    parameters: Mapping[str, object]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blueprint:
    """Everything that is started for a line in a world; `processes` are in bring-up order."""

    line: str
    cell: str
    world: World
    namespace: str
    processes: tuple[ProcessPlan, ...]
    nodes: tuple[NodePlan, ...]
    devices: tuple[DevicePlan, ...]

    def node_of(self, process: str) -> NodePlan:
        """The node that a process hosts."""
        return next(node for node in self.nodes if node.process == process)

    def as_data(self) -> dict[str, Any]:
        """The Blueprint in JSON's types."""
        return asdict(self)
