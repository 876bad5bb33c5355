"""Trials of ARIAC: what orders and parts say is imported, what is wrong is told with its place."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.source import parse_source
from microcell.gateways import ariac
from microcell.gateways.ariac_model import angle_rad
from microcell.gateways.imported import Choices, Imported, Release, StockItem, WantedPart

TRIAL = """\
time_limit: 300
kitting_trays:
  tray_ids: [2, 5]
  slots: [1, 4]
assembly_inserts: {as1: pi/3, as2: '0.0', as3: -pi/4, as4: 0}
parts:
  agvs:
    agv2:
      tray_id: 0
      parts:
        - {type: pump, color: green, quadrant: 3, rotation: pi}
  bins:
    bin1:
      - {type: battery, color: blue, slots: [1, 2], rotation: 2*pi/3, flipped: true}
    bin3:
  conveyor_belt:
    active: true
    spawn_rate: 3
    order: random
    parts_to_spawn:
      - {type: sensor, color: red, number: 2, offset: -0.5, rotation: '0.5'}
orders:
  - id: KIT00001
    type: kitting
    announcement: {time_condition: 0}
    priority: false
    kitting_task:
      agv_number: 1
      tray_id: 2
      destination: warehouse
      products:
        - {type: battery, color: blue, quadrant: 1}
        - {type: sensor, color: red, quadrant: 4}
  - id: ASM00002
    type: assembly
    announcement: {submission_condition: {order_id: KIT00001}}
    priority: false
    assembly_task:
      agv_number: [2]
      station: as1
      products:
        - type: pump
          color: green
          assembled_pose: {xyz: [0.14, 0.0, 0.02], rpy: [0, 0, -pi/2]}
          assembly_direction: [0, 0, -1]
  - id: COM00003
    type: combined
    announcement: {part_place_condition: {type: battery, color: blue, agv: 1}}
    priority: true
    combined_task:
      station: as4
      products:
        - type: sensor
          color: red
          assembled_pose: {xyz: [-0.1, 0.395, 0.045], rpy: [0, 0, 0]}
          assembly_direction: [0, -1, 0]
challenges:
  - faulty_part: {order_id: KIT00001, quadrant1: true}
  - robot_malfunction:
      duration: 20.0
      robots_to_disable: [floor_robot]
      time_condition: 10
