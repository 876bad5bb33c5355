"""The process plan of a line in words, as it is drawn: chains in rows, each operation with what it does, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from microcell import plugins
from microcell.description.line import Line
from microcell.description.product import Operation, Product
from microcell.orchestration.suitability import Suitability
from microcell.skills.needed import needs_of_all


@dataclass(frozen=True)
class PlanNode:
    """One operation: its name, the family of its skill, and what is said about it, one line each."""

    name: str
    family: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class PlanChain:
    """Operations that follow at once with one arm, the row in which they stand, and the chains that come before."""

    nodes: tuple[PlanNode, ...]
    row: int
    after: tuple[int, ...]


def plan_chains(line: Line) -> tuple[PlanChain, ...]:
    """The chains of a line's plan, each after those that it waits for; chains of one row wait for none of each other."""
    plan = line.product_description.plan
    followers = {operation.continues_in for operation in plan.values()}
    chains = [_chain(plan, name) for name in plan if name not in followers]
    able = {name: tools for chain in chains for name, tools in _able(line, chain).items()}
    number = {name: index for index, chain in enumerate(chains) for name in chain}
    before = [sorted({number[b] for name in chain for b in plan[name].after} - {n}) for n, chain in enumerate(chains)]
    rows: dict[int, int] = {}

    def row(index: int) -> int:
        if index not in rows:
            rows[index] = 1 + max((row(earlier) for earlier in before[index]), default=-1)
        return rows[index]

    order = sorted(range(len(chains)), key=lambda index: (row(index), index))
    place = {index: at for at, index in enumerate(order)}
    return tuple(
        PlanChain(
            tuple(_node(line, name, able[name]) for name in chains[i]), row(i), tuple(sorted(place[b] for b in before[i]))
        )
        for i in order
    )


def _chain(plan: Mapping[str, Operation], name: str) -> list[str]:
    chain = [name]
    while (following := plan[chain[-1]].continues_in) is not None:
        chain.append(following)
    return chain


def _able(line: Line, chain: list[str]) -> dict[str, list[str] | None]:
    """For each operation of a chain the tools with which some arm can do the whole of it; None where it needs none."""
    suitability = Suitability(line, lambda unit, of: {})
    needs = needs_of_all(line, chain, line.product_description.default_variant)
    arms = [arm for arm in line.cell_description.of_kind("arm") if suitability.has_all(arm, needs, {})]
    tools = dict.fromkeys(tool for arm in arms for tool, _ in suitability.tools_for(arm, needs))
    return {name: list(tools) if needs[name].capability else None for name in chain}


def _node(line: Line, name: str, tools: list[str] | None) -> PlanNode:
    product, operation = line.product_description, line.product_description.plan[name]
    lines = [_work(operation, tools), *_parts(product, operation), *_changes(product, name)]
    if "inspection" in operation.parameters:
        lines += _checks(product, str(operation.parameters["inspection"]))
    lines += [f"takes a {operation.occupies}"] if operation.occupies else []
    lines += [f"leaves the {operation.vacates}"] if operation.vacates else []
    return PlanNode(name, plugins.skill_names()[operation.skill], tuple(lines))


def _work(operation: Operation, tools: list[str] | None) -> str:
    """The skill, and the tools of the cell that can do it."""
    return operation.skill if tools is None else f"{operation.skill} with {' or '.join(tools) or 'no tool of the cell'}"


def _parts(product: Product, operation: Operation) -> Iterator[str]:
    """The part, by variant where they differ, and where it goes."""
    where = f" at {operation.site}" if operation.site else ""
    if operation.item is None:
        if where:
            yield where.strip()
        return
    users: dict[str, list[str]] = {}
    for variant in product.variants:
        users.setdefault(product.part_of(operation.item, variant), []).append(variant)
    if len(users) == 1:
        yield f"{next(iter(users))}{where}"
        return
    yield f"{operation.item}{where}:"
    yield from (f"  {part} if {' or '.join(variants)}" for part, variants in users.items())


def _changes(product: Product, name: str) -> Iterator[str]:
    """Parameters that some variants have otherwise."""
    same: dict[str, list[str]] = {}
    for variant, spec in product.variants.items():
        told = ", ".join(f"{key} {_told(value)}" for key, value in spec.parameters.get(name, {}).items())
        if told:
            same.setdefault(told, []).append(variant)
    yield from (f"if {' or '.join(variants)}: {told}" for told, variants in same.items())


def _checks(product: Product, inspection: str) -> Iterator[str]:
    """The checks, and what happens to a unit that does not pass one."""
    for name, check in product.inspections[inspection].checks.items():
        ends = f", else redo {' and '.join(check.redo)}" if check.redo else f", else {check.on_fail}"
        yield f"{name}: {check.kind}{'' if check.on_fail == 'scrap' and not check.redo else ends}"


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
