"""What lies beneath a site: the parts of lower sites, with their marks and bores, else the bench."""

from __future__ import annotations

from typing import Any

import pytest

from microcell.description.ground import ground_of
from microcell.description.loader import load_line

BENCH = (90, 90, 90)


@pytest.mark.parametrize(
    ("line", "variant", "site", "ground"),
    [
        ("valve", "child", "body_seat", BENCH),
        ("valve", "child", "membrane_seat", BENCH),  # in the body's bore
        ("valve", "child", "screw_1", (70, 120, 200)),  # its hole is smaller than its head
        ("valve", "adult", "label_area", (236, 236, 230)),
        ("bracket", "brass", "bore_1", (40, 42, 46)),  # a bore nearly as wide as the insert
        ("stool", "black", "leg_2", (62, 62, 66)),  # lies on the seat
        ("stool", "black", "leg_1", (164, 134, 96)),  # beside it
    ],
)
def test_a_site_s_ground_has_the_colour_of_what_is_under_its_rim(line: str, variant: str, site: str, ground: Any) -> None:
    assert ground_of(load_line(line).product_description, site, variant, BENCH) == ground
