"""Draw a packing in 3-D."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from microcell.errors import UsageError
from microcell.packing.boxes import Packing, Placement

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#ff9da7", "#9c755f", "#bab0ac")
SHOWN_KINDS = 20
ENDINGS = (".png", ".svg")


def check_ending(path: Path) -> None:
    """`UsageError` for a file that is no picture by its ending."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"'{path}' is no picture that can be written: give a file that ends in .png or .svg.")


def draw(packing: Packing, path: Path, title: str = "") -> None:
    """Write a picture (PNG or SVG) of a container, its walls left out, with one colour for each kind of box."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 6))
    axes: Any = figure.add_subplot(projection="3d")
    _draw_boxes(axes, packing)
    _draw_frame(axes, packing)
    axes.set_box_aspect(packing.container.size_m)
    axes.set(xlabel="length, m", ylabel="width, m", zlabel="height, m")
    axes.view_init(elev=24, azim=-58)
    used = f"{len(packing.placements)} boxes, {100 * packing.volume_use_ratio:.1f} % of the volume"
    axes.set_title(f"{title}\n{used}" if title else used)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def _draw_boxes(axes: Any, packing: Packing) -> None:
    """The boxes as one collection, so that their faces are sorted by depth, and a legend."""
    from matplotlib.patches import Patch
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    kinds = list(dict.fromkeys(name for name, _ in packing.left))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(kinds)}
    faces = [(face, colours[box.kind]) for box in packing.placements for face in _faces(box)]
    if faces:
        shapes, colour = zip(*faces, strict=True)
        axes.add_collection3d(Poly3DCollection(shapes, facecolors=colour, edgecolors="#333333", linewidths=0.4))
    counts = {name: sum(box.kind == name for box in packing.placements) for name in kinds}
    shown = [Patch(color=colours[name], label=f"{name}: {counts[name]}") for name in kinds[:SHOWN_KINDS]]
    axes.legend(handles=shown, loc="upper left", fontsize=8)


def _faces(box: Placement) -> list[list[tuple[float, float, float]]]:
    """The six faces, as corners in turn."""
    (x, y, z), (a, b, c) = box.corner_m, box.size_m
    level = [(x, y), (x + a, y), (x + a, y + b), (x, y + b)]
    sides = [[(*p, z), (*q, z), (*q, z + c), (*p, z + c)] for p, q in zip(level, (*level[1:], level[0]), strict=True)]
    return [[(*p, z) for p in level], [(*p, z + c) for p in level], *sides]


def _draw_frame(axes: Any, packing: Packing) -> None:
    """The container's edges, and the extent of the axes."""
    length, width, height = packing.container.size_m
    whole = Placement("", (0.0, 0.0, 0.0), (length, width, height))
    for face in _faces(whole):
        axes.plot(*zip(*face, face[0], strict=True), color="#888888", linewidth=0.8)
    axes.set_xlim(0, length)
    axes.set_ylim(0, width)
    axes.set_zlim(0, height)
