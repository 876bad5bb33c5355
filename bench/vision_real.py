"""Taught checks on photos that nobody here made: screws in a board, moulded parts, printed circuit boards.

    python bench/vision_real.py [--set SET ...] [--splits N] [--pairs N] [--data DIR] [--seed S] [--json] [--check]

screws: each run is taught from one photo with all four screws and one with none, and judges every other photo; an image
is right when all four places are. Pairs of golden photos are drawn at random (`--pairs`); the mean and the worst count.
moulded_parts: 20 good photos, drawn at random, teach and set the threshold; the other good ones and all bad ones are
judged (`--splits` times). "clean catch" is the share of bad ones caught by the splits without a false alarm.
--change: all photos of parts and screws, taught and judged, as another set-up would take them (mirrored, darker, turned,
smaller, blurred, grainy): what holds for the photos as they are should hold for these too.
pcb: as DeepPCB's evaluation: a detection is right when its class is that of a labelled box and their intersection over
union is over 0.33; each box and each detection is matched once, best overlap first. Precision, recall and F over all
boxes of all images. The template is the `_temp` image of each pair; time is that of the judgement, threshold included.
time: five taught checks, and five measured ones (bench/vision_checks.py), of one 1280 x 960 image: the median of processor
time on one core.

Data: --data, else ../shared/data beside the repository or a folder above it; a set that is not there is skipped.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import vision_checks
from common import Figure, arguments, report

from microcell.description.checks import Anomaly, Count, TaughtPresence, Template
from microcell.vision.anomaly_model import teach as teach_anomaly
from microcell.vision.counting import teach as teach_count
from microcell.vision.results import Finding
from microcell.vision.taught_presence import teach as teach_presence
from microcell.vision.template import TemplateModel

GOLDEN_PARTS = 20
IOU = 0.33
CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
SCREW_PLACES = {
    "upper_left": (5, 69, 261, 326), "upper_right": (305, 69, 561, 326),
    "lower_left": (5, 429, 261, 686), "lower_right": (325, 429, 581, 686),
}  # fmt: skip


def screws(folder: Path, rng: np.random.Generator, options: argparse.Namespace) -> Iterator[Figure]:
    """All four places of each photo right."""
    change = CHANGES[options.change] if options.change != "mirrored" else CHANGES["none"]  # the places are not mirrored
    photos = {path: change(photo(path)) for path in sorted(folder.glob("*.jpg"))}
    full = [path for path in photos if path.stem.endswith("_1111")]
    empty = [path for path in photos if path.stem.endswith("_0000")]
    pairs = [(a, b) for a in full for b in empty]
    chosen = [pairs[k] for k in rng.permutation(len(pairs))[: options.pairs]]
    check = TaughtPresence(kind="taught_presence", site="board", places_px=SCREW_PLACES, item_px=56)
    rights, sure, times = [], [], []
    for golden in chosen:
        model = teach_presence(photos[golden[0]], photos[golden[1]], check)
        right = []
        for path, image in photos.items():
            if path in golden:
                continue
            found, spent = timed(lambda model=model, image=image: model.likenesses(image))
            times.append(spent)
            differences = [found[place].difference for place in SCREW_PLACES]
            right.append(all((d > 0) == (c == "1") for d, c in zip(differences, path.stem[-4:], strict=True)))
            sure.append(min(abs(d) for d in differences) >= check.guard_ratio)
        rights.append(100.0 * statistics.fmean(right))
    yield Figure("screws images right", statistics.fmean(rights), "%", least=98.0)
    yield Figure("screws worst pair", min(rights), "%")
    yield Figure("screws verdict sure", 100.0 * statistics.fmean(sure), "%")
    yield Figure("screws golden pairs", len(chosen))
    yield Figure("screws time", 1000.0 * statistics.median(times), "ms")


def moulded_parts(folder: Path, rng: np.random.Generator, options: argparse.Namespace) -> Iterator[Figure]:
    """Bad parts caught, and false alarms on good parts that were not taught."""
    change = CHANGES[options.change]
    good = [change(photo(path)) for path in sorted((folder / "normal").glob("*.png"))]
    bad = [change(photo(path)) for path in sorted((folder / "anomaly").glob("*.png"))]
    check = Anomaly(kind="anomaly", site="part")
    alarms, caught, clean, reachable, times = [], [], [], [], []
    for _ in range(options.splits):
        order = rng.permutation(len(good))
        model = teach_anomaly([good[k] for k in order[:GOLDEN_PARTS]], check).model
        others = [model.score(good[k]).score for k in order[GOLDEN_PARTS:]]
        scores = []
        for image in bad:
            scored, spent = timed(lambda model=model, image=image: model.score(image))
            scores.append(scored.score)
            times.append(spent)
        alarms.append(statistics.fmean(score > model.threshold for score in others))
        caught.append(statistics.fmean(score > model.threshold for score in scores))
        reachable.append(statistics.fmean(score > max(others) for score in scores))
        if alarms[-1] == 0.0:
            clean.append(caught[-1])
    yield Figure("parts caught", 100.0 * statistics.fmean(caught), "%", least=95.0)
    yield Figure("parts caught, worst split", 100.0 * min(caught), "%")
    yield Figure("parts false alarms", 100.0 * statistics.fmean(alarms), "%", most=0.0)
    yield Figure("parts splits without alarm", 100.0 * len(clean) / len(alarms), "%")
    yield Figure("parts clean catch", 100.0 * statistics.fmean(clean) if clean else 0.0, "%", least=95.0)
    yield Figure("parts over all good ones", 100.0 * statistics.fmean(reachable), "%")
    yield Figure("parts splits", len(alarms))
    yield Figure("parts time", 1000.0 * statistics.median(times), "ms")


def warped(image: np.ndarray, angle_deg: float, scale: float) -> np.ndarray:
    """An image turned and scaled about its middle, its border repeated."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, scale)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def grainy(image: np.ndarray) -> np.ndarray:
    """An image with noise of four levels."""
    noise = np.random.default_rng(int(image[::7, ::7].sum())).normal(0.0, 4.0, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda image: image,
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "darker": lambda image: (image * 0.75).astype(np.uint8),
    "turned": lambda image: warped(image, 4.0, 1.0),
    "smaller": lambda image: warped(image, 0.0, 0.93),
    "blurred": lambda image: cv2.GaussianBlur(image, (0, 0), 1.2),
    "grainy": grainy,
}


