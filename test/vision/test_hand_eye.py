"""Hand-eye calibration: recovered through noise, outliers and clocks that differ; refused where a motion says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arm_streams import CAMERA_IN_HAND, EPOCH_S, TARGET_IN_BASE, hands, recorded
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.errors import CalibrationError
from microcell.vision.calibration.hand_eye import calibrate, closed_form
from microcell.vision.calibration.hand_eye_streams import calibrate_streams
from microcell.vision.calibration.streams import PoseStream, delay_of, read_stream
from microcell.vision.calibration.transforms import inverse, of_twist, rotation_vectors, turns_of


def off(found: np.ndarray, true: np.ndarray = CAMERA_IN_HAND) -> tuple[float, float]:
    """How far a transform is from the true one: rad, m."""
    turn = rotation_vectors((inverse(true) @ found)[None])[0]
    return float(np.linalg.norm(turn)), float(np.linalg.norm(found[:3, 3] - true[:3, 3]))


def exact(count: int, axes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Poses of a hand, and the target as the camera sees it without noise."""
    there = hands(np.linspace(0.0, 20.0, count), axes=axes)
    return there, inverse(there @ CAMERA_IN_HAND) @ TARGET_IN_BASE


twists = st.tuples(*[st.floats(-1.5, 1.5)] * 3, *[st.floats(-0.5, 0.5)] * 3).map(np.array)


@given(camera=twists, target=twists)
@settings(max_examples=25)
def test_the_closed_form_is_exact_for_any_camera_and_target(camera, target):
    there = hands(np.linspace(0.0, 20.0, 6))
    seen = inverse(there @ of_twist(camera)) @ of_twist(target)
    assert off(closed_form(there, seen), of_twist(camera)) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_turns_are_those_of_the_exact_logarithm():
    vectors = np.random.default_rng(1).normal(0.0, 1.0, (50, 3))
    vectors *= np.minimum(1.0, 3.1 / np.linalg.norm(vectors, axis=1))[:, None]
    rotations = np.array([of_twist(np.append(v, (0, 0, 0)))[:3, :3] for v in vectors])
    assert np.allclose(turns_of(rotations), vectors, atol=1e-8)


def test_poses_four_of_ten_of_which_are_wrong_do_not_mislead():
    there, seen = exact(20)
    rng = np.random.default_rng(2)
    wrong = rng.permutation(20)[:8]
    errors = np.hstack((rng.normal(0.0, 0.5, (8, 3)), rng.normal(0.0, 0.1, (8, 3))))
    seen[wrong] = seen[wrong] @ np.array([of_twist(error) for error in errors])
    found = calibrate(there, seen)
    assert off(found.camera_in_hand) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert off(found.target_in_base, TARGET_IN_BASE) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert set(np.flatnonzero(~found.agrees)) == set(wrong)


@pytest.mark.parametrize(
    ("count", "axes", "problem"),
    [
        (3, 3, "3 poses are too few: take 4 or more, better 15, the hand turned about several axes"),
        (10, 0, r"the hand turned by 0.0 degrees at the most, which says too little: turn it by 30 degrees"),
        (10, 1, "the hand turned about one axis only, along which the camera's place stays open: turn it about a"),
    ],
)
def test_a_motion_that_says_too_little_is_refused_with_what_to_do(count, axes, problem):
    with pytest.raises(CalibrationError, match=problem):
        calibrate(*exact(count, axes))


@pytest.mark.parametrize("delay_s", [0.0, -0.137, 2.5, -4000.0])
def test_the_delay_between_two_clocks_is_found_however_far_they_are_apart(delay_s):
    hand, camera = recorded(delay_s, gap=True)
    assert delay_of(camera, hand) == pytest.approx(delay_s, abs=0.02)


def test_streams_with_noise_outliers_a_gap_and_a_delay_give_camera_target_and_delay():
    hand, camera = recorded(delay_s=0.42, outliers=0.2, gap=True)
    found = calibrate_streams(hand, camera)
    turn, place = off(found.hand_eye.camera_in_hand)
    assert turn < 0.001 and place < 0.001
    assert off(found.hand_eye.target_in_base, TARGET_IN_BASE)[1] < 0.001
    assert found.hand_eye.delay_s == pytest.approx(0.42, abs=0.001)
    assert (found.read_as, found.hand_eye.depth_ratio) == ("target_in_camera", pytest.approx(1.0, abs=0.002))
    assert 0.75 < found.hand_eye.agrees.mean() < 0.83
    assert found.spread_m < 0.0016 < 0.0025 < found.sample_spread_m < 0.0045
    assert found.held_out_m < 0.002
    assert place < 5.0 * np.linalg.norm(found.hand_eye.sd[3:]) < 0.005


