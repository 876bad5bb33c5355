"""The modelled camera reads sizes from the plan of what truly lies there."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from microcell.description.base import PoseSpec
from microcell.description.checks import Diameter, Dimension, Flatness, Gap, Height, MeasuredCheck, Patch, RightPart, Text
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part
from microcell.devices.camera.modelled import Look, drawn_reading, true_reading
from microcell.geometry import Pose, from_rpy
from microcell.plant.scene import SceneItem
from microcell.vision.error_sizes import SIZE_ERRORS
from microcell.vision.requests import CheckRequest

SEAT = Pose((0.5, -0.1, 0.03))
DOT = Mark(at_m=(0.01, 0.0), length_m=0.003, colour_rgb=(20, 20, 20))


def part(shape: Any, marks: tuple[Mark, ...] = ()) -> Part:
    grasp = Grasp(capability="grip", tcp_in_part=PoseSpec())
    return Part(shape=shape, mass_kg=0.01, colour_rgb=(200, 160, 40), marks=marks, grasp=grasp)


PLATE = part(Box(kind="box", length_m=0.03, width_m=0.018, height_m=0.004), (DOT,))
RING = part(Cylinder(kind="cylinder", diameter_m=0.04, height_m=0.02, bore_m=0.0246))


def item(what: Part, pose: Pose, number: int = 1, content: str = "") -> SceneItem:
    return SceneItem(number, "plate", what, pose, "fixture", "site", content=content)


def ask(check: MeasuredCheck, what: Part = PLATE, text: str = "") -> CheckRequest:
    return CheckRequest("size", check.kind, "fixture", "site", what, SEAT, text, measured=check)


def line(kind: Any, start: float, end: float) -> Any:
    ends = {"from_m": (start, 0.0), "to_m": (end, 0.0)}
    return kind(kind=kind.__name__.lower(), site="site", nominal_m=0.03, tolerance_m=0.001, **ends)


def test_a_dimension_is_that_of_the_true_part_where_it_lies() -> None:
    pose = SEAT @ Pose((0.002, 0.001, 0.0), from_rpy(0.0, 0.0, 0.4))
    assert true_reading(ask(line(Dimension, -0.018, 0.018)), [item(PLATE, pose)]).value == pytest.approx(0.03, abs=2e-6)
    assert math.isnan(true_reading(ask(line(Dimension, -0.018, 0.018)), []).value)


def test_a_gap_is_between_two_parts() -> None:
    other = item(PLATE, SEAT @ Pose((0.0317, 0.0, 0.0)), 2)
    reading = true_reading(ask(line(Gap, 0.01, 0.0217)), [item(PLATE, SEAT), other])
    assert reading.value == pytest.approx(0.0017, abs=3e-6)


def test_a_diameter_is_the_round_edge_nearest_to_the_nominal_one() -> None:
    bore = Diameter(kind="diameter", site="site", nominal_m=0.025, tolerance_m=0.001)
    dot = Diameter(kind="diameter", site="site", at_m=(0.01, 0.0), nominal_m=0.0031, tolerance_m=0.001)
    assert true_reading(ask(bore, RING), [item(RING, SEAT)]).value == 0.0246
    assert true_reading(ask(dot), [item(PLATE, SEAT)]).value == 0.003
    assert math.isnan(true_reading(ask(bore), [item(PLATE, SEAT)]).value)


def test_heights_spots_parts_and_texts_are_those_that_are_there() -> None:
    step = Height(kind="height", site="site", radius_m=0.001, over_m=((0.01, 0.0),), nominal_m=0.0, tolerance_m=0.001)
    lid = item(part(Cylinder(kind="cylinder", diameter_m=0.006, height_m=0.002)), SEAT @ Pose((0.0, 0.0, 0.004)), 2)
    flat = Flatness(kind="flatness", site="site", size_m=(0.01, 0.01), max_flatness_m=0.0001)
    spot = Patch(kind="patch", site="site", at_m=(0.01, 0.0), radius_m=0.001, colour_rgb=(20, 20, 20))
    plate, covered = item(PLATE, SEAT, content="LOT-7"), replace(lid, site="other")
    assert true_reading(ask(step), [plate, covered]).value == pytest.approx(0.002)
    assert true_reading(ask(flat), [plate]).value == 0.0
    assert true_reading(ask(spot), [plate]).value == 0.0
    assert true_reading(ask(spot.model_copy(update={"at_m": (0.0, 0.0)})), [plate]).value > 0.5
    right, text = RightPart(kind="right_part", site="site"), Text(kind="text", site="site", size_m=(0.01, 0.01))
    assert [true_reading(ask(right, what), [plate]).value for what in (PLATE, RING)] == [1.0, 0.0]
    assert [true_reading(ask(text, text=wanted), [plate]).value for wanted in ("LOT-7", "LOT-8")] == [1.0, 0.0]


def test_drawn_readings_scatter_about_the_truth_and_repeat_with_their_stream() -> None:
    request, items = ask(line(Dimension, -0.018, 0.018)), [item(PLATE, SEAT)]
    drawn, again = ([drawn_reading(request, Look(items, Random(f"1:{n}"), "1", 0.0)) for n in range(30)] for _ in range(2))
    assert drawn == again
    assert len({reading.value for reading in drawn}) == 30
    assert all(abs(reading.value - 0.03) < 0.0002 for reading in drawn)
    assert all(reading.uncertainty > 0 for reading in drawn)


def test_sizes_of_marks_have_the_errors_of_marks() -> None:
    dot = Diameter(kind="diameter", site="site", at_m=(0.01, 0.0), nominal_m=0.0031, tolerance_m=0.001)
    outer = Diameter(kind="diameter", site="site", nominal_m=0.024, tolerance_m=0.001)
    disc = part(Cylinder(kind="cylinder", diameter_m=0.024, height_m=0.003))

    def mean_error(check: Diameter, what: Part, truth: float) -> float:
        looks = [Look([item(what, SEAT)], Random(f"1:{n}"), str(n), 0.0) for n in range(200)]
        return sum(drawn_reading(ask(check, what), look).value - truth for look in looks) / len(looks)

    assert mean_error(dot, PLATE, 0.003) == pytest.approx(SIZE_ERRORS["diameter of marks"].bias, abs=3e-6)
    assert mean_error(outer, disc, 0.024) == pytest.approx(SIZE_ERRORS["diameter"].bias, abs=3e-6)
