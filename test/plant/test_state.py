"""The bench in a file: what is started again on it finds everything as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shared_planners import shared_planners
from skill_bench import valve_line

from microcell.clock import LoopClock, run_virtual
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.plant.plant import Plant
from microcell.plant.state import PlantFile
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun


async def worked_at(seconds_s: float, journal: Journal) -> VirtualCell:
    """A cell so long at work."""
    cell = VirtualCell(VirtualRun(valve_line(), ()), journal)
    cell.runner.planners = shared_planners(cell.runner._line)
    await cell.start()
    cell.controller.submit(Order(product="valve", lines=(OrderLine(variant="adult", quantity=2),)))
    await cell.clock.sleep(seconds_s)
    return cell


def items(plant: Plant) -> list[object]:
    return sorted(plant.inventory, key=lambda item: item.item_id)


@pytest.mark.parametrize("seconds_s", [1.0, 17.3, 44.4, 70.0, 130.0])
def test_a_plant_that_is_put_back_is_the_same(tmp_path: Path, seconds_s: float):
    async def story() -> None:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = await worked_at(seconds_s, journal)
            before = cell.plant
            PlantFile(before, tmp_path / "bench").save()
            again = Plant(valve_line(), 0, LoopClock())
            assert PlantFile(again, tmp_path / "bench").load()
            assert items(again) == items(before)
            assert again.truth("VLV-000001") == before.truth("VLV-000001")
            assert again.carton_contents() == before.carton_contents()
            assert again.bench.clamped == before.bench.clamped
            assert again.bench.arm("arm").joints()[0] == before.bench.arm("arm").joints()[0]
            assert {n: (t.arm, t.pocket, t.opening_m, t.active) for n, t in again.bench.tools.items()} == {
                n: (t.arm, t.pocket, t.opening_m, t.active) for n, t in before.bench.tools.items()
            }
            assert not again.bench.arm("arm").moving
            assert not any(tool.driving for tool in again.bench.tools.values())
            for feeder in valve_line().feeders:
                assert again.feeding.level(feeder) == before.feeding.level(feeder)

    run_virtual(story())


def test_pieces_that_come_later_are_the_same_as_without_a_restart(tmp_path: Path):
    async def story() -> None:
        before, again = Plant(valve_line(), 4, LoopClock()), Plant(valve_line(), 4, LoopClock())
        PlantFile(before, tmp_path / "bench").save()
        assert PlantFile(again, tmp_path / "bench").load()
        for plant in (before, again):
            plant.feeding.present("nest_1")
            plant.stations.print_label("printer", "VLV-000009")
            plant.stations.exchange("cartons")
        assert items(again) == items(before)
        assert again.bench.cartons == before.bench.cartons

    run_virtual(story())


def test_nothing_is_written_while_nothing_changes(tmp_path: Path):
    async def story() -> None:
        path = tmp_path / "bench"
        plant = Plant(valve_line(), 0, LoopClock())
        file = PlantFile(plant, path)
        file.save()
        path.unlink()
        file.save()
        assert not path.exists()
        plant.stations.clamp("fixture_1")
        file.save()
        assert json.loads(path.read_text())["rest"]["clamped"]["fixture_1"] is True

    run_virtual(story())


def test_a_disk_that_takes_nothing_is_told_of_once_and_the_bench_is_kept_when_it_takes_more(tmp_path: Path, caplog):
    async def story() -> None:
        (tmp_path / "full").write_text("no folder can be made here")
        plant = Plant(valve_line(), 0, LoopClock())
        file = PlantFile(plant, tmp_path / "full" / "bench")
        file.save()
        plant.stations.clamp("fixture_1")
        file.save()
        (tmp_path / "full").unlink()
        file.save()
        assert json.loads((tmp_path / "full" / "bench").read_text())["rest"]["clamped"]["fixture_1"] is True
        assert [record.message.split(" in '")[0] for record in caplog.records] == [
            "the bench is not kept",
            "the bench is kept",
        ]

    run_virtual(story())


def test_without_a_file_the_bench_is_fresh_and_that_of_another_line_is_refused(tmp_path: Path):
    async def story() -> None:
        path = tmp_path / "bench"
        plant = Plant(valve_line(), 0, LoopClock())
        assert not PlantFile(plant, path).load()
        PlantFile(plant, path).save()
        path.write_text(path.read_text().replace('"line":"valve"', '"line":"pump"'))
        with pytest.raises(UsageError, match="is no bench of the line 'valve': it is version 4 of line 'pump'. Remove it"):
            PlantFile(plant, path).load()
        path.write_text("{")
        with pytest.raises(UsageError, match="Remove it to begin with a fresh bench"):
            PlantFile(plant, path).load()

    run_virtual(story())


def test_what_is_wrong_with_a_piece_stays_wrong(tmp_path: Path):
    async def story() -> None:
        before, again = Plant(valve_line(), 0, LoopClock()), Plant(valve_line(), 0, LoopClock())
        before.feeding.present("nest_2")
        piece = before.inventory.at("feeder", "nest_2")[0]
        wrong = {"crossed": True, "broken": True, "voltage_v": 3.3, "oversize_m": 0.0005, "contrast": 0.1, "content": "X"}
        before.inventory.move(piece, piece.place, piece.pose, **wrong)
        PlantFile(before, tmp_path / "bench").save()
        assert PlantFile(again, tmp_path / "bench").load()
        assert items(again) == items(before)
        assert {name: getattr(again.inventory[piece.item_id], name) for name in wrong} == wrong

    run_virtual(story())
