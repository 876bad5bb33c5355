"""Pictures beside the journal: kept under their digest, let go when there are too many, and checked against the journal."""

from __future__ import annotations

from hashlib import sha256

import pytest

from microcell import events
from microcell.cli import main
from microcell.errors import JournalError
from microcell.records.evidence import SPARE, EvidenceStore, check_evidence, evidence_folder
from microcell.records.journal import Journal, JournalReader
from microcell.records.segments import rotate


def picture(number: int) -> bytes:
    return b"\x89PNG picture %d" % number


def digest(number: int) -> str:
    return sha256(picture(number)).hexdigest()


def opened(pictures: int = 0) -> events.JournalOpened:
    names = {"cell": "bench", "line": "valve", "product": "valve", "world": "virtual", "camera": "rendered"}
    given = {"seed": 7, "epoch": 1, "epoch_s": 1.7e9, "ideal_cycle_s": 30.0, "release": "0.1.0"}
    return events.JournalOpened(time_s=0.0, **names, **given, pictures=pictures)


def inspected(number: int) -> events.OperationEnded:
    """The end of an inspection that names a picture."""
    given = {"unit": f"VLV-{number}", "operation": "inspect_open", "skill": "inspect", "attempt_id": f"1.{number}"}
    told = {"outcome": "succeeded", "message": "", "duration_s": 1.0}
    return events.OperationEnded(time_s=float(number), **given, **told, inspection={"evidence_sha256": digest(number)})


def journal_with(tmp_path, numbers, most):
    """A journal whose inspections name these pictures, of which the store keeps `most`."""
    path = tmp_path / "valve.journal"
    store = EvidenceStore(evidence_folder(path), most)
    with Journal.create_or_open(path) as journal:
        journal.append(opened(pictures=most))
        for number in numbers:
            store.keep(picture(number))
            journal.append(inspected(number))
    return path


def checked(path):
    with JournalReader.open(path) as journal:
        return check_evidence(journal, journal.head().sequence)


def test_every_picture_that_the_journal_names_is_there(tmp_path):
    verdict = checked(journal_with(tmp_path, range(3), most=10))
    assert (verdict.named, verdict.there, verdict.let_go, verdict.lacks) == (3, 3, 0, ())
    assert verdict.folder == str(tmp_path / "evidence" / "valve.journal")


def test_a_missing_and_a_changed_picture_are_told_with_their_entries(tmp_path, capsys):
    path = journal_with(tmp_path, range(3), most=10)
    folder = evidence_folder(path)
    (folder / f"{digest(0)}.png").unlink()
    (folder / f"{digest(2)}.png").write_bytes(picture(1))
    assert [(lack.sequence, lack.sha256, lack.reason) for lack in checked(path).lacks] == [
        (2, digest(0), "missing"),
        (4, digest(2), "changed after it was written"),
    ]
    assert main(["verify", str(path)]) == 1
    said = capsys.readouterr().out
    assert "pictures: 1 of 3 are there and unchanged" in said
    assert f"PICTURE of entry 2 missing: {digest(0)}.png" in said
    assert f"PICTURE of entry 4 changed after it was written: {digest(2)}.png" in said


def test_the_oldest_pictures_are_let_go_and_that_is_no_lack(tmp_path, capsys):
    path = journal_with(tmp_path, range(SPARE + 5), most=2)
    verdict = checked(path)
    assert (verdict.there, verdict.let_go, verdict.lacks) == (SPARE + 2, 3, ())
    assert main(["verify", str(path)]) == 0
    assert "pictures let go: 3, older than those that the line keeps" in capsys.readouterr().out


def test_one_of_the_newest_pictures_may_never_be_missing(tmp_path):
    path = journal_with(tmp_path, range(SPARE + 5), most=2)
    (evidence_folder(path) / f"{digest(SPARE + 3)}.png").unlink()
    assert [lack.sha256 for lack in checked(path).lacks] == [digest(SPARE + 3)]


def test_a_restarted_store_goes_on_counting_and_clears_what_was_torn(tmp_path):
    folder = tmp_path / "pictures"
    for number in range(SPARE + 3):
        EvidenceStore(folder, 1).keep(picture(number))
        (folder / "torn.png.draft").write_bytes(b"half")
    EvidenceStore(folder, 1).keep(picture(0))
    assert len(list(folder.iterdir())) == SPARE + 1
    assert (folder / f"{digest(0)}.png").read_bytes() == picture(0)


def test_a_picture_that_comes_again_is_kept_once_and_as_a_new_one(tmp_path):
    store = EvidenceStore(tmp_path, 1)
    for number in (0, 1, 0, *range(2, SPARE + 2)):
        store.keep(picture(number))
    assert (tmp_path / f"{digest(0)}.png").exists()
    assert not (tmp_path / f"{digest(1)}.png").exists()


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(JournalError, match="no picture can be kept in '.*taken'"):
        EvidenceStore(tmp_path / "taken", 5).keep(picture(1))


def test_a_journal_without_pictures_is_verified_as_before(tmp_path, capsys):
    path = tmp_path / "plain.journal"
    with Journal.create_or_open(path) as journal:
        journal.append(opened())
    assert main(["verify", str(path)]) == 0
    assert "picture" not in capsys.readouterr().out


def test_a_backup_has_the_pictures_too_and_holds_by_itself(tmp_path, capsys):
    path, copy = journal_with(tmp_path, range(3), most=10), tmp_path / "elsewhere" / "monday.journal"
    copy.parent.mkdir()
    assert main(["backup", str(path), str(copy)]) == 0
    assert "pictures copied: 3" in capsys.readouterr().out
    assert main(["verify", str(copy)]) == 0
    assert "pictures: 3 of 3 are there and unchanged" in capsys.readouterr().out


def test_the_pictures_of_a_rotated_journal_are_found_from_each_of_its_files(tmp_path):
    path = journal_with(tmp_path, range(3), most=10)
    with Journal.create_or_open(path) as journal:
        earlier = rotate(journal)
        journal.append(inspected(0))
    assert checked(earlier).there == 3
    assert (checked(path).named, checked(path).there) == (3, 3)
