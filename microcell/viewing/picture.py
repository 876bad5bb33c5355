"""A recording as pictures: a still, or an animation, drawn without a screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.errors import UsageError
from microcell.geometry import Pose
from microcell.motion.cell_scene import BENCH_TOP
from microcell.viewing.meshes import Mesh
from microcell.viewing.raster import LIGHT, Canvas, View
from microcell.viewing.recording import Frame, Recording
from microcell.viewing.stage import Piece, Stage

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = (".gif", ".png")
FRAMES_PER_S = 12.5
AZIMUTH_RAD, ELEVATION_RAD = -0.62, 0.50
TRAIL_S = 4.0
"""So much of the TCP's past way is drawn."""
AXIS_M = 0.07
INSET_RATIO = 0.34
"""Height of the close-up by that of the picture."""
CLOSE_UP_M = 0.16
_BENCH_PIECE = 1
_FAR_PX = 1e6
_SIGHT_RGB = (0.35, 0.45, 0.60)
_SUPER = 2
_COLOURS, _OWN_COLOURS = 255, 150
_SHADES = (0.5, 0.65, 0.8, 0.95, 1.1)
_SHADOW = 0.72
_GRID_M, _GRID_LINE_M = 0.1, 0.0012
_AXES_RGB = ((0.86, 0.20, 0.18), (0.20, 0.62, 0.24), (0.16, 0.36, 0.86))
_TRAIL_RGB = (0.93, 0.42, 0.10)
_INK, _PALE = (38, 42, 48), (110, 116, 124)


Marks = tuple[Any, tuple[float, float, float], int, float]
"""Points (n, 3) in the cell, colour, size in pixels, and how much shows through what is in front."""


