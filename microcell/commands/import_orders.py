"""`microcell import`: orders as other systems write them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order
from microcell.description.source import read_source
from microcell.description.wording import listed
from microcell.errors import ConfigError, Issue, UsageError
from microcell.gateways.formats import import_file
from microcell.gateways.imported import Choices, Imported, ImportedOrder


def run(args: argparse.Namespace) -> int:
    """Report what is in a file; with --output write its orders as ours. 0 when nothing is wrong, 2 otherwise."""
    found = import_file(args.file, args.format or "", choices_of(args, args.product))
    if args.also and not args.line:
        raise UsageError("--also says another line of the cell beside that of --line LINE.")
    line = load_line(args.line, args.also) if args.line else None
    issues = (*found.issues, *(_unmakeable(found, line) if line else ()))
    if args.json:
        print(json.dumps(as_data(found, issues), indent=2, default=str))
    else:
        _print(found, issues, orders=not args.check)
    if args.output is not None and not issues and not args.check:
        write(found, args.output)
        print(f"written: {args.output}")
    return 2 if issues else 0


def foreign_orders(path: Path, args: argparse.Namespace, product: str | None) -> tuple[Order, ...]:
    """The orders of a file in any format, `product` where it names none; ConfigError with every mistake in it."""
    found = import_file(path, args.format or "", choices_of(args, product))
    if found.issues:
        raise ConfigError(found.issues)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return tuple(imported.order for imported in found.orders)


def choices_of(args: argparse.Namespace, product: str | None) -> Choices:
    """What the command line says that the file does not."""
    return Choices(
        _names(args.names),
        product or "",
        args.decimal or "",
        args.dates or "",
        args.zone,
        args.sheet or "",
        dict(args.column),
    )


def _names(path: Path | None) -> dict[str, str]:
    """A file with our product's name for each of theirs; raises ConfigError."""
    if path is None:
        return {}
    source = read_source(path)
    if source.issues:
        raise ConfigError(source.issues)
    names = source.data
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise UsageError(f"{path} is no mapping of names: 'CV-299 (Rev 4): valve/adult' is a line of one.")
    return {str(theirs): ours for theirs, ours in names.items()}


def _unmakeable(found: Imported, line: Line) -> list[Issue]:
    """Orders that no line of the cell can make."""
    made, issues = [one.product for one in line.every], []
    for order in found.orders:
        if order.order.product not in made:
            what = f"this {'cell' if line.also else 'line'} makes {listed(map(repr, made))}, not '{order.order.product}'"
            issues.append(Issue(found.file, order.line, 1, "", what, "--names FILE says which product is meant."))
            continue
        variants = line.making(order.order.product).product_description.variants
        for wanted in order.order.lines:
            if wanted.variant is not None and wanted.variant not in variants:
                what = f"there is no variant '{wanted.variant}'"
                issues.append(Issue(found.file, order.line, 1, "", what, f"there are: {', '.join(variants)}."))
    return issues


def _print(found: Imported, issues: tuple[Issue, ...], orders: bool) -> None:
    for row in found.rows:
        print(f"row {row.line}: {'' if row.accepted else 'refused: '}{row.text}")
    for order in found.orders if orders else ():
        print(described(order))
    for note in found.notes:
        print(f"note: {note}")
    for issue in issues:
        print(issue)
    mistakes = f"{len(issues)} mistake{'s' * (len(issues) != 1)}" if issues else "no mistakes"
    print(f"{found.format}: {len(found.orders)} order{'s' * (len(found.orders) != 1)}, {mistakes}")


def described(order: ImportedOrder) -> str:
    """An order in one line."""
    made = ", ".join(f"{line.quantity} x {order.order.product} {line.variant or ''}".rstrip() for line in order.order.lines)
    due = f", due {order.order.due.isoformat()}" if order.order.due else ""
    parts = f"; parts: {', '.join(part.part for part in order.parts)}" if order.parts else ""
    steps = f"; steps: {', '.join(step.process for step in order.steps)}" if order.steps else ""
    return f"{order.order.order_id or 'no id'}: {made}, priority {order.order.priority}{due}{parts}{steps}"


def as_data(found: Imported, issues: tuple[Issue, ...]) -> dict[str, Any]:
    """Everything for machines."""
    data = asdict(found)
    for order, told in zip(found.orders, data["orders"], strict=True):
        told["order"] = order.order.model_dump(mode="json")
    return {**data, "issues": [asdict(issue) for issue in issues]}


def write(found: Imported, path: Path) -> None:
    """Write the orders as a file of ours."""
    import yaml

    orders = [order.order.model_dump(mode="json", exclude_defaults=True) | {"kind": "order"} for order in found.orders]
    path.write_text(yaml.safe_dump(orders, sort_keys=False, allow_unicode=True), encoding="utf-8")
