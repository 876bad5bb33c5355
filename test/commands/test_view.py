"""`microcell view` as a user meets it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from config_copy import EXAMPLE
from PIL import Image

from microcell.cli import main
from microcell.errors import UsageError
from microcell.viewing import browser

LINE = str(EXAMPLE / "lines" / "valve.yaml")


def test_a_still_is_written_and_its_unit_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "still.png"
    assert main(["view", LINE, "--output", str(path), "--width", "160", "--at", "12"]) == 0
    assert Image.open(path).size == (160, 100)
    assert capsys.readouterr().out.startswith(f"{path} (0.0 MB): VLV-000001, made in ")


def test_a_moment_after_the_units_end_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["view", LINE, "--output", str(tmp_path / "a.png"), "--at", "5000"]) == 2
    assert "--at 5000 is too late: the unit is made within " in capsys.readouterr().err


def test_another_format_is_refused_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["view", LINE, "--output", str(tmp_path / "film.mp4")]) == 2
    assert "give a file that ends in .gif or .png." in capsys.readouterr().err


def test_ctrl_c_ends_the_view_in_the_browser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    told: list[object] = []

    class Server:
        def stop(self) -> None:
            told.append("stopped")

    class Player:
        def __init__(self, recording: object, server: object) -> None:
            pass

        def advance(self, elapsed_s: float) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(browser, "check_installed", lambda: None)
    monkeypatch.setattr(browser, "open_server", lambda name, port: Server())
    monkeypatch.setattr(browser, "Player", Player)
    assert main(["view", LINE, "--port", "8099"]) == 0
    assert told == ["stopped"]
    assert "http://127.0.0.1:8099 shows VLV-000001 of valve; Ctrl-C ends." in capsys.readouterr().out


def test_a_taken_port_is_told(monkeypatch: pytest.MonkeyPatch):
    other = SimpleNamespace(get_port=lambda: 8081, stop=lambda: None)
    monkeypatch.setitem(sys.modules, "viser", SimpleNamespace(ViserServer=lambda **options: other))
    monkeypatch.setattr(browser, "check_installed", lambda: None)
    with pytest.raises(UsageError, match="port 8080 is taken. Give another with --port."):
        browser.open_server("microcell", 8080)


def test_without_viser_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(browser.importlib.util, "find_spec", lambda name: None)
    assert main(["view", LINE]) == 2
    assert "pip install viser" in capsys.readouterr().err
