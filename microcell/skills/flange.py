"""What is on an arm's flange, judged from all sensors together: certain, or a fault that says what contradicts what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from microcell.description.line import Line
from microcell.devices.tool_changer.contract import Coupling
from microcell.faults import FaultError

Place = tuple[str, int]
"""A pocket: crib and number, from 0."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the sensors say: the coupling, the serial in each pocket, and the pocket that the flange is coupled in.

    `believed` is the serial that should be on the flange, "" for none, None when nobody knows.
    """

    changer: str
    coupling: Coupling
    pockets: Mapping[Place, str]
    seated: Place | None
    believed: str | None = None


@dataclass(frozen=True, slots=True)
class Flange:
    """What is certain: the tool on the flange and its serial ("" for none), and the pocket that the flange is in."""

    tool: str
    serial: str
    seated: Place | None


def tools_by_serial(line: Line) -> dict[str, tuple[str, Place]]:
    """Tool and pocket of each serial that the cell's description knows."""
    return {
        pocket.serial: (pocket.tool, (crib, number))
        for crib, spec in line.cell_description.of_kind("tool_crib").items()
        for number, pocket in enumerate(spec.pockets)
        if pocket.tool
    }


def judge(line: Line, evidence: Evidence) -> Flange:
    """What is on the flange. TOOL_UNCERTAIN where sensors contradict each other, TOOL_WRONG for an unknown serial,
    TOOL_MISSING where the tool that should be on the flange is nowhere.

    A tool that the open coupling touches in its pocket is not on the flange.
    """
    coupling = evidence.coupling
    if coupling.locked and coupling.tool_serial:
        return _coupled(line, evidence)
    if coupling.locked:
        _check_all_in_pockets(line, evidence)
    elif coupling.tool_serial and evidence.seated is None:
        raise _uncertain(evidence, f"the lock is open, yet {coupling.tool_serial} is at the flange and not in a pocket")
    _check_not_lost(line, evidence)
    return Flange("", "", evidence.seated)


def place_text(place: Place) -> str:
    """A pocket in words, counted from 1 as people do."""
    return f"pocket {place[1] + 1} of {place[0]}"


def _coupled(line: Line, evidence: Evidence) -> Flange:
    serial = evidence.coupling.tool_serial
    if serial not in (known := tools_by_serial(line)):
        raise FaultError("TOOL_WRONG", evidence.changer, f"the cell's description has no tool with serial {serial}")
    twice = [place for place, found in evidence.pockets.items() if found == serial and place != evidence.seated]
    if twice:
        raise _uncertain(evidence, f"{serial} is locked to the flange and stands in {place_text(twice[0])} as well")
    return Flange(known[serial][0], serial, evidence.seated)


def _check_all_in_pockets(line: Line, evidence: Evidence) -> None:
    """A lock that is closed on nothing is harmless only where no tool can be in it: all are seen in pockets."""
    missing = sorted(set(tools_by_serial(line)) - set(evidence.pockets.values()))
    if missing:
        raise _uncertain(evidence, f"the lock is closed and reads no tool, while {', '.join(missing)} is in no pocket")


def _check_not_lost(line: Line, evidence: Evidence) -> None:
    """The tool that should be on the flange has to stand somewhere when it is not."""
    serial = evidence.believed
    here = (evidence.coupling.tool_serial, *evidence.pockets.values())
    if serial and serial not in here:
        known = tools_by_serial(line)
        tool = f"{known[serial][0]} {serial}" if serial in known else serial
        raise FaultError("TOOL_MISSING", evidence.changer, f"{tool} was on the flange and is in no pocket")


def _uncertain(evidence: Evidence, detail: str) -> FaultError:
    return FaultError("TOOL_UNCERTAIN", evidence.changer, detail)
