"""`microcell up` before anything is started."""

import pytest

from microcell.cli import main


@pytest.mark.parametrize("world", ["mock", "real"])
def test_a_journal_of_another_world_is_refused_before_anything_is_started(world, tmp_path, capsys):
    journal = tmp_path / "valve.journal"
    assert main(["run", "valve", "--quantity", "1", "--journal", str(journal), "--json"]) == 0
    assert main(["up", "valve", "--world", world, "--journal", str(journal)]) == 2
    said = capsys.readouterr().err
    assert f"the journal is that of line 'valve' in world 'virtual', not of 'valve' in '{world}'." in said
    assert "--journal FILE" in said
    assert not (tmp_path / "logs").exists()
