"""Wear of every tool by its serial, folded from the journal: uses, torque over time, and how fast both grow."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import date

from microcell import events
from microcell.description.tool import ToolLife
from microcell.events import Event

RECENT_USES = 200
"""From so many last uses the rate is taken that the forecast goes by."""
TORQUE_TIME = "torque_time"
"""Measurements `<operation>.torque_time` tell the torque summed over time that an operation took, N.m.s."""
HOUR_S, DAY_S = 3600.0, 86_400.0
TOOLING_SKILLS = ("change_tool", "dock_tool", "settle_tool", "park", "stand_back")
"""Skills that do no work: they bring a tool, or move an arm out of the way."""


@dataclass
class ToolWear:
    """One serial: what it has done since it was new or renewed. `recent` has (Unix time s, torque-time N.m.s) of the
    last uses, `renewed_s` the Unix time at which a person last put it in anew. `out_of_service` is the reason why it is
    not to be used, "" when it may.
    """

    tool: str
    serial: str
    uses: int = 0
    torque_n_m_s: float = 0.0
    out_of_service: str = ""
    renewed_s: float | None = None
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=RECENT_USES))

    def used(self, unix_s: float, torque_n_m_s: float) -> None:
        """Count a use."""
        self.uses += 1
        self.torque_n_m_s += torque_n_m_s
        self.recent.append((unix_s, torque_n_m_s))

    def renew(self, unix_s: float) -> None:
        """Its life begins anew, calibrated; how fast it wears stays known."""
        self.uses, self.torque_n_m_s, self.renewed_s = 0, 0.0, unix_s


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a life. `uses_left` is None where no number of uses can be told, `hours_left` where no time can.

    `reached` says which limit is reached, in words; "" while none is. `calibration_due_s` is a Unix time, None for none.
    """

    uses_left: int | None = None
    hours_left: float | None = None
    calibration_due_s: float | None = None
    reached: str = ""


def remaining(life: ToolLife, wear: ToolWear, calibrated: date | None, unix_s: float) -> Remaining:
    """What is left of a tool's life at a Unix time, going by its last uses."""
    due_s = _calibration_due_s(life, wear, calibrated)
    uses_left = _uses_left(life, wear)
    hours = [] if due_s is None else [max(0.0, due_s - unix_s) / HOUR_S]
    rate = _uses_per_hour(wear)
    if uses_left is not None and rate > 0.0:
        hours.append(uses_left / rate)
    elif uses_left == 0:
        hours.append(0.0)
    return Remaining(uses_left, min(hours, default=None), due_s, _reached(life, wear, due_s, unix_s))


def reached(life: ToolLife, wear: ToolWear, calibrated: date | None, unix_s: float) -> str:
    """Which limit of a tool's life is reached at a Unix time, in words; "" while none is."""
    return _reached(life, wear, _calibration_due_s(life, wear, calibrated), unix_s)


def _calibration_due_s(life: ToolLife, wear: ToolWear, calibrated: date | None) -> float | None:
    if not life.calibration_days or calibrated is None:
        return None
    calibrated_s = (calibrated - date(1970, 1, 1)).days * DAY_S
    last_s = calibrated_s if wear.renewed_s is None else max(calibrated_s, wear.renewed_s)
    return last_s + life.calibration_days * DAY_S


@dataclass(frozen=True, slots=True)
class ToolLifeRow:
    """How worn a serial is, and what is left of its life when the journal ends (see `Remaining`)."""

    tool: str
    serial: str
    uses: int
    torque_n_m_h: float
    uses_left: int | None
    hours_left: float | None
    note: str


