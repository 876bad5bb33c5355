"""The person of a virtual run: changes the line when only orders of another one are left, and sets its stations up."""

from __future__ import annotations

import asyncio

from microcell import events
from microcell.errors import UsageError
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import State
from microcell.records.journal import Entry

SET_UP_S = 60.0
"""So long it takes to set up a station."""

NAME = "simulated person"

_TELLING = {
    event.kind for event in (events.QuestionAsked, events.StateChanged, events.LineChangeEnded, events.OrderAccepted)
}
"""After these there may be something to do; orders of another line alone may come when the cell is idle already."""


class SimulatedPerson:
    """Does nothing in a cell with one line."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        if controller.line.also:
            controller.add_listener(self._saw)
            self._task = asyncio.get_running_loop().create_task(self._work(), name=NAME)

    async def close(self) -> None:
        """Go home."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _saw(self, entry: Entry) -> None:
        if entry.kind in _TELLING:
            self._told.set()

    async def _work(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            await self._set_up()
            await self._change_line()

    async def _set_up(self) -> None:
        """Set up one station after the other."""
        questions = self._controller.shop.questions
        while station := next((q for q in questions.open() if q.fault.code == "STATION_NOT_SET_UP"), None):
            await self._controller.clock.sleep(SET_UP_S)
            self._controller.service.answer(station.question, station.choices[0], NAME)

    async def _change_line(self) -> None:
        """Change to the line of the first order that waits for it, when nothing else is left to be made."""
        shop = self._controller.shop
        left = [order for order in shop.orders.values() if not order.status.ended]
        if self._controller.state is not State.IDLE or shop.lines.change is not None:
            return
        if left and not any(shop.lines.runs(order.product) for order in left):
            try:
                await self._controller.line_change.begin([shop.lines.of(left[0].product).name], by=NAME)
            except UsageError:
                return  # what the cell lacks a person would have to bring
