"""A cell whose journal's disk gets full, and one whose journal is rotated: nothing is lost, nothing is done twice."""

from contextlib import suppress
from pathlib import Path

import pytest
from fake_shop_floor import Floor, floor
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microcell.clock import run_virtual
from microcell.errors import JournalError, UsageError
from microcell.events import OperationEnded
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Entry, Journal
from microcell.records.segments import rotate
from microcell.records.verifying import verify

UNITS = 3


def done(journal: Journal) -> list[tuple[str, str]]:
    """Operations of units that succeeded, in their order."""
    ended = [e for e in journal.events() if isinstance(e, OperationEnded) and e.unit and e.outcome == "succeeded"]
    return [(e.unit, e.operation) for e in ended]


def fill_disk_at(journal: Journal, entries: int):  # type: ignore[no-untyped-def]
    """From that entry on the file may not grow any more."""

    def listener(entry: Entry) -> None:
        if entry.sequence >= entries:
            journal._connection.execute("PRAGMA max_page_count = 1")

    return listener


async def produce_on_a_full_disk(journal: Journal, entries: int) -> None:
    async with floor(journal=journal) as cell:
        cell.controller.add_listener(fill_disk_at(journal, entries))
        cell.order(UNITS)
        await cell.controller.until_state(State.ABORTED)
        await nothing_moves(cell)


async def nothing_moves(cell: Floor) -> None:
    """The fault is told, what was under way is stopped, and no command starts anything."""
    (fault,) = cell.controller.active_faults
    assert fault.code == "JOURNAL_UNWRITABLE"
    assert "cannot be written, the disk is full: free space and try again" in fault.detail
    sent, written = len(cell.port.goals), cell.journal.head()
    await cell.clock.sleep(1.0)
    assert cell.port.running == set()
    for command in (Command.CLEAR, Command.RESET, Command.START, Command.UNHOLD):
        with pytest.raises(UsageError, match="start the orchestrator again: nothing moves before"):
            cell.controller.command(command)
    with pytest.raises(JournalError):
        cell.order(1)
    await cell.clock.sleep(1000.0)
    assert (len(cell.port.goals), cell.journal.head()) == (sent, written)
    assert cell.controller.state is State.ABORTED


async def go_on(journal: Journal) -> None:
    """Start again as a person who puts aside what is in doubt; the order gets all its units."""
    before = done(journal)
    async with floor(journal=journal) as cell:
        for _ in range(200):
            if cell.controller.order("order-0001").status.ended:
                break
            if cell.controller.state is State.HELD:
                cell.controller.command(Command.UNHOLD)
            await cell.clock.sleep(10.0)
        order = cell.controller.order("order-0001")
    assert (order.good, len(set(order.serials))) == (UNITS, UNITS)
    after = done(journal)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)), "no operation of a unit is done twice"


@pytest.mark.parametrize("entries", [7, 16, 33, 58])
def test_a_full_disk_stops_the_cell_and_with_room_again_a_restart_goes_on(tmp_path: Path, entries: int):
    path = tmp_path / "j"
    with Journal.create_or_open(path) as journal:
        run_virtual(produce_on_a_full_disk(journal, entries))
        assert verify(journal).broken is None
    with Journal.create_or_open(path) as journal:
        run_virtual(go_on(journal))
        assert verify(journal).broken is None


def test_an_order_that_cannot_be_written_is_not_accepted(tmp_path: Path):
    async def submit() -> None:
        async with floor(journal=journal) as cell:
            journal._connection.execute("PRAGMA max_page_count = 1")
            accepted = 0
            with pytest.raises(JournalError, match="the disk is full"):
                for _ in range(1000):
                    cell.order(1)
                    accepted += 1
            assert len([kind for kind in cell.kinds() if kind == "order.accepted"]) == accepted
            assert len(cell.controller.orders()) == accepted

    with Journal.create_or_open(tmp_path / "j") as journal:
        run_virtual(submit())


@settings(max_examples=15)
@example(rotations=set(), killed_at=142)
@given(rotations=st.sets(st.integers(3, 140), max_size=4), killed_at=st.integers(5, 150))
def test_rotated_at_any_entry_and_killed_at_any_other_the_order_gets_all_its_units(
    tmp_path_factory: pytest.TempPathFactory, rotations: set[int], killed_at: int
):
    path = tmp_path_factory.mktemp("rotated") / "j"

    async def produce() -> None:
        def listener(entry: Entry) -> None:
            if entry.sequence in rotations:
                rotate(journal)
            if entry.sequence >= killed_at:
                journal.append = refuse  # type: ignore[method-assign]

        async with floor(journal=journal) as cell:
            cell.order(UNITS)
            cell.controller.add_listener(listener)
            await cell.controller.until_state(State.ABORTED, State.IDLE, State.COMPLETE)

    def refuse(_: object) -> Entry:
        raise JournalError("this program is dead")

    with Journal.create_or_open(path, "batch") as journal, suppress(JournalError):  # killed as late as in its stop
        run_virtual(produce())
    with Journal.create_or_open(path, "batch") as journal:
        run_virtual(go_on(journal))
        assert verify(journal).broken is None
