"""Calibration from images of boards that a known camera took: recovered, and refused with what to do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from board_images import CENTRE_PX, CHARUCO, CHESSBOARD, DISTORTION, FOCAL_PX, MATRIX, SIZE_PX, poses, seen

from microcell.description.calibration import BoardSpec
from microcell.errors import CalibrationError, UsageError
from microcell.vision.calibration import intrinsics, scale
from microcell.vision.calibration.boards import Finder, Sighting, ambiguous, as_grey, read_board, read_images, sightings
from microcell.vision.calibration.hand_eye_images import calibrate_images
from microcell.vision.calibration.transforms import inverse, of_twist, rotation_vectors, twist_of

LENS = np.array(DISTORTION)
CAMERA_IN_HAND = of_twist(np.array([0.1, -0.2, 0.3, 0.04, 0.02, 0.08]))
BOARD_IN_BASE = of_twist(np.array([0.1, 0.2, 1.0, 0.5, 0.1, 0.02]))


@cache
def album(kind: str, count: int = 11) -> tuple[tuple[np.ndarray, ...], tuple[Sighting, ...]]:
    """Poses of a board and what is found in its images, with noise."""
    board, rng = {"chessboard": CHESSBOARD, "charuco": CHARUCO}[kind], np.random.default_rng(1)
    there = poses(count, rng, board=board)
    found, without = sightings([(f"{n}.png", seen(board, pose, rng)) for n, pose in enumerate(there)], board)
    assert without == []
    return tuple(there), tuple(found)


@pytest.mark.parametrize("kind", ["chessboard", "charuco"])
def test_corners_are_found_to_a_twentieth_of_a_pixel(kind):
    there, found = album(kind)
    off = [
        s.points_px - intrinsics.projected(s.points_m, twist_of(pose), MATRIX, LENS)
        for s, pose in zip(found, there, strict=True)
    ]
    assert np.sqrt(np.mean(np.vstack(off) ** 2)) < 0.06
    assert np.abs(np.mean(np.vstack(off), axis=0)).max() < 0.02, "no shift by a part of a pixel"


@pytest.mark.parametrize("kind", ["chessboard", "charuco"])
def test_the_optics_of_a_known_camera_are_found(kind):
    found = intrinsics.calibrate(album(kind)[1])
    assert found.matrix[0, 0] == found.matrix[1, 1] == pytest.approx(FOCAL_PX, abs=1.5)
    assert found.matrix[:2, 2] == pytest.approx(CENTRE_PX, abs=1.5)
    assert found.distortion[:2] == pytest.approx(DISTORTION[:2], abs=0.05)
    assert abs(found.matrix[0, 0] - FOCAL_PX) < 4.0 * found.focal_sd_px < 4.0
    assert found.error_px < 0.1 and found.error_px <= found.held_out_px < 1.2 * found.error_px
    assert found.advice[0].startswith("11 images: 12 or more are better")


def test_an_image_that_does_not_fit_and_corners_that_do_not_are_left_out():
    spoiled = list(album("chessboard")[1])
    bent = spoiled[2].points_px.copy()
    bent[:, 0] += 6.0 * np.sin(bent[:, 1] / 15.0)
    spoiled[2] = Sighting("bent.png", SIZE_PX, spoiled[2].points_m, bent)
    spoiled[5].points_px[7] += (0.0, 3.0)
    try:
        found = intrinsics.calibrate(spoiled)
    finally:
        spoiled[5].points_px[7] -= (0.0, 3.0)
    assert found.left_out == ("bent.png",)
    assert found.corners_left_out >= 1
    assert found.error_px < 0.1


def test_too_few_images_say_where_the_board_was_not_found():
    problem = r"found in 3 images, 4 are needed and 12 advised; it was not found \(or did not fit\) in a.png. Check the"
    with pytest.raises(CalibrationError, match=problem):
        intrinsics.calibrate(album("chessboard")[1][:3], ["a.png"])


def test_a_board_that_is_only_seen_straight_on_does_not_tell_the_focal_length():
    rng, board = np.random.default_rng(3), CHESSBOARD
    flat = []
    for number, pose in enumerate(poses(6, rng, tilt_rad=1e-9)):
        pose[2, 3] = 0.33
        points = intrinsics.projected(album("chessboard")[1][0].points_m, twist_of(pose), MATRIX, np.zeros(5))
        noisy = points + rng.normal(0.0, 0.3, (board.columns * board.rows, 2))
        flat.append(Sighting(f"{number}.png", SIZE_PX, album("chessboard")[1][0].points_m, noisy))
    with pytest.raises(CalibrationError, match="do not tell the focal length .* Tilt it by 30 to 45 degrees"):
        intrinsics.calibrate(flat)


def drawn_sightings(
    focal_px: float, lens: tuple[float, ...], count: int, tilt_deg: tuple[float, float], noise_px: float, seed: int
) -> list[Sighting]:
    """Corners of a board anywhere in images of 1280 x 960, as a camera with known optics would see them."""
    rng, size = np.random.default_rng(seed), np.array([1280, 960])
    points_m, matrix = np.zeros((54, 3)), np.array([[focal_px, 0.0, 639.5], [0.0, focal_px, 479.5], [0.0, 0.0, 1.0]])
    points_m[:, :2] = np.mgrid[0:9, 0:6].T.reshape(-1, 2) * 0.025
    found: list[Sighting] = []
    while len(found) < count:
        way, tilt, turn = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*tilt_deg)), rng.uniform(-np.pi, np.pi)
        tilted = of_twist(np.array([np.cos(way) * tilt, np.sin(way) * tilt, 0.0, 0.0, 0.0, 0.0]))
        pose = tilted @ of_twist(np.array([0.0, 0.0, turn, 0.0, 0.0, 0.0]))
        depth = focal_px * 0.2 / (0.6 * size[0]) * rng.uniform(0.8, 1.6)
        middle = np.append((rng.uniform((0, 0), size) - matrix[:2, 2]) / focal_px * depth, depth)
        pose[:3, 3] = middle - pose[:3, :3] @ points_m.mean(axis=0)
        if np.any(points_m @ pose[2, :3] + pose[2, 3] < 0.05):
            continue
        pixels = intrinsics.projected(points_m, twist_of(pose), matrix, np.array(lens))
        if np.all(pixels > 3) and np.all(pixels < size - 4):
            seen_px = pixels + rng.normal(0.0, noise_px, pixels.shape)
            found.append(Sighting(f"{len(found)}.png", (1280, 960), points_m, seen_px))
    return found


def test_a_wide_lens_is_found_from_a_few_images():
    found = intrinsics.calibrate(drawn_sightings(500.0, (-0.28, 0.09, 0.0, 0.0, -0.012), 6, (10, 45), 0.1, 0))
    assert found.matrix[0, 0] == pytest.approx(500.0, abs=1.0)
    assert found.error_px < 0.15 and found.held_out_px < 0.25


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_focal_length_that_hardly_tilted_boards_leave_open_is_not_called_certain(seed):
    seen_so = drawn_sightings(6000.0, (0.0,) * 5, 12, (0, 12), 0.3, seed)
    try:
        found = intrinsics.calibrate(seen_so)
    except CalibrationError as error:
        assert "do not tell the focal length" in str(error)
    else:
        assert abs(found.matrix[0, 0] - 6000.0) < 4.0 * found.focal_sd_px


def test_images_of_several_sizes_are_refused():
    images = [("a.png", np.zeros((48, 64), np.uint8)), ("b.png", np.zeros((64, 48), np.uint8))]
    with pytest.raises(CalibrationError, match=r"not of one size \(64 x 48: 1, such as a.png; 48 x 64: 1, such as b.png\)"):
        sightings(images, CHESSBOARD)


def test_a_hidden_corner_of_a_charuco_board_costs_some_of_its_corners_only():
    image = seen(CHARUCO, album("charuco")[0][0], np.random.default_rng(1))
    whole = len(album("charuco")[1][0].points_px)
    image[:, : SIZE_PX[0] // 2] = 120
    found = Finder(CHARUCO).find(image, "half.png")
    assert found is not None and 8 <= len(found.points_px) < whole
    assert Finder(CHARUCO).find(np.full((480, 640), 120, np.uint8), "empty.png") is None


def test_sixteen_bits_and_colour_show_the_same_board():
    image = seen(CHESSBOARD, album("chessboard")[0][0])
    wide = image.astype(np.uint16) * 16 + 100
    colour = np.repeat(image[:, :, None], 3, axis=2)
    corners = [Finder(CHESSBOARD).find(picture, "a").points_px for picture in (image, wide, colour)]
    assert np.abs(corners[0] - corners[1]).max() < 0.05 and np.array_equal(corners[0], corners[2])
    assert as_grey(wide).dtype == np.uint8


@pytest.mark.parametrize("turn_rad", [0.0, np.pi])
def test_a_chessboard_keeps_its_first_corner_when_the_camera_is_turned_round(turn_rad):
    pose = album("chessboard")[0][0]
    turned = of_twist(np.array([0.0, 0.0, turn_rad, 0.0, 0.0, 0.0])) @ pose
    found = Finder(CHESSBOARD).find(seen(CHESSBOARD, turned, distortion=(0.0,) * 5), "a")
    first = turned[:3, 3] / turned[2, 3] * FOCAL_PX + (*CENTRE_PX, 0.0)
    assert found.points_px[0] == pytest.approx(first[:2], abs=0.2)
    assert not ambiguous(CHESSBOARD) and ambiguous(CHESSBOARD.model_copy(update={"rows": 6}))


@pytest.mark.parametrize("mounting", ["in_hand", "to_hand"])
def test_images_and_hand_poses_give_the_camera_though_one_pose_is_wrong(mounting):
    there, found = album("chessboard")
    rng = np.random.default_rng(4)
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    hands = np.array([hand @ of_twist(rng.normal(0.0, 1e-4, 6)) for hand in hands])
    hands[3] = hands[3] @ of_twist(np.array([0.1, 0.0, 0.0, 0.01, 0.0, 0.0]))
    given = hands if mounting == "in_hand" else inverse(hands)
    fit = calibrate_images(found, given, MATRIX, LENS, mounting)
    error = inverse(CAMERA_IN_HAND) @ fit.camera_in_hand
    assert fit.left_out == ("3.png",)
    assert np.linalg.norm(rotation_vectors(error[None])) < 0.0006 and np.linalg.norm(error[:3, 3]) < 0.0004
    assert fit.error_px < 0.4 and fit.spread_m < 0.0003 and fit.held_out_m < 0.0004


@pytest.mark.parametrize("right", ["in_hand", "to_hand"])
def test_the_wrong_mounting_is_refused_and_the_right_one_named(right):
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    given, told = (hands, "to_hand") if right == "in_hand" else (inverse(hands), "in_hand")
    with pytest.raises(
        CalibrationError, match=f"not belong together: .* They fit as mounting {right}: say so, or, if {told}"
    ):
        calibrate_images(found, given, MATRIX, LENS, told)


def test_hand_poses_in_mm_are_refused():
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    hands[:, :3, 3] *= 1000.0
    with pytest.raises(CalibrationError, match=r"do not belong together: .* in the base when its image was taken, in m"):
        calibrate_images(found, hands, MATRIX, LENS)


@pytest.mark.parametrize("mounting", ["in_hand", "to_hand"])
@pytest.mark.parametrize(
    ("said", "focal", "told"),
    [
        (1.04, 1.0, r"the squares of the board seem to be 2[45]\.\d\d mm, not 26\.00 \(.*\): measure the board\. Where"),
        (0.9, 1.0, r"the squares of the board seem to be 2[45]\.\d\d mm, not 22\.50 \(.*\): measure the board\. Where"),
        (1.0, 1.02, r"the focal length seems to be 6[12]\d\.\d px, not 632\.4 \(.*\): measure the board, for a wrong size"),
        (1.0, 0.95, r"the focal length seems to be 6[12]\d\.\d px, not 589\.0 \(.*\): measure the board, for a wrong size"),
    ],
)
def test_a_board_of_another_size_than_was_said_is_refused_for_the_hand_moves_in_true_metres(mounting, said, focal, told):
    there, found = album("chessboard")
    rng = np.random.default_rng(4)
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    hands = np.array([hand @ of_twist(rng.normal(0.0, 1e-4, 6)) for hand in hands])
    given = hands if mounting == "in_hand" else inverse(hands)
    assert calibrate_images(found, given, MATRIX, LENS, mounting).size_ratio == pytest.approx(1.0, abs=0.002)
    wrong = [Sighting(s.name, s.size_px, s.points_m * said, s.points_px) for s in found]
    optics = MATRIX * np.array([[focal, 1.0, 1.0], [1.0, focal, 1.0], [1.0, 1.0, 1.0]])
    with pytest.raises(CalibrationError, match=told):
        calibrate_images(wrong, given, optics, LENS, mounting)


def test_a_board_that_is_a_little_larger_than_was_said_is_doubted_and_not_refused():
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    assert not calibrate_images(found, hands, MATRIX, LENS).size_is_doubted
    larger = [Sighting(s.name, s.size_px, s.points_m / 1.009, s.points_px) for s in found]
    fit = calibrate_images(larger, hands, MATRIX, LENS)
    assert fit.size_is_doubted and fit.size_ratio == pytest.approx(1.009, abs=0.002)


def test_a_size_that_the_data_do_not_tell_is_no_reason_to_refuse():
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    rng = np.random.default_rng(4)
    hands = np.array([hand @ of_twist(rng.normal(0.0, [3e-3] * 3 + [1e-3] * 3)) for hand in hands])
    rough = calibrate_images(found, hands, MATRIX, LENS)
    assert not rough.size_is_told and abs(rough.size_ratio - 1.0) > 0.005
    assert rough.size_sd > 0.0025


def test_of_a_few_images_each_is_held_out_by_itself():
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there[:5]])
    rng = np.random.default_rng(4)
    hands = np.array([hand @ of_twist(rng.normal(0.0, 2e-4, 6)) for hand in hands])
    fit = calibrate_images(found[:5], hands, MATRIX, LENS)
    assert fit.spread_m < fit.held_out_m < 0.002


def test_an_ambiguous_chessboard_is_taken_the_way_that_agrees():
    there, found = album("chessboard")
    hands = np.array([BOARD_IN_BASE @ inverse(pose) @ inverse(CAMERA_IN_HAND) for pose in there])
    mixed = [s.turned() if number in (1, 4, 7) else s for number, s in enumerate(found)]
    fit = calibrate_images(mixed, hands, MATRIX, LENS, either_way=True)
    assert fit.left_out == () and fit.error_px < 0.15


def test_too_few_images_with_poses_are_refused():
    with pytest.raises(CalibrationError, match="the board was found in 2 images with a pose, 4 are needed and 15 advised"):
        calibrate_images(album("chessboard")[1][:2], np.array([np.eye(4)] * 2), MATRIX, LENS)


def flat_board(shift_px: float = 0.0, perspective: float = 0.0, tilt_deg: float = 0.0, noise_px: float = 0.1) -> Sighting:
    """A board on the plane of a telecentric camera: 20 um a pixel, turned a little; or tilted against it."""
    points_m = album("chessboard")[1][0].points_m
    turned = points_m[:, :2] @ np.array([[0.98, -0.199], [0.199, 0.98]]) / np.hypot(0.98, 0.199)
    turned = turned * (np.cos(np.radians(tilt_deg)), 1.0)
    pixels = turned / 20e-6 + 100.0 + shift_px
    pixels = pixels / (1.0 + perspective * pixels[:, :1])
    return Sighting("a.png", (9000, 7000), points_m, pixels + np.random.default_rng(5).normal(0.0, noise_px, pixels.shape))


def test_the_scale_of_a_telecentric_camera_is_found_and_holds_where_the_board_was_moved():
    found = scale.calibrate([flat_board(), flat_board(40.0)])
    assert (found.model, found.pixel_m) == ("telecentric", pytest.approx(20e-6, rel=1e-4))
    assert found.error_m < 4e-6
    spans = scale.on_plane(found.plane_from_pixel, np.array([[0.0, 0.0], [100.0, 0.0]]))
    assert np.linalg.norm(spans[1] - spans[0]) == pytest.approx(0.002, rel=1e-3)


def test_a_tilted_board_is_not_taken_for_a_flat_one_where_the_scale_is_the_same_everywhere():
    with pytest.raises(
        CalibrationError, match=r"measures 1\.5 % less one way .* board is tilted by 10 degrees .*: lay it flat\."
    ):
        scale.calibrate([flat_board(tilt_deg=10.0)])
    slightly = scale.calibrate([flat_board(tilt_deg=3.0)])
    assert np.degrees(slightly.tilt_rad) == pytest.approx(3.0, abs=0.3)
    assert slightly.pixel_m == pytest.approx(20e-6, rel=0.0015)


def test_corners_that_are_seen_too_badly_to_tell_a_tilt_are_no_reason_to_refuse():
    rough = scale.calibrate([flat_board(noise_px=100.0)])
    assert 1.0 - np.cos(rough.tilt_rad) > 0.003 and rough.error_m > 1e-3


def test_a_camera_that_looks_askew_has_a_scale_that_changes_over_the_image():
    found = scale.calibrate([flat_board(perspective=2e-5)])
    assert found.model == "perspective" and found.error_m < 4e-6
    assert scale.calibrate([album("chessboard")[1][0]], MATRIX, LENS).error_m < 50e-6
    with pytest.raises(CalibrationError, match="the board was not found in any image: lay it flat on the plane"):
        scale.calibrate([])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("chessboard:9x6", "is no board: chessboard:COLUMNSxROWS:SQUARE_M"),
        ("chessboard:9:6:0.02", "is no board"),
        ("circles:9x6:0.02", "is no board"),
        ("chessboard:2x6:0.02", "is no board"),
        ("charuco:7x5:0.02:0.03:5x5_100", r"a marker \(0.03 m\) is smaller than its square"),
    ],
)
def test_a_board_that_cannot_be_is_refused(text, problem):
    with pytest.raises(UsageError, match=problem):
        read_board(text)


def test_boards_are_read_from_a_short_text():
    assert read_board("chessboard:8x5:0.025") == CHESSBOARD
    assert read_board("charuco:8x6:0.025:0.018:DICT_5X5_100") == CHARUCO
    unknown = BoardSpec(kind="charuco", columns=5, rows=5, square_m=0.02, marker_m=0.01, dictionary="9x9")
    with pytest.raises(UsageError, match="there are no markers '9x9'; there are: 4x4_100, "):
        Finder(unknown)


def test_a_folder_without_images_or_with_a_broken_one_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match="there is no image in"):
        read_images(tmp_path)
    with pytest.raises(CalibrationError, match="is no folder"):
        read_images(tmp_path / "none")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(CalibrationError, match="a.png' is no image that can be read"):
        read_images(tmp_path)
