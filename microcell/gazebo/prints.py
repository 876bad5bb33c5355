"""Pictures for what is printed on parts: a label's code."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microcell.plant.items import Item

MODULE_PX, QUIET_MODULES = 16, 2
DARK = 24


def print_picture(item: Item, folder: Path) -> Path | None:
    """Write the DataMatrix of what a label says as a PNG into a folder; its path, None for a part without a print."""
    if not item.content:
        return None
    import cv2
    import numpy as np

    from microcell.plant.render_materials import datamatrix

    modules = np.pad(datamatrix(item.content), QUIET_MODULES)
    paper = np.array([item.part.colour_rgb[k] for k in (2, 1, 0)], float)
    ink = paper + (DARK - paper) * item.contrast
    picture = np.where(modules[..., None] > 0, ink, paper)
    picture = np.kron(picture, np.ones((MODULE_PX, MODULE_PX, 1))).round().astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{item.content}:{item.contrast}".encode()).hexdigest()[:16]
    path = (folder / f"print_{name}.png").resolve()
    cv2.imwrite(str(path), picture)
    return path
