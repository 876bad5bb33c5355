import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.errors import JournalError
from microcell.records.journal import GENESIS, Break, Head, Journal, JournalReader, link
from microcell.records.verifying import first_break

texts = st.text(max_size=20).filter(lambda text: text.isprintable() or "\x00" in text)
times = st.floats(allow_nan=False, allow_infinity=False, width=64)
measurements = st.fixed_dictionaries({"name": texts, "value": st.none() | times, "unit": texts})


def some_events():
    return st.one_of(
        st.builds(events.StateChanged, time_s=times, state=texts, reason=texts),
        st.builds(
            events.OrderAccepted,
            time_s=times,
            order_id=texts,
            product=texts,
            lines=st.lists(st.tuples(texts, st.integers(1, 9)), max_size=3).map(tuple),
            priority=st.integers(-100, 100),
            due_s=st.none() | times,
        ),
        st.builds(
            events.OperationEnded,
            time_s=times,
            unit=texts,
            operation=texts,
            skill=texts,
            attempt_id=texts,
            outcome=texts,
            message=texts,
            duration_s=times,
            fault=st.none() | st.dictionaries(texts, texts | st.none(), max_size=3),
            measurements=st.lists(measurements, max_size=3).map(tuple),
            parts=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
        ),
    )


def state(number: int) -> events.StateChanged:
    return events.StateChanged(time_s=0.5 * number, state=f"S{number}", reason="")


def write(path: Path, count: int, durability="batch") -> Head:
    with Journal.create_or_open(path, durability) as journal:
        for number in range(count):
            journal.append(state(number))
        return journal.head()


