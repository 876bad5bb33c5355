"""`microcell calibrate` as a user meets it: files in, a calibration that `check` accepts, a picture, and clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from arm_streams import recorded
from board_images import CHESSBOARD, poses, seen
from scipy.spatial.transform import Rotation

from microcell.cli import main
from microcell.description.loader import check_paths, load_document
from microcell.vision.calibration.boards import read_board, why_ambiguous
from microcell.vision.calibration.streams import PoseStream
from microcell.vision.calibration.transforms import inverse, of_twist

BOARD = "chessboard:8x5:0.025"
CAMERA_IN_HAND = of_twist(np.array([0.1, -0.2, 0.3, 0.04, 0.02, 0.08]))
BOARD_IN_BASE = of_twist(np.array([0.1, 0.2, 1.0, 0.5, 0.1, 0.02]))


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """Photos of a board, one of them without it, and the hand's pose at each."""
    folder, rng = tmp_path_factory.mktemp("album"), np.random.default_rng(2)
    rows = []
    for number, pose in enumerate(poses(8, rng)):
        cv2.imwrite(str(folder / f"{number}.png"), seen(CHESSBOARD, pose, rng))
        rows.append([f"{number}.png", *numbers(BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND))])
    cv2.imwrite(str(folder / "empty.png"), np.full((480, 640), 99, np.uint8))
    write(folder / "poses.csv", [["image", "x", "y", "z", "qx", "qy", "qz", "qw"], *rows])
    return folder


def numbers(pose: np.ndarray) -> list[float]:
    return [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]


def write(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def stream(path: Path, poses: PoseStream) -> None:
    write(path, [[repr(float(t)), *numbers(pose)] for t, pose in zip(poses.times_s, poses.poses, strict=True)])


def test_optics_then_hand_eye_then_plane_are_calibrated_from_images(album, tmp_path, capsys):
    lens, hand, plane = (tmp_path / "calibrations" / f"{name}.yaml" for name in ("lens", "hand", "plane"))
    images = ["--images", str(album), "--board", BOARD]
    assert main(["calibrate", "intrinsics", *images, "--serial", "C-7", "--date", "2026-01-31", "--output", str(lens)]) == 0
    told = capsys.readouterr().out
    assert "images:         8 used; without empty.png\n" in told and "valid until:    2027-01-31\n" in told
    assert "error:          0.0" in told
    kept = ["--intrinsics", str(lens), "--date", "2026-02-10"]
    assert main(["calibrate", "hand-eye", *images, *kept, "--poses", str(album / "poses.csv"), "--output", str(hand)]) == 0
    told = capsys.readouterr().out
    assert "camera:         40.0" in told or "camera:         39.9" in told
    assert "board size:     1.00" in told or "board size:     0.99" in told
    assert main(["calibrate", "plane", *images, *kept, "--json", "--output", str(plane)]) == 0
    assert json.loads(capsys.readouterr().out)["plane"]["model"] in ("perspective", "telecentric")
    assert check_paths([tmp_path]) == ()
    found = load_document(hand)
    assert (found.serial, str(found.made), str(found.valid_until)) == ("C-7", "2026-02-10", "2027-01-31")
    assert found.hand_eye.camera.xyz_m == pytest.approx((0.04, 0.02, 0.08), abs=5e-4)
    assert all(cv2.imread(str(path.with_suffix(".png"))).shape[1] > 1000 for path in (lens, hand, plane))


def test_poses_and_optics_of_other_images_are_refused(album, tmp_path, capsys):
    lens, small = tmp_path / "lens.yaml", tmp_path / "small"
    small.mkdir()
    for path in album.glob("[0-4].png"):
        cv2.imwrite(str(small / path.name), cv2.resize(cv2.imread(str(path)), None, fx=0.75, fy=0.75))
    images = ["--images", str(small), "--board", BOARD]
    serial = ["--serial", "C-7", "--output", str(lens)]
    assert main(["calibrate", "intrinsics", "--images", str(album), "--board", BOARD, *serial]) == 0
    kept = ["--intrinsics", str(lens), "--output", str(tmp_path / "other.yaml")]
    rows = list(csv.reader((album / "poses.csv").open(encoding="utf-8")))
    write(tmp_path / "twice.csv", [*rows, rows[1]])
    write(tmp_path / "others.csv", [[f"photo_{row[0]}", *row[1:]] for row in rows[1:]])
    sizes = "the optics are of images of 640 x 480 px, these are of 480 x 360 px: take them as those for the optics"
    problems = [
        (["plane", *images], sizes),
        (["hand-eye", *images, "--poses", str(album / "poses.csv")], sizes),
        (["hand-eye", *images, "--poses", str(tmp_path / "twice.csv")], "twice.csv:10: '0.png' has a pose already, above."),
        (
            ["hand-eye", "--images", str(album), "--board", BOARD, "--poses", str(tmp_path / "others.csv")],
            "others.csv' has a pose of none of the images: it names 'photo_0.png', and an image is '0.png'.",
        ),
    ]
    for arguments, problem in problems:
        assert main(["calibrate", *arguments, *kept]) == 2
        assert problem in capsys.readouterr().err


def test_only_a_square_chessboard_does_not_tell_how_it_lies():
    square, other, charuco = (read_board(text) for text in (
        "chessboard:7x7:0.025", "chessboard:9x6:0.025", "charuco:6x6:0.030:0.022:5x5_100",
    ))  # fmt: skip
    assert why_ambiguous(square).startswith("A chessboard of 7 x 7 inner corners is square: turned by 45 degrees and more, ")
    assert why_ambiguous(other) == why_ambiguous(charuco) == ""


def test_why_a_square_chessboard_does_not_fit_is_told_where_it_does_not(album, tmp_path, capsys, monkeypatch):
    lens, swapped = tmp_path / "lens.yaml", tmp_path / "poses.csv"
    rectangular = ["--images", str(album), "--board", BOARD]
    assert main(["calibrate", "intrinsics", *rectangular, "--serial", "C-7", "--output", str(lens)]) == 0
    header, *rows = (album / "poses.csv").read_text(encoding="utf-8").splitlines()
    names, poses = zip(*(row.split(",", 1) for row in rows), strict=True)
    turned = [f"{name},{pose}" for name, pose in zip(names, (*poses[5:], *poses[:5]), strict=True)]
    swapped.write_text("\n".join((header, *turned)), encoding="utf-8")
    files = ["--poses", str(swapped), "--intrinsics", str(lens), "--output", str(tmp_path / "hand.yaml")]
    monkeypatch.setattr("microcell.vision.calibration.boards.why_ambiguous", lambda board: "Its board is square.")
    assert main(["calibrate", "hand-eye", *rectangular, *files]) == 2
    assert "do not belong together" in (told := capsys.readouterr().err) and "Its board is square." in told


def test_the_same_images_and_date_make_the_same_bytes(album, tmp_path):
    texts = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "lens.yaml"
        images = ["--images", str(album), "--board", BOARD]
        kept = ["--serial", "C-7", "--date", "2026-01-31", "--output", str(path)]
        assert main(["calibrate", "intrinsics", *images, *kept]) == 0
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]


