"""Checks that say what to measure, on rendered images whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.checks import (
    Code,
    Diameter,
    Dimension,
    Flatness,
    Gap,
    Height,
    MeasuredCheck,
    Patch,
    RightPart,
    Text,
)
from microcell.description.extents import top_m
from microcell.description.product import Mark
from microcell.faults import FaultError
from microcell.vision.measure import measure
from microcell.vision.measuring import is_of_marks, matches
from microcell.vision.optics import Optics
from microcell.vision.requests import CheckRequest, Reading

EDGE_M = 0.00006
"""Rendered edges are a little dark, as real ones: a size is some half pixel less, and a gap more (`correction_m`)."""

WIDTH = Dimension(
    kind="dimension", site="site", from_m=(-0.018, 0.0), to_m=(0.018, 0.0), strip_m=0.004, nominal_m=0.03, tolerance_m=0.0002
)


def ask(stage: Any, check: MeasuredCheck, part: Any, pose: Any = None, **more: Any) -> CheckRequest:
    request: CheckRequest = stage.ask(check.kind, part, pose or stage.at())
    return replace(request, measured=check, **more)


def read(stage: Any, items: Any, request: CheckRequest, depth_m: Any = None) -> Reading:
    return measure(stage.photo(items), stage.camera, [request], depth_m=depth_m)[0]


@pytest.mark.parametrize("yaw_rad", [0.0, 0.3])
def test_a_plate_is_as_long_as_it_is_wherever_it_lies(stage: Any, yaw_rad: float) -> None:
    pose = stage.at(0.0013, -0.0007, 0.0, yaw_rad)
    reading = read(stage, [stage.item(stage.plate, pose)], ask(stage, WIDTH, stage.plate))
    assert reading.value == pytest.approx(0.03, abs=EDGE_M)
    assert 0 < reading.uncertainty < 0.00002


def test_a_correction_is_added_to_what_is_measured(stage: Any) -> None:
    items = [stage.item(stage.plate, stage.at())]
    corrected = WIDTH.model_copy(update={"correction_m": 0.0005})
    plain, more = (read(stage, items, ask(stage, check, stage.plate)).value for check in (WIDTH, corrected))
    assert more - plain == pytest.approx(0.0005)


def test_a_diameter_is_measured_by_its_round_edge(stage: Any) -> None:
    check = Diameter(kind="diameter", site="site", nominal_m=0.0245, tolerance_m=0.0002)
    reading = read(stage, [stage.item(stage.disc, stage.at(0.0004, 0.0002))], ask(stage, check, stage.disc))
    assert reading.value == pytest.approx(0.024, abs=EDGE_M)
    assert reading.unit == "m"


def test_a_bore_is_measured_like_an_outline(stage: Any) -> None:
    check = Diameter(kind="diameter", site="site", nominal_m=0.0246, tolerance_m=0.0002)
    reading = read(stage, [stage.item(stage.ring, stage.at())], ask(stage, check, stage.ring))
    assert reading.value == pytest.approx(0.0246, abs=0.0001)


CONTRASTS = st.sampled_from(
    [((60, 64, 70), (220, 220, 220)), ((30, 30, 30), (250, 250, 250)), ((236, 236, 230), (30, 30, 32)),
     ((120, 120, 120), (160, 160, 160)), ((198, 200, 196), (40, 42, 46)), ((70, 120, 200), (236, 236, 230))]
)  # fmt: skip


@settings(max_examples=20)
@given(colours=CONTRASTS, size=st.floats(0.002, 0.009), wide=st.floats(0.001, 0.004), turn=st.floats(-0.3, 0.3))
def test_marks_are_as_large_as_they_are_whether_dark_or_bright(
    stage: Any, colours: Any, size: float, wide: float, turn: float
) -> None:
    own, ink = colours
    dot = Mark(at_m=(-0.006, 0.0), length_m=size, colour_rgb=ink)
    bar = Mark(at_m=(0.008, 0.0), length_m=wide, width_m=0.012, colour_rgb=ink)
    plate = stage.part(stage.plate.shape, own, (dot, bar))
    across = {"from_m": (0.002, 0.0), "to_m": (0.014, 0.0), "strip_m": 0.003}
    round_ = Diameter(kind="diameter", site="site", at_m=dot.at_m, nominal_m=size, tolerance_m=0.0002)
    straight = Gap(kind="gap", site="site", nominal_m=wide, tolerance_m=0.0002, **across)
    requests = [ask(stage, check, plate) for check in (round_, straight)]
    readings = measure(stage.photo([stage.item(plate, stage.at(yaw_rad=turn))]), stage.camera, requests)
    assert [reading.value for reading in readings] == pytest.approx([size, wide], abs=0.000027)  # 0.3 px


def test_a_size_is_of_marks_just_where_described_marks_are_its_edges(stage: Any) -> None:
    dot, bar = (
        Mark(at_m=(x, 0.0), length_m=0.004, width_m=w, colour_rgb=(9, 9, 9)) for x, w in ((-0.006, 0.0), (0.008, 0.01))
    )
    plate = stage.part(stage.plate.shape, (200, 200, 200), (dot, bar))

    def circle(at_m: tuple[float, float], nominal_m: float) -> Diameter:
        return Diameter(kind="diameter", site="site", at_m=at_m, nominal_m=nominal_m, tolerance_m=0.0002)

    def across(kind: Any, start: float, end: float) -> Any:
        ends = {"from_m": (start, 0.0), "to_m": (end, 0.0)}
        return kind(kind=kind.__name__.lower(), site="site", nominal_m=0.004, tolerance_m=0.0002, **ends)

    assert is_of_marks(plate, circle((-0.006, 0.0002), 0.0043))
    assert not is_of_marks(plate, circle((-0.006, 0.0), 0.006))
    assert not is_of_marks(plate, circle((0.008, 0.0), 0.004))
    assert is_of_marks(plate, across(Gap, 0.002, 0.014))
    assert not is_of_marks(plate, across(Gap, 0.011, 0.02))  # it ends beside the plate
    assert not is_of_marks(plate, across(Gap, -0.003, 0.002))
    assert not is_of_marks(plate, across(Dimension, 0.002, 0.014))


@pytest.mark.parametrize("gap_m", [0.001, 0.0023])
def test_a_gap_is_as_wide_as_the_distance_of_two_parts(stage: Any, gap_m: float) -> None:
    left, right = (stage.item(stage.plate, stage.at(side * (0.015 + gap_m / 2))) for side in (-1.0, 1.0))
    check = Gap(
        kind="gap", site="site", from_m=(0.008, 0.0), to_m=(0.022, 0.0), strip_m=0.004, nominal_m=0.001, tolerance_m=0.0002
    )
    reading = read(stage, [left, right], ask(stage, check, stage.plate, left.part_in_cell))
    assert reading.value == pytest.approx(gap_m, abs=EDGE_M)


def test_without_edges_there_is_no_size_and_the_reading_says_so(stage: Any) -> None:
    reading = read(stage, [], ask(stage, WIDTH, stage.plate))
    assert math.isnan(reading.value)
    assert reading.text == "0 edges on the line; two are needed"


def test_what_lies_across_the_image_s_border_has_no_size(stage: Any) -> None:
    pose = stage.at(0.036, 0.0)
    request = replace(ask(stage, WIDTH, stage.plate), part_in_cell=pose)
    assert math.isnan(read(stage, [stage.item(stage.plate, pose)], request).value)
    round_ = Diameter(kind="diameter", site="site", nominal_m=0.024, tolerance_m=0.0002)
    request = replace(ask(stage, round_, stage.disc), part_in_cell=pose)
    assert math.isnan(read(stage, [stage.item(stage.disc, pose)], request).value)


def test_a_spot_has_its_colour_or_another(stage: Any) -> None:
    check = Patch(kind="patch", site="site", at_m=(0.0165, 0.0), radius_m=0.0006, colour_rgb=(40, 40, 44))
    notched = read(stage, [stage.item(stage.cap, stage.at())], ask(stage, check, stage.cap))
    bare = stage.white_cap.model_copy(update={"marks": ()})
    plain = read(stage, [stage.item(bare, stage.at())], ask(stage, check, stage.cap))
    assert notched.value < check.max_delta_e_ratio < plain.value


def test_of_the_known_parts_the_right_one_is_told_and_a_wrong_one_is_named(stage: Any) -> None:
    parts = {"cap": stage.cap, "white_cap": stage.white_cap, "disc": stage.disc, "plate": stage.plate}
    request = ask(stage, RightPart(kind="right_part", site="site"), stage.cap, parts=parts)
    readings = [read(stage, [stage.item(parts[name], stage.at(0.0005))], request) for name in parts]
    assert [(reading.value, reading.text) for reading in readings] == [
        (1.0, "cap"), (0.0, "white_cap"), (0.0, "disc"), (0.0, "plate")
    ]  # fmt: skip
    assert read(stage, [], request).text == "none of the known parts"


def test_parts_that_differ_by_their_marks_alone_are_told_apart(stage: Any) -> None:
    bare = stage.cap.model_copy(update={"marks": ()})
    request = ask(stage, RightPart(kind="right_part", site="site"), stage.cap, parts={"bare": bare, "cap": stage.cap})
    reading = read(stage, [stage.item(bare, stage.at())], request)
    assert (reading.value, reading.text) == (0.0, "bare")


def depth_of(stage: Any, heights: dict[Any, float], noise_m: float = 0.0) -> np.ndarray:
    """A depth image of the seat's height, in which round spots (x, y, radius; from the seat) are higher."""
    optics = Optics.of(stage.camera)
    shape = (stage.camera.height_px, stage.camera.width_px)
    seat = stage.at().position
    z = np.full(shape, seat[2])
    for (x, y, radius), height in heights.items():
        top = seat[2] + height
        scale = optics.scale_px_m(top)
        ((u, v),) = optics.project(np.array([[seat[0] + x, seat[1] + y, top]]))
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        z[np.hypot(columns - u, rows - v) <= radius * scale] = top
    depth = optics.lens_in_cell.position[2] - z
    return (depth + np.random.default_rng(3).normal(0.0, noise_m, shape)).astype(np.float32)


