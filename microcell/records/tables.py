"""The report as text, with rich. Every part is left out where there is nothing to say."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from microcell.records.kpis import CheckSpread, Kpis, Yield
from microcell.records.packml import PRODUCTION
from microcell.records.quality_tables import print_quality
from microcell.records.questions import QuestionRow
from microcell.records.report import Digest, Header, OrderRow, Report, UnitRow
from microcell.records.table_parts import duration, gauge_unit, limits_in_words, number, percent, print_table, table_of

ROWS_SHOWN = 20

CAMERAS = {
    "modelled": "modelled camera (no images: readings drawn around the truth with measured errors)",
    "rendered": "rendered camera (images are drawn of the simulated parts, then judged)",
}
OWN_CAMERAS = {"gazebo": "Gazebo's cameras (their images are judged)", "real": "its own cameras"}
"""Worlds whose images do not come from the simulated plant."""


def print_report(report: Report, console: Console, all_units: bool = False) -> None:
    """Print all parts of a report; without `all_units`, at most `ROWS_SHOWN` rows of units and of lots."""
    rows_shown = None if all_units else ROWS_SHOWN
    _print_header(report.header, console)
    for part in (_orders, _variants):
        print_table(part(report), console)
    _print_figures(report.kpis, console)
    for table in (_times, _work_time, _states, _resources, _faults, _rejections, _tools, _tool_life, _checks):
        print_table(table(report.kpis), console)
    print_quality(report.quality, console)
    print_table(_packml(report), console)
    _print_lots(report.kpis, console, rows_shown)
    _print_units(report.units, console, rows_shown)
    print_table(_changes(report), console)
    _print_questions(report.questions, console, rows_shown)
    print_table(_doubts(report), console)
    _print_digest(report.digest, console)


def _print_header(header: Header | None, console: Console) -> None:
    if header is None:
        console.print("[bold]No controller has opened this journal yet.[/bold]")
        return
    runs = "" if header.runs == 1 else f", {header.runs} controller runs"
    reason = f" ({escape(header.state_reason)})" if header.state_reason else ""
    line, cell, product, state = map(escape, (header.line, header.cell, header.product, header.state))
    camera = escape(OWN_CAMERAS.get(header.world) or CAMERAS.get(header.camera, header.camera))
    seed = "" if header.world == "real" else f", seed {header.seed}"
    for text in (
        f"[bold]Line {line}[/bold], cell {cell}, product {product}",
        f"World: {escape(header.world)}, {camera}{seed}",
        f"microcell {escape(header.release)}, began {header.began}, {duration(header.last_s)} recorded{runs}",
        f"State: {state}{reason}\n",
    ):
        console.print(text, highlight=False, soft_wrap=True)


def _packml(report: Report) -> Table:
    """Counts and times in state of the cell and of each station that was used."""
    columns = ("unit", ">done", ">bad", ">Execute", ">Idle", ">Suspended", ">Held", ">other")
    table = table_of("PackML units", *columns)
    for unit in report.packml:
        shown = [unit.state_s.get(name, 0.0) for name in ("Execute", "Idle", "Suspended", "Held")]
        times = (*shown, max(0.0, sum(unit.state_s.values()) - sum(shown)))
        counts, mode = (str(unit.processed), str(unit.defective)), "" if unit.mode == PRODUCTION else f" ({unit.mode})"
        table.add_row((escape(unit.unit) or "the cell") + mode, *counts, *map(duration, times))
    return table


def _orders(report: Report) -> Table:
    dated = any(order.late_s is not None for order in report.orders)
    columns = ("order", "state", ">ordered", ">good", ">scrapped", ">reworked", ">in work", ">took")
    table = table_of("Orders", *columns, *([">due"] if dated else []))
    for order in report.orders:
        took = None if order.ended_s is None else order.ended_s - order.accepted_s
        counts = (order.quantity, order.good, order.scrapped, order.reworked, order.in_work)
        row = (escape(order.order_id), order.state, *map(str, counts), duration(took))
        table.add_row(*row, *([_due(order)] if dated else []))
    return table


def _due(order: OrderRow) -> str:
    """Whether an order was, or is by now, in time."""
    if order.late_s is None:
        return "-"
    if order.late_s > 0.0:
        return f"{duration(order.late_s)} late"
    return "in time" if order.ended_s is not None else f"in {duration(-order.late_s)}"


def _variants(report: Report) -> Table:
    table = table_of("Variants", "variant", ">begun", ">good", ">scrapped", ">first-pass yield", ">final yield")
    for name, yields in report.kpis.variants.items():
        table.add_row(escape(name), *_yield_cells(yields))
    if len(report.kpis.variants) > 1:
        table.add_section()
        table.add_row("all", *_yield_cells(report.kpis.yields))
    return table


def _yield_cells(yields: Yield) -> tuple[str, ...]:
    counts = (str(yields.started), str(yields.good), str(yields.scrapped))
    return (*counts, percent(yields.first_pass_yield), percent(yields.final_yield))


def _print_figures(kpis: Kpis, console: Console) -> None:
    oee = kpis.oee
    for text in (
        f"[bold]OEE {percent(oee.oee)}[/bold] = availability {percent(oee.availability)} x "
        f"performance {percent(oee.performance)} x quality {percent(oee.quality)}",
        f"  {duration(oee.execute_s)} in Execute of {duration(oee.planned_s)} planned; "
        f"{oee.units} units, ideal {number(oee.ideal_cycle_s)} s each",
        f"  {oee.first_pass} units right first time; {number(kpis.throughput_per_h)} good units per planned hour",
    ):
        console.print(text, highlight=False)
    if (oee.performance or 0.0) > 1.0:
        each_s = number(oee.execute_s / oee.units)
        said = f"  Performance is over 100 %: a unit took {each_s} s of Execute. Lower ideal_cycle_s in the line's file."
        console.print(said, highlight=False, soft_wrap=True)
    console.print()


def _times(kpis: Kpis) -> Table:
    table = table_of("Times, s", "", ">count", ">mean", ">sd", ">min", ">median", ">95 %", ">max")
    rows = {"between units": kpis.intervals, "one unit": kpis.unit_times, "tool change": kpis.tool_changes}
    for name, spread in rows.items():
        if spread:
            values = (spread.mean, spread.sd, spread.low, spread.median, spread.p95, spread.high)
            table.add_row(name, str(spread.count), *map(number, values))
    return table


def _work_time(kpis: Kpis) -> Table:
    """Operations of several units overlap, so their time is more than the cycle's."""
    table = table_of("Operations' time", "", ">time", ">per unit", ">share")
    work = kpis.work_time
    rows = {"arm motion": work.motion_s, "tool change": work.tool_change_s, "process": work.process_s}
    whole_s = sum(rows.values())
    for name, time_s in rows.items() if whole_s else ():
        per_unit_s = time_s / work.units if work.units else None
        table.add_row(name, duration(time_s), duration(per_unit_s), percent(time_s / whole_s))
    return table


