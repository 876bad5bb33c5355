"""Loss of power, full and read-only disks: what was acknowledged is there, or the journal says what is not."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.errors import JournalError
from microcell.records.head_note import note_path, read_note
from microcell.records.journal import Journal, JournalReader
from microcell.records.verifying import refuse_broken, verify

ENTRIES = 12


def state(number: int) -> events.StateChanged:
    return events.StateChanged(time_s=0.5 * number, state=f"S{number}", reason="x" * 300)


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> Path:
    """The files of a journal as a loss of power leaves them: `j`, with most of it in its write-ahead log."""
    folder, left = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("cut")
    with Journal.create_or_open(folder / "j") as journal:
        for number in range(ENTRIES):
            journal.append(state(number))
        for name in ("j", "j-wal", "j.head"):
            shutil.copy(folder / name, left / name)
    return left / "j"


def copied(cut: Path, folder: Path) -> Path:
    """Those files, to be damaged."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(cut.parent, folder)
    return folder / "j"


def kept(path: Path) -> int:
    """So many entries are there, all of them good; opened for writing as a restarted cell does."""
    with Journal.create_or_open(path) as journal:
        assert verify(journal).broken is None
        return len(list(journal.entries()))


def lost(path: Path) -> int:
    """The first entry that the opening misses; one after the last when it misses none."""
    try:
        return kept(path) + 1
    except JournalError as error:
        words = str(error).split("has lost entries ")[1].split()
        assert words[2] == f"{ENTRIES},", "up to the last acknowledged one"
        assert "put back j-wal or the newest copy of the journal" in str(error)
        return int(words[0])


def test_all_that_was_acknowledged_is_there_after_a_loss_of_power(cut, tmp_path):
    assert kept(copied(cut, tmp_path / "a")) == ENTRIES


@settings(max_examples=80)
@given(data=st.data())
def test_cut_at_any_byte_of_its_log_a_journal_is_whole_or_says_what_is_missing(cut, tmp_path_factory, data):
    size = (cut.parent / "j-wal").stat().st_size
    length = data.draw(st.one_of(st.integers(0, size), st.integers(size - 4200, size)))
    path = copied(cut, tmp_path_factory.mktemp("damaged") / "a")
    os.truncate(path.with_name("j-wal"), length)
    missing = lost(path)
    assert (missing == ENTRIES + 1) == (length == size)
    note_path(path).unlink(missing_ok=True)
    assert kept(path) == missing - 1, "and a person may let it go on with what there is"