def test_streams_of_poses_give_a_hand_eye_calibration(tmp_path, capsys):
    hand, camera = recorded(delay_s=0.2, seconds=12.0)
    stream(tmp_path / "hand.csv", hand)
    stream(tmp_path / "camera.csv", camera)
    files = ["--poses", str(tmp_path / "hand.csv"), "--camera-poses", str(tmp_path / "camera.csv")]
    path = tmp_path / "arm.yaml"
    assert main(["calibrate", "hand-eye", *files, "--serial", "C-7", "--output", str(path)]) == 0
    told = capsys.readouterr().out
    assert "target_in_camera; were they camera_in_target, the mounting would be to_hand" in told and "held out:" in told
    assert load_document(path).hand_eye.delay_s == pytest.approx(0.2, abs=0.003)
    assert path.with_suffix(".png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["intrinsics", "--serial", "C"], "images and the board that they show are needed: --images DIR --board BOARD."),
        (["intrinsics", "--images", "{album}", "--board", BOARD], "whose calibration is this? Give the camera's serial"),
        (["intrinsics", "--images", "{album}", "--board", "chessboard:9x6:0.025", "--serial", "C"], "the board was found"),
        (["hand-eye", "--serial", "C"], "a hand-eye calibration needs --poses FILE, and --images DIR or "),
        (
            ["hand-eye", "--serial", "C", "--images", "{album}", "--board", BOARD, "--poses", "{album}/poses.csv"],
            "a hand-eye calibration from images needs the camera's optics: --intrinsics FILE.",
        ),
    ],
)
def test_what_is_missing_is_named(album, tmp_path, capsys, arguments, problem):
    told = [argument.format(album=album) for argument in arguments]
    assert main(["calibrate", *told, "--output", str(tmp_path / "out.yaml")]) == 2
    assert f"microcell calibrate: {problem}" in capsys.readouterr().err
    assert not (tmp_path / "out.yaml").exists()


def test_a_file_whose_name_is_none_of_a_calibration_is_refused_before_any_work(tmp_path, capsys):
    assert main(["calibrate", "intrinsics", "--output", str(tmp_path / "My Lens.yml")]) == 2
    assert "'My Lens.yml' is no name of a calibration: lower case, digits and '_', then .yaml." in capsys.readouterr().err