def _states(kpis: Kpis) -> Table:
    table = table_of("Time by state", "state", ">time", ">share")
    whole_s = sum(kpis.state_s.values())
    for state, time_s in sorted(kpis.state_s.items(), key=lambda item: -item[1]):
        table.add_row(state, duration(time_s), percent(time_s / whole_s if whole_s else None))
    return table


def _resources(kpis: Kpis) -> Table:
    table = table_of("Resources", "resource", ">operations", ">busy", ">of it set-up", ">utilisation")
    for use in kpis.resources:
        times = (duration(use.busy_s), duration(use.set_up_s), percent(use.utilisation))
        table.add_row(escape(use.resource), str(use.operations), *times)
    return table


def _faults(kpis: Kpis) -> Table:
    table = table_of("Faults", "code", ">count", "where", "decided")
    for fault in kpis.faults:
        table.add_row(escape(fault.code), str(fault.count), _counts(fault.places), _counts(fault.recoveries))
    return table


def _rejections(kpis: Kpis) -> Table:
    table = table_of("Rejected by inspections", "check", ">count", "decided")
    for rejection in kpis.rejections:
        table.add_row(escape(rejection.check), str(rejection.count), _counts(rejection.decisions))
    return table


def _tools(kpis: Kpis) -> Table:
    table = table_of("Tools", "serial", "tool", ">uses", ">in use")
    for use in kpis.tools:
        table.add_row(escape(use.serial), escape(use.tool), str(use.uses), duration(use.busy_s))
    return table


def _tool_life(kpis: Kpis) -> Table:
    """What is left is told from the last uses; "-" where no limit or no rate is known."""
    table = table_of("Tool life", "serial", "tool", ">uses", ">N.m.h", ">uses left", ">hours left", "note")
    for row in kpis.tool_life:
        left = ("-" if value is None else f"{value:.0f}" for value in (row.uses_left, row.hours_left))
        cells = (row.serial, row.tool, str(row.uses), f"{row.torque_n_m_h:.4f}", *left, row.note)
        table.add_row(*map(escape, cells))
    return table


