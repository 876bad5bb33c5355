"""Where units lie in a carton: on a grid of the product's, or worked out from the sizes."""

import math
from functools import cache

import pytest

from microcell.description.cartons import CartonLayout, carton_layout, unit_box, unit_extents
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.product import Packing, Product
from microcell.packing.boxes import Packing as BoxPacking
from microcell.packing.checking import judge


@cache
def shipped(name: str) -> Line:
    return load_line(name)


def valve(**packing: object) -> Product:
    """The valve with another packing; a unit is 40 mm wide and 26 mm high."""
    return shipped("valve").product_description.model_copy(update={"packing": Packing(**packing)})


def boxes(product: Product, layout: CartonLayout) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Lower and upper corner of what each unit fills, in the carton's frame."""
    low, high = unit_extents(product, *product.variants)
    found = []
    for place in layout.places:
        corners = [place.apply((x, y, z)) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        axes = list(zip(*corners, strict=True))
        found.append((tuple(map(min, axes)), tuple(map(max, axes))))
    return found


def overlap(a, b) -> bool:
    return all(p < q - 1e-6 and r < s - 1e-6 for p, q, r, s in zip(a[0], b[1], b[0], a[1], strict=True))


@pytest.mark.parametrize(
    ("number", "xyz"), [(0, (0, 0, 0)), (2, (0.11, 0, 0)), (3, (0, 0.055, 0)), (5, (0.11, 0.055, 0)), (7, (0.055, 0, 0.03))]
)
def test_a_grid_counts_columns_then_rows_then_layers(number, xyz):
    layout = carton_layout(valve(columns=3, rows=2, pitch_m=0.055, layers=2, layer_m=0.03))
    assert len(layout.places) == 12
    assert layout.places[number].position == pytest.approx(xyz)


@pytest.mark.parametrize("carton_m", [(0.13, 0.09, 0.06), (0.09, 0.13, 0.03), (0.3, 0.2, 0.1)])
def test_a_layout_that_is_worked_out_keeps_units_apart_and_inside(carton_m):
    product = valve(carton_m=carton_m, room_m=(0.002, 0.001))
    layout = carton_layout(product)
    found = boxes(product, layout)
    assert len(found) >= 4
    assert layout.places[0].position == (0.0, 0.0, 0.0)
    assert not any(overlap(a, b) for n, a in enumerate(found) for b in found[:n])
    low, high = layout.inside_m
    for a, b in found:
        assert all(inside <= edge + 1e-6 for inside, edge in zip(low, a, strict=True))
        assert all(edge <= inside + 1e-6 for edge, inside in zip(b, high, strict=True))


def test_a_unit_comes_to_stand_on_those_that_were_there_before_it():
    product = valve(carton_m=(0.13, 0.09, 0.09))
    layout = carton_layout(product)
    assert isinstance(layout.packing, BoxPacking)
    kind = unit_box(product, product.default_variant, len(layout.places))
    counted = BoxPacking(layout.packing.container, layout.packing.placements, (("unit", 0),))
    told = judge(counted, [kind.__class__("unit", layout.packing.placements[0].size_m, len(layout.places))], 0.95, 0.001)
    assert told.faults == ()
    assert len({round(place.position[2], 4) for place in layout.places}) > 1


def test_so_many_units_as_are_asked_for():
    assert len(carton_layout(valve(carton_m=(0.3, 0.2, 0.1), units=5)).places) == 5


def test_a_unit_that_is_turned_lies_within_the_carton_too():
    stool = shipped("stool").product_description
    low, high = unit_extents(stool, *stool.variants)
    x, y, z = (b - a for a, b in zip(low, high, strict=True))
    assert x != pytest.approx(y, abs=0.004)
    product = stool.model_copy(update={"packing": Packing(carton_m=(y + 0.001, x + 0.001, z + 0.001))})
    layout = carton_layout(product)
    (box,) = boxes(product, layout)
    low, high = layout.inside_m
    assert len(layout.places) == 1
    assert all(inside <= edge + 1e-6 for inside, edge in zip((*low, *box[1]), (*box[0], *high), strict=True))


def test_units_may_be_turned_against_each_other():
    """One lies across, beside two that lie along: more than fit in one direction."""
    stool = shipped("stool").product_description
    low, high = unit_extents(stool, *stool.variants)
    x, y, z = (b - a for a, b in zip(low, high, strict=True))
    short, long = sorted((x, y))
    room = (0.0, (long - 2 * short) / 4.0 + 0.0005 if 2 * short < long else 0.0)
    across = short + 2 * room[1]
    carton_m = (long + across + 0.004, max(long, 2 * across) + 0.004, z + 0.002)
    product = stool.model_copy(update={"packing": Packing(carton_m=carton_m, room_m=room)})
    layout = carton_layout(product)
    found = boxes(product, layout)
    assert len(found) == 3
    assert {round(abs(math.sin(place.yaw)), 6) for place in layout.places} == {0.0, 1.0}
    assert not any(overlap(a, b) for n, a in enumerate(found) for b in found[:n])


def test_what_does_not_fit_has_no_place():
    assert carton_layout(valve(carton_m=(0.03, 0.2, 0.1))).places == ()


def test_the_same_sizes_give_the_same_layout_again():
    assert carton_layout(valve(carton_m=(0.3, 0.2, 0.1))) is carton_layout(valve(carton_m=(0.3, 0.2, 0.1)))
