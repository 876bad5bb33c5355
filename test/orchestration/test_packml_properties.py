"""Whatever is commanded and whatever happens: only legal transitions are taken, and the times add up."""

import pytest
from fake_shop_floor import fault, floor
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.clock import LoopClock, run_virtual
from microcell.devices.safety.contract import Stops
from microcell.errors import UsageError
from microcell.orchestration.machine import StateMachine
from microcell.orchestration.packml import ACTING, Command, Mode, State, transitions
from microcell.records.packml import PackmlFold

UNITS = ("", "fixture_1", "fixture_2", "arm", "nest_1", "printer")
CODES = ("FIXTURE_NOT_CLAMPED", "GRIP_NOTHING_HELD", "ARM_STOPPED", "FEEDER_JAMMED", "ARM_PROTECTIVE_STOP")

machine_moves = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.sampled_from(Command)),
        st.tuples(st.just("finish"), st.none()),
        st.tuples(st.just("go"), st.sampled_from(State)),
        st.tuples(st.just("mode"), st.sampled_from(Mode)),
        st.tuples(st.just("wait"), st.floats(0.0, 1e4)),
    ),
    max_size=40,
)

cell_moves = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.sampled_from(UNITS), st.sampled_from(Command)),
        st.tuples(st.just("mode"), st.sampled_from(UNITS), st.sampled_from(Mode)),
        st.tuples(st.just("wait"), st.just(""), st.floats(0.1, 40.0)),
        st.tuples(st.just("fault"), st.sampled_from(UNITS[1:]), st.sampled_from(CODES)),
        st.tuples(st.just("press"), st.just(""), st.booleans()),
        st.tuples(st.just("order"), st.just(""), st.integers(1, 3)),
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=150)
@given(machine_moves)
def test_a_machine_takes_legal_transitions_only_and_its_times_add_up(moves):
    async def story():
        clock, seen = LoopClock(0.0), []
        machine = StateMachine("unit", clock)
        machine.listeners.append(lambda before, after: seen.append((before, after)))
        for what, value in moves:
            before, legal = machine.state, machine.legal_commands
            try:
                if what == "command":
                    machine.command(value)
                    assert value in legal
                elif what == "finish":
                    assert machine.finish() is ACTING[before]
                elif what == "go":
                    machine.go(value, "")
                elif what == "mode":
                    machine.set_mode(value)
                else:
                    await clock.sleep(value)
            except UsageError:
                assert machine.state is before and (what != "command" or value not in legal)
        now_s = clock.now()
        for watch in (machine.record.state, machine.record.mode):
            assert sum(watch.cumulative_s(now_s).values()) == pytest.approx(now_s)
            assert watch.current_s(now_s) <= watch.cumulative_s(now_s)[watch.name] + 1e-6
        return seen

    assert set(run_virtual(story())) <= transitions()


@settings(max_examples=60)
@given(cell_moves)
def test_a_cell_takes_legal_transitions_only_its_times_add_up_and_the_journal_tells_the_same(moves):
    steps = run_virtual(_cell(moves))
    assert set(steps) <= transitions()


async def _cell(moves):
    faults, steps = [], []

    def script(goal):
        where = next((w for w, _ in faults if w in goal.lease.resources.values()), None)
        if where is None:
            return None
        code = next(code for w, code in faults if w == where)
        faults.remove((where, code))
        return fault(code, where)

    async with floor(script) as shop:
        controller = shop.controller
        for machine in controller.packml.machines.values():
            machine.listeners.append(lambda before, after: steps.append((before, after)))
        for move in moves:
            await _do(shop, faults, *move)
            _nobody_works_where_he_must_not(shop)
        await controller.close()
        _times_add_up(shop)
    return steps


async def _do(shop, faults, what, unit, value):
    controller = shop.controller
    try:
        if what == "command":
            controller.command(value, "test", unit)
        elif what == "mode":
            controller.set_mode(value, "test", unit)
        elif what == "fault":
            faults.append((unit, value))
        elif what == "press":
            shop.safety.tell(Stops(("panel",) if value else ()))
            await shop.clock.sleep(0.1)
        elif what == "order":
            shop.order(value)
        else:
            await shop.clock.sleep(value)
    except UsageError as error:
        assert "." in str(error)


def _nobody_works_where_he_must_not(shop):
    for name, machine in shop.controller.packml.machines.items():
        if name and machine.state in (State.ABORTED, State.STOPPED, State.HELD, State.SUSPENDED):
            assert name not in shop.port.running, f"{name} is used in {machine.state.title}"
        if name and not machine.record.attempts:
            assert machine.state is not State.EXECUTE


def _times_add_up(shop):
    now_s, folded = shop.clock.now(), PackmlFold()
    for event in shop.journal.events():
        folded.apply(event)
    for name, machine in shop.controller.packml.machines.items():
        for watch in (machine.record.state, machine.record.mode):
            assert sum(watch.cumulative_s(now_s).values()) == pytest.approx(now_s)
        if name in folded.units:
            told = folded.units[name]
            # only the controller knows that a chain or a unit still has a station that is about to stop
            ending = machine.state in (State.STOPPING, State.HOLDING, State.SUSPENDING) and name
            assert told.state.name == (ACTING[machine.state] if ending else machine.state).title
            assert told.mode.name == machine.mode.title
            counts = (machine.record.processed, machine.record.defective, machine.record.mode_changes)
            assert (told.processed, told.defective, told.mode_changes) == counts
