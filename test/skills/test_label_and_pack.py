"""Label: the unit's serial on the unit. Pack: the next free place of a carton that has one."""

from __future__ import annotations

from skill_bench import line_with, skill_bench

from microcell.clock import run_virtual
from microcell.plant.injection import Injection

LIDDED = ("pick_body", "place_body", "pick_cap", "insert_cap")


def after(*before, last, injections=(), line=None):
    async def story():
        async with skill_bench(line=line) as bench:
            await bench.operations(*before)
            for injection in injections:
                bench.plant.injections.add(injection)
            result = await bench.operation(last)
            return result, bench.plant.unit_at("fixture_1"), bench.held(), bench.plant.carton_contents()

    return run_virtual(story())


def test_the_label_carries_the_units_serial():
    result, unit, held, _ = after(*LIDDED, last="label_unit")
    assert result.message == "labelled VLV-1"
    assert (unit.label, held) == ("VLV-1", "")


def test_a_label_is_pressed_on_as_firmly_as_told():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*LIDDED)
            return await bench.operation("label_unit", press_n=60.0)

    result = run_virtual(story())
    assert result.fault is None, result.message


def test_a_printer_without_labels_is_its_fault():
    empty = Injection("printer", "print_label", "LABEL_NOT_PRINTED")
    result, unit, held, _ = after(*LIDDED, last="label_unit", injections=[empty])
    assert (result.fault.code, unit.label, held) == ("LABEL_NOT_PRINTED", "", "")


def test_a_label_that_falls_off_on_the_way_is_noticed():
    async def story():
        async with skill_bench(line=line_with(lost_grip_ratio=1.0)) as bench:
            await bench.mount("vacuum_cup")
            bench.plant.stations.seated = lambda fixture: object()
            return await bench.run(bench.goal("label_unit"))

    assert run_virtual(story()).fault.code == "GRIP_PART_LOST"


def test_where_there_is_no_unit_there_is_nothing_to_press_on():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("vacuum_cup")
            bench.plant.stations.seated = lambda fixture: object()
            return await bench.run(bench.goal("label_unit")), bench.held(), bench.tcp_height_m()

    result, held, height_m = run_virtual(story())
    assert result.fault.code == "INSERT_NO_CONTACT"
    assert "nothing at label_area to press the label on" in result.message
    assert held == "label"
    assert height_m >= 0.14 - 1e-6


def test_a_packed_unit_is_counted_and_the_carton_named():
    result, unit, held, cartons = after("pick_body", "place_body", "pick_unit", last="pack_unit")
    assert result.carton == "CTN-000001"
    assert (unit, held) == (None, "")
    assert cartons == {"CTN-000001": ("",)}


def test_no_empty_carton_is_the_stations_fault_and_the_unit_stays_in_the_hand():
    async def story():
        async with skill_bench() as bench:
            for number in range(6):
                await bench.operations("pick_body", "place_body", "pick_unit", "pack_unit", unit=f"VLV-{number}")
            bench.plant.injections.add(Injection("cartons", "exchange", "CARTON_MISSING"))
            await bench.operations("pick_body", "place_body", "pick_unit")
            missing = await bench.fault("pack_unit"), bench.held()
            return *missing, await bench.operation("pack_unit")

    result, held, again = run_virtual(story())
    assert (result.fault.code, held) == ("CARTON_MISSING", "body")
    assert again.carton == "CTN-000002"


def test_an_empty_hand_packs_nothing():
    result, _, _, _ = after("pick_body", "place_body", last="pack_unit")
    assert result.fault.code == "GRIP_PART_LOST"
