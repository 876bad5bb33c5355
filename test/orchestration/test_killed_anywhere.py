"""Whoever dies at whatever instant: the order ends, nothing is done twice, nothing is lost, and the bench agrees.

A few kills here; `bench/kill_anywhere.py` makes a thousand.
"""

from __future__ import annotations

import logging

import pytest
from mortal_cell import Kill, aftermath
from skill_bench import valve_line

from microcell.skills.runner import SkillRunner


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL + 1)  # what a program says as it is killed


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_instant_the_cell_converges_and_asks_nobody(seed: int):
    came = aftermath(valve_line(), Kill.of(seed, 1), quantity=1)
    assert came.wrong == ()
    assert came.repeated == ()
    assert came.lost == ()
    assert (came.asked, came.scrapped) == ((), 0)


def test_what_nobody_can_know_is_asked_and_the_unit_made_anew(monkeypatch):
    """As with a skill from outside that says nothing about interruptions."""
    from microcell.skills.assembly.insert import Insert
    from microcell.skills.contract import Skill

    monkeypatch.setattr(Insert, "reconcile", Skill.reconcile)
    came = aftermath(valve_line(), Kill("both", "fact", 23.0, False, 3.0), quantity=1)
    assert came.asked == ("OUTCOME_UNKNOWN insert_membrane",)
    assert (came.wrong, came.repeated, came.lost, came.scrapped) == ((), (), (), 1)


def test_the_judge_notices_an_operation_that_is_done_again(monkeypatch):
    """The measure measures: a runner that takes a label for not printed puts another on it."""
    honest = SkillRunner._looked_at

    async def forgetful(runner, context, known):  # type: ignore[no-untyped-def]
        result = await honest(runner, context, known)
        return runner._interrupted(context, "says a liar") if context.goal.operation == "label_unit" else result

    monkeypatch.setattr(SkillRunner, "_looked_at", forgetful)
    came = aftermath(valve_line(), Kill("both", "fact", 75.0, True, 3.0), quantity=1)
    assert len(came.repeated) == 1 and came.repeated[0].startswith("label_area of unit ")
