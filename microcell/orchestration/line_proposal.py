"""Whether a cell can change to other lines, and what is to be done for it. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from microcell.description.contents import contents, contradictions, stations_of
from microcell.description.line import Line
from microcell.description.wording import choice
from microcell.errors import UsageError
from microcell.orchestration.lines import UNITS, Phase, Step
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import Needs

HOW = ("drain", "park")


@dataclass(frozen=True)
class Proposal:
    """What a change would be: products that leave, that come and that the cell makes afterwards, and its steps."""

    leaving: tuple[str, ...]
    coming: tuple[str, ...]
    to: tuple[str, ...]
    how: str
    steps: tuple[Step, ...]


def propose(shop: Shop, names: Iterable[str], how: str) -> Proposal:
    """The change after which the cell makes these lines, with every line of now that contradicts none of them.

    Raises `UsageError` with every reason why the cell cannot change so now.
    """
    if how not in HOW:
        raise UsageError(f"'{how}' is no way to leave a line; {choice(how, HOW, 'way')}")
    wanted = [_named(shop, name) for name in dict.fromkeys(names)]
    if not wanted:
        raise UsageError(f"no line is named. This cell has: {', '.join(line.name for line in shop.lines.line.every)}.")
    coming = [line for line in wanted if line.product not in shop.lines.active]
    now = [shop.lines.of(product) for product in shop.lines.active]
    staying = [line for line in now if line in wanted or not any(contradictions(line, other) for other in coming)]
    to = tuple(line.product for line in shop.lines.line.every if line.product in {x.product for x in (*staying, *coming)})
    leaving = tuple(line.product for line in now if line not in staying)
    if reasons := [*_in_the_way(shop, wanted, coming), *_lacking(shop, coming, leaving if how == "park" else ())]:
        raise UsageError(f"the cell cannot change: {'; '.join(reasons)}.")
    return Proposal(leaving, tuple(line.product for line in coming), to, how, tuple(_steps(shop, coming, to, how, leaving)))


def _named(shop: Shop, name: str) -> Line:
    every = {line.name: line for line in shop.lines.line.every}
    if name not in every:
        raise UsageError(f"this cell has no line '{name}', only {', '.join(every)}. Start it with --also LINE to have more.")
    return shop.lines.of(every[name].product)


def _in_the_way(shop: Shop, wanted: list[Line], coming: list[Line]) -> Iterator[str]:
    change = shop.lines.change
    if change is not None and change.phase is not Phase.PROVING:
        yield f"the change {change.number} to {', '.join(change.to)} is {change.phase.value}; end or cancel that first"
    if not coming:
        yield f"it makes {', '.join(shop.lines.active)} already"
    for number, line in enumerate(wanted):
        for other in wanted[:number]:
            yield from contradictions(other, line)


# what is lacking


def _lacking(shop: Shop, coming: list[Line], parked: tuple[str, ...]) -> list[str]:
    """What the new lines need and the cell does not have now, each once."""
    found = dict[str, None]()
    for line in coming:
        specimens = [shop.specimen(line.product, variant) for variant in line.product_description.variants]
        for specimen in specimens:
            found.update(dict.fromkeys(_lacks(shop, line, specimen, parked)))
        for feeder in line.feeders:
            if feeder in shop.resources.out_of_service:
                found[f"{feeder} is out of service, and '{line.name}' takes {line.feeders[feeder].part} from it"] = None
    return list(found)


def _lacks(shop: Shop, line: Line, unit: UnitWork, parked: tuple[str, ...]) -> Iterator[str]:
    suitability = shop.resources.suitability_of(line.product)
    for chain in unit.plan.chains:
        needs = shop.needs(unit, chain)
        tools = [tool for arm in shop.line.ways.arms for tool, _ in suitability.tools_for(arm, needs)]
        wanted = {_asked(need) for need in needs.values() if need.capability}
        if wanted and not tools:
            yield f"no tool in its cribs can {' and '.join(sorted(wanted))}, which {chain.first} needs"
        elif wanted and not any(map(shop.tools.is_fit, tools)):
            refusals = (shop.tools.refusal(tool) for tool in dict.fromkeys(tools))
            yield f"{chain.first} has no tool that may be used ({'; '.join(str(r) for r in refusals if r)})"
        for kind in dict.fromkeys(kind for need in needs.values() for kind in need.kinds):
            if kind in ("arm", "feeder"):
                continue
            able = [name for name in shop.line.cell_description.of_kind(kind) if line.works_with(name)]
            left = [name for name in able if name not in shop.resources.out_of_service]
            if not left:
                yield f"every {kind.replace('_', ' ')} for '{line.name}' is out of service ({', '.join(able) or 'none'})"
            elif all(_stays_taken(shop, name, parked) for name in left):
                yield f"units that are parked would stay in every {kind} for '{line.name}' ({', '.join(left)}): drain them"


def _asked(need: Needs) -> str:
    """What is asked of a tool, in words."""
    size = f" {need.width_m * 1e3:.0f} mm with {need.force_n:.0f} N" if need.width_m else ""
    drive = f" with {need.torque_n_m:g} N.m at {need.speed_rad_s:g} rad/s" if need.torque_n_m else ""
    return f"{need.capability}{size}{drive}"


def _stays_taken(shop: Shop, station: str, parked: tuple[str, ...]) -> bool:
    """Whether a unit that is to be parked stands in a station."""
    unit = shop.units.get(shop.resources.occupied.get(station, ""))
    return unit is not None and (unit.product or shop.lines.line.product) in parked


# what is to be done


def _steps(shop: Shop, coming: list[Line], to: tuple[str, ...], how: str, leaving: tuple[str, ...]) -> Iterator[Step]:
    if leaving:
        what = "finish the units" if how == "drain" else "let the units rest where they stand"
        yield Step(UNITS, "", f"{what} of {', '.join(leaving)} that are in work")
    for arm, tool in shop.resources.mounted.items():
        if tool and not any(_is_used(shop, product, tool) for product in to):
            yield Step(arm, "", f"{arm}: {tool} goes into its pocket, no line needs it any more")
    parked = {unit for unit in shop.units if how == "park" and shop.units[unit].product in leaving}
    for line in coming:
        for station in stations_of(line):
            occupied = shop.resources.occupied.get(station) in parked
            if not occupied and (text := _to_do(shop, line, station)):
                yield Step(station, line.product, text)


def _is_used(shop: Shop, product: str, tool: str) -> bool:
    """Whether some operation of a product can be done with a tool."""
    suitability = shop.resources.suitability_of(product)
    for variant in shop.lines.of(product).product_description.variants:
        unit = shop.specimen(product, variant)
        for chain in unit.plan.chains:
            needs = shop.needs(unit, chain)
            if any(need.capability for need in needs.values()) and suitability.suits(tool, needs):
                return True
    return False


def _to_do(shop: Shop, line: Line, station: str) -> str:
    """What is to be done at a station for a line; "" where it holds that already."""
    new = contents(line, station)
    before = shop.lines.set_up.get(station)
    old = contents(shop.lines.of(before), station) if before is not None else None
    if new is None or (old is not None and old.likeness == new.likeness):
        return ""
    kind = shop.line.cell_description.devices[station].kind
    out = f"take out {old.what}, " if old is not None else ""
    if kind == "carton_station":
        return f"{station}: take the carton away, put in {new.what}, an empty one in place"
    if kind == "fixture":
        return f"{station}: {out}fit {new.what}"
    return f"{station}: {out}{'load' if kind == 'printer' else 'fill in'} {new.what}"
