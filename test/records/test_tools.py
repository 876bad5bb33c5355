"""Wear of tools by serial, and what is left of their lives."""

from __future__ import annotations

from datetime import date

import pytest

from microcell import events
from microcell.description.tool import ToolLife
from microcell.records.tools import DAY_S, HOUR_S, ToolsFold, ToolWear, remaining

EPOCH_S = 1_767_225_600.0  # 2026-01-01


def opened(*tools):
    return events.JournalOpened(
        time_s=0.0, cell="c", line="l", product="p", world="virtual", camera="", seed=0, epoch=1, epoch_s=EPOCH_S,
        ideal_cycle_s=1.0, release="", tools=tools,
    )  # fmt: skip


def used(number: int, time_s: float, skill: str = "pick", torque_n_m_s: float | None = None):
    measured = () if torque_n_m_s is None else ({"name": "drive.torque_time", "value": torque_n_m_s},)
    attempt = f"1.{number}"
    yield events.OperationStarted(
        time_s=time_s - 1.0, unit="U", operation="drive", skill=skill, attempt_id=attempt, resources={"arm": "arm"}
    )
    yield events.OperationEnded(
        time_s=time_s, unit="U", operation="drive", skill=skill, attempt_id=attempt, outcome="succeeded", message="",
        duration_s=1.0, measurements=measured,
    )  # fmt: skip


def folded(*history) -> ToolsFold:
    fold = ToolsFold()
    for event in history:
        fold.apply(event)
    return fold


def mounted(tool: str, serial: str):
    return events.ToolMounted(time_s=0.0, arm="arm", tool=tool, serial=serial)


def test_uses_and_torque_are_counted_for_the_serial_that_is_mounted():
    fold = folded(
        opened(), mounted("driver", "SD-1"), *used(1, 10.0, torque_n_m_s=2.0), *used(2, 20.0, torque_n_m_s=None),
        mounted("driver", "SD-2"), *used(3, 30.0, torque_n_m_s=1.0),
    )  # fmt: skip
    assert {w.serial: (w.uses, w.torque_n_m_s) for w in fold.wear.values()} == {"SD-1": (2, 2.0), "SD-2": (1, 1.0)}


@pytest.mark.parametrize("skill", ["change_tool", "dock_tool", "settle_tool"])
def test_bringing_a_tool_is_no_use_of_it(skill: str):
    assert folded(opened(), mounted("driver", "SD-1"), *used(1, 10.0, skill)).wear["SD-1"].uses == 0


def test_a_renewed_tool_begins_anew_and_another_serial_has_its_own_life():
    renewed = events.ToolRenewed(time_s=50.0, tool="driver", serial="SD-1")
    fold = folded(opened(), mounted("driver", "SD-1"), *used(1, 10.0), renewed, *used(2, 60.0))
    assert fold.wear["SD-1"].uses == 1
    assert fold.of("driver", "SD-9").uses == 0


@pytest.mark.parametrize(
    ("life", "reached"),
    [
        (ToolLife(), ""),
        (ToolLife(cycles=4), ""),
        (ToolLife(cycles=3), "3 uses of 3"),
        (ToolLife(torque_n_m_h=0.5), "0.5 N.m.h of 0.5"),
        (ToolLife(calibration_days=10), "calibration was due 21.0 days ago"),
        (ToolLife(calibration_days=40), ""),
    ],
)
def test_the_first_limit_that_is_reached_ends_a_life(life: ToolLife, reached: str):
    wear = ToolWear("driver", "SD-1", uses=3, torque_n_m_s=0.5 * HOUR_S)
    assert remaining(life, wear, date(2025, 12, 1), EPOCH_S).reached == reached


def test_what_is_left_is_told_from_the_last_uses():
    wear = ToolWear("driver", "SD-1")
    for number in range(11):
        wear.used(EPOCH_S + 36.0 * number, 3.6)
    left = remaining(ToolLife(cycles=111), wear, None, EPOCH_S)
    assert (left.uses_left, left.hours_left) == (100, pytest.approx(1.0))
    left = remaining(ToolLife(cycles=111, torque_n_m_h=0.0211), wear, None, EPOCH_S)
    assert (left.uses_left, left.hours_left) == (10, pytest.approx(0.1))


def test_a_calibration_bounds_the_hours_that_are_left_and_a_renewal_moves_it():
    wear, life = ToolWear("driver", "SD-1"), ToolLife(calibration_days=31)
    left = remaining(life, wear, date(2025, 12, 2), EPOCH_S)
    assert (left.hours_left, left.uses_left) == (24.0, None)
    wear.renew(EPOCH_S)
    assert remaining(life, wear, date(2025, 12, 2), EPOCH_S).calibration_due_s == EPOCH_S + 31 * DAY_S


def test_without_a_limit_or_a_rate_nothing_is_foretold():
    assert remaining(ToolLife(), ToolWear("a", "A"), None, 0.0) == remaining(ToolLife(), ToolWear("b", "B"), None, 9.0)
    fresh = remaining(ToolLife(cycles=5), ToolWear("a", "A"), None, 0.0)
    assert (fresh.uses_left, fresh.hours_left, fresh.reached) == (5, None, "")


def test_the_report_has_every_tool_that_the_journal_tells_of():
    fold = folded(
        opened(("cup", "VC-1", 5, 0.0, 0, ""), ("driver", "SD-1", 0, 0.0, 30, "2025-12-02")),
        mounted("cup", "VC-1"), *used(1, 10.0),
        events.ToolServiceChanged(time_s=20.0, tool="cup", serial="VC-1", in_service=False, reason="torn"),
    )  # fmt: skip
    driver, cup = fold.rows()
    assert (driver.serial, driver.uses, driver.hours_left) == ("SD-1", 0, 0.0)
    assert driver.note == "calibration was due 0.0 days ago"
    assert (cup.serial, cup.uses, cup.uses_left, cup.note) == ("VC-1", 1, 4, "out of service: torn")
