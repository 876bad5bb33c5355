"""Emergency and protective stops: Abort at once, Clear only after the release, and then the units go on."""

import asyncio

import pytest
from fake_shop_floor import FakeSafety, floor

from microcell.clock import LoopClock, run_virtual
from microcell.devices.safety.contract import Stops
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.orchestration.interlock import Interlock
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Journal

PRESSED, TRIPPED, NOTHING = Stops(emergency=("panel",)), Stops(protective=("arm",)), Stops()


async def way_back(shop) -> None:
    """Clear and Reset, as a person does."""
    shop.controller.command(Command.CLEAR)
    await shop.controller.until_state(State.STOPPED)
    shop.controller.command(Command.RESET)


@pytest.mark.parametrize(
    ("stops", "code", "where", "refusal"),
    [
        (PRESSED, "EMERGENCY_STOP", "safety", "the emergency stop 'panel' of safety is pressed. Release it."),
        (TRIPPED, "ARM_PROTECTIVE_STOP", "arm", "arm is in its protective stop. Acknowledge it at the arm."),
    ],
)
def test_a_stop_aborts_clear_waits_for_its_end_and_the_order_is_made(stops, code, where, refusal):
    async def story():
        async with floor() as shop:
            order = shop.order(2)
            await shop.controller.until_state(State.EXECUTE)
            await shop.clock.sleep(30.0)
            shop.safety.tell(stops)
            await shop.controller.until_state(State.ABORTED)
            assert shop.port.running == set() and shop.port.cancelled
            (fault,) = shop.controller.active_faults
            assert (fault.code, fault.where, fault.kind.actor.value) == (code, where, "operator")
            assert shop.controller.reason.startswith(f"{code} at {where}: ")
            with pytest.raises(UsageError) as refused:
                shop.controller.command(Command.CLEAR)
            assert str(refused.value) == f"Clear is refused: {refusal} Then Clear again."
            assert shop.controller.state is State.ABORTED
            shop.safety.tell(NOTHING)
            await shop.clock.sleep(10.0)
            assert shop.controller.state is State.ABORTED, "a release moves nothing"
            await way_back(shop)
            view = await shop.controller.order_ended(order)
            assert (view.good, view.scrapped) == (2, 0)
            assert [e.fault["code"] for e in shop.journal.events() if e.kind == "fault.raised"] == [code]

    run_virtual(story())


def test_a_stop_that_is_pressed_when_the_cell_comes_up_keeps_it_aborted():
    class Pressed(FakeSafety):
        def __init__(self) -> None:
            super().__init__()
            self.present = PRESSED

    async def story():
        async with floor(safety=Pressed()) as shop:
            await shop.controller.until_state(State.ABORTED)
            assert shop.controller.reason.startswith("EMERGENCY_STOP at safety: ")
            shop.safety.tell(NOTHING)
            await shop.clock.sleep(1.0)
            await way_back(shop)
            assert (await shop.controller.order_ended(shop.order())).good == 1

    run_virtual(story())


def test_a_second_stop_during_the_first_is_told_too_and_both_must_end():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.safety.tell(PRESSED)
            await shop.controller.until_state(State.ABORTED)
            shop.safety.tell(Stops(("panel",), ("arm",)))
            await shop.clock.sleep(1.0)
            assert [f.code for f in shop.controller.active_faults] == ["EMERGENCY_STOP", "ARM_PROTECTIVE_STOP"]
            shop.safety.tell(TRIPPED)
            await shop.clock.sleep(1.0)
            with pytest.raises(UsageError, match="arm is in its protective stop"):
                shop.controller.command(Command.CLEAR)
            shop.safety.tell(NOTHING)
            await shop.clock.sleep(1.0)
            await way_back(shop)
            await shop.controller.until_state(State.IDLE)

    run_virtual(story())


def test_a_safety_device_that_falls_silent_counts_as_a_stop():
    class Silent(FakeSafety):
        silent = False

        async def stops(self) -> Stops:
            if self.silent:
                raise FaultError("DEVICE_SILENT", "safety", "no answer")
            return self.present

        async def wait_change(self, known: Stops) -> Stops:
            await super().wait_change(known)
            return await self.stops()

    async def story():
        async with floor(safety=Silent()) as shop:
            await shop.controller.until_state(State.IDLE)
            shop.safety.silent = True
            shop.safety.tell(PRESSED)
            await shop.controller.until_state(State.ABORTED)
            assert [f.code for f in shop.controller.active_faults] == ["DEVICE_SILENT"]
            with pytest.raises(UsageError, match="Clear is refused: DEVICE_SILENT at safety: "):
                shop.controller.command(Command.CLEAR)
            shop.safety.tell(NOTHING)
            shop.safety.silent = False
            await shop.clock.sleep(5.0)
            await way_back(shop)
            await shop.controller.until_state(State.IDLE)

    run_virtual(story())


def test_a_stop_aborts_even_when_the_journal_cannot_be_written(monkeypatch):
    def refuse(event):
        from microcell.errors import JournalError

        raise JournalError("the disk is full")

    async def story():
        journal = Journal.create_or_open(":memory:", durability="batch")
        async with floor(journal=journal) as shop:
            shop.order()
            await shop.clock.sleep(30.0)
            monkeypatch.setattr(journal, "append", refuse)
            shop.safety.tell(PRESSED)
            await shop.clock.sleep(1.0)
            assert shop.controller.state is State.ABORTED and shop.port.running == set()

    run_virtual(story())


def test_what_is_no_safety_device_is_refused():
    async def story():
        with pytest.raises(TypeError, match="'safety' is no safety device"):
            Interlock({"safety": object()}, LoopClock(0.0), print)
        await asyncio.sleep(0)

    run_virtual(story())
