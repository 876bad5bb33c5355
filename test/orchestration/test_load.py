"""Many orders: none is lost, dispatching looks at few of them, and what has ended leaves working memory."""

from types import SimpleNamespace

import pytest
from fake_shop_floor import VALVE, floor
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.events import OrderControlled
from microcell.orchestration import limits, order_book, order_keeping
from microcell.orchestration.dispatch import Dispatcher
from microcell.orchestration.limits import KEPT_SERIALS, check_text, some
from microcell.orchestration.order_book import OrderBook
from microcell.orchestration.restore import restore
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderStatus, OrderWork, Serials
from microcell.records.journal import Journal
from microcell.records.packml import PackmlFold

VARIANTS = tuple(VALVE.product_description.variants)


def order(number: int, priority: int = 0, due_s: float | None = None, **quantities: int) -> OrderWork:
    lines = tuple((variant, quantity) for variant, quantity in quantities.items())
    return OrderWork(f"o{number}", lines, priority, due_s, 0.0, number, True)


def heads(book: OrderBook) -> list[tuple[str, str]]:
    return [(found.order_id, variant) for found, variant in book.next_of_each_variant()]


def test_the_most_urgent_order_of_each_variant_is_next():
    book = OrderBook()
    for waiting in (order(0, adult=1), order(1, priority=2, child=1), order(2, priority=1, adult=1), order(3, child=5)):
        book.add(waiting)
    assert heads(book) == [("o1", "child"), ("o2", "adult")]


def test_a_paused_order_waits_no_more_until_it_goes_on():
    book = OrderBook()
    first, second = order(0, adult=1), order(1, adult=1)
    book.add(first)
    book.add(second)
    first.status = OrderStatus.PAUSED
    assert heads(book) == [("o1", "adult")]
    first.status = OrderStatus.RUNNING
    book.offer(first)
    assert heads(book) == [("o0", "adult")]


def test_an_order_that_needs_another_unit_waits_again():
    book = OrderBook()
    only = order(0, adult=1)
    book.add(only)
    only.to_start["adult"] = 0
    assert heads(book) == []
    only.to_start["adult"] = 1
    book.offer(only)
    book.offer(only)
    assert heads(book) == [("o0", "adult")]


changes = st.lists(
    st.tuples(st.sampled_from(("add", "pause", "resume", "cancel", "begin", "scrap", "end")), st.integers(0, 11),
              st.integers(-2, 2), st.integers(0, 2), st.integers(0, 2)),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150)
@given(changes)
def test_the_book_says_what_a_look_at_every_order_would_say(changes):
    book, every = OrderBook(), {}
    for what, number, priority, adults, children in changes:
        if what == "add" and number not in every:
            every[number] = order(number, priority, adult=adults, child=children)
            book.add(every[number])
        elif number in every and not every[number].status.ended:
            _change(book, every[number], what)
        expected = []
        for variant in ("adult", "child"):
            waiting = [o for o in every.values() if o.may_start_units and o.to_start.get(variant, 0) > 0]
            expected += [(min(waiting, key=lambda o: o.urgency).order_id, variant)] if waiting else []
        assert sorted(heads(book)) == sorted(expected)
        assert book.open == sum(not o.status.ended for o in every.values())


def _change(book: OrderBook, work: OrderWork, what: str) -> None:
    if what == "pause":
        work.status = OrderStatus.PAUSED
    elif what == "resume":
        work.status = OrderStatus.RUNNING
        book.offer(work)
    elif what == "cancel":
        work.cancelling = True
    elif what == "end":
        work.status = OrderStatus.COMPLETED
        book.ended(work)
    elif what == "begin" and (variant := work.next_variant()):
        work.to_start[variant] -= 1
    elif what == "scrap":
        work.to_start["adult"] += 1
        book.offer(work)


