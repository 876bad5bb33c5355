"""`microcell calibrate`: find a camera's optics, its place at an arm, or its scale on a plane; keep it as a calibration."""

from __future__ import annotations

import argparse
import csv
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcell.description.base import is_name
from microcell.description.calibration import Calibration, IntrinsicsSpec
from microcell.description.loader import load_document
from microcell.errors import CalibrationError, UsageError

if TYPE_CHECKING:
    from microcell.vision.calibration.boards import Sighting
    from microcell.vision.calibration.transforms import Floats

_OTHER = {
    "target_in_camera": "camera_in_target",
    "camera_in_target": "target_in_camera",
    "in_hand": "to_hand",
    "to_hand": "in_hand",
}

Told = list[tuple[str, str]]
"""What a calibration says to a person: names and values."""


def run(args: argparse.Namespace) -> int:
    """Calibrate, write the calibration and its picture, and print the residuals."""
    if not is_name(args.output.stem) or args.output.suffix != ".yaml":
        raise UsageError(f"'{args.output.name}' is no name of a calibration: lower case, digits and '_', then .yaml.")
    import cv2

    cv2.setNumThreads(1)  # several add up in the order in which they end: the same images would not make the same bytes
    work = {"intrinsics": _intrinsics, "hand-eye": _hand_eye, "plane": _plane}[args.what]
    sections, told = work(args)
    calibration = _document(args, sections)
    from microcell.vision.calibration.records import write

    write(calibration, args.output)
    files = [("calibration", str(args.output)), ("picture", str(_picture(args)))]
    if args.json:
        print(json.dumps({**dict(files), **calibration.model_dump(mode="json", exclude_none=True)}, indent=2))
        return 0
    for name, value in (*files, ("valid until", str(calibration.valid_until)), *told):
        print(f"{name + ':':<16}{value}")
    return 0


def _intrinsics(args: argparse.Namespace) -> tuple[dict[str, Any], Told]:
    from microcell.vision.calibration import intrinsics, picture
    from microcell.vision.calibration.records import intrinsics_spec

    seen, unseen = _sightings(args)
    found = intrinsics.calibrate(seen, unseen)
    picture.of_corners(_picture(args), f"{args.output.stem}: optics", found.used, found.residuals_px, found.left_out, "px")
    spec = intrinsics_spec(found)
    told = [
        ("images", _count(spec.images, [*unseen, *found.left_out])),
        ("focal length", f"{spec.focal_x_px:.2f} {spec.focal_y_px:.2f} px (standard deviation {spec.focal_sd_px:.2f} px)"),
        ("centre", "{:.2f} {:.2f} px".format(*spec.centre_px)),
        ("distortion", " ".join(f"{value:.4f}" for value in spec.distortion_ratios)),
        ("error", f"{spec.error_px:.3f} px; {spec.held_out_px:.3f} px in images that were held out"),
        *(("advice", text) for text in found.advice),
    ]
    return {"intrinsics": spec}, told


def _hand_eye(args: argparse.Namespace) -> tuple[dict[str, Any], Told]:
    if args.poses is None or (args.images is None) == (args.camera_poses is None):
        raise UsageError("a hand-eye calibration needs --poses FILE, and --images DIR or --camera-poses FILE.")
    return _of_streams(args) if args.images is None else _of_images(args)


