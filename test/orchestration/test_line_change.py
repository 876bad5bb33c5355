"""A running cell changes its line: what becomes of the units in work, who is asked what, and what the journal says."""

import asyncio

import pytest
from changing_line import (
    TWO_LINES,
    Person,
    begun,
    broken_rules,
    change_is_over,
    copy_of,
    not_done,
    on_flange,
)
from fake_shop_floor import VALVE, Floor, fault, floor, once, rejected
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.clock import run_virtual
from microcell.errors import UsageError
from microcell.events import Event
from microcell.orchestration.lines import Phase
from microcell.orchestration.packml import Command, State
from microcell.orchestration.work import OrderStatus

SET_UP = (
    "fixture_1", "fixture_2", "nest_1", "nest_2", "nest_3", "nest_4", "tray_1", "tray_2", "tray_3", "printer", "cartons",
)  # fmt: skip
"""What controllers want otherwise than valves; the screws of screws_1 are the same."""


def test_valve_to_controller_and_back():
    async def story():
        async with floor(line=TWO_LINES) as bench:
            person = Person(bench)
            valves = bench.order(4)
            controllers = bench.order(2, None, "controller")
            await bench.clock.sleep(60)
            waits = bench.controller.order(controllers).job
            change = await bench.controller.line_change.begin(["controller"], by="anna")
            assert (waits.state.title, waits.why) == ("AllowedToStart", "the cell is set up for valve")
            assert [step.station for step in change.steps] == ["", *SET_UP]
            assert (await bench.controller.order_ended(controllers)).status is OrderStatus.COMPLETED
            assert bench.controller.order(valves).status is OrderStatus.RUNNING
            await change_is_over(bench)
            await bench.controller.line_change.begin(["valve"])
            assert (await bench.controller.order_ended(valves)).good == 4
            await change_is_over(bench)
            assert begun(bench.journal) == ["valve", "valve", "controller", "controller", "valve", "valve"]
            assert bench.port.feeders["nest_1"].set_up_for == ["controller", "valve"]
            assert person.texts[2] == "nest_1: take out body, fill in base"
            assert broken_rules(bench.journal.events()) == []
            return [e for e in bench.journal.events() if isinstance(e, events.LineChangeEnded)]

    ended = run_virtual(story())
    assert [event.outcome for event in ended] == ["completed", "completed"]
    assert ended[0].reason == "from valve to controller: 12 steps, 1 first articles"
    assert 60 < ended[0].duration_s < 300


def test_the_next_unit_is_begun_only_after_the_first_has_passed():
    async def story():
        async with floor(line=TWO_LINES) as bench:
            Person(bench)
            await bench.controller.line_change.begin(["controller"])
            order = bench.order(3, None, "controller")
            await bench.controller.order_ended(order)
            return [(e.kind, getattr(e, "unit", "")) for e in bench.journal.events()
                    if e.kind in ("unit.started", "unit.ended", "line.first_article")]  # fmt: skip

    told = run_virtual(story())
    assert told[:4] == [
        ("unit.started", "CTL-000001"), ("unit.ended", "CTL-000001"), ("line.first_article", "CTL-000001"),
        ("unit.started", "CTL-000002"),
    ]  # fmt: skip
    assert told[4] == ("unit.started", "CTL-000003")


@pytest.mark.parametrize(
    ("choice", "verdicts"), [("again", ["failed", "again", "passed"]), ("release", ["failed", "released"])]
)
def test_a_first_article_that_is_not_good_at_the_first_go_is_asked_about(choice, verdicts):
    failing = once("inspect_board", rejected("rework", "board_present"))

    async def story():
        async with floor(failing, TWO_LINES) as bench:
            person = Person(bench, lambda question: choice if choice in question.choices else question.choices[0])
            await bench.controller.line_change.begin(["controller"])
            order = bench.order(3, None, "controller")
            await bench.controller.order_ended(order)
            await change_is_over(bench)
            judged = [e for e in bench.journal.events() if isinstance(e, events.FirstArticleJudged)]
            return person.texts, judged

    texts, judged = run_virtual(story())
    assert texts[-1] == "first controller after the change, CTL-000001: rework: redo pick_board, insert_board"
    assert [event.verdict for event in judged] == verdicts
    assert judged[1].by == "anna"


