"""The PackML state model."""

import pytest

from microcell.errors import UsageError
from microcell.orchestration.packml import ACTING, RUNNING, Command, State, after_command, legal_commands, transitions

# StateNumber of each state in the OPC 30050 companion specification
OPC_30050 = {
    "Clearing": 1, "Stopped": 2, "Starting": 3, "Idle": 4, "Suspended": 5, "Execute": 6, "Stopping": 7, "Aborting": 8,
    "Aborted": 9, "Holding": 10, "Held": 11, "Unholding": 12, "Suspending": 13, "Unsuspending": 14, "Resetting": 15,
    "Completing": 16, "Complete": 17,
}  # fmt: skip


def test_the_states_have_the_numbers_of_opc_30050():
    assert {state.title: int(state) for state in State} == OPC_30050


def test_there_are_51_legal_transitions():
    assert len(transitions()) == 51


def test_stop_is_legal_in_the_twelve_running_states_only():
    assert {s for s in State if Command.STOP in legal_commands(s)} == set(RUNNING)
    assert len(RUNNING) == 12


def test_abort_is_legal_everywhere_but_while_aborting_and_aborted():
    assert {s for s in State if Command.ABORT not in legal_commands(s)} == {State.ABORTING, State.ABORTED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", Command)
def test_a_command_leads_to_a_state_or_is_refused_with_the_legal_ones(state: State, command: Command):
    if command in legal_commands(state):
        assert (state, after_command(state, command)) in transitions()
        return
    with pytest.raises(UsageError) as refused:
        after_command(state, command)
    assert f"{command.title} is not legal in {state.title}. Legal now: " in str(refused.value)
    assert all(legal.title in str(refused.value) for legal in legal_commands(state))


def test_every_acting_state_ends_by_itself_and_no_waiting_one_does():
    assert set(ACTING) == {s for s in State if s.title.endswith("ing")}
