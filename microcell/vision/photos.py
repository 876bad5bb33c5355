"""Images from files, and images of every kind brought to the one that checks are made for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[Any]

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def image_files(folder: Path) -> list[Path]:
    """The images in a folder by their endings, in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)


def read_image(path: Path) -> Image | None:
    """An image as (height, width) or (height, width, 3) RGB, 8 or 16 bit; None where it cannot be read."""
    import cv2

    image: Image | None = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    if image is None or image.ndim == 2:
        return image
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def as_rgb8(image: Image) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB of a mono or RGB image of 8 or 16 bit: of 16 bit the upper eight."""
    import numpy as np

    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return np.repeat(eight[:, :, None], 3, axis=2) if eight.ndim == 2 else eight
