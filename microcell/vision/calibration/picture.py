"""A calibration's residuals as a picture: where in the image, in which images, when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.vision.calibration.boards import Sighting
from microcell.vision.calibration.hand_eye_streams import StreamFit
from microcell.vision.calibration.intrinsics import rms

if TYPE_CHECKING:
    from microcell.vision.calibration.transforms import Floats

SIZE_INCH = (11.0, 4.6)
ARROW_SHARE = 0.04
"""Length of a residual of the root mean square size, of the image's width."""

_INK, _MARK = "#1f4e79", "#c0392b"
_MOST_NAMES = 40


def of_corners(
    path: Path, title: str, used: Sequence[Sighting], residuals: Sequence[Floats], left_out: Sequence[str], unit: str
) -> None:
    """Draw residual vectors over the image, and the error of each image, in `unit`; names that were left out are listed."""
    figure, (where, which) = _sheet(title)
    points, vectors = np.vstack([s.points_px for s in used]), np.vstack(list(residuals))
    width, height = used[0].size_px
    typical = max(rms([vectors]), 1e-12)
    where.quiver(
        points[:, 0], points[:, 1], vectors[:, 0], vectors[:, 1], np.linalg.norm(vectors, axis=1), angles="xy",
        scale_units="xy", scale=typical / (ARROW_SHARE * width), width=0.002, cmap="viridis",
    )  # fmt: skip
    where.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xlabel="px", ylabel="px")
    where.set_title(f"seen minus computed; rms {typical:.3g} {unit}", fontsize=9)
    errors = [rms([r]) for r in residuals]
    which.bar(range(len(errors)), errors, color=_INK)
    which.axhline(typical, color=_MARK, linewidth=1)
    if len(used) <= _MOST_NAMES:
        which.set_xticks(range(len(used)), [s.name for s in used], rotation=90, fontsize=6)
    which.set(ylabel=f"rms, {unit}")
    which.set_title("each image" + (f"; left out: {', '.join(left_out)}"[:90] if left_out else ""), fontsize=9)
    figure.savefig(path)


def of_streams(path: Path, title: str, found: StreamFit) -> None:
    """Draw what the camera saw against what the hand's poses say: place and turn over time, outliers marked."""
    figure, axes = _sheet(title)
    fit, times_s = found.hand_eye, found.times_s
    for axis, columns, factor, unit in ((axes[0], (3, 4, 5), 1e3, "mm"), (axes[1], (0, 1, 2), np.degrees(1.0), "degrees")):
        shown = fit.residuals[:, columns] * factor
        for column, name in enumerate(("x", "y", "z")):
            axis.plot(times_s[fit.agrees], shown[fit.agrees, column], ".", markersize=1.5, label=name)
        axis.plot(times_s[~fit.agrees], np.zeros((~fit.agrees).sum()), "x", color=_MARK, markersize=4, label="left out")
        limit = 5.0 * float(fit.scales[list(columns)].max()) * factor
        axis.set(xlabel="s", ylabel=f"{unit}, in the camera's frame", ylim=(-limit, limit))
        axis.legend(fontsize=7, loc="upper right")
    axes[0].set_title(f"target's place; spread {1e3 * found.spread_m:.2f} mm", fontsize=9)
    axes[1].set_title("target's turn", fontsize=9)
    figure.savefig(path)


def _sheet(title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCH, dpi=110, layout="constrained")
    axes = figure.subplots(1, 2)
    figure.suptitle(title, fontsize=10)
    return figure, axes
