"""A picture of a shift: which resource worked on which unit, when, and in which state the cell was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcell.errors import MissingCapabilityError, UsageError
from microcell.events import Event
from microcell.records.production import Production, fold
from microcell.records.report import report
from microcell.records.units import Attempt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
WINDOW_S = 1800.0
"""So much of a longer journal is drawn, from its first operation on, unless a window is asked for."""

_MINUTES_FROM_S = 300.0
_DOUBT_SHARE = 0.03
_KINDS_FIRST = ("arm", "fixture", "camera")
_BAR_HEIGHT = 0.62
_PALETTE = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377",
    "#ee7733", "#009988", "#bb5566", "#7766bb", "#88aa33", "#997755",
)  # fmt: skip
"""After Paul Tol's qualitative schemes, as far as twelve colours can be told apart by all."""

_SET_UP = "#d5d8dc"
_FAULT = "#c00000"
_STATE_COLOURS = {
    "Execute": "#7cc294", "Idle": "#d5d8dc", "Complete": "#a9c9e8", "Stopped": "#a3a8ae",
    "Offline": "#ffffff", "Held": "#f0b43c", "Suspended": "#f5d76e", "Aborted": "#d9776c",
    "Aborting": "#e8a79f",
}  # fmt: skip
_STATE_OTHER = "#e4d5b7"  # the states that the cell only passes through


@dataclass(frozen=True, slots=True)
class _Chart:
    """What is drawn: attempts in the window, the row of each resource, and the colours of units or skills."""

    production: Production
    start_s: float
    end_s: float
    scale: float
    attempts: tuple[Attempt, ...]
    rows: dict[str, int]
    colours: dict[str, str]
    by_unit: bool

    def at(self, time_s: float) -> float:
        """A time, cut to the window, in the unit of the axis."""
        return min(max(time_s, self.start_s), self.end_s) * self.scale

    @property
    def least(self) -> float:
        """The least width of a bar: an instant is to be seen too."""
        return (self.end_s - self.start_s) * self.scale / 700

    def colour(self, attempt: Attempt) -> str:
        return self.colours[attempt.unit if self.by_unit else attempt.skill]


def draw_gantt(
    source: Path | Production | Iterable[Event], path: Path | str, window_s: tuple[float, float] | None = None
) -> Path:
    """Draw a journal, what was folded from one, or events as a Gantt chart; return where it is.

    It is a PNG or SVG by the ending of `path`.

    One row for each resource. Bars have the colour of their unit (of their skill where there are more units
    than colours); tool changes and other set-up are grey and hatched; a pale band shows a unit that stands in
    a fixture. `window_s` is (start, end) in production time; without it all, or `WINDOW_S` from the first operation on.
    Errors: `UsageError` for another ending, an empty window or an unwritable file, `MissingCapabilityError`
    without matplotlib.
    """
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        allowed = " or ".join(FORMATS)
        raise UsageError(f"a Gantt chart is drawn as {allowed}, not '{target.name}': change the ending")
    production = _production(source)
    chart = _chart(production, window_s or _window(production))
    try:
        import matplotlib
    except ImportError as error:
        raise MissingCapabilityError("a Gantt chart needs matplotlib: pip install matplotlib") from error
    with matplotlib.rc_context({"svg.hashsalt": "microcell", "font.size": 9, "hatch.linewidth": 0.6}):
        _save(_figure(chart), target)
    return target


def _production(source: Path | Production | Iterable[Event]) -> Production:
    if isinstance(source, Path):
        return report(source).production
    return source if isinstance(source, Production) else fold(source)


def _save(figure: Figure, target: Path) -> None:
    """Write the file, an SVG without its date, so that the same journal gives the same picture."""
    undated = {"Date": None} if target.suffix.lower() == ".svg" else {}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=150, metadata=undated)
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}): name another file") from error


def _window(production: Production) -> tuple[float, float]:
    """All of it, with some room for what was begun last and never ended, or `WINDOW_S` from the first operation on."""
    if not production.attempts:
        raise UsageError("no operation was begun yet, so that there is no Gantt chart to draw: draw it later")
    end_s = production.last_s * (1.0 + _DOUBT_SHARE if production.in_doubt else 1.0)
    start_s = production.attempts[0].started_s if end_s > WINDOW_S else 0.0
    return start_s, min(end_s, start_s + WINDOW_S)


