"""One order as it is shown to the outside."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.faults import Fault
from microcell.orchestration.job_control import Job
from microcell.orchestration.work import OrderStatus, OrderWork


@dataclass(frozen=True)
class OrderView:
    """One order as it stands; times are cell time in s."""

    order_id: str
    product: str
    status: OrderStatus
    priority: int
    due_s: float | None
    accepted_s: float
    ended_s: float | None
    quantity: int
    in_work: int
    good: int
    scrapped: int
    reworked: int
    serials: tuple[str, ...]
    last_fault: Fault | None
    job: Job
    lines: tuple[tuple[str, int], ...]
    earliest_s: float | None
    promised_s: float | None
    shortages: tuple[str, ...]

    @property
    def progress_ratio(self) -> float:
        """Good units of the ordered ones."""
        return min(1.0, self.good / self.quantity) if self.quantity else 1.0

    @classmethod
    def of(cls, order: OrderWork, product: str, job: Job, promised_s: float | None, shortages: tuple[str, ...]) -> OrderView:
        """What is shown of an order, with its state in words of job control and what is to be expected."""
        return cls(
            order_id=order.order_id,
            product=product,
            status=order.status,
            priority=order.priority,
            due_s=order.due_s,
            accepted_s=order.accepted_s,
            ended_s=order.ended_s,
            quantity=order.quantity,
            in_work=len(order.in_work),
            good=len(order.good),
            scrapped=order.scrapped,
            reworked=order.reworked,
            serials=tuple(order.good),
            last_fault=order.last_fault,
            job=job,
            lines=order.lines,
            earliest_s=order.earliest_s,
            promised_s=promised_s,
            shortages=shortages,
        )
