"""Faults that are scheduled in a running cell: services of the mock hardware."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
from collections.abc import Callable

from pydantic import ValidationError

from microcell.description.fault_schedule import ScheduledFault, checked, with_size
from microcell.description.injectable import INJECTABLE
from microcell.errors import UsageError
from microcell.events import OperationEnded, OperationStarted
from microcell.plant.injection import Waiting
from microcell.plant.plant import Plant
from microcell.ros import names, qos
from microcell.ros.hardware_face import Face
from microcell_interfaces.msg import InjectedFault, ProductionEvent
from microcell_interfaces.srv import ListFaults, ScheduleFault

SIGNALS = {"node.killed": signal.SIGKILL, "node.hung": signal.SIGSTOP}
LOOK_S = 0.05
KEPT_EVENTS = 1000

Strike = Callable[[signal.Signals], None]
"""Sends this process a signal."""


def strike_own_process(number: signal.Signals) -> None:
    """Kill or stop the process that this runs in."""
    os.kill(os.getpid(), number)


class FaultsFace:
    """Services hardware/schedule_fault (ScheduleFault) and hardware/list_faults (ListFaults).

    Listens to `events`, to know which operation goes on. Faults of the process itself happen only where `strike` is given.
    """

    def __init__(self, face: Face, plant: Plant, strike: Strike | None) -> None:
        self._face = face
        self._plant = plant
        self._strike = strike
        face.runtime.create_service(face.node, ScheduleFault, names.SCHEDULE_FAULT, self._schedule)
        face.runtime.create_service(face.node, ListFaults, names.LIST_FAULTS, self._list)
        listen = face.runtime.to_loop(self._on_event)
        face.node.create_subscription(ProductionEvent, names.EVENTS, listen, qos.latched(KEPT_EVENTS))

    def _on_event(self, message: ProductionEvent) -> None:
        injections = self._plant.injections
        if message.kind == OperationStarted.kind:
            data = json.loads(message.data_json)
            injections.begins(data["attempt_id"], data["operation"], data["unit"], data["resources"])
        elif message.kind == OperationEnded.kind:
            injections.ends(json.loads(message.data_json)["attempt_id"])

    async def _schedule(self, request: ScheduleFault.Request, response: ScheduleFault.Response) -> ScheduleFault.Response:
        try:
            fault = checked(self._plant.line, self._fault_of(request.injection), "mock")
            if fault.fault in SIGNALS:
                self._schedule_strike(fault)
            self._plant.injections.schedule(fault)
            response.accepted = True
        except ValidationError as error:
            response.message = "; ".join(f"{_key(detail)}: {detail['msg']}" for detail in error.errors(include_url=False))
        except UsageError as error:
            response.message = str(error)
        return response

    async def _list(self, request: ListFaults.Request, response: ListFaults.Response) -> ListFaults.Response:
        found = {name: entry for name, entry in INJECTABLE.items() if "mock" in entry.worlds}
        response.faults = list(found)
        response.descriptions = [entry.sentence for entry in found.values()]
        waiting = self._plant.injections.scheduled
        response.scheduled = [self._message_of(one) for one in waiting]
        response.released = [one.released for one in waiting]
        return response

    def _fault_of(self, message: InjectedFault) -> ScheduledFault:
        if not 0.0 <= message.after < math.inf:
            raise UsageError(f"'after' is {message.after:g} s from now: it is 0 (at once) or more.")
        fault = ScheduledFault(
            fault=message.fault,
            where=message.where or None,
            after_s=self._plant.clock.now() + message.after if message.after else 0.0,
            nth=max(1, message.nth),
            times=max(1, message.times),
            operation=message.operation or None,
            unit=message.unit or None,
            condition=message.condition or None,
        )
        if math.isnan(message.value) or fault.fault not in INJECTABLE:
            return fault
        return with_size(fault, message.value)

    def _message_of(self, waiting: Waiting) -> InjectedFault:
        fault = waiting.fault
        return InjectedFault(
            fault=fault.fault,
            where=fault.where or "",
            after=max(0.0, fault.after_s - self._plant.clock.now()),
            nth=max(0, waiting.nth),
            times=fault.how_often,
            operation=fault.operation or "",
            unit=fault.unit or "",
            condition=fault.condition or "",
            value=fault.how_large if INJECTABLE[fault.fault].size else math.nan,
        )

    def _schedule_strike(self, fault: ScheduledFault) -> None:
        if self._strike is None:
            raise UsageError(f"'{fault.fault}' needs hardware in a process of its own; this one is inside another program.")
        self._face.keep(self._strike_when_due(self._strike, fault))

    async def _strike_when_due(self, strike: Strike, fault: ScheduledFault) -> None:
        """Ask again and again whether the time has come: nobody gives a process commands that could be counted."""
        while True:
            happening = self._plant.injections.due("node", "node", fault.fault, self._plant.clock.now())
            if happening is not None:
                strike(SIGNALS[happening.fault])
                return
            await asyncio.sleep(LOOK_S)


def _key(detail: object) -> str:
    return ".".join(map(str, detail["loc"]))  # type: ignore[index]
