"""Schedules of faults: their file, what is refused, and what a seed draws."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.fault_schedule import ScheduledFault, Scope, checked, random_schedule, refusals, with_size
from microcell.description.injectable import CONDITIONS, INJECTABLE
from microcell.description.injectable_kinds import DEVICE_KINDS, PROGRAM_KINDS
from microcell.description.loader import check_paths, load_faults, load_line
from microcell.errors import ConfigError, UsageError

LINE = load_line("valve")
CONFIG = Path(__file__).parents[2] / "config"
LINES = sorted((CONFIG / "lines").glob("*.yaml"))
SHIPPED = CONFIG / "faults" / "valve_bad_morning.yaml"
GOOD = """\
kind: fault_schedule
name: drill
line: valve
faults:
  - {fault: gripper.slip, where: parallel_gripper, operation: pick_cap, size: 0.6 s}
  - {fault: feeder.empty, where: nest_2, after_s: 120.0, condition: holding}
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "drill.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_schedule_is_read_from_its_file(tmp_path):
    slip, empty = load_faults(written(tmp_path), LINE)
    assert (slip.fault, slip.where, slip.operation, slip.how_large, slip.how_often) == (
        "gripper.slip", "parallel_gripper", "pick_cap", 0.6, 1,
    )  # fmt: skip
    assert (empty.after_s, empty.condition, empty.nth) == (120.0, "holding", 1)


def test_the_shipped_schedule_has_no_mistakes():
    assert check_paths([SHIPPED]) == ()
    assert len(load_faults(SHIPPED, LINE)) == 7


@pytest.mark.parametrize(("old", "new", "said"), [
    ("gripper.slip", "gripper.slop",
     "5:13: faults[0].fault: there is no injectable fault 'gripper.slop'; did you mean 'gripper.slip'? Correct the name."),
    ("gripper.slip", "node.killed",
     "faults[0].fault: the virtual world does not have this fault ('node.killed'); schedule it in a running cell"),
    ("where: nest_2", "where: nest_9", "faults[1].where: there is no device 'nest_9'; "),
    ("where: nest_2", "where: printer", "faults[1].where: it does not happen to a printer ('printer'); there are: nest_1,"),
    ("feeder.empty, where: nest_2", "feeder.thick_part, where: screws_1",
     "faults[1].where: it does not happen to what is in this feeder ('screws_1'); there are: nest_2, nest_3, "),
    ("feeder.empty, where: nest_2", "feeder.weak_cell, where: nest_2",
     "faults[1].fault: nothing on this line can have 'feeder.weak_cell'; leave it out, or take another line."),
    ("pick_cap", "pick_cup", "faults[0].operation: there is no operation 'pick_cup'; did you mean 'pick_cap'?"),
    ("0.6 s", "0.6 mm", "faults[0].size: another unit is needed ('0.6 mm'); 0 to 10 s are allowed: time from the grasp"),
    ("0.6 s", "60 s", "faults[0].size: out of bounds ('60 s'); 0 to 10 s are allowed: time from the grasp to the slip."),
    ("after_s: 120.0", "size: 1 s", "faults[1].size: 'feeder.empty' has no size ('1 s'); it happens or it does not."),
    ("holding", "hungry", "faults[1].condition: not allowed (text 'hungry'); one of holding, empty_handed,"),
    ("line: valve", "line: valves", "line: there is no line 'valves' in"),
    ("after_s: 120.0", "after_s: -1.0", "faults[1].after_s: out of range (-1.0)"),
    ("after_s: 120.0", "afterwards: 1", "faults[1].afterwards: unknown key"),
])  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path, old, new, said):
    with pytest.raises(ConfigError) as error:
        load_faults(written(tmp_path, (old, new)), LINE)
    assert said in str(error.value)


def test_a_schedule_of_another_line_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"3:7: line: these faults are for 'valve'; this run is of 'valve_twin'"):
        load_faults(written(tmp_path), load_line("valve_twin"))


