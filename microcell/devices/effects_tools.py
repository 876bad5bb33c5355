"""What injected faults do to arms, their sensors and their tools."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from microcell.devices.arm.contract import JointState
from microcell.devices.force_sensor.contract import Wrench
from microcell.devices.gripper.contract import Grip
from microcell.devices.injected import Call, Effect
from microcell.devices.screwdriver.contract import Drive
from microcell.devices.tool_changer.contract import Coupling
from microcell.devices.vacuum.contract import Suction
from microcell.motion.trajectory import JointTrajectory, sample
from microcell.plant.bench import ToolTruth
from microcell.plant.items import Item

BESIDE_RAD = 0.03
"""So far from its goal an arm comes to rest, at least, that does so by an injected fault."""
LEAKING_RATIO = 0.12

# --- arm -------------------------------------------------------------------------------------------------------------------


async def protective_stop(call: Call) -> Any:
    await _half_way(call)
    raise call.fault("ARM_PROTECTIVE_STOP", "its controller stopped the motion")


async def emergency_stop(call: Call) -> Any:
    """The button stays in until somebody turns it out."""
    circuit = call.plant.safety
    if not circuit.buttons:
        return await call.not_after_all()
    button = circuit.buttons[0]
    pressing = asyncio.ensure_future(_press_after(call, call.arguments[0].duration_s / 2.0, button))
    try:
        return await call.run()
    finally:
        pressing.cancel()


async def stopped(call: Call) -> Any:
    trajectory: JointTrajectory = call.arguments[0]
    stopping = asyncio.ensure_future(_stop_after(call, trajectory.duration_s / 2.0))
    try:
        return await call.run()
    finally:
        stopping.cancel()


async def deviation(call: Call) -> Any:
    trajectory: JointTrajectory = call.arguments[0]
    half_way, goal = sample(trajectory, trajectory.duration_s / 2.0)[0], trajectory.positions[-1]
    if max(abs(a - b) for a, b in zip(half_way, goal, strict=True)) < BESIDE_RAD:
        return await call.not_after_all()
    await _half_way(call)
    positions, _ = call.plant.bench.arm(call.device.name).joints()
    return JointState(positions, (0.0,) * len(positions), call.device.clock.now())


async def wrong_joints(call: Call) -> Any:
    state: JointState = await call.run()
    return replace(state, positions=(state.positions[0] + call.size, *state.positions[1:]))


async def _half_way(call: Call) -> None:
    """Follow half of the trajectory's time, and rest there."""
    following = asyncio.ensure_future(call.run())
    try:
        await call.device.clock.wait(following, call.arguments[0].duration_s / 2.0)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _press_after(call: Call, duration_s: float, button: str) -> None:
    await call.sleep(duration_s)
    circuit = call.plant.safety

    async def turn_out() -> None:
        circuit.release(button)

    call.plant.injections.leaves(turn_out)
    circuit.press(button)


async def _stop_after(call: Call, duration_s: float) -> None:
    await call.sleep(duration_s)
    await call.device.stop()


# --- force sensor ----------------------------------------------------------------------------------------------------------


async def stuck_reading(call: Call) -> Any:
    now: Wrench = await call.run()
    return now if call.before is None else replace(call.before, time_s=now.time_s)


async def saturated(call: Call) -> Any:
    return replace(await call.run(), force=(0.0, 0.0, -call.size))


async def drift(call: Call) -> Any:
    await call.run()
    call.device.shift_zero(call.size)  # type: ignore[attr-defined]


# --- gripper ---------------------------------------------------------------------------------------------------------------


async def fingers_fail(call: Call) -> Any:
    if _held(call) is not None:
        return await call.not_after_all()
    return Grip(_tool(call).opening_m, 0.0, False)


async def slip(call: Call) -> Any:
    answer = await call.run()
    if _held(call) is None:
        call.plant.injections.not_after_all(call.happening)
    else:
        _tool(call).slips_at_s = call.plant.clock.now() + call.size
    return answer


async def drop(call: Call) -> Any:
    if _held(call) is None:
        return await call.not_after_all()
    call.plant.holding.open(_tool(call), call.device.spec.stroke_m)
    return await call.run()


async def blind_fingers(call: Call) -> Any:
    grip: Grip = await call.run()
    if not grip.holding:
        call.plant.injections.not_after_all(call.happening)
    return replace(grip, force_n=0.0, holding=False)


async def stuck_fingers(call: Call) -> Any:
    if _held(call) is None:
        return await call.not_after_all()
    return Grip(_tool(call).opening_m, 0.0, True)


async def wrong_width(call: Call) -> Any:
    grip: Grip = await call.run()
    if not grip.holding:
        call.plant.injections.not_after_all(call.happening)
        return grip
    return replace(grip, width_m=grip.width_m + call.size)


# --- vacuum ----------------------------------------------------------------------------------------------------------------


async def leak(call: Call) -> Any:
    if _held(call) is not None:
        return await call.not_after_all()
    _tool(call).leaking = True
    return await call.run()


async def blind_switch(call: Call) -> Any:
    suction: Suction = await call.run()
    if not suction.sealed:
        call.plant.injections.not_after_all(call.happening)
        return suction
    return Suction(suction.pressure_pa * LEAKING_RATIO, False)


