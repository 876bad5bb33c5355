"""The change of a cell's line in ROS."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from microcell.errors import MicrocellError
from microcell.orchestration.controller import Controller
from microcell.ros import names
from microcell.ros.bounded import bounded
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.srv import ChangeLine


class LineInterface:
    """A part of `CellInterface`. Service: change_line. How far a change is, `cell_state` tells, and what a person has to do
    is asked on `questions`.
    """

    def __init__(self, runtime: RosRuntime, node: Node) -> None:
        self._runtime = runtime
        self._node = node

    def serve(self, controller: Controller) -> None:
        """Offer the service from now on."""
        self._change = controller.line_change
        self._runtime.create_service(self._node, ChangeLine, names.CHANGE_LINE, bounded(self._serve))

    async def _serve(self, request: Any, response: Any) -> Any:
        try:
            response.message, response.steps = await self._done(request)
            response.accepted = True
        except MicrocellError as error:
            response.message, response.accepted = str(error), False
        return response

    async def _done(self, request: Any) -> tuple[str, list[str]]:
        how = request.how or "drain"
        if request.cancel:
            return self._change.cancel(request.by), []
        if request.check:
            proposal = await self._change.propose(request.lines, how)
            return f"the cell can change to {', '.join(proposal.to)}", [step.text for step in proposal.steps]
        change = await self._change.begin(request.lines, how, request.by)
        return f"{change.number} to {', '.join(change.to)} has begun", [step.text for step in change.steps]
