"""A product's process plan as chains: operations that follow each other with the part in the hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from microcell.description.product import Operation


@dataclass(frozen=True)
class Chain:
    """Operations that run one after the other without letting go of the arm; `after` are all that must be done before."""

    operations: tuple[str, ...]
    after: frozenset[str]
    position: int

    @property
    def first(self) -> str:
        return self.operations[0]


@dataclass(frozen=True)
class Plan:
    """A graph of operations; the description's rules have made sure that it has no cycle."""

    operations: Mapping[str, Operation]

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """Every chain, in an order in which they could be done."""
        followers = {op.continues_in for op in self.operations.values()}
        heads = [name for name in self._sorted if name not in followers]
        return tuple(self._chain(head, position) for position, head in enumerate(heads))

    def ready(self, done: frozenset[str] | set[str]) -> list[Chain]:
        """Chains that are not done and whose every ancestor is."""
        return [c for c in self.chains if not done.issuperset(c.operations) and done.issuperset(c.after)]

    def redo(self, done: set[str], inspection: str, operations: tuple[str, ...]) -> None:
        """Take whole chains, and the inspection that asked for it, out of the done ones."""
        again = {inspection, *operations}
        for chain in self.chains:
            if again.intersection(chain.operations):
                done.difference_update(chain.operations)

    def is_complete(self, done: set[str]) -> bool:
        return done.issuperset(self.operations)

    def _chain(self, head: str, position: int) -> Chain:
        names = [head]
        while (following := self.operations[names[-1]].continues_in) is not None:
            names.append(following)
        before = frozenset().union(*(self._ancestors[name] for name in names)) - set(names)
        return Chain(tuple(names), before, position)

    @cached_property
    def _sorted(self) -> list[str]:
        """Topological order, stable in the file's order."""
        result: list[str] = []
        left = dict(self.operations)
        while left:
            free = next(name for name, op in left.items() if all(a in result for a in op.after))
            result.append(free)
            del left[free]
        return result

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for name in self._sorted:
            after = self.operations[name].after
            found[name] = frozenset(after).union(*(found[a] for a in after))
        return found
