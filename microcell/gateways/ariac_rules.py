"""What in a trial contradicts the rest of it. Each rule yields issues, or notes for what is odd and yet possible."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from microcell.description.source import Where
from microcell.description.wording import listed as in_words
from microcell.errors import Issue
from microcell.gateways.ariac_facts import TASKS, TrialFacts, listed, mapping
from microcell.gateways.ariac_model import CHALLENGES, CONDITIONS

_OWN_KEYS = (
    *CONDITIONS, "announcement", "duration", "robots_to_disable", "sensors_to_disable", "order_id", "robot", "type", "color",
    "drop_after", "delay", "behavior", "quadrant1", "quadrant2", "quadrant3", "quadrant4",
)  # fmt: skip
"""What stands below a challenge's name."""


def mistakes(trial: TrialFacts) -> Iterator[Issue]:
    """Everything that cannot be meant."""
    for rule in (trays, slots_and_quadrants, tasks, parts_are_somewhere, order_trays, announcements, challenges, directions):
        yield from rule(trial)


def trays(trial: TrialFacts) -> Iterator[Issue]:
    """Trays and the slots they are in come in pairs; a slot holds one tray."""
    ids, slots = listed(trial.trays.get("tray_ids")), listed(trial.trays.get("slots"))
    if len(ids) != len(slots):
        what = f"{len(ids)} trays are in {len(slots)} slots"
        yield trial.source.issue(("kitting_trays", "slots"), what, "each tray has one slot. Make the lists equally long.")
    yield from _twice(trial, slots, ("kitting_trays", "slots"), "slot")
    limit = trial.data.get("time_limit")
    if isinstance(limit, (int, float)) and not isinstance(limit, bool) and limit <= 0 and limit != -1:
        yield trial.source.issue(("time_limit",), f"out of range ({limit:g})", "-1 for none, or seconds over 0. Correct it.")


def slots_and_quadrants(trial: TrialFacts) -> Iterator[Issue]:
    """One part in each slot of a bin and in each quadrant of a tray."""
    for name, lots in trial.bins.items():
        seen: dict[int, int] = {}
        for i, lot in enumerate(listed(lots)):
            for j, slot in enumerate(listed(mapping(lot).get("slots"))):
                where: Where = ("parts", "bins", name, i, "slots", j)
                if isinstance(slot, int) and slot in seen:
                    what = f"slot {slot} of {name} is taken twice"
                    yield trial.source.issue(where, what, f"entry {seen[slot] + 1} of the bin has it. Choose another slot.")
                if isinstance(slot, int):
                    seen.setdefault(slot, i)
    for name, agv in trial.agvs.items():
        quadrants = [mapping(part).get("quadrant") for part in listed(mapping(agv).get("parts"))]
        yield from _twice(trial, quadrants, ("parts", "agvs", name, "parts"), "quadrant", "quadrant")
    for order in trial.orders:
        if order.task == "kitting_task":
            quadrants = [mapping(product).get("quadrant") for product in listed(order.body.get("products"))]
            yield from _twice(trial, quadrants, (*order.where, order.task, "products"), "quadrant", "quadrant")


def tasks(trial: TrialFacts) -> Iterator[Issue]:
    """An order has the task of its type and no other, and an id of its own."""
    seen: dict[str, int] = {}
    for order in trial.orders:
        others = [name for name in TASKS.values() if name in order.data and name != order.task]
        if order.task and order.task not in order.data:
            remedy = f"an order of type '{order.data['type']}' has it. " + (
                f"Is '{others[0]}' meant?" if others else "Add it."
            )
            yield trial.source.issue(order.where, f"the key '{order.task}' is missing", remedy)
        elif order.task and others:
            what = f"'{others[0]}' does not belong to the order's type"
            remedy = f"the type is '{order.data['type']}'. Remove it, or correct the type."
            yield trial.source.issue((*order.where, others[0]), what, remedy, key=True)
        line = trial.source.places[order.where].value[0]
        if order.order_id in seen:
            remedy = f"the order on line {seen[order.order_id]} has it. Choose another id."
            yield trial.source.issue((*order.where, "id"), f"the id '{order.order_id}' stands twice", remedy)
        seen.setdefault(order.order_id, line)


