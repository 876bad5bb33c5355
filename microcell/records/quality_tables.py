"""The report's part on quality, as text: capability with a histogram in characters, drift, and verdicts beside the truth."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from microcell.records.capability import Index
from microcell.records.quality import LEAST_BASELINE, Histogram, Quality
from microcell.records.table_parts import number, percent, print_table, table_of

_BARS = " ▁▂▃▄▅▆▇█"


def print_quality(quality: Quality, console: Console) -> None:
    """Print what there is to say about quality."""
    print_table(_capability(quality), console)
    print_table(_control(quality), console)
    _print_unjudged(quality, console)
    print_table(_verified(quality), console)
    if quality.verdicts is not None:
        found = quality.verdicts
        good = found.units - found.bad
        console.print(
            f"Beside the plant's truth: {found.escapes} of {found.bad} bad units escaped ("
            f"{percent(found.escapes / found.bad if found.bad else None)}), {found.false_rejects} of {good} good ones "
            f"rejected ({percent(found.false_rejects / good if good else None)})",
            highlight=False,
        )
        if found.escaped:
            console.print(f"Escaped: {escape(', '.join(found.escaped))}", highlight=False)
        console.print("")


def bars(histogram: Histogram | None) -> str:
    """A histogram in characters, one for each bin; a bin that is not empty has at least the lowest bar."""
    if histogram is None:
        return ""
    most = max(histogram.counts)
    return "".join(_BARS[0 if not n else max(1, round(n / most * (len(_BARS) - 1)))] for n in histogram.counts)


def _capability(quality: Quality) -> Table:
    """Cp and Cpk with the scatter from unit to unit, Ppk with all of it; +/- is half of the 95 % confidence interval."""
    columns = ("what", ">n", "min...max", ">Cp", ">Cpk", ">Ppk", ">skew")
    table = table_of("Capability", *columns)
    for check in quality.checks:
        found = check.capability
        if found is not None:
            indices = (number(found.cp.value if found.cp else None), _index(found.cpk), _index(found.ppk))
            shown = (str(found.count), bars(check.histogram), *indices, number(found.skewness, 2))
            table.add_row(escape(check.name), *shown)
    return table


def _control(quality: Quality) -> Table:
    """Only what is not quite in order, of values that passed."""
    table = table_of("Control charts", "what", ">values", ">EWMA out", "rules broken", ">uncertain", ">drifts")
    for check in quality.checks:
        chart = check.chart
        if chart.ewma_out or chart.broken or chart.drifts or check.uncertain:
            rules = ", ".join(f"{rule}: {count}" for rule, count in chart.broken.items()) or "-"
            judged = (str(chart.ewma_out), rules) if chart.unjudged < chart.charted else ("-", "too few values")
            table.add_row(escape(check.name), str(chart.charted), *judged, str(check.uncertain), str(chart.drifts))
    return table


def _print_unjudged(quality: Quality, console: Console) -> None:
    """Which values could not be looked at for rules, that their silence is not taken for order."""
    lacking = [check for check in quality.checks if check.chart.unjudged]
    if lacking:
        told = ", ".join(f"{check.name} ({check.chart.unjudged} of {check.chart.charted})" for check in lacking)
        need = f"more than {LEAST_BASELINE} of a variant and station"
        console.print(f"Too few values for a control chart, which needs {need}: {escape(told)}", highlight=False)


def _verified(quality: Quality) -> Table:
    """One row a check, where the truth is known."""
    table = table_of("Checks beside the plant's truth", "what", ">bad at its site", ">escaped", ">good units", ">rejected")
    for check in quality.checks:
        if check.verified is not None:
            v = check.verified
            table.add_row(escape(check.name), str(v.bad), str(v.escapes), str(v.good), str(v.false_rejects))
    return table


def _index(index: Index | None) -> str:
    return "-" if index is None else f"{number(index.value)} +/- {number((index.high - index.low) / 2.0, 2)}"
