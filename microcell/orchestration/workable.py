"""Whether some arm can do each chain of a line, asked before anything moves, of the description alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.description.wording import listed
from microcell.errors import Issue
from microcell.orchestration.plan import Plan
from microcell.orchestration.suitability import Suitability
from microcell.orchestration.work import UnitWork, plan_of
from microcell.skills.contract import Needs
from microcell.skills.needed import needs_of_all


def chains_of_no_arm(context: Context, line: Line) -> Iterator[Issue]:
    """Chains that no arm can do: what is in the hand cannot change hands."""
    for section in ("plan", "scrap_plan"):
        for chain, why in beyond_every_arm(line, plan_of(line, scrap=section == "scrap_plan")).items():
            what = f"no arm can do {', then '.join(chain)}: {'; '.join(why)}"
            remedy = "let an arm work at all of these (its 'serves'), and put such a tool into a rack that it works at."
            yield context.issue("product", (section, chain[0]), what, remedy)


def beyond_every_arm(line: Line, plan: Plan) -> dict[tuple[str, ...], list[str]]:
    """Such chains of a plan, with what each arm lacks."""
    suitability = Suitability(line, lambda unit, chain: needs_of_all(line, chain.operations, unit.variant))
    arms, fixtures = (line.cell_description.of_kind(kind) for kind in ("arm", "fixture"))
    places = [{"fixture": fixture} for fixture in fixtures] or [{}]
    found: dict[tuple[str, ...], list[str]] = {}
    for variant in line.product_description.variants:
        unit = UnitWork("", "", variant, 0, plan, product=line.product)
        for chain in plan.chains:
            needs = needs_of_all(line, chain.operations, unit.variant)
            if not any(suitability.can(needs, stations) for stations in places):
                found.setdefault(chain.operations, [f"{arm} {_lacks(suitability, arm, needs, places)}" for arm in arms])
    return found


def _lacks(suitability: Suitability, arm: str, needs: Mapping[str, Needs], places: list[dict[str, str]]) -> str:
    """What keeps an arm from a chain, in words."""
    wanted = dict.fromkeys(need.capability for need in needs.values() if need.capability)
    if not suitability.tools_for_any(arm, needs):
        return f"fetches no tool that can do it ({', '.join(wanted)})"
    at = [[name for name, need in needs.items() if not suitability.has_all(arm, {name: need}, place)] for place in places]
    lacking = min(at, key=len)
    return f"does not work where {listed(lacking)} {'is' if len(lacking) == 1 else 'are'} done"