def _of_streams(args: argparse.Namespace) -> tuple[dict[str, Any], Told]:
    from microcell.vision.calibration import hand_eye_streams, picture, records, streams

    hand, camera = streams.read_stream(args.poses), streams.read_stream(args.camera_poses)
    found = hand_eye_streams.calibrate_streams(hand, camera, args.mounting)
    picture.of_streams(_picture(args), f"{args.output.stem}: hand-eye", found)
    spec = records.hand_eye_of_streams(found)
    depth = "" if spec.depth_ratio == 1.0 else " (seen depths are wrong by as much: calibrate the camera's optics)"
    told = [
        ("samples", f"{spec.poses} of {found.samples} agree"),
        ("read as", f"{found.read_as}; were they {_OTHER[found.read_as]}, the mounting would be {_OTHER[found.mounting]}"),
        ("camera", _pose(found.hand_eye.camera_in_hand)),
        ("delay", f"{1e3 * spec.delay_s:.1f} ms, to be added to the camera's times"),
        ("depth ratio", f"{spec.depth_ratio:.4f}{depth}"),
        ("target spread", f"{1e3 * spec.spread_m:.2f} mm over means of {hand_eye_streams.WINDOW_S:g} s"),
        ("", f"{1e3 * found.sample_spread_m:.2f} mm over single samples"),
        ("held out", f"{1e3 * spec.held_out_m:.2f} mm from the target's place as found without them"),
    ]
    return {"hand_eye": spec}, told


def _of_images(args: argparse.Namespace) -> tuple[dict[str, Any], Told]:
    import numpy as np

    from microcell.vision.calibration import boards, hand_eye_images, picture, records

    kept = _kept_optics(args)
    if kept is None:
        raise UsageError("a hand-eye calibration from images needs the camera's optics: --intrinsics FILE.")
    poses = _poses_by_image(args.poses)
    seen, unseen = _sightings(args)
    _refuse_other_size(kept, seen)
    posed = [sighting for sighting in seen if sighting.name in poses]
    if seen and not posed:
        names = f"it names '{next(iter(poses), '')}', and an image is '{seen[0].name}'"
        raise UsageError(f"'{args.poses}' has a pose of none of the images: {names}.")
    matrix, distortion = records.matrices_of(kept)
    hands = np.array([poses[sighting.name] for sighting in posed])
    board = boards.read_board(args.board)
    try:
        found = hand_eye_images.calibrate_images(posed, hands, matrix, distortion, args.mounting, boards.ambiguous(board))
    except CalibrationError as error:
        raise CalibrationError(f"{error} {boards.why_ambiguous(board)}".rstrip()) from None
    without = [sighting.name for sighting in seen if sighting.name not in poses]
    picture.of_corners(_picture(args), f"{args.output.stem}: hand-eye", found.used, found.residuals_px, found.left_out, "px")
    spec = records.hand_eye_of_images(found)
    doubt = ": measure the board, and see the focal length" if found.size_is_doubted else ""
    unsure = doubt if found.size_is_told else ": a wrong one would not be noticed, move the hand further between poses"
    told = [
        ("images", _count(spec.poses, [*unseen, *without, *found.left_out])),
        ("camera", _pose(found.camera_in_hand)),
        ("error", f"{found.error_px:.3f} px"),
        ("target spread", f"{1e3 * spec.spread_m:.2f} mm over the images"),
        ("held out", f"{1e3 * spec.held_out_m:.2f} mm from the target's place as found without them"),
        ("board size", f"{found.size_ratio:.4f} of what was said (standard deviation {found.size_sd:.4f}){unsure}"),
    ]
    return {"intrinsics": kept, "hand_eye": spec}, told


def _plane(args: argparse.Namespace) -> tuple[dict[str, Any], Told]:
    import numpy as np

    from microcell.vision.calibration import picture, records, scale

    kept = _kept_optics(args)
    seen, unseen = _sightings(args)
    _refuse_other_size(kept, seen)
    found = scale.calibrate(seen, *(records.matrices_of(kept) if kept else ()))
    micro = [residuals * 1e6 for residuals in found.residuals_m]
    picture.of_corners(_picture(args), f"{args.output.stem}: scale", found.used, micro, (), "um")
    spec = records.plane_spec(found)
    told = [
        ("images", _count(spec.images, unseen)),
        ("model", spec.model),
        ("pixel", f"{1e3 * spec.pixel_m:.5f} mm in the middle of the image"),
        ("error", f"{1e6 * spec.error_m:.1f} um"),
        ("tilt", f"{np.degrees(found.tilt_rad):.1f} degrees between the board and the image: right where the plane is so"),
    ]
    return ({"intrinsics": kept} if kept else {}) | {"plane": spec}, told


