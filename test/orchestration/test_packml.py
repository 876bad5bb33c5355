"""The PackML state model against the standard's table, and against the OPC Foundation's nodeset where that is at hand."""

from itertools import pairwise

import opc_nodeset
import pytest
from packml_table import COMMANDS, MODE_NUMBERS, STATE_NUMBERS, TRANSITIONS

from microcell.clock import LoopClock, run_virtual
from microcell.errors import UsageError
from microcell.orchestration.machine import StateMachine, way
from microcell.orchestration.packml import ACTING, Command, Mode, State, after_command, legal_commands, transitions

STEPS = {**{(s.title, c.title): after_command(s, c).title for s in State for c in legal_commands(s)},
         **{(start.title, ""): end.title for start, end in ACTING.items()}}  # fmt: skip


def machine(state: State = State.STOPPED, mode: Mode = Mode.PRODUCTION) -> StateMachine:
    """A machine of its own in a state and a mode."""

    async def made() -> StateMachine:
        found = StateMachine("fixture_1", LoopClock(0.0))
        found.set_mode(mode)
        found.go(state, "test")
        return found

    return run_virtual(made())


def test_states_modes_and_commands_have_the_numbers_of_the_standard():
    assert {state.title: int(state) for state in State} == STATE_NUMBERS
    assert {mode.title: int(mode) for mode in Mode} == MODE_NUMBERS
    assert tuple(command.title for command in sorted(Command)) == COMMANDS


def test_there_are_51_legal_transitions_and_they_are_those_of_the_standard():
    assert STEPS == TRANSITIONS
    assert len(STEPS) == len(transitions()) == 51


@pytest.mark.skipif(not opc_nodeset.NODESET.is_file(), reason=f"the nodeset is not at hand ({opc_nodeset.NODESET})")
def test_the_table_says_what_the_nodeset_says():
    model = opc_nodeset.read(opc_nodeset.NODESET)
    assert {s: n for s, n in model.numbers.items() if s not in opc_nodeset.SUPERSTATES} == STATE_NUMBERS
    assert model.modes == MODE_NUMBERS
    assert model.transitions == TRANSITIONS


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", Command)
def test_a_machine_carries_out_a_legal_command_and_refuses_any_other_with_the_legal_ones(state: State, command: Command):
    found = machine(state)
    expected = TRANSITIONS.get((state.title, command.title))
    if expected is not None:
        assert command in found.legal_commands
        assert found.command(command, "because").title == expected
        assert (found.state.title, found.reason) == (expected, "because")
        return
    with pytest.raises(UsageError) as refused:
        found.command(command)
    legal = [name for start, name in TRANSITIONS if start == state.title and name]
    assert str(refused.value).startswith(f"{command.title} is not legal in {state.title}. Legal now: ")
    assert sorted(str(refused.value).partition("Legal now: ")[2].rstrip(".").split(", ")) == sorted(legal or ["none"])
    assert found.state is state


@pytest.mark.parametrize("state", State)
def test_an_acting_state_ends_by_itself_and_a_waiting_one_does_not(state: State):
    found = machine(state)
    if state.title.endswith("ing"):
        assert found.finish().title == TRANSITIONS[state.title, ""]
    else:
        with pytest.raises(UsageError, match=f"{state.title} does not end by itself"):
            found.finish()


@pytest.mark.parametrize("mode", [Mode.MAINTENANCE, Mode.MANUAL])
def test_outside_of_production_nothing_is_started(mode: Mode):
    found = machine(State.IDLE, mode)
    with pytest.raises(UsageError) as refused:
        found.command(Command.START)
    assert str(refused.value) == (f"Start is not legal in {mode.title} mode, only in Production. Legal now: Stop, Abort.")
    assert Command.START not in found.legal_commands


@pytest.mark.parametrize("state", State)
def test_the_mode_changes_in_stopped_idle_and_aborted_only(state: State):
    found = machine(state)
    if state in (State.STOPPED, State.IDLE, State.ABORTED):
        found.set_mode(Mode.MANUAL)
        assert (found.mode, found.record.mode_changes) == (Mode.MANUAL, 1)
        found.set_mode(Mode.MANUAL)
        assert found.record.mode_changes == 1
        return
    with pytest.raises(UsageError) as refused:
        found.set_mode(Mode.MANUAL)
    assert str(refused.value) == f"the mode cannot change in {state.title}, only in Stopped, Idle, Aborted."
    assert found.mode is Mode.PRODUCTION


@pytest.mark.parametrize("start", State)
@pytest.mark.parametrize("target", State)
def test_from_every_state_a_legal_way_leads_to_every_other(start: State, target: State):
    states = (start, *way(start, target))
    assert states[-1] is target
    assert set(pairwise(states)) <= transitions()


def test_what_cannot_be_recorded_does_not_happen():
    def refuse(name: str, reason: str) -> None:
        raise OSError("the disk is full")

    async def tried() -> StateMachine:
        found = StateMachine("cell", LoopClock(0.0), record_state=refuse, record_mode=refuse)
        with pytest.raises(OSError, match="full"):
            found.command(Command.RESET)
        with pytest.raises(OSError, match="full"):
            found.set_mode(Mode.MANUAL)
        return found

    found = run_virtual(tried())
    assert (found.state, found.mode) == (State.STOPPED, Mode.PRODUCTION)


def test_a_listener_sees_every_step_of_a_way():
    found, seen = machine(State.IDLE), []
    found.listeners.append(lambda before, after: seen.append((before.title, after.title)))
    found.go(State.HELD, "test")
    assert seen == [("Idle", "Starting"), ("Starting", "Holding"), ("Holding", "Held")]
