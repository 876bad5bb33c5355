"""Where arms could meet, seen from above, on the shipped cell with two arms."""

import math

import pytest
from config_copy import SHIPPED
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.base import PoseSpec
from microcell.description.loader import load_line
from microcell.description.zones import HALF_WIDTH_M, Ways, _are_near, _segments_m

TWIN = load_line(SHIPPED / "lines" / "valve_twin.yaml")
VALVE = load_line(SHIPPED / "lines" / "valve.yaml")
WAYS = TWIN.ways
anywhere = st.tuples(st.floats(-1.2, 1.2), st.floats(-1.0, 1.0))


@pytest.mark.parametrize("arm", ["left_arm", "right_arm"])
def test_what_both_arms_work_at_lies_in_a_zone_and_an_arms_own_stations_in_none(arm: str):
    assert WAYS.zones_at(arm, "fixture_1") == {"south"}
    assert WAYS.zones_at(arm, "tray_1") == {"middle"}
    own = set(WAYS.stations(arm)) - set(WAYS.stations("right_arm" if arm == "left_arm" else "left_arm"))
    assert own and all(WAYS.zones_at(arm, station) == frozenset() for station in own)


def test_a_camera_needs_the_zone_of_the_fixture_that_it_looks_at():
    assert WAYS.zones_at("", "fixture_3") == {"north_middle"}
    assert WAYS.zones_at("", "nest_1") == frozenset()


def test_a_place_behind_a_zone_needs_that_zone_too():
    assert WAYS.touched("left_arm", (0.40, 0.0)) == {"middle"}


def test_an_arm_turns_directly_beside_the_zones_and_draws_back_before_it_crosses_one():
    body, cap, seat = (WAYS.places[name][0] for name in ("nest_1", "nest_2", "fixture_4"))
    assert WAYS.is_direct("left_arm", body, cap)
    assert not WAYS.is_direct("left_arm", body, seat)


def test_a_cell_with_one_arm_has_no_zones_and_every_way_is_direct():
    assert VALVE.ways.zones == {}
    assert VALVE.ways.is_direct("arm", (0.48, -0.10), (-0.16, 0.36))
    assert VALVE.ways.zones_at("arm", "fixture_1") == frozenset()


@given(anywhere)
def test_the_turning_place_lies_on_the_circle_in_the_same_direction(place):  # type: ignore[no-untyped-def]
    base, radius = WAYS.base("left_arm"), TWIN.cell_description.devices["left_arm"].turning_radius_m
    there = WAYS.turning_place("left_arm", place)
    assert math.dist(base, there) <= radius + 1e-9
    assert math.dist(base, there) + math.dist(there, place) == pytest.approx(math.dist(base, place), abs=1e-9)


@settings(max_examples=300)
@given(anywhere, anywhere)
def test_arms_whose_strips_have_a_point_in_common_meet(place, there):  # type: ignore[no-untyped-def]
    """The strips' distance is also had by going along both lines in small steps."""
    steps = [n / 60 for n in range(61)]
    a, b = WAYS.base("left_arm"), WAYS.base("right_arm")
    ours = [(a[0] + s * (place[0] - a[0]), a[1] + s * (place[1] - a[1])) for s in steps]
    theirs = [(b[0] + s * (there[0] - b[0]), b[1] + s * (there[1] - b[1])) for s in steps]
    sampled = min(math.dist(p, q) for p in ours for q in theirs)
    if sampled < 2 * HALF_WIDTH_M:
        assert WAYS.meet("left_arm", place, "right_arm", there)
    elif sampled > 2 * HALF_WIDTH_M + 0.05:
        assert not WAYS.meet("left_arm", place, "right_arm", there)


def test_the_cartons_places_are_those_of_the_products_packing():
    assert len(WAYS.places["cartons"]) == len(TWIN.carton.places)
    assert len(Ways(TWIN.cell_description).places["cartons"]) == 1


def test_a_copy_with_another_cell_has_ways_of_its_own():
    assert VALVE.ways.base("arm") == (0.0, 0.0)
    devices = dict(VALVE.cell_description.devices)
    devices["arm"] = devices["arm"].model_copy(update={"base_in_cell": PoseSpec(xyz_m=(0.1, 0.0, 0.0))})
    moved = VALVE.cell_description.model_copy(update={"devices": devices})
    assert VALVE.model_copy(update={"cell_description": moved}).ways.base("arm") == (0.1, 0.0)


@given(a=st.tuples(anywhere, anywhere), b=st.tuples(anywhere, anywhere), within_m=st.floats(0.01, 0.5))
def test_lines_are_near_where_their_distance_says_so(a, b, within_m):
    assert _are_near(a, b, within_m) == (_segments_m(a, b) < within_m)
