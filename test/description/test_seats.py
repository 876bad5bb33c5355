"""What lies under a part's place when it is brought there."""

from __future__ import annotations

from microcell.description.base import PoseSpec
from microcell.description.loader import load_product
from microcell.description.product import Product
from microcell.description.seats import filled_before, hangs_m, sinks_in


def moved(site: str, xyz_m: tuple[float, float, float]) -> Product:
    product = load_product("valve")
    there = product.sites[site].model_copy(update={"part_in_unit": PoseSpec(xyz_m=xyz_m)})
    return product.model_copy(update={"sites": {**product.sites, site: there}})


def with_cap_at(z_m: float) -> Product:
    return moved("cap_seat", (0.0, 0.0, z_m))


def test_what_is_inserted_may_stand_on_legs_as_long_as_its_fit_is_deep():
    assert hangs_m(with_cap_at(0.0219), "insert_cap", "adult") == 0.0
    assert round(hangs_m(with_cap_at(0.0235), "insert_cap", "adult"), 6) == 0.0015


def test_what_lies_in_a_bore_hangs_over_nothing():
    assert hangs_m(load_product("valve"), "insert_membrane", "adult") == 0.0


def test_what_comes_later_is_not_there_yet():
    product = load_product("valve")
    assert filled_before(product, "insert_cap") == ["body_seat", "membrane_seat"]
    assert hangs_m(with_cap_at(0.0201), "pick_cap", "adult") == 0.0


def test_a_label_lies_in_the_head_of_a_screw_with_a_corner():
    assert not sinks_in(load_product("valve"), "label_unit", "adult")
    assert sinks_in(moved("label_area", (0.009, 0.009, 0.025)), "label_unit", "adult")
