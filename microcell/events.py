"""Every fact that the journal can hold: one frozen class for each kind of event.

An event carries only data of JSON's types, so that the journal needs no reader of its own: `as_data` and `from_data` are
each other's inverse. Times are cell time in seconds; `JournalOpened.epoch_s` turns them into dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from microcell.change_events import FirstArticleJudged as FirstArticleJudged  # noqa: PLC0414 - exported
from microcell.change_events import LineChangeBegun as LineChangeBegun  # noqa: PLC0414 - exported
from microcell.change_events import LineChangeEnded as LineChangeEnded  # noqa: PLC0414 - exported
from microcell.change_events import LineChangeStepEnded as LineChangeStepEnded  # noqa: PLC0414 - exported
from microcell.change_events import LinesChanged as LinesChanged  # noqa: PLC0414 - exported
from microcell.event import Event as Event  # noqa: PLC0414 - exported
from microcell.event import canonical as canonical  # noqa: PLC0414 - exported

Chains = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
"""Plans: of each chain its product, its operations, which follow each other with a part in the hand, and all before it."""


@dataclass(frozen=True, kw_only=True)
class JournalOpened(Event):
    """A controller began to write; several in one journal mean restarts.

    `tools` has tool, serial, cycles, torque_n_m_h, calibration_days and the day of the last calibration ("" for none) of
    each tool in the cribs: the limits that its life is judged by. So many of the newest `pictures` of inspections are kept.
    `also` are the other lines of the cell, each with its product and its ideal cycle, s. `chains` are their plans.
    """

    kind: ClassVar[str] = "journal.opened"
    cell: str
    line: str
    product: str
    world: str
    camera: str
    seed: int
    epoch: int
    epoch_s: float
    ideal_cycle_s: float
    release: str
    tools: tuple[tuple[str, str, int, float, int, str], ...] = ()
    pictures: int = 0
    also: tuple[tuple[str, str, float], ...] = ()
    chains: Chains = ()


@dataclass(frozen=True, kw_only=True)
class StateChanged(Event):
    """The cell's PackML state changed."""

    kind: ClassVar[str] = "state.changed"
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StationStateChanged(Event):
    """A person's PackML command led a station to an acting state; what it does by itself follows from other events."""

    kind: ClassVar[str] = "station.changed"
    station: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModeChanged(Event):
    """The PackML mode of the cell (`unit` is "") or of a station changed."""

    kind: ClassVar[str] = "mode.changed"
    unit: str
    mode: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderAccepted(Event):
    """An order is in; `lines` are (variant, quantity) pairs, `substitutes` (variant, those that may stand in for it)."""

    kind: ClassVar[str] = "order.accepted"
    order_id: str
    product: str
    lines: tuple[tuple[str, int], ...]
    priority: int
    due_s: float | None
    replace_scrapped: bool
    allowed: bool = True
    earliest_s: float | None = None
    substitutes: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class OrderUpdated(Event):
    """An order that had not ended was changed; the lines are all of its lines from now on."""

    kind: ClassVar[str] = "order.updated"
    order_id: str
    lines: tuple[tuple[str, int], ...]
    priority: int
    due_s: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderControlled(Event):
    """An order was stored, allowed to start, paused, resumed, cancelled, stopped, completed or failed."""

    kind: ClassVar[str] = "order.controlled"
    order_id: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class UnitStarted(Event):
    """A unit got its serial and is in work."""

    kind: ClassVar[str] = "unit.started"
    unit: str
    order_id: str
    variant: str
    product: str = ""


@dataclass(frozen=True, kw_only=True)
class UnitEnded(Event):
    """A unit left: good (packed) or scrapped."""

    kind: ClassVar[str] = "unit.ended"
    unit: str
    order_id: str
    disposition: str
    reason: str
    carton: str


@dataclass(frozen=True, kw_only=True)
class OperationStarted(Event):
    """Intent: durable before anything moves. `unit` is "" for set-up work such as a tool change.

    `changed` are the parameters in which this attempt differs from the operation's usual ones: its other approach.
    """

    kind: ClassVar[str] = "operation.started"
    unit: str
    operation: str
    skill: str
    attempt_id: str
    resources: dict[str, str]
    changed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperationEnded(Event):
    """Outcome: succeeded, fault, cancelled or rejected. Measurements are plain `Measurement` fields.

    `motion_s` is the part of `duration_s` in which an arm moved. `parts` (part, lot) were taken from feeders; `thrown_away`:
    what the hand had last, of this attempt or of one before, went into a bin (None: an older release did not say).
    `inspection` says how an inspection came to its verdict: looks, evidence, and the checks that were not accepted or found
    something (`skills/report_data.py`).
    """

    kind: ClassVar[str] = "operation.ended"
    unit: str
    operation: str
    skill: str
    attempt_id: str
    outcome: str
    message: str
    duration_s: float
    fault: dict[str, Any] | None = None
    disposition: str = ""
    measurements: tuple[dict[str, Any], ...] = ()
    failed_checks: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    thrown_away: bool | None = None
    tool_serial: str = ""
    carton: str = ""
    image_sha256: str = ""
    motion_s: float = 0.0
    inspection: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RecoveryDecided(Event):
    """What the cell does about a fault or a rejected inspection.

    `redo` are the operations of a rework that no inspection asked for, `barred` what is to be exchanged (`other`). A
    decision that follows from an answer has the question's id, and who answered.
    """

    kind: ClassVar[str] = "recovery.decided"
    unit: str
    operation: str
    code: str
    action: str
    reason: str
    redo: tuple[str, ...] = ()
    barred: str = ""
    question: str = ""
    answered_by: str = ""


