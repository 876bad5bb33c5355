"""Codes and markers: photos that nobody here made, and markers drawn with known corners.

    python bench/vision_marks.py [--set SET ...] [--every N] [--data DIR] [--seed S] [--json] [--check]

codes: all texts that the data name, read without naming the kind of code; beside it zxing-cpp in its default use. An image
is right when the expected text (or bytes) is among what was read, and wrong when anything else was read as well or instead.
Images without an expected text are left out, but for those that show no code at all: there, every text is wrong. Folders
named after an add-on are read with it, by both. `--every N` takes each N-th image.
apriltags: corners from regions against those in the text files. These hold what AprilTag's own library found: they count
from the first pixel's corner (ours are 0.5 less), counter-clockwise, the marker's top right first. So the figure says how
far the two agree, not how true they are.
drawn: markers drawn with corners that are known, under perspective, blur, noise and little light: the error of corners
from regions and from edges, and how many times its own standard deviation the error of a corner is (1 = as told).
poses: one marker's pose from its corners, against the truth.
registration: a drawn texture under shift, turn, scale, light and noise: the error of its middle by registration (14 degrees,
5 %) and by ORB and SIFT features (any turn, to 40 %), and how many times its own standard deviation it is.

Data: --data, else ../shared/data beside the repository or a folder above it; a set that is not there is skipped.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import Figure, arguments, report

from microcell.geometry import Pose, from_rpy, multiply
from microcell.vision.code_reader import read_codes
from microcell.vision.features import FeatureModel
from microcell.vision.optics import Optics, placed
from microcell.vision.pose import TagPlace, pose_from_tags
from microcell.vision.registration import Reach, Registrar, Registration
from microcell.vision.tags import Tag, detect

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
MARKERS = 80
VIEW_PX = 160
FINE = 8


def codes(folder: Path, _: np.random.Generator, options: argparse.Namespace) -> Iterator[Figure]:
    """Images right and wrong, for this reader and for zxing-cpp as it is."""
    right: dict[str, list[list[bool]]] = defaultdict(lambda: [[], []])
    wrong, times = [0, 0], []
    images = [path for path in sorted(folder.glob("*/*")) if path.suffix.lower() in IMAGES]
    for path in images[:: options.every]:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        empty = path.parent.name.startswith("falsepositives")
        wanted = expected(path)
        if image is None or (wanted is None and not empty):
            continue
        add_on = "extension" in path.parent.name
        start = time.process_time()
        ours = [(code.text, code.content) for code in read_codes(image, add_on=add_on)]
        times.append(time.process_time() - start)
        for number, found in enumerate((ours, plainly(image, add_on))):
            good = [code for code in found if wanted is not None and (code[0] == wanted or code[1] == wanted)]
            if not empty:
                right[path.parent.name.rpartition("-")[0]][number].append(bool(good))
            if len(good) < len(found):
                wrong[number] += 1
            if number == 0 and len(good) < len(found):
                others = [code[0][:40] for code in found if code not in good]
                where = f"{path.parent.name}/{path.name}"
                print(f"read otherwise: {where}: {others}, expected {str(wanted)[:40]!r}", file=sys.stderr)
    total = [sum(sum(kind[number]) for kind in right.values()) for number in (0, 1)]
    yield Figure("codes images", sum(len(kind[0]) for kind in right.values()))
    yield Figure("codes right", total[0], least=total[1])
    yield Figure("codes right, zxing-cpp", total[1])
    yield Figure("codes wrong", wrong[0], most=wrong[1])
    yield Figure("codes wrong, zxing-cpp", wrong[1])
    for kind, (ours_right, theirs) in right.items():
        yield Figure(f"{kind} right", sum(ours_right), f"of {len(ours_right)}, zxing-cpp {sum(theirs)}", least=sum(theirs))
    yield Figure("codes time, median", 1000.0 * statistics.median(times), "ms")
    yield Figure("codes time, slowest", 1000.0 * max(times), "ms", most=1000.0)


def expected(path: Path) -> str | bytes | None:
    """The text that an image's code has, its bytes, or None where the data name none."""
    text, content = path.with_suffix(".txt"), path.with_suffix(".bin")
    if content.is_file():
        return content.read_bytes()
    found = text.read_bytes().decode("utf-8", "replace") if text.is_file() else None
    return None if found is None or found.startswith("<unk") else found


