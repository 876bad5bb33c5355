"""Journals of earlier releases: read, verified, reported and gone on with by this one.

`data/schema_1.journal` was written by release 0.1.0 at commit 90166c1 with
`microcell run valve --quantity 2 --seed 7 --journal schema_1.journal`.
"""

import json
import shutil
import sqlite3
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from fake_shop_floor import floor

from microcell import events
from microcell.clock import run_virtual
from microcell.records.chain import Head
from microcell.records.journal import Journal, JournalReader
from microcell.records.journal_file import SCHEMA_VERSION
from microcell.records.report import report
from microcell.records.segments import backup, rotate
from microcell.records.verifying import first_break, verify

STORED = Path(__file__).parent / "data" / "schema_1.journal"
HEAD = Head(163, "fb898e225e4a3051aacc4cc11912f4d869a321acc561836c62a379cd5d323a03")


@pytest.fixture
def old(tmp_path) -> Path:
    return Path(shutil.copy(STORED, tmp_path / "old.journal"))


def schema(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_it_is_verified_and_reported_without_being_changed(old):
    before = old.read_bytes()
    with JournalReader.open(old) as journal:
        assert (journal.head(), first_break(journal, HEAD)) == (HEAD, None)
        assert len(list(journal.events())) == 163
    found = report(old)
    assert (found.digest.broken, found.digest.unknown_events, found.header.release) == (None, 0, "0.1.0")
    assert [(unit.serial, unit.state) for unit in found.units] == [("VLV-000001", "good"), ("VLV-000002", "good")]
    assert [(order.state, order.good) for order in found.orders] == [("completed", 2)]
    assert old.read_bytes() == before
    assert schema(old) == 1


def test_it_is_brought_to_the_present_schema_when_it_is_gone_on_with(old):
    with Journal.create_or_open(old) as journal:
        assert journal.head() == HEAD
        journal.append(events.StateChanged(time_s=1000.0, state="Idle", reason=""))
        assert (first_break(journal, HEAD), journal.head().sequence) == (None, 164)
    assert schema(old) == SCHEMA_VERSION
    connection = sqlite3.connect(old)
    with pytest.raises(sqlite3.IntegrityError, match="a journal has no gaps"):
        connection.execute("INSERT INTO entry VALUES (300, 0.0, 'x', '{}', '')")
    connection.close()


def test_a_new_journal_and_one_that_was_brought_to_the_schema_have_the_same_one(old, tmp_path):
    for path in (old, tmp_path / "new"):
        Journal.create_or_open(path).close()
    shapes = []
    for path in (old, tmp_path / "new"):
        connection = sqlite3.connect(path)
        shapes.append(sorted(connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")))
        connection.close()
    assert shapes[0] == shapes[1]


def test_a_controller_goes_on_with_it(old):
    async def one_more(journal: Journal):  # type: ignore[no-untyped-def]
        async with floor(journal=journal) as cell:
            view = await cell.controller.order_ended(cell.order(1))
            return cell.controller.epoch, view

    with Journal.create_or_open(old, "batch") as journal:
        epoch, view = run_virtual(one_more(journal))
        assert first_break(journal, HEAD) is None
    assert (epoch, view.order_id, view.serials) == (2, "order-0002", ("VLV-000003",))
    assert [(order.state, order.good) for order in report(old).orders] == [("completed", 2), ("completed", 1)]


def test_it_is_rotated_and_backed_up(old, tmp_path):
    backup(old, tmp_path / "copy")
    assert schema(tmp_path / "copy") == 1
    with Journal.create_or_open(old) as journal:
        rotate(journal)
        journal.append(events.StateChanged(time_s=1000.0, state="Idle", reason=""))
    with JournalReader.open(old) as journal:
        assert (verify(journal, [HEAD]).broken, journal.head().sequence) == (None, 164)


FIELDS = json.loads((STORED.parent / "events_of_schema_1.json").read_text())
"""Every kind of event with the fields that it had at that commit."""


@pytest.mark.parametrize("kind", FIELDS)
def test_an_event_with_the_fields_of_then_can_be_read_today(kind):
    """A field may come with a default; none may go or get another name, for journals hold it."""
    assert kind in events.Event.KINDS
    today = fields(events.Event.KINDS[kind])
    assert set(FIELDS[kind]) <= {field.name for field in today}
    without_default = {field.name for field in today if field.default is MISSING and field.default_factory is MISSING}
    assert without_default <= set(FIELDS[kind])
