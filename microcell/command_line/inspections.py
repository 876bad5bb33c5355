"""Commands that make inspections trustworthy: teach, calibrate, study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import add_command, day, positive, takes_json

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_inspection_commands(commands: Commands) -> None:
    """teach, gauge, calibrate."""
    _teach_command(commands)
    _gauge_command(commands)
    _calibrate_command(commands)


def _teach_command(commands: Commands) -> None:
    teach = add_command(commands, "teach", "teach an inspection's check from photos; error rates to expect, with a picture")
    teach.add_argument("check", metavar="PRODUCT/CHECK", help="name or YAML file of a product, and its check")
    teach.add_argument("--good", type=Path, required=True, metavar="DIR", help="photos of good parts")
    teach.add_argument("--bad", type=Path, metavar="DIR", help="photos of bad parts")
    teach.add_argument("--output", type=Path, required=True, metavar="FILE", help="the model (.npz); a picture beside it")
    teach.add_argument("--date", metavar="DATE", help="kept in the model (default: today)")
    takes_json(teach)


def _gauge_command(commands: Commands) -> None:
    gauge = add_command(commands, "gauge", "gauge R&R: how far what inspections measure can be trusted")
    gauge.add_argument("line", nargs="?", metavar="LINE", help="study its inspections in the simulated plant")
    source = gauge.add_mutually_exclusive_group()
    source.add_argument("--table", type=Path, metavar="FILE", help="study a CSV file: feature, part, appraiser, value")
    source.add_argument("--journal", type=Path, metavar="FILE", help="study units that were inspected repeatedly")
    gauge.add_argument("--inspection", help="only this one of the product")
    gauge.add_argument("--variant", help="of the product; default: the product's default variant")
    gauge.add_argument("--parts", type=int, choices=range(2, 101), default=10, metavar="N", help="default: %(default)s")
    gauge.add_argument("--trials", type=int, choices=range(2, 21), default=3, metavar="N", help="default: %(default)s")
    gauge.add_argument("--seed", type=int, default=0, help="of the parts and of the camera's noise")
    gauge.add_argument("--camera", choices=("rendered", "modelled"), default="rendered", help="default: %(default)s")
    takes_json(gauge)


def _calibrate_command(commands: Commands) -> None:
    text = "find a camera's optics, its place at an arm, or its scale on a plane; residuals, with a picture"
    calibrate = add_command(commands, "calibrate", text)
    calibrate.add_argument("what", choices=("intrinsics", "hand-eye", "plane"))
    calibrate.add_argument("--images", type=Path, metavar="DIR", help="images of the board")
    calibrate.add_argument("--board", metavar="BOARD", help="chessboard:9x6:0.025 or charuco:7x5:0.03:0.022:5x5_100 (m)")
    calibrate.add_argument("--poses", type=Path, metavar="FILE", help="hand-eye: the hand in the base, CSV, one a line")
    calibrate.add_argument("--camera-poses", type=Path, metavar="FILE", help="hand-eye: of a tracker, CSV")
    calibrate.add_argument(
        "--mounting", choices=("in_hand", "to_hand"), default="in_hand", help="camera on the hand, or beside the arm"
    )
    calibrate.add_argument("--intrinsics", type=Path, metavar="FILE", help="calibration that holds the camera's optics")
    calibrate.add_argument("--serial", default="", help="of the camera; default: that of --intrinsics")
    calibrate.add_argument("--output", type=Path, required=True, metavar="FILE", help="written (.yaml); a picture beside it")
    calibrate.add_argument("--days", type=positive(int), default=365, metavar="N", help="it holds so long (%(default)s)")
    calibrate.add_argument("--date", type=day, metavar="DATE", help="on which it was made (default: today)")
    takes_json(calibrate)
