"""Inspect: the product's limits on the camera's readings, and what to do with what fails."""

from __future__ import annotations

from hashlib import sha256

import pytest
from skill_bench import line_with, skill_bench, valve_line

from microcell.clock import run_virtual
from microcell.description.cell import LightSpec
from microcell.description.checks import Diameter, Patch, RightPart
from microcell.description.line import Evidence
from microcell.plant.injection import Injection
from microcell.skills.contract import Outcome

OPEN = ("pick_body", "place_body", "pick_membrane", "insert_membrane")


def inspect(*before, operation="inspect_open", line=None, injections=(), seed=1, camera="modelled", **parameters):
    async def story():
        async with skill_bench(seed, line, camera) as bench:
            await bench.operations(*before)
            for injection in injections:
                bench.plant.injections.add(injection)
            return await bench.operation(operation, **parameters), [said.phase for said in bench.said]

    return run_virtual(story())


def test_a_good_unit_is_accepted_with_all_its_readings():
    result, _ = inspect(*OPEN)
    assert (result.outcome, result.disposition) == (Outcome.SUCCEEDED, "accept")
    assert [(m.name, m.lower, m.upper) for m in result.measurements] == [
        ("membrane_present.presence", 0.6, None),
        ("membrane_place.position", None, 0.0006),
        ("membrane_type.colour", None, 0.12),
        ("membrane_surface.surface", None, 0.002),
        ("body_outline.outline", None, 0.0004),
    ]
    assert {m.source for m in result.measurements} == {"camera_1"}


@pytest.mark.parametrize("camera", ["modelled", "rendered"])
def test_what_a_check_says_to_measure_is_measured_by_both_cameras(camera):
    checks = {
        "size": Diameter(kind="diameter", site="body_seat", nominal_m=0.04, tolerance_m=0.0002),
        "small": Diameter(kind="diameter", site="body_seat", nominal_m=0.0391, tolerance_m=0.0002),
        "spot": Patch(kind="patch", site="membrane_seat", radius_m=0.003, colour_rgb=(96, 140, 214)),
        "which": RightPart(kind="right_part", site="membrane_seat", among=("membrane_soft", "membrane_medium")),
    }
    line = valve_line()
    look = line.product_description.inspections["open"].model_copy(update={"checks": checks})
    product = line.product_description.model_copy(update={"inspections": {"open": look}})
    result, _ = inspect(*OPEN, line=line.model_copy(update={"product_description": product}), camera=camera)
    assert (result.outcome, result.failed_checks) == (Outcome.REJECTED, ("small",))
    by_name = {measured.name: measured for measured in result.measurements}
    assert by_name["size.diameter"].value == pytest.approx(0.04, abs=0.0001)
    assert by_name["which.right_part"].text.startswith("membrane_")


def test_checks_that_all_allow_rework_give_rework():
    line = valve_line()
    checks = line.product_description.inspections["open"].checks
    only_presence = line.product_description.inspections["open"].model_copy(
        update={"checks": {"membrane_present": checks["membrane_present"]}}
    )
    product = line.product_description.model_copy(update={"inspections": {"open": only_presence}})
    result, _ = inspect("pick_body", "place_body", line=line.model_copy(update={"product_description": product}))
    assert (result.outcome, result.disposition) == (Outcome.REJECTED, "rework")
    assert result.failed_checks == ("membrane_present",)
    assert result.message == "failed: membrane_present"


def test_one_check_that_says_scrap_is_enough():
    lidded = ("pick_body", "place_body", "pick_cap", "insert_cap")
    result, _ = inspect(*lidded, operation="inspect_closed", line=line_with(wrong_part_ratio=1.0))
    assert (result.outcome, result.disposition) == (Outcome.REJECTED, "scrap")
    assert "cap_type" in result.failed_checks
    assert "screw_1" in result.failed_checks


def test_an_unusable_image_is_taken_again_with_another_exposure():
    dark = Injection("camera_1", "capture", "CAMERA_UNUSABLE_IMAGE")
    result, phases = inspect(*OPEN, injections=[dark])
    assert result.outcome is Outcome.SUCCEEDED
    assert "look again" in phases


def test_images_unusable_at_every_exposure_are_a_fault():
    dark = Injection("camera_1", "capture", "CAMERA_UNUSABLE_IMAGE", times=9)
    result, _ = inspect(*OPEN, injections=[dark])
    assert result.fault.code == "CAMERA_UNUSABLE_IMAGE"