def test_a_fault_of_another_world_is_refused_in_code_as_well():
    with pytest.raises(UsageError, match="'node.hung' cannot be injected in the world 'virtual', only in: mock"):
        checked(LINE, ScheduledFault(fault="node.hung"), "virtual")
    with pytest.raises(UsageError, match="it does not happen to a gripper"):
        checked(LINE, ScheduledFault(fault="vacuum.leak", where="parallel_gripper"), "virtual")


def test_a_size_gets_its_unit_and_only_where_there_is_one():
    assert with_size(ScheduledFault(fault="gripper.slip"), 0.5).size == "0.5 s"
    with pytest.raises(UsageError, match="'feeder.empty' has no size"):
        with_size(ScheduledFault(fault="feeder.empty"), 0.5)


@settings(max_examples=50)
@given(st.integers(), st.integers(0, 30), st.floats(0.0, 1e4), st.booleans())
def test_a_seed_always_draws_the_same_faults_and_all_can_happen(seed, count, within_s, recoverable):
    drawn = random_schedule(LINE, seed, count, within_s, recoverable)
    assert drawn == random_schedule(LINE, seed, count, within_s, recoverable)
    assert len(drawn) == count
    for fault in drawn:
        assert checked(LINE, fault, "virtual") is fault
        assert fault.fault not in ("feeder.broken_latch", "feeder.weak_cell")  # the valve has no such parts
        assert 0.0 <= fault.after_s <= within_s + 0.1
        assert INJECTABLE[fault.fault].recoverable or not recoverable


def test_the_catalogue_has_forty_faults_and_more_and_each_fits_something_on_a_line():
    scopes = [Scope.of(load_line(path)) for path in LINES]
    assert len(INJECTABLE) >= 40
    for name in INJECTABLE:
        fits = [scope for scope in scopes if scope.fitting(name)]
        assert fits, name
        assert list(refusals(fits[0], ScheduledFault(fault=name))) == []


def test_every_kind_of_device_that_a_skill_asks_can_have_a_fault_of_its_own():
    own = {kind for name, entry in INJECTABLE.items() if not name.startswith("device.") for kind in entry.fits}
    assert {*DEVICE_KINDS, *PROGRAM_KINDS} - own == {"bin"}  # no skill asks a bin for anything


def test_a_fault_of_a_part_fits_the_feeders_whose_parts_can_have_it():
    scope = Scope.of(LINE)
    of_parts = ("nest_2", "nest_3", "nest_4", "tray_1", "tray_2", "tray_3")  # caps and membranes; not bodies and screws
    assert scope.fitting("feeder.thick_part") == scope.fitting("feeder.wrong_part") == of_parts
    assert scope.fitting("feeder.turned_part") == of_parts[:3]
    assert scope.fitting("feeder.broken_latch") == ()
    assert Scope.of(load_line("controller")).fitting("feeder.broken_latch") == ("nest_3",)
    assert scope.fitting("feeder.empty") == tuple(LINE.feeders)


def test_where_a_turned_part_stands_out_of_the_unit_under_the_fingers_a_person_is_needed_and_no_seed_draws_it():
    by_hand = {path.stem: sorted(Scope.of(load_line(path)).by_hand["feeder.turned_part"]) for path in LINES}
    uppers = [f"nest_{number}" for number in range(5, 11)]
    assert {name: feeders for name, feeders in by_hand.items() if feeders} == {"footwear": sorted(uppers)}
    line = load_line("footwear")
    scope = Scope.of(line)
    assert [at for at in scope.fitting("feeder.turned_part") if at not in scope.alone("feeder.turned_part")] == uppers
    assert scope.alone("fixture.blind") == ()
    drawn = [fault for seed in range(40) for fault in random_schedule(line, seed, 50)]
    assert all(fault.where in scope.alone(fault.fault) for fault in drawn)
    assert any(fault.fault == "feeder.turned_part" for fault in drawn)
    anyhow = [fault.where for seed in range(40) for fault in random_schedule(line, seed, 50, recoverable=False)]
    assert "fixture_1" in anyhow


def test_the_conditions_of_the_model_are_the_documented_ones():
    annotation = str(ScheduledFault.model_fields["condition"].annotation)
    assert all(f"'{name}'" in annotation for name in CONDITIONS)
    assert annotation.count("'") == 2 * len(CONDITIONS)
