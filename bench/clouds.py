"""Find models in scans under any pose, and the plane that things lie on.

    python bench/clouds.py [--trials N] [--data DIR] [--seed S] [--json] [--check]

Each trial moves a model by a random pose (any turn), thins it and its scan by different draws and adds noise of 0.3 % of the
model's size to the scan. By turns the scan is whole, a part (40 % cut off by a plane), one view (what is seen from a side),
or whole with 15 % of its points anywhere around. The real pair of scans (a street, two places of a moving scanner) is
tried as it is and after a random pose. A trial is right when the turn is right to 5 degrees and the model's middle to 2 % of
its size (of the street: 0.5 m). "repeats" are trials whose second run gave the very same pose.

drawn: the same with a bracket that is made here, seen from above: its underside alone would not tell where it lies.
Data: --data, else ../shared/data beside the repository or a folder above it; without it only `drawn` is measured.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from common import Figure, arguments, report

from microcell.faults import FaultError
from microcell.libraries import open3d
from microcell.vision.cloud import fit_plane, things_on
from microcell.vision.cloud_match import Match, locate_model, moved

CASES = ("whole", "part", "one view", "clutter")
NOISE_RATIO = 0.003
MAX_TURN_RAD = math.radians(5.0)
MAX_SHIFT_RATIO = 0.02
STREET_M = 0.5


def trial(
    model: np.ndarray, case: str, rng: np.random.Generator, above: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A thinned model, its scan, and the (4, 4) transform between them; `above`: one view is from the model's upper side."""
    size = float(np.linalg.norm(np.ptp(model, axis=0)))
    truth = random_pose(rng, size)
    scan = moved(truth, model[rng.permutation(len(model))[: max(900, int(0.7 * len(model)))]])
    towards = rng.normal(size=3)
    if above:
        towards = truth[:3, :3] @ (*towards[:2], 1.0 + abs(towards[2]))
    towards /= np.linalg.norm(towards)
    if case == "part":
        along = scan @ towards
        scan = scan[along > np.quantile(along, 0.4)]
    elif case == "one view":
        cloud = open3d().geometry.PointCloud(open3d().utility.Vector3dVector(scan))
        eye = scan.mean(axis=0) + 4.0 * size * towards
        scan = scan[np.sort(np.asarray(cloud.hidden_point_removal(eye, 400.0 * size)[1]))]
    scan = scan + rng.normal(scale=NOISE_RATIO * size, size=scan.shape)
    if case == "clutter":
        low, high = scan.min(axis=0), scan.max(axis=0)
        scan = np.concatenate((scan, rng.uniform(low, high, (int(0.15 * len(scan)), 3))))
    return model[rng.permutation(len(model))[: max(1000, int(0.8 * len(model)))]], scan, truth


