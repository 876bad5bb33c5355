"""Calibration: how true optics and hand-eye are on rendered boards, and how far a real arm's target spreads.

    python bench/calibration.py
    python bench/calibration.py --set streams --check

Sets: `optics` (chessboard and ChArUco images of a known lens: errors against it), `hand_eye` (such images with hand poses
that are wrong by 0.1 mm and 0.1 mrad: errors of the camera's pose), `streams` (time-stamped poses of a real arm and of a
camera on it, calibration/hand_eye of the data folder; skipped where it is not there).

The spread of `streams` is the root mean square distance, in space, of the target's computed places in the base from their
mean: of every single camera sample that agrees, of means over half a second, and of such means of stretches that the
calibration had not seen, from the target's place as found without them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from common import Figure, arguments, report

sys.path.append(str(Path(__file__).resolve().parents[1] / "test" / "support"))

import board_images as boards

from microcell.vision.calibration import intrinsics
from microcell.vision.calibration.boards import sightings
from microcell.vision.calibration.hand_eye_images import calibrate_images
from microcell.vision.calibration.hand_eye_streams import WINDOW_S, StreamFit, calibrate_streams
from microcell.vision.calibration.streams import PoseStream, read_stream
from microcell.vision.calibration.transforms import inverse, of_twist, rotation_vectors

IMAGES = 15
TRIALS = 4
LENS = np.array(boards.DISTORTION)


def optics(rng: np.random.Generator, _: argparse.Namespace) -> Iterator[Figure]:
    """Focal length, and where the found lens puts the image's points, against the true ones."""
    for board in (boards.CHESSBOARD, boards.CHARUCO):
        focal, off, times = [], [], []
        for _trial in range(TRIALS):
            there = boards.poses(IMAGES, rng, board=board)
            images = [(str(k), boards.seen(board, pose, rng)) for k, pose in enumerate(there)]
            start = time.process_time()
            found = intrinsics.calibrate(*sightings(images, board))
            times.append(time.process_time() - start)
            focal.append(abs(found.matrix[0, 0] / boards.FOCAL_PX - 1.0))
            off.append(map_error_px(found))
        yield Figure(f"{board.kind} focal length", 100.0 * float(np.median(focal)), "%", most=0.2)
        yield Figure(f"{board.kind} map error", float(np.median(off)), "px", most=0.15)
        yield Figure(f"{board.kind} time, {IMAGES} images", float(np.median(times)), "s")


def map_error_px(found: intrinsics.Intrinsics) -> float:
    """Root mean square shift of points all over the image between both lenses, the cameras turned to agree best.

    A turn of the camera by a fraction of a pixel belongs to where it stands, not to its lens.
    """
    x, y = np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.3, 0.3, 7))
    rays = np.stack((x.ravel(), y.ravel(), np.ones(x.size)), axis=1)
    at = np.zeros(6)
    true = intrinsics.projected(rays, at, boards.MATRIX, LENS)
    _, turn, place = cv2.solvePnP(rays, true, found.matrix, found.distortion, np.zeros(3), np.zeros(3), True)
    at = np.concatenate((np.ravel(turn), np.ravel(place)))
    return intrinsics.rms([intrinsics.projected(rays, at, found.matrix, found.distortion) - true])


def hand_eye(rng: np.random.Generator, _: argparse.Namespace) -> Iterator[Figure]:
    """The camera on the hand, from images and from hand poses with errors, one of which is grossly wrong."""
    camera = of_twist(np.array([0.1, -0.2, 0.3, 0.04, 0.02, 0.08]))
    board = of_twist(np.array([0.1, 0.2, 1.0, 0.5, 0.1, 0.02]))
    turns, places, spreads = [], [], []
    for _trial in range(TRIALS):
        there = boards.poses(IMAGES, rng)
        images = [(str(k), boards.seen(boards.CHESSBOARD, pose, rng)) for k, pose in enumerate(there)]
        seen, _ = sightings(images, boards.CHESSBOARD)
        hands = np.array([board @ inverse(p) @ inverse(camera) @ of_twist(rng.normal(0.0, 1e-4, 6)) for p in there])
        hands[4] = hands[4] @ of_twist(np.array([0.05, 0.0, 0.0, 0.01, 0.0, 0.0]))
        found = calibrate_images(seen, hands, boards.MATRIX, LENS)
        error = inverse(camera) @ found.camera_in_hand
        turns.append(float(np.linalg.norm(rotation_vectors(error[None]))))
        places.append(float(np.linalg.norm(error[:3, 3])))
        spreads.append(found.held_out_m)
    yield Figure("hand-eye turn", 1e3 * float(np.median(turns)), "mrad", most=0.6)
    yield Figure("hand-eye place", 1e3 * float(np.median(places)), "mm", most=0.4)
    yield Figure("hand-eye held out", 1e3 * float(np.median(spreads)), "mm")


def streams(_: np.random.Generator, options: argparse.Namespace) -> Iterator[Figure]:
    """Each pair of streams in the data folder."""
    folder = data_folder(options.data)
    archives = sorted(folder.glob("*.zip"))
    if not archives:
        print(f"skipped: there is no archive in {folder}", file=sys.stderr)
    for number, archive in enumerate(archives, 1):
        hand, camera = unpacked(archive)
        start = time.process_time()
        found = calibrate_streams(hand, camera)
        spent = time.process_time() - start
        yield from spreads_of(found, f"arm {number}" if len(archives) > 1 else "arm")
        yield Figure("calibration time", spent, "s")


def spreads_of(found: StreamFit, name: str) -> Iterator[Figure]:
    """What a fit says of its target."""
    yield Figure(f"{name} target spread, {WINDOW_S:g} s", 1e3 * found.spread_m, "mm", most=2.5)
    yield Figure(f"{name} spread, samples", 1e3 * found.sample_spread_m, "mm")
    yield Figure(f"{name} spread, held out", 1e3 * found.held_out_m, "mm")
    yield Figure(f"{name} samples that agree", 100.0 * float(found.hand_eye.agrees.mean()), "%")
    yield Figure(f"{name} delay", 1e3 * found.hand_eye.delay_s, "ms")
    yield Figure(f"{name} depth ratio", found.hand_eye.depth_ratio)


def unpacked(archive: Path) -> tuple[PoseStream, PoseStream]:
    """The hand's and the camera's poses of an archive of two files, by what their names say."""
    found: dict[str, PoseStream] = {}
    with zipfile.ZipFile(archive) as files, tempfile.TemporaryDirectory() as folder:
        for name in files.namelist():
            if name.endswith(".csv"):
                path = Path(folder) / Path(name).name
                path.write_bytes(files.read(name))
                found["hand" if "base_link" in name else "camera"] = read_stream(path)
    return found["hand"], found["camera"]


def data_folder(named: Path | None) -> Path:
    """Where the real recordings are."""
    here = Path(__file__).resolve()
    places = [named] if named else [above / "shared" / "data" for above in here.parents]
    folders = [place / "calibration" / "hand_eye" for place in places]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


SETS = {"optics": optics, "hand_eye": hand_eye, "streams": streams}


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--set", action="append", choices=tuple(SETS), help="may be repeated; default: all")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that holds `calibration/hand_eye`")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    figures: list[Figure] = []
    for name in options.set or SETS:
        figures += SETS[name](np.random.default_rng(options.seed), options)
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