def _document(args: argparse.Namespace, sections: dict[str, Any]) -> Calibration:
    from microcell.vision.calibration.boards import read_board

    made = args.date or datetime.now(timezone.utc).date()
    kept = _read(args.intrinsics) if args.intrinsics else None
    serial = args.serial or (kept.serial if kept else "")
    if not serial:
        raise UsageError("whose calibration is this? Give the camera's serial: --serial SERIAL.")
    if kept is not None and kept.serial != serial:
        raise UsageError(f"'{args.intrinsics}' is of camera '{kept.serial}', not of '{serial}'.")
    if kept is not None and kept.valid_until < made:
        raise UsageError(f"'{args.intrinsics}' expired on {kept.valid_until}: calibrate the optics first.")
    until = made + timedelta(days=args.days)
    return Calibration(
        kind="calibration", name=args.output.stem, serial=serial, made=made,
        # Optics that are taken over do not become younger.
        valid_until=min(until, kept.valid_until) if kept is not None else until,
        board=read_board(args.board) if args.board else None, **sections,
    )  # fmt: skip


def _sightings(args: argparse.Namespace) -> tuple[list[Sighting], list[str]]:
    """The board in the images, and the names of images without it."""
    from microcell.vision.calibration import boards

    if args.images is None or args.board is None:
        raise UsageError("images and the board that they show are needed: --images DIR --board BOARD.")
    return boards.sightings(boards.read_images(args.images), boards.read_board(args.board))


def _kept_optics(args: argparse.Namespace) -> Any:
    """The optics of the calibration that was named; None where none was."""
    if args.intrinsics is None:
        return None
    kept = _read(args.intrinsics)
    if kept.intrinsics is None:
        raise UsageError(f"'{args.intrinsics}' holds no optics: make it with 'microcell calibrate intrinsics'.")
    return kept.intrinsics


def _refuse_other_size(optics: IntrinsicsSpec | None, seen: list[Sighting]) -> None:
    """UsageError where the optics are of images of another size."""
    if optics is None or not seen or seen[0].size_px == (optics.width_px, optics.height_px):
        return
    sizes = f"of {optics.width_px} x {optics.height_px} px, these are of {seen[0].size_px[0]} x {seen[0].size_px[1]} px"
    raise UsageError(f"the optics are of images {sizes}: take them as those for the optics were taken.")


def _read(path: Path) -> Calibration:
    found = load_document(path)
    if not isinstance(found, Calibration):
        raise UsageError(f"'{path}' is no calibration.")
    return found


def _poses_by_image(path: Path) -> dict[str, Floats]:
    """hand_in_base by the image's name, from lines of image, x, y, z, qx, qy, qz, qw."""
    from microcell.vision.calibration import streams

    poses: dict[str, Floats] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or row[0].lstrip().startswith("#") or (number == 1 and row[0].strip() == "image"):
                    continue
                if row[0].strip() in poses:
                    raise UsageError(f"{path}:{number}: '{row[0].strip()}' has a pose already, above.")
                poses[row[0].strip()] = streams.read_pose(path, number, row[1:])
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' cannot be read: {error}") from error
    return poses


def _picture(args: argparse.Namespace) -> Path:
    picture: Path = args.output.with_suffix(".png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    return picture


def _count(used: int, others: list[str]) -> str:
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return f"{used} used" + (f"; without {', '.join(others[:5])}{more}" if others else "")


def _pose(transform: Any) -> str:
    """A pose for people, mm and degrees."""
    import math

    from microcell.vision.calibration.records import pose_spec

    spec = pose_spec(transform)
    place = " ".join(f"{1e3 * value:.2f}" for value in spec.xyz_m)
    return f"{place} mm, roll pitch yaw {' '.join(f'{math.degrees(value):.3f}' for value in spec.rpy_rad)} degrees"