def _print_lots(kpis: Kpis, console: Console, shown: int | None) -> None:
    table = table_of("Lots", "part", "lot", ">pieces", ">in units")
    for use in kpis.lots[:shown]:
        table.add_row(escape(use.part), escape(use.lot), str(use.pieces), str(use.units))
    print_table(table, console)
    _print_rest("lots", len(kpis.lots), shown, console)


def _checks(kpis: Kpis) -> Table:
    table = table_of("Measured values", "what", ">count", ">out", ">mean", ">sd", ">min", ">max", "limits")
    for check in kpis.checks:
        table.add_row(*_check_cells(check))
    return table


def _check_cells(check: CheckSpread) -> tuple[str, ...]:
    """One row; a length is shown in the unit that suits it, as people read it on a gauge."""
    spread = check.spread
    found = (spread.mean, spread.sd, spread.low, spread.high) if spread else (None,) * 4
    known = [abs(value) for value in (*found, check.lower, check.upper) if value is not None]
    unit, scale = gauge_unit(check.unit, max(known, default=0.0))
    values = [None if value is None else value * scale for value in (*found, check.lower, check.upper)]
    name = check.name if unit == "1" else f"{check.name} [{unit}]"
    return (escape(name), str(check.count), str(check.out), *map(number, values[:4]), limits_in_words(*values[4:]))


def _print_units(units: tuple[UnitRow, ...], console: Console, shown: int | None) -> None:
    columns = ("serial", "order", "variant", "state", ">time", ">ops", ">tries", ">faults", ">reworks")
    table = table_of("Units", *columns)
    for unit in units[:shown]:
        operations = unit.operations
        faults = sum(len(operation.faults) for operation in operations)
        counts = (len(operations), sum(operation.attempts for operation in operations), faults, unit.reworks)
        names = (unit.serial, unit.order_id, unit.variant, unit.state)
        table.add_row(*map(escape, names), duration(unit.cycle_s), *map(str, counts))
    print_table(table, console)
    _print_rest("units", len(units), shown, console)


def _print_questions(questions: tuple[QuestionRow, ...], console: Console, shown: int | None) -> None:
    """What a person was asked, the newest last; of many the newest ones."""
    table = table_of("Questions", "question", "fault", "about", "answer", "by", ">waited")
    for asked in questions[-shown:] if shown is not None else questions:
        about = f"{asked.unit} at {asked.operation}" if asked.unit else asked.device or asked.where
        answer = asked.choice or ("fell away" if asked.by else "open")
        waited = None if asked.settled_s is None else asked.settled_s - asked.asked_s
        table.add_row(*map(escape, (asked.question, asked.code, about, answer, asked.by)), duration(waited))
    print_table(table, console)
    _print_rest("questions", len(questions), shown, console)


def _changes(report: Report) -> Table:
    """What the cell was changed over to, and how long that took."""
    columns = ("change", "from", "to", "outcome", ">steps", ">drained", ">set up", ">proven", ">took", "first article")
    table = table_of("Changes of the line", *columns)
    for change in report.changes:
        names = (change.change, ", ".join(change.leaving), ", ".join(change.coming), change.outcome or "under way")
        times = (change.drained_s, change.set_up_s, change.proven_s, change.took_s)
        articles = escape(", ".join(change.first_articles))
        table.add_row(*map(escape, names), str(change.steps), *map(duration, times), articles)
    return table


def _doubts(report: Report) -> Table:
    table = table_of("Begun, outcome not recorded", "unit", "operation", "skill", "with", ">begun at")
    for doubt in report.in_doubt:
        names = (doubt.unit or "set-up", doubt.operation, doubt.skill, ", ".join(doubt.resources.values()))
        table.add_row(*map(escape, names), duration(doubt.started_s))
    return table


def _print_digest(digest: Digest, console: Console) -> None:
    state = "chain unbroken"
    if digest.broken:
        state = f"[bold red]BROKEN at {escape(str(digest.broken))}[/bold red]; all above comes before it"
    console.print(f"Journal: {digest.sequence} entries, {state}", highlight=False, soft_wrap=True)
    console.print(f"Digest: {digest.hash}", highlight=False, soft_wrap=True)
    if digest.unknown_events:
        console.print(f"{digest.unknown_events} events are not known to this release and are left out above.")


def _print_rest(what: str, count: int, shown: int | None, console: Console) -> None:
    if shown is not None and count > shown:
        console.print(f"... and {count - shown} more {what}; --all shows them.\n", highlight=False)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{escape(name)} {count}" for name, count in sorted(counts.items())) or "-"