def _chart(production: Production, window_s: tuple[float, float]) -> _Chart:
    start_s, end_s = window_s
    attempts = tuple(a for a in production.attempts if a.started_s < end_s and (a.ended_s is None or a.ended_s > start_s))
    if not attempts:
        raise UsageError(f"nothing was done between {start_s:g} s and {end_s:g} s: choose another window")
    units = tuple(dict.fromkeys(a.unit for a in attempts if a.unit))
    by_unit = len(units) <= len(_PALETTE)
    coloured = units if by_unit else tuple(sorted({a.skill for a in attempts if a.unit}))
    colours = dict(zip(coloured, islice(cycle(_PALETTE), len(coloured)), strict=True))
    scale = 1 / 60 if end_s - start_s > _MINUTES_FROM_S else 1.0
    return _Chart(production, start_s, end_s, scale, attempts, _rows(attempts), colours, by_unit)


def _rows(attempts: Iterable[Attempt]) -> dict[str, int]:
    """A row for each resource: arms above, then fixtures and cameras, then the others by name."""
    kinds = {name: kind for attempt in attempts for kind, name in attempt.resources.items()}

    def rank(name: str) -> tuple[int, str]:
        kind = kinds[name]
        return (_KINDS_FIRST.index(kind) if kind in _KINDS_FIRST else len(_KINDS_FIRST), name)

    return {name: row for row, name in enumerate(sorted(kinds, key=rank))}


def _figure(chart: _Chart) -> Figure:
    from matplotlib.figure import Figure

    height_in = 1.9 + 0.42 * len(chart.rows)
    figure = Figure(figsize=(14, height_in), layout="constrained")
    work, states = figure.subplots(2, 1, sharex=True, height_ratios=(len(chart.rows), 0.55))
    _draw_stays(work, chart)
    _draw_bars(work, chart)
    _draw_faults(work, chart)
    _draw_states(states, chart)
    _dress(work, states, chart)
    return figure


def _draw_stays(axes: Axes, chart: _Chart) -> None:
    """Pale bands from a unit's first to its last operation in a fixture, with the end of its serial."""
    plate = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"}
    for (unit, fixture), (start_s, end_s) in _stays(chart).items():
        left, right, row = chart.at(start_s), chart.at(end_s), chart.rows[fixture]
        colour = chart.colours[unit] if chart.by_unit else _SET_UP
        axes.broken_barh([(left, right - left)], (row - 0.44, 0.88), facecolor=colour, alpha=0.22, zorder=1)
        if end_s - start_s > (chart.end_s - chart.start_s) / 40:
            short = unit.rsplit("-", 1)[-1].lstrip("0") or unit
            at = ((left + right) / 2, row)
            axes.text(*at, short, ha="center", va="center", zorder=4, fontsize=8, weight="bold", bbox=plate)


def _stays(chart: _Chart) -> dict[tuple[str, str], tuple[float, float]]:
    stays: dict[tuple[str, str], tuple[float, float]] = {}
    for attempt in chart.attempts:
        fixture = attempt.resources.get("fixture")
        if fixture and attempt.unit:
            end_s = chart.end_s if attempt.ended_s is None else attempt.ended_s
            start_s, before_s = stays.get((attempt.unit, fixture), (attempt.started_s, end_s))
            stays[attempt.unit, fixture] = (start_s, max(before_s, end_s))
    return stays


def _draw_bars(axes: Axes, chart: _Chart) -> None:
    """All bars of one look at a time: thousands of single ones would be slow."""
    looks: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
    for attempt in chart.attempts:
        left = chart.at(attempt.started_s)
        right = chart.at(attempt.outcomes[0].time_s if attempt.outcomes else chart.end_s)
        span = (left, max(right - left, chart.least))
        colour = chart.colour(attempt) if attempt.unit else _SET_UP
        look = "doubt" if attempt.ended is None else "work" if attempt.unit else "set-up"
        for name in attempt.resources.values():
            looks.setdefault((look, colour, chart.rows[name]), []).append(span)
    for (look, colour, row), spans in looks.items():
        axes.broken_barh(spans, (row - _BAR_HEIGHT / 2, _BAR_HEIGHT), **_style(look, colour), zorder=2)


