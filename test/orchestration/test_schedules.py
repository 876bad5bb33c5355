"""Random schedules in random cells with zones: no two arms in one zone, all or none, no deadlock, nobody waits for ever."""

import pytest
from played_cells import guarded
from schedules import play

from microcell.orchestration.dispatch import Dispatcher
from microcell.orchestration.resources import Resources


def problems(seeds):  # type: ignore[no-untyped-def]
    return (problem for seed in seeds for _, result in play(seed, 3) for problem in result.problems)


@pytest.mark.parametrize("block", range(4))
def test_arms_are_apart_and_every_unit_is_finished_in_any_schedule(block: int):
    for seed in range(20 * block, 20 * block + 20):
        for line, result in play(seed, 4):
            assert result.problems == [], f"seed {seed}"
            assert result.worst <= line.max_tool_run, f"seed {seed}: a chain was overtaken {result.worst} times"


def test_the_check_sees_an_arm_that_is_still_in_the_zone_which_another_gets(monkeypatch):
    def leased_only(self, arm, zones):  # type: ignore[no-untyped-def]
        return next((z for z in frozenset().union(*zones.values()) if not self.is_free(z)), "")

    monkeypatch.setattr(Resources, "_busy_zone", leased_only)
    assert any(text.startswith("two arms in zone_") for text in problems(range(20)))


def test_the_check_sees_units_that_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(Resources, "_safe", lambda *_: True)
    assert any(text.startswith("deadlock: ['U-") for text in problems(range(60)))


def test_arms_that_keep_a_tool_that_another_waits_for_block_the_cell(monkeypatch):
    monkeypatch.setattr(Dispatcher, "next_docking", lambda self: None)
    assert any(text.startswith("deadlock: ") for text in problems(range(80)))


def test_arms_that_do_not_park_block_the_cell(monkeypatch):
    monkeypatch.setattr(Resources, "in_the_way", lambda self: [])
    assert any(text.startswith("deadlock: ") for text in problems(range(20)))


@pytest.mark.parametrize("block", range(4))
def test_the_controller_itself_finishes_every_order_with_no_device_and_no_zone_in_two_hands(block: int):
    for seed in range(60 * block, 60 * block + 60):
        for found in guarded(seed):
            assert found.problems == [], f"seed {seed}"
            assert found.goals > 0


def test_the_played_cells_share_cribs_bins_and_tools_and_have_several_arms_and_faults():
    played = [found for seed in range(60) for found in guarded(seed)]
    assert sum(found.shared and found.arms > 1 for found in played) > 10
    assert sum(found.shares_tools for found in played) > 5
    assert sum(found.held for found in played) > 5


def test_the_check_sees_a_lease_that_is_given_back_by_someone_else(monkeypatch):
    def gives_all(self, devices):  # type: ignore[no-untyped-def]
        for device in [*devices, *[d for d in self.holders if d.startswith(("crib", "feeder"))]]:
            self.holders.pop(device, None)

    monkeypatch.setattr(Resources, "release", gives_all)
    told = (text for seed in range(40) for found in guarded(seed) for text in found.problems)
    assert any("is in two hands" in text for text in told)
