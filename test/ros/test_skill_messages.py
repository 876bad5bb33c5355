"""Skill goals, results and faults survive the way through their messages."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("microcell_interfaces", reason="microcell_interfaces is not built: make env")

from microcell.errors import UsageError
from microcell.faults import CATALOGUE, Fault
from microcell.measurement import Measurement
from microcell.ros.convert_skills import (
    fault_message,
    fault_of,
    goal_message,
    goal_of,
    result_message,
    result_of,
    stamp,
    unix_s,
)
from microcell.skills.contract import Lease, Outcome, PartUse, SkillGoal, SkillResult
from microcell_interfaces.msg import Parameter

EPOCH_S = 1_767_225_600.0

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), floats, texts)
nested = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def a_goal(**changes) -> SkillGoal:
    fields = {
        "skill": "insert",
        "unit": "VLV-000001",
        "variant": "adult",
        "operation": "insert_cap",
        "attempt_id": "1.7",
        "parameters": {"force_limit_n": 30.0},
        "lease": Lease("VLV-000001/pick_cap", {"arm": "arm", "fixture": "fixture_1"}, 3),
    }
    return SkillGoal(**{**fields, **changes})


def a_message(**changes):
    message = goal_message(a_goal())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@given(st.dictionaries(texts, nested, max_size=4))
def test_parameters_of_every_kind_come_back_as_they_were(parameters):
    assert goal_of(goal_message(a_goal(parameters=parameters))).parameters == parameters


def test_a_goal_comes_back_as_it_was():
    assert goal_of(goal_message(a_goal())) == a_goal()


@pytest.mark.parametrize("mounted", [None, "", "PG-0007"])
def test_what_is_believed_to_be_mounted_comes_with_the_lease(mounted):
    goal = a_goal(lease=Lease("VLV-000001/pick_cap", {"arm": "arm"}, 3, mounted))
    assert goal_of(goal_message(goal)) == goal


def test_a_parameter_that_no_message_can_carry_is_refused():
    with pytest.raises(UsageError, match="parameter 'tool' is a object, which no message can carry"):
        goal_message(a_goal(parameters={"tool": object()}))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"attempt_id": ""}, "attempt_id is empty: give each attempt its own"),
        ({"parameters": [Parameter(name="x", type=9)]}, "the parameter 'x': type 9 is not one of 1"),
        ({"parameters": [Parameter(name="x", type=5, string_value="[1, 2")]}, "the parameter 'x': while parsing"),
        (
            {"parameters": [Parameter(name="x", type=1), Parameter(name="x", type=2)]},
            "the parameter 'x' is given twice",
        ),
    ],
)
def test_a_malformed_goal_is_told_what_is_wrong(changes, text):
    with pytest.raises(UsageError) as told:
        goal_of(a_message(**changes))
    assert text in str(told.value)


def test_a_lease_with_a_kind_too_many_is_refused():
    message = a_message()
    message.lease.kinds = ["arm", "arm", "fixture"]
    with pytest.raises(UsageError, match="3 kinds for 2 resources: one each; the lease names the kind 'arm' twice"):
        goal_of(message)


measurements = st.builds(
    Measurement,
    name=texts,
    value=floats,
    unit=texts,
    lower=st.none() | floats,
    upper=st.none() | floats,
    text=texts,
    uncertainty=st.none() | floats,
    source=texts,
)
faults = st.builds(
    Fault,
    code=st.sampled_from(sorted(CATALOGUE)),
    where=texts,
    detail=texts,
    unit=texts,
    operation=texts,
    time_s=st.none() | st.integers(0, 10**6).map(float),
)
results = st.builds(
    SkillResult,
    outcome=st.sampled_from(Outcome),
    message=texts,
    fault=st.none() | faults,
    disposition=st.sampled_from(["", "accept", "rework", "scrap"]),
    measurements=st.lists(measurements, max_size=3).map(tuple),
    failed_checks=st.lists(texts, max_size=3).map(tuple),
    duration_s=st.integers(0, 10**6).map(float),
    parts=st.lists(st.builds(PartUse, texts, texts), max_size=3).map(tuple),
    tool_serial=texts,
    carton=texts,
    image_sha256=texts,
)


@given(results)
def test_a_result_comes_back_as_it_was(result):
    assert result_of(result_message(result, EPOCH_S), EPOCH_S) == result


@given(faults)
def test_a_fault_carries_its_meaning_from_the_catalogue(fault):
    message = fault_message(fault, EPOCH_S)
    kind = CATALOGUE[fault.code]
    assert (message.cause, message.remedy, message.actor) == (kind.cause, kind.remedy, kind.actor.value)
    assert fault_of(message, EPOCH_S) == fault


def test_no_fault_is_the_empty_message():
    assert fault_message(None, EPOCH_S).code == ""
    assert fault_of(fault_message(None, EPOCH_S), EPOCH_S) is None


def test_a_fault_of_another_release_is_a_result_that_cannot_be_read():
    message = result_message(SkillResult(Outcome.FAULT, ""), EPOCH_S)
    message.fault.code = "FLUX_TOO_LOW"
    with pytest.raises(UsageError, match="cannot be read: 'FLUX_TOO_LOW' is not in the fault catalogue"):
        result_of(message, EPOCH_S)


@given(st.integers(0, 2**31 - 1), st.integers(0, 999_999))
def test_stamps_keep_a_microsecond(seconds, microseconds):
    time_s = seconds + microseconds * 1e-6
    back = unix_s(stamp(time_s))
    assert back is None if time_s == 0.0 else math.isclose(back, time_s, abs_tol=1e-6)