def test_parked_units_rest_where_they_stand_and_are_finished_when_their_line_is_back():
    async def story():
        line = TWO_LINES.model_copy(update={"max_units_in_work": 1})
        async with floor(line=line) as bench:
            Person(bench)
            valve = bench.order(1)
            await bench.clock.sleep(20)
            change = await bench.controller.line_change.begin(["controller"], "park")
            controllers = bench.order(2, None, "controller")
            await bench.controller.order_ended(controllers)
            parked = dict(bench.controller.shop.units["VLV-000001"].stations)
            before = [goal.operation for goal in bench.port.goals if goal.unit == "VLV-000001"]
            await change_is_over(bench)
            await bench.controller.line_change.begin(["valve"])
            ended = await bench.controller.order_ended(valve)
            await change_is_over(bench)
            every = [goal.operation for goal in bench.port.goals if goal.unit == "VLV-000001"]
            theirs = [goal.lease.resources for goal in bench.port.goals if goal.product == "controller"]
            used = {leased["fixture"] for leased in theirs if "fixture" in leased}
            return [step.station for step in change.steps], parked, before, every, used, ended.good

    steps, parked, before, every, used, good = run_virtual(story())
    assert parked == {"fixture": "fixture_1"} and used == {"fixture_2"}
    assert "fixture_1" not in steps and "fixture_2" in steps
    assert before and every[: len(before)] == before and len(every) == len(set(every))
    assert good == 1


def test_a_change_that_has_changed_nothing_can_be_cancelled_one_that_has_cannot():
    async def story():
        async with floor(line=TWO_LINES) as bench:
            first = []
            Person(bench, lambda question: question.choices[0] if not first and not first.append(1) else "")
            valves = bench.order(1)
            await bench.clock.sleep(10)
            await bench.controller.line_change.begin(["controller"])
            told = bench.controller.line_change.cancel("anna")
            await bench.controller.order_ended(valves)
            await bench.controller.line_change.begin(["controller"])
            await bench.clock.sleep(10)
            with pytest.raises(UsageError) as error:
                bench.controller.line_change.cancel("anna")
            return told, str(error.value), bench.controller.shop.lines.active

    told, refused, active = run_virtual(story())
    assert told == "C-0001 is cancelled; the cell makes valve"
    assert refused == "C-0002 has changed stations already: fixture_1. Let it end, then change back."
    assert active == ("valve",)


def refusal(names, how="drain", before=lambda bench: None):
    async def story():
        async with floor(line=TWO_LINES) as bench:
            before(bench)
            with pytest.raises(UsageError) as error:
                await bench.controller.line_change.propose(names, how)
            assert [e for e in bench.journal.events() if isinstance(e, events.LineChangeBegun)] == []
            return str(error.value)

    return run_virtual(story())


def test_what_the_cell_lacks_is_told_before_anything_is_changed():
    def without(name):
        return lambda bench: bench.controller.service.set_service(name, False, "worn")

    no_bit = refusal(["controller"], before=without("screwdriver"))
    assert no_bit.startswith("the cell cannot change: fasten_1 has no tool that may be used (TOOL_OUT_OF_SERVICE at screw")
    assert refusal(["controller"], before=without("nest_3")) == (
        "the cell cannot change: nest_3 is out of service, and 'controller' takes connector from it."
    )
    assert refusal(["controller"], before=without("printer")) == (
        "the cell cannot change: every printer for 'controller' is out of service (printer)."
    )


def test_a_change_to_what_is_no_line_or_made_already_is_refused():
    assert refusal(["controler"]) == (
        "this cell has no line 'controler', only valve, controller. Start it with --also LINE to have more."
    )
    assert refusal(["valve"]) == "the cell cannot change: it makes valve already."
    assert refusal([]) == "no line is named. This cell has: valve, controller."
    assert refusal(["controller"], "jump") == "'jump' is no way to leave a line; there are: drain, park. Correct the way."
    assert "fixture_1 holds jaws for body for 'valve' and jaws for base for 'controller'" in refusal(["valve", "controller"])