class ToolsFold:
    """Folds the wear of all tools, what is mounted, and steps of unfinished changes, out of events."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[ToolLife, date | None]] = {}
        self._now_s = 0.0
        self.wear: dict[str, ToolWear] = {}
        self.mounted: dict[str, events.ToolMounted] = {}
        self.steps: dict[str, events.ToolChangeStep] = {}
        self._epoch_s = 0.0
        self._arms: dict[str, str] = {}

    def apply(self, event: Event) -> None:
        """Take the next event into account."""
        self._now_s = self._epoch_s + event.time_s
        if isinstance(event, events.JournalOpened):
            self._open(event)
        elif isinstance(event, events.ToolMounted):
            self.mounted[event.arm] = event
            self.steps.pop(event.arm, None)
            if event.tool:
                self.of(event.tool, event.serial)
        elif isinstance(event, events.ToolChangeStep):
            self.steps[event.arm] = event
        elif isinstance(event, events.OperationStarted):
            if "arm" in event.resources and event.skill not in TOOLING_SKILLS:
                self._arms[event.attempt_id] = event.resources["arm"]
        elif isinstance(event, events.OperationEnded):
            self._ended(event)
        elif isinstance(event, events.ToolServiceChanged):
            self.of(event.tool, event.serial).out_of_service = "" if event.in_service else event.reason
        elif isinstance(event, events.ToolRenewed):
            self.of(event.tool, event.serial).renew(self._now_s)

    def of(self, tool: str, serial: str) -> ToolWear:
        """The wear of a serial; a new one has none."""
        return self.wear.setdefault(serial, ToolWear(tool, serial))

    def rows(self) -> tuple[ToolLifeRow, ...]:
        """All tools by serial, with what is left of their lives by the limits that the journal tells."""
        return tuple(self._row(wear) for _, wear in sorted(self.wear.items()))

    def _row(self, wear: ToolWear) -> ToolLifeRow:
        life, calibrated = self._limits.get(wear.serial, (ToolLife(), None))
        left = remaining(life, wear, calibrated, self._now_s)
        note = f"out of service: {wear.out_of_service}" if wear.out_of_service else left.reached
        torque_n_m_h = wear.torque_n_m_s / HOUR_S
        return ToolLifeRow(wear.tool, wear.serial, wear.uses, torque_n_m_h, left.uses_left, left.hours_left, note)

    def _open(self, event: events.JournalOpened) -> None:
        self._epoch_s = event.epoch_s
        for tool, serial, cycles, torque_n_m_h, days, calibrated in event.tools:
            life = ToolLife(cycles=cycles, torque_n_m_h=torque_n_m_h, calibration_days=days)
            self._limits[serial] = life, date.fromisoformat(calibrated) if calibrated else None
            self.of(tool, serial)

    def _ended(self, event: events.OperationEnded) -> None:
        mounted = self.mounted.get(self._arms.pop(event.attempt_id, ""))
        if mounted is None or not mounted.tool:
            return
        torque = sum(m["value"] or 0.0 for m in event.measurements if m["name"].endswith(f".{TORQUE_TIME}"))
        self.of(mounted.tool, mounted.serial).used(self._epoch_s + event.time_s, torque)


def _uses_left(life: ToolLife, wear: ToolWear) -> int | None:
    left = [max(0, life.cycles - wear.uses)] if life.cycles else []
    recent_n_m_s = sum(torque for _, torque in wear.recent)
    if life.torque_n_m_h:
        left_n_m_s = max(0.0, life.torque_n_m_h * HOUR_S - wear.torque_n_m_s)
        if recent_n_m_s > 0.0:
            left.append(int(left_n_m_s / (recent_n_m_s / len(wear.recent))))
        elif left_n_m_s == 0.0:
            left.append(0)
    return min(left, default=None)


def _uses_per_hour(wear: ToolWear) -> float:
    if len(wear.recent) < 2:
        return 0.0
    span_s = wear.recent[-1][0] - wear.recent[0][0]
    return (len(wear.recent) - 1) / span_s * HOUR_S if span_s > 0.0 else 0.0


def _reached(life: ToolLife, wear: ToolWear, due_s: float | None, unix_s: float) -> str:
    if 0 < life.cycles <= wear.uses:
        return f"{wear.uses} uses of {life.cycles}"
    torque_n_m_h = wear.torque_n_m_s / HOUR_S
    if 0.0 < life.torque_n_m_h <= torque_n_m_h:
        return f"{torque_n_m_h:.1f} N.m.h of {life.torque_n_m_h:.1f}"
    if due_s is not None and unix_s >= due_s:
        return f"calibration was due {(unix_s - due_s) / DAY_S:.1f} days ago"
    return ""
