"""Any device falls silent once, at any of its commands: the cell tries again, and the order ends well without a person."""

import asyncio

from hypothesis import example, given, settings
from hypothesis import strategies as st
from line_run import Interference, produce
from skill_bench import valve_line

from microcell.orchestration.packml import State
from microcell.orchestration.work import OrderStatus
from microcell.plant.injection import Injection
from microcell.virtual import VirtualCell

COMMANDS = {
    "arm": {"follow": 250, "joints": 400},
    "changer": {"lock": 8, "unlock": 8, "coupling": 80},
    "crib": {"pockets": 12},
    "parallel_gripper": {"open": 12, "close": 8, "grip": 16},
    "vacuum_cup": {"on": 4, "off": 8, "suction": 16},
    "screwdriver": {"drive": 8, "has_screw": 16},
    "wrist_force": {"tare": 10, "read": 12, "wait_pressing": 12},
    "fixture_1": {"clamp": 1, "release": 1, "part_present": 12},
    "nest_1": {"present": 2, "level": 2},
    "tray_1": {"present": 2, "level": 2},
    "screws_1": {"present": 4, "level": 4},
    "camera_1": {"capture": 2},
    "camera_trays": {"capture": 2},
    "printer": {"print_label": 2},
    "cartons": {"carton": 4},
}
"""About how often an order of two units gives each command."""

SINGLE_FAULTS = st.sampled_from([(d, c, n) for d, commands in COMMANDS.items() for c, n in commands.items()]).flatmap(
    lambda command: st.tuples(st.just(command[0]), st.just(command[1]), st.integers(1, command[2]))
)


def failing_once(device: str, command: str, nth: int) -> Interference:
    """The device is silent at its nth such command, and then there again; nobody looks."""

    async def interfere(cell: VirtualCell, order_id: str) -> None:
        cell.plant.injections.add(Injection(device, command, "DEVICE_SILENT", nth))
        ended = asyncio.ensure_future(cell.controller.order_ended(order_id))
        held = asyncio.ensure_future(cell.controller.until_state(State.HELD))
        await asyncio.wait({ended, held}, return_when=asyncio.FIRST_COMPLETED)
        assert ended.done(), f"a person is needed: {cell.controller.reason}"
        held.cancel()

    return interfere


@settings(max_examples=80)
@given(SINGLE_FAULTS)
@example(("fixture_1", "release", 1))
def test_the_order_ends_well_without_a_person(fault: tuple[str, str, int]):
    run = produce(valve_line(), 2, interfere=failing_once(*fault))
    assert run.order.status is OrderStatus.COMPLETED, run.reason
    assert (run.order.good, run.order.scrapped) == (2, 0)
    assert run.escapes() == []
    assert run.left() == []
    assert run.packed() == sorted(run.order.serials)
