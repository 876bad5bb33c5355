"""Two units never wait for each other's stations, on any line and in any order of events."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.orchestration.resources import can_all_finish

KINDS = ("fixture", "oven", "press")
some = st.dictionaries(st.sampled_from(KINDS), st.integers(0, 2)).map(Counter)


def test_two_units_that_hold_what_the_other_wants_cannot_finish():
    swapped = [(Counter(fixture=1), Counter(oven=1)), (Counter(oven=1), Counter(fixture=1))]
    assert not can_all_finish(Counter(), swapped)
    assert can_all_finish(Counter(oven=1), swapped)


@st.composite
def shops(draw):  # type: ignore[no-untyped-def]
    """Stations of each kind and, for each unit, the kinds it goes through; it gives all back at its end."""
    stations = {kind: draw(st.integers(1, 3)) for kind in KINDS}
    routes = draw(
        st.lists(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True), min_size=1, max_size=6)
    )
    return stations, routes, draw(st.randoms(use_true_random=False))


@settings(max_examples=500, deadline=None)
@given(shops())
def test_granting_only_what_stays_safe_lets_every_unit_finish(shop):  # type: ignore[no-untyped-def]
    stations, routes, random = shop
    free = Counter(stations)
    units = [(Counter(), list(route)) for route in routes]
    for _ in range(200):
        if not units:
            return
        random.shuffle(units)
        if not _one_step(free, units):
            break
    assert not units, f"stuck with {units}"


def _one_step(free: Counter, units: list) -> bool:
    for index, (held, route) in enumerate(units):
        if not route:
            free.update(held)
            del units[index]
            return True
        if free[route[0]] < 1:
            continue
        after = free - Counter([route[0]])
        others = [(h, Counter(r)) for i, (h, r) in enumerate(units) if i != index]
        if can_all_finish(after, [*others, (held + Counter([route[0]]), Counter(route[1:]))]):
            free.subtract([route[0]])
            held[route.pop(0)] += 1
            return True
    return False


@given(some, st.lists(st.tuples(some, some), max_size=5))
def test_more_free_stations_never_make_a_safe_state_unsafe(free, units):  # type: ignore[no-untyped-def]
    if can_all_finish(free, units):
        assert can_all_finish(free + Counter(dict.fromkeys(KINDS, 1)), units)