def parts_are_somewhere(trial: TrialFacts) -> Iterator[Issue]:
    """A part that is wanted is in a bin, on the running belt, or on a carrier that the order names."""
    free = trial.free_stock()
    for order in trial.orders:
        for need in order.needs():
            carried = sum((trial.on_agv(number) for number in need.carriers), Counter[str]())
            if need.carriers and not carried[need.part]:
                agvs = in_words(f"agv{number}" for number in need.carriers)
                what = f"no carrier of the order holds the {_spoken(need.part)}"
                yield trial.source.issue(need.where, what, f"the order takes its parts from {agvs}. Put one there.")
            elif order.task != "assembly_task" and not free[need.part]:
                remedy = "no bin and no running conveyor belt has it. Put one there, or correct the order."
                yield trial.source.issue(need.where, f"no bin holds the {_spoken(need.part)}", remedy)


def order_trays(trial: TrialFacts) -> Iterator[Issue]:
    """A kitting order's tray is among those that are there; two orders need two."""
    there = Counter(tray for tray in listed(trial.trays.get("tray_ids")) if isinstance(tray, int))
    wanted: Counter[int] = Counter()
    for order in trial.orders:
        tray = order.body.get("tray_id")
        if order.task != "kitting_task" or not isinstance(tray, int):
            continue
        wanted[tray] += 1
        where = (*order.where, order.task, "tray_id")
        if not there[tray]:
            remedy = f"trays that are there: {in_words(map(str, sorted(there)))}. Correct it, or add the tray."
            yield trial.source.issue(where, f"there is no tray {tray}", remedy)
        elif wanted[tray] > there[tray]:
            what = f"{wanted[tray]} orders need tray {tray}, of which there are {there[tray]}"
            yield trial.source.issue(where, what, "add a tray, or choose another one.")


def announcements(trial: TrialFacts) -> Iterator[Issue]:
    """An order is announced on one condition, which can come true."""
    ids = {order.order_id for order in trial.orders}
    after: dict[str, str] = {}
    for order in trial.orders:
        where = (*order.where, "announcement")
        if "announcement" in order.data:
            yield from _condition(trial, mapping(order.data["announcement"]), where, ids)
        after[order.order_id] = str(
            mapping(mapping(order.data.get("announcement")).get("submission_condition")).get("order_id", "")
        )
    for order in trial.orders:
        if _in_circle(order.order_id, after):
            where = (*order.where, "announcement", "submission_condition", "order_id")
            what = f"the order '{order.order_id}' waits for itself"
            yield trial.source.issue(where, what, "its condition comes true only after it. Correct the circle.")


def challenges(trial: TrialFacts) -> Iterator[Issue]:
    """A challenge is one key whose values stand below it, on one condition, about an order that is there."""
    ids = {order.order_id: order for order in trial.orders}
    for i, entry in enumerate(listed(trial.data.get("challenges"))):
        if (wrong := nesting(trial, i)) is not None:
            yield wrong
            continue
        for kind, body in mapping(entry).items():
            where: Where = ("challenges", i, kind)
            if kind in ("robot_malfunction", "sensor_blackout", "human"):
                yield from _challenge_condition(trial, mapping(body), where, set(ids))
            if (
                kind == "faulty_part"
                and (order_id := mapping(body).get("order_id")) is not None
                and str(order_id) not in ids
            ):
                remedy = f"orders: {in_words(ids)}. Correct the id."
                yield trial.source.issue((*where, "order_id"), f"there is no order '{order_id}'", remedy)


def nesting(trial: TrialFacts, index: int) -> Issue | None:
    """What is ambiguous in how a challenge is nested, if anything."""
    entry = listed(trial.data.get("challenges"))[index]
    if not isinstance(entry, dict):
        return None
    where: Where = ("challenges", index)
    kinds = [key for key in entry if key in CHALLENGES]
    beside = [key for key in entry if key not in CHALLENGES]
    if kinds and beside and (entry[kinds[0]] is None or _belongs(beside[0])):
        what = f"it is not clear what '{beside[0]}' belongs to: it stands beside '{kinds[0]}'"
        return trial.source.issue((*where, beside[0]), what, f"indent it below '{kinds[0]}:'.", key=True)
    if len(kinds) > 1:
        what = f"two challenges are one entry ({in_words(kinds)})"
        return trial.source.issue((*where, kinds[1]), what, "begin each with '- '.", key=True)
    if not kinds and any(_belongs(key) for key in beside):
        what = f"it is not said which challenge this is ('{beside[0]}')"
        return trial.source.issue(where, what, f"one of {in_words(CHALLENGES)} is above it. Add it.")
    if kinds and entry[kinds[0]] is None:
        return trial.source.issue(
            (*where, kinds[0]), f"'{kinds[0]}' says nothing", "its keys stand below it. Indent them.", key=True
        )
    return None


