"""Compare a two-coloured pattern with its template, and say of each difference what it does to the pattern.

For conductors: open, short, mousebite, spur, copper (where none should be) and pin-hole, told apart by topology alone:
whether what was removed parts a conductor, lies on its edge or within it; whether what was added joins conductors,
touches one, or none. Where only a feature as a whole lies a little off, the image is shifted there until it fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import DefectClass, Template
from microcell.measurement import Measurement
from microcell.vision.registration import grey
from microcell.vision.results import CheckResult, Finding, Verdict
from microcell.vision.template_light import Light, evened
from microcell.vision.template_place import BETTER_RATIO, Placed, Placer, descend, laid_over

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]

_CELL_PX = 32
_AROUND_PX = 16
_BORDER_PX = 3
_NEAR_SEED_PX = 3
_PIECE_RATIO = 0.2
"""A part of a conductor, cut off, is one if it is at least so large as what was removed."""
_PIECE_PX = 12
_CONFIDENT_PX = 20.0

_LEAST_LIKENESS = 0.65
"""Correlation of both patterns under which the image shows another one, none, or the same elsewhere than was looked."""


@dataclass(frozen=True)
class TemplateModel:
    """A template, 255 where the pattern is."""

    options: Template
    pattern: Mask

    @classmethod
    def of(cls, image: npt.NDArray[Any], options: Template) -> TemplateModel:
        """From an image of a good pattern."""
        return cls(options, binary(image, options.dark))

    def defects(self, image: npt.NDArray[Any]) -> tuple[Finding, ...]:
        """Every difference with its class, in the template's pixels."""
        placed = self._placed(image)[0]
        return self._compared(placed.seen, placed.inside)

    def check(self, image: npt.NDArray[Any], name: str = "template") -> CheckResult:
        """Judge one image: no defect of a class that is not permitted; findings are in the image's pixels.

        Uncertain where the pattern is not found as taught, and where nothing is wrong with what the image shows of it, but
        it does not show all, or shows what may be shadow or a thing.
        """
        placed, other, told = self._placed(image)
        if placed.likeness < _LEAST_LIKENESS:
            note = f"the pattern was not found as taught (correlation {placed.likeness:.2f})"
            measured = (Measurement(f"{name}.defects", math.nan, "1", None, 0.0),)
            return CheckResult(name, "template", "uncertain", measured, note=note)
        found = self._compared(placed.seen, placed.inside)
        wrong = self._wrong(found)
        doubtful = () if wrong else self._wrong(self._compared(other, placed.inside))
        found = tuple(replace(finding, box_px=placed.box(finding.box_px)) for finding in (*found, *doubtful))
        notes = [f"{100 * ratio:.1f} % of the pattern {where}" for ratio, where in self._lost(placed.inside, told)]
        if doubtful:
            notes.append(f"of a grey between pattern and ground, shadows or not: {len(doubtful)}")
        verdict: Verdict = self.options.on_fail if wrong else "uncertain" if notes else "accept"
        measured = (Measurement(f"{name}.defects", float(len(wrong)), "1", None, 0.0),)
        return CheckResult(name, "template", verdict, measured, found, ", ".join(notes))

    def _wrong(self, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(finding for finding in found if finding.kind not in self.options.permitted)

    def _placed(self, image: npt.NDArray[Any]) -> tuple[Placed, Mask, Mask]:
        """The image laid over the template, told from the ground place by place; its second reading; where that is told."""
        values = mono(image)
        values = values if self.options.dark else cv2.bitwise_not(values)
        placed = self._placer.place(_darker(values), lambda: evened(values))
        laid = laid_over(values, placed.image_from_template, self.pattern.shape[::-1])
        *readings, told = self._light.told(laid, placed.inside)
        shown = cv2.bitwise_and(placed.inside, told)
        seen, other = (
            cv2.bitwise_xor(self.pattern, cv2.bitwise_and(cv2.bitwise_xor(reading, self.pattern), shown))
            for reading in readings
        )
        return replace(placed, seen=seen), other, told

    def _compared(self, seen: Mask, inside: Mask) -> tuple[Finding, ...]:
        seen, inside = self._fitted(seen, inside)
        removed, added = self._deep(seen, inside)
        found = [*self._groups(seen, removed, removal=True), *self._groups(seen, added, removal=False)]
        return tuple(sorted(found, key=lambda finding: -finding.score))

    def _lost(self, inside: Mask, told: Mask) -> list[tuple[float, str]]:
        """Shares of the pattern of which nothing is told, and why; none while as much is cut off as features may lie off."""
        lost = []
        for shown, border, why in (
            (inside, max(self.options.slack_px, _BORDER_PX), "is not in the image"),
            (cv2.bitwise_or(told, cv2.bitwise_not(inside)), 0, "is not apart from its ground in this light"),
        ):
            unseen = cv2.bitwise_and(self.pattern, cv2.bitwise_not(shown))
            ratio = cv2.countNonZero(unseen) / max(1, cv2.countNonZero(self.pattern))
            if border:
                _clear_border(unseen, border)
            if cv2.countNonZero(unseen):
                lost.append((ratio, why))
        return lost

    @cached_property
    def _light(self) -> Light:
        return Light(self.pattern)

    @cached_property
    def _placer(self) -> Placer:
        return Placer(self.pattern, self.options)

    @cached_property
    def _ground(self) -> Mask:
        return cv2.bitwise_not(self.pattern)

    @cached_property
    def _inner(self) -> tuple[Mask, Mask]:
        """Pattern and ground without what lies near an edge."""
        return self._eroded(self.pattern), self._eroded(self._ground)

    @cached_property
    def _outer(self) -> Mask:
        return cv2.dilate(self.pattern, _disc(self.options.tolerance_px))

    def _eroded(self, mask: Mask) -> Mask:
        return cv2.erode(mask, _disc(self.options.tolerance_px))

    def _fitted(self, seen: Mask, inside: Mask) -> tuple[Mask, Mask]:
        """The image, each cell that differs moved to where it and its surroundings agree best, and what it shows then."""
        slack = self.options.slack_px
        if slack == 0:
            return seen, inside
        fitted, shown = seen.copy(), inside.copy()
        for y, x in _cells(self._edges_apart(seen)):
            shift = self._local_shift(seen, y, x, slack)
            if shift != (0, 0):
                cell = (slice(y, min(y + _CELL_PX, seen.shape[0])), slice(x, min(x + _CELL_PX, seen.shape[1])))
                rows, columns = (np.arange(side.start, side.stop) + by for side, by in zip(cell, shift[::-1], strict=True))
                at = np.ix_(np.clip(rows, 0, seen.shape[0] - 1), np.clip(columns, 0, seen.shape[1] - 1))
                fitted[cell], shown[cell] = seen[at], inside[at]
        return fitted, shown

    def _local_shift(self, seen: Mask, y: int, x: int, slack: int) -> tuple[int, int]:
        height, width = seen.shape
        top, left = max(slack, y - _AROUND_PX), max(slack, x - _AROUND_PX)
        bottom, right = min(height - slack, y + _CELL_PX + _AROUND_PX), min(width - slack, x + _CELL_PX + _AROUND_PX)
        if bottom - top < _CELL_PX // 2 or right - left < _CELL_PX // 2:
            return 0, 0
        wanted = self.pattern[top:bottom, left:right]

        def cost(at: tuple[int, int]) -> float:
            there = seen[top + at[1] : bottom + at[1], left + at[0] : right + at[0]]
            return float(cv2.countNonZero(cv2.bitwise_xor(wanted, there)))

        shift = descend(cost, slack)
        return shift if cost(shift) < BETTER_RATIO * cost((0, 0)) else (0, 0)

    def _edges_apart(self, seen: Mask) -> Mask:
        """Where pattern or ground differ by more than a pixel."""
        removed = cv2.bitwise_and(self.pattern, cv2.bitwise_not(cv2.dilate(seen, _CROSS)))
        added = cv2.bitwise_and(seen, cv2.bitwise_not(cv2.dilate(self.pattern, _CROSS)))
        return cv2.bitwise_or(removed, added)

    def _deep(self, seen: Mask, inside: Mask) -> tuple[Mask, Mask]:
        """What is certainly removed and added: further from an edge than the tolerance, in template or image."""
        bare = cv2.bitwise_not(seen)
        disc = _disc(self.options.tolerance_px)
        gone = cv2.bitwise_and(self.pattern, cv2.bitwise_not(cv2.dilate(seen, disc)))
        new = cv2.bitwise_and(seen, cv2.bitwise_not(self._outer))
        removed = cv2.bitwise_or(gone, cv2.bitwise_and(self._inner[0], bare))
        added = cv2.bitwise_or(new, cv2.bitwise_and(self._inner[1], seen))
        shown = inside.copy()
        _clear_border(shown, 1)
        shown = cv2.erode(shown, _disc(_BORDER_PX - 1))
        return cv2.bitwise_and(removed, shown), cv2.bitwise_and(added, shown)

    def _groups(self, seen: Mask, deep: Mask, removal: bool) -> Iterator[Finding]:
        """One finding for each group of near differences."""
        apart = cv2.bitwise_xor(self.pattern, seen)
        apart = cv2.bitwise_and(apart, self.pattern if removal else seen)
        near = cv2.bitwise_and(cv2.dilate(deep, _disc(_NEAR_SEED_PX)), apart)
        count, labels = cv2.connectedComponents(cv2.dilate(near, _disc(self.options.join_px)))
        if count < 2:
            return
        x, y = cv2.findNonZero(near).reshape(-1, 2).T
        order = np.argsort(labels[y, x], kind="stable")
        starts = np.searchsorted(labels[y, x][order], np.arange(1, count + 1))
        for members in np.split(order, starts[1:-1]) if count > 2 else [order]:
            certain = int(np.count_nonzero(deep[y[members], x[members]]))
            if certain >= self.options.min_area_px:
                yield self._finding(y[members], x[members], certain, removal)

    def _finding(self, y: npt.NDArray[Any], x: npt.NDArray[Any], certain: int, removal: bool) -> Finding:
        margin = self.options.margin_px
        box = (float(x.min() - margin), float(y.min() - margin), float(x.max() + 1 + margin), float(y.max() + 1 + margin))
        top, left = max(0, int(y.min()) - 8), max(0, int(x.min()) - 8)
        pattern = self.pattern[top : int(y.max()) + 9, left : int(x.max()) + 9]
        difference = np.zeros_like(pattern)
        difference[y - top, x - left] = 255
        kind = class_of_removed(pattern, difference) if removal else class_of_added(pattern, difference)
        return Finding(kind, box, float(len(y)), float(certain), min(1.0, 0.5 + certain / (2.0 * _CONFIDENT_PX)))


def class_of_removed(pattern: Mask, removed: Mask) -> DefectClass:
    """The class of a missing piece of pattern: it parts a conductor, bites into its edge, or is a hole in it."""
    removed = cv2.morphologyEx(removed, cv2.MORPH_CLOSE, _disc(2))
    left = cv2.bitwise_and(pattern, cv2.bitwise_not(cv2.dilate(removed, _CROSS)))
    beside = cv2.dilate(removed, _disc(3)) > 0
    _, before = cv2.connectedComponents(pattern, connectivity=8)
    _, after, stats, _ = cv2.connectedComponentsWithStats(left, connectivity=4)
    least = max(_PIECE_PX, _PIECE_RATIO * cv2.countNonZero(removed))
    reaching = _reaches_out(pattern)
    parents = [
        int(before[after == piece][0])
        for piece in np.unique(after[beside])
        if piece and stats[piece, cv2.CC_STAT_AREA] >= least and bool(reaching[after == piece].any())
    ]
    if len(parents) > len(set(parents)):
        return "open"
    edge = cv2.bitwise_and(cv2.dilate(removed, _disc(2)), cv2.bitwise_not(pattern))
    return "mousebite" if cv2.countNonZero(edge) > 2 else "pin-hole"


def class_of_added(pattern: Mask, added: Mask) -> DefectClass:
    """The class of pattern where none should be: it joins conductors, touches one, or none."""
    _, labels = cv2.connectedComponents(pattern, connectivity=8)
    touched = np.unique(labels[cv2.dilate(added, _disc(2)) > 0])
    conductors = int(np.count_nonzero(touched))
    return "copper" if conductors == 0 else "spur" if conductors == 1 else "short"


def binary(image: npt.NDArray[Any], dark: bool) -> Mask:
    """255 where the pattern is, by Otsu's threshold."""
    values = mono(image)
    return _darker(values) if dark else _otsu(values, cv2.THRESH_BINARY)


def mono(image: npt.NDArray[Any]) -> Mask:
    """An image's grey levels, 0 to 255."""
    flat = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return flat if flat.dtype == np.uint8 else np.clip(grey(flat), 0, 255).astype(np.uint8)


def _darker(values: Mask) -> Mask:
    return _otsu(values, cv2.THRESH_BINARY_INV)


def _otsu(values: Mask, kind: int) -> Mask:
    mask: Mask = cv2.threshold(values, 0, 255, kind + cv2.THRESH_OTSU)[1]
    return mask


def _reaches_out(pattern: Mask) -> npt.NDArray[np.bool_]:
    """Where the pattern touches its ground or the edge of the cut-out: a piece that does neither is an island."""
    reaching = cv2.dilate(cv2.bitwise_not(pattern), _CROSS) > 0
    reaching[[0, -1]] = True
    reaching[:, [0, -1]] = True
    return reaching


def _cells(apart: Mask) -> list[tuple[int, int]]:
    """Corners of the cells that have something apart."""
    points = cv2.findNonZero(apart)
    if points is None:
        return []
    cells = np.unique(points.reshape(-1, 2) // _CELL_PX, axis=0)
    return sorted((int(y) * _CELL_PX, int(x) * _CELL_PX) for x, y in cells)


def _clear_border(mask: Mask, width_px: int) -> None:
    cv2.rectangle(mask, (0, 0), (mask.shape[1] - 1, mask.shape[0] - 1), 0, 2 * width_px - 1)


def _disc(radius: int) -> Mask:
    disc: Mask = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return disc


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