def plainly(image: np.ndarray, add_on: bool) -> list[tuple[str, bytes]]:
    """What zxing-cpp reads by itself."""
    import zxingcpp

    reading = {"ean_add_on_symbol": zxingcpp.EanAddOnSymbol.Read} if add_on else {}
    found = zxingcpp.read_barcodes(image, text_mode=zxingcpp.TextMode.Plain, **reading)
    return [(str(code.text), bytes(code.bytes)) for code in found]


def apriltags(folder: Path, _: np.random.Generator, __: argparse.Namespace) -> Iterator[Figure]:
    """Tags found, and their corners against the text files."""
    found, there, strangers, errors, offsets, times = 0, 0, 0, [], [], []
    for path in sorted(folder.glob("*.jpg")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        start = time.process_time()
        tags = detect(image)
        times.append(time.process_time() - start)
        truths = labelled(path.with_suffix(".txt"))
        there += len(truths)
        matched = set()
        for number, corners in truths:
            apart = {k: tag_off(tag, corners) for k, tag in enumerate(tags) if tag.number == number and k not in matched}
            best = min(apart, key=lambda k: float(np.linalg.norm(apart[k], axis=1).max()), default=None)
            if best is None or np.linalg.norm(apart[best], axis=1).max() > 5.0:
                continue
            matched.add(best)
            found += 1
            errors.extend(np.linalg.norm(apart[best], axis=1))
            offsets.append(apart[best].mean(axis=0))
        strangers += len(tags) - len(matched)
    yield Figure("apriltags found", found, f"of {there}", least=there)
    yield Figure("apriltags not in the data", strangers, most=0)
    yield Figure("corner error, median", float(np.median(errors)), "px", most=0.2)
    yield Figure("corner error, 95 %", float(np.percentile(errors, 95)), "px", most=0.2)
    yield Figure("corner error, worst", float(np.max(errors)), "px")
    yield Figure("corner offset left", float(np.abs(np.mean(offsets, axis=0)).max()), "px")
    yield Figure("apriltags time", 1000.0 * statistics.median(times), "ms")


def tag_off(tag: Tag, corners: np.ndarray) -> np.ndarray:
    """(4, 2): a tag's corners in the files' order and counting, less those of the file."""
    return np.roll(tag.corners_px[::-1], 2, axis=0) + 0.5 - corners


def labelled(path: Path) -> list[tuple[int, np.ndarray]]:
    """Numbers and corners of a text file."""
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(int(row.split(",")[0]), np.array(re.findall(r"-?\d+\.\d+", row), float).reshape(4, 2)) for row in rows]


def drawn(_: Path, rng: np.random.Generator, __: argparse.Namespace) -> Iterator[Figure]:
    """Errors of corners that are known."""
    errors: dict[str, list[float]] = {"regions": [], "edges": []}
    missed, by_sd = 0, []
    for _ in range(MARKERS):
        number, corners, image = drawn_marker(rng)
        for how, collected in errors.items():
            seen = [tag for tag in detect(image, corners=how) if tag.number == number]
            missed += not seen
            for tag in seen[:1]:
                off = np.linalg.norm(tag.corners_px - corners, axis=1)
                collected.extend(off)
                by_sd += list(off / tag.sd_px / math.sqrt(2.0)) if how == "edges" else []
    yield Figure("drawn markers missed", missed / 2, f"of {MARKERS}", most=0.05 * MARKERS)
    for how, limit in (("regions", 0.2), ("edges", 0.1)):
        yield Figure(f"drawn, {how}, median", float(np.median(errors[how])), "px", most=limit)
        yield Figure(f"drawn, {how}, 95 %", float(np.percentile(errors[how], 95)), "px")
    yield Figure("drawn error by its sd", float(np.sqrt(np.mean(np.square(by_sd)))))


