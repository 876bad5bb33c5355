"""Pictures of a camera over time: as a strip, or moving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcell.errors import UsageError
from microcell.viewing.picture import font

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

COLUMNS = 4
FRAME_S = 0.12
"""How long a moving picture shows each one."""

_INK, _PAPER = (245, 245, 245), (24, 26, 30)
_GAP_PX = 4


@dataclass(frozen=True)
class Shot:
    """One picture, (height, width, 3) RGB, and the cell time since the first one, s."""

    time_s: float
    pixels: np.ndarray[Any, Any]


def save_film(shots: Sequence[Shot], path: Path, pictures: int, width_px: int) -> None:
    """Write a .png with so many pictures of the film side by side, or a .gif of all, each so wide. UsageError: none."""
    if not shots:
        hint = "The one that overlooks the cell is there in Gazebo alone; others show what they are asked for."
        raise UsageError(f"there is nothing to write to '{path}': the camera showed no picture. {hint}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".gif":
        images = [_captioned(shot, width_px) for shot in shots]
        images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000 * FRAME_S), loop=0)
    else:
        _strip([_captioned(shot, width_px) for shot in evenly(shots, pictures)]).save(path)


def evenly(shots: Sequence[Shot], count: int) -> list[Shot]:
    """So many shots, or all when there are fewer, spread from the first to the last."""
    if count >= len(shots):
        return list(shots)
    step = (len(shots) - 1) / max(1, count - 1)
    return [shots[round(step * number)] for number in range(count)]


def _captioned(shot: Shot, width_px: int) -> Image:
    from PIL import Image, ImageDraw

    image = Image.fromarray(shot.pixels)
    image = image.resize((width_px, max(1, round(width_px * image.height / image.width))), Image.Resampling.BOX)
    size = max(10, width_px // 24)
    draw = ImageDraw.Draw(image)
    draw.text((size // 2, size // 2), f"{shot.time_s:.1f} s", _INK, font(size), stroke_width=2, stroke_fill=_PAPER)
    return image


def _strip(images: Sequence[Image]) -> Image:
    from PIL import Image

    columns = min(COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    width, height = images[0].width + _GAP_PX, images[0].height + _GAP_PX
    whole = Image.new("RGB", (columns * width + _GAP_PX, rows * height + _GAP_PX), _PAPER)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        whole.paste(image, (_GAP_PX + column * width, _GAP_PX + row * height))
    return whole
