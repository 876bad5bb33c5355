"""Which chain starts next, by the shop's state alone: tool changes saved, nobody overtaken for ever, arms chosen well."""

from datetime import datetime, timedelta, timezone

import pytest
from fake_shop_floor import CONFIG, VALVE, with_a_crib_besides, with_one_crib

from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.orchestration.binding import Blocked
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.shop import Shop

TWIN = load_line(CONFIG / "lines" / "valve_twin.yaml")
DAWN_S = 1_800_000_000.0
BY_GRIPPER = ("pick_body", "place_body")


class Bench:
    """A dispatcher over a shop in which feeders are full and arms stand outside the zones."""

    def __init__(self, line: Line = VALVE, **changes: object) -> None:
        self.line = line.model_copy(update=changes)
        self.shop = Shop(self.line, LoopClock(DAWN_S), lambda event: None)
        self.held = self.shop.resources
        self.held.levels = dict.fromkeys(self.line.feeders, 100)
        for arm in self.line.ways.arms:
            self.held.stands_in(arm)
        self.dispatcher = Dispatcher(self.shop)

    def order(self, quantity: int = 1, variant: str = "adult", **more: object) -> str:
        lines = (OrderLine(variant=variant, quantity=quantity),)
        return self.shop.accept(Order(product="valve", lines=lines, **more)).order_id

    def next(self) -> Job:
        """The next job, which there must be."""
        job = self.dispatcher.next_job()
        assert job is not None
        return job

    def start(self) -> Job:
        """Begin the next job, as the controller does."""
        job = self.next()
        unit = self.shop.begin_unit(job.order, job.unit.variant) if job.new else job.unit
        for kind, station in job.binding.taken.items():
            self.shop.enter(unit, kind, station)
        unit.running = True
        self.dispatcher.begun(job)
        self.held.take(job.binding.devices(), unit.serial)
        if job.binding.arm and job.binding.change_to:
            self.held.mounted[job.binding.arm] = job.binding.change_to
        return Job(unit, job.order, job.chain, job.binding, job.new)

    def end(self, job: Job) -> None:
        job.unit.done.update(job.chain.operations)
        job.unit.running = False
        self.held.release(job.binding.devices())

    def run(self, jobs: int) -> list[tuple[str, str]]:
        """Run so many jobs one after the other; unit and first operation of each."""
        done = []
        for _ in range(jobs):
            job = self.start()
            self.end(job)
            done.append((job.unit.serial, job.chain.first))
        return done


def on_loop(test):  # type: ignore[no-untyped-def]
    """The clock is the loop's."""

    def run() -> None:
        async def inside() -> None:
            test()

        run_virtual(inside())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@on_loop
def test_the_other_unit_is_begun_before_the_tool_is_changed_for_the_first():
    bench = Bench()
    bench.order(2)
    assert bench.run(4) == [
        ("VLV-000001", "pick_body"), ("VLV-000002", "pick_body"),
        ("VLV-000001", "pick_membrane"), ("VLV-000001", "inspect_open"),
    ]  # fmt: skip


@on_loop
def test_in_strict_order_the_first_unit_is_gone_on_with_whatever_it_costs():
    bench = Bench(max_tool_run=0)
    bench.order(2)
    assert [first for _, first in bench.run(3)] == ["pick_body", "pick_membrane", "inspect_open"]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_chain_is_overtaken_as_often_as_the_line_allows_and_then_has_its_turn(most: int):
    @on_loop
    def inside() -> None:
        bench = Bench(max_tool_run=most, max_units_in_work=10)
        bench.order(10)
        bench.end(bench.start())
        waiting = bench.held.mounted["arm"]
        assert waiting == "parallel_gripper"
        stations = [f"fixture_{n}" for n in range(2)]
        overtaken = 0
        while (job := bench.start()).chain.first == "pick_body":
            bench.end(job)
            bench.shop.end_unit(job.unit)  # its fixture is free again, and the next unit would go without a change
            overtaken += 1
        assert (job.chain.first, overtaken) == ("pick_membrane", most), stations

    inside()


@on_loop
def test_an_order_of_higher_priority_is_not_overtaken_to_save_a_change():
    bench = Bench()
    bench.order(1, priority=5)
    bench.order(1, priority=0)
    assert bench.run(2) == [("VLV-000001", "pick_body"), ("VLV-000001", "pick_membrane")]


@on_loop
def test_an_order_that_is_late_is_not_overtaken_either():
    bench = Bench()
    past = datetime.fromtimestamp(bench.shop.clock.epoch_s, timezone.utc) - timedelta(hours=1)
    bench.order(2, due=past)
    assert [first for _, first in bench.run(2)] == ["pick_body", "pick_membrane"]


@on_loop
def test_of_two_arms_the_one_that_has_the_tool_does_what_both_could():
    bench = Bench(TWIN)
    bench.held.mounted = {"left_arm": "parallel_gripper", "right_arm": "vacuum_cup_2"}
    bench.order(1)
    bench.end(bench.start())
    job = bench.next()
    assert (job.chain.first, job.binding.arm, job.binding.change_to) == ("pick_membrane", "right_arm", "")
    assert job.binding.zones == {"": frozenset(), "pick_membrane": {"middle"}, "insert_membrane": {"south"}}
    assert {"middle", "south", "tray_1", "fixture_1"} < set(job.binding.devices())


@on_loop
def test_an_arm_does_not_take_from_a_feeder_that_it_does_not_serve():
    bench = Bench(TWIN)
    bench.held.mounted = {"left_arm": "parallel_gripper", "right_arm": "vacuum_cup_2"}
    bench.order(1, "child")
    bench.end(bench.start())
    job = bench.next()
    assert (job.binding.arm, job.binding.change_to, job.binding.crib) == ("left_arm", "vacuum_cup", "left_crib")