def notes(trial: TrialFacts) -> Iterator[Issue]:
    """What is odd and yet possible, or goes beyond an order of ours: too few parts, a key or a time that is passed over."""
    free, wanted = trial.free_stock(), Counter[str]()
    for order in trial.orders:
        for need in order.needs():
            if order.task != "assembly_task":
                wanted[need.part] += 1
                if 0 < free[need.part] < wanted[need.part]:
                    what = f"orders want {wanted[need.part]} of {_spoken(need.part)}, there are {free[need.part]}"
                    yield trial.source.issue(need.where, what, "the parts are not enough for all orders.")
        announced = mapping(order.data.get("announcement"))
        if announced and announced.get("time_condition") != 0:
            where = (*order.where, "announcement")
            remedy = "here it may start as soon as it is handed in. Hand it in then."
            yield trial.source.issue(where, "the trial announces the order later", remedy, key=True)
        if order.data.get("priority") is True and "submission_condition" in announced:
            where = (*order.where, "announcement", "submission_condition")
            yield trial.source.issue(
                where, "a high-priority order waits for a submission", "it comes with time or a placed part."
            )
    for name in ("gripper_types", "gazebo_state_logging"):
        if name in trial.data:
            yield trial.source.issue((name,), f"'{name}' is of 2023", "it is passed over.", key=True)


def directions(trial: TrialFacts) -> Iterator[Issue]:
    """Assembly directions are unit vectors."""
    for order in trial.orders:
        for i, product in enumerate(listed(order.body.get("products"))):
            vector = listed(mapping(product).get("assembly_direction"))
            numbers = [x for x in vector if isinstance(x, (int, float)) and not isinstance(x, bool)]
            if len(vector) == len(numbers) == 3 and abs(math.hypot(*numbers) - 1.0) > 0.01:
                where = (*order.where, order.task, "products", i, "assembly_direction")
                yield trial.source.issue(
                    where, f"the length of the direction is {math.hypot(*numbers):g}", "it is 1. Correct it."
                )


def _twice(trial: TrialFacts, values: list[Any], where: Where, noun: str, key: str = "") -> Iterator[Issue]:
    seen = set()
    for i, value in enumerate(values):
        place = (*where, i, key) if key else (*where, i)
        if value is not None and not isinstance(value, (list, dict)) and value in seen:
            yield trial.source.issue(place, f"{noun} {value} is taken twice", f"choose another {noun}.")
        if not isinstance(value, (list, dict)):
            seen.add(value)


def _condition(trial: TrialFacts, body: dict[str, Any], where: Where, ids: set[str]) -> Iterator[Issue]:
    given = [name for name in CONDITIONS if body.get(name) is not None]
    if len(given) != 1:
        what = f"there are {len(given)} conditions" + (f" ({in_words(given)})" if given else "")
        yield trial.source.issue(where, what, f"one of {in_words(CONDITIONS)} is needed.")
    order_id = mapping(body.get("submission_condition")).get("order_id")
    if order_id is not None and str(order_id) not in ids:
        remedy = f"orders: {in_words(sorted(ids))}. Correct the id."
        yield trial.source.issue((*where, "submission_condition", "order_id"), f"there is no order '{order_id}'", remedy)


def _challenge_condition(trial: TrialFacts, body: dict[str, Any], where: Where, ids: set[str]) -> Iterator[Issue]:
    nested = mapping(body.get("announcement"))
    beside = {name: body[name] for name in CONDITIONS if body.get(name) is not None}
    if nested and beside:
        what = f"conditions stand both below 'announcement' and beside it ({in_words(beside)})"
        yield trial.source.issue((*where, "announcement"), what, "keep one of them.", key=True)
    elif nested:
        yield from _condition(trial, nested, (*where, "announcement"), ids)
    else:
        yield from _condition(trial, beside, where, ids)


def _in_circle(start: str, after: dict[str, str]) -> bool:
    seen, at = set(), after.get(start, "")
    while at and at not in seen:
        if at == start:
            return True
        seen.add(at)
        at = after.get(at, "")
    return False


def _belongs(key: str) -> bool:
    """Whether a key is one of a challenge's own."""
    return key in _OWN_KEYS


def _spoken(part: str) -> str:
    return part.replace("_", " ")