def test_ended_orders_leave_the_book_and_stay_known(monkeypatch):
    monkeypatch.setattr(order_book, "KEPT_ENDED_ORDERS", 3)
    book = OrderBook()
    for number in range(10):
        book.add(order(number, adult=1))
    for number in range(6):
        book["o0" if number == 0 else f"o{number}"].status = OrderStatus.COMPLETED
        book.ended(book[f"o{number}"])
    assert list(book) == ["o3", "o4", "o5", "o6", "o7", "o8", "o9"]
    assert (book.open, book.accepted, book.is_known("o0")) == (4, 10, True)
    with pytest.raises(UsageError, match="order 'o0' has ended long ago; the journal has it: microcell report JOURNAL"):
        book.find("o0")
    with pytest.raises(UsageError, match="no order 'x'; there are: o3, o4, o5, o6, o7, o8, o9"):
        book.find("x")


def test_what_changed_is_told_once():
    book = OrderBook()
    book.add(order(0, adult=1))
    book.add(order(1, adult=1))
    assert [work.order_id for work in book.take_changed()] == ["o0", "o1"]
    book.touched_by(OrderControlled(time_s=0.0, order_id="o1", state="paused", reason=""), {})
    assert [work.order_id for work in book.take_changed()] == ["o1"]
    assert book.take_changed() == []


def test_serials_are_counted_all_and_kept_the_last():
    serials = Serials()
    for number in range(KEPT_SERIALS + 5):
        serials.append(f"VLV-{number}")
    assert (len(serials), next(iter(serials)), len(tuple(serials))) == (KEPT_SERIALS + 5, "VLV-5", KEPT_SERIALS)


def a_shop(journal: Journal) -> Shop:
    clock = SimpleNamespace(now=lambda: 0.0, epoch_s=0.0)
    return Shop(VALVE, clock, journal.append)


def an_order(**more: object) -> Order:
    return Order.model_validate({"product": "valve", "lines": [{"quantity": 1}], **more})


def test_more_orders_than_may_be_open_are_refused_and_those_that_are_stay(monkeypatch):
    monkeypatch.setattr(order_keeping, "MAX_OPEN_ORDERS", 5)
    with Journal.create_or_open(":memory:") as journal:
        work = a_shop(journal)
        for _ in range(5):
            work.accept(an_order())
        with pytest.raises(UsageError, match="5 orders are open, which is the limit. Order again when some have ended."):
            work.accept(an_order())
        assert (work.orders.open, journal.head().sequence) == (5, 5)
        work.cancel(work.orders["order-0003"], "enough")
        assert work.accept(an_order()).order_id == "order-0006"


def test_an_order_of_too_many_units_is_refused():
    lines = [{"quantity": 100_000}, {"quantity": 1}]
    with Journal.create_or_open(":memory:") as journal:
        with pytest.raises(UsageError, match=r"100001 units are too many for one order \(100000\). Split it."):
            a_shop(journal).accept(an_order(lines=lines))
        assert journal.head().sequence == 0


def test_an_id_is_not_given_twice_even_when_its_order_has_left_the_book(monkeypatch):
    monkeypatch.setattr(order_book, "KEPT_ENDED_ORDERS", 1)
    with Journal.create_or_open(":memory:") as journal:
        work = a_shop(journal)
        for _ in range(4):
            work.cancel(work.accept(an_order()), "")
        with pytest.raises(UsageError, match="order 'order-0001' is known already"):
            work.accept(an_order(order_id="order-0001"))
        assert work.accept(an_order()).order_id == "order-0005"
        assert len(work.orders) == 2


def test_a_restart_knows_every_order(monkeypatch):
    monkeypatch.setattr(order_book, "KEPT_ENDED_ORDERS", 2)
    with Journal.create_or_open(":memory:") as journal:
        work = a_shop(journal)
        for number in range(300):
            taken = work.accept(an_order(priority=number % 7))
            if number % 2:
                work.cancel(taken, "")
        again = a_shop(journal)
        restore(again, PackmlFold(), journal, "virtual")
        assert list(again.orders) == list(work.orders)
        assert (again.orders.open, again.orders.accepted) == (150, 300)
        assert heads(again.orders) == heads(work.orders)
        with pytest.raises(UsageError, match="order 'order-0002' is known already"):
            again.accept(an_order(order_id="order-0002"))


