"""Teach a check from folders of photos, and say how often it will be wrong before it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.checks import Anomaly, Count, Taught, TaughtPresence, Template
from microcell.faults import FaultError
from microcell.vision import anomaly_model, counting, taught_presence
from microcell.vision.models import hash_of
from microcell.vision.photos import ENDINGS, image_files, read_image
from microcell.vision.results import Verdict
from microcell.vision.taught import Judge
from microcell.vision.template import TemplateModel

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[Any]

BOUND = 0.95
"""Confidence of the upper bounds of the rates."""

_LEAST_WIDE = 1 << 14
_LEAST_OVER_GOOD = 1.05
_MOST_OVER_GOOD = 2.0
_MOST_ODD = 2.0
"""Of what the others permit, so far off a good photo may be at the most."""


@dataclass(frozen=True)
class Photo:
    """A photo with its file's name; RGB or mono, 8 or 16 bit."""

    name: str
    pixels: Image


@dataclass(frozen=True)
class Rate:
    """Errors among so many trials, with what the rate may be at most."""

    errors: int
    trials: int

    @property
    def ratio(self) -> float:
        return self.errors / self.trials if self.trials else math.nan

    @property
    def upper(self) -> float:
        """Upper bound of the true rate with `BOUND` confidence (Clopper and Pearson, 1934); 1 without trials."""
        return upper_bound(self.errors, self.trials)


@dataclass(frozen=True)
class Lesson:
    """A judge, each photo's score (over 1 is a reject), and the rates to expect, each photo judged without itself."""

    judge: Judge
    good: tuple[tuple[str, float], ...]
    bad: tuple[tuple[str, float], ...]
    false_reject: Rate
    escape: Rate

    @property
    def figures(self) -> dict[str, float]:
        """For the model's header; rates without trials are left out."""
        rates = {"false_reject": self.false_reject, "escape": self.escape}
        return {
            f"{name}_{what}": value
            for name, rate in rates.items()
            if rate.trials
            for what, value in (("ratio", rate.ratio), ("upper", rate.upper), ("trials", float(rate.trials)))
        }


def photos_in(folder: Path) -> list[Photo]:
    """Every photo in a folder, by name; INSPECTION_NOT_CONFIGURED where one cannot be read or there is none."""
    paths = image_files(folder)
    if not paths:
        raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", f"no photos in '{folder}' ({', '.join(ENDINGS)})")
    return [Photo(path.name, read_photo(path)) for path in paths]


def read_photo(path: Path) -> Image:
    """One photo as RGB or mono."""
    image = read_image(path)
    if image is None:
        raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", f"'{path}' cannot be read as an image")
    return image


def teach(check: Taught, good: Sequence[Photo], bad: Sequence[Photo] = ()) -> Lesson:
    """Make a judge from photos.

    Anomaly: every good photo teaches; bad ones place the threshold between. Presence: the first good photo (all there)
    and the first bad one (nothing there) teach. Template and count: the first good photo teaches. What does not teach is
    judged. A photo that is there twice counts once. Raises INSPECTION_NOT_CONFIGURED where the photos will not do.
    """
    _refuse_sizes(check, [*good, *bad])
    _refuse_dark_wide([*good, *bad])
    _refuse_contradictions(good, bad)
    good, bad = _once(good), _once(bad)
    if isinstance(check, Anomaly):
        return _teach_anomaly(check, good, bad)
    first = good[0].pixels
    if isinstance(check, TaughtPresence):
        if not bad:
            detail = "a photo without the item is needed: --bad DIR, the first photo in it shows every place empty"
            raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", detail)
        return _judged(taught_presence.teach(first, bad[0].pixels, check), good[1:], bad[1:])
    if isinstance(check, Template):
        return _judged(TemplateModel.of(first, check), good[1:], bad)
    return _judged(counting.teach(first, check), good[1:], bad)


def _refuse_sizes(check: Taught, photos: Sequence[Photo]) -> None:
    """INSPECTION_NOT_CONFIGURED where a photo shows the part in another size; what is counted may lie anywhere."""
    if isinstance(check, Count):
        return
    (height, width), first = photos[0].pixels.shape[:2], photos[0].name
    for photo in photos:
        if photo.pixels.shape[:2] != (height, width):
            size = f"{photo.pixels.shape[1]} x {photo.pixels.shape[0]}"
            detail = f"the photos are not all of one size: '{photo.name}' has {size} pixels, '{first}' {width} x {height}"
            raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", detail)


def _once(photos: Sequence[Photo]) -> list[Photo]:
    """Each photo once: judged by its double, it would seem to be faultless."""
    known: dict[str, Photo] = {}
    for photo in photos:
        known.setdefault(hash_of([photo.pixels]), photo)
    return list(known.values())


def _refuse_contradictions(good: Sequence[Photo], bad: Sequence[Photo]) -> None:
    """INSPECTION_NOT_CONFIGURED for a photo that is said to be good and bad."""
    known = {hash_of([photo.pixels]): photo.name for photo in good}
    for photo in bad:
        if name := known.get(hash_of([photo.pixels])):
            detail = f"'{name}' of the good photos and '{photo.name}' of the bad ones are the same: it is one or the other"
            raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", detail)


