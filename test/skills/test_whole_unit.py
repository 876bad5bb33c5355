"""All operations of the valve's plan, one after the other, from parts to a unit in the carton."""

from __future__ import annotations

import pytest
from skill_bench import skill_bench, valve_line

from microcell.clock import run_virtual
from microcell.plant.items import Place
from microcell.skills.contract import Outcome

PLAN = tuple(valve_line().product_description.plan)
PARTS = {
    "adult": {"membrane": "membrane_firm", "cap": "cap_white", "screw": "screw_m2_5x8"},
    "child": {"membrane": "membrane_medium", "cap": "cap_blue", "screw": "screw_m2_5x6"},
    "infant": {"membrane": "membrane_soft", "cap": "cap_orange", "screw": "screw_m2_5x6"},
}


def build(variant: str, seed: int = 1):
    async def story():
        async with skill_bench(seed) as bench:
            results = await bench.operations(*PLAN, unit=f"VLV-{variant}", variant=variant)
            return results, bench.plant.truth(f"VLV-{variant}"), bench.plant.carton_contents()

    return run_virtual(story())


@pytest.mark.parametrize("variant", sorted(PARTS))
def test_a_whole_unit_of_each_variant_stands_complete_in_the_carton(variant):
    results, truth, cartons = build(variant)
    parts = PARTS[variant]
    screws = {f"screw_{n}": parts["screw"] for n in (1, 2, 3, 4)}
    assert truth.parts == {
        "body_seat": "body",
        "membrane_seat": parts["membrane"],
        "cap_seat": parts["cap"],
        "label_area": "label",
        **screws,
    }
    assert truth.defects == ()
    assert truth.place == Place("carton", "CTN-000001", "0")
    assert cartons == {"CTN-000001": (f"VLV-{variant}",)}
    assert [result.outcome for result in results] == [Outcome.SUCCEEDED] * len(PLAN)


def test_the_results_tell_parts_lots_measurements_and_carton():
    results, _, _ = build("child")
    by_operation = dict(zip(PLAN, results, strict=True))
    taken = {name: [(p.part, p.lot) for p in result.parts] for name, result in by_operation.items()}
    assert taken["pick_body"] == [("body", "nest_1-L0001")]
    assert taken["fasten_3"] == [("screw_m2_5x6", "screws_2-L0001")]
    assert taken["insert_cap"] == taken["inspect_open"] == []
    names = [m.name for name in PLAN for m in by_operation[name].measurements]
    assert "insert_membrane.force" in names
    assert "insert_cap.depth" in names
    assert "fasten_4.torque" in names
    assert "serial.code" in names
    assert all(m.within_limits for result in results for m in result.measurements)
    assert by_operation["pack_unit"].carton == "CTN-000001"
    assert by_operation["inspect_closed"].disposition == "accept"


def test_the_same_seed_gives_the_same_results_to_the_last_digit():
    assert build("infant", seed=5)[0] == build("infant", seed=5)[0]


def test_another_seed_gives_others():
    assert build("infant", seed=5)[0] != build("infant", seed=6)[0]


def test_seven_units_fill_a_carton_and_begin_the_next():
    async def story():
        async with skill_bench() as bench:
            for number in range(7):
                await bench.operations("pick_body", "place_body", "pick_unit", "pack_unit", unit=f"VLV-{number}")
            return bench.plant.carton_contents()

    contents = run_virtual(story())
    assert {carton: len(units) for carton, units in contents.items()} == {"CTN-000001": 6, "CTN-000002": 1}


def test_a_scrapped_unit_ends_in_the_bin():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body", "pick_scrap", "drop_scrap")
            return await bench.devices["reject_bin"].count(), bench.plant.unit_at("fixture_1")

    assert run_virtual(story()) == (1, None)