def test_poses_of_the_camera_in_the_target_are_told_from_those_of_the_target_in_the_camera():
    hand, camera = recorded(delay_s=0.1, seconds=20.0)
    turned_round = calibrate_streams(hand, PoseStream(camera.times_s, inverse(camera.poses)))
    assert turned_round.read_as == "camera_in_target"
    assert off(turned_round.hand_eye.camera_in_hand)[1] < 0.0015


def test_a_camera_beside_the_arm_is_the_same_problem_with_the_hand_turned_round():
    hand, camera = recorded(seconds=20.0)
    beside = PoseStream(hand.times_s, inverse(hand.poses))
    found = calibrate_streams(beside, camera, "to_hand")
    assert off(found.hand_eye.camera_in_hand)[1] < 0.0015


def test_depths_that_are_wrong_by_a_factor_are_found_and_taken_out():
    hand, camera = recorded(seconds=20.0, depth_ratio=0.98)
    found = calibrate_streams(hand, camera)
    assert found.hand_eye.depth_ratio == pytest.approx(0.98, abs=0.003)
    assert off(found.hand_eye.camera_in_hand)[1] < 0.0015


def test_streams_of_two_motions_are_told_apart():
    (hand, _), (_, camera) = recorded(seed=3), recorded(seed=9, noise=4.0)
    with pytest.raises(CalibrationError, match=r"never turn alike \(likeness 0.\d\d of 1\): are they of the same motion"):
        calibrate_streams(hand, camera)


def test_poses_that_do_not_fit_what_the_camera_saw_are_refused_and_not_averaged():
    hand, camera = recorded(seconds=20.0)
    in_mm = hand.poses.copy()
    in_mm[:, :3, 3] *= 1000.0
    with pytest.raises(CalibrationError, match=r"do not belong together: .* the target moves about by .* in m, its"):
        calibrate_streams(PoseStream(hand.times_s, in_mm), camera)


@pytest.mark.filterwarnings("error")
def test_times_in_another_unit_are_not_taken_for_the_same_motion():
    hand, camera = recorded(seconds=20.0)
    with pytest.raises(CalibrationError, match="never turn alike"):
        delay_of(camera, PoseStream(hand.times_s * 1000.0, hand.poses))


def test_a_moment_is_too_short():
    hand, camera = recorded(seconds=20.0)
    with pytest.raises(CalibrationError, match=r"poses over 0.1 s: between one second and a day of poses"):
        calibrate_streams(hand, camera.taken(slice(0, 3)))


LINE = "{}, 0.1, 0.2, 0.3, 0, 0, 0, 1\n"


def test_a_stream_is_read_with_names_and_comments_in_the_order_of_its_times(tmp_path: Path):
    path = tmp_path / "hand.csv"
    path.write_text("time, x, y, z, qx, qy, qz, qw\n# a comment\n\n" + "".join(LINE.format(t) for t in (2.5, 1.5, 1.5)))
    stream = read_stream(path)
    assert list(stream.times_s) == [1.5, 2.5]
    assert np.allclose(stream.poses[0], of_twist(np.array([0, 0, 0, 0.1, 0.2, 0.3])))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LINE.format(1.0) + "2, 0, 0\n", ":2: 8 numbers are needed: time, x, y, z, qx, qy, qz, qw"),
        (LINE.format(1.0) + "2, 0, 0, 0, 0, 0, 0, a\n", ":2: 8 numbers are needed"),
        (LINE.format(1.0) + "2, 0, 0, 0, 0, 0, 0, 0.5\n", r":2: qx, qy, qz, qw are no unit quaternion \(length 0.500\)"),
        (LINE.format(1.0) + "2, nan, 0, 0, 0, 0, 0, 1\n", ":2: qx, qy, qz, qw are no unit"),
        (LINE.format(1.0), "holds 1 poses: lines of time"),
        ("", "holds 0 poses"),
    ],
)
def test_a_stream_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, text, problem):
    path = tmp_path / "hand.csv"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=problem):
        read_stream(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_stream(tmp_path / "none.csv")


@given(rows=st.lists(st.text("0123456789.,-en ax", max_size=40), max_size=6))
@settings(max_examples=60)
def test_whatever_a_file_of_poses_holds_is_read_or_refused(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(rows))
    try:
        stream = read_stream(path)
    except CalibrationError:
        return
    assert np.all(np.diff(stream.times_s) > 0.0) and np.all(np.isfinite(stream.poses))


def test_a_pose_between_two_samples_lies_on_the_way_and_over_a_gap_there_is_none():
    poses = np.array([of_twist(np.array([0, 0, turn, turn, 0, 0])) for turn in (0.0, 0.2, 0.4)])
    stream = PoseStream(np.array([0.0, 0.1, 1.0]) + EPOCH_S, poses)
    found, known = stream.at(EPOCH_S + np.array([0.05, 0.5, 2.0]))
    assert list(known) == [True, False, False]
    assert np.allclose(rotation_vectors(found[:1]), [[0, 0, 0.1]], atol=1e-6)
    assert found[0, 0, 3] == pytest.approx(0.1, abs=1e-6)
