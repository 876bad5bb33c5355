"""Taught checks as a family: what each kind learns from, keeps in its model file, and is ready to judge with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import TypeAdapter

from microcell.description.checks import Anomaly, Taught, TaughtPresence, Template
from microcell.faults import FaultError
from microcell.vision.anomaly import Aligner, Golden
from microcell.vision.anomaly_model import AnomalyModel
from microcell.vision.counting import CountModel
from microcell.vision.models import Header, Model, load, not_taught
from microcell.vision.results import CheckResult
from microcell.vision.taught_presence import PresenceModel
from microcell.vision.template import TemplateModel

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = Sequence[npt.NDArray[Any]]

JUDGING_OPTIONS = frozenset({
    "chart", "on_fail", "on_uncertain", "redo", "site", "model", "max_score_ratio", "guard_ratio", "permitted", "expected",
    "min_area_ratio", "tolerance_px", "slack_px", "min_area_px", "join_px", "margin_px",
})  # fmt: skip
"""Options that may change after teaching: they do not alter what was learned."""


class Judge(Protocol):
    """A taught check, ready to judge images."""

    def check(self, image: npt.NDArray[Any], name: str = ...) -> CheckResult: ...


def judge_of(check: Taught, name: str, where: str) -> Judge:
    """The judge of a product's check from its model file; INSPECTION_NOT_CONFIGURED where it was not taught."""
    if check.model is None:
        raise not_taught(where, f"check '{name}' names no model")
    path = Path(check.model)
    changed_ns = path.stat().st_mtime_ns if path.is_file() else 0
    options = check.model_copy(update={"model": None}).model_dump_json()
    return _loaded(str(path), changed_ns, options, where)


@lru_cache(maxsize=32)
def _loaded(path: str, _: int, check_json: str, where: str) -> Judge:
    check: Taught = _ADAPTER.validate_json(check_json)
    model = load(Path(path), check.kind, where)
    _refuse_other_options(model.header, check, where)
    try:
        return restored(check, model)
    except KeyError as error:
        raise not_taught(where, f"'{path}' lacks {error}") from error


def _refuse_other_options(header: Header, check: Taught, where: str) -> None:
    """What was learned holds for the options it was learned with."""
    for option, value in _learned_with(check).items():
        taught = header.options.get(option)
        if taught != value:
            raise not_taught(where, f"'{header.check}' was taught with {option} {taught}, now it is {value}")


def _learned_with(check: Taught) -> dict[str, Any]:
    options: dict[str, Any] = check.model_dump(mode="json")
    return {option: value for option, value in options.items() if option not in JUDGING_OPTIONS}


def packed(judge: Judge, name: str, inputs_sha256: str, taught: str, figures: Mapping[str, float]) -> Model:
    """A judge as a model for a file; `taught` is the date, ISO 8601."""
    if isinstance(judge, AnomalyModel):
        arrays: dict[str, Any] = {
            "axis": judge.aligner.axis,
            "reference": judge.aligner.reference,
            "colours": judge.golden.colours.astype(np.float16),
            "usual": judge.golden.usual,
        }
        thresholds = {"score": judge.threshold}
    elif isinstance(judge, PresenceModel):
        arrays, thresholds = judge.arrays(), {"difference": 0.0}
    elif isinstance(judge, TemplateModel):
        arrays, thresholds = {"pattern": judge.pattern}, {"defects": 0.0}
    elif isinstance(judge, CountModel):
        arrays, thresholds = {}, {"area_px": judge.area_px}
    else:
        raise FaultError("INSPECTION_NOT_CONFIGURED", name, f"nothing is known of {type(judge).__name__}")
    check = judge.options
    header = Header(check.kind, name, _learned_with(check), inputs_sha256, thresholds, taught, dict(figures))
    return Model(header, arrays)


def restored(check: Taught, model: Model) -> Judge:
    """The judge that a model file holds."""
    arrays, thresholds = model.arrays, model.header.thresholds
    if isinstance(check, Anomaly):
        aligner = Aligner(arrays["axis"], arrays["reference"], check)
        golden = Golden(arrays["colours"].astype(np.float32), arrays["usual"], check.flexible)
        return AnomalyModel(check, aligner, golden, thresholds["score"])
    if isinstance(check, TaughtPresence):
        return PresenceModel.of_arrays(check, arrays)
    if isinstance(check, Template):
        return TemplateModel(check, arrays["pattern"])
    return CountModel(check, thresholds["area_px"])


_ADAPTER: TypeAdapter[Any] = TypeAdapter(Taught)
