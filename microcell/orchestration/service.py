"""Devices and tools in service and out of it: by a person's word, or because they failed too often."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from microcell.description.wording import choice as near_choice
from microcell.errors import UsageError
from microcell.events import DeliveryAnnounced
from microcell.faults import Fault
from microcell.orchestration.deliveries import MOST_PIECES
from microcell.orchestration.limits import check_text
from microcell.orchestration.questions import Question
from microcell.orchestration.shop import PUT_BACK, Shop

OUT_OF_SERVICE = ("DEVICE_OUT_OF_SERVICE", "TOOL_OUT_OF_SERVICE")


class Service:
    """What may be planned with. `wake` is called when something came back, or was answered."""

    def __init__(self, shop: Shop, wake: Callable[[], None]) -> None:
        self._shop = shop
        self._wake = wake

    def set_service(self, device: str, in_service: bool, reason: str = "") -> str:
        """Put a device or a tool out of service, so that nothing is planned with it, or back into it; `UsageError`."""
        shop, known = self._shop, self._shop.line.cell_description.devices
        if device not in known and device not in shop.tools.places:
            raise UsageError(f"there is no device '{device}'; {near_choice(device, [*known, *shop.tools.places])}")
        shop.set_service(device, in_service, reason or ("put back" if in_service else "put out of service by hand"))
        self._wake()
        return f"{device} is {'in' if in_service else 'out of'} service"

    def announce(self, part: str, quantity: int, reference: str = "") -> str:
        """Parts will come (a negative number: they will not): orders may count on them. `UsageError` says why not."""
        shop = self._shop
        if part not in shop.deliveries.parts:
            raise UsageError(f"no feeder of the line offers '{part}'; {near_choice(part, shop.deliveries.parts, 'part')}")
        if not quantity or abs(quantity) > MOST_PIECES:
            raise UsageError(f"{quantity} pieces: a number up to {MOST_PIECES}, not 0, is needed. Correct it.")
        check_text("the reference", reference)
        shop.record(DeliveryAnnounced(time_s=shop.clock.now(), part=part, quantity=quantity, reference=reference))
        self._wake()
        return f"{shop.deliveries.of(part)} of {part} are expected"

    def take_out(self, source: str, fault: Fault) -> None:
        """Take a source out of use that failed too often, and tell the operator."""
        shop = self._shop
        failures, uses = shop.sources.failures(source)
        reason = f"failed {failures} of its last {uses} uses, the last time with {fault.code}"
        shop.take_out(source, fault, reason)

    def cleared(self, faults: Iterable[Fault]) -> None:
        """A person lets the cell go on after faults: what the cell itself took out of use is tried again, unless somebody
        has answered its notice.
        """
        noticed = {question.device for question in self._shop.questions.open() if question.device}
        for fault in list(faults):
            if fault.code in OUT_OF_SERVICE and fault.where in noticed:
                self.set_service(fault.where, True, "its fault was cleared")

    def answer(self, number: str, choice: str, by: str = "") -> Question:
        """Answer a question; `UsageError` says why not."""
        question = self._shop.questions.answer(number, choice, by)
        if question.device and choice == PUT_BACK:
            self.set_service(question.device, True, f"answer of {question.by} to {number}")
        self._wake()
        return question
