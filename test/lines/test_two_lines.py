"""Two lines in one cell with the whole plant: what units truly are after a change of the line, and side by side."""

import asyncio
from collections.abc import Iterator

import pytest

from microcell import events
from microcell.clock import run_virtual
from microcell.description.contents import at_once, contradictions
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.errors import ConfigError
from microcell.records.changes import change_rows
from microcell.records.journal import Journal
from microcell.simulated_person import SimulatedPerson
from microcell.virtual import VirtualCell, VirtualRun, run_line

CHANGED = load_line("valve", ["controller"])
MIXED = load_line("valve_mixed", ["controller_mixed"])
ORDERS = (("valve", "child"), ("controller", "us"), ("valve", "adult"), ("controller", "jp"))


def order(product: str, variant: str) -> Order:
    return Order(product=product, lines=(OrderLine(variant=variant, quantity=1),))


def made(line) -> tuple[list[events.Event], list[tuple[str, str, bool]], dict[str, tuple[str, ...]]]:
    """The journal of orders for both lines; product, carton and truth of each unit as it is packed; and the cartons."""

    async def story():
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = VirtualCell(VirtualRun(line, (), 5), journal)
            cell.controller.add_listener(lambda entry: units.extend(packed(cell, entry.event())))
            await cell.start()
            person = SimulatedPerson(cell.controller)
            ids = [cell.controller.submit(order(*wanted)) for wanted in ORDERS]
            await asyncio.gather(*(cell.controller.order_ended(order_id) for order_id in ids))
            await cell.controller._waiting.until(lambda: cell.controller.shop.lines.change is None)
            await person.close()
            await cell.close()
            return list(journal.events()), units, cell.plant.carton_contents()

    units: list[tuple[str, str, bool]] = []
    return run_virtual(story())


def packed(cell: VirtualCell, event: events.Event) -> Iterator[tuple[str, str, bool]]:
    if isinstance(event, events.UnitEnded):
        unit = cell.plant.truth(event.unit)
        product, _, variant = variants(cell, event.unit).partition("/")
        assert unit is not None
        yield product, unit.place.holder, unit.product == product and unit.is_good(cell.plant.line.making(product), variant)


def variants(cell: VirtualCell, serial: str) -> str:
    unit = cell.controller.shop.units[serial]
    return f"{unit.product}/{unit.variant}"


def test_after_a_change_units_are_wholly_of_the_new_product():
    told, units, cartons = made(CHANGED)
    assert [product for product, _, _ in units] == ["valve", "valve", "controller", "controller"]
    assert all(good for _, _, good in units)
    mixtures = {"".join(sorted({serial[:3] for serial in inside})) for inside in cartons.values()}
    assert mixtures == {"VLV", "CTL"}
    (change,) = change_rows(told)
    assert (change.leaving, change.coming, change.steps, change.outcome) == (("valve",), ("controller",), 12, "completed")
    assert change.set_up_s == pytest.approx(11 * 60.0) and change.proven_s is not None and change.proven_s > 30.0
    assert change.took_s == pytest.approx((change.drained_s or 0.0) + 660.0 + change.proven_s)
    assert change.first_articles == ("CTL-000003 passed",)


def test_an_order_for_the_other_line_alone_changes_the_line_too():
    result = run_line(VirtualRun(CHANGED, (order("controller", "us"),), 5))
    assert [view.good for view in result.snapshot.orders] == [1]


def test_side_by_side_every_unit_is_wholly_of_its_own_product():
    told, units, _ = made(MIXED)
    assert sorted(product for product, _, _ in units) == ["controller", "controller", "valve", "valve"]
    assert all(good for _, _, good in units)
    assert {product: carton for product, carton, _ in units} == {
        "valve": "CTN-cartons_1-000001", "controller": "CTN-cartons_2-000001",
    }  # fmt: skip
    begun = [e.product for e in told if isinstance(e, events.UnitStarted)]
    assert begun[:2] == ["valve", "controller"]
    assert not any(isinstance(event, events.LineChangeBegun) for event in told)


def test_lines_run_at_once_where_nothing_contradicts():
    assert [line.name for line in at_once(MIXED.every)] == ["valve_mixed", "controller_mixed"]
    assert [line.name for line in at_once(CHANGED.every)] == ["valve"]
    assert "printer holds labels of 11 x 11 mm for 'valve' and labels of 16 x 16 mm for 'controller'" in contradictions(
        *CHANGED.every
    )


def test_lines_of_other_cells_and_of_the_same_product_are_refused():
    with pytest.raises(ConfigError, match="cell: this line is set up in another cell .'shoe_bench'.; 'valve' is set up in"):
        load_line("valve", ["footwear"])
    with pytest.raises(ConfigError, match="product: 'valve' makes this product already"):
        load_line("valve", ["valve"])