@on_loop
def test_a_tool_that_is_out_of_service_is_neither_used_nor_fetched():
    bench = Bench(TWIN)
    bench.held.mounted = {"left_arm": "parallel_gripper", "right_arm": "vacuum_cup_2"}
    bench.held.out_of_service.add("vacuum_cup_2")
    bench.order(1)
    bench.end(bench.start())
    assert (bench.next().binding.arm, bench.next().binding.change_to) == ("left_arm", "vacuum_cup")


@on_loop
def test_a_unit_is_begun_in_a_fixture_whose_zone_is_free():
    bench = Bench(TWIN)
    bench.held.enters("right_arm", ["south"])
    bench.order(1)
    assert bench.next().binding.taken == {"fixture": "fixture_2"}


@on_loop
def test_a_camera_waits_until_the_arm_has_left_the_fixtures_zone():
    bench = Bench(TWIN)
    bench.order(1)
    for _ in range(2):
        job = bench.start()
        bench.end(job)
    bench.held.enters("left_arm", ["south"])
    assert bench.dispatcher.next_job() is None
    assert bench.held.in_the_way() == ["left_arm"]
    bench.held.stands_in("left_arm")
    assert bench.next().chain.first == "inspect_open"


@on_loop
def test_what_is_blocked_tells_what_it_waits_for():
    bench = Bench(TWIN)
    bench.order(1)
    job = bench.next()
    bench.held.take(["left_arm", "nest_1"], "somebody")
    needs = bench.shop.needs(job.unit, job.chain)
    blocked = bench.held.bind(job.unit, job.chain, needs, [])
    assert isinstance(blocked, Blocked) and blocked.reason == "left_arm is busy"
    assert blocked.wish == {"left_arm", "left_crib", "nest_1", "fixture_1", "south", "parallel_gripper"}


def waiting_for_the_cup(variant: str) -> Bench:
    """The left arm is free, the cup for the membrane is on the right one."""
    bench = Bench(with_one_crib(TWIN))
    bench.held.mounted = {"left_arm": "parallel_gripper", "right_arm": "vacuum_cup"}
    bench.order(1, variant)
    bench.end(bench.start())
    return bench


@on_loop
def test_an_idle_arm_docks_the_tool_that_another_waits_for():
    bench = waiting_for_the_cup("child")
    assert bench.dispatcher.next_job() is None
    docking = bench.dispatcher.next_docking()
    assert docking is not None
    assert (docking.arm, docking.tool) == ("right_arm", "vacuum_cup")
    assert docking.devices() == ("right_arm", "left_crib", "middle")  # its way to that crib is through the middle
    bench.held.mounted["right_arm"] = ""
    job = bench.next()
    assert (job.chain.first, job.binding.arm, job.binding.change_to) == ("pick_membrane", "left_arm", "vacuum_cup")


@on_loop
def test_an_arm_keeps_the_tool_with_which_it_can_do_the_work_itself():
    bench = waiting_for_the_cup("adult")
    bench.held.take(["right_arm"], "somebody")
    assert bench.dispatcher.next_job() is None and bench.dispatcher.next_docking() is None  # it is at work
    bench.held.release(["right_arm"])
    bench.held.enters("left_arm", ["middle"])  # out of which the left arm goes by itself
    assert bench.dispatcher.next_job() is None and bench.dispatcher.next_docking() is None
    bench.held.stands_in("left_arm")
    assert bench.next().binding.arm == "right_arm"


@on_loop
def test_a_tool_that_was_docked_is_kept_for_the_chain_that_waits():
    bench = waiting_for_the_cup("child")
    bench.order(1, "adult")  # whose membrane the right arm could place
    bench.end(bench.start())
    bench.held.take(["left_arm"], "somebody")
    assert bench.next().chain.first == "pick_membrane"  # by the right arm, which has the cup
    bench.held.release(["left_arm"])
    bench.held.take(["tray_1"], "somebody")
    assert bench.dispatcher.next_job() is None
    assert bench.dispatcher.next_docking() is not None
    bench.held.release(["tray_1"])
    bench.held.mounted["right_arm"] = ""
    bench.held.take(["left_arm"], "somebody")  # somebody was quicker: the cup stays where it is until it is free again
    assert bench.dispatcher.next_job() is None
    bench.held.release(["left_arm"])
    assert bench.next().binding.arm == "left_arm"


@on_loop
def test_a_tool_from_another_crib_takes_both_cribs():
    bench = Bench(with_a_crib_besides(TWIN))
    bench.order(1, "child")
    bench.end(bench.start())
    assert bench.held.mounted == {"left_arm": "parallel_gripper"}
    binding = bench.next().binding
    assert (binding.change_to, binding.crib, binding.old_crib) == ("vacuum_cup_2", "right_crib", "left_crib")
    assert {"left_crib", "right_crib"} < set(binding.devices())
    bench.held.take(["left_crib"], "somebody")
    assert bench.dispatcher.next_job() is None


@on_loop
def test_an_arm_out_of_service_is_told_that_has_the_tool_which_another_waits_for():
    bench = waiting_for_the_cup("child")
    bench.held.out_of_service.add("right_arm")
    assert bench.dispatcher.next_job() is None and bench.dispatcher.next_docking() is None
    faults = [(fault.code, fault.where) for fault in bench.dispatcher.why_blocked()]
    assert faults == [("DEVICE_OUT_OF_SERVICE", "right_arm")]
