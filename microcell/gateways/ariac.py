"""Trials of NIST's ARIAC 2024: orders for kits and assemblies, the parts that are there, and the challenges.

A kit becomes an order for one unit of the product `ariac_kit`, an assembly of `ariac_assembly`, a combined task of
`ariac_combined` (`names` say otherwise); which parts go where is in `parts`. A high-priority order has priority 50.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from microcell.description.order import Order, OrderLine
from microcell.description.problems import Problem, validate
from microcell.description.source import Source, decoded, parse_source
from microcell.gateways.ariac_facts import TrialFacts, listed, mapping
from microcell.gateways.ariac_model import Announcement, AssemblyProduct, KitProduct, Trial, TrialOrder
from microcell.gateways.ariac_rules import mistakes, nesting, notes
from microcell.gateways.imported import Choices, Imported, ImportedOrder, Release, WantedPart
from microcell.gateways.naming import product_of

PRODUCTS = {"kitting": "ariac_kit", "assembly": "ariac_assembly", "combined": "ariac_combined"}
HIGH_PRIORITY = 50


def read(content: bytes, file: str, choices: Choices) -> Imported:
    """Import a trial; orders without mistakes of their own are there even where others have some."""
    source = parse_source(decoded(content), file)
    trial = TrialFacts(source)
    _, problems = validate(Trial, source.data)
    issues = [*source.issues, *(p.issue(source) for p in problems if not _told_otherwise(p, trial)), *mistakes(trial)]
    orders = tuple(_orders(trial, choices))
    trays = zip(listed(trial.trays.get("tray_ids")), listed(trial.trays.get("slots")), strict=False)
    return Imported(
        file,
        "ariac",
        orders,
        tuple(sorted(set(issues))),
        tuple(sorted(notes(trial))),
        stock=tuple(trial.stock()),
        trays=tuple((f"tray {tray}", f"slot {slot}") for tray, slot in trays),
        challenges=tuple(_challenges(trial)),
    )


def _told_otherwise(problem: Problem, trial: TrialFacts) -> bool:
    """Whether a problem only repeats what a rule says better, or that a value could not be read."""
    where = problem.where
    if len(where) >= 2 and where[0] == "challenges" and isinstance(where[1], int) and nesting(trial, where[1]) is not None:
        return True
    return any(where[: len(place)] == place for place in trial.source.spoiled)


def _orders(trial: TrialFacts, choices: Choices) -> Iterator[ImportedOrder]:
    seen = set()
    for facts in trial.orders:
        spoiled = any(place[: len(facts.where)] == facts.where for place in trial.source.spoiled)
        order, _ = validate(TrialOrder, facts.data)
        if order is not None and not spoiled and facts.task in facts.data and order.id not in seen:
            seen.add(order.id)
            yield _imported(order, trial.source, trial.source.places[facts.where].value[0], choices)


def _imported(order: TrialOrder, source: Source, line: int, choices: Choices) -> ImportedOrder:
    called = PRODUCTS[order.type]
    product, variant = product_of(called, choices)
    task = order.kitting_task or order.assembly_task or order.combined_task
    carriers: tuple[str, ...] = ()
    if order.kitting_task:
        carriers = (f"agv{order.kitting_task.agv_number}",)
    elif order.assembly_task:
        carriers = tuple(f"agv{number}" for number in order.assembly_task.agv_number)
    assembly = order.assembly_task or order.combined_task
    return ImportedOrder(
        Order(
            order_id=order.id,
            product=product,
            lines=(OrderLine(variant=variant, quantity=1),),
            priority=HIGH_PRIORITY if order.priority else 0,
        ),
        line,
        called,
        order.type,
        _release(order.announcement),
        station=assembly.station if assembly else order.kitting_task.destination if order.kitting_task else "",
        carriers=carriers,
        tray=f"tray {order.kitting_task.tray_id}" if order.kitting_task else "",
        parts=tuple(_wanted(product) for product in task.products) if task else (),
    )


def _wanted(product: KitProduct | AssemblyProduct) -> WantedPart:
    name = f"{product.color}_{product.type}"
    if isinstance(product, KitProduct):
        return WantedPart(name, 1, f"quadrant {product.quadrant}")
    pose = product.assembled_pose
    return WantedPart(name, 1, "insert", pose.xyz, pose.rpy, product.assembly_direction)


def _release(condition: Announcement) -> Release:
    if placed := condition.part_place_condition:
        return Release(after_part=f"{placed.color}_{placed.type}", at=f"agv{placed.agv}")
    if submitted := condition.submission_condition:
        return Release(after_order=submitted.order_id)
    return Release(after_s=condition.time_condition or 0.0)


def _challenges(trial: TrialFacts) -> Iterator[tuple[str, str]]:
    for i, entry in enumerate(listed(trial.data.get("challenges"))):
        if nesting(trial, i) is None:
            yield from ((kind, _concerns(mapping(body))) for kind, body in mapping(entry).items())


def _concerns(body: dict[str, Any]) -> str:
    """What a challenge is about, in a few words."""
    told = [f"{key} {value}" for key, value in body.items() if isinstance(value, (str, int, float))]
    told += [f"{key} {', '.join(map(str, value))}" for key, value in body.items() if isinstance(value, list)]
    return "; ".join(told)