def pcb(folder: Path, _: np.random.Generator, __: argparse.Namespace) -> Iterator[Figure]:
    """Precision, recall and F of defects by place and class; and of each half of the images by itself."""
    check = Template(kind="template", site="board")
    counts, times = [], []
    by_class = {name: np.zeros(3) for name in CLASSES}
    for path in sorted(folder.rglob("*_temp.jpg")):
        base = path.name[: -len("_temp.jpg")]
        boxes = labelled(path.parent.parent / f"{path.parent.name}_not" / f"{base}.txt")
        template, tested = photo(path, cv2.IMREAD_GRAYSCALE), photo(path.with_name(f"{base}_test.jpg"), cv2.IMREAD_GRAYSCALE)
        model = TemplateModel.of(template, check)
        model.defects(template)
        found, spent = timed(lambda model=model, tested=tested: model.defects(tested))
        times.append(spent)
        total = np.zeros(3)
        for name in CLASSES:
            score = matched([f for f in found if f.kind == name], [box for box, kind in boxes if kind == name])
            by_class[name] += score
            total += score
        counts.append(total)
    halves = (counts[::2], counts[1::2])
    precision, recall, f = rates(np.sum(counts, axis=0))
    yield Figure("pcb precision", precision)
    yield Figure("pcb recall", recall)
    yield Figure("pcb F", f, least=0.95)
    for number, half in enumerate(halves, 1):
        yield Figure(f"pcb F of half {number}", rates(np.sum(half, axis=0))[2])
    for name, score in by_class.items():
        yield Figure(f"pcb F {name}", rates(score)[2])
    yield Figure("pcb time", 1000.0 * statistics.median(times), "ms", most=40.0)
    yield Figure("pcb time, slowest", 1000.0 * max(times), "ms")


