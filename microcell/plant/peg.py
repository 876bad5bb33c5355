"""A held peg and its hole: where it stands on the rim, how the walls push it, when it wedges.

Quasi-static, small angles, after D. E. Whitney, "Quasi-Static Assembly of Compliantly Supported Rigid Parts", ASME
Journal of Dynamic Systems, Measurement, and Control 104 (1982) 65-77: a rigid round peg on a wrist with a lateral and an
angular spring, Coulomb friction at the walls while it goes in. Wall contact is possible at two heights, at the peg's foot
and at the hole's rim: at one of them (one-point contact) or at both, on opposite sides (two-point contact). What is left
out: chamfers, friction while sliding on the rim, and that the wrist's axial give changes the depth at which the walls act.

Vectors of two numbers are lateral ones, in the site's frame: origin at the foot of the seated peg, z out of the hole. The
lean is the lateral part of the peg's unit axis, rad: a peg that leans towards +x has its top there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from microcell.plant.physics import (
    WALL_FRICTION_RATIO,
    WRIST_ANGULAR_N_M_RAD,
    WRIST_LATERAL_N_M,
    WRIST_STIFFNESS_N_M,
)

Lateral = tuple[float, float]
Point = tuple[float, float, float]

_NONE: Lateral = (0.0, 0.0)
_SHALLOW_M = 0.0005
"""So near the rim, foot and rim are one place of contact."""
_ROUNDS = 60
_LARGEST_STEP = 4.0
_LEAST_RATIO = 1e-3
_MISS_RATIO = 1e-9
_STILL = 1e-12


@dataclass(frozen=True, slots=True)
class Hole:
    """A hole and the peg for it: the peg's radius, the difference of their radii (`slack_m`), depth and own friction.

    `latch_n` is the pull that a latch withstands once the peg is seated.
    """

    radius_m: float
    slack_m: float
    depth_m: float
    friction_n: float
    latch_n: float = 0.0

    def entry_slack_m(self, lean: Lateral) -> float:
        """How far off a leaning peg may be, m, and still get all of its foot under the rim.

        By then the rim cuts it, on one side, radius x lean over the foot, so the axis is that much x lean further off.
        """
        return max(0.0, self.slack_m - self.radius_m * (lean[0] ** 2 + lean[1] ** 2))

    def wedging_depth_m(self, lean: Lateral) -> float:
        """Depth at which a peg wedges, m; infinite where it can't.

        Two-point contact begins at clearance / lean. No deeper than friction x diameter, the friction cones of the two
        points hold the peg against any force, and only a smaller lean sets it free (Whitney's condition).
        """
        leaning = math.hypot(*lean)
        if leaning < _STILL:
            return math.inf
        depth_m = 2.0 * self.slack_m / leaning
        return depth_m if depth_m <= WALL_FRICTION_RATIO * 2.0 * self.radius_m else math.inf


@dataclass(frozen=True, slots=True)
class Push:
    """A force in N on the peg, and the point where it acts, m."""

    at: Point
    force: Point


@dataclass(frozen=True, slots=True)
class HeldPeg:
    """A peg where the arm would bring it, were the wrist stiff.

    `foot` is the middle of its end, `height_m` that point's height over the seat, `reach_m` the distance from there to
    the tool centre point, about which the wrist gives. `entered`: its foot has found the hole, whose walls keep it.
    `latched`: its latch has snapped in.
    """

    hole: Hole
    foot: Lateral
    height_m: float
    lean: Lateral
    reach_m: float
    entered: bool
    latched: bool = False

    @property
    def rest_m(self) -> float:
        """Height over the seat at which something hard stops the foot: rim, wedge or seat."""
        return self._rest()[0] if self.entered else self._on_rim()[0]

    @property
    def pressing_n(self) -> float:
        """Force against the peg along the hole, N."""
        return sum(push.force[2] for push in self.pushes())

    @property
    def held_back_n(self) -> float:
        """Force of the latch on a peg that is pulled, N; 0 once it has let go, or when nobody pulls."""
        pull_n = WRIST_STIFFNESS_N_M * max(0.0, self.height_m)
        return pull_n if pull_n < self.hole.latch_n else 0.0

    def pushes(self) -> tuple[Push, ...]:
        """Every force on the peg."""
        return self._in_hole() if self.entered else self._stand(*self._on_rim())

    def _on_rim(self) -> tuple[float, Lateral]:
        """Height of the foot's middle when the peg stands on the rim, and on which side of its edge it stands.

        The edge is over solid all around the direction in which the peg is off; the lowest such place touches first.
        """
        off, leaning = math.hypot(*self.foot), math.hypot(*self.lean)
        if leaning < _STILL or off < _STILL:
            return self.hole.depth_m, _NONE
        half = math.acos(min(1.0, self.hole.entry_slack_m(self.lean) / off))
        towards = math.atan2(self.foot[1], self.foot[0])
        lowest = math.remainder(math.atan2(self.lean[1], self.lean[0]) - towards, 2.0 * math.pi)
        touching = max(-half, min(half, lowest))
        side = (math.cos(towards + touching), math.sin(towards + touching))
        return self.hole.depth_m + self.hole.radius_m * leaning * math.cos(lowest - touching), side

    def _stand(self, rest_m: float, side: Lateral) -> tuple[Push, ...]:
        """Force of something hard under its edge. Pressed harder, the peg stands flatter and the force moves inwards."""
        up_n = WRIST_STIFFNESS_N_M * max(0.0, rest_m - self.height_m)
        if up_n == 0.0:
            return ()
        arm = min(self.hole.radius_m, WRIST_ANGULAR_N_M_RAD * math.hypot(*self.lean) / up_n)
        at = (self.foot[0] + arm * side[0], self.foot[1] + arm * side[1], self.height_m)
        return (Push(at, (0.0, 0.0, up_n)),)

    def _rest(self) -> tuple[float, Lateral, Lateral, Lateral]:
        """Height of what stops the peg in the hole, the side where it stands then, and what the walls do at foot and rim."""
        hole = self.hole
        wedged_m = hole.wedging_depth_m(self.lean)
        depth_m = min(hole.depth_m - self.height_m, hole.depth_m, wedged_m)
        at_foot, at_rim, lean = self._walls(depth_m)
        leaning = math.hypot(*lean)
        side = (lean[0] / leaning, lean[1] / leaning) if leaning > _STILL else _NONE
        seat_m = hole.radius_m * leaning
        if hole.depth_m - wedged_m > seat_m:
            return hole.depth_m - wedged_m, _NONE, at_foot, at_rim
        return seat_m, side, at_foot, at_rim

    def _in_hole(self) -> tuple[Push, ...]:
        """Forces of the walls, with friction against going in, of the fit, and of what stops the peg."""
        hole, depth_m = self.hole, self.hole.depth_m - self.height_m
        if depth_m <= 0.0:
            return ()
        if self.latched and self.held_back_n > 0.0:
            return (Push((*self.foot, self.height_m), (0.0, 0.0, -self.held_back_n)),)
        rest_m, side, at_foot, at_rim = self._rest()
        walls_n = (math.hypot(*at_foot), math.hypot(*at_rim))
        sliding_n = hole.friction_n + WALL_FRICTION_RATIO * sum(walls_n)
        share = min(1.0, WRIST_STIFFNESS_N_M * depth_m / sliding_n) if sliding_n > 0.0 else 0.0
        pushes = [Push((*self.foot, self.height_m), (0.0, 0.0, share * hole.friction_n))]
        for force, wall_n, height_m in ((at_foot, walls_n[0], self.height_m), (at_rim, walls_n[1], hole.depth_m)):
            if wall_n > 0.0:
                outwards = (-force[0] / wall_n * hole.radius_m, -force[1] / wall_n * hole.radius_m)
                up = height_m - self.height_m
                at = (self.foot[0] + self.lean[0] * up + outwards[0], self.foot[1] + self.lean[1] * up + outwards[1])
                pushes.append(Push((*at, height_m), (*force, share * WALL_FRICTION_RATIO * wall_n)))
        return (*pushes, *self._stand(rest_m - share * sliding_n / WRIST_STIFFNESS_N_M, side))

    def _walls(self, depth_m: float) -> tuple[Lateral, Lateral, Lateral]:
        """Forces of the walls at foot and rim, N, and the lean that the wrist's springs then leave the peg.

        Foot (p) and the axis at the rim (q) must both be within `slack_m`. Each force moves both: the wrist gives
        laterally, and turns about the tool centre point. Friction upwards at the wall shortens the lever of each.
        """
        slack, (px, py) = self.hole.slack_m, self.foot
        qx, qy = px + depth_m * self.lean[0], py + depth_m * self.lean[1]
        off_p, off_q = math.hypot(px, py), math.hypot(qx, qy)
        if off_p <= slack and off_q <= slack:
            return _NONE, _NONE, self.lean
        friction = WALL_FRICTION_RATIO * self.hole.radius_m
        turn_p, turn_q = friction - self.reach_m, friction + depth_m - self.reach_m
        give = _Give.of(self.reach_m, depth_m, turn_p, turn_q)
        if depth_m < _SHALLOW_M:
            force_n = (off_p - slack) / give.pp if off_p > slack else 0.0
            at_foot, at_rim = (_scaled((px, py), -force_n / off_p) if force_n else _NONE), _NONE
        else:
            at_foot, at_rim = _wall_forces((px, py), (qx, qy), slack, give)
        turned = [(turn_p * f + turn_q * g) / WRIST_ANGULAR_N_M_RAD for f, g in zip(at_foot, at_rim, strict=True)]
        return at_foot, at_rim, (self.lean[0] + turned[0], self.lean[1] + turned[1])


@dataclass(frozen=True, slots=True)
class _Give:
    """How far, in m for each N, a force at foot (p) or rim (q) moves foot or rim: `pq` is the foot's for the rim's."""

    pp: float
    pq: float
    qp: float
    qq: float

    @classmethod
    def of(cls, reach_m: float, depth_m: float, turn_p: float, turn_q: float) -> _Give:
        side, turn = 1.0 / WRIST_LATERAL_N_M, 1.0 / WRIST_ANGULAR_N_M_RAD
        over = depth_m - reach_m
        return cls(
            side - reach_m * turn_p * turn,
            side - reach_m * turn_q * turn,
            side + over * turn_p * turn,
            side + over * turn_q * turn,
        )


def _wall_forces(p: Lateral, q: Lateral, slack: float, give: _Give) -> tuple[Lateral, Lateral]:
    """Forces at foot and rim, N, that bring both back to within the slack: one of them, else both."""
    off_p, off_q = math.hypot(*p), math.hypot(*q)
    at_foot, at_rim = _NONE, _NONE
    if off_p > slack:
        at_foot = _scaled(p, (slack / off_p - 1.0) / give.pp)
        if math.hypot(q[0] + give.qp * at_foot[0], q[1] + give.qp * at_foot[1]) <= slack:
            return at_foot, _NONE
    if off_q > slack:
        at_rim = _scaled(q, (slack / off_q - 1.0) / give.qq)
        if math.hypot(p[0] + give.pq * at_rim[0], p[1] + give.pq * at_rim[1]) <= slack:
            return _NONE, at_rim
    both = _two_points(p, q, slack, give)
    if both is not None:
        return both
    return (at_foot, _NONE) if off_p > off_q else (_NONE, at_rim)


def _two_points(p: Lateral, q: Lateral, slack: float, give: _Give) -> tuple[Lateral, Lateral] | None:
    """Forces at foot and rim, N, when both touch: the walls as springs so stiff that both offsets are just the slack.

    Newton's method; in 1 / offset the two equations are nearly straight. None where it finds no forces: nearly the same
    place touches at foot and rim.
    """
    stiff_p, stiff_q = (max(_LEAST_RATIO / give.pp, stiff) for stiff in _first_guess(p, q, slack, give))
    for _ in range(_ROUNDS):
        a, b, c, d = 1.0 + give.pp * stiff_p, give.pq * stiff_q, give.qp * stiff_p, 1.0 + give.qq * stiff_q
        det = a * d - b * c
        new_p = ((d * p[0] - b * q[0]) / det, (d * p[1] - b * q[1]) / det)
        new_q = ((a * q[0] - c * p[0]) / det, (a * q[1] - c * p[1]) / det)
        off_p, off_q = math.hypot(*new_p), math.hypot(*new_q)
        miss_p, miss_q = 1.0 / off_p - 1.0 / slack, 1.0 / off_q - 1.0 / slack
        if (abs(miss_p) + abs(miss_q)) * slack < _MISS_RATIO:
            return _scaled(new_p, -stiff_p), _scaled(new_q, -stiff_q)
        both = _dot(new_p, new_q) / det
        pp, qp = (d * give.pp - b * give.qp) / (det * off_p), (a * give.qp - c * give.pp) * both / off_q**3
        pq, qq = (d * give.pq - b * give.qq) * both / off_p**3, (a * give.qq - c * give.pq) / (det * off_q)
        turn = pp * qq - pq * qp
        stiff_p = _held_back(stiff_p - (qq * miss_p - pq * miss_q) / turn, stiff_p)
        stiff_q = _held_back(stiff_q - (pp * miss_q - qp * miss_p) / turn, stiff_q)
    return None


def _held_back(stiff: float, before: float) -> float:
    """A Newton step that does not run away."""
    return max(before / _LARGEST_STEP, min(before * _LARGEST_STEP, stiff))


def _first_guess(p: Lateral, q: Lateral, slack: float, give: _Give) -> Lateral:
    """Stiffnesses of the walls, N/m, with which foot and rim touch on opposite sides in the plane of the lean; else 0."""
    along = (q[0] - p[0], q[1] - p[1])
    if math.hypot(*along) <= 2.0 * slack:
        return _NONE
    side = _unit(along)
    over_p, over_q = -slack - _dot(p, side), slack - _dot(q, side)
    det = give.pp * give.qq - give.pq * give.qp
    at_foot, at_rim = (over_p * give.qq - over_q * give.pq) / det, (give.pp * over_q - give.qp * over_p) / det
    return (max(0.0, at_foot / slack), max(0.0, -at_rim / slack))


def _unit(v: Lateral) -> Lateral:
    length = math.hypot(*v)
    return (v[0] / length, v[1] / length) if length > _STILL else (1.0, 0.0)


def _scaled(v: Lateral, by: float) -> Lateral:
    return (v[0] * by, v[1] * by)


def _dot(a: Lateral, b: Lateral) -> float:
    return a[0] * b[0] + a[1] * b[1]
