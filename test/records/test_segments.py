"""Rotation and backup: a journal of several files is read, verified and gone on with as one."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.errors import JournalError
from microcell.records.journal import Journal, JournalReader
from microcell.records.report import as_json, report
from microcell.records.segments import Copy, backup, begin_rotation, finish_rotation, rotate
from microcell.records.verifying import verify


def state(number: int) -> events.StateChanged:
    return events.StateChanged(time_s=0.5 * number, state=f"S{number}", reason="")


def append(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.append(state(journal.head().sequence))


def sequences(path: Path, since: int = 0) -> list[int]:
    with JournalReader.open(path) as journal:
        return [entry.sequence for entry in journal.entries(since)]


def break_of(path: Path) -> str:
    with JournalReader.open(path) as journal:
        return str(verify(journal).broken)


@pytest.fixture
def rotated(tmp_path):
    """Entries 1 to 4, 5 to 9 and 10 to 11 in three files."""
    with Journal.create_or_open(tmp_path / "j") as journal:
        for count in (4, 5):
            append(journal, count)
            rotate(journal)
        append(journal, 2)
    return tmp_path / "j"


# rotation


def test_a_rotated_journal_keeps_its_name_and_goes_on_with_its_chain(rotated):
    names = sorted(path.name for path in rotated.parent.glob("j*") if path.suffix not in (".lock", ".head"))
    assert [name for name in names if not name.endswith(("-wal", "-shm"))] == ["j", "j.1-4", "j.5-9"]
    assert sequences(rotated) == list(range(1, 12))
    with JournalReader.open(rotated) as journal:
        assert (journal.segment().before.sequence, journal.segment().file) == (9, "j.5-9")
        assert (verify(journal).broken, len(verify(journal).files)) == (None, 3)
        assert [entry.event() for entry in journal.entries()] == [state(n) for n in range(11)]


def test_a_journal_is_the_same_with_and_without_rotation(tmp_path, rotated):
    with Journal.create_or_open(tmp_path / "whole") as whole, JournalReader.open(rotated) as parts:
        append(whole, 11)
        assert list(whole.entries()) == list(parts.entries())
        assert whole.head() == parts.head()


@given(st.lists(st.integers(0, 4), max_size=6), st.integers(0, 15))
@settings(max_examples=30)
def test_entries_after_any_one_are_read_over_all_files(tmp_path_factory, counts, since):
    path = tmp_path_factory.mktemp("s") / "j"
    with Journal.create_or_open(path, "batch") as journal:
        for count in counts:
            append(journal, count + 1)
            rotate(journal)
        written = journal.head().sequence
    assert sequences(path, since) == list(range(since + 1, written + 1))
    assert break_of(path) == "None"


def test_a_reader_that_is_under_way_goes_on_over_a_rotation(tmp_path, monkeypatch):
    monkeypatch.setattr("microcell.records.journal_reader._PAGE_ENTRIES", 2)
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        append(journal, 2500)
        journal.flush()
        with JournalReader.open(tmp_path / "j") as reader:
            entries = reader.entries()
            seen = [next(entries).sequence for _ in range(3)]
            rotate(journal)
            append(journal, 3)
            journal.flush()
            seen += [entry.sequence for entry in entries]
    assert seen == list(range(1, 2504))


def test_what_is_written_while_the_journal_is_copied_goes_into_the_earlier_file(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 3)
        copy = begin_rotation(journal.path)
        append(journal, 4)
        assert finish_rotation(journal, copy).name == "j.1-7"
        append(journal, 1)
        assert verify(journal).broken is None
    assert sequences(tmp_path / "j") == list(range(1, 9))
    assert sequences(tmp_path / "j.1-7") == list(range(1, 8))


def test_the_file_gets_small_again(tmp_path):
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        append(journal, 3000)
        rotate(journal)
    assert (tmp_path / "j").stat().st_size < 50_000 < (tmp_path / "j.1-3000").stat().st_size


def test_rotation_needs_something_to_rotate_and_a_file(tmp_path, rotated):
    with Journal.create_or_open(":memory:") as journal, pytest.raises(JournalError, match="kept in memory only"):
        rotate(journal)
    with Journal.create_or_open(rotated) as journal:
        rotate(journal)
        with pytest.raises(JournalError, match="holds nothing since the last rotation"):
            rotate(journal)
        append(journal, 1)
    assert not list(tmp_path.glob("*.rotating"))


def test_a_rotation_that_fails_leaves_the_journal_as_it_is(tmp_path, monkeypatch):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 3)

        def full(*_: object) -> None:
            raise JournalError("the disk is full")

        monkeypatch.setattr(Copy, "finish", full)
        with pytest.raises(JournalError, match="the disk is full"):
            rotate(journal)
        append(journal, 1)
        assert verify(journal).broken is None
    assert [path.name for path in tmp_path.glob("j.1*")] == []


def test_a_rotation_that_was_cut_short_before_its_last_step_is_done_again(tmp_path, monkeypatch):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 3)
        with monkeypatch.context() as killed:
            killed.setattr(Journal, "begin_after", lambda *_: None)
            rotate(journal)
    assert sequences(tmp_path / "j") == [1, 2, 3]
    with Journal.create_or_open(tmp_path / "j") as journal:
        rotate(journal)
        append(journal, 1)
    assert sequences(tmp_path / "j") == [1, 2, 3, 4]
    assert break_of(tmp_path / "j") == "None"


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path):
    with Journal.create_or_open(tmp_path / "j.1-3") as other:
        append(other, 5)
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 3)
        with pytest.raises(JournalError, match=r"j\.1-3 is there already and holds another journal: move it away"):
            rotate(journal)


KILLED = """
import os, sys
from microcell.events import StateChanged
from microcell.records import segments
from microcell.records.journal import Journal
journal = Journal.create_or_open(sys.argv[1])
for number in range(5):
    journal.append(StateChanged(time_s=0.5 * number, state=f"S{number}", reason=""))