def five_checks(_: Path, rng: np.random.Generator, options: argparse.Namespace) -> Iterator[Figure]:
    """Processor time of presence, anomaly, template, count and anomaly of another part of one 1280 x 960 image; then of a
    size, a diameter, a gap, a spot and the right part.
    """
    panel = drawn_panel()
    empty = panel.copy()
    places = {"a": (140, 140, 340, 340), "b": (940, 140, 1140, 340)}
    for x, y in ((240, 240), (1040, 240)):
        cv2.circle(empty, (x, y), 60, (150, 150, 150), -1)
        cv2.circle(empty, (x, y), 20, (30, 30, 30), -1)
    photos = [noisy(panel, rng) for _ in range(12)]
    checks: list[Callable[[Any], Any]] = [
        teach_presence(panel, empty, TaughtPresence(kind="taught_presence", site="p", places_px=places, item_px=110)).check,
        teach_anomaly(photos[:10], Anomaly(kind="anomaly", site="p")).model.check,
        teach_anomaly(photos[:10], Anomaly(kind="anomaly", site="p", flexible=False)).model.check,
        TemplateModel.of(panel, Template(kind="template", site="p")).check,
        teach_count(panel, Count(kind="count", site="p", expected=2)).check,
    ]
    times = []
    for _ in range(15):
        image = noisy(panel, rng)
        times.append(timed(lambda image=image: [check(image) for check in checks])[1])
    yield Figure("five taught checks", 1000.0 * statistics.median(times), "ms", most=100.0)
    measured = vision_checks.five_checks(options.seed)
    yield replace(measured, name="five measured checks")


def drawn_panel() -> np.ndarray:
    """A panel with two screws, a window and conductors, (960, 1280, 3) uint8 RGB."""
    panel = np.full((960, 1280, 3), 210, np.uint8)
    for x in (240, 1040):
        cv2.circle(panel, (x, 240), 60, (60, 70, 80), -1)
        cv2.circle(panel, (x, 240), 30, (180, 180, 170), -1)
    cv2.rectangle(panel, (420, 420), (860, 720), (40, 90, 160), -1)
    for k in range(8):
        cv2.line(panel, (100 + 140 * k, 820), (180 + 140 * k, 900), (30, 30, 30), 12)
    return panel


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image a little shifted, with noise."""
    matrix = np.array([[1.0, 0.0, rng.uniform(-6, 6)], [0.0, 1.0, rng.uniform(-6, 6)]])
    moved = cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved + rng.normal(0.0, 2.0, image.shape), 0, 255).astype(np.uint8)


def photo(path: Path, mode: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """A photo, RGB or mono."""
    image = cv2.imread(str(path), mode)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What some work returned, and the processor time that it took, s."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def labelled(path: Path) -> list[tuple[tuple[float, ...], str]]:
    """The boxes of an image with their classes."""
    rows = [[int(word) for word in line.split()] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(tuple(row[:4]), CLASSES[row[4] - 1]) for row in rows]


def matched(found: list[Finding], boxes: list[tuple[float, ...]]) -> np.ndarray:
    """Right ones, detections and boxes."""
    overlaps = sorted(
        ((overlap(f.box_px, box), i, j) for i, f in enumerate(found) for j, box in enumerate(boxes)), reverse=True
    )
    used: tuple[set[int], set[int]] = (set(), set())
    for value, i, j in overlaps:
        if value > IOU and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
    return np.array([len(used[0]), len(found), len(boxes)], float)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def rates(counts: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F."""
    right, found, there = counts
    precision, recall = right / max(1.0, found), right / max(1.0, there)
    return precision, recall, 2.0 * precision * recall / max(1e-9, precision + recall)


SETS = {"screws": screws, "moulded_parts": moulded_parts, "pcb": pcb, "time": five_checks}


def data_folder(named: Path | None) -> Path:
    """Where the photos are."""
    here = Path(__file__).resolve()
    places = [named] if named else [above / "shared" / "data" for above in here.parents]
    return next((place / "vision" for place in places if (place / "vision").is_dir()), places[0] / "vision")


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--set", action="append", choices=tuple(SETS), help="may be repeated; default: all")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that holds `vision`")
    parser.add_argument("--change", choices=tuple(CHANGES), default="none", help="how all photos are changed first (none)")
    parser.add_argument("--splits", type=int, default=10, metavar="N", help="random choices of the golden parts (10)")
    parser.add_argument("--pairs", type=int, default=10, metavar="N", help="random pairs of golden screw photos (10)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = data_folder(options.data)
    figures: list[Figure] = []
    for name in options.set or SETS:
        if name != "time" and not (folder / name).is_dir():
            print(f"skipped: there is no folder {folder / name}", file=sys.stderr)
            continue
        figures += SETS[name](folder / name, np.random.default_rng(options.seed), options)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
