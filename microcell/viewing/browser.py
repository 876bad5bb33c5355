"""A recording in the browser, to be turned, zoomed and played; served on this machine only, by viser."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from microcell.errors import MissingCapabilityError, UsageError
from microcell.geometry import Pose
from microcell.viewing.recording import Frame, Recording
from microcell.viewing.stage import Piece, Stage

HOST = "127.0.0.1"
TRAIL_POINTS = 80
SPEEDS = ("0.25", "0.5", "1", "2", "4", "8")
_TRAIL_RGB, _TRAIL_M = (237, 107, 26), 0.003


def check_installed() -> None:
    """MissingCapabilityError where viser is not there."""
    if importlib.util.find_spec("viser") is None:
        raise MissingCapabilityError(
            "the view in the browser needs viser, which is not installed here. Install it with "
            "'pip install viser', or write a picture with --output unit.gif or --output still.png."
        )


def open_server(name: str, port: int) -> Any:
    """A viser server at http://127.0.0.1:<port>; UsageError when the port is taken."""
    check_installed()
    import viser

    server = viser.ViserServer(host=HOST, port=port, label=name, verbose=False)
    if server.get_port() != port:
        server.stop()
        raise UsageError(f"port {port} is taken. Give another with --port.")
    return server


class Player:
    """The pieces of a recording in a viser server, and the controls to play it."""

    def __init__(self, recording: Recording, server: Any) -> None:
        self._recording, self._server = recording, server
        self._stage = Stage(recording.line)
        self._arms = tuple(recording.line.cell_description.of_kind("arm"))
        self._handles: dict[str, Any] = {}
        self._poses: dict[str, Pose] = {}
        self._ways = {
            arm: np.array([self._stage.tcp(frame, arm).position for frame in recording.frames]) for arm in self._arms
        }
        self._shown: set[str] = set()
        self._number = -1
        for piece in self._stage.fixed:
            self._place(piece)
        self._tcps = {arm: server.scene.add_frame(f"/tcp/{arm}", axes_length=0.07, axes_radius=0.002) for arm in self._arms}
        self._look_from_front()
        self._add_controls()
        self.show(0)

    def advance(self, elapsed_s: float) -> None:
        """Show the instant that the slider is at; while it plays, so much later times the speed."""
        if self._play.value:
            later = self._time.value + elapsed_s * float(self._speed.value)
            self._time.value = later if later <= self._recording.duration_s else 0.0
        self.show(self._recording.at(self._time.value))

    def show(self, number: int) -> None:
        """Show one frame."""
        if number == self._number:
            return
        self._number = number
        frame = self._recording.frames[number]
        moving = list(self._stage.moving(frame))
        names = {piece.name for piece in moving}
        for piece in moving:
            self._place(piece)
        for name in self._shown ^ names:
            self._handles[name].visible = name in names
        self._shown = names
        self._caption.content = f"**{frame.doing}**\n\n{frame.time_s:.1f} s · {_mounted(frame)}"
        self._follow(frame, number)

    def _place(self, piece: Piece) -> None:
        """Add a piece, or move it."""
        handle = self._handles.get(piece.name)
        if handle is None:
            points, faces = piece.mesh.points.astype(np.float32), piece.mesh.faces.astype(np.uint32)
            colour = tuple(round(255 * value) for value in piece.colour)
            handle = self._server.scene.add_mesh_simple(f"/{piece.name}", points, faces, color=colour, flat_shading=True)
            self._handles[piece.name] = handle
        if self._poses.get(piece.name) != piece.pose:
            self._poses[piece.name] = piece.pose
            _move(handle, piece.pose)

    def _follow(self, frame: Frame, number: int) -> None:
        """Put the TCPs' frames and past ways where they are now."""
        for arm in self._arms:
            _move(self._tcps[arm], self._stage.tcp(frame, arm))
            way = self._ways[arm][max(0, number - TRAIL_POINTS) : number + 1]
            if len(way) > 1:
                ends = np.stack((way[:-1], way[1:]), axis=1)
                self._server.scene.add_line_segments(f"/way/{arm}", ends, colors=_TRAIL_RGB, thickness=_TRAIL_M)

    def _look_from_front(self) -> None:
        low, high = self._stage.extent
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        size = max(b - a for a, b in zip(low, high, strict=True))
        self._server.scene.set_up_direction("+z")
        self._server.initial_camera.position = (middle[0] + 1.1 * size, middle[1] - 0.9 * size, middle[2] + 0.8 * size)
        self._server.initial_camera.look_at = tuple(middle)

    def _add_controls(self) -> None:
        gui = self._server.gui
        self._caption = gui.add_markdown("")
        self._play = gui.add_checkbox("play", True)
        self._speed = gui.add_dropdown("speed", SPEEDS, initial_value="1")
        self._time = gui.add_slider("time, s", 0.0, self._recording.duration_s, self._recording.period_s, 0.0)


def _move(handle: Any, pose: Pose) -> None:
    x, y, z, w = pose.orientation
    handle.position, handle.wxyz = pose.position, (w, x, y, z)


def _mounted(frame: Frame) -> str:
    return ", ".join(name for name, seen in frame.tools.items() if seen.arm) or "no tool"