def test_a_height_is_that_of_its_spot_over_others_and_knows_how_sure_it_is(stage: Any) -> None:
    height = top_m(stage.cap)
    depth = depth_of(stage, {(0.0, 0.0, 0.02): height, (0.01, 0.0, 0.003): height + 0.0004}, noise_m=0.0001)
    check = Height(
        kind="height", site="site", at_m=(0.01, 0.0), radius_m=0.0015, over_m=((-0.01, 0.0), (0.0, 0.01)),
        nominal_m=0.0, tolerance_m=0.0001,
    )  # fmt: skip
    items = [stage.item(stage.cap, stage.at())]
    reading = read(stage, items, ask(stage, check, stage.cap), depth)
    assert reading.value == pytest.approx(0.0004, abs=4 * reading.uncertainty)
    assert 1e-6 < reading.uncertainty < 2e-5
    alone = read(stage, items, ask(stage, check.model_copy(update={"over_m": ()}), stage.cap), depth)
    assert alone.value == pytest.approx(height + 0.0004, abs=0.00003)


def test_flatness_is_the_distance_of_two_planes_whatever_the_noise_of_single_pixels(stage: Any) -> None:
    check = Flatness(kind="flatness", site="site", size_m=(0.02, 0.02), max_flatness_m=0.0002)
    items = [stage.item(stage.cap, stage.at())]
    flat = depth_of(stage, {(0.0, 0.0, 0.02): 0.005}, noise_m=0.00005)
    bump = depth_of(stage, {(0.0, 0.0, 0.02): 0.005, (0.003, 0.002, 0.004): 0.0055}, noise_m=0.00005)
    readings = [read(stage, items, ask(stage, check, stage.cap), depth) for depth in (flat, bump)]
    assert readings[0].value < 0.00006
    assert readings[1].value == pytest.approx(0.0005, abs=0.0001)


