"""Teaching from folders, model files, the command, and taught checks in a product's inspection."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.cli import main
from microcell.description.checks import Anomaly, Count, TaughtPresence, Template
from microcell.description.files import with_models
from microcell.description.loader import load_document
from microcell.faults import FaultError
from microcell.vision import models
from microcell.vision.evidence import drawn
from microcell.vision.measure import measure
from microcell.vision.requests import CheckRequest
from microcell.vision.taught import judge_of, packed
from microcell.vision.teaching import Photo, photos_in, teach, threshold_between, upper_bound

ROOT = Path(__file__).parents[2]
OPTIONS = {"kind": "anomaly", "site": "cap_seat", "work_px": 128, "cell_px": 2, "flexible": False}


def label(seed: int, smear: bool = False) -> np.ndarray:
    """A printed label, RGB, with a smear or without."""
    rng = np.random.default_rng(seed)
    image = np.full((120, 160, 3), 235, np.uint8)
    x, y = rng.integers(-3, 4, 2)
    cv2.rectangle(image, (40 + x, 30 + y), (120 + x, 90 + y), (40, 60, 150), -1)
    cv2.circle(image, (70 + x, 60 + y), 12, (240, 240, 240), -1)
    if smear:
        cv2.line(image, (90 + x, 40 + y), (112 + x, 80 + y), (200, 40, 40), 7)
    return np.clip(image + rng.normal(0.0, 2.0, image.shape), 0, 255).astype(np.uint8)


def folder_of(path: Path, images: list[np.ndarray]) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        cv2.imwrite(str(path / f"{index:02}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Photos in `good` and `bad`, and the valve with a taught check."""
    folder = tmp_path_factory.mktemp("teach")
    folder_of(folder / "good", [label(seed) for seed in range(8)])
    folder_of(folder / "bad", [label(seed, smear=True) for seed in range(20, 23)])
    text = (ROOT / "config/products/valve.yaml").read_text(encoding="utf-8")
    check = "      looks: {kind: anomaly, site: cap_seat, work_px: 128, cell_px: 2, flexible: false, model: looks.npz}\n"
    changed = text.replace("  closed:\n    checks:\n", f"  closed:\n    checks:\n{check}")
    (folder / "valve.yaml").write_text(changed, encoding="utf-8")
    return folder


def run_teach(folder: Path, *more: str, check: str = "looks") -> int:
    good, output = str(folder / "good"), str(folder / "looks.npz")
    return main(["teach", f"{folder / 'valve.yaml'}/{check}", "--good", good, "--output", output, *more])


def test_teach_writes_a_model_and_a_picture_and_tells_the_rates(folders, capsys):
    assert run_teach(folders, "--bad", str(folders / "bad"), "--date", "2026-01-31") == 0
    said = capsys.readouterr().out
    assert "false rejects: 0 of 8 good photos; at most 31.2 % with 95 % confidence" in said
    assert "escapes:       0 of 3 bad photos; at most 63.2 % with 95 % confidence" in said
    header = models.load(folders / "looks.npz", "anomaly", "test").header
    assert (header.check, header.taught, header.version) == ("looks", "2026-01-31", 1)
    assert header.figures["escape_trials"] == 3
    assert cv2.imread(str(folders / "looks.png")).shape[1] == 1000


def test_the_same_photos_make_the_same_file(folders, capsys):
    contents = []
    for _ in range(2):
        run_teach(folders, "--date", "2026-01-31", "--json")
        contents.append((folders / "looks.npz").read_bytes())
    assert contents[0] == contents[1]
    assert json.loads(capsys.readouterr().out.partition("}\n}\n")[0] + "}\n}")["figures"]["false_reject_trials"] == 8