def history():
    """The events of a change there and back with an order of each line."""

    async def story():
        async with floor(line=TWO_LINES) as bench:
            Person(bench)
            orders = [bench.order(2), bench.order(2, None, "controller")]
            await bench.clock.sleep(30)
            await bench.controller.line_change.begin(["controller"])
            await bench.controller.order_ended(orders[1])
            await change_is_over(bench)
            return list(bench.journal.events())

    return run_virtual(story())


HISTORY = history()


@given(st.integers(1, len(HISTORY)))
@settings(max_examples=25)
def test_killed_after_any_event_it_comes_back_to_the_line_that_the_journal_says(length):
    told = HISTORY[:length]

    async def story():
        async with floor(line=TWO_LINES, journal=copy_of(told), on_flange=on_flange(told)) as bench:
            bench.port.settled = not_done
            lines = bench.controller.shop.lines
            changed = any(isinstance(event, events.LinesChanged) for event in told)
            assert lines.active == (("controller",) if changed else ("valve",))
            Person(bench)
            if not any(isinstance(event, events.LineChangeBegun) for event in told):
                return broken_rules(bench.journal.events())
            await change_is_over(bench)
            for order in bench.controller.shop.orders.values():
                if order.product == "controller":
                    await bench.controller.order_ended(order.order_id)
            assert lines.active == ("controller",) and lines.set_up["nest_1"] == "controller"
            return broken_rules(bench.journal.events())

    assert run_virtual(story()) == []


ACTS = st.lists(
    st.tuples(
        st.sampled_from(("valve", "controller")),
        st.sampled_from(("order", "change", "park", "cancel", "wait", "answer", "hold", "again")),
        st.integers(0, 90),
    ),
    max_size=14,
)


@given(ACTS)
@settings(max_examples=30)
def test_whatever_people_do_no_unit_is_begun_of_a_line_that_is_not_set_up_and_every_order_can_be_made(acts):
    async def story():
        async with floor(line=TWO_LINES) as bench:
            change = bench.controller.line_change
            for product, act, wait_s in acts:
                try:
                    if act == "order":
                        bench.order(1, None, product)
                    elif act in ("change", "park"):
                        await change.begin([product], "park" if act == "park" else "drain")
                    elif act == "cancel":
                        change.cancel()
                    elif act in ("answer", "again"):
                        for question in bench.controller.shop.questions.open():
                            bench.controller.service.answer(question.question, question.choices[0])
                except UsageError:
                    pass
                await asyncio.wait({asyncio.ensure_future(bench.clock.sleep(wait_s))})
            await finish(bench)
            assert bench.port.overlaps == []
            return broken_rules(bench.journal.events())

    assert run_virtual(story()) == []


async def finish(bench):
    """Let the change end, and change to and fro until every order has ended."""
    Person(bench)
    lines, orders = bench.controller.shop.lines, bench.controller.shop.orders.values()
    for _ in range(6):
        await bench.controller._waiting.until(lambda: lines.change is None or lines.change.phase is Phase.PROVING)
        for order in [o for o in orders if not o.status.ended and lines.runs(o.product)]:
            await bench.controller.order_ended(order.order_id)
        left = [order for order in orders if not order.status.ended]
        if not left:
            return
        await bench.controller.line_change.begin([left[0].product])
    raise AssertionError([order.order_id for order in bench.controller.shop.orders.values() if not order.status.ended])


