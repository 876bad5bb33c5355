"""What is on the flange: certain where all sensors agree, a fault with a sentence where they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skill_bench import valve_line

from microcell.devices.tool_changer.contract import Coupling
from microcell.faults import FaultError
from microcell.skills.flange import Evidence, Flange, judge, tools_by_serial

LINE = valve_line()
SERIALS = ("PG-0007", "VC-0012", "SD-0003")


def evidence(locked, serial, pockets=SERIALS, seated=None, believed=None):
    read = {("crib", number): found for number, found in enumerate(pockets)}
    return Evidence("changer", Coupling(locked, serial), read, seated and ("crib", seated - 1), believed)


@pytest.mark.parametrize(
    ("sensors", "tool", "serial"),
    [
        (evidence(False, ""), "", ""),
        (evidence(True, "PG-0007", ("", "VC-0012", "SD-0003")), "parallel_gripper", "PG-0007"),
        (evidence(True, "PG-0007", SERIALS, seated=1), "parallel_gripper", "PG-0007"),  # its pocket sees it, too
        (evidence(False, "PG-0007", SERIALS, seated=1), "", ""),  # it is only touched
        (evidence(True, ""), "", ""),  # closed on nothing: every tool is in its pocket
        (evidence(False, "", believed="PG-0007"), "", ""),  # it stands in its pocket
        (evidence(False, "", ("", "VC-0012", "SD-0003")), "", ""),  # one is lost, yet nobody says it was here
    ],
)
def test_what_agrees_is_certain(sensors, tool, serial):
    found = judge(LINE, sensors)
    assert (found.tool, found.serial, found.seated) == (tool, serial, sensors.seated)


@pytest.mark.parametrize(
    ("sensors", "code", "detail"),
    [
        (
            evidence(True, "PG-0007"),
            "TOOL_UNCERTAIN",
            "PG-0007 is locked to the flange and stands in pocket 1 of crib as well",
        ),
        (
            evidence(True, "", ("", "VC-0012", "SD-0003")),
            "TOOL_UNCERTAIN",
            "the lock is closed and reads no tool, while PG-0007 is in no pocket",
        ),
        (
            evidence(False, "PG-0007", ("", "VC-0012", "SD-0003")),
            "TOOL_UNCERTAIN",
            "the lock is open, yet PG-0007 is at the flange and not in a pocket",
        ),
        (evidence(True, "XX-1"), "TOOL_WRONG", "the cell's description has no tool with serial XX-1"),
        (
            evidence(False, "", ("", "VC-0012", "SD-0003"), believed="PG-0007"),
            "TOOL_MISSING",
            "parallel_gripper PG-0007 was on the flange and is in no pocket",
        ),
        (evidence(False, "", believed="OLD-1"), "TOOL_MISSING", "OLD-1 was on the flange and is in no pocket"),
    ],
)
def test_what_contradicts_is_a_fault_that_says_what(sensors, code, detail):
    with pytest.raises(FaultError) as told:
        judge(LINE, sensors)
    assert (told.value.fault.code, told.value.fault.where, told.value.fault.detail) == (code, "changer", detail)


@given(
    st.booleans(),
    st.sampled_from(("", *SERIALS, "XX-1")),
    st.tuples(*(st.sampled_from(("", *SERIALS)) for _ in SERIALS)),
    st.sampled_from((None, 1, 2, 3)),
    st.sampled_from((None, "", *SERIALS)),
)
def test_whatever_the_sensors_say_a_tool_is_named_only_where_it_is_locked_and_nowhere_else(
    locked, serial, pockets, seated, believed
):
    sensors = evidence(locked, serial, pockets, seated, believed)
    try:
        found = judge(LINE, sensors)
    except FaultError as error:
        assert error.fault.code in ("TOOL_UNCERTAIN", "TOOL_WRONG", "TOOL_MISSING")
        return
    if found.serial:
        assert locked and found.serial == serial
        assert all(s != serial or place == sensors.seated for place, s in sensors.pockets.items())
    else:
        assert not locked or set(tools_by_serial(LINE)) <= set(pockets)
    assert isinstance(found, Flange)
