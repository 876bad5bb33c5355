"""`microcell pack`: what fits into a carton."""

from __future__ import annotations

import argparse
import json

from microcell.description import cartons
from microcell.description.loader import load_product
from microcell.errors import UsageError
from microcell.packing.boxes import BoxKind, Container, Packing
from microcell.packing.checking import judge
from microcell.packing.picture import check_ending, draw
from microcell.packing.search import pack

STEP_M = 0.001
EFFORT = 1_000


def run(args: argparse.Namespace) -> int:
    """Pack, judge, print and draw; 0 when everything that was asked for is in."""
    if args.output is not None:
        check_ending(args.output)
    container = Container(args.carton)
    kinds = _kinds(args, container)
    found = pack(kinds, container, effort=EFFORT)
    judgement = judge(found, kinds, support_ratio=0.95, gap_m=STEP_M)
    if not judgement.sound:
        raise UsageError(f"the layout is not sound: {judgement.faults[0]}. Please report it.")
    if args.output is not None:
        draw(found, args.output, f"{args.product} in {'x'.join(f'{edge:g}' for edge in args.carton)} m")
    _print(args, found)
    return 0 if found.placements and (found.complete or (args.quantity is None and not args.parts)) else 1


def _kinds(args: argparse.Namespace, container: Container) -> tuple[BoxKind, ...]:
    product = load_product(args.product)
    variant = args.variant or product.default_variant
    if variant not in product.variants:
        raise UsageError(f"no variant '{variant}'; there are: {', '.join(product.variants)}.")
    if args.parts:
        return cartons.kit_boxes(product, variant, args.quantity or 1, args.clearance)
    unit = cartons.unit_box(product, variant, 1, args.clearance)
    return (cartons.unit_box(product, variant, args.quantity or cartons.most_units(unit, container), args.clearance),)


def _print(args: argparse.Namespace, found: Packing) -> None:
    layers = cartons.layers(found)
    if args.json:
        boxes = [{"kind": p.kind, "corner_m": p.corner_m, "size_m": p.size_m} for p in found.placements]
        told = {"boxes": boxes, "left": dict(found.left), "volume_use_ratio": found.volume_use_ratio}
        print(json.dumps(told, indent=2))
        return
    print(f"{len(found.placements)} boxes, {100 * found.volume_use_ratio:.1f} % of the carton's volume")
    for number, layer in enumerate(layers, 1):
        print(f"layer {number} at {layer.bottom_m:.3f} m: {layer.boxes}")
    for kind, number in found.left:
        if number and (args.quantity is not None or args.parts):
            print(f"left out: {number} of {kind}")
    if args.output is not None:
        print(f"picture: {args.output}")