class Painter:
    """Draws the instants of a recording from one point of view, with a close-up of the hand in a corner."""

    def __init__(self, recording: Recording, width_px: int = 960, height_px: int = 600) -> None:
        self.recording = recording
        self._stage = Stage(recording.line)
        self._arms = tuple(recording.line.cell_description.of_kind("arm"))
        low, high = self._stage.extent
        self._size = (width_px, height_px)
        view = View.around(low, high, AZIMUTH_RAD, ELEVATION_RAD, width_px, height_px)
        self._main = _Look(self._stage, view)
        self._trail = {arm: [self._stage.tcp(frame, arm) for frame in recording.frames] for arm in self._arms}

    def picture(self, number: int) -> Image:
        """The instant of one frame."""
        from PIL import Image

        frame = self.recording.frames[number]
        pieces = list(self._stage.moving(frame))
        arm = self._busy_arm(number)
        image = Image.fromarray(self._main.drawn(pieces, self._marks(number)))
        close = _Look(self._stage, self._close_view(self._trail[arm][number])).drawn(pieces, [])
        return self._composed(image, Image.fromarray(close), frame)

    def palette(self, number: int) -> Image:
        """255 colours for all pictures: those of the pieces in several lights, and the commonest of one picture."""
        from PIL import Image

        pieces = (*self._stage.fixed, *self._stage.moving(self.recording.frames[number]))
        colours = {piece.colour: None for piece in pieces} | dict.fromkeys((*_AXES_RGB, _TRAIL_RGB))
        own = [min(round(255 * shade * value), 255) for colour in colours for shade in _SHADES for value in colour]
        own = own[: 3 * _OWN_COLOURS]
        common = self.picture(number).quantize(_COLOURS - len(own) // 3, Image.Quantize.MEDIANCUT).getpalette() or []
        image = Image.new("P", (1, 1))
        image.putpalette((own + common)[: 3 * _COLOURS])
        return image

    def _marks(self, number: int) -> list[Marks]:
        """The TCPs' past ways and their frames."""
        found: list[Marks] = []
        first = max(0, number - round(TRAIL_S / self.recording.period_s))
        for poses in self._trail.values():
            way = np.array([pose.position for pose in poses[first : number + 1]])
            found.append((_dense(way), _TRAIL_RGB, 3, 0.35))
            for axis, colour in zip(np.eye(3) * AXIS_M, _AXES_RGB, strict=True):
                x, y, z = axis.tolist()
                ends = np.array([poses[number].position, poses[number].apply((x, y, z))])
                found.append((_dense(ends), colour, 4, 0.6))
        return found

    def _busy_arm(self, number: int) -> str:
        """The arm whose TCP has moved most lately."""
        back = max(0, number - round(1.0 / self.recording.period_s))
        return max(self._arms, key=lambda arm: math.dist(*(self._trail[arm][k].position for k in (back, number))))

    def _close_view(self, tcp: Pose) -> View:
        size = 2 * (round(self._size[1] * INSET_RATIO) // 2)
        x, y, z = tcp.position
        low, high = (x - CLOSE_UP_M / 2, y - CLOSE_UP_M / 2, z - 0.03), (x + CLOSE_UP_M / 2, y + CLOSE_UP_M / 2, z + 0.07)
        return View.around(low, high, AZIMUTH_RAD, ELEVATION_RAD - 0.1, size, size)

    def _composed(self, image: Image, close: Image, frame: Frame) -> Image:
        from PIL import ImageDraw

        width, height = self._size
        unit = height / 600
        margin = round(14 * unit)
        image.paste(close, (width - close.width - margin, margin))
        draw = ImageDraw.Draw(image)
        box = (width - close.width - margin - 1, margin - 1, width - margin, margin + close.height)
        draw.rectangle(box, outline=_PALE, width=max(1, round(unit)))
        line = self.recording.line
        draw.text((margin, margin), f"{line.name} · {self.recording.unit}", _PALE, font(round(15 * unit)))
        draw.text((margin, margin + 21 * unit), frame.doing, _INK, font(round(21 * unit), bold=True))
        text = f"{frame.time_s:.1f} s   {_mounted(frame)}"
        draw.text((margin, margin + 51 * unit), text, _INK, font(round(15 * unit)))
        return image


class _Look:
    """One view of the stage. What stands still is drawn once, what rests only when something has been moved."""

    def __init__(self, stage: Stage, view: View) -> None:
        self._view = view.larger(_SUPER)
        self._fixed = _Layer(Canvas(self._view, _sky(self._view)))
        for piece in stage.fixed:
            self._fixed.draw(piece)
        _rule_bench(self._fixed.canvas)
        for ends in stage.sights:
            self._fixed.canvas.mark(_dense(np.array(ends))[::12], _SIGHT_RGB, 2, 0.0)
        self._resting: tuple[Any, _Layer] = ((), self._fixed)

    def drawn(self, pieces: list[Piece], marks: list[Marks]) -> Any:
        """The image with some more pieces and marks, (height, width, 3) uint8 RGB."""
        resting = [piece for piece in pieces if piece.rests]
        key = tuple((piece.name, piece.pose) for piece in resting)
        if key != self._resting[0]:
            self._resting = key, self._fixed.with_pieces(resting)
        layer = self._resting[1].with_pieces([piece for piece in pieces if not piece.rests])
        return layer.finished(marks)


class _Layer:
    """A canvas with the shadows that fall on the bench top."""

    def __init__(self, canvas: Canvas, shadow: Any = None, count: int = 0) -> None:
        self.canvas = canvas
        self._shadow = np.zeros(canvas.depth.shape, np.uint8) if shadow is None else shadow
        self._count = count

    def with_pieces(self, pieces: list[Piece]) -> _Layer:
        """A copy with more on it."""
        other = _Layer(self.canvas.copy(), self._shadow.copy(), self._count)
        for piece in pieces:
            other.draw(piece)
        return other

    def draw(self, piece: Piece) -> None:
        self._count += 1
        mesh = piece.mesh.placed(piece.pose)
        self.canvas.draw(mesh, piece.colour, self._count)
        if piece.name != BENCH_TOP:
            self._cast(mesh)

    def finished(self, marks: list[Marks]) -> Any:
        """The image with shadows, outlines and marks."""
        canvas = self.canvas
        soft = cv2.GaussianBlur(self._shadow, (0, 0), 2.5).astype(np.float32)[..., None] / np.float32(255)
        dark = np.where((canvas.piece == _BENCH_PIECE)[..., None], 1.0 - (1.0 - _SHADOW) * soft, np.float32(1.0))
        canvas.colour *= dark
        canvas.colour = canvas.outlined()
        for points, colour, size_px, hidden in marks:
            canvas.mark(points, colour, size_px, hidden)
        size = (canvas.view.width_px // _SUPER, canvas.view.height_px // _SUPER)
        small = cv2.resize(canvas.colour, size, interpolation=cv2.INTER_AREA)
        return np.round(255.0 * np.clip(small, 0.0, 1.0)).astype(np.uint8)

    def _cast(self, mesh: Mesh) -> None:
        """The shadow on the bench top, as if the piece were convex."""
        fallen = self.canvas.view.project(mesh.points - LIGHT * (mesh.points[:, 2:] / LIGHT[2]))
        if (fallen[:, 2] <= 0.0).any() or np.abs(fallen[:, :2]).max() > _FAR_PX:
            return
        outline = cv2.convexHull(np.round(fallen[:, :2] * 16).astype(np.int32))
        cv2.fillConvexPoly(self._shadow, outline, 255, cv2.LINE_8, 4)


def save_still(recording: Recording, path: Path, at_s: float, width_px: int, height_px: int) -> None:
    """Write the picture of one instant as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Painter(recording, width_px, height_px).picture(recording.at(at_s)).save(path)


def save_animation(
    recording: Recording, path: Path, speed: float, width_px: int, height_px: int,
    drawn: Callable[[int, int], None] = lambda done, of: None,
) -> None:  # fmt: skip
    """Write a GIF that shows the recording at so many times its speed; `drawn` is told how many pictures are done."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    painter = Painter(recording, width_px, height_px)
    step = max(1, round(speed / FRAMES_PER_S / recording.period_s))
    numbers = range(0, len(recording.frames), step)
    palette = painter.palette(numbers[len(numbers) // 2])

    def pictures() -> Iterator[Image.Image]:
        for done, number in enumerate(numbers, 1):
            yield painter.picture(number).quantize(palette=palette, dither=Image.Dither.NONE)
            drawn(done, len(numbers))

    images = pictures()
    duration_ms = round(1000 * step * recording.period_s / speed)
    next(images).save(path, save_all=True, append_images=images, duration=duration_ms, loop=0, optimize=False)


def check_format(path: Path) -> None:
    """UsageError for a file whose ending says no format that is written."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot write '{path}': give a file that ends in {' or '.join(FORMATS)}.")


def _sky(view: View) -> Any:
    shade = np.linspace(0.985, 0.90, view.height_px, dtype=np.float32)[:, None, None]
    return np.broadcast_to(shade * np.array((0.975, 0.985, 1.0), np.float32), (view.height_px, view.width_px, 3))


def _rule_bench(canvas: Canvas) -> None:
    """Thin lines on the bench top, every 100 mm of the cell frame."""
    view = canvas.view
    rows, columns = np.nonzero(canvas.piece == _BENCH_PIECE)
    (ax, ay, az), eye = view.axes.T.astype(np.float32), view.eye
    right = (columns.astype(np.float32) + 0.5 - view.width_px / 2) / np.float32(view.focal_px)
    down = (rows.astype(np.float32) + 0.5 - view.height_px / 2) / np.float32(view.focal_px)
    reach = -eye[2] / np.minimum(az[0] * right + az[1] * down + az[2], np.float32(-1e-6))
    wide = np.maximum(_GRID_LINE_M, reach / view.focal_px)
    off = np.full(len(rows), 1.0, np.float32)
    for axis, start in ((ax, eye[0]), (ay, eye[1])):
        turns = (start + reach * (axis[0] * right + axis[1] * down + axis[2])) / _GRID_M
        off = np.minimum(off, np.abs(turns - np.rint(turns)) * _GRID_M)
    canvas.colour[rows, columns] *= (1.0 - 0.10 * np.clip(1.0 - off / wide, 0.0, 1.0)).astype(np.float32)[:, None]


def _dense(points: Any, step_m: float = 0.0008) -> Any:
    """Points on the lines between points, so near that they make a line in the picture."""
    if len(points) < 2:
        return points
    spans = np.linalg.norm(np.diff(points, axis=0), axis=1)
    pieces = [
        a + (b - a) * np.linspace(0.0, 1.0, max(2, math.ceil(span / step_m)))[:, None]
        for a, b, span in zip(points, points[1:], spans, strict=False)
        if span > 0.0
    ]
    return np.concatenate(pieces) if pieces else points[:1]


def _mounted(frame: Frame) -> str:
    return ", ".join(name for name, seen in frame.tools.items() if seen.arm) or "no tool"


def font(size: int, bold: bool = False) -> Any:
    """The font that comes with matplotlib, so that pictures look the same everywhere."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), max(size, 6))
