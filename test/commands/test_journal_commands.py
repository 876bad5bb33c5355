"""`microcell verify`, `key`, `rotate` and `backup` as the person who keeps the records meets them."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the package cryptography is not installed")

from microcell import events
from microcell.cli import main
from microcell.records.journal import Journal
from microcell.records.signing import site_key


@pytest.fixture
def keys(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "keys"
    monkeypatch.setenv("MICROCELL_KEYS", str(folder))
    return folder


def written(path: Path, count: int = 5, keys: Path | None = None) -> Path:
    with Journal.create_or_open(path, signer=site_key(keys) if keys else None) as journal:
        for number in range(count):
            journal.append(events.StateChanged(time_s=float(number), state="Idle", reason=""))
    return path


def tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    for trigger in ("entry_keeps", "entry_stays"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_verify_ends_with_0_where_all_holds(tmp_path, keys, capsys):
    assert main(["verify", str(written(tmp_path / "j"))]) == 0
    first, head, last = capsys.readouterr().out.splitlines()
    assert first == "unbroken: entries 1 to 5 in 1 file"
    assert head.startswith("head 5:") and last == "not signed"


def test_verify_ends_with_1_and_names_the_place(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    tamper(path, "UPDATE entry SET data = '{}' WHERE sequence = 3")
    assert main(["verify", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NOT what was written: entry 3: changed after it was written")
    assert lines[1] == "good up to entry 2"


@pytest.mark.parametrize(("arguments", "text"), [
    (["nothing"], "there is no journal at "),
    (["j", "--noted", "5"], "--noted 5 is no head: give the entry's number and its digest as N:HASH."),
    (["j", "--public-key", "no.pub"], "the public key no.pub cannot be read (No such file or directory): check the path"),
])  # fmt: skip
def test_verify_ends_with_2_where_nothing_can_be_told(tmp_path, keys, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(written(tmp_path / "j").parent)
    assert main(["verify", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_verify_checks_a_noted_head(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    main(["verify", str(path)])
    head = capsys.readouterr().out.splitlines()[1].removeprefix("head ")
    assert main(["verify", str(path), "--noted", head]) == 0
    tamper(path, "DELETE FROM entry WHERE sequence = 5")
    path.with_name("j.head").unlink()
    capsys.readouterr()
    assert main(["verify", str(path)]) == 0, "nobody can tell"
    assert main(["verify", str(path), "--noted", head]) == 1
    assert "entry 5: missing: the noted head is entry 5" in capsys.readouterr().out


def test_verify_says_the_same_as_json(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    tamper(path, "DELETE FROM entry WHERE sequence = 2")
    assert main(["verify", str(path), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["broken"] == {"sequence": 2, "reason": "missing: the next one in the file is entry 3"}
    assert (data["head"]["sequence"], data["signed"], data["unsigned_entries"]) == (1, None, 1)


def test_a_key_is_made_shown_and_signs(tmp_path, keys, capsys):
    assert main(["key", "show"]) == 2
    assert "make one with 'microcell key new'" in capsys.readouterr().err
    assert main(["key", "new"]) == 0
    made = capsys.readouterr().out
    assert f"private key: {keys / 'site.key'} (keep it here" in made
    assert main(["key", "new"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["key", "show"]) == 0
    key_id = capsys.readouterr().out.split()[1]
    assert f"{key_id}.pub" in made
    path = written(tmp_path / "j")
    assert main(["key", "sign", str(path)]) == 0
    assert capsys.readouterr().out == f"signed: entry 5 by {key_id}\n"
    for arguments in ([], ["--public-key", str(keys / f"{key_id}.pub")]):
        assert main(["verify", str(path), *arguments]) == 0
        assert f"signed up to entry 5 by {key_id}; 1 signature checked" in capsys.readouterr().out


def test_a_key_command_that_makes_no_sense_is_refused(tmp_path, keys, capsys):
    assert main(["key", "sign"]) == 2
    assert main(["key", "new", "j"]) == 2
    assert capsys.readouterr().err.count("a journal is named to be signed, and only then") == 2
    main(["key", "new"])
    assert main(["key", "sign", str(tmp_path / "no")]) == 2
    assert "there is no journal at" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_signatures_of_a_site_whose_key_is_not_here_are_told_and_not_checked(tmp_path, keys, monkeypatch, capsys):
    main(["key", "new"])
    path = written(tmp_path / "j", keys=keys)
    monkeypatch.setenv("MICROCELL_KEYS", str(tmp_path / "elsewhere"))
    assert main(["verify", str(path)]) == 0
    assert "signatures not checked: give --public-key" in capsys.readouterr().out


def test_rotate_leaves_the_entries_to_another_file(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    assert main(["rotate", str(path)]) == 0
    assert capsys.readouterr().out == f"written so far: {tmp_path / 'j.1-5'}\n"
    written(path, 2)
    assert main(["verify", str(path)]) == 0
    assert "unbroken: entries 1 to 7 in 2 files" in capsys.readouterr().out
    assert main(["rotate", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()


def test_a_journal_that_a_cell_writes_is_not_rotated_behind_its_back(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    with Journal.create_or_open(path):
        assert main(["rotate", str(path)]) == 2
    assert "is being written by process" in capsys.readouterr().err


def test_backup_writes_a_verified_copy(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    with Journal.create_or_open(path):
        assert main(["backup", str(path), str(tmp_path / "copy")]) == 0
    assert "verified: entries 1 to 5, head 5:" in capsys.readouterr().out
    assert main(["backup", str(path), str(tmp_path / "copy")]) == 2
    assert "copy is there already: name a new file" in capsys.readouterr().err


def test_the_backup_of_a_broken_journal_says_so(tmp_path, keys, capsys):
    path = written(tmp_path / "j")
    tamper(path, "DELETE FROM entry WHERE sequence = 2")
    assert main(["backup", str(path), str(tmp_path / "copy")]) == 1
    assert "the copy is as broken as the journal: entry 2: missing" in capsys.readouterr().out


def test_help_imports_no_cryptography():
    main_help = "from microcell.cli import main\ntry: main(['--help'])\nfinally: print('cryptography' in sys.modules)"
    program = f"import sys\n{main_help}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("False\n")
