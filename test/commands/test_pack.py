"""`microcell pack` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from config_copy import EXAMPLE
from PIL import Image

from microcell.cli import main

PRODUCT = str(EXAMPLE / "products" / "valve.yaml")


def test_units_are_packed_in_layers_with_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    picture = tmp_path / "carton.png"
    assert main(["pack", PRODUCT, "--carton", "0.13x0.09x0.06", "--output", str(picture)]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[:2] == ["12 boxes, 85.9 % of the carton's volume", "layer 1 at 0.000 m: 6"]
    assert f"picture: {picture}" in told
    assert Image.open(picture).size > (300, 300)


def test_a_kit_that_does_not_fit_is_told_as_data(capsys: pytest.CaptureFixture[str]):
    assert main(["pack", PRODUCT, "--carton", "0.05x0.05x0.01", "--parts", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["left"]["body"] == 1
    assert {box["kind"] for box in told["boxes"]} >= {"cap_white", "label"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--carton", "0.1x0.1x0.1", "--output", "a.pdf"], "give a file that ends in .png or .svg"),
        (["--carton", "0.1x0.1x0.1", "--variant", "giant"], "no variant 'giant'; there are: adult, child, infant"),
    ],
)
def test_a_wrong_wish_is_refused(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]):
    assert main(["pack", PRODUCT, *arguments]) == 2
    assert text in capsys.readouterr().err


def test_a_size_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["pack", PRODUCT, "--carton", "10 by 20"])
    assert "'10 by 20' is not length x width x height in m, such as 0.4x0.3x0.2" in capsys.readouterr().err