def _refuse_dark_wide(photos: Sequence[Photo]) -> None:
    """INSPECTION_NOT_CONFIGURED for 10 to 14 bits in the lower ones of 16: taken for nearly black, defects would be lost."""
    wide = [photo.pixels for photo in photos if photo.pixels.dtype == np.uint16]
    most = max((int(pixels.max()) for pixels in wide), default=_LEAST_WIDE)
    if most < _LEAST_WIDE:
        detail = f"the photos are of 16 bit, and none is brighter than {most} of 65535: make use of the upper bits"
        raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", f"{detail} (those of 12 bit times 16), or expose longer")


def _teach_anomaly(check: Anomaly, good: Sequence[Photo], bad: Sequence[Photo]) -> Lesson:
    taught = anomaly_model.teach([photo.pixels for photo in good], check, names=[photo.name for photo in good])
    of_good = list(taught.good_scores)
    _refuse_odd(good, of_good)
    of_bad = [taught.model.score(photo.pixels).score for photo in bad]
    model = replace(taught.model, threshold=threshold_between(of_good, of_bad))
    rejected = sum(score > threshold_between(_without(of_good, k), of_bad) for k, score in enumerate(of_good))
    escaped = sum(score <= threshold_between(of_good, _without(of_bad, k)) for k, score in enumerate(of_bad))
    return Lesson(
        model,
        tuple((photo.name, score / model.threshold) for photo, score in zip(good, of_good, strict=True)),
        tuple((photo.name, score / model.threshold) for photo, score in zip(bad, of_bad, strict=True)),
        Rate(rejected, len(good)),
        Rate(escaped, len(bad)),
    )


def _refuse_odd(photos: Sequence[Photo], scores: Sequence[float]) -> None:
    """INSPECTION_NOT_CONFIGURED for a photo far from all others: a limit beyond it would let every like defect pass."""
    for k, (photo, score) in enumerate(zip(photos, scores, strict=True)):
        ratio = score / anomaly_model.threshold_of(_without(scores, k))
        if ratio > _MOST_ODD:
            detail = f"'{photo.name}' of the good photos deviates {ratio:.1f} times as much as the others permit"
            remedy = "take it out where the part is bad, else add more that look like it"
            raise FaultError("INSPECTION_NOT_CONFIGURED", "teach", f"{detail}: {remedy}")


def threshold_between(good: Sequence[float], bad: Sequence[float]) -> float:
    """Where to reject: half-way (as a ratio) from the most unusual good part to the least conspicuous bad one, or where
    hardly any good part is to be expected.
    """
    most = max(good)
    over = [score for score in bad if score > _LEAST_OVER_GOOD * most]
    if not over:
        return anomaly_model.threshold_of(good)
    return float(np.clip(math.sqrt(most * min(over)), _LEAST_OVER_GOOD * most, _MOST_OVER_GOOD * most))


def _judged(judge: Judge, good: Sequence[Photo], bad: Sequence[Photo]) -> Lesson:
    """The verdicts on photos that did not teach; what is uncertain counts as neither error."""
    of_good = [(photo.name, judge.check(photo.pixels).verdict) for photo in good]
    of_bad = [(photo.name, judge.check(photo.pixels).verdict) for photo in bad]
    # Whatever else a verdict is, it is one of those that reject.
    rejects = sum(v not in ("accept", "uncertain") for _, v in of_good)
    escapes = sum(v == "accept" for _, v in of_bad)
    scores: dict[Verdict, float] = {"accept": 0.5, "uncertain": 1.0}
    good_scores, bad_scores = (
        tuple((name, scores.get(verdict, 1.5)) for name, verdict in verdicts) for verdicts in (of_good, of_bad)
    )
    return Lesson(judge, good_scores, bad_scores, Rate(rejects, len(good)), Rate(escapes, len(bad)))


def upper_bound(errors: int, trials: int) -> float:
    """The rate at which so few errors or fewer would be seen once in twenty times."""
    if errors >= trials:
        return 1.0
    low, high = errors / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if _at_most(errors, trials, middle) > 1.0 - BOUND:
            low = middle
        else:
            high = middle
    return high


def _at_most(errors: int, trials: int, rate: float) -> float:
    return sum(math.comb(trials, k) * rate**k * (1.0 - rate) ** (trials - k) for k in range(errors + 1))


def _without(values: Sequence[float], index: int) -> list[float]:
    return [value for k, value in enumerate(values) if k != index]


def asks_for(check: Taught) -> str:
    """What the photos of a kind of check must show, for people."""
    texts = {
        Anomaly: "good parts, 20 or more; bad ones place the threshold",
        TaughtPresence: "the first good photo shows the item in every place, the first bad one in none",
        Template: "the first good photo is the template",
        Count: "the first good photo shows the things apart from each other",
    }
    return texts[type(check)]