left = int(sys.argv[2])
def trace(frame, event, argument):
    global left
    if frame.f_code.co_filename.endswith(("segments.py", "journal.py", "journal_file.py")):
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), 9)
        return trace
sys.settrace(trace)
segments.rotate(journal)
sys.settrace(None)
print(int(sys.argv[2]) - left)
"""


def test_killed_at_any_line_of_a_rotation_the_journal_is_whole(tmp_path):
    def rotate_and_die(path: Path, line: int) -> str:
        command = [sys.executable, "-c", KILLED, str(path), str(line)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    lines = int(rotate_and_die(tmp_path / "whole", 10_000))
    for line in range(3, lines - 5, max(1, lines // 12)):
        path = tmp_path / f"j{line}"
        assert rotate_and_die(path, line) == "", "it was killed"
        with Journal.create_or_open(path) as journal:
            append(journal, 1)
            assert [entry.sequence for entry in journal.entries()] == [1, 2, 3, 4, 5, 6]
            assert verify(journal).broken is None


# earlier files


def test_an_earlier_file_that_is_not_there_is_named(rotated):
    (rotated.parent / "j.1-4").rename(rotated.parent / "elsewhere")
    missing = r"entries up to 4 of j\.5-9 are in j\.1-4, which is not in .*: put it back there"
    with pytest.raises(JournalError, match=missing):
        sequences(rotated)
    assert sequences(rotated, since=9) == [10, 11]
    assert break_of(rotated).startswith("entry 1: entries up to 4 of j.5-9 are in j.1-4, which is not in ")
    assert report(rotated).digest.broken is not None


def test_an_earlier_file_that_is_another_one_is_refused(rotated):
    earlier = rotated.parent / "j.1-4"
    earlier.unlink()
    with Journal.create_or_open(earlier) as other:
        append(other, 3)
    with pytest.raises(JournalError, match=r"j\.1-4 is not the file that j\.5-9 goes on from"):
        sequences(rotated)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "."])
def test_a_journal_cannot_lead_a_reader_out_of_its_folder(rotated, name):
    connection = sqlite3.connect(rotated)
    connection.execute("UPDATE segment SET file = ?", (name,))
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="is damaged, it names|which is not in"):
        sequences(rotated)


@pytest.mark.parametrize("change", ["before = 'one'", "hash = x'00'", "file = x'00'", "before = 2.5"])
def test_a_segment_of_rubbish_is_refused(rotated, change):
    connection = sqlite3.connect(rotated)
    connection.execute(f"UPDATE segment SET {change}")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="is damaged, it does not say where it begins: go on with a copy"):
        sequences(rotated)
    assert "does not say where it begins" in break_of(rotated)


def test_a_file_that_names_itself_as_the_one_before_is_refused(tmp_path):
    Journal.create_or_open(tmp_path / "j").close()
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute("UPDATE segment SET before = 5, file = 'j'")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="is damaged, it holds no entry: go on with a copy"):
        sequences(tmp_path / "j")


def test_a_change_in_an_earlier_file_is_named_by_its_number(rotated):
    earlier = rotated.parent / "j.5-9"
    earlier.chmod(0o644)
    connection = sqlite3.connect(earlier)
    connection.execute("DROP TRIGGER entry_keeps")
    connection.execute("UPDATE entry SET data = '{}' WHERE sequence = 6")
    connection.commit()
    connection.close()
    assert break_of(rotated) == "entry 6: changed after it was written: its hash does not follow from its content"


def test_an_earlier_file_is_a_journal_to_read_and_not_to_write(rotated):
    assert sequences(rotated.parent / "j.5-9") == list(range(1, 10))
    assert (rotated.parent / "j.5-9").stat().st_mode & 0o777 == 0o444


def test_the_report_is_the_same_over_several_files(tmp_path, story):
    history = story.shift(4)
    for name, every in (("whole", len(history) + 1), ("parts", 30)):
        with Journal.create_or_open(tmp_path / name, "batch") as journal:
            for number, event in enumerate(history, 1):
                journal.append(event)
                if number % every == 0:
                    rotate(journal)
    assert as_json(report(tmp_path / "parts")) == as_json(report(tmp_path / "whole"))


# backup


def test_a_backup_is_made_while_the_journal_is_written_and_holds_what_was_there(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 5)
        assert backup(tmp_path / "j", tmp_path / "copy") == (tmp_path / "copy",)
        append(journal, 1)
    assert sequences(tmp_path / "copy") == [1, 2, 3, 4, 5]
    assert break_of(tmp_path / "copy") == "None"
    assert sequences(tmp_path / "j") == [1, 2, 3, 4, 5, 6]


def test_a_backup_brings_the_earlier_files_once(tmp_path, rotated):
    folder = tmp_path / "backup"
    folder.mkdir()
    first = backup(rotated, folder / "monday")
    assert [path.name for path in first] == ["j.1-4", "j.5-9", "monday"]
    with Journal.create_or_open(rotated) as journal:
        append(journal, 1)
    assert [path.name for path in backup(rotated, folder / "tuesday")] == ["tuesday"]
    assert sequences(folder / "tuesday") == list(range(1, 13))
    assert break_of(folder / "monday") == "None"


def test_a_backup_is_gone_on_with(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 5)
    (tmp_path / "new").mkdir()
    backup(tmp_path / "j", tmp_path / "new/j")
    with Journal.create_or_open(tmp_path / "new/j") as journal:
        append(journal, 1)
        assert (journal.head().sequence, verify(journal).broken) == (6, None)


def test_a_backup_overwrites_nothing_and_needs_a_folder(tmp_path, rotated):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(JournalError, match="copy is there already: name a new file"):
        backup(rotated, tmp_path / "copy")
    with pytest.raises(JournalError, match="the folder of .*/no/copy does not exist: create it"):
        backup(rotated, tmp_path / "no" / "copy")
    assert (tmp_path / "copy").read_text() == "mine"


def test_a_backup_without_an_earlier_file_is_none_at_all(tmp_path, rotated):
    (tmp_path / "j.1-4").unlink()
    (tmp_path / "backup").mkdir()
    with pytest.raises(JournalError, match=r"are in j\.1-4, which is not in"):
        backup(rotated, tmp_path / "backup" / "copy")
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_backup_to_a_full_disk_leaves_nothing_behind(tmp_path):
    program = f"""
import resource, sys
from pathlib import Path
from microcell.errors import JournalError
from microcell.records.segments import backup
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    backup(Path({str(tmp_path / "j")!r}), Path({str(tmp_path / "copy")!r}))
except JournalError as error:
    print(error)
"""
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        append(journal, 2000)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "the disk is full" in done.stdout or "check the disk and the space left on it" in done.stdout
    assert list(tmp_path.glob("copy*")) == []