def test_the_dispatcher_looks_at_one_order_of_each_variant(monkeypatch):
    """What a decision costs does not hang on how many orders wait: counted, not timed."""
    looks = []
    with Journal.create_or_open(":memory:") as journal:
        work = a_shop(journal)
        bind = work.resources.bind
        monkeypatch.setattr(work.resources, "bind", lambda *args: looks.append(1) or bind(*args))
        for number in range(2_000):
            work.accept(an_order(lines=[{"variant": VARIANTS[number % len(VARIANTS)], "quantity": 3}]))
        dispatcher = Dispatcher(work)
        assert dispatcher.has_work()
        dispatcher.next_job()
    assert 1 <= len(looks) <= len(VARIANTS)


def test_two_hundred_orders_at_once_are_all_made():
    async def play() -> tuple[list[OrderStatus], list[str], int]:
        async with floor(levels=dict.fromkeys(VALVE.feeders, 10_000)) as cell:
            ids = [cell.order(variant=VARIANTS[number % len(VARIANTS)], priority=number % 3) for number in range(200)]
            views = [await cell.controller.order_ended(order_id) for order_id in ids]
            serials = [serial for view in views for serial in view.serials]
            return [view.status for view in views], serials, len(cell.controller.shop.orders)

    statuses, serials, kept = run_virtual(play())
    assert statuses == [OrderStatus.COMPLETED] * 200
    assert len(set(serials)) == len(serials) == 200
    assert kept == 200


def test_nothing_of_an_ended_order_stays_behind(monkeypatch):
    """Twice as many units leave no more in the controller's collections than half of them did."""
    monkeypatch.setattr(order_book, "KEPT_ENDED_ORDERS", 5)

    async def play() -> list[int]:
        sizes = []
        async with floor(levels=dict.fromkeys(VALVE.feeders, 10_000)) as cell:
            for _ in range(2):
                for _ in range(15):
                    await cell.controller.order_ended(cell.order(quantity=1))
                sizes.append(_size(cell.controller))
        return sizes

    half, whole = run_virtual(play())
    assert whole <= half + 15  # the ids of the second half's orders, which must not be given twice


def _size(owner: object) -> int:
    """Entries of every collection that hangs on the controller, its shop, its dispatcher and their parts."""
    seen: set[int] = set()
    todo, size = [owner], 0
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (dict, list, set, frozenset, tuple)) or type(item).__name__ == "deque":
            size += len(item)
            todo += list(item.values()) if isinstance(item, dict) else list(item)
        elif type(item).__module__.startswith("microcell.orchestration"):
            names = [*getattr(item, "__dict__", {}), *getattr(type(item), "__slots__", ())]
            todo += [getattr(item, name, None) for name in names]
    return size


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x" * 501, "the reason is too long: 501 characters, 500 are allowed. Say it shorter."),
        ("a\nb", r"the reason holds the character U\+000A. Give plain text on one line."),
        ("\x1b[2J", r"the reason holds the character U\+001B"),
        ("abc\u202edef", r"the reason holds the character U\+202E"),
        ("\ud800", r"the reason holds the character U\+D800"),
    ],
)
def test_a_text_that_is_none_is_refused(text, error):
    with pytest.raises(UsageError, match=error):
        check_text("the reason", text)


@pytest.mark.parametrize("text", ["", "x" * 500, "Grüße, 部品\u3000交換", "naïve ‘quotes’ — ok"])
def test_a_text_in_any_language_is_one(text):
    check_text("the reason", text)


def test_a_message_names_some_and_says_how_many_more():
    assert some([]) == "none"
    assert some(["a", "b"]) == "a, b"
    assert some([str(n) for n in range(12)]).endswith("9 and 2 more")
    assert limits.SHOWN_NAMES == 10


def test_a_reason_that_is_no_text_is_refused_before_anything_happens():
    async def play() -> None:
        async with floor() as cell:
            order_id = cell.order()
            with pytest.raises(UsageError, match="the reason is too long"):
                cell.controller.control(order_id, "cancel", "x" * 501)
            assert not cell.controller.order(order_id).status.ended

    run_virtual(play())


def test_lines_of_an_order_add_up():
    assert Order(product="valve", lines=(OrderLine(quantity=2), OrderLine(quantity=3))).quantity == 5