def tamper(path: Path, statement: str, *values: object) -> None:
    """Change a journal behind its back."""
    connection = sqlite3.connect(path)
    for trigger in ("entry_keeps", "entry_stays", "entry_follows"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


# what was written comes back


@given(st.lists(some_events(), max_size=8))
def test_any_events_come_back_as_they_were_written(history):
    with Journal.create_or_open(":memory:", "batch") as journal:
        entries = [journal.append(event) for event in history]
        assert list(journal.events()) == history
        assert list(journal.entries()) == entries
        assert first_break(journal) is None
        assert journal.head() == JournalReader.head(journal)


def test_hash_is_that_of_the_canonical_json_chained_to_the_entry_before():
    with Journal.create_or_open(":memory:") as journal:
        first = journal.append(state(0))
        data = {"data": {"reason": "", "state": "S0"}, "kind": "state.changed", "sequence": 1, "time_s": 0.0}
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        assert first.hash == link(GENESIS, 1, 0.0, "state.changed", '{"reason":"","state":"S0"}')
        assert text == '{"data":{"reason":"","state":"S0"},"kind":"state.changed","sequence":1,"time_s":0.0}'
        assert first.hash == sha256((GENESIS + text).encode()).hexdigest()


def test_entries_continue_after_a_given_one_and_over_many_pages(tmp_path):
    write(tmp_path / "j", 2500)
    with JournalReader.open(tmp_path / "j") as journal:
        assert [entry.sequence for entry in journal.entries(since=998)] == list(range(999, 2501))


def test_an_opened_journal_goes_on_with_its_chain(tmp_path):
    path = tmp_path / "j"
    head = write(path, 3, "full")
    with Journal.create_or_open(path) as journal:
        assert journal.head() == head
        assert journal.append(state(3)).sequence == 4
        assert first_break(journal, head) is None


def test_the_same_events_make_the_same_file_byte_for_byte(tmp_path):
    assert write(tmp_path / "a", 1500) == write(tmp_path / "b", 1500)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("event", [
    events.StateChanged(time_s=float("nan"), state="Idle", reason=""),
    events.FaultRaised(time_s=0.0, fault={"value": float("inf")}),
    events.FaultRaised(time_s=0.0, fault={"value": {1, 2}}),
    events.StateChanged(time_s=0.0, state="\ud800", reason=""),
])  # fmt: skip
def test_what_is_no_json_is_refused_and_leaves_no_entry(event):
    with Journal.create_or_open(":memory:") as journal:
        with pytest.raises(JournalError, match="write None for a number that is not known"):
            journal.append(event)
        assert journal.append(state(0)).sequence == 1


def test_an_event_of_a_later_release_is_named(tmp_path):
    write(tmp_path / "j", 1)
    tamper(tmp_path / "j", "UPDATE entry SET kind = 'state.guessed'")
    unknown = r"an event 'state\.guessed' that this release does not know"
    with JournalReader.open(tmp_path / "j") as journal, pytest.raises(JournalError, match=unknown):
        list(journal.events())


# nothing can be changed unseen


@pytest.mark.parametrize("statement", [
    "UPDATE entry SET data = '{}' WHERE sequence = 2",
    "DELETE FROM entry WHERE sequence = 2",
    "INSERT OR REPLACE INTO entry VALUES (2, 0.0, 'x', '{}', '')",
    "INSERT INTO entry VALUES (9, 0.0, 'x', '{}', '')",
])  # fmt: skip
def test_the_file_itself_refuses_changes(tmp_path, statement):
    write(tmp_path / "j", 3)
    connection = sqlite3.connect(tmp_path / "j")
    with pytest.raises(sqlite3.IntegrityError, match=r"a journal (is append-only|has no gaps)"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(("statement", "found"), [
    ("UPDATE entry SET data = '{}' WHERE sequence = 2", (2, "changed after it was written")),
    ("UPDATE entry SET time_s = time_s + 1e-9 WHERE sequence = 3", (3, "changed after it was written")),
    ("UPDATE entry SET kind = 'x' WHERE sequence = 1", (1, "changed after it was written")),
    ("UPDATE entry SET hash = upper(hash) WHERE sequence = 4", (4, "changed after it was written")),
    ("UPDATE entry SET sequence = 9 WHERE sequence = 4", (4, "missing: the next one in the file is entry 9")),
    ("DELETE FROM entry WHERE sequence = 1", (1, "missing: the next one in the file is entry 2")),
])  # fmt: skip
def test_verify_names_the_first_entry_that_was_tampered_with(tmp_path, statement, found):
    write(tmp_path / "j", 4)
    tamper(tmp_path / "j", statement)
    with JournalReader.open(tmp_path / "j") as journal:
        broken = first_break(journal)
    assert broken is not None
    assert broken.sequence == found[0]
    assert found[1] in broken.reason


def test_a_cut_off_or_rewritten_journal_is_found_by_a_head_that_was_noted(tmp_path):
    noted = write(tmp_path / "j", 4)
    tamper(tmp_path / "j", "DELETE FROM entry WHERE sequence > 2")
    with JournalReader.open(tmp_path / "j") as journal:
        assert first_break(journal) is None
        assert first_break(journal, noted) == Break(3, "missing: the noted head is entry 4")
        rewritten = Head(2, "0" * 64)
        assert first_break(journal, rewritten) == Break(2, "rewritten: its hash is not the noted one")
        assert first_break(journal, Head(0, GENESIS)) is None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_of_the_file_is_found_or_changes_no_entry(tmp_path, data):
    path, original = tmp_path / "j", tmp_path / "original"
    if not original.exists():
        write(original, 60)
    content = bytearray(original.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    for leftover in ("j-wal", "j-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)
    with JournalReader.open(original) as journal:
        written = list(journal.entries())
    try:
        with JournalReader.open(path) as journal:
            unseen = first_break(journal) is None
            assert not unseen or list(journal.entries()) == written
    except JournalError:
        return


# files that cannot be used


def test_missing_journal_and_missing_folder_are_named(tmp_path):
    with pytest.raises(JournalError, match=r"there is no journal at .*/nothing: check the path"):
        JournalReader.open(tmp_path / "nothing")
    with pytest.raises(JournalError, match=r"the folder of .*/no/j does not exist: create it"):
        Journal.create_or_open(tmp_path / "no" / "j")


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk. " * 100)
    for use in (Journal.create_or_open, JournalReader.open):
        with pytest.raises(JournalError, match=r"notes\.txt is not a journal: name another file"):
            use(path)
    assert path.read_text() == "Remember the milk. " * 100
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE milk (litres REAL)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is not a journal but some other SQLite file"):
        Journal.create_or_open(path)
    assert path.read_bytes() == before


def test_another_schema_version_is_refused(tmp_path):
    write(tmp_path / "j", 1)
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for use in (Journal.create_or_open, JournalReader.open):
        with pytest.raises(JournalError, match="schema version 99, this release reads 1 and 2"):
            use(tmp_path / "j")


def test_an_empty_file_becomes_a_journal_but_is_none_to_read(tmp_path):
    (tmp_path / "j").touch()
    with pytest.raises(JournalError, match="is empty: no controller has begun to write it yet"):
        JournalReader.open(tmp_path / "j")
    assert write(tmp_path / "j", 1).sequence == 1


def test_a_second_writer_is_refused_until_the_first_one_closes(tmp_path):
    first = Journal.create_or_open(tmp_path / "j")
    with pytest.raises(JournalError, match=f"is being written by process {os.getpid()}: stop that one first"):
        Journal.create_or_open(tmp_path / "j")
    (tmp_path / "alias").symlink_to(tmp_path / "j")
    with pytest.raises(JournalError, match="is being written by process"):
        Journal.create_or_open(tmp_path / "alias")
    first.append(state(0))
    first.close()
    first.close()
    with Journal.create_or_open(tmp_path / "j") as second:
        assert second.head().sequence == 1


def test_a_reader_sees_what_a_writer_has_committed(tmp_path):
    path = tmp_path / "j"
    with Journal.create_or_open(path, "batch") as writer, JournalReader.open(path) as reader:
        writer.append(state(0))
        assert reader.head() == Head(0, GENESIS)
        writer.flush()
        assert reader.head() == writer.head()
        assert first_break(reader) is None


def test_a_locked_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("microcell.records.journal_file._BUSY_S", 0.0)
    write(tmp_path / "j", 1)
    other = sqlite3.connect(tmp_path / "j", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="is locked by another program: close it"):
        Journal.create_or_open(tmp_path / "j")
    other.close()
    with Journal.create_or_open(tmp_path / "j") as journal:
        assert journal.append(state(1)).sequence == 2


def test_a_closed_journal_says_so(tmp_path):
    journal = Journal.create_or_open(tmp_path / "j")
    journal.close()
    with pytest.raises(JournalError, match="is closed: open it again"):
        journal.append(state(0))


# failing writes


def limit_pages(journal: Journal, pages: int) -> None:
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")


def fill(journal: Journal) -> None:
    for number in range(100_000):
        journal.append(state(number))


def test_a_full_disk_is_named_and_writing_goes_on_when_there_is_room(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        limit_pages(journal, 8)
        with pytest.raises(JournalError, match="cannot be written, the disk is full: free space"):
            fill(journal)
        head = journal.head()
        limit_pages(journal, 10_000)
        assert journal.append(state(0)).sequence == head.sequence + 1
        assert first_break(journal) is None


def test_a_batch_that_lost_entries_takes_no_more(tmp_path):
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        limit_pages(journal, 8)
        with pytest.raises(JournalError, match="the disk is full"):
            fill(journal)
        limit_pages(journal, 10_000)
        with pytest.raises(JournalError, match="lost entries in a failed write"):
            journal.append(state(0))
    with JournalReader.open(tmp_path / "j") as journal:
        assert first_break(journal) is None


def test_a_disk_that_refuses_a_write_is_named(tmp_path):
    """A limit on the size of files stands for a disk whose last block is taken."""
    program = """
import resource, sys
from microcell.errors import JournalError
from microcell.events import StateChanged
from microcell.records.journal import Journal
from microcell.records.verifying import first_break
journal = Journal.create_or_open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    while True:
        journal.append(StateChanged(time_s=0.0, state="Execute", reason=""))
except JournalError as error:
    print(error)
written = journal.head().sequence
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(StateChanged(time_s=1.0, state="Held", reason=""))
print(journal.head().sequence - written, first_break(journal))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "j"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    first, second = done.stdout.splitlines()
    assert "check the disk and the space left on it" in first or "the disk is full" in first
    assert second == "1 None"


# killed processes

APPENDER = """
import sys
from microcell.events import StateChanged
from microcell.records.journal import Journal
journal = Journal.create_or_open(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    entry = journal.append(StateChanged(time_s=number * 0.5, state=f"S{number}", reason=""))
    number += 1
    print(entry.sequence, entry.hash, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    path = tmp_path / "j"
    with subprocess.Popen([sys.executable, "-c", APPENDER, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        acknowledged = [writer.stdout.readline() for _ in range(30)]
        with pytest.raises(JournalError, match=f"is being written by process {writer.pid}"):
            Journal.create_or_open(path)
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().splitlines(keepends=True)
    acknowledged = [line for line in acknowledged if line.endswith("\n") and len(line.split()) == 2]
    with Journal.create_or_open(path) as journal:
        kept = [f"{entry.sequence} {entry.hash}\n" for entry in journal.entries()]
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) - len(acknowledged) <= 1  # the last one may be written and not yet acknowledged
        assert first_break(journal) is None
        assert journal.append(state(0)).sequence == len(kept) + 1


AS_NOBODY = """
import os, pathlib, sys
from microcell.errors import JournalError
from microcell.records.journal import Journal, JournalReader
from microcell.records.verifying import first_break
pathlib.Path("/").as_uri()  # imports on its first use, and nobody may not be allowed to read the library
os.setuid(65534)
with JournalReader.open(sys.argv[1]) as journal:
    print(journal.head().sequence, first_break(journal))
try:
    Journal.create_or_open(sys.argv[1])
except JournalError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_journal_in_a_folder_of_somebody_else_can_be_read_and_not_written():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        write(path, 2)
        path.parent.chmod(0o755)
        command = [sys.executable, "-c", AS_NOBODY, path]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    read, refused = done.stdout.splitlines()
    assert read == "2 None"
    assert "is read-only: make it and its folder writable for this user" in refused