@dataclass(frozen=True, kw_only=True)
class QuestionAsked(Event):
    """The cell asks a person to decide. `unit` is "" where nothing waits for the answer: a notice about `device`.

    `default` is taken after `after_s` of cell time; "" where the cell waits for ever.
    """

    kind: ClassVar[str] = "question.asked"
    question: str
    unit: str
    operation: str
    fault: dict[str, Any]
    text: str
    choices: tuple[str, ...]
    consequences: tuple[str, ...]
    default: str = ""
    after_s: float | None = None
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class QuestionAnswered(Event):
    """A question is settled. `by` is who answered, or `default`; `choice` is "" where it fell away."""

    kind: ClassVar[str] = "question.answered"
    question: str
    choice: str
    by: str


@dataclass(frozen=True, kw_only=True)
class DeviceServiceChanged(Event):
    """A device was put out of service or back into it; `code` is the fault for which the cell did it by itself."""

    kind: ClassVar[str] = "device.service"
    device: str
    in_service: bool
    reason: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class ToolMounted(Event):
    """What is on an arm's flange from now on ("" = nothing)."""

    kind: ClassVar[str] = "tool.mounted"
    arm: str
    tool: str
    serial: str


@dataclass(frozen=True, kw_only=True)
class ToolChangeStep(Event):
    """A micro-step of a tool change, durable before it is done; `pocket` counts from 1, 0 where the step has none."""

    kind: ClassVar[str] = "tool.step"
    attempt_id: str
    arm: str
    step: str
    tool: str
    serial: str
    crib: str
    pocket: int


@dataclass(frozen=True, kw_only=True)
class ToolServiceChanged(Event):
    """A tool was put out of service or back into it."""

    kind: ClassVar[str] = "tool.service"
    tool: str
    serial: str
    in_service: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class ToolRenewed(Event):
    """A person told that a tool was overhauled, calibrated or replaced: its life begins anew."""

    kind: ClassVar[str] = "tool.renewed"
    tool: str
    serial: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class FeederEmptied(Event):
    """A feeder was found without parts."""

    kind: ClassVar[str] = "feeder.emptied"
    feeder: str
    part: str


@dataclass(frozen=True, kw_only=True)
class FeederRefilled(Event):
    """Parts were brought to a feeder, `added` of them."""

    kind: ClassVar[str] = "feeder.refilled"
    feeder: str
    part: str
    lot: str
    level: int
    added: int = 0


@dataclass(frozen=True, kw_only=True)
class DeliveryAnnounced(Event):
    """Somebody told that parts will come; a negative number calls some off."""

    kind: ClassVar[str] = "delivery.announced"
    part: str
    quantity: int
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessDrift(Event):
    """A measured value drifts towards its limit, or no longer does (`drifting` is False, `fault` is None).

    Its weighted mean has come from the `centre` to `mean`, which uses up `used_ratio` of the way to the `limit`; all in
    `unit_of_value`. `sd` is the standard deviation of single values, `unit` the one whose value told it.
    """

    kind: ClassVar[str] = "process.drift"
    measurement: str
    variant: str
    station: str
    drifting: bool
    unit: str
    mean: float
    centre: float
    sd: float
    limit: float
    used_ratio: float
    unit_of_value: str
    reason: str
    fault: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class FaultRaised(Event):
    """A fault that belongs to the cell, not to one operation."""

    kind: ClassVar[str] = "fault.raised"
    fault: dict[str, Any]


def moved(event: Event, by_s: float) -> Event:
    """The same event as a clock tells it that shows so much more: its time, and the dates in it."""
    if by_s == 0.0:
        return event
    dates: dict[str, Any] = {}
    if isinstance(event, (OrderAccepted, OrderUpdated)) and event.due_s is not None:
        dates["due_s"] = event.due_s + by_s
    if isinstance(event, OrderAccepted) and event.earliest_s is not None:
        dates["earliest_s"] = event.earliest_s + by_s
    return replace(event, time_s=event.time_s + by_s, **dates)