"""


def read(text: str, **choices: object) -> Imported:
    return ariac.read(text.encode(), "trial.yaml", Choices(**choices))  # type: ignore[arg-type]


def changed(old: str, new: str) -> Imported:
    assert old in TRIAL
    return read(TRIAL.replace(old, new, 1))


def told(found: Imported) -> list[str]:
    return [str(issue) for issue in found.issues]


def test_orders_parts_trays_and_challenges_of_a_trial_are_imported():
    found = read(TRIAL)
    assert told(found) == []
    kit, assembly, combined = found.orders
    assert [(o.order.order_id, o.order.product, o.order.priority) for o in found.orders] == [
        ("KIT00001", "ariac_kit", 0),
        ("ASM00002", "ariac_assembly", 0),
        ("COM00003", "ariac_combined", 50),
    ]
    assert kit.parts == (WantedPart("blue_battery", 1, "quadrant 1"), WantedPart("red_sensor", 1, "quadrant 4"))
    assert (kit.tray, kit.carriers, kit.station, kit.line) == ("tray 2", ("agv1",), "warehouse", 23)
    assert assembly.parts[0].rpy_rad == (0.0, 0.0, -math.pi / 2) and assembly.parts[0].direction == (0.0, 0.0, -1.0)
    assert [o.release for o in found.orders] == [
        Release(after_s=0.0),
        Release(after_order="KIT00001"),
        Release(after_part="blue_battery", at="agv1"),
    ]
    assert combined.station == "as4"
    assert found.stock == (
        StockItem("blue_battery", 2, "bin1", flipped=True),
        StockItem("green_pump", 1, "agv2"),
        StockItem("red_sensor", 2, "conveyor_belt"),
    )
    assert found.trays == (("tray 2", "slot 1"), ("tray 5", "slot 4"))
    assert [kind for kind, _ in found.challenges] == ["faulty_part", "robot_malfunction"]


def test_the_names_of_our_products_can_be_given():
    found = read(TRIAL, names={"ariac_kit": "sensor_kit/blue"})
    assert (found.orders[0].order.product, found.orders[0].order.lines[0].variant) == ("sensor_kit", "blue")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "rotation: pi}",
            "rotation: 'p1/2'}",
            "trial.yaml:11:61: parts.agvs.agv2.parts[0].rotation: not accepted (text 'p1/2')",
        ),
        (
            "rpy: [0, 0, -pi/2]",
            "rpy: [0, 0, pi/0]",
            "trial.yaml:44:64: orders[1].assembly_task.products[0].assembled_pose.rpy[2]",
        ),
        (
            "color: blue, quadrant: 1",
            "color: orange, quadrant: 1",
            "trial.yaml:32:11: orders[0].kitting_task.products[0]: no bin holds the orange battery",
        ),
        ("active: true", "active: false", "orders[0].kitting_task.products[1]: no bin holds the red sensor"),
        (
            "agv_number: [2]",
            "agv_number: [3, 4]",
            "orders[1].assembly_task.products[0]: no carrier of the order holds the green pump",
        ),
        (
            "tray_id: 2",
            "tray_id: 7",
            "trial.yaml:29:16: orders[0].kitting_task.tray_id: there is no tray 7; trays that are there: 2, 5.",
        ),
        ("slots: [1, 4]", "slots: [1]", "trial.yaml:4:10: kitting_trays.slots: 2 trays are in 1 slots"),
        ("slots: [1, 4]", "slots: [4, 4]", "trial.yaml:4:14: kitting_trays.slots[1]: slot 4 is taken twice"),
        ("slots: [1, 2]", "slots: [1, 1]", "parts.bins.bin1[0].slots[1]: slot 1 of bin1 is taken twice"),
        ("quadrant: 4", "quadrant: 1", "orders[0].kitting_task.products[1].quadrant: quadrant 1 is taken twice"),
        (
            "    type: kitting",
            "    type: kitting\n    type: kitting",
            "trial.yaml:25:5: orders[0].type: the key 'type' stands twice",
        ),
        ("id: ASM00002", "id: KIT00001", "trial.yaml:34:9: orders[1].id: the id 'KIT00001' stands twice"),
        (
            "{order_id: KIT00001}}",
            "{order_id: KIT00009}}",
            "there is no order 'KIT00009'; orders: ASM00002, COM00003, KIT00001.",
        ),
        ("{time_condition: 0}", "{submission_condition: {order_id: ASM00002}}", "the order 'KIT00001' waits for itself"),
        (
            "{time_condition: 0}",
            "{}",
            "orders[0].announcement: there are 0 conditions; one of time_condition, part_place_condition",
        ),
        (
            "type: combined",
            "type: kitting",
            "orders[2]: the key 'kitting_task' is missing; an order of type 'kitting' has it. Is 'combined_task' meant?",
        ),
        ("time_limit: 300", "time_limit: -5", "trial.yaml:1:13: time_limit: out of range (-5)"),
        ("offset: -0.5", "offset: -1.5", "parts.conveyor_belt.parts_to_spawn[0].offset: out of range (-1.5)"),
        ("bin3:", "bin9:", "trial.yaml:15:5: parts.bins.bin9: unknown key 'bin9'"),
        ("assembly_direction: [0, -1, 0]", "assembly_direction: [0, -2, 0]", "the length of the direction is 2; it is 1."),
        (
            "faulty_part: {order_id: KIT00001",
            "faulty_part: {order_id: NONE0001",
            "challenges[0].faulty_part.order_id: there is no order 'NONE0001'",
        ),
        ("      time_condition: 10\n", "", "challenges[1].robot_malfunction: there are 0 conditions"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, text: str):
    assert any(text in line for line in told(changed(old, new))), told(changed(old, new))


@pytest.mark.parametrize(
    ("challenge", "text"),
    [
        (
            "  - faulty_part:\n    order_id: KIT00001\n    quadrant1: true\n",
            "it is not clear what 'order_id' belongs to: it stands beside 'faulty_part'; indent it below 'faulty_part:'.",
        ),
        (
            "  - faulty_part: {order_id: KIT00001}\n    dropped_part: {robot: floor_robot}\n",
            "two challenges are one entry (faulty_part, dropped_part); begin each with '- '.",
        ),
        ("  - duration: 20.0\n    time_condition: 5\n", "it is not said which challenge this is ('duration')"),
        ("  - human:\n", "'human' says nothing; its keys stand below it. Indent them."),
        (
            "  - sensor_blackout:\n      duration: 5.0\n      sensors_to_disable: [lidar]\n      time_condition: 1\n"
            "      announcement: {time_condition: 2}\n",
            "conditions stand both below 'announcement' and beside it (time_condition)",
        ),
    ],
)
def test_a_challenge_that_can_be_read_in_two_ways_is_told_once(challenge: str, text: str):
    found = told(read(TRIAL + challenge))
    assert len(found) == 1 and text in found[0]


def test_an_order_with_a_mistake_is_left_out_and_the_others_are_there():
    found = changed("quadrant: 4}", "quadrant: 5}")
    assert [o.order.order_id for o in found.orders] == ["ASM00002", "COM00003"]


def test_too_few_parts_are_a_note_for_that_is_a_challenge_of_the_competition():
    found = changed("number: 2", "number: 1")
    assert told(found) == []
    assert any("orders want 2 of red sensor, there are 1" in str(note) for note in found.notes)


def test_an_order_that_is_announced_later_is_told_for_ours_may_start_at_once():
    later = [note for note in changed("number: 2", "number: 2").notes if "announces the order later" in note.what]
    assert [note.where for note in later] == ["orders[1].announcement", "orders[2].announcement"]
    assert "here it may start as soon as it is handed in." in later[0].remedy


JUNK = st.sampled_from([None, True, -1, 3.5, "", "x", [], [[1]], {}, {"a": 1}, [{"type": []}], "pi/0", 10**17])


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 10**6), JUNK, st.booleans()), min_size=1, max_size=3))
def test_a_trial_with_anything_anywhere_never_breaks_the_importer(
    changes: list[tuple[int, object, bool]],
):
    data = parse_source(TRIAL, "trial.yaml").data
    for number, junk, removed in changes:
        places = list(_places(data))
        holder, key = places[number % len(places)]
        if removed:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(junk)
        if not list(_places(data)):
            break
    found = read(yaml.safe_dump(data))
    assert all(str(issue).startswith("trial.yaml:") for issue in (*found.issues, *found.notes))


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of some data, as what holds it and where."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield data, key
        yield from _places(value)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(["", "-", "+"]))
def test_angles_are_numbers_or_multiples_of_pi(k: int, m: int, sign: str):
    wanted = (-1 if sign == "-" else 1) * k * math.pi / m
    assert angle_rad(f"{sign}{k}*pi/{m}") == pytest.approx(wanted)
    assert angle_rad(f"{sign}pi/{m}") == pytest.approx(wanted / k)
    assert angle_rad(f"{sign}{k}.5") == pytest.approx((-1 if sign == "-" else 1) * (k + 0.5))


@pytest.mark.parametrize("text", ["p1/2", "pi/", "pi/0", "*pi", "2*3", "pi*2", "", "nan", "pi/2/2", "--pi"])
def test_other_texts_are_no_angles(text: str):
    with pytest.raises(ValueError, match=r"an angle is a number or k\*pi/m"):
        angle_rad(text)