def random_pose(rng: np.random.Generator, size: float) -> np.ndarray:
    """Any turn, and a shift of about the model's size."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    turn = q * np.sign(np.diag(r))
    pose = np.eye(4)
    pose[:3, :3] = turn * np.sign(np.linalg.det(turn))
    pose[:3, 3] = rng.normal(size=3) * size
    return pose


def errors(found: np.ndarray, truth: np.ndarray, middle: np.ndarray) -> tuple[float, float]:
    """Turn in rad, and how far the model's middle is off, in the clouds' unit."""
    turn = found[:3, :3] @ truth[:3, :3].T
    angle = math.acos(float(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0)))
    return angle, float(np.linalg.norm(moved(found, middle[None]) - moved(truth, middle[None])))


def located(model: np.ndarray, scan: np.ndarray) -> tuple[Match | None, float]:
    """What is found, and the processor time, s."""
    start = time.process_time()
    try:
        found = locate_model(model, scan)
    except FaultError:
        found = None
    return found, time.process_time() - start


def run(trials: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, float]], title: str) -> list[Figure]:
    """Figures of trials (name, model, scan, truth, greatest shift)."""
    right, repeats, turns, shifts, times, sigmas = [], [], [], [], [], []
    for name, model, scan, truth, most in trials:
        found, spent = located(model, scan)
        times.append(spent)
        middle = model.mean(axis=0)
        turn, shift = errors(found.model_in_scan, truth, middle) if found else (math.pi, math.inf)
        right.append(turn < MAX_TURN_RAD and shift < most)
        if not right[-1]:
            print(f"wrong: {name}: {math.degrees(turn):.1f} deg, {shift / most:.1f} of the permitted shift", file=sys.stderr)
        elif found:
            turns.append(turn)
            shifts.append(shift / most * MAX_SHIFT_RATIO)
            sigmas.append(shift / max(found.sd_m, 1e-12))
        if len(repeats) < 3:
            again, _ = located(model, scan)
            same = found is None and again is None
            repeats.append(same or (found and again and np.array_equal(found.model_in_scan, again.model_in_scan)))
    return [
        Figure(f"{title} right", sum(right), f"of {len(right)}", least=len(right)),
        Figure(f"{title} repeats", sum(map(bool, repeats)), f"of {len(repeats)}", least=len(repeats)),
        Figure(f"{title} turn error", math.degrees(statistics.median(turns)) if turns else math.nan, "deg"),
        Figure(f"{title} shift error", 100.0 * statistics.median(shifts) if shifts else math.nan, "% of size"),
        Figure(f"{title} shift by its sd", statistics.median(sigmas) if sigmas else math.nan),
        Figure(f"{title} time", 1000.0 * statistics.median(times), "ms"),
    ]


def bracket() -> np.ndarray:
    """Points on an angle bracket of 60 x 40 x 30 mm with a rib and a hole, (n, 3) m; it is like itself in no other pose."""
    library = open3d()
    base = library.geometry.TriangleMesh.create_box(0.06, 0.04, 0.004)
    wall = library.geometry.TriangleMesh.create_box(0.004, 0.04, 0.03)
    rib = library.geometry.TriangleMesh.create_box(0.03, 0.004, 0.016).translate((0.004, 0.006, 0.004))
    boss = library.geometry.TriangleMesh.create_cylinder(0.006, 0.012).translate((0.045, 0.028, 0.010))
    library.utility.random.seed(1)
    return np.asarray((base + wall + rib + boss).sample_points_uniformly(8000).points)


def plane_figures(rng: np.random.Generator) -> list[Figure]:
    """A tilted table with a bracket and a brick on it, and stray points: the plane's errors, and what stands there."""
    tilt = random_pose(rng, 0.0)
    table = np.column_stack((rng.uniform(-0.2, 0.2, (6000, 2)), np.zeros(6000)))
    brick = np.column_stack((rng.uniform(-0.02, 0.02, (800, 2)) + 0.1, np.full(800, 0.025)))
    stray = rng.uniform(-0.2, 0.2, (800, 3))
    stray[:, 2] = np.abs(stray[:, 2]) + 0.08
    points = np.concatenate((table, brick, bracket()[:2000] - (0.08, 0.08, 0.0), stray))
    points = moved(tilt, points + rng.normal(scale=0.0004, size=points.shape))
    eye = tuple(float(v) for v in moved(tilt, np.array([[0.0, 0.0, 1.0]]))[0])
    plane = fit_plane(points, 0.0015, viewer_m=eye)
    turn = math.degrees(math.acos(min(1.0, float(plane.normal @ tilt[:3, 2]))))
    height = abs(plane.offset_m - float(plane.normal @ tilt[:3, 3]))
    things = things_on(points, plane, 0.003, 0.006)
    return [
        Figure("plane turn error", turn, "deg", most=0.1),
        Figure("plane height error", 1000.0 * height, "mm", most=0.1),
        Figure("things on the plane", len(things), "of 2", least=2, most=2),
    ]


def data_folder(named: Path | None) -> Path:
    """Where the clouds are."""
    places = [named] if named else [above / "shared" / "data" for above in Path(__file__).resolve().parents]
    return next((place / "clouds" for place in places if (place / "clouds").is_dir()), places[0] / "clouds")


def read(path: Path) -> np.ndarray:
    """A file of points."""
    return np.asarray(open3d().io.read_point_cloud(str(path)).points)


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that holds `clouds`")
    parser.add_argument("--trials", type=int, default=18, metavar="N", help="trials with the models (18)")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    figures = plane_figures(rng)
    made = bracket()
    drawn = [(f"bracket, {case}", *trial(made, case, rng, above=True)) for case in CASES * 2]
    most = MAX_SHIFT_RATIO * float(np.linalg.norm(np.ptp(made, axis=0)))
    figures += run([(*entry, most) for entry in drawn], "drawn")
    folder = data_folder(options.data)
    if not folder.is_dir():
        print(f"skipped: there is no folder {folder}", file=sys.stderr)
        return report(figures, options)
    models = [(path.stem, read(path)) for path in sorted((*folder.glob("*.ply"), *folder.glob("*.pcd")))]
    trials = []
    for number in range(options.trials):
        name, model = models[number % len(models)]
        case = CASES[number // len(models) % len(CASES)]
        size = float(np.linalg.norm(np.ptp(model, axis=0)))
        trials.append((f"{name}, {case}", *trial(model, case, rng), MAX_SHIFT_RATIO * size))
    source, target = read(folder / "scan_pair" / "source.ply"), read(folder / "scan_pair" / "target.ply")
    truth = np.loadtxt(folder / "scan_pair" / "T_target_source.txt")
    trials.append(("street as it is", source, target, truth, STREET_M))
    turned = random_pose(rng, 10.0)
    trials.append(("street turned", moved(turned, source), target, truth @ np.linalg.inv(turned), STREET_M))
    return report([*figures, *run(trials, "models and street")], options)


if __name__ == "__main__":
    sys.exit(main())