def test_in_a_held_cell_the_change_moves_no_arm(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("microcell.orchestration.line_proposal._is_used", lambda shop, product, tool: False)

    async def story():
        async with floor(line=TWO_LINES) as bench:
            bench.order(1)
            while "pack_unit" not in bench.port.operations():
                await bench.clock.sleep(1.0)
            change = await bench.controller.line_change.begin(["controller"], by="anna")
            assert change.steps[1].text == "arm: parallel_gripper goes into its pocket, no line needs it any more"
            bench.controller.command(Command.HOLD, "door open")
            await bench.controller.until_state(State.HELD)
            await bench.clock.sleep(60.0)
            assert bench.port.operations()[-1] == "pack_unit"
            return [e.reason for e in bench.journal.events() if isinstance(e, events.LineChangeStepEnded)]

    assert run_virtual(story()) == ["", "it stays on the flange: the cell is Held"]


def killed_while_picking(*, parking: bool) -> list[Event]:
    """A journal that ends while a body is being picked; `parking`: and the controllers were asked for just before."""

    async def story():
        async with floor(line=TWO_LINES) as bench:
            bench.order(2)
            while "pick_body" not in bench.port.operations():
                await bench.clock.sleep(1.0)
            if parking:
                await bench.controller.line_change.begin(["controller"], "park")
            return list(bench.journal.events())

    return run_virtual(story())


def test_units_are_not_parked_with_a_part_in_the_hand_that_a_killed_program_left_there():
    told = killed_while_picking(parking=False)

    async def story():
        async with floor(line=TWO_LINES, journal=copy_of(told), on_flange=on_flange(told)) as bench:
            with pytest.raises(UsageError, match="VLV-000001 were interrupted and are to be gone on with first"):
                await bench.controller.line_change.begin(["controller"], "park")

    run_virtual(story())


def test_a_change_that_parks_waits_for_the_chains_that_were_interrupted_with_it():
    told = killed_while_picking(parking=True)

    async def story():
        async with floor(line=TWO_LINES, journal=copy_of(told), on_flange=on_flange(told)) as bench:
            bench.port.settled = not_done
            Person(bench)
            while bench.controller.shop.lines.active == ("valve",):
                await bench.clock.sleep(1.0)
            return list(bench.journal.events())[len(told) :]

    after = run_virtual(story())
    ended = [e.operation for e in after if isinstance(e, events.OperationEnded) and e.outcome == "succeeded"]
    drained = next(n for n, e in enumerate(after) if isinstance(e, events.LineChangeStepEnded))
    placed = next(n for n, e in enumerate(after) if isinstance(e, events.OperationEnded) and e.operation == "place_body")
    assert (ended[-2:], placed < drained) == (["pick_body", "place_body"], True)


@pytest.mark.parametrize("order_is_open", [True, False])
def test_a_cell_that_is_started_without_a_line_is_refused_only_where_that_line_is_still_needed(order_is_open: bool):
    async def two_lines() -> list[Event]:
        async with floor(line=TWO_LINES) as bench:
            order = bench.order(1, None, "controller")
            if not order_is_open:
                bench.controller.control(order, "cancel")
            return list(bench.journal.events())

    async def one_line() -> int:
        async with floor(line=VALVE, journal=copy_of(told)) as bench:
            return (await bench.controller.order_ended(bench.order(1))).good

    told = run_virtual(two_lines())
    if order_is_open:
        with pytest.raises(UsageError, match="the journal speaks of the product 'controller' of order-0001, which the line"):
            run_virtual(one_line())
    else:
        assert run_virtual(one_line()) == 1


def test_a_cell_that_is_set_up_for_a_line_is_not_started_without_it():
    async def two_lines() -> list[Event]:
        async with floor(line=TWO_LINES) as bench:
            Person(bench)
            await bench.controller.line_change.begin(["controller"])
            while bench.controller.shop.lines.active != ("controller",):
                await bench.clock.sleep(1.0)
            return list(bench.journal.events())

    async def one_line() -> None:
        async with floor(line=VALVE, journal=copy_of(told)):
            pass

    told = run_virtual(two_lines())
    with pytest.raises(UsageError, match="the product 'controller' of fixture_1 and .* that it made, which the line"):
        run_virtual(one_line())


def fixtures_of(told: list[Event], prefix: str) -> set[str]:
    """The fixtures that units whose serials begin so were put into."""
    begun = (e for e in told if isinstance(e, events.OperationStarted) and e.unit.startswith(prefix))
    return {e.resources["fixture"] for e in begun if e.operation.startswith("place_")}


async def until_controllers_are_made(bench: Floor) -> None:
    Person(bench)
    ended = await bench.controller.order_ended(bench.order(2, None, "controller"))
    assert ended.good == 2


def test_a_unit_whose_fixture_was_reserved_when_its_line_was_left_is_put_into_none_that_is_to_be_set_up():
    async def killed_on_its_way() -> list[Event]:
        async with floor(line=TWO_LINES) as bench:
            bench.controller.shop.resources.out_of_service.add("fixture_1")
            bench.order(1)
            while "pick_body" not in bench.port.operations():
                await bench.clock.sleep(1.0)
            bench.controller.shop.resources.out_of_service.clear()
            change = await bench.controller.line_change.begin(["controller"], "park")
            assert {"fixture_1", "fixture_2"} & {step.station for step in change.steps} == {"fixture_1"}
            return list(bench.journal.events())

    told = run_virtual(killed_on_its_way())

    async def story() -> list[Event]:
        async with floor(line=TWO_LINES, journal=copy_of(told), on_flange=on_flange(told)) as bench:
            bench.port.settled = not_done
            await until_controllers_are_made(bench)
            return list(bench.journal.events())[len(told) :]

    after = run_virtual(story())
    assert (fixtures_of(after, "VLV"), fixtures_of(after, "CTL")) == ({"fixture_2"}, {"fixture_1"})


def test_a_fixture_that_was_only_reserved_for_a_parked_unit_is_not_used_with_its_jaws_after_a_restart():
    async def killed_at_rest() -> list[Event]:
        async with floor(once("place_body", fault("GRIP_PART_LOST", "parallel_gripper")), TWO_LINES) as bench:
            bench.order(1)
            while "pick_body" not in bench.port.operations():
                await bench.clock.sleep(1.0)
            await bench.controller.line_change.begin(["controller"], "park")
            while not bench.controller.shop.questions.open():
                await bench.clock.sleep(1.0)
            assert bench.controller.shop.resources.occupied == {"fixture_1": "VLV-000001"}
            return list(bench.journal.events())

    told = run_virtual(killed_at_rest())

    async def story() -> list[Event]:
        async with floor(line=TWO_LINES, journal=copy_of(told), on_flange=on_flange(told)) as bench:
            await until_controllers_are_made(bench)
            return list(bench.journal.events())[len(told) :]

    assert fixtures_of(run_virtual(story()), "CTL") == {"fixture_2"}


def test_a_chain_that_an_abort_broke_off_is_gone_on_with_although_its_line_is_being_left():
    async def story():
        async with floor(line=TWO_LINES) as bench:
            Person(bench)
            bench.order(1)
            while "insert_cap" not in bench.port.operations():
                await bench.clock.sleep(1.0)
            bench.controller.command(Command.ABORT)
            await bench.controller.until_state(State.ABORTED)
            await bench.controller.line_change.begin(["controller"], "park")
            bench.controller.command(Command.CLEAR)
            await bench.controller.until_state(State.STOPPED)
            bench.controller.command(Command.RESET)
            await asyncio.wait_for(
                bench.controller._waiting.until(lambda: bench.controller.shop.lines.active != ("valve",)), 600
            )
            assert bench.port.operations()[-2:] == ["insert_cap", "insert_cap"]

    run_virtual(story())


def test_a_feeder_that_was_empty_and_is_set_up_for_another_line_lacks_no_parts_any_more():
    async def story():
        async with floor(line=TWO_LINES, levels={"nest_1": 1}) as bench:
            Person(bench)
            await bench.controller.order_ended(bench.order(1, "adult"))
            assert bench.controller.packml.status("nest_1").state is State.SUSPENDED

            async def set_up(product: str) -> None:
                bench.port.feeders["nest_1"].pieces = 24

            bench.port.feeders["nest_1"].set_up = set_up
            await bench.controller.line_change.begin(["controller"])
            await bench.controller.order_ended(bench.order(1, None, "controller"))
            await change_is_over(bench)
            assert bench.controller.packml.status("nest_1").state is State.IDLE

    run_virtual(story())