def drawn_marker(rng: np.random.Generator) -> tuple[int, np.ndarray, np.ndarray]:
    """A marker's number, its true (4, 2) corners, and an image of it, VIEW_PX square."""
    number, side_px = int(rng.integers(0, 587)), rng.uniform(18, 90)
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H11)
    print_ = np.full((1400, 1400), 230, np.uint8)
    cells = cv2.resize(cv2.aruco.generateImageMarker(family, number, 100), (1000, 1000), interpolation=cv2.INTER_NEAREST)
    print_[200:1200, 200:1200] = np.where(cells > 0, 230, 25)
    angle = rng.uniform(0.0, 2.0 * math.pi)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * side_px
    corners = square @ turn.T + VIEW_PX / 2.0 + rng.uniform(-5.0, 5.0, 2) + rng.uniform(-0.12, 0.12, (4, 2)) * side_px
    source = np.array([[199.5, 199.5], [1199.5, 199.5], [1199.5, 1199.5], [199.5, 1199.5]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, ((corners + 0.5) * FINE - 0.5).astype(np.float32))
    fine = cv2.warpPerspective(print_, matrix, (VIEW_PX * FINE, VIEW_PX * FINE), borderValue=120)
    image = cv2.resize(fine, (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_AREA).astype(float)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2)) * rng.uniform(0.4, 1.0)
    image += rng.normal(0.0, rng.uniform(1.0, 4.0), image.shape)
    return number, corners, np.clip(image, 0, 255).astype(np.uint8)


def poses(_: Path, rng: np.random.Generator, __: argparse.Namespace) -> Iterator[Figure]:
    """The pose of a 40 mm marker half a metre away, with corners that scatter by 0.05 px, through a lens with distortion."""
    optics = Optics(Pose((0.0, 0.0, 0.6)), 1400.0, (640.0, 480.0), (-0.1, 0.05, 0.001, -0.001, 0.0))
    square = np.array([[-0.02, 0.02, 0.0], [0.02, 0.02, 0.0], [0.02, -0.02, 0.0], [-0.02, -0.02, 0.0]])
    shifts, turns, squares = [], [], []
    for _ in range(200):
        place = (rng.uniform(-0.1, 0.1), rng.uniform(-0.08, 0.08), rng.uniform(0.0, 0.05))
        truth = Pose(place, from_rpy(*rng.uniform(-0.5, 0.5, 2), rng.uniform(-3.0, 3.0)))
        pixels = optics.project(placed(truth, square)) + rng.normal(0.0, 0.05, (4, 2))
        found = pose_from_tags([Tag(3, pixels, 0.05, 0)], {3: TagPlace(0.04)}, optics)
        off = np.subtract(found.part_in_cell.position, truth.position)
        turn = multiply(found.part_in_cell.orientation, truth.inverse().orientation)
        error = np.concatenate((off, 2.0 * math.copysign(1.0, turn[3]) * np.array(turn[:3])))
        shifts.append(float(np.linalg.norm(off)))
        turns.append(float(np.linalg.norm(error[3:])))
        squares.append(float(error @ np.linalg.solve(found.covariance, error)))
    yield Figure("pose position error", 1000.0 * statistics.median(shifts), "mm", most=1.0)
    yield Figure("pose turn error", math.degrees(statistics.median(turns)), "deg", most=0.5)
    yield Figure("pose error by its sd", math.sqrt(statistics.fmean(squares) / 6.0), least=0.6, most=1.5)


