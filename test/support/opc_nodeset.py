"""Reads the state model out of the OPC Foundation's PackML nodeset (OPC 30050), where that file is at hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

NODESET = Path(__file__).resolve().parents[3] / "shared" / "data" / "packml" / "Opc.Ua.PackML.NodeSet2.xml"
"""The file is no part of this repository."""

SUPERSTATES = {"Cleared": "Clearing", "Running": "Resetting"}
"""States that stand for a whole machine, and where a transition into them leads. The latter is in the standard's text only:
the nodeset marks no initial states."""

_UA = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
_NAMES = {"i=47": "HasComponent", "i=46": "HasProperty", "i=40": "HasTypeDefinition", "i=51": "FromState", "i=52": "ToState",
          "i=53": "HasCause", "i=117": "HasSubStateMachine"}  # fmt: skip
_STATE, _TRANSITION = "i=2307", "i=2310"
_RENAMED = {"ToComplete": "Complete", "Produce": "Production"}


@dataclass(frozen=True)
class Model:
    """Numbers of states (superstates too) and modes by name; what follows in a state on a command, or on its end ("")."""

    numbers: dict[str, int]
    modes: dict[str, int]
    transitions: dict[tuple[str, str], str]


class _Nodes:
    """The nodes of a file and the references between them, in both directions."""

    def __init__(self, path: Path) -> None:
        self.nodes = {node.get("NodeId", ""): node for node in ET.parse(path).getroot() if node.get("NodeId")}
        self.references: set[tuple[str, str, str]] = set()
        for name, node in self.nodes.items():
            for reference in node.iterfind(f"{_UA}References/{_UA}Reference"):
                kind = _NAMES.get(reference.get("ReferenceType", ""), reference.get("ReferenceType", ""))
                ends = (name, str(reference.text))
                start, end = ends if reference.get("IsForward") != "false" else ends[::-1]
                self.references.add((start, kind, end))

    def to(self, node: str, kind: str) -> list[str]:
        return sorted(end for start, k, end in self.references if start == node and k == kind)

    def of_type(self, kind: str) -> list[str]:
        return [start for start, k, end in self.references if k == "HasTypeDefinition" and end == kind]

    def name(self, node: str) -> str:
        name = self.nodes[node].get("BrowseName", "").partition(":")[2]
        return _RENAMED.get(name, name)

    def number(self, state: str) -> int:
        values = (self.nodes[p] for p in self.to(state, "HasProperty") if self.nodes[p].get("BrowseName") == "StateNumber")
        return next(int(leaf.text or "") for node in values for leaf in node.iterfind(f"{_UA}Value/*"))

    def plain_states(self, state: str) -> list[str]:
        """A state, or those of the machines inside of a superstate."""
        machines = [kind for sub in self.to(state, "HasSubStateMachine") for kind in self.to(sub, "HasTypeDefinition")]
        if not machines:
            return [state]
        states = set(self.of_type(_STATE))
        inside = [s for machine in machines for s in self.to(machine, "HasComponent") if s in states]
        return [plain for s in inside for plain in self.plain_states(s)]


def read(path: Path) -> Model:
    """Read a nodeset and flatten its nested machines: a transition out of a superstate leaves each state inside of it."""
    nodes = _Nodes(path)
    found: dict[tuple[str, str], str] = {}
    for transition in nodes.of_type(_TRANSITION):
        (start,), (end,) = nodes.to(transition, "FromState"), nodes.to(transition, "ToState")
        command = next(map(nodes.name, nodes.to(transition, "HasCause")), "")
        end_name = SUPERSTATES.get(nodes.name(end), nodes.name(end))
        found.update({(nodes.name(state), command): end_name for state in nodes.plain_states(start)})
    modes = next(n for n in nodes.nodes.values() if "ProductionMaintenanceModeEnum" in n.get("BrowseName", ""))
    fields = {f.get("Name", ""): int(f.get("Value", "")) for f in modes.iterfind(f"{_UA}Definition/{_UA}Field")}
    return Model(
        {nodes.name(state): nodes.number(state) for state in nodes.of_type(_STATE)},
        {_RENAMED.get(name, name): number for name, number in fields.items() if number},
        found,
    )
