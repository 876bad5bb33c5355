"""An order's state in the words of ISA-95 job control (OPC 10031-4, as OPC 40001-3 uses it for machines)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from microcell.orchestration.work import OrderStatus, OrderWork


class JobState(IntEnum):
    """States by the numbers of OPC 10031-4."""

    NOT_ALLOWED_TO_START = 1
    ALLOWED_TO_START = 2
    RUNNING = 3
    INTERRUPTED = 4
    ENDED = 5
    ABORTED = 6

    @property
    def title(self) -> str:
        """The standard's spelling: AllowedToStart."""
        return "".join(word.capitalize() for word in self.name.split("_"))


WORKING = ("Execute", "Starting", "Completing", "Idle", "Resetting", "Complete", "Unholding", "Unsuspending")
"""PackML states of the cell in which orders go on, or would as soon as there are any."""


@dataclass(frozen=True)
class Job:
    """State and sub state, "" where the standard has none."""

    state: JobState
    sub_state: str = ""
    why: str = ""


def job_of(order: OrderWork, cell_state: str, goes_first: str = "", waits_for: str = "") -> Job:
    """The job state of an order.

    `goes_first` is a more urgent order that interrupts it, `waits_for` what it has to wait for before it can start.
    """
    if order.status is OrderStatus.COMPLETED:
        return Job(JobState.ENDED, "Completed", order.reason)
    if order.status.ended:
        return Job(JobState.ABORTED, "", order.reason)
    paused = order.status is OrderStatus.PAUSED
    if not order.untouched:
        suspended = Job(JobState.INTERRUPTED, "Suspended", order.reason or "paused")
        return suspended if paused else _begun(order, cell_state, goes_first)
    sub_state = "Waiting" if waits_for else "Ready"
    if not order.allowed or paused:
        return Job(JobState.NOT_ALLOWED_TO_START, sub_state, waits_for or order.reason)
    return Job(JobState.ALLOWED_TO_START, sub_state, waits_for)


def _begun(order: OrderWork, cell_state: str, goes_first: str) -> Job:
    if cell_state not in WORKING:
        return Job(JobState.INTERRUPTED, "Held", f"the cell is {cell_state}")
    if goes_first:
        return Job(JobState.INTERRUPTED, "Suspended", f"order '{goes_first}' goes first")
    leaving = "being cancelled" if order.cancelling else "being stopped" if order.stopping else ""
    return Job(JobState.RUNNING, "", leaving)