def test_an_inspection_judges_with_what_was_taught(folders, stage):
    run_teach(folders, "--date", "2026-01-31")
    product = with_models(load_document(folders / "valve.yaml"), folders / "valve.yaml")
    check = product.inspections["closed"].checks["looks"]
    request = CheckRequest("looks", "anomaly", "fixture", "cap_seat", stage.cap, stage.at(), taught=check)
    judge = judge_of(check, "looks", "inspect")
    assert judge.check(label(40)).verdict == "accept"
    assert judge.check(label(41, smear=True)).verdict == "scrap"
    reading = measure(stage.photo([stage.item(stage.cap, stage.at())]), stage.camera, [request])[0]
    assert reading.feature == "anomaly"
    assert reading.value > 1.0


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("cap_type", "check 'cap_type' measures by the description and is not taught; taught checks of valve: looks"),
        ("lokos", "check 'lokos' is not there; taught checks of valve: looks"),
    ],
)
def test_what_cannot_be_taught_is_refused(folders, capsys, check, text):
    assert run_teach(folders, check=check) == 2
    assert text in capsys.readouterr().err


def test_a_model_goes_into_a_new_folder_and_is_not_overwritten_by_its_picture(folders, tmp_path, capsys):
    arguments = ["teach", f"{folders / 'valve.yaml'}/looks", "--good", str(folders / "good"), "--output"]
    assert main([*arguments, str(tmp_path / "new" / "looks.npz")]) == 0
    assert models.load(tmp_path / "new" / "looks.npz", "anomaly", "test").header.check == "looks"
    assert main([*arguments, str(tmp_path / "looks.png")]) == 2
    assert "looks.png' is no name of a model: it ends in .npz" in capsys.readouterr().err


def test_a_folder_without_photos_is_refused(folders, tmp_path, capsys):
    arguments = ["teach", f"{folders / 'valve.yaml'}/looks", "--good", str(tmp_path), "--output", str(tmp_path / "x.npz")]
    assert main(arguments) == 2
    assert "no photos in" in capsys.readouterr().err


def test_an_untaught_check_says_how_to_teach_it():
    with pytest.raises(FaultError, match="check 'looks' names no model; teach it: microcell teach PRODUCT/CHECK --good DIR"):
        judge_of(Anomaly(**OPTIONS), "looks", "inspect")


@pytest.mark.parametrize(
    ("change", "content", "text"),
    [
        ({}, None, "there is no file"),
        ({}, b"not a model", "is no model"),
        ({"cell_px": 3}, "taught", "'looks' was taught with cell_px 2, now it is 3"),
        ({"kind": "count", "expected": 3}, "taught", "was taught for a check of kind 'anomaly', not 'count'"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(tmp_path, change, content, text):
    path = tmp_path / "looks.npz"
    if content == "taught":
        lesson = teach(Anomaly(**OPTIONS), [Photo(str(seed), label(seed)) for seed in range(5)])
        models.save(packed(lesson.judge, "looks", "0", "2026-01-31", lesson.figures), path)
    elif content is not None:
        path.write_bytes(content)
    kind = Count(kind="count", site="x", expected=3) if change.get("kind") else Anomaly(**{**OPTIONS, **change})
    with pytest.raises(FaultError, match=text):
        judge_of(kind.model_copy(update={"model": str(path)}), "looks", "inspect")


def photos(*images: np.ndarray) -> list[Photo]:
    return [Photo(f"{index}.png", image) for index, image in enumerate(images)]


def ring(there: bool, seed: int = 0) -> np.ndarray:
    image = np.full((120, 120), 200, np.uint8)
    cv2.circle(image, (60, 60), 22 if there else 8, 90 if there else 20, -1, cv2.LINE_AA)
    return np.clip(image + np.random.default_rng(seed).normal(0.0, 2.0, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            TaughtPresence(kind="taught_presence", site="x", places_px={"a": (10, 10, 110, 110)}, item_px=40),
            photos(ring(True), ring(True, 1)), photos(ring(False), ring(False, 1)),
        ),
        (Template(kind="template", site="x"), photos(ring(True), ring(True, 1)), photos(ring(False))),
        (Count(kind="count", site="x", expected=1), photos(ring(True), ring(True, 1)), photos(ring(True)[:, ::60])),
    ],
    ids=["presence", "template", "count"],
)  # fmt: skip
def test_every_kind_is_taught_kept_and_restored(tmp_path, check, good, bad):
    lesson = teach(check, good, bad)
    models.save(packed(lesson.judge, "it", "0", "2026-01-31", lesson.figures), tmp_path / "it.npz")
    restored = judge_of(check.model_copy(update={"model": str(tmp_path / "it.npz")}), "it", "inspect")
    assert [restored.check(photo.pixels).verdict for photo in good] == ["accept"] * len(good)
    assert restored.check(bad[-1].pixels).verdict != "accept"
    assert (lesson.false_reject.errors, lesson.escape.errors) == (0, 0)


@pytest.mark.parametrize("on_fail", ["rework", "scrap", "recycle"])
@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (TaughtPresence(kind="taught_presence", site="x", places_px={"a": (10, 10, 110, 110)}, item_px=40), ring(False)),
        (Template(kind="template", site="x"), cv2.circle(ring(True), (64, 60), 6, 200, -1)),
        (Count(kind="count", site="x", expected=1), cv2.circle(ring(True), (20, 20), 18, 90, -1)),
    ],
    ids=["presence", "template", "count"],
)
def test_a_rejected_photo_counts_whatever_becomes_of_rejected_units(check, bad, on_fail):
    taught_by = photos(ring(False, 1)) if check.kind == "taught_presence" else []
    asked = check.model_copy(update={"on_fail": on_fail})
    lesson = teach(asked, photos(ring(True), ring(True, 1), bad), taught_by)
    assert (lesson.false_reject.errors, lesson.false_reject.trials) == (1, 2)
    assert [score for _, score in lesson.good] == [0.5, 1.5]


