"""What fits where: every layout is sound, full support included, and the judge sees each way of being unsound."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.errors import UsageError
from microcell.packing.boxes import BoxKind, Container, Grid, Packing, Placement
from microcell.packing.checking import judge
from microcell.packing.search import _sums, pack

CUBE = BoxKind("cube", (0.1, 0.1, 0.1), 8)
ROOM = Container((0.2, 0.2, 0.2))
EDGE = st.integers(5, 40).map(lambda steps: steps / 100)
KINDS = st.lists(
    st.tuples(st.tuples(EDGE, EDGE, EDGE), st.integers(0, 12), st.tuples(st.booleans(), st.booleans(), st.just(True))),
    min_size=1,
    max_size=4,
).map(lambda rows: [BoxKind(f"k{i}", size, number, upright) for i, (size, number, upright) in enumerate(rows)])


@settings(max_examples=25)
@given(KINDS, st.tuples(EDGE, EDGE, EDGE))
def test_every_layout_is_sound_and_the_same_again(kinds: list[BoxKind], size: tuple[float, float, float]):
    room = Container((2 * size[0], 2 * size[1], 2 * size[2]))
    found = pack(kinds, room, Grid(0.01), effort=120)
    judgement = judge(found, kinds)
    assert judgement.faults == ()
    assert judgement.least_support_ratio == pytest.approx(1.0)
    assert found == pack(kinds, room, Grid(0.01), effort=120)


def test_what_fits_exactly_is_packed_whole():
    found = pack([CUBE], ROOM)
    assert found.complete
    assert found.volume_use_ratio == pytest.approx(1.0)


AXIS = st.tuples(st.integers(1, 4), st.integers(1, 4))
"""Units of length of a box, and how many boxes are as long as the room."""


@settings(max_examples=60)
@given(st.floats(0.003, 0.1), st.tuples(AXIS, AXIS, AXIS))
def test_boxes_that_divide_a_room_fill_it_whatever_their_unit_of_length(unit_m: float, axes: tuple[tuple[int, int], ...]):
    """Such as thirds of a metre, or sixteenths of an inch."""
    x, y, z = (unit_m * units for units, _ in axes)
    room = Container((x * axes[0][1], y * axes[1][1], z * axes[2][1]))
    kind = BoxKind("k", (x, y, z), math.prod(boxes for _, boxes in axes), (False, False, True))
    found = pack([kind], room, effort=1)
    assert (found.complete, judge(found, [kind]).faults) == (True, ())


def test_of_edges_without_a_common_measure_each_box_is_rounded_up():
    kinds = [BoxKind("a", (0.0301234567, 0.02, 0.01), 9), BoxKind("b", (0.0299876543, 0.02, 0.01), 9)]
    found = pack(kinds, Container((0.0911111111, 0.0611111111, 0.0211111111)))
    assert (len(found.placements), judge(found, kinds, gap_m=0.001).faults) == (18, ())


@settings(max_examples=60)
@given(st.sets(st.integers(1, 70), max_size=6), st.integers(0, 60))
def test_the_most_that_edges_can_fill_of_each_length(edges: set[int], length: int):
    most = [0] * (length + 1)
    for whole in range(1, length + 1):
        most[whole] = max([most[whole - edge] + edge for edge in edges if edge <= whole], default=0)
    assert list(_sums(edges, length)) == most


def test_boxes_that_must_stand_on_one_edge_do_and_the_rest_is_told():
    flat = BoxKind("flat", (0.2, 0.2, 0.06), 5, upright=(False, False, True))
    found = pack([flat], ROOM)
    assert [p.size_m[2] for p in found.placements] == [0.06] * 3
    assert found.left == (("flat", 2),)
    assert not found.complete


@pytest.mark.parametrize("quantity", [4999, 3001])
def test_of_many_boxes_in_a_large_container_none_is_left_out(quantity: int):
    small = BoxKind("small", (0.01, 0.01, 0.01), quantity)
    found = pack([small], Container((1.0, 1.0, 1.0)), Grid(0.01), effort=1)
    assert found.left == (("small", 0),)


def test_looking_ahead_packs_more_than_the_first_choice():
    kinds = [
        BoxKind("a", (0.58, 0.43, 0.21), 9),
        BoxKind("b", (0.36, 0.31, 0.25), 14),
        BoxKind("c", (0.49, 0.33, 0.15), 12),
    ]
    room = Container((1.2, 0.8, 1.0))
    greedy, ahead = pack(kinds, room, Grid(0.01), effort=1), pack(kinds, room, Grid(0.01), effort=1500)
    assert ahead.volume_use_ratio > greedy.volume_use_ratio + 0.02
    assert judge(ahead, kinds).sound


def test_lengths_between_the_steps_of_the_grid_never_overlap():
    kinds = [BoxKind("odd", (0.10049, 0.0333, 0.0507), 30)]
    found = pack(kinds, Container((0.3, 0.2, 0.2)), Grid(0.001), effort=200)
    assert judge(found, kinds, support_ratio=0.95, gap_m=0.001).faults == ()


@pytest.mark.parametrize(
    ("corners", "told"),
    [
        ([(0.15, 0.0, 0.0)], "box 0 (cube) reaches out of the container"),
        ([(0.0, 0.0, 0.0), (0.05, 0.0, 0.0)], "box 1 (cube) is in box 0 (cube)"),
        ([(0.0, 0.0, 0.0), (0.06, 0.0, 0.1)], "box 1 (cube) stands on 40.0 % of its bottom only"),
        ([(0.0, 0.0, 0.1), (0.0, 0.0, 0.0)], "box 1 (cube) goes below box 0, which is there before it"),
    ],
)
def test_the_judge_tells_what_is_wrong(corners: list[tuple[float, float, float]], told: str):
    placements = tuple(Placement("cube", corner, CUBE.size_m) for corner in corners)
    packing = Packing(ROOM, placements, (("cube", 8 - len(corners)),))
    assert told in judge(packing, [CUBE]).faults


def test_the_judge_counts_and_knows_the_kinds():
    packing = pack([CUBE], ROOM)
    lost = replace(packing, placements=packing.placements[:-1])
    assert judge(lost, [CUBE]).faults == ("7 of cube are placed and 0 left, of 8",)
    assert "box 0 (cube) has other edges than its kind" in judge(packing, [replace(CUBE, size_m=(0.1, 0.1, 0.2))]).faults
    tall = BoxKind("tall", (0.1, 0.1, 0.2), 1, upright=(True, True, False))
    standing = Packing(ROOM, (Placement("tall", (0.0, 0.0, 0.0), tall.size_m),), (("tall", 0),))
    assert judge(standing, [tall]).faults == ("box 0 (tall) stands on an edge that must not be vertical",)


@pytest.mark.parametrize(
    ("kinds", "room", "told"),
    [
        ([replace(CUBE, size_m=(0.1, 0.0, 0.1))], ROOM, "every edge of the container, of a box and of the grid is greater"),
        ([CUBE, CUBE], ROOM, "two kinds of box have one name"),
        ([replace(CUBE, upright=(False, False, False))], ROOM, "at least one edge that may be vertical"),
        ([replace(CUBE, quantity=30_000)], ROOM, "at most 200 kinds and 20000 boxes are packed at once"),
        ([CUBE], Container((30.0, 1.0, 1.0)), "the container is longer than 20000 steps of 0.001 m"),
    ],
)
def test_a_problem_without_sense_is_refused(kinds: list[BoxKind], room: Container, told: str):
    with pytest.raises(UsageError, match=told):
        pack(kinds, room)


@pytest.mark.parametrize(("edge_m", "room_m"), [(0.0333, 0.1), (0.00635, 0.01905), (0.0254, 0.0762), (0.03331, 0.1)])
def test_boxes_of_no_whole_millimetres_fill_what_they_fit_into(edge_m: float, room_m: float):
    found = pack([BoxKind("cube", (edge_m,) * 3, 27)], Container((room_m,) * 3), effort=20)
    assert len(found.placements) == 27
    assert all(corner + edge_m <= room_m + 1e-9 for placed in found.placements for corner in placed.corner_m)


BOXES = st.lists(
    st.tuples(*[st.integers(-2, 9).map(lambda steps: steps / 10)] * 3, st.sampled_from([(0.1, 0.2, 0.1), (0.4, 0.3, 0.2)])),
    max_size=14,
)


@settings(max_examples=60)
@given(BOXES)
def test_the_judge_sees_every_pair_of_boxes_that_are_in_each_other(boxes: list[tuple[float, ...]]):
    placed = tuple(Placement("k", (x, y, z), size) for x, y, z, size in boxes)  # type: ignore[arg-type]
    pairs = {
        f"box {i} (k) is in box {j} (k)"
        for i, a in enumerate(placed)
        for j, b in enumerate(placed[:i])
        if all(
            min(p + s, q + t) - max(p, q) > 1e-6
            for p, s, q, t in zip(a.corner_m, a.size_m, b.corner_m, b.size_m, strict=True)
        )
    }
    faults = judge(Packing(ROOM, placed, ()), [BoxKind("k", (0.1, 0.2, 0.1), 0)]).faults
    assert {fault for fault in faults if " is in box " in fault} == pairs
