"""A picture of quality: for each measured value its distribution with the limits, and its control chart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from microcell.errors import MissingCapabilityError, UsageError
from microcell.records.capability import capability
from microcell.records.control_chart import BEYOND_EWMA
from microcell.records.production import Production
from microcell.records.quality import BINS, LEAST_BASELINE, Judged, charted, series
from microcell.records.table_parts import gauge_unit, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg")
MOST_ROWS = 24
_ROW_INCHES, _WIDTH_INCHES = 1.7, 11.0
_VALUE, _MEAN, _LIMIT, _CONTROL, _OUT = "#8aa9c9", "#1f4e79", "#c00000", "#777777", "#e08000"


def draw_quality(production: Production, path: Path) -> int:
    """Draw every value that scatters, at most `MOST_ROWS` of them, into a PNG or SVG file; how many were drawn.

    `UsageError` for another ending, or where nothing was measured; `MissingCapabilityError` without matplotlib.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"'{path}' is no picture that can be drawn: end its name with {' or '.join(FORMATS)}.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingCapabilityError("pictures need matplotlib: pip install matplotlib") from error
    rows = [(judged, values) for judged, found in series(production).items() if _scatters(values := found.known)]
    rows = rows[:MOST_ROWS]
    if not rows:
        raise UsageError("there is nothing to draw: the journal has no measured values that differ.")
    figure = Figure(figsize=(_WIDTH_INCHES, _ROW_INCHES * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), 2, squeeze=False, width_ratios=(1, 2))
    for row, (judged, values) in enumerate(rows):
        shown, limits, unit = _in_unit(judged, values)
        _distribution(axes[row][0], judged[0], shown, limits, unit)
        _chart(axes[row][1], shown, limits)
    axes[-1][1].set_xlabel("value after value; grey: control limits, dark: weighted mean, orange: breaks a rule", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return len(rows)


Limits = tuple["float | None", "float | None"]


def _scatters(values: Sequence[float]) -> bool:
    return len(values) >= 5 and max(values) > min(values)


def _in_unit(judged: Judged, values: Sequence[float]) -> tuple[list[float], Limits, str]:
    _, unit, lower, upper = judged
    told = [abs(value) for value in (*values, lower, upper) if value is not None]
    shown_unit, scale = gauge_unit(unit, max(told))
    low, high = (None if limit is None else limit * scale for limit in (lower, upper))
    return [value * scale for value in values], (low, high), shown_unit


def _distribution(axes: Axes, name: str, values: Sequence[float], limits: Limits, unit: str) -> None:
    found = capability(values, *limits)
    index = f", Cpk {number(found.cpk.value)}" if found and found.cpk else ""
    axes.hist(values, bins=BINS, color=_VALUE)
    for limit in limits:
        if limit is not None:
            axes.axvline(limit, color=_LIMIT, linewidth=1.5)
    axes.set_title(f"{name}{'' if unit == '1' else f' [{unit}]'}: n {len(values)}{index}", fontsize=8, loc="left")
    axes.tick_params(labelsize=7)


def _chart(axes: Axes, values: Sequence[float], limits: Limits) -> None:
    chart, points = charted(values)
    axes.plot(range(len(values)), values, ".", color=_VALUE, markersize=3)
    told = [(place, point) for place, point in enumerate(points) if point is not None]
    axes.plot([place for place, _ in told], [point.ewma for _, point in told], color=_MEAN, linewidth=1)
    for side in ("ewma_low", "ewma_high"):
        axes.plot([place for place, _ in told], [getattr(point, side) for _, point in told], color=_CONTROL, linewidth=0.7)
    broken = [(place, point) for place, point in told if point.broken and point.broken != (BEYOND_EWMA,)]
    axes.plot([place for place, _ in broken], [point.value for _, point in broken], "x", color=_OUT, markersize=4)
    if chart.basis is None:
        why = f"too few values for limits: {LEAST_BASELINE} set them"
        axes.text(0.99, 0.95, why, transform=axes.transAxes, ha="right", va="top", fontsize=7, color=_CONTROL)
    else:
        for edge in chart.basis.limits():
            axes.axhline(edge, color=_CONTROL, linewidth=0.7, linestyle="dashed")
    low, high = axes.get_ylim()
    for limit in limits:
        if limit is not None and low - (high - low) <= limit <= high + (high - low):
            axes.axhline(limit, color=_LIMIT, linewidth=1.2)
    axes.tick_params(labelsize=7)
