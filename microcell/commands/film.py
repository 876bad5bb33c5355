"""`microcell film`: a picture strip or a film of a running cell, from one of its cameras."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from microcell.commands.client import INTERRUPTED, know_order, order_over, talk
from microcell.viewing.picture import check_format

if TYPE_CHECKING:
    from microcell.ros.cell_client import CellClient
    from microcell.viewing.film import Shot

LOOK_S = 0.1
MOST = 2000


def run(args: argparse.Namespace) -> int:
    """Record until the order has ended or Ctrl-C, then write."""
    check_format(args.output)
    shots: list[Shot] = []
    code = talk(args.cell, lambda cell: _record(cell, args, shots))
    from microcell.viewing.film import save_film

    save_film(shots, args.output, args.pictures, args.width)
    print(f"{args.output}: {len(shots)} pictures in {shots[-1].time_s:.1f} s of {args.camera}")
    return 0 if code == INTERRUPTED else code


async def _record(cell: CellClient, args: argparse.Namespace, shots: list[Shot]) -> int:
    from sensor_msgs.msg import Image

    from microcell.ros import convert, convert_images, names
    from microcell.viewing.film import Shot
    from microcell.vision.photos import as_rgb8

    first_s: float | None = None

    def see(message: Image) -> None:
        nonlocal first_s
        stamp_s = convert.seconds(message.header.stamp)
        first_s = stamp_s if first_s is None else first_s
        if len(shots) < MOST and (not shots or stamp_s - first_s >= shots[-1].time_s + args.every):
            coarse = max(1, message.width // args.width)
            shots.append(Shot(stamp_s - first_s, as_rgb8(convert_images.pixels_of(message)[::coarse, ::coarse]).copy()))

    await know_order(cell, args.until_order)
    cell.listen(Image, names.image(args.camera), see)
    while not order_over(cell, args.until_order):
        await asyncio.sleep(LOOK_S)
    return 0
