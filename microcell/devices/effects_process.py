"""What injected faults do to dispensers, presses, welding heads, turners and testers, and to the parts for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from microcell.devices.effects_stations import offered
from microcell.devices.injected import Call, Effect
from microcell.devices.tester.contract import Tested


async def broken_latch(call: Call) -> Any:
    presented = await call.run()
    item, latched = offered(call), any(place.site.fit and place.site.fit.latch_n for place in _sites(call))
    if not latched:
        call.plant.injections.not_after_all(call.happening)
        return presented
    call.plant.inventory.move(replace(item, broken=True), item.place, item.pose)
    return presented


async def weak_cell(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    if item.part.voltage is None:
        call.plant.injections.not_after_all(call.happening)
        return presented
    call.plant.inventory.move(item, item.place, item.pose, voltage_v=item.part.voltage.mean_v * call.size)
    return presented


async def short_count(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    if not call.plant.feeding.delivery(item.product).is_counted(item.part_name):
        call.plant.injections.not_after_all(call.happening)
        return presented
    short = item.part.model_copy(update={"marks": item.part.marks[:-1]})
    call.plant.inventory.move(item, item.place, item.pose, part=short)
    return presented


async def clogged(call: Call) -> Any:
    """Less comes out until the valve closes; then the plug has come loose."""
    opened = await call.run()
    call.plant.dispensing.clog(call.device.name, call.size)
    return opened


async def bubble(call: Call) -> Any:
    call.plant.dispensing.bubbles.add(call.device.name)
    return await call.run()


async def empty(call: Call) -> Any:
    tool = call.plant.tool(call.device.name)
    left_kg = call.plant.dispensing.left_kg(tool)
    call.plant.dispensing.refill(tool, 0.0)

    async def another_cartridge() -> None:
        call.plant.dispensing.refill(tool, left_kg)

    call.plant.injections.leaves(another_cartridge)
    return await call.run()


async def weak(call: Call) -> Any:
    """Once only: the next stroke or spot has all its force or energy again."""
    call.plant.joining.weak[call.device.name] = call.size
    try:
        return await call.run()
    finally:
        del call.plant.joining.weak[call.device.name]


async def open_circuit(call: Call) -> Any:
    await call.sleep(call.device.spec.weld_s)
    raise call.fault("WELD_NO_CONTACT", "no current flows")


async def stuck(call: Call) -> Any:
    await call.sleep(call.device.spec.turn_s)
    return not call.arguments[0]


async def blind(call: Call) -> Any:
    await call.run()
    return Tested(0.0, False)


def _sites(call: Call) -> Any:
    item = offered(call)
    return call.plant.bench.recipe_of(item).sites_of(item.part_name)


EFFECTS: dict[str, Effect] = {
    "feeder.broken_latch": broken_latch,
    "feeder.weak_cell": weak_cell,
    "feeder.short_count": short_count,
    "dispenser.clogged": clogged,
    "dispenser.bubble": bubble,
    "dispenser.empty": empty,
    "press.weak": weak,
    "welder.weak": weak,
    "welder.open_circuit": open_circuit,
    "turner.stuck": stuck,
    "tester.blind": blind,
}
