"""What injected faults do to what stands on the bench: feeders, fixtures, cameras, printers, carton stations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from microcell.description.part_uses import fits_of
from microcell.devices.carton_station.contract import Carton
from microcell.devices.feeder.contract import Presented
from microcell.devices.injected import Call, Effect
from microcell.geometry import Pose, from_rpy
from microcell.plant.bench import Lighting
from microcell.plant.injection import Injection
from microcell.plant.items import Item, Place

FADED_CONTRAST = 0.02

# --- feeder ----------------------------------------------------------------------------------------------------------------


async def emptied(call: Call) -> Any:
    call.plant.feeding.take_all(call.device.name)
    return await call.run()


async def jammed(call: Call) -> Any:
    await call.sleep(call.device.spec.index_s)
    raise call.fault("FEEDER_JAMMED", "a part is stuck on its way")


async def no_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    call.plant.bench.lose(item, item.pose, "taken out of the feeder")
    return presented


async def shifted_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    moved = call.plant.inventory.move(item, item.place, item.pose.shifted(dx=call.size))

    async def take_it_away() -> None:
        if call.plant.inventory[moved.item_id].place == moved.place:
            call.plant.bench.lose(moved, moved.pose, "taken away by a person")

    call.plant.injections.leaves(take_it_away)
    return presented


async def wrong_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    others = call.plant.feeding.delivery(item.product).others(item.part_name)
    if not others:
        call.plant.injections.not_after_all(call.happening)
        return presented
    part = call.plant.bench.recipe_of(item).product.parts[others[0]]
    call.plant.inventory.move(item, item.place, item.pose, part_name=others[0], part=part)
    return presented


async def faulty_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    flaws = call.plant.feeding.delivery(item.product).scratches(item.part_name, f"injected:{item.item_id}")
    if not flaws:
        call.plant.injections.not_after_all(call.happening)
        return presented
    call.plant.inventory.move(item, item.place, item.pose, flaws=flaws)
    return presented


async def turned_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    if not call.plant.feeding.delivery(item.product).turn_matters(item.part_name):
        call.plant.injections.not_after_all(call.happening)
        return presented
    quarter = Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, math.pi / 2))
    call.plant.inventory.move(item, item.place, item.pose @ quarter)
    return presented


async def thick_part(call: Call) -> Any:
    presented = await call.run()
    item = offered(call)
    fits = fits_of(call.plant.bench.recipe_of(item).product, item.part_name)
    if not fits:
        call.plant.injections.not_after_all(call.happening)
        return presented
    widest_m = max(fit.clearance_m for fit in fits)
    call.plant.inventory.move(item, item.place, item.pose, oversize_m=widest_m + call.size)
    return presented


async def announces_other(call: Call) -> Any:
    presented: Presented = await call.run()
    parts = call.plant.line.product_description.parts
    return replace(presented, part=next(name for name in parts if name != presented.part))


async def wrong_level(call: Call) -> Any:
    return int(call.size)


def offered(call: Call) -> Item:
    """The part that the feeder has just presented."""
    return min(call.plant.inventory.at("feeder", call.device.name), key=lambda item: int(item.place.slot))


# --- fixture ---------------------------------------------------------------------------------------------------------------


async def clamp_fails(call: Call) -> Any:
    await call.sleep(call.device.spec.clamp_s)
    raise call.fault("FIXTURE_NOT_CLAMPED", "the clamp does not confirm")


async def blind_fixture(call: Call) -> Any:
    return not await call.run()


async def unit_taken(call: Call) -> Any:
    bench, fixture = call.plant.bench, call.device.name
    unit = bench.unit_in(fixture)
    if unit is None:
        return await call.not_after_all()
    bench.lose(unit, unit.pose, "taken out by a person")

    async def put_it_back() -> None:
        there = bench.inventory[unit.item_id]
        if there.place.kind == "lost":
            bench.inventory.move(there, Place("fixture", fixture), unit.pose)

    call.plant.injections.leaves(put_it_back)
    return await call.run()


# --- camera ----------------------------------------------------------------------------------------------------------------


def in_light(make: Callable[[float], Lighting]) -> Effect:
    """An effect that takes the image in another light."""

    async def effect(call: Call) -> Any:
        lights = call.plant.lights
        lights[call.device.name] = make(call.size)
        try:
            return await call.run()
        finally:
            del lights[call.device.name]

    return effect


async def blackout(call: Call) -> Any:
    await call.run()
    raise call.fault("CAMERA_NO_IMAGE", "no image came")


# --- printer and cartons ---------------------------------------------------------------------------------------------------


async def no_label(call: Call) -> Any:
    await call.sleep(call.device.spec.print_s)
    raise call.fault("LABEL_NOT_PRINTED", "the roll is stuck")


async def label_gone(call: Call) -> Any:
    printed = await call.run()
    label = _label(call)
    call.plant.bench.lose(label, label.pose, "fell off the plate")
    return printed


async def faded_label(call: Call) -> Any:
    printed = await call.run()
    label = _label(call)
    call.plant.inventory.move(label, label.place, label.pose, contrast=FADED_CONTRAST)
    return printed


async def wrong_content(call: Call) -> Any:
    printed = await call.run()
    label = _label(call)
    call.plant.inventory.move(label, label.place, label.pose, content=f"{label.content}X")
    return printed


def _label(call: Call) -> Item:
    return call.plant.inventory.at("printer", call.device.name)[-1]


async def no_carton(call: Call) -> Any:
    """Seen while a unit is still in the hand; afterwards it would be the carton with the unit in it that is gone."""
    tools = call.plant.bench.tools.values()
    if all(call.plant.holding.held(tool) is None for tool in tools if tool.arm is not None):
        return await call.not_after_all()
    carton: Carton = await call.run()
    call.plant.injections.add(Injection(call.device.name, "exchange", "CARTON_MISSING"))
    return Carton("", carton.places, 0)


async def wrong_count(call: Call) -> Any:
    carton: Carton = await call.run()
    return replace(carton, filled=carton.places + int(call.size))


EFFECTS: dict[str, Effect] = {
    "feeder.empty": emptied,
    "feeder.stuck": jammed,
    "feeder.no_part": no_part,
    "feeder.shifted_part": shifted_part,
    "feeder.wrong_part": wrong_part,
    "feeder.faulty_part": faulty_part,
    "feeder.turned_part": turned_part,
    "feeder.thick_part": thick_part,
    "feeder.announces_other": announces_other,
    "feeder.wrong_level": wrong_level,
    "fixture.not_clamped": clamp_fails,
    "fixture.blind": blind_fixture,
    "fixture.unit_taken": unit_taken,
    "camera.dark": in_light(lambda size: Lighting(level=size)),
    "camera.dazzled": in_light(lambda size: Lighting(level=size)),
    "camera.blurred": in_light(lambda size: Lighting(blur_px=size)),
    "camera.blackout": blackout,
    "printer.no_label": no_label,
    "printer.label_gone": label_gone,
    "printer.faded": faded_label,
    "printer.wrong_content": wrong_content,
    "carton_station.missing": no_carton,
    "carton_station.wrong_count": wrong_count,
}
