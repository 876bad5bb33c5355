"""Printed text is read by the engine of the extra `text`, where that is installed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from microcell.description.checks import Text
from microcell.description.product import Box
from microcell.vision.measure import measure
from microcell.vision.requests import CheckRequest
from microcell.vision.text import text_in

pytest.importorskip("rapidocr", reason="the extra 'text' is not installed: pip install rapidocr onnxruntime")


def printed(*lines: str) -> np.ndarray[Any, Any]:
    """Dark text on a bright sheet, RGB."""
    sheet = np.full((30 + 50 * len(lines), 320, 3), 235, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(sheet, line, (20, 50 + 50 * number), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (30, 30, 34), 2, cv2.LINE_AA)
    return cv2.GaussianBlur(sheet, (0, 0), 0.8)


@pytest.mark.parametrize("lines", [("LOT-2481",), ("VALVE 24", "LOT 7731")])
def test_printed_lines_are_read_from_top_to_bottom(lines: tuple[str, ...]) -> None:
    assert text_in(printed(*lines)) == " ".join(lines)


def test_there_is_no_text_where_nothing_is_printed() -> None:
    assert text_in(printed("")) == ""


@pytest.mark.parametrize(("expected", "value"), [("LOT-2481", 1.0), ("LOT-2482", 0.0)])
def test_a_check_reads_the_field_of_a_part_that_it_names(stage: Any, expected: str, value: float) -> None:
    """The text is laid into the photo of a plate, 24 x 6 mm of it, where its part says."""
    plate = stage.part(Box(kind="box", length_m=0.03, width_m=0.018, height_m=0.004), (236, 236, 232))
    photo = stage.photo([stage.item(plate, stage.at())]).copy()
    height, width = 66, 264
    middle = np.array((photo.shape[1], photo.shape[0])) / 2 + np.array((-22.0, -11.0))
    left, top = (round(float(axis)) for axis in middle - (width / 2, height / 2))
    photo[top : top + height, left : left + width] = cv2.resize(printed("LOT-2481"), (width, height))
    check = Text(kind="text", site="site", size_m=(0.026, 0.009), text=expected)
    request = CheckRequest("lot", "text", "fixture", "site", plate, stage.at(), measured=check)
    reading = measure(photo, stage.camera, [request])[0]
    assert (reading.text, reading.value) == ("LOT-2481", value)
