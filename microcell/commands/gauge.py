"""`microcell gauge`: how far the measuring itself can be trusted (gauge R&R)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from microcell.description.loader import load_line
from microcell.errors import UsageError
from microcell.records.gauge_readings import Feature, Studies, from_journal, from_table, studies_of
from microcell.records.gauge_study import GaugeStudy

_SCALES = {"m": (1e6, "um"), "rad": (1e3, "mrad"), "1": (1.0, "1")}


def run(args: argparse.Namespace) -> int:
    """Study, and print a row for each feature. 0 when every gauge is good or usable, 1 when one is unfit."""
    found = studies_of(_features(args))
    if not found.studies and not found.lacking:
        raise UsageError("there is nothing to study: no numbers were measured.")
    if args.json:
        print(json.dumps({"studies": [as_data(s) for s in found.studies], "lacking": list(found.lacking)}, indent=2))
    else:
        _print(found)
    return 1 if any(s.verdict == "unfit" for s in found.studies) or not found.studies else 0


def as_data(found: GaugeStudy) -> dict[str, Any]:
    """A study with the figures that follow from it, in JSON's types."""
    more = ("grr_of_variation", "grr_of_tolerance", "categories", "is_coarse", "verdict")
    return {**asdict(found), **{name: getattr(found, name) for name in more}}


def _features(args: argparse.Namespace) -> list[Feature]:
    if args.table is not None:
        return from_table(args.table)
    if args.journal is not None:
        from microcell.records.report import report

        return from_journal(report(args.journal).production)
    if args.line is None:
        raise UsageError("what is to be studied? Name a line, or give --table FILE or --journal FILE.")
    from microcell.gauging import GaugePlan, measure_parts

    line = load_line(args.line)
    _check(args, line.product_description.inspections, line.product_description.variants)
    inspections = (args.inspection,) if args.inspection else ()
    plan = GaugePlan(line, inspections, args.variant or "", args.parts, args.trials, args.seed, args.camera)
    return measure_parts(plan)


def _check(args: argparse.Namespace, inspections: dict[str, Any], variants: dict[str, Any]) -> None:
    for told, known, what in ((args.inspection, inspections, "inspection"), (args.variant, variants, "variant")):
        if told and told not in known:
            raise UsageError(f"no {what} '{told}'; there are: {', '.join(known) or 'none'}.")


def _print(found: Studies) -> None:
    from rich.markup import escape

    from microcell.commands.console import printing
    from microcell.records.table_parts import number, percent, print_table, table_of

    console = printing()
    columns = ("feature", ">repeat.", ">reprod.", ">R&R", ">of tol.", ">of var.", ">ndc", "gauge")
    table = table_of("Gauge R&R: standard deviations, and six of them of tolerance and variation", *columns)
    for one in found.studies:
        scale, unit = _SCALES.get(one.unit, (1.0, one.unit))
        repeated, reproduced, both = (number(scale * sd, 2) for sd in (one.repeatability, one.reproducibility, one.rr))
        both += "" if unit == "1" else f" {unit}"
        ratios = (percent(one.grr_of_tolerance), percent(one.grr_of_variation))
        table.add_row(escape(one.feature), repeated, reproduced, both, *ratios, str(one.categories), one.verdict)
    print_table(table, console)
    for sizes, alike in _by_sizes(found.studies).items():
        which = f" ({', '.join(alike)})" if len(alike) < len(found.studies) else ""
        console.print(f"{sizes}{escape(which)}", highlight=False)
    for one in found.studies:
        if one.is_coarse:
            scale, unit = _SCALES.get(one.unit, (1.0, one.unit))
            step = f"{number(scale * one.resolution, 2)}{'' if unit == '1' else f' {unit}'}"
            told = f"its readings come in steps of {step}, too coarse to tell more: read it finer"
            console.print(f"{escape(one.feature)}: {told}", highlight=False)
    for sentence in found.lacking:
        console.print(f"not studied: {escape(sentence)}", highlight=False)


def _by_sizes(studies: Sequence[GaugeStudy]) -> dict[str, list[str]]:
    """The features of each size of study: how many readings there were, and how many were used."""
    found: dict[str, list[str]] = {}
    for one in studies:
        failed = f"; {one.failed} more failed to measure" if one.failed else ""
        used = f"{one.used} of {one.readings} readings used{failed}"
        size = f"{one.parts} parts x {one.appraisers} places x {one.trials} trials: {used}"
        found.setdefault(size, []).append(one.feature)
    return found