@settings(max_examples=40)
@given(data=st.data())
def test_any_flipped_bit_of_its_log_is_noticed(cut, tmp_path_factory, data):
    path = copied(cut, tmp_path_factory.mktemp("damaged") / "a")
    log = path.with_name("j-wal")
    content = bytearray(log.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    log.write_bytes(content)
    missing = lost(path)
    in_frame = (place - 32) // 4120 + 1 if place >= 32 else 1
    assert missing == ENTRIES + 1 or missing <= in_frame + 1


def test_a_log_that_is_gone_is_missed_by_writers_and_by_verification(cut, tmp_path):
    path = copied(cut, tmp_path / "a")
    path.with_name("j-wal").unlink()
    assert lost(path) == 1
    with JournalReader.open(path) as journal:
        assert str(verify(journal).broken) == "entry 1: missing: the head that its writer noted is entry 12"


@settings(max_examples=40)
@given(data=st.data())
def test_a_file_cut_at_any_byte_is_refused_or_verification_tells(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("closed") / "j"
    with Journal.create_or_open(path) as journal:
        for number in range(40):
            journal.append(state(number))
    os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    try:
        with Journal.create_or_open(path) as journal:
            refuse_broken(journal)
    except JournalError as error:
        assert str(path) in str(error)
    else:
        pytest.fail("a cell would go on from a file that lacks its end")


def test_a_journal_in_whose_place_an_older_copy_was_put_is_refused(tmp_path):
    path = tmp_path / "j"
    with Journal.create_or_open(path) as journal:
        journal.append(state(0))
    shutil.copy(path, tmp_path / "older")
    with Journal.create_or_open(path) as journal:
        journal.append(state(1))
    shutil.copy(tmp_path / "older", path)
    with pytest.raises(JournalError, match=r"has lost entries 2 to 2, which had been written .*remove j\.head"):
        Journal.create_or_open(path)


def test_a_journal_in_whose_place_another_one_was_put_is_refused(tmp_path):
    for name, first in (("j", 0), ("other", 10)):
        with Journal.create_or_open(tmp_path / name) as journal:
            journal.append(state(first))
    shutil.copy(tmp_path / "other", tmp_path / "j")
    with pytest.raises(JournalError, match="is not the journal that was written here, its entry 1 differs"):
        Journal.create_or_open(tmp_path / "j")


@pytest.mark.parametrize("torn", [b"", b"\0" * 86, b"00000000000000000012 abc", b"\xff" * 86])
def test_a_torn_note_warns_of_nothing_and_hinders_nothing(cut, tmp_path, torn):
    path = copied(cut, tmp_path / "a")
    note_path(path).write_bytes(torn)
    assert read_note(path) is None
    assert kept(path) == ENTRIES
    assert read_note(path).sequence == ENTRIES


def test_the_note_of_a_journal_that_was_taken_away_says_nothing_about_a_new_one(tmp_path):
    path = tmp_path / "j"
    with Journal.create_or_open(path) as journal:
        journal.append(state(0))
    path.unlink()
    with Journal.create_or_open(path) as journal:
        assert journal.append(state(0)).sequence == 1


def test_an_emptied_file_is_no_new_journal(tmp_path):
    path = tmp_path / "j"
    with Journal.create_or_open(path) as journal:
        journal.append(state(0))
    os.truncate(path, 0)
    with pytest.raises(JournalError, match="has lost entries 1 to 1"):
        Journal.create_or_open(path)


# a disk that does not take it


FULL = """
import resource, sys
from microcell.errors import JournalError
from microcell.events import OrderControlled, StateChanged
from microcell.records.journal import Journal, JournalReader
from microcell.records.verifying import first_break
class Signer:
    key_id = "0" * 16
    def sign(self, head):
        from microcell.records.chain import Signature
        return Signature(head, self.key_id, "00" * 64)
journal = Journal.create_or_open(sys.argv[1], signer=Signer())
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
number = 0
try:
    while True:
        event = OrderControlled(time_s=0.0, order_id="order-0001", state="completed", reason="")
        journal.append(event if number % 3 == 2 else StateChanged(time_s=0.0, state="Execute", reason=""))
        number += 1
except JournalError as error:
    print(error)
for _ in range(2):
    try:
        journal.append(StateChanged(time_s=0.0, state="Held", reason=""))
        number += 1
    except JournalError:
        pass
with JournalReader.open(sys.argv[1]) as reader:
    print(number, len(list(reader.entries())), first_break(reader))
"""


@pytest.mark.parametrize("limit", [30_000, 55_555, 100_000])
def test_a_disk_that_gets_full_keeps_all_that_was_acknowledged(tmp_path, limit):
    command = [sys.executable, "-c", FULL, str(tmp_path / "j"), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    said, counted = done.stdout.splitlines()
    written, found, broken = counted.split()
    assert "the disk is full: free space" in said or "check the disk and the space left on it" in said
    assert (written, broken) == (found, "None")
    assert kept(tmp_path / "j") == int(found), "with room again the journal goes on"


def test_a_file_that_another_program_locks_takes_nothing_until_it_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr("microcell.records.journal_file._BUSY_S", 0.0)
    with Journal.create_or_open(tmp_path / "j") as journal:
        journal.append(state(0))
        other = sqlite3.connect(tmp_path / "j", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="is locked by another program: close it"):
            journal.append(state(1))
        other.execute("ROLLBACK")
        other.close()
        assert journal.append(state(1)).sequence == 2
        assert verify(journal).broken is None


def protect(path: Path, mode: int) -> None:
    path.chmod(mode)
    if os.access(path, os.W_OK):
        path.chmod(0o755)
        pytest.skip("root may write everywhere")


def test_a_journal_that_may_only_be_read_is_refused_for_writing(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        journal.append(state(0))
    protect(tmp_path / "j", 0o444)
    with pytest.raises(JournalError, match="is read-only: make it and its folder writable"):
        Journal.create_or_open(tmp_path / "j")
    with JournalReader.open(tmp_path / "j") as journal:
        assert verify(journal).broken is None


def test_a_folder_that_may_only_be_read_is_refused_for_writing(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        journal.append(state(0))
    protect(tmp_path, 0o555)
    try:
        with pytest.raises(JournalError, match="read-only|cannot be locked|cannot be opened"):
            Journal.create_or_open(tmp_path / "j").append(state(1))
    finally:
        tmp_path.chmod(0o755)
