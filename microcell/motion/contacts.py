"""What an arm may touch on a straight motion, and how deeply: where it works, the tool it fetches, what it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from microcell.motion.scene import FORK, JAW, ROOM

TO_TOUCH = frozenset({ROOM, JAW, FORK})
"""Solids of a station that hands and parts go into: room for parts, a fixture's jaws, the fork that a tool hangs in."""

GRAZED_M = 0.004
"""So deeply may a hand, or what it holds, be in the other solids of its station: what it is put on, what it presses."""

DEEPER_M = 2e-4
"""A contact that counts as getting no deeper may do so by this: rounding, and the next face of a solid."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Two solids in each other, by so much. `pair` is the pair's number with one checker.

    `ours` is a link of the arm, its tool or its part, `theirs` a body of the scene (or a link), `solid` the body's solid.
    `by_hand`: ours moves with the flange.
    """

    pair: int
    ours: str
    theirs: str
    solid: str
    by_hand: bool
    depth_m: float


@dataclass(slots=True)
class Allowed:
    """What one straight motion may touch, looked at from its start on.

    `working_at`: stations that the operation has leased; `coupling`: the tool in whose pocket the motion ends. What is
    touched at the start may be left, that is touched less and less (room in any way); a `guarded` motion may press on,
    with the hand alone: the force sensor stops it.
    """

    working_at: frozenset[str] = frozenset()
    coupling: frozenset[str] = frozenset()
    guarded: bool = False
    _depths_m: dict[int, float] = field(default_factory=dict)
    _left: frozenset[str] = frozenset()
    _rooms: frozenset[tuple[str, str]] = frozenset()

    def start_with(self, touches: Iterable[Touch]) -> None:
        """What is touched at the start."""
        known = list(touches)
        self._depths_m = {touch.pair: touch.depth_m for touch in known}
        self._left = frozenset(touch.theirs for touch in known)
        self._rooms = frozenset((t.ours, t.theirs) for t in known if t.solid == ROOM and t.by_hand)

    def forbidden(self, touches: Iterable[Touch]) -> list[tuple[str, str]]:
        """The pairs of names that may not touch like this; to be asked in the order of the motion."""
        return list(dict.fromkeys((t.ours, t.theirs) for t in touches if not self._may(t)))

    def _may(self, touch: Touch) -> bool:
        if touch.by_hand and self._may_by_hand(touch):
            return True
        if touch.pair not in self._depths_m and touch.theirs not in self._left:
            return False
        known_m = self._depths_m.get(touch.pair, 0.0)  # two faces that lie on each other touch or not by rounding
        if touch.solid == ROOM and touch.by_hand and self._may_through(touch):
            return True  # room is no matter: what lies low in it has a shorter way out than what is being lifted
        if touch.depth_m > known_m + DEEPER_M:
            return False
        self._depths_m[touch.pair] = min(known_m, touch.depth_m)
        return True

    def _may_through(self, touch: Touch) -> bool:
        """Whether the hand was in that room at the start, or is in it with something that hung below it then."""
        if touch.pair in self._depths_m:
            return True
        ours = {own for own, theirs in self._rooms if theirs == touch.theirs}
        return bool(ours) and touch.ours not in ours

    def _may_by_hand(self, touch: Touch) -> bool:
        if touch.theirs in self.coupling:
            return True
        if touch.theirs in self.working_at:
            return self.guarded or touch.solid in TO_TOUCH or touch.depth_m <= GRAZED_M
        return self.guarded and touch.pair in self._depths_m


def deeper(touches: Iterable[Touch], known: Iterable[Touch]) -> list[tuple[str, str]]:
    """The pairs of names that touch otherwise than what is known, or more deeply."""
    known = list(known)
    depths_m = {touch.pair: touch.depth_m for touch in known}
    left = frozenset(touch.theirs for touch in known)

    def may(touch: Touch) -> bool:
        return touch.theirs in left and touch.depth_m <= depths_m.get(touch.pair, 0.0) + DEEPER_M

    return list(dict.fromkeys((t.ours, t.theirs) for t in touches if not may(t)))


def told(pairs: Iterable[tuple[str, str]]) -> str:
    """What would touch what."""
    return ", ".join(f"{a} would touch {b}" for a, b in pairs)