def test_things_of_which_there_should_be_none_are_taught_with_as_many_as_are_in_the_photo():
    check = Count(kind="count", site="x", expected=0)
    with pytest.raises(
        FaultError, match="where none is expected, a good photo shows no thing to learn the size from: teach"
    ):
        teach(check, photos(ring(True)))
    taught = teach(check.model_copy(update={"expected": 1}), photos(ring(True))).judge
    judge = replace(taught, options=check)
    empty = np.random.default_rng(3).normal(200.0, 2.0, (120, 120)).astype(np.uint8)
    assert (judge.check(empty).verdict, judge.check(ring(True)).verdict) == ("accept", "scrap")


def test_presence_needs_a_photo_without_the_item():
    check = TaughtPresence(kind="taught_presence", site="x", places_px={"a": (10, 10, 110, 110)}, item_px=40)
    with pytest.raises(FaultError, match="a photo without the item is needed: --bad DIR"):
        teach(check, photos(ring(True)))


def test_photos_of_16_bit_are_read_as_they_are(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 40000, np.uint16))
    assert photos_in(tmp_path)[0].pixels.dtype == np.uint16


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("cut.jpg", lambda whole: whole[: len(whole) // 2]),
        ("cut.png", lambda whole: whole[: len(whole) // 2]),
        ("late.jpg", lambda whole: whole[:-10]),
        ("nothing.jpg", lambda whole: b""),
    ],
)
def test_a_file_that_ends_too_early_is_no_photo(tmp_path, name, broken):
    """OpenCV fills the rest of a JPEG with grey: taught with such photos, half a part would be good."""
    whole = cv2.imencode(Path(name).suffix, label(1))[1].tobytes()
    (tmp_path / name).write_bytes(broken(whole))
    with pytest.raises(FaultError, match=f"{name}' cannot be read as an image"):
        photos_in(tmp_path)
    (tmp_path / name).write_bytes(whole)
    assert photos_in(tmp_path)[0].pixels.shape == (120, 160, 3)


def test_a_picture_within_a_photos_header_does_not_end_it(tmp_path):
    whole = cv2.imencode(".jpg", label(1))[1].tobytes()
    small = b"small picture \xff\xd9"
    header = b"\xff\xd8\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
    (tmp_path / "a.jpg").write_bytes(header + whole[2:])
    assert np.array_equal(photos_in(tmp_path)[0].pixels, cv2.cvtColor(cv2.imdecode(np.frombuffer(whole, np.uint8), 1), 4))
    (tmp_path / "a.jpg").write_bytes(header + whole[2:-400])
    with pytest.raises(FaultError, match="cannot be read as an image"):
        photos_in(tmp_path)


def test_numbers_of_another_kind_are_no_photo_and_hidden_files_are_passed_over(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tiff"), np.ones((8, 8), np.float32))
    with pytest.raises(FaultError, match="a.tiff' cannot be read as an image"):
        photos_in(tmp_path)
    (tmp_path / "a.tiff").rename(tmp_path / "._a.tiff")
    (tmp_path / "folder.png").mkdir()
    cv2.imwrite(str(tmp_path / "写真 b.png"), label(1))
    assert [photo.name for photo in photos_in(tmp_path)] == ["写真 b.png"]


def test_photos_that_would_make_the_rates_wrong_are_named_and_refused():
    good, check = [Photo(f"{seed}.png", label(seed)) for seed in range(6)], Anomaly(**OPTIONS)
    with pytest.raises(FaultError, match="'1.png' of the good photos and 'bad.png' of the bad ones are the same"):
        teach(check, good, [Photo("bad.png", good[1].pixels)])
    with pytest.raises(FaultError, match="not all of one size: 'bad.png' has 150 x 120 pixels, '0.png' 160 x 120"):
        teach(check, good, [Photo("bad.png", label(9, smear=True)[:, 10:])])
    empty = Photo("empty.png", np.random.default_rng(1).integers(200, 240, (120, 160, 3), np.uint8))
    with pytest.raises(
        FaultError, match="the good photos empty.png do not show the part of the first, 0.png, as the options"
    ):
        teach(check, [*good, empty])


def test_a_bad_photo_among_the_good_ones_is_named_and_does_not_widen_the_limit():
    check, good = Anomaly(**OPTIONS), [Photo(f"{seed}.png", label(seed)) for seed in range(8)]
    with pytest.raises(
        FaultError, match=r"'odd.png' of the good photos deviates [0-9.]+ times as much as the others permit"
    ):
        teach(check, [*good, Photo("odd.png", label(30, smear=True))])
    assert teach(check, good).good


def test_a_photo_that_is_there_twice_counts_once():
    good, check = [Photo(f"{seed}.png", label(seed)) for seed in range(6)], Anomaly(**OPTIONS)
    once, twice = teach(check, good), teach(check, [*good, Photo("copy.png", good[2].pixels)])
    assert (twice.good, twice.false_reject) == (once.good, once.false_reject)


def test_photos_of_12_bit_in_the_lower_bits_of_16_are_refused_and_those_in_the_upper_taught():
    dark, wide = (
        [Photo(f"{seed}.png", label(seed).astype(np.uint16) * factor) for seed in range(5)] for factor in (16, 256)
    )
    with pytest.raises(FaultError, match=r"of 16 bit, and none is brighter than [34][0-9]{3} of 65535: make use of the"):
        teach(Anomaly(**OPTIONS), dark)
    assert teach(Anomaly(**OPTIONS), wide).false_reject.trials == 5


@given(good=st.lists(st.floats(0.1, 5), min_size=1, max_size=9), bad=st.lists(st.floats(0.1, 50), max_size=9))
def test_the_threshold_rejects_no_good_photo(good, bad):
    assert max(good) < threshold_between(good, bad)


@pytest.mark.parametrize(("errors", "trials", "bound"), [(0, 20, 0.139), (1, 30, 0.149), (3, 3, 1.0), (0, 0, 1.0)])
def test_the_upper_bound_is_that_of_clopper_and_pearson(errors, trials, bound):
    assert upper_bound(errors, trials) == pytest.approx(bound, abs=0.001)


def test_the_evidence_shows_the_verdict_above_the_photo():
    lesson = teach(Count(kind="count", site="x", expected=1), photos(ring(True)))
    picture = drawn(ring(True), lesson.judge.check(ring(True)))
    assert picture.shape == (154, 120, 3)
