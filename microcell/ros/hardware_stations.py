"""The face of feeders, fixtures, carton stations, printers and bins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from std_msgs.msg import Bool, UInt32

from microcell.description.cell import (
    BinSpec,
    CartonStationSpec,
    FeederSpec,
    FixtureSpec,
    PressSpec,
    PrinterSpec,
    SafetySpec,
    TesterSpec,
    TurnerSpec,
)
from microcell.devices.bin.contract import Bin
from microcell.devices.carton_station.contract import CartonStation
from microcell.devices.contract import Device
from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.fixture.contract import Fixture
from microcell.devices.press.contract import Press
from microcell.devices.printer.contract import Printer
from microcell.devices.safety.contract import Safety, Stops
from microcell.devices.tester.contract import Tester
from microcell.devices.turner.contract import Turner
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.bounded import bounded
from microcell.ros.hardware_face import Face
from microcell_interfaces.srv import PresentPart, PrintLabel, RefillFeeder, SetUpStation

AGAIN_S = 5.0


class FeederFace:
    """A feeder: services `<feeder>/present`, `<feeder>/refill_feeder`, `<feeder>/set_up` and `<feeder>/read`.

    Latched topic `<feeder>/level`: after every part presented and every question, and at once when the level rises.
    """

    def __init__(self, face: Face, feeder: Feeder, spec: FeederSpec) -> None:
        self._face = face
        self._feeder = feeder
        self._levels = face.publisher(UInt32, names.level(feeder.name), qos.latched())
        self._shown = -1
        self._fell = asyncio.Event()
        face.serve(PresentPart, names.present(feeder.name), self._present)
        face.runtime.create_service(face.node, RefillFeeder, names.refill(feeder.name), bounded(self._refill))
        serve_set_up(face, feeder)
        face.trigger(names.read(feeder.name), self._level)
        face.keep(self._watch())

    async def _present(self, request: PresentPart.Request, response: PresentPart.Response) -> None:
        presented: Presented = await self._feeder.present()
        self._show(presented.level)
        response.part, response.lot, response.level = presented.part, presented.lot, presented.level
        response.pose = convert.pose_message(presented.part_in_cell)

    async def _refill(self, request: RefillFeeder.Request, response: RefillFeeder.Response) -> RefillFeeder.Response:
        try:
            response.level = await self._feeder.refill(request.quantity, request.lot)
            response.accepted = True
        except FaultError as error:
            response.message = convert.fault_text(error.fault)
        return response

    async def _level(self) -> int:
        level = await self._feeder.level()
        self._show(level)
        return level

    async def _watch(self) -> None:
        """Show each rise of the level; what counts as one is anew after the level has fallen."""
        while True:
            self._fell.clear()
            rising = asyncio.ensure_future(self._feeder.wait_level(self._shown + 1))
            falling = asyncio.ensure_future(self._fell.wait())
            try:
                await asyncio.wait((rising, falling), return_when=asyncio.FIRST_COMPLETED)
                if rising.done():
                    self._show(rising.result())
            except FaultError as error:
                self._face.node.get_logger().error(str(error))
                await asyncio.sleep(AGAIN_S)
            finally:
                rising.cancel()
                falling.cancel()

    def _show(self, level: int) -> None:
        if level < self._shown:
            self._fell.set()
        if level != self._shown:
            self._shown = level
            self._levels.publish(UInt32(data=level))


class FixtureFace:
    """A fixture: services `<fixture>/clamp` and `<fixture>/read`, latched topic `<fixture>/clamped`."""

    def __init__(self, face: Face, fixture: Fixture, spec: FixtureSpec) -> None:
        self._fixture = fixture
        self._clamped = face.publisher(Bool, names.clamped(fixture.name), qos.latched())
        face.switch(names.clamp(fixture.name), self._clamp, self._release)
        face.trigger(names.read(fixture.name), fixture.part_present)

    async def _clamp(self) -> None:
        await self._fixture.clamp()
        self._clamped.publish(Bool(data=True))

    async def _release(self) -> None:
        await self._fixture.release()
        self._clamped.publish(Bool(data=False))


class SafetyFace:
    """A safety controller: latched topics `<safety>/emergency_stop/<button>` and `<safety>/protective_stop/<arm>`."""

    def __init__(self, face: Face, safety: Safety, spec: SafetySpec) -> None:
        self._face = face
        self._safety = safety
        self._buttons = {b: face.publisher(Bool, names.emergency_stop(safety.name, b), qos.latched()) for b in spec.buttons}

    def show_arms(self, arms: Iterable[str]) -> None:
        """Show the state from now on, also that of these arms."""
        face, name = self._face, self._safety.name
        self._arms = {arm: face.publisher(Bool, names.protective_stop(name, arm), qos.latched()) for arm in arms}
        face.keep(self._watch())

    async def _watch(self) -> None:
        known: Stops | None = None
        while True:
            try:
                known = await (self._safety.stops() if known is None else self._safety.wait_change(known))
                self._show(known)
            except FaultError as error:
                known = None
                self._face.node.get_logger().error(str(error))
                await asyncio.sleep(AGAIN_S)

    def _show(self, stops: Stops) -> None:
        for button, publisher in self._buttons.items():
            publisher.publish(Bool(data=button in stops.emergency))
        for arm, publisher in self._arms.items():
            publisher.publish(Bool(data=arm in stops.protective))


def serve_set_up(face: Face, station: Device) -> None:
    """A station that a person sets up for another product: service `<station>/set_up`."""

    async def handle(request: SetUpStation.Request, response: SetUpStation.Response) -> None:
        await station.set_up(request.product)

    face.serve(SetUpStation, names.set_up(station.name), handle)


def serve_carton_station(face: Face, station: CartonStation, spec: CartonStationSpec) -> None:
    """A carton station: services `<station>/read`, `<station>/exchange` and `<station>/set_up`."""
    serve_set_up(face, station)
    face.trigger(names.read(station.name), station.carton)
    face.trigger(names.exchange(station.name), station.exchange)


def serve_printer(face: Face, printer: Printer, spec: PrinterSpec) -> None:
    """A printer: services `<printer>/print_label` and `<printer>/set_up`."""
    serve_set_up(face, printer)

    async def handle(request: PrintLabel.Request, response: PrintLabel.Response) -> None:
        label = await printer.print_label(request.content)
        response.pose = convert.pose_message(label.label_in_cell)

    face.serve(PrintLabel, names.print_label(printer.name), handle)


def serve_bin(face: Face, bin_: Bin, spec: BinSpec) -> None:
    """A bin: service `<bin>/read`."""
    face.trigger(names.read(bin_.name), bin_.count)


def serve_press(face: Face, press: Press, spec: PressSpec) -> None:
    """A press: for each stored program a service `<press>/press/<program>`."""
    for program in spec.programs:
        face.trigger(names.press_program(press.name, program), partial(press.press, program))


def serve_turner(face: Face, turner: Turner, spec: TurnerSpec) -> None:
    """A turner: services `<turner>/turn` and `<turner>/read`."""
    face.switch(names.turn(turner.name), partial(turner.turn, True), partial(turner.turn, False))
    face.trigger(names.read(turner.name), turner.is_upside_down)


def serve_tester(face: Face, tester: Tester, spec: TesterSpec) -> None:
    """A voltage tester: service `<tester>/measure`."""
    face.trigger(names.measure(tester.name), tester.measure)