async def stuck_cup(call: Call) -> Any:
    if _held(call) is None:
        return await call.not_after_all()
    await call.sleep(call.device.spec.settle_s)
    return Suction(call.device.spec.pressure_pa, True)


# --- screwdriver -----------------------------------------------------------------------------------------------------------


async def cross_thread(call: Call) -> Any:
    if _held(call) is None:
        return await call.not_after_all()
    _tool(call).crosses = True
    try:
        return await call.run()
    finally:
        _tool(call).crosses = False


async def clutch_slips(call: Call) -> Any:
    _, angle_rad, speed_rad_s = call.arguments
    await call.sleep(angle_rad / speed_rad_s)
    return Drive(0.0, angle_rad, False, ((0.0, 0.0), (angle_rad, 0.0)))


async def wrong_torque(call: Call) -> Any:
    drive: Drive = await call.run()
    return replace(drive, torque_n_m=drive.torque_n_m * call.size)


async def screw_falls(call: Call) -> Any:
    item = _held(call)
    if item is None:
        return await call.not_after_all()
    call.plant.bench.lose(item, call.plant.bench.pose_of(item), "fell off the bit")
    return await call.run()


async def blind_bit(call: Call) -> Any:
    if not await call.run():
        call.plant.injections.not_after_all(call.happening)
    return False


# --- tool changer and crib -------------------------------------------------------------------------------------------------


async def lock_fails(call: Call) -> Any:
    """The lock stays as it is."""
    await call.sleep(call.device.spec.lock_s)
    arm = call.plant.bench.arm_with("tool_changer", call.device.name)
    return Coupling(call.plant.coupling.locked(arm), call.plant.coupling.serial_on(arm))


async def misread(call: Call) -> Any:
    coupling: Coupling = await call.run()
    if not coupling.tool_serial:
        call.plant.injections.not_after_all(call.happening)
    return replace(coupling, tool_serial="")


async def tool_taken(call: Call) -> Any:
    tool = _wanted_tool(call)
    if tool is None:
        return await call.not_after_all()
    pocket, tool.pocket = tool.pocket, None
    call.plant.injections.leaves(_setting(tool, "pocket", pocket))
    return await call.run()


async def wrong_tool(call: Call) -> Any:
    tool = _wanted_tool(call)
    if tool is None:
        return await call.not_after_all()
    serial, tool.serial = tool.serial, f"{tool.serial}-X"
    call.plant.injections.leaves(_setting(tool, "serial", serial))
    return await call.run()


async def pocket_occupied(call: Call) -> Any:
    """Another tool than the wanted one goes into the pocket of a tool on an arm."""
    wanted, pockets = _wanted_tool(call), call.device.spec.pockets
    standing = [tool for tool in call.plant.bench.tools.values() if tool.pocket is not None and tool is not wanted]
    free = [number for number, pocket in enumerate(pockets) if pocket.tool and call.plant.tool(pocket.tool).arm is not None]
    if not standing or not free:
        return await call.not_after_all()
    tool = standing[-1]
    pocket, tool.pocket = tool.pocket, (call.device.name, free[0])
    call.plant.injections.leaves(_setting(tool, "pocket", pocket))
    return await call.run()


def _wanted_tool(call: Call) -> ToolTruth | None:
    """The tool in the crib that is being fetched, or else the first one there."""
    standing = [tool for tool in call.plant.bench.tools.values() if tool.pocket and tool.pocket[0] == call.device.name]
    fetched = {work.operation.removeprefix("mount_") for work in call.plant.injections.work.values()}
    return next((tool for tool in standing if tool.name in fetched), standing[0] if standing else None)


def _setting(tool: ToolTruth, name: str, value: Any) -> Any:
    """What a person does: put it back as it was."""

    async def put_back() -> None:
        setattr(tool, name, value)

    return put_back


def _tool(call: Call) -> ToolTruth:
    return call.plant.tool(call.device.name)


def _held(call: Call) -> Item | None:
    return call.plant.holding.held(_tool(call))


EFFECTS: dict[str, Effect] = {
    "arm.protective_stop": protective_stop,
    "arm.stopped": stopped,
    "arm.deviation": deviation,
    "arm.emergency_stop": emergency_stop,
    "arm.wrong_joints": wrong_joints,
    "force_sensor.stuck": stuck_reading,
    "force_sensor.saturated": saturated,
    "force_sensor.drift": drift,
    "gripper.fails": fingers_fail,
    "gripper.slip": slip,
    "gripper.drop": drop,
    "gripper.blind": blind_fingers,
    "gripper.stuck": stuck_fingers,
    "gripper.wrong_width": wrong_width,
    "vacuum.leak": leak,
    "vacuum.slip": slip,
    "vacuum.blind": blind_switch,
    "vacuum.stuck": stuck_cup,
    "screwdriver.cross_thread": cross_thread,
    "screwdriver.clutch_slips": clutch_slips,
    "screwdriver.wrong_torque": wrong_torque,
    "screwdriver.no_screw": screw_falls,
    "screwdriver.blind": blind_bit,
    "tool_changer.not_locked": lock_fails,
    "tool_changer.not_unlocked": lock_fails,
    "tool_changer.misread": misread,
    "tool_crib.missing": tool_taken,
    "tool_crib.wrong_tool": wrong_tool,
    "tool_crib.occupied": pocket_occupied,
}