def test_where_too_little_depth_was_measured_there_is_no_height(stage: Any) -> None:
    depth = depth_of(stage, {})
    depth[:] = np.nan
    check = Flatness(kind="flatness", site="site", size_m=(0.02, 0.02), max_flatness_m=0.0002)
    reading = read(stage, [stage.item(stage.cap, stage.at())], ask(stage, check, stage.cap), depth)
    assert math.isnan(reading.value)
    assert reading.text == "too few of its pixels have a depth"


def test_a_camera_without_depth_refuses_a_check_of_heights(stage: Any) -> None:
    check = Flatness(kind="flatness", site="site", size_m=(0.02, 0.02), max_flatness_m=0.0002)
    with pytest.raises(FaultError, match=r"check 'site_flatness' \(flatness\) needs a depth image; say 'depth: true'"):
        read(stage, [stage.item(stage.cap, stage.at())], ask(stage, check, stage.cap))


def test_a_text_matches_what_the_check_asks_for() -> None:
    assert matches("VLV-000123", "VLV-000123", None, None)
    assert not matches("VLV-000124", "VLV-000123", None, None)
    assert matches("LOT 7", "VLV-000123", "LOT 7", None)
    assert matches("LOT 42", "", None, r"LOT \d+")
    assert not matches("LOT 42!", "", None, r"LOT \d+")
    assert not matches("", "", None, r".*")


def test_a_label_with_a_text_of_its_own_is_read(stage: Any) -> None:
    label = stage.item(stage.label, stage.at(), content="LOT-77")
    request = stage.ask("code", stage.label, stage.at(), text="VLV-000123")
    own = replace(request, code=Code(kind="code", site="site", pattern="LOT-[0-9]+", symbologies=("qr_code", "data_matrix")))
    assert [read(stage, [label], asked).value for asked in (request, own)] == [0.0, 1.0]


def test_a_pattern_that_is_none_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="is no regular expression: unterminated character set"):
        Text(kind="text", site="site", size_m=(0.01, 0.01), pattern="[0-9")
