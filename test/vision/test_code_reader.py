"""Codes of several kinds are read in any place; what only one look reads, or looks read differently, is not told."""

from __future__ import annotations

from typing import Any, get_args

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from microcell.description.code_kinds import CodeKind
from microcell.errors import MissingCapabilityError
from microcell.vision import code_reader
from microcell.vision.code_passes import PASSES
from microcell.vision.code_reader import ENOUGH_RATIO, ReadCode, read_codes
from microcell.vision.code_turns import bar_angles_deg

BARS = np.array([[0.0, 0.0], [90.0, 0.0], [90.0, 30.0], [0.0, 30.0]])


def code(name: str, text: str, width: int = 220, height: int = 100) -> np.ndarray[Any, Any]:
    made = zxingcpp.write_barcode(getattr(zxingcpp.BarcodeFormat, name), text, width=width, height=height)
    return np.array(made)


def on_sheet(*codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Codes one under the other on white."""
    width = max(one.shape[1] for one in codes) + 40
    rows = [cv2.copyMakeBorder(one, 20, 20, 20, width - 20 - one.shape[1], cv2.BORDER_CONSTANT, value=255) for one in codes]
    return np.concatenate(rows)


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("EAN13", "ean_13", "9780804816632"), ("Code128", "code_128", "VLV-000123"), ("QRCode", "qr_code", "lot 7"),
        ("DataMatrix", "data_matrix", "VLV-000123"), ("Aztec", "aztec", "lot 7"), ("PDF417", "pdf417", "lot 7"),
        ("Code39", "code_39", "LOT7"), ("ITF", "itf", "00123456789012"),
    ],
)  # fmt: skip
def test_a_code_is_read_with_its_kind(name: str, kind: str, text: str) -> None:
    (found,) = read_codes(on_sheet(code(name, text)))
    assert (found.kind, found.text) == (kind, text)


def test_several_codes_are_told_from_top_to_bottom_with_their_places() -> None:
    upper, lower = read_codes(on_sheet(code("QRCode", "upper", 100, 100), code("DataMatrix", "lower", 100, 100)))
    assert (upper.text, lower.text) == ("upper", "lower")
    assert upper.centre_px == pytest.approx((73, 73), abs=10)
    assert lower.centre_px[1] - upper.centre_px[1] == pytest.approx(150, abs=25)


def test_naming_the_kind_leaves_out_the_others() -> None:
    sheet = on_sheet(code("QRCode", "upper", 100, 100), code("DataMatrix", "lower", 100, 100))
    assert [found.text for found in read_codes(sheet, ("data_matrix",))] == ["lower"]


def test_a_code_out_of_focus_is_read_where_a_plain_look_fails() -> None:
    sheet = on_sheet(code("EAN13", "9780804816632", 440, 200))
    small = cv2.GaussianBlur(cv2.resize(sheet, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    assert zxingcpp.read_barcodes(small) == []
    assert [found.text for found in read_codes(small)] == ["9780804816632"]


def test_turned_and_sixteen_bit_codes_are_read() -> None:
    sheet = on_sheet(code("Code128", "VLV-000123", 440, 160))
    sheet = cv2.copyMakeBorder(sheet, 140, 140, 20, 20, cv2.BORDER_CONSTANT, value=255)
    height, width = sheet.shape
    for angle_deg in (15.0, 32.0, -40.0):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 0.9)
        turned = cv2.warpAffine(sheet, matrix, (width, height), borderValue=255)
        assert [found.text for found in read_codes(turned)] == ["VLV-000123"]
    assert [found.text for found in read_codes(sheet.astype(np.uint16) * 257)] == ["VLV-000123"]


def turned(sheet: np.ndarray[Any, Any], angle_deg: float) -> np.ndarray[Any, Any]:
    """A sheet turned about its middle, white around it."""
    side = int(np.hypot(*sheet.shape)) + 2
    down, right = side - sheet.shape[0], side - sheet.shape[1]
    square = cv2.copyMakeBorder(sheet, down // 2, down - down // 2, right // 2, right - right // 2, 0, value=255)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle_deg, 1.0)
    return cv2.warpAffine(square, matrix, (side, side), borderValue=255)


@pytest.mark.parametrize("angle_deg", [10, 17, 30, 45])
@pytest.mark.parametrize("height", [70, 160])
def test_rows_aslant_through_itf_do_not_make_a_part_of_it_the_text(angle_deg: float, height: int) -> None:
    """Of a turned code, some rows cross only some bars: they are no rival of the whole, and never told in its place."""
    sheet = turned(on_sheet(code("ITF", "12345678901231", 440, height)), angle_deg)
    assert [found.text for found in read_codes(sheet, ["itf"])] == ["12345678901231"]


@pytest.mark.parametrize("angle_deg", [-68, -35, 22, 41, 60])
@pytest.mark.parametrize(
    ("name", "text", "kinds"),
    [("Code39", "VLV-000123", ["code_39"]), ("ITF", "12345678901231", ["itf"]), ("ITF", "12345678901231", [])],
)
def test_a_turned_bar_code_is_read_in_a_large_image_where_it_lies(
    name: str, text: str, kinds: list[CodeKind], angle_deg: float
) -> None:
    sheet = turned(on_sheet(code(name, text, 420, 70)), angle_deg)
    image = np.full((960, 1280), 170, np.uint8)
    image[180 : 180 + sheet.shape[0], 400 : 400 + sheet.shape[1]] = sheet
    (found,) = read_codes(image, kinds)
    assert found.text == text
    assert found.centre_px == pytest.approx((400 + sheet.shape[1] / 2, 180 + sheet.shape[0] / 2), abs=20)
    along = found.corners_px[1] - found.corners_px[0]
    assert np.degrees(np.arctan2(-along[1], along[0])) == pytest.approx(angle_deg, abs=3)


@pytest.mark.parametrize("angle_deg", [22, 47, 66])
def test_a_turned_bar_code_is_read_out_of_the_blur_and_noise_of_a_camera(angle_deg: float) -> None:
    sheet = turned(on_sheet(code("Code128", "LOT-77-ABC", 420, 100)), angle_deg)
    image = np.full((720, 960), 170, np.uint8)
    image[100 : 100 + sheet.shape[0], 150 : 150 + sheet.shape[1]] = sheet
    seen = cv2.GaussianBlur(image.astype(float), (0, 0), 1.0) + np.random.default_rng(1).normal(0.0, 4.0, image.shape)
    (found,) = read_codes(np.clip(seen, 0, 255).astype(np.uint8), ["code_128"])
    assert found.text == "LOT-77-ABC"
    assert found.centre_px == pytest.approx((150 + sheet.shape[1] / 2, 100 + sheet.shape[0] / 2), abs=20)


def test_without_bars_nothing_is_turned_and_edges_of_things_are_no_bars() -> None:
    image = np.full((300, 400), 200, np.uint8)
    cv2.fillPoly(image, [np.array([[60, 150], [200, 40], [340, 160], [190, 270]])], 40)
    assert bar_angles_deg(image) == []
    assert bar_angles_deg(np.full((5, 5), 200, np.uint8)) == []
    assert bar_angles_deg(turned(on_sheet(code("Code39", "LOT7")), 30)) == pytest.approx([-30], abs=2)


def test_a_stacked_code_repairs_itself_and_needs_one_reading() -> None:
    (found,) = read_codes(turned(on_sheet(code("PDF417", "LOT-1234", 300, 120)), 17), ["pdf417"])
    assert found.text == "LOT-1234"


@pytest.mark.parametrize("kinds", [["code_128"], []])
def test_a_bar_code_of_light_bars_on_dark_ground_is_read(kinds: list[CodeKind]) -> None:
    (found,) = read_codes(255 - on_sheet(code("Code128", "VLV-000123")), kinds)
    assert found.text == "VLV-000123"


def test_every_kind_can_be_named_and_one_that_the_reader_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    white = np.full((40, 40), 255, np.uint8)
    assert all(read_codes(white, (kind,)) == () for kind in get_args(CodeKind))
    monkeypatch.setitem(code_reader._NAME_OF, "telepen", "Unheard")
    with pytest.raises(MissingCapabilityError, match="does not read all of qr_code, telepen: .*Install a later one"):
        read_codes(white, ("qr_code", "telepen"))


def test_an_image_without_a_code_has_none_and_bounded_work() -> None:
    noise = np.random.default_rng(2).integers(0, 255, (200, 300)).astype(np.uint8)
    assert read_codes(noise) == ()
    assert read_codes(np.full((1, 1), 255, np.uint8)) == ()
    assert len(list(code_reader._bounded(code_reader._looks(noise), 200 * 300))) == 1
    assert len(list(code_reader._bounded(code_reader._looks(noise), 10**9))) == len(PASSES)


def test_a_bar_code_that_one_look_alone_reads_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    once = iter([[ReadCode("ean_13", "1", b"1", BARS, 1)]])
    monkeypatch.setattr(code_reader, "_once", lambda *_: next(once, []))
    assert read_codes(np.full((60, 90), 255, np.uint8)) == ()


def test_a_upc_e_in_half_of_an_ean_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [ReadCode("ean_13", "1", b"1", BARS, 1), ReadCode("upc_e", "2", b"2", BARS * 0.5, 1)]
    monkeypatch.setattr(code_reader, "_once", lambda *_: seen)
    assert [found.text for found in read_codes(np.full((60, 90), 255, np.uint8))] == ["1"]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=2), max_size=12))
def test_of_different_readings_at_one_place_at_most_one_is_told(looks: list[list[str]]) -> None:
    found: list[ReadCode] = []
    for texts in looks:
        found = code_reader._voted(found, [ReadCode("ean_13", text, text.encode(), BARS, 1) for text in texts])
    told = [one for one in found if code_reader._told(one, found, ENOUGH_RATIO)]
    assert len(told) <= 1
    assert all(one.votes >= 2 and sum(one.text in texts for texts in looks) == one.votes for one in told)