def test_no_image_at_all_is_not_tried_again():
    dead = Injection("camera_1", "capture", "CAMERA_NO_IMAGE")
    result, phases = inspect(*OPEN, injections=[dead])
    assert result.fault.code == "CAMERA_NO_IMAGE"
    assert "look again" not in phases


def test_an_inspection_that_the_product_does_not_have_is_a_fault():
    result, _ = inspect(*OPEN, inspection="opened")
    assert result.fault.code == "INSPECTION_NOT_CONFIGURED"
    assert "'opened'; there are: open, closed" in result.message


def test_an_empty_fixture_is_not_inspected():
    assert inspect()[0].fault.code == "FIXTURE_EMPTY"


@pytest.mark.parametrize("camera", ["camera_2", "camera_trays"])
def test_a_camera_that_looks_elsewhere_is_refused(camera):
    async def story():
        async with skill_bench() as bench:
            goal = bench.goal("inspect_open")
            goal.lease.resources["camera"] = camera
            return await bench.run(goal)

    result = run_virtual(story())
    assert result.fault.code == "SKILL_REFUSED"
    assert "not fixture_1" in result.message


def test_a_label_with_another_serial_fails():
    plan = list(valve_line().product_description.plan)
    before = plan[: plan.index("inspect_closed")]

    async def story():
        async with skill_bench() as bench:
            await bench.operations(*before, unit="VLV-7")
            return await bench.operation("inspect_closed", unit="VLV-8")

    result = run_virtual(story())
    assert result.failed_checks == ("serial",)
    assert result.disposition == "rework"
    assert next(m for m in result.measurements if m.name == "serial.code").text == "VLV-7"


def test_the_modelled_camera_leaves_no_picture_and_says_so():
    report = inspect(*OPEN)[0].inspection
    assert (report.evidence_sha256, report.note) == ("", "no picture: the camera makes none")


def test_a_label_that_cannot_be_read_is_looked_at_again_and_then_not_accepted():
    plan = list(valve_line().product_description.plan)
    before = plan[: plan.index("inspect_closed")]
    line = line_with(unreadable_label_ratio=1.0)
    result, phases = inspect(*before, operation="inspect_closed", line=line)
    assert (result.failed_checks, result.disposition) == (("serial",), "rework")
    assert result.message == "failed: serial (uncertain: serial)"
    assert [(look.exposure_ratio, look.uncertain) for look in result.inspection.looks] == [
        (1.0, ("serial",)),
        (0.8, ("serial",)),
        (1.2, ("serial",)),
    ]
    assert phases.count("look again") == 2


LIT = {"camera_1": {"lights": {"low_angle": LightSpec()}}}


def test_an_inspection_looks_again_in_the_other_lights_that_the_plan_names():
    plan = list(valve_line().product_description.plan)
    line = line_with(LIT, unreadable_label_ratio=1.0)
    before = plan[: plan.index("inspect_closed")]
    result, _ = inspect(*before, operation="inspect_closed", line=line, again_ratios=(), again_lights=("low_angle",))
    looks = [(look.exposure_ratio, look.light) for look in result.inspection.looks]
    assert looks == [(1.0, "usual"), (1.0, "low_angle")]


def test_a_light_that_the_camera_does_not_have_is_refused_before_anything_is_done():
    result, _ = inspect(*OPEN, line=line_with(LIT), again_lights=("ring",))
    assert (result.fault.code, result.fault.where) == ("SKILL_REFUSED", "camera_1")
    assert result.fault.detail == "it has no light 'ring'; its other lights: low_angle"


def in_pixels(line, kept):
    """The open unit's inspection by a rendered camera; its pictures go to a list."""

    async def story():
        async with skill_bench(1, line, camera="rendered") as bench:
            bench.runner.keep = kept.append
            await bench.operations(*OPEN)
            return await bench.operation("inspect_open")

    return run_virtual(story())


def evidence(**options):
    return valve_line().model_copy(update={"evidence": Evidence(**options)})


def test_the_picture_that_a_unit_was_judged_by_is_kept_under_its_digest():
    kept = []
    report = in_pixels(evidence(), kept).inspection
    assert [sha256(png).hexdigest() for png in kept] == [report.evidence_sha256]
    assert kept[0].startswith(b"\x89PNG")
    assert report.looks[0].image_sha256 != report.evidence_sha256


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"pictures": 0}, "no picture: the line keeps none"),
        ({"of": "rejected"}, "no picture: the line keeps those of rejected units"),
    ],
)
def test_the_line_says_of_which_units_pictures_are_kept(options, note):
    kept = []
    report = in_pixels(evidence(**options), kept).inspection
    assert (kept, report.evidence_sha256, report.note) == ([], "", note)