def registration(_: Path, rng: np.random.Generator, __: argparse.Namespace) -> Iterator[Figure]:
    """A drawn texture under shift, turn, scale, other light and noise: by registration near by, by features anywhere."""
    golden = texture(rng)
    near = Registrar(golden, Reach(0.2, 0.3, 1.06))
    models = {"orb": FeatureModel.of(golden, "orb"), "sift": FeatureModel.of(golden, "sift")}
    looks: dict[str, tuple[Callable[[np.ndarray], Registration | None], float, float]] = {
        "registration": (near.register, 0.25, 1.05),
        **{kind: (model.locate, math.pi, 1.4) for kind, model in models.items()},
    }
    for name, (locate, turn_rad, scale) in looks.items():
        errors, by_sd, missed, times = [], [], 0, []
        for _ in range(30):
            image, truth = laid(golden, rng.uniform(-turn_rad, turn_rad), scale ** rng.uniform(-1.0, 1.0), rng)
            start = time.process_time()
            found = locate(image)
            times.append(time.process_time() - start)
            if found is None or not found.found:
                missed += 1
                continue
            middle = np.array([[79.5, 79.5]])
            off = found.to_image(middle)[0] - (middle @ truth[:, :2].T + truth[:, 2])[0]
            errors.append(float(np.linalg.norm(off)))
            by_sd.append(errors[-1] / max(found.sd_px, 1e-6))
        yield Figure(f"{name} missed", missed, "of 30", most=0)
        yield Figure(f"{name} error, median", float(np.median(errors)), "px", most=0.1)
        yield Figure(f"{name} error, worst", float(np.max(errors)), "px", most=0.5)
        yield Figure(f"{name} error by its sd", float(np.sqrt(np.mean(np.square(by_sd)))))
        yield Figure(f"{name} time", 1000.0 * statistics.median(times), "ms")


def texture(rng: np.random.Generator, side: int = 160) -> np.ndarray:
    """Smooth blobs of several sizes, uint8."""
    layers = [cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), sigma) * sigma for sigma in (1.5, 3.0, 6.0)]
    mixed = np.sum(layers, axis=0)
    return np.clip(128 + 45 * mixed / mixed.std(), 0, 255).astype(np.uint8)


def laid(golden: np.ndarray, turn_rad: float, scale: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A golden image somewhere near the corner of a larger one, with other light and noise; and its (2, 3) transform."""
    matrix = cv2.getRotationMatrix2D((79.5, 79.5), -math.degrees(turn_rad), scale)
    matrix[:, 2] += rng.uniform(5.0, 25.0, 2) if abs(turn_rad) < 0.3 else rng.uniform(60.0, 90.0, 2)
    image = cv2.warpAffine(golden, matrix, (340, 320), flags=cv2.INTER_CUBIC, borderValue=90).astype(float)
    image = rng.uniform(0.6, 1.1) * image + rng.uniform(0.0, 20.0) + rng.normal(0.0, 2.0, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), matrix


SETS: dict[str, Callable[[Path, np.random.Generator, Any], Iterator[Figure]]] = {
    "codes": codes, "apriltags": apriltags, "drawn": drawn, "poses": poses, "registration": registration,
}  # fmt: skip


def data_folder(named: Path | None) -> Path:
    """Where the photos are."""
    places: Sequence[Path] = [named] if named else [above / "shared" / "data" for above in Path(__file__).resolve().parents]
    return next((place / "vision" for place in places if (place / "vision").is_dir()), places[0] / "vision")


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--set", action="append", choices=tuple(SETS), help="may be repeated; default: all")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that holds `vision`")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th photo of codes (1)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    figures: list[Figure] = []
    for name in options.set or SETS:
        folder = data_folder(options.data) / name
        if name in ("codes", "apriltags") and not folder.is_dir():
            print(f"skipped: there is no folder {folder}", file=sys.stderr)
            continue
        figures += SETS[name](folder, np.random.default_rng(options.seed), options)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
