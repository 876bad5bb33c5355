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
    """The images in a folder by their endings, in the order of their names; hidden files are passed over."""
    found = (path for path in folder.glob("*") if path.suffix.lower() in ENDINGS and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def read_image(path: Path) -> Image | None:
    """An image as (height, width) or (height, width, 3) RGB, 8 or 16 bit; None where it cannot be read.

    Nor where its file ends too early, which decoders fill up with grey, or where its numbers are of another kind.
    """
    import cv2

    try:
        whole = _is_whole(path.read_bytes())
    except OSError:
        return None
    image: Image | None = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR) if whole else None
    if image is None or image.dtype not in ("uint8", "uint16"):
        return None
    if image.ndim == 2:
        return image
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _is_whole(content: bytes) -> bool:
    """Whether a JPEG or PNG file has its end; of other formats the decoders tell."""
    if content.startswith(b"\x89PNG"):
        return b"IEND" in content
    if not content.startswith(b"\xff\xd8"):
        return True
    # The headers may hold a small picture with an end of its own: the end is looked for after the first scan's header.
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        filling = content[at + 1] == 0xFF
        at += 1 if filling else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return content.find(b"\xff\xd9", at) >= 0


def as_rgb8(image: Image) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB of a mono or RGB image of 8 or 16 bit: of 16 bit the upper eight."""
    import numpy as np

    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return np.repeat(eight[:, :, None], 3, axis=2) if eight.ndim == 2 else eight
