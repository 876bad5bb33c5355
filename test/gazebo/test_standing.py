"""What Gazebo is told while units are made: each step fits what was told before, and the outcome is the plant's."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.gazebo import requests
from microcell.gazebo.standing import (
    Attach,
    Body,
    Hold,
    Put,
    Release,
    Remove,
    Spawn,
    Standing,
    Step,
    done,
    standing,
    steps,
)
from microcell.geometry import Pose, angle_between, distance
from microcell.plant.plant import Plant
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

LOOK_S, UNITS = 0.1, 3
NEAR_M, NEAR_RAD = 0.0003, 0.003


class World:
    """A world that takes steps as Gazebo does, and refuses what Gazebo could not do.

    `stood` is how a held piece stood to what holds it when it was taken: a rigid joint keeps that.
    """

    def __init__(self, known: Standing) -> None:
        self.held = {name: body.hold for name, body in known.items()}
        self.static = {name for name, body in known.items() if body.rests}
        self.stood: dict[str, Pose] = {}

    def do(self, step: Step, poses: dict[str, Pose]) -> None:
        if isinstance(step, Spawn):
            assert step.model not in self.held, f"{step.model} is there already"
            self.held[step.model] = None
            if step.rests:
                self.static.add(step.model)
        elif isinstance(step, Remove):
            assert self.held.pop(step.model, None) is None, f"{step.model} is still held"
            assert step.model not in {hold.model for hold in self.held.values() if hold is not None}
            self.static.discard(step.model)
        elif isinstance(step, Release):
            hold = self.held[step.model]
            assert hold is not None and hold.model == step.holder, f"{step.model} is held by {hold}"
            self.held[step.model] = None
        elif isinstance(step, Put):
            assert step.model not in self.static, f"{step.model} rests: nothing moves it"
            assert self.held[step.model] is None, f"{step.model} is held: what holds it would be torn along"
            carried = [model for model, hold in self.held.items() if hold is not None and hold.model == step.model]
            assert carried == [], f"{step.model} would leave {carried} behind"
        else:
            assert step.model not in self.static and step.hold.model not in self.static, f"{step} of what rests"
            assert self.held[step.model] is None, f"{step.model} is held by {self.held[step.model]}"
            assert step.hold.model in self.held or not step.hold.model.startswith("item_")
            self.held[step.model] = step.hold
            if step.model in poses:
                self.stood[step.model] = poses.get(step.hold.model, Pose()).inverse() @ poses[step.model]

    def check_poses(self, plant: Plant, poses: dict[str, Pose]) -> None:
        """What stations and units hold stands where the plant has it."""
        for name, hold in self.held.items():
            if name in poses and hold is not None and hold.model not in plant.bench.tools:
                stands = poses.get(hold.model, Pose()).inverse() @ poses[name]
                off_m, off_rad = distance(stands, self.stood[name]), angle_between(stands, self.stood[name])
                assert off_m < NEAR_M and off_rad < NEAR_RAD, (
                    f"{name} in {hold.model}: {off_m * 1e3:.1f} mm, {off_rad:.3f} rad"
                )


def steps_of(name: str, units: int) -> list[Step]:
    """Every step of an order, each done in a world at once, which then is as the plant."""

    async def produce() -> list[Step]:
        line, told = load_line(name), []
        variant = line.product_description.default_variant
        order = Order(kind="order", product=line.product, lines=(OrderLine(variant=variant, quantity=units),))
        with Journal.create_or_open(":memory:") as journal:
            cell = VirtualCell(VirtualRun(line, (order,)), journal)
            known = standing(cell.plant)
            world = World(known)
            await cell.start()
            ended = asyncio.ensure_future(cell.controller.order_ended(cell.controller.submit(order)))
            while not ended.done():
                await asyncio.wait({ended}, timeout=LOOK_S)
                wanted = standing(cell.plant, known)
                poses = {name: cell.plant.bench.pose_of(body.item) for name, body in wanted.items() if body.item}
                todo = steps(known, wanted, poses)
                for step in todo:
                    world.do(step, poses)
                    known = done(known, step, wanted)
                    assert world.held == {name: body.hold for name, body in known.items()}
                told += todo
                assert known.keys() == wanted.keys()
                known = wanted
                assert world.held == {name: body.hold for name, body in known.items()}
                world.check_poses(cell.plant, poses)
            for station in cell.plant.bench.cartons:
                cell.plant.stations.exchange(station)
            left = [model for model, body in known.items() if body.item is not None and body.item.place.kind == "carton"]
            assert len(left) == units
            assert steps(known, standing(cell.plant, known), {}) == [Remove(model) for model in left]
            await cell.close()
            return told

    return run_virtual(produce())


@pytest.fixture(scope="module")
def told() -> list[Step]:
    """An order of three units: the third stands where the first was made."""
    return steps_of("valve", UNITS)


@pytest.mark.parametrize("name", ["battery", "bracket", "footwear"])
def test_what_is_turned_or_pressed_while_it_is_held_stands_elsewhere_in_the_world_too(name: str) -> None:
    """Told by `World.check_poses`: a cell of the battery is welded from below, inserts and shoes are pressed in."""
    assert sum(isinstance(step, Attach) for step in steps_of(name, 1)) > 5


def test_a_unit_in_its_carton_is_one_model_at_rest_with_its_parts_on_it(told: list[Step]) -> None:
    packed = [step for step in told if isinstance(step, Spawn) and step.item.place.kind == "carton"]
    assert [(step.rests, len(step.parts)) for step in packed] == [(True, 7)] * UNITS
    for unit in packed:
        begun = told.index(unit)
        assert told[begun - 1] == Remove(unit.model)
        gone = {step.model for step in told[:begun] if isinstance(step, Remove)}
        assert {f"item_{part.item_id}" for part, _ in unit.parts} <= gone


def test_everything_that_is_held_is_let_go_of_before_another_takes_it(told: list[Step]) -> None:
    assert sum(isinstance(step, Attach) for step in told) > 40


def test_a_piece_stands_right_before_a_tool_or_a_unit_takes_it(told: list[Step]) -> None:
    put = {step.model for step, after in itertools.pairwise(told) if isinstance(step, Put)
           and isinstance(after, Attach) and after.model == step.model}  # fmt: skip
    assert put == {step.model for step in told if isinstance(step, Put)}
    seated = {step.model for step in told if isinstance(step, Attach) and step.hold.model.startswith("item_")}
    assert len(seated) >= 7 * UNITS and seated <= put
    assert sum(isinstance(step, Release) for step in told) > 20


def test_each_unit_gets_its_parts_and_its_label(told: list[Step]) -> None:
    in_units = [step.hold.model for step in told if isinstance(step, Attach) and step.hold.model.startswith("item_")]
    assert sorted(Counter(in_units).values()) == [7] * UNITS, "membrane, cap, four screws, label"
    assert sum(isinstance(step, Spawn) and bool(step.item.content) for step in told) == UNITS


def test_a_label_is_held_in_its_printer_until_a_tool_takes_it(told: list[Step]) -> None:
    by = Counter(step.hold.model for step in told if isinstance(step, Attach))
    assert by["printer"] == UNITS


def test_a_piece_rests_in_its_feeder_and_comes_anew_when_it_is_taken(told: list[Step]) -> None:
    anew = [after.model for step, after in itertools.pairwise(told) if isinstance(step, Remove)
            and isinstance(after, Spawn) and after.model == step.model and not after.rests]  # fmt: skip
    assert len(set(anew)) == len(anew) == 7 * UNITS, "body, membrane, cap, four screws"


def test_a_unit_that_leaves_with_its_carton_is_taken_away_piece_by_piece_from_outside() -> None:
    unit = Body("part", None)
    seats = {f"item_{n}": Body("part", Hold("item_1", "part")) for n in (2, 3)}
    label = {"item_4": Body("part", Hold("item_3", "part"))}
    assert steps({"item_1": unit, **seats, **label}, {}, {}) == [
        Release("item_3", "item_4"), Remove("item_4"),
        Release("item_1", "item_2"), Remove("item_2"), Release("item_1", "item_3"), Remove("item_3"),
        Remove("item_1"),
    ]  # fmt: skip


def test_a_request_to_hold_names_a_joint_that_can_be_let_go_of() -> None:
    hold = Hold("vacuum_cup", "coupling")
    request = requests.attach("valve", hold, 41, "item_7", "part", "/bench/x/release", "/bench/gazebo/holds")
    assert request.service == "/world/valve/entity/system/add"
    assert request.text.startswith("entity { id: 41 } plugins { ")
    for part in ("DetachableJoint", "<child_model>item_7</child_model>", "<detach_topic>/bench/x/release</detach_topic>"):
        assert part in request.text


def test_entities_are_read_from_the_printed_scene() -> None:
    arm = 'model {\n  name: "arm"\n  id: 12\n  pose {\n    id: 99\n  }\n  link {\n    name: "base"\n    id: 13\n  }\n}\n'
    answer = f'name: "valve"\n{arm}model {{\n  name: "crib"\n  id: 40\n}}\n'
    assert requests.models_of(answer) == {"arm": 12, "crib": 40}
