"""Verification names the place and the kind of what was done to a journal."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.records.chain import Head
from microcell.records.evidence import check_evidence
from microcell.records.journal import Journal, JournalReader
from microcell.records.report import report
from microcell.records.verifying import verify

ENTRIES = 12
TRIGGERS = ("entry_keeps", "entry_stays", "entry_follows")
PAYLOAD = "time_s, kind, data, hash"


def write(path: Path, count: int = ENTRIES) -> None:
    with Journal.create_or_open(path, "batch") as journal:
        for number in range(count):
            journal.append(events.StateChanged(time_s=0.5 * number, state=f"S{number}", reason=""))


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def swap(first: int, second: int) -> tuple[str, ...]:
    return (
        f"UPDATE entry SET sequence = -1 WHERE sequence = {first}",
        f"UPDATE entry SET sequence = {first} WHERE sequence = {second}",
        f"UPDATE entry SET sequence = {second} WHERE sequence = -1",
    )


def shift(after: int, by: int) -> tuple[str, ...]:
    """Renumber what stands after an entry; by way of negative numbers, for they are unique."""
    return (
        f"UPDATE entry SET sequence = -(sequence + {by}) WHERE sequence > {after}",
        "UPDATE entry SET sequence = -sequence WHERE sequence < 0",
    )


def insert(at: int) -> str:
    return f"INSERT INTO entry SELECT {at}, time_s, kind, '{{}}', hash FROM entry WHERE sequence = 1"


def verdict_of(path: Path):
    with JournalReader.open(path) as journal:
        return verify(journal)


CHANGED = "changed after it was written: its hash does not follow from its content"


@pytest.mark.parametrize(("statements", "sequence", "reason"), [
    (("UPDATE entry SET data = '{}' WHERE sequence = 5",), 5, CHANGED),
    (("UPDATE entry SET hash = replace(hash, 'a', 'b') WHERE sequence = 12",), 12, CHANGED),
    (("UPDATE entry SET kind = x'00' WHERE sequence = 2",), 2, CHANGED),
    (("UPDATE entry SET data = x'ff' WHERE sequence = 2",), 2, CHANGED),
    (("DELETE FROM entry WHERE sequence = 5",), 5, "missing: the next one in the file is entry 6"),
    (("DELETE FROM entry WHERE sequence = 5", *shift(5, -1)), 5,
     "removed: an entry was taken out here and the later ones renumbered"),
    (("DELETE FROM entry WHERE sequence IN (5, 6, 7)", *shift(7, -3)), 5,
     "removed: 3 entries were taken out here and the later ones renumbered"),
    (swap(3, 4), 3, "reordered: what was written here stands as entry 4"),
    (swap(2, 11), 2, "reordered: what was written here stands as entry 11"),
    ((*shift(6, 1), insert(7)), 7, "inserted: entry 7 was never written here, what was stands as entry 8"),
    ((*shift(6, 2), insert(7), insert(8)), 7,
     "inserted: entries 7 to 8 were never written here, what was stands as entry 9"),
    ((insert(0),), 1, "inserted: an entry 0 stands before it"),
    ((insert(-7),), 1, "inserted: an entry -7 stands before it"),
    (("DELETE FROM entry WHERE sequence <= 3",), 1, "missing: the next one in the file is entry 4"),
])  # fmt: skip
def test_place_and_kind_of_what_was_done_are_named(tmp_path, statements, sequence, reason):
    write(tmp_path / "j")
    tamper(tmp_path / "j", *statements)
    verdict = verdict_of(tmp_path / "j")
    assert (verdict.broken.sequence, verdict.broken.reason) == (sequence, reason)
    assert verdict.head.sequence == sequence - 1


def test_of_a_damaged_file_everything_before_the_damage_is_told_and_reported(tmp_path):
    write(tmp_path / "j", 2500)
    content = bytearray((tmp_path / "j").read_bytes())
    pages = range(0, len(content), 4096)
    page = next(at for at in pages if b"S1500" in content[at : at + 4096])
    content[page : page + 8] = bytes(8)
    (tmp_path / "j").write_bytes(content)
    verdict = verdict_of(tmp_path / "j")
    good = verdict.head.sequence
    assert 1400 < good < 1502
    assert str(verdict.broken) == f"entry {good + 1}: cannot be read: database disk image is malformed"
    with JournalReader.open(tmp_path / "j") as journal:
        assert check_evidence(journal, good).named == 0
    found = report(tmp_path / "j")
    assert (found.digest.sequence, found.digest.broken, found.production.state) == (good, verdict.broken, f"S{good - 1}")


def test_what_holds_before_a_break_is_told(tmp_path):
    write(tmp_path / "j")
    with JournalReader.open(tmp_path / "j") as journal:
        third = journal.head_at(3)
    tamper(tmp_path / "j", "UPDATE entry SET data = '{}' WHERE sequence = 4")
    assert verdict_of(tmp_path / "j").head == third


@settings(max_examples=100)
@given(data=st.data())
def test_any_single_change_to_any_entry_is_named_at_that_entry(tmp_path_factory, data):
    sequence = data.draw(st.integers(1, ENTRIES))
    change = data.draw(st.sampled_from([
        "UPDATE entry SET data = data || ' ' WHERE sequence = {}",
        "UPDATE entry SET time_s = time_s + 1e-9 WHERE sequence = {}",
        "UPDATE entry SET kind = 'state.guessed' WHERE sequence = {}",
        "DELETE FROM entry WHERE sequence = {}",
    ]))  # fmt: skip
    path = tmp_path_factory.mktemp("v") / "j"
    write(path)
    with JournalReader.open(path) as journal:
        noted = journal.head()
    tamper(path, change.format(sequence))
    with JournalReader.open(path) as journal:
        assert verify(journal, [noted]).broken.sequence == sequence


def test_several_noted_heads_are_checked(tmp_path):
    write(tmp_path / "j")
    with JournalReader.open(tmp_path / "j") as journal:
        good = [journal.head_at(3), journal.head_at(12)]
        assert verify(journal, good).broken is None
        assert str(verify(journal, [*good, Head(7, "a" * 64)]).broken) == "entry 7: rewritten: its hash is not the noted one"
        assert str(verify(journal, [Head(20, "a" * 64)]).broken) == "entry 13: missing: the noted head is entry 20"


def test_a_journal_is_verified_while_it_is_written(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as writer, JournalReader.open(tmp_path / "j") as reader:
        for number in range(5):
            writer.append(events.StateChanged(time_s=0.0, state=f"S{number}", reason=""))
            assert (verify(reader).broken, verify(reader).head) == (None, writer.head())
            assert verify(writer).broken is None


A64 = "a" * 64


@pytest.mark.parametrize("text", ["", "12", f"x:{A64}", f"12:g{A64[1:]}", f"-1:{A64}", f"12:{A64[1:]}", f"{'9' * 50}:{A64}"])
def test_what_is_no_head_is_none(text):
    assert Head.parse(text) is None


def test_a_head_is_read_as_it_is_shown():
    head = Head(12, "0f" * 32)
    assert Head.parse(str(head)) == head
    assert Head.parse(f"{12:020d} {head.hash}\n") == head
