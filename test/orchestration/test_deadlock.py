"""Two units never wait for each other's stations, on any line and in any order of events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.orchestration.safety import can_all_finish

KINDS = ("fixture", "oven", "press")
names = st.sets(st.sampled_from([f"{kind}_{n}" for kind in KINDS for n in range(2)]))
FIXTURE, OVEN = frozenset({"fixture_0"}), frozenset({"oven_0"})


def test_two_units_that_hold_what_the_other_wants_cannot_finish():
    swapped = [(FIXTURE, [OVEN]), (OVEN, [FIXTURE])]
    assert not can_all_finish(set(), swapped)
    assert can_all_finish({"oven_1"}, [(FIXTURE, [OVEN | {"oven_1"}]), (OVEN, [FIXTURE])])
    assert not can_all_finish({"oven_1"}, swapped), "the other oven is of no use to it"


@st.composite
def shops(draw):  # type: ignore[no-untyped-def]
    """Stations of each kind and, for each unit, the kinds it goes through; it gives all back at its end."""
    stations = {kind: frozenset(f"{kind}_{n}" for n in range(draw(st.integers(1, 3)))) for kind in KINDS}
    routes = draw(st.lists(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True), min_size=1, max_size=6))
    return stations, routes, draw(st.randoms(use_true_random=False))


@settings(max_examples=500)
@given(shops())
def test_granting_only_what_stays_safe_lets_every_unit_finish(shop):  # type: ignore[no-untyped-def]
    stations, routes, random = shop
    free = set().union(*stations.values())
    units = [(set(), [stations[kind] for kind in route]) for route in routes]
    for _ in range(200):
        if not units:
            return
        random.shuffle(units)
        if not _one_step(free, units):
            break
    assert not units, f"stuck with {units}"


def _one_step(free: set, units: list) -> bool:
    for index, (held, route) in enumerate(units):
        if not route:
            free |= held
            del units[index]
            return True
        for station in sorted(route[0] & free):
            others = [(h, r) for i, (h, r) in enumerate(units) if i != index]
            if can_all_finish(free - {station}, [*others, (held | {station}, route[1:])]):
                free.remove(station)
                held.add(station)
                route.pop(0)
                return True
    return False


@given(names, st.lists(st.tuples(names, st.lists(names.filter(bool).map(frozenset), max_size=3)), max_size=5))
def test_more_free_stations_never_make_a_safe_state_unsafe(free, units):  # type: ignore[no-untyped-def]
    if can_all_finish(free, units):
        assert can_all_finish(free | {f"{kind}_{n}" for kind in KINDS for n in range(2)}, units)