def _style(look: str, colour: str) -> dict[str, Any]:
    if look == "doubt":
        return {"facecolor": "white", "edgecolor": _FAULT, "linestyle": "--", "linewidth": 1.0}
    if look == "set-up":
        return {"facecolor": _SET_UP, "edgecolor": "#8b9096", "hatch": "////", "linewidth": 0.4}
    return {"facecolor": colour, "edgecolor": "white", "linewidth": 0.3}


def _draw_faults(axes: Axes, chart: _Chart) -> None:
    """A cross where an operation ended in a fault, on the row of the device that saw it if it has one."""
    points = []
    for attempt in chart.attempts:
        for told in attempt.outcomes if attempt.resources else ():
            if told.fault and told.time_s <= chart.end_s:
                where = told.fault.get("where", "")
                seen_by = where if where in chart.rows else next(iter(attempt.resources.values()))
                points.append((chart.at(told.time_s), chart.rows[seen_by]))
    for event in chart.production.cell_faults:
        if chart.start_s <= event.time_s <= chart.end_s:
            points.append((chart.at(event.time_s), chart.rows.get(event.fault.get("where", ""), 0)))
    if points:
        times, rows = zip(*points, strict=True)
        axes.scatter(times, rows, marker="X", s=70, color=_FAULT, edgecolor="white", linewidth=0.8, zorder=5)


def _draw_states(axes: Axes, chart: _Chart) -> None:
    """The strip of PackML states; a state is named where its name has room."""
    for span in chart.production.spans:
        if span.end_s <= chart.start_s or span.start_s >= chart.end_s:
            continue
        left, right = chart.at(span.start_s), chart.at(span.end_s)
        colour = _STATE_COLOURS.get(span.state, _STATE_OTHER)
        span_at = ([(left, right - left)], (-0.4, 0.8))
        axes.broken_barh(*span_at, facecolor=colour, edgecolor="#8b9096", linewidth=0.4)
        if (right - left) / chart.scale > (chart.end_s - chart.start_s) / 20:
            axes.text((left + right) / 2, 0, span.state, ha="center", va="center", fontsize=8)


def _dress(work: Axes, states: Axes, chart: _Chart) -> None:
    """Axes, title and legend."""
    work.set_yticks(list(chart.rows.values()), list(chart.rows))
    work.set_ylim(len(chart.rows) - 0.4, -0.6)
    states.set_yticks([0], ["state"])
    states.set_ylim(-0.5, 0.5)
    states.set_xlim(chart.start_s * chart.scale, chart.end_s * chart.scale)
    states.set_xlabel("time [min]" if chart.scale < 1 else "time [s]")
    for axes in (work, states):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    states.tick_params(axis="x", length=3)
    work.grid(axis="x", color="#e6e8eb", zorder=0)
    work.set_axisbelow(True)
    work.set_title(_title(chart), loc="left", fontsize=10)
    beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    work.legend(handles=_legend(chart), frameon=False, fontsize=8, **beside)


def _title(chart: _Chart) -> str:
    openings = chart.production.openings
    line = f"Line {openings[-1].line}, " if openings else ""
    whole_s = chart.production.last_s
    shown = f"all {whole_s / 60:.1f} min"
    if chart.start_s > 0 or chart.end_s < whole_s:
        shown = f"{chart.start_s / 60:.1f} to {chart.end_s / 60:.1f} min of {whole_s / 60:.1f} min"
    return f"{line}{len({a.unit for a in chart.attempts if a.unit})} units, {shown}"


def _legend(chart: _Chart) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(facecolor=colour, label=name) for name, colour in chart.colours.items()]
    if any(not attempt.unit for attempt in chart.attempts):
        handles.append(Patch(**_style("set-up", _SET_UP), label="tool change, set-up"))
    if any(attempt.ended is None for attempt in chart.attempts):
        handles.append(Patch(**_style("doubt", ""), label="outcome not recorded"))
    if any(attempt.fault_code for attempt in chart.attempts) or chart.production.cell_faults:
        handles.append(Line2D([], [], marker="X", color=_FAULT, linestyle="", label="fault"))
    return handles
