"""Checks taught from photos: presence, anomaly, template and count, on patterns drawn here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.checks import Anomaly, Count, TaughtPresence, Template
from microcell.faults import FaultError
from microcell.vision import anomaly_model, counting, taught_presence
from microcell.vision.flexing import Flexer, strain
from microcell.vision.results import decide
from microcell.vision.template import TemplateModel

PLACES = {"left": (20, 40, 150, 170), "right": (170, 40, 300, 170)}
PRESENCE = TaughtPresence(kind="taught_presence", site="plate", places_px=PLACES, item_px=40)


def plate(left: bool, right: bool, shift=(0, 0), light=1.0, turn=0.0, seed=1) -> np.ndarray:
    """A plate with screws or holes at two places, RGB."""
    image = np.full((210, 320, 3), (170, 130, 80), np.uint8)
    for there, x in ((left, 85), (right, 235)):
        at = (x + shift[0], 105 + shift[1])
        cv2.circle(image, at, 22 if there else 9, (120, 120, 125) if there else (40, 30, 20), -1, cv2.LINE_AA)
        if there:
            end = (round(14 * np.cos(turn)), round(14 * np.sin(turn)))
            cv2.line(image, (at[0] - end[0], at[1] - end[1]), (at[0] + end[0], at[1] + end[1]), (60, 60, 60), 4)
    noise = np.random.default_rng(seed).normal(0.0, 3.0, image.shape)
    return np.clip(light * image + noise, 0, 255).astype(np.uint8)


SCREWS = taught_presence.teach(plate(True, True), plate(False, False), PRESENCE)


@settings(max_examples=30)
@given(
    left=st.booleans(), right=st.booleans(), x=st.integers(-25, 25), y=st.integers(-25, 25),
    light=st.floats(0.4, 1.3), turn=st.floats(0.0, 3.1),
)  # fmt: skip
def test_screws_are_told_from_holes_in_every_place_turn_and_light(left, right, x, y, light, turn):
    found = SCREWS.likenesses(plate(left, right, (x, y), light, turn))
    assert {place: like.difference > 0 for place, like in found.items()} == {"left": left, "right": right}


def test_a_missing_screw_is_found_where_the_hole_is():
    result = SCREWS.check(plate(True, False, (6, -4)), "screws")
    assert result.verdict == "scrap"
    assert [finding.kind for finding in result.findings] == ["missing"]
    assert result.findings[0].centre_px == pytest.approx((241, 101), abs=3)
    assert [(m.name, m.lower) for m in result.measurements] == [("screws.left", 0.0), ("screws.right", 0.0)]


def test_an_item_that_is_not_turning_is_known_by_its_turn():
    upright = PRESENCE.model_copy(update={"turning": False})
    model = taught_presence.teach(plate(True, True), plate(False, False), upright)
    aligned, across = (model.likenesses(plate(True, True, turn=turn))["left"].full for turn in (0.0, 1.57))
    assert aligned > across + 0.1


def test_a_place_outside_of_the_photo_is_refused():
    wide = PRESENCE.model_copy(update={"places_px": {"left": (20, 40, 400, 170)}})
    with pytest.raises(FaultError, match="place 'left' .* is not in a photo of 320 x 210"):
        taught_presence.teach(plate(True, True), plate(False, False), wide)


@pytest.mark.parametrize(
    ("width", "left", "verdict", "note"),
    [
        (170, True, "uncertain", "not in the image of 170 x 210: right"),
        (170, False, "scrap", ""),
        (90, True, "uncertain", "not in the image of 90 x 210: left, right"),
    ],
)
def test_of_a_place_that_an_image_does_not_show_nothing_is_told(width: int, left: bool, verdict: str, note: str):
    result = SCREWS.check(plate(left, True)[:, :width], "screws")
    assert (result.verdict, result.note) == (verdict, note)
    assert [m.name for m in result.measurements] == ["screws.left"][: width > 100]


ANOMALY = Anomaly(kind="anomaly", site="part", work_px=160, cell_px=2)


def body(seed: int, bend: float | None = None) -> np.ndarray:
    """A body with a head, an eye and two limbs that bend a little, RGB."""
    rng = np.random.default_rng(seed)
    bend = rng.uniform(-3, 3) if bend is None else bend
    x, y = rng.integers(-5, 6, 2)
    image = np.full((240, 320, 3), 250, np.uint8)
    green = (90, 190, 60)
    cv2.ellipse(image, (160 + x, 120 + y), (70, 32), 0, 0, 360, green, -1, cv2.LINE_AA)
    cv2.circle(image, (80 + x, 120 + y), 36, green, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.line(image, (200 + x, 120 + 15 * side + y), (280 + x, round(120 + 40 * side + bend + y)), green, 18, cv2.LINE_AA)
    cv2.circle(image, (72 + x, 112 + y), 9, (190, 30, 40), -1, cv2.LINE_AA)
    return np.clip(image + rng.normal(0.0, 2.0, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def taught() -> anomaly_model.Taught:
    return anomaly_model.teach([body(seed) for seed in range(10)], ANOMALY)


def test_good_parts_that_were_not_taught_are_accepted(taught):
    assert {taught.model.check(body(seed)).verdict for seed in range(20, 28)} == {"accept"}


def test_a_dark_streak_is_unexpected_where_it_is(taught):
    image = body(30, 0.0)
    cv2.line(image, (150, 110), (175, 128), (20, 20, 20), 6)
    result = taught.model.check(image, "looks")
    assert (result.verdict, result.findings[0].kind) == ("scrap", "unexpected")
    assert result.findings[0].centre_px == pytest.approx((162, 119), abs=12)
    assert (result.measurements[0].name, result.measurements[0].upper) == ("looks.score", 1.0)


def test_a_missing_eye_is_missing(taught):
    image = body(31, 0.0)
    reds = np.all(np.abs(image.astype(int) - (190, 30, 40)) < 70, axis=2)
    image[cv2.dilate(reds.astype(np.uint8), np.ones((7, 7))) > 0] = (90, 190, 60)
    assert "missing" in {finding.kind for finding in taught.model.check(image).findings}


def test_a_missing_limb_and_a_missing_part_are_no_good_parts(taught):
    image = body(32, 0.0)
    image[140:, 215:] = 250
    assert taught.model.check(image).verdict == "scrap"
    nothing = taught.model.check(np.full((240, 320, 3), 250, np.uint8))
    assert nothing.verdict == "scrap"
    assert "not found as taught" in nothing.note


def test_each_good_photo_is_judged_by_the_others(taught):
    assert len(taught.good_scores) == 10
    assert taught.false_reject_ratio <= 0.2
    assert taught.model.threshold == anomaly_model.threshold_of(taught.good_scores) > max(taught.good_scores)


@given(st.lists(st.floats(0.05, 20.0), min_size=2, max_size=40))
def test_the_threshold_is_over_every_good_part_and_in_the_scores_own_unit(scores):
    threshold = anomaly_model.threshold_of(scores)
    assert threshold > max(scores)
    assert anomaly_model.threshold_of([7.0 * score for score in scores]) == pytest.approx(7.0 * threshold)


def test_the_threshold_leaves_out_one_good_part_in_hundreds():
    """Of good parts with the usual tail, as often as the threshold says, whichever twenty teach."""
    rng = np.random.default_rng(3)
    scores = 0.7 * np.exp(rng.normal(0.0, 0.5, (200, 20)))
    thresholds = np.array([anomaly_model.threshold_of(list(some)) for some in scores])
    beyond = np.mean(0.7 * np.exp(rng.normal(0.0, 0.5, (200, 1000))) > thresholds[:, None])
    assert 0.0007 < beyond < 0.005
    assert np.std(np.log(thresholds)) < 0.25


@pytest.mark.parametrize(
    ("photos", "text"),
    [
        ([body(seed) for seed in range(4)], "4 good photos; at least 5 are needed"),
        ([body(seed) for seed in range(5)] + [body(5)[:200]], "not all of one size"),
        ([body(seed) for seed in range(5)] + [np.full((240, 320, 3), 250, np.uint8)], "number 6 do not show the part"),
    ],
)
def test_photos_that_will_not_do_are_refused(photos, text):
    with pytest.raises(FaultError, match=text):
        anomaly_model.teach(photos, ANOMALY)


def test_a_bend_is_taken_back_and_stretches_little():
    straight, bent = (cv2.cvtColor(body(1, bend), cv2.COLOR_RGB2GRAY) for bend in (0.0, 8.0))
    flexer = Flexer(straight, 16.0)
    field = flexer.field(bent)
    before, after = (np.abs(image.astype(float) - straight).mean() for image in (bent, flexer.displaced(bent, field)))
    assert after < 0.6 * before
    assert float(np.median(strain(field))) < 0.1


BOARD = Template(kind="template", site="board")


def board() -> np.ndarray:
    """Three conductors and a pad, dark on white."""
    image = np.full((260, 320), 255, np.uint8)
    for y in (40, 90, 140):
        cv2.line(image, (20, y), (300, y), 0, 12)
    cv2.rectangle(image, (60, 180), (180, 240), 0, -1)
    return image


DEFECTS = {
    "open": lambda image: cv2.rectangle(image, (100, 80), (108, 100), 255, -1),
    "short": lambda image: cv2.line(image, (150, 40), (150, 90), 0, 5),
    "mousebite": lambda image: cv2.circle(image, (200, 134), 5, 255, -1),
    "spur": lambda image: cv2.line(image, (250, 140), (250, 158), 0, 5),
    "copper": lambda image: cv2.circle(image, (240, 210), 7, 0, -1),
    "pin-hole": lambda image: cv2.circle(image, (120, 210), 6, 255, -1),
}


@pytest.mark.parametrize("kind", DEFECTS)
@pytest.mark.parametrize("shift", [(0, 0), (5, -3)])
def test_a_defect_is_of_its_class_wherever_the_board_lies(kind, shift):
    image = board()
    DEFECTS[kind](image)
    moved = np.roll(image, (shift[1], shift[0]), (0, 1))
    found = TemplateModel.of(board(), BOARD).defects(moved)
    assert [finding.kind for finding in found] == [kind]


def test_all_defects_of_one_board_are_found_apart():
    image = board()
    for make in DEFECTS.values():
        make(image)
    result = TemplateModel.of(board(), BOARD).check(image, "print")
    assert sorted(finding.kind for finding in result.findings) == sorted(DEFECTS)
    assert (result.verdict, result.measurements[0].value) == ("scrap", 6.0)


def test_permitted_classes_do_not_fail():
    image = board()
    DEFECTS["copper"](image)
    assert TemplateModel.of(board(), BOARD.model_copy(update={"permitted": ("copper",)})).check(image).verdict == "accept"


@settings(max_examples=20)
@given(x=st.integers(-6, 6), y=st.integers(-6, 6), level=st.integers(120, 255))
def test_a_good_board_has_no_defects_in_any_place_and_light(x, y, level):
    image = np.roll(np.minimum(board(), level), (y, x), (0, 1))
    assert TemplateModel.of(board(), BOARD).check(image).verdict == "accept"


def test_a_feature_that_lies_a_little_off_as_a_whole_is_no_defect():
    image = board()
    image[176:246, 54:188] = 255
    cv2.rectangle(image, (64, 182), (184, 242), 0, -1)
    model = TemplateModel.of(board(), BOARD)
    assert model.check(image).verdict == "accept"
    strict = BOARD.model_copy(update={"slack_px": 0, "tolerance_px": 2})
    assert TemplateModel.of(board(), strict).check(image).verdict == "scrap"


def laid(image: np.ndarray, shift=(0.0, 0.0), turn_deg=0.0, size=None) -> np.ndarray:
    """A board shifted and turned on its bright bench; `size` is (width, height) of the image."""
    matrix = cv2.getRotationMatrix2D(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2), turn_deg, 1.0)
    matrix[:, 2] += shift
    return cv2.warpAffine(image, matrix, size or image.shape[::-1], borderValue=255)


def long_board(left: int = 0) -> np.ndarray:
    """Conductors of unlike width and course, all of them longer than the image, of which it shows 320 px from `left`."""
    image = np.full((260, 480), 255, np.uint8)
    for y, width in ((30, 8), (80, 14), (150, 6), (215, 18)):
        cv2.line(image, (0, y), (180, y), 0, width)
        cv2.line(image, (180, y), (220, y + 20), 0, width)
        cv2.line(image, (220, y + 20), (480, y + 20), 0, width)
    cv2.circle(image, (120, 115), 16, 0, -1)
    return image[:, left : left + 320]


@pytest.mark.parametrize(("shift", "turn_deg"), [((70, 25), 0.0), ((4, -6), 3.0), ((-12, 8), -9.0)])
def test_a_board_that_lies_far_off_or_is_turned_is_judged_as_one_in_its_place(shift, turn_deg):
    image = board()
    model = TemplateModel.of(cv2.copyMakeBorder(image, 60, 60, 90, 90, cv2.BORDER_CONSTANT, value=255), BOARD)
    image = cv2.copyMakeBorder(image, 60, 60, 90, 90, cv2.BORDER_CONSTANT, value=255)
    assert model.check(laid(image, shift, turn_deg)).verdict == "accept"
    cv2.circle(image, (210, 270), 6, 255, -1)
    (hole,) = model.check(laid(image, shift, turn_deg)).findings
    assert hole.kind == "pin-hole"
    matrix = cv2.getRotationMatrix2D(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2), turn_deg, 1.0)
    matrix[:, 2] += shift
    assert hole.centre_px == pytest.approx(tuple(matrix @ (210, 270, 1.0)), abs=2.0)


def test_where_the_image_shows_nothing_of_the_template_nothing_is_a_defect_and_nothing_is_accepted():
    model = TemplateModel.of(long_board(60), BOARD)
    assert model.check(long_board(64)).verdict == "accept"
    result = model.check(long_board(90))
    assert (result.verdict, result.findings) == ("uncertain", ())
    assert result.note == "8.8 % of the pattern is not in the image"
    bitten = long_board(90).copy()
    cv2.rectangle(bitten, (200, 90), (208, 110), 255, -1)
    result = model.check(bitten)
    assert (result.verdict, [finding.kind for finding in result.findings]) == ("scrap", ["open"])


@pytest.mark.parametrize("image", [np.full((260, 320), 200, np.uint8), long_board()])
def test_another_pattern_or_none_is_not_found_as_taught(image):
    result = TemplateModel.of(board(), BOARD).check(image)
    assert result.verdict == "uncertain"
    assert "the pattern was not found as taught (correlation" in result.note


def test_a_larger_image_shows_all_of_the_template_and_a_smaller_one_not():
    model = TemplateModel.of(board(), BOARD)
    assert model.check(laid(board(), (100, 80), size=(500, 400))).verdict == "accept"
    assert "is not in the image" in model.check(board()[:200]).note


def light(name: str) -> np.ndarray:
    """Share of the light on each pixel of a board, and (as a second plane) what glare adds."""
    y, x = np.mgrid[:260, :320].astype(float)
    glare = np.exp(-((x - 130) ** 2 + (y - 120) ** 2) / (2 * 50.0**2))
    share, added = {
        "edge": (np.where(x + 0.3 * y < 200, 0.45, 1.0), 0.0 * x),
        "slope": (0.3 + 0.7 * x / 320, 0.0 * x),
        "glare": (0.6 + 0.0 * x, 100.0 * glare),
    }[name]
    return np.stack([share, added])


def lit(image: np.ndarray, name: str) -> np.ndarray:
    """A board, its pattern at 40 and its ground at 230, in an uneven light and with noise."""
    share, added = light(name)
    levels = (40 + image * (190 / 255)) * share + added
    return np.clip(levels + np.random.default_rng(1).normal(0.0, 2.0, levels.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("name", ["edge", "slope", "glare"])
def test_in_uneven_light_a_good_board_is_good_and_each_defect_is_found(name, dark):
    taught = board() if dark else 255 - board()
    model = TemplateModel.of(taught, BOARD.model_copy(update={"dark": dark}))
    assert model.check(lit(taught, name)).verdict == "accept"
    for kind, make in DEFECTS.items():
        image = board()
        make(image)
        result = model.check(lit(image if dark else 255 - image, name))
        assert (result.verdict, [finding.kind for finding in result.findings]) == ("scrap", [kind])


def test_where_pattern_and_ground_are_at_one_level_nothing_is_told():
    image = (board() * 0.7).astype(np.uint8)
    image[150:, 20:220] = 250
    model = TemplateModel.of(board(), BOARD)
    result = model.check(image)
    assert (result.verdict, result.findings) == ("uncertain", ())
    assert "of the pattern is not apart from its ground in this light" in result.note


@pytest.mark.parametrize("level", [90, 120])
def test_a_small_thing_paler_than_the_pattern_is_not_taken_for_a_shadow_and_accepted(level):
    image = 40 + board() // 255 * 190
    model = TemplateModel.of(image, BOARD)
    cv2.rectangle(image, (196, 196), (216, 216), level, -1)
    result = model.check(image)
    assert (result.verdict, [finding.kind for finding in result.findings]) == ("uncertain", ["copper"])
    assert result.note == "of a grey between pattern and ground, shadows or not: 1"
    assert TemplateModel.of(board(), BOARD.model_copy(update={"permitted": ("copper",)})).check(image).verdict == "accept"


def test_copper_far_from_all_pattern_is_found_and_thin_pattern_is_told():
    image = cv2.copyMakeBorder(board(), 0, 0, 0, 900, cv2.BORDER_CONSTANT, value=255)
    bad = cv2.circle(image.copy(), (1100, 100), 7, 0, -1)
    assert [finding.kind for finding in TemplateModel.of(image, BOARD).check(bad).findings] == ["copper"]
    thin = cv2.rectangle(np.full((260, 320), 255, np.uint8), (40, 40), (280, 200), 0, 1)
    assert TemplateModel.of(thin, BOARD).check(thin).verdict == "accept"


def dots(*places: tuple[int, int]) -> np.ndarray:
    image = np.full((120, 200), 230, np.uint8)
    for at in places:
        cv2.circle(image, at, 10, 40, -1)
    return image


def test_things_are_counted_and_those_that_touch_are_told_apart():
    model = counting.teach(dots((30, 30), (90, 30), (150, 30)), Count(kind="count", site="tray", expected=3))
    assert model.check(dots((40, 80), (100, 40), (160, 90))).verdict == "accept"
    assert model.check(dots((40, 80), (59, 80), (160, 90))).measurements[0].value == 3.0
    assert model.check(dots((40, 80), (160, 90))).verdict == "scrap"


@pytest.mark.parametrize("slope", [0, 10, 40])
def test_the_darker_half_of_an_empty_place_is_no_thing(slope):
    """A place that one thing nearly fills is halved by its shading into what is as large as the thing."""
    one, shade = Count(kind="count", site="tray", expected=1), np.linspace(-slope, slope, 120)[None]
    place = np.clip(200 + shade + np.random.default_rng(1).normal(0.0, 3.0, (120, 120)), 0, 255).astype(np.uint8)
    full = cv2.circle(place.copy(), (60, 60), 40, 60, -1)
    model = counting.teach(cv2.GaussianBlur(full, (0, 0), 1.5), one)
    assert (model.check(full).verdict, model.check(place).verdict) == ("accept", "scrap")
    assert model.check(place).measurements[0].value == 0.0


@pytest.mark.parametrize("shape", ["slope", "bowl", "fold"])
def test_large_things_out_of_focus_are_counted_and_large_shadings_are_not(shape):
    """An edge is as wide as the lens makes it, in pixels: of a large thing it is steep all the same."""
    y, x = np.mgrid[:360, :360] / 360
    shade = {"slope": x, "bowl": 2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2), "fold": 2 * np.abs(x - 0.5)}[shape]
    place = (200 - 40 * shade + np.random.default_rng(1).normal(0.0, 3.0, shade.shape)).astype(np.uint8)
    full = cv2.GaussianBlur(cv2.circle(place.copy(), (180, 180), 100, 60, -1), (0, 0), 7.0)
    model = counting.teach(full, Count(kind="count", site="tray", expected=1))
    assert [model.check(image).measurements[0].value for image in (full, place)] == [1.0, 0.0]


def test_too_few_things_to_learn_from_are_refused():
    with pytest.raises(FaultError, match="1 separate things in the photo, 3 expected"):
        counting.teach(dots((30, 30)), Count(kind="count", site="tray", expected=3))


@pytest.mark.parametrize(
    ("margin", "verdict"), [(0.5, "accept"), (-0.5, "rework"), (0.05, "uncertain"), (float("nan"), "uncertain")]
)
def test_near_the_limit_nothing_is_decided(margin, verdict):
    assert decide(margin, 0.1, "rework") == verdict
