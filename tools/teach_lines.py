"""Teach the checks of the shipped lines from what their simulated cameras see of a good unit.

    python tools/teach_lines.py [LINE ...]

For each taught check that names a model: a unit is made on virtual time, the camera's image is rendered at the moment of the
inspection, the check's window is cut out, and `microcell teach` learns from it. On a real cell the photos come from its own
camera; the models that are shipped hold for the simulated ones only.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from microcell.cli import main as microcell  # noqa: E402
from microcell.clock import run_virtual  # noqa: E402
from microcell.description.checks import TAUGHT  # noqa: E402
from microcell.description.line import Line  # noqa: E402
from microcell.description.loader import load_line  # noqa: E402
from microcell.description.order import Order, OrderLine  # noqa: E402
from microcell.devices.factory import DeviceHost  # noqa: E402
from microcell.events import OperationStarted  # noqa: E402
from microcell.geometry import Pose  # noqa: E402
from microcell.plugins import driver  # noqa: E402
from microcell.records.journal import Entry, Journal  # noqa: E402
from microcell.virtual import VirtualCell, VirtualRun  # noqa: E402
from microcell.vision.measure import _cut_out  # noqa: E402
from microcell.vision.requests import CheckRequest  # noqa: E402
from microcell.vision.view import View  # noqa: E402

DATE = "2026-01-01"


def taught_checks(line: Line) -> dict[str, dict[str, object]]:
    """The checks that have a model, by inspection."""
    inspections = line.product_description.inspections
    found = {
        name: {key: check for key, check in inspection.checks.items() if isinstance(check, TAUGHT) and check.model}
        for name, inspection in inspections.items()
    }
    return {name: checks for name, checks in found.items() if checks}


async def photos(line: Line, folder: Path) -> None:
    """Make one unit, and save the window of each taught check at the start of its inspection."""
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, ()), journal)
        shots: list[asyncio.Task[None]] = []

        def listen(entry: Entry) -> None:
            event = entry.event() if entry.kind == OperationStarted.kind else None
            if isinstance(event, OperationStarted) and event.skill == "inspect":
                shots.append(asyncio.ensure_future(shoot(line, cell, event, folder)))

        await cell.start()
        cell.controller.add_listener(listen)
        order = cell.controller.submit(Order(product=line.product, lines=(OrderLine(quantity=1),)))
        await cell.controller.order_ended(order)
        await asyncio.gather(*shots)
        await cell.close()


async def shoot(line: Line, cell: VirtualCell, event: OperationStarted, folder: Path) -> None:
    """Render what the leased camera sees, and save the windows of the inspection's taught checks."""
    product = line.product_description
    checks = taught_checks(line).get(str(product.plan[event.operation].parameters.get("inspection")), {})
    if not checks:
        return
    name, fixture = event.resources["camera"], event.resources["fixture"]
    spec = line.cell_description.of_kind("camera")[name]
    camera = driver("camera/mock")(name, spec, DeviceHost(line, cell.clock, cell.plant))
    await camera.connect()
    frame = await camera.capture(spec.exposure_s)
    seat: Pose = line.cell_description.of_kind("fixture")[fixture].seat_in_cell.pose
    for key, check in checks.items():
        site = product.sites[check.site]  # type: ignore[attr-defined]
        part = product.parts[product.part_of(site.item, product.default_variant)]
        request = CheckRequest(key, check.kind, fixture, check.site, part, seat @ site.part_in_unit.pose)  # type: ignore[attr-defined]
        window = _cut_out(View.of(frame.pixels, spec, name), request, check.window_m)[0]  # type: ignore[attr-defined]
        (folder / key).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / key / "good.png"), cv2.cvtColor(window, cv2.COLOR_RGB2BGR))


def main(names: list[str]) -> int:
    """Teach the named lines' checks, or those of all lines."""
    for name in names or sorted(path.stem for path in (ROOT / "config" / "lines").glob("*.yaml")):
        line = load_line(name)
        checks = {key: check for found in taught_checks(line).values() for key, check in found.items()}
        with tempfile.TemporaryDirectory() as folder:
            if checks:
                run_virtual(photos(line, Path(folder)))
            for key, check in checks.items():
                output = str(check.model)  # type: ignore[attr-defined]
                good = str(Path(folder) / key)
                code = microcell(["teach", f"{line.product}/{key}", "--good", good, "--output", output, "--date", DATE])
                Path(output).with_suffix(".png").unlink(missing_ok=True)
                if code:
                    return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
