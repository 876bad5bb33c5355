"""Injectable faults of dispensers, presses, welding heads, turners and testers, and of the parts for them."""

from __future__ import annotations

from microcell.description.injectable_kinds import Injectable, Size

PROCESS: dict[str, Injectable] = {
    "feeder.broken_latch": Injectable(
        "The latch of a connector is broken.", ("feeder",), ("PLUG_NOT_LATCHED",), recoverable=True,
        commands={"feeder": ("present",)},
    ),
    "feeder.weak_cell": Injectable(
        "A battery's cell has too little voltage.", ("feeder",), ("PART_OFF_LIMITS",), recoverable=True,
        commands={"feeder": ("present",)}, size=Size("ratio", 0.9, 0.1, 0.97, "of the voltage that it should have"),
    ),
    "feeder.short_count": Injectable(
        "A piece is missing of what is counted or compared.", ("feeder",), told="inspection", recoverable=True,
        commands={"feeder": ("present",)},
    ),
    "dispenser.clogged": Injectable(
        "The nozzle is half clogged.", ("dispenser",), ("DISPENSE_OFF_LIMITS",), recoverable=True,
        commands={"dispenser": ("open",)}, size=Size("ratio", 0.5, 0.05, 0.6, "of the flow that it should have"),
    ),
    "dispenser.bubble": Injectable(
        "An air bubble leaves a gap in the bead.", ("dispenser",), told="inspection", recoverable=True,
        commands={"dispenser": ("open",)},
    ),
    "dispenser.empty": Injectable(
        "The cartridge is empty.", ("dispenser",), ("DISPENSER_EMPTY",), commands={"dispenser": ("dispensed",)},
    ),
    "press.weak": Injectable(
        "The press has lost pressure.", ("press",), ("PRESS_OFF_LIMITS",), recoverable=True, commands={"press": ("press",)},
        size=Size("ratio", 0.5, 0.05, 0.9, "of its force"),
    ),
    "welder.weak": Injectable(
        "A spot gets too little energy.", ("welder",), ("WELD_OFF_LIMITS",), recoverable=True,
        commands={"welder": ("weld",)}, size=Size("ratio", 0.5, 0.05, 0.8, "of its energy"),
    ),
    "welder.open_circuit": Injectable(
        "No current flows.", ("welder",), ("WELD_NO_CONTACT",), recoverable=True, commands={"welder": ("weld",)},
    ),
    "turner.stuck": Injectable(
        "The axis does not move, although the driver says that it arrived.", ("turner",), ("TURNER_STUCK",),
        commands={"turner": ("turn",)},
    ),
    "tester.blind": Injectable(
        "The contacts do not touch the part.", ("tester",), ("TEST_NO_CONTACT",), recoverable=True,
        commands={"tester": ("measure",)},
    ),
}  # fmt: skip
