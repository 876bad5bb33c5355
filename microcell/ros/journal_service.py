"""What a running cell offers for its journal."""

from __future__ import annotations

import asyncio
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from microcell.errors import JournalError
from microcell.records.journal import Journal
from microcell.records.segments import begin_rotation, finish_rotation
from microcell.ros import names
from microcell.ros.runtime import RosRuntime


class JournalService:
    """Service rotate_journal (std_srvs/Trigger) of the orchestrator: leave what is written to a file beside the journal.

    The cell goes on meanwhile: copying is done in a thread of its own, only the change itself on the event loop.
    """

    def __init__(self, runtime: RosRuntime, node: Node, journal: Journal) -> None:
        self._journal = journal
        self._rotating = False
        runtime.create_service(node, Trigger, names.ROTATE_JOURNAL, self._rotate)

    async def _rotate(self, _request: Any, response: Any) -> Any:
        if self._rotating:
            response.message = "the journal is being rotated already: wait for that"
            return response
        self._rotating = True
        try:
            copy = await asyncio.to_thread(begin_rotation, self._journal.path)
            response.message = f"written so far: {finish_rotation(self._journal, copy)}"
            response.success = True
        except JournalError as error:
            response.message = str(error)
        finally:
            self._rotating = False
        return response
