"""Printed text on a part, by an engine that works without a network (extra `text`)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.product import Part
from microcell.errors import MissingCapabilityError
from microcell.geometry import Pose
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

MIN_CONFIDENCE_RATIO = 0.6
"""Lines that the engine is less sure of are not told."""

_LINE_PX = 64
"""Letters are enlarged until the field is at least so high."""

_BORDER_PX = 24


def read_text(view: View, part: Part, pose: Pose, at_m: tuple[float, float], size_m: tuple[float, float]) -> str:
    """Text in a field of a part's top, upright in the part's frame; "" where there is none. Lines are joined by spaces."""
    return text_in(field(view, part, pose, at_m, size_m))


def field(
    view: View, part: Part, pose: Pose, at_m: tuple[float, float], size_m: tuple[float, float]
) -> npt.NDArray[np.uint8]:
    """The field laid upright, (h, w, 3) uint8 RGB: x of the part to the right, y upwards."""
    scale = view.scale_px_m(part, pose)
    scale *= max(1.0, _LINE_PX / (size_m[1] * scale))
    width, height = (max(8, round(side * scale)) for side in size_m)
    x, y = np.meshgrid((np.arange(width) - (width - 1) / 2) / scale, ((height - 1) / 2 - np.arange(height)) / scale)
    points = np.stack((x, y), axis=2) + np.array(at_m)
    pixels = view.raw(view.on_top(part, pose, points.reshape(-1, 2)).reshape(height, width, 2))
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)


def text_in(image: npt.NDArray[np.uint8]) -> str:
    """Text in an upright image, (h, w, 3) uint8 RGB."""
    wide = cv2.copyMakeBorder(image, *(4 * (_BORDER_PX,)), cv2.BORDER_REPLICATE)
    result = _engine()(np.ascontiguousarray(wide[..., ::-1]))
    texts, scores, boxes = result.txts or (), result.scores or (), result.boxes
    lines = [
        (float(box[:, 1].mean()), float(box[:, 0].mean()), str(text))
        for text, score, box in zip(texts, scores, boxes if boxes is not None else (), strict=True)
        if score >= MIN_CONFIDENCE_RATIO
    ]
    return " ".join(text for _, _, text in sorted(lines))


@lru_cache(maxsize=1)
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingCapabilityError(
            f"checks of kind 'text' need the extra 'text', which cannot be imported here: {error}. "
            "Install it with 'pip install rapidocr onnxruntime'."
        ) from error
    return RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1})
