"""`microcell teach`: make a check's model from photos, with the error rates to expect."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from microcell.description.checks import TAUGHT, Taught
from microcell.description.loader import load_product
from microcell.errors import UsageError
from microcell.faults import FaultError

if TYPE_CHECKING:
    from microcell.vision.teaching import Lesson, Photo, Rate


def run(args: argparse.Namespace) -> int:
    """Teach, write the model and its picture, and print the rates."""
    check, name = find_check(args.check)
    if args.output.suffix != ".npz" or args.output.is_dir():
        raise UsageError(f"'{args.output}' is no name of a model: it ends in .npz, and the picture beside it in .png.")
    from microcell.vision import models, taught, teaching

    try:
        good = teaching.photos_in(args.good)
        bad = teaching.photos_in(args.bad) if args.bad else []
        lesson = teaching.teach(check, good, bad)
    except FaultError as error:
        raise UsageError(f"{error.fault.detail} (of this check: {teaching.asks_for(check)}).") from error
    date = args.date or datetime.now(timezone.utc).date().isoformat()
    photos = [photo.pixels for photo in (*good, *bad)]
    model = taught.packed(lesson.judge, name, models.hash_of(photos), date, lesson.figures)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    models.save(model, args.output)
    picture = args.output.with_suffix(".png")
    _draw(lesson, name, good, bad, picture)
    _print(lesson, args, picture)
    return 0


def find_check(text: str) -> tuple[Taught, str]:
    """The check that `PRODUCT/CHECK` names, and its name; raises UsageError or ConfigError."""
    product_name, _, name = text.rpartition("/")
    if not product_name or not name:
        raise UsageError(f"'{text}' is not PRODUCT/CHECK, such as valve/cap_looks.")
    product = load_product(product_name)
    checks = {key: check for inspection in product.inspections.values() for key, check in inspection.checks.items()}
    learners = {key: check for key, check in checks.items() if isinstance(check, TAUGHT)}
    if name not in learners:
        why = "measures by the description and is not taught" if name in checks else "is not there"
        raise UsageError(f"check '{name}' {why}; taught checks of {product.name}: {', '.join(learners) or 'none'}.")
    return learners[name], name


def _draw(lesson: Lesson, name: str, good: list[Photo], bad: list[Photo], path: Path) -> None:
    """The scores, with the most unusual good and the least conspicuous bad photo."""
    import cv2

    from microcell.vision.evidence import drawn, score_picture

    telling = []
    for photos, scores, choose in ((good, lesson.good, max), (bad, lesson.bad, min)):
        pixels = {photo.name: photo.pixels for photo in photos}
        telling += [(which, pixels[which]) for which, _ in [choose(scores, key=_score)]] if scores else []
    shown = [drawn(image, lesson.judge.check(image, which)) for which, image in telling]
    picture = score_picture(f"{name}: score of each photo, as judged without it", lesson.good, lesson.bad, shown)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _score(pair: tuple[str, float]) -> float:
    return pair[1]


def _print(lesson: Lesson, args: argparse.Namespace, picture: Path) -> None:
    if args.json:
        print(json.dumps({"model": str(args.output), "picture": str(picture), "figures": lesson.figures}, indent=2))
        return
    print(f"model:         {args.output}\npicture:       {picture}")
    print(f"false rejects: {_words(lesson.false_reject, 'good')}")
    print(f"escapes:       {_words(lesson.escape, 'bad')}")


def _words(rate: Rate, kind: str) -> str:
    if not rate.trials:
        return f"not known: no {kind} photos beside those that teach"
    return f"{rate.errors} of {rate.trials} {kind} photos; at most {100 * rate.upper:.1f} % with 95 % confidence"
