"""A gauge study in the simulated plant: the same parts, again and again, before every camera that inspects them.

Parts differ as far as the product's limits make it matter: places and turns scatter by a quarter of the limit that they are
judged by, tops have scratches of up to its length. Everything else that differs from image to image is the camera's own.
What is simulated is the camera: the study says how well the inspection measures its images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from microcell.clock import LoopClock, run_virtual
from microcell.description.cell import CameraSpec
from microcell.description.checks import Check
from microcell.description.extents import half_extents
from microcell.description.line import Line
from microcell.description.product import Part
from microcell.devices.camera.contract import Camera
from microcell.devices.factory import DeviceHost, make_devices
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.plant.items import Place
from microcell.plant.plant import Plant
from microcell.plant.scene import Flaw
from microcell.records.gauge_readings import Feature
from microcell.skills.judging import inspection_of, limits_of, requests_of
from microcell.virtual import CameraKind

LEAST_SD_M, LEAST_SD_RAD = 0.00003, 0.003
"""How much parts differ that no check measures in this way."""
OF_LIMIT = 0.25
SERIAL = "GAUGE-000001"


@dataclass(frozen=True)
class GaugePlan:
    """What is measured how often; `inspections` are all of the product's where none is named."""

    line: Line
    inspections: tuple[str, ...] = ()
    variant: str = ""
    parts: int = 10
    trials: int = 3
    seed: int = 0
    camera: CameraKind = "rendered"


def measure_parts(plan: GaugePlan) -> list[Feature]:
    """Every number that the inspections measure of the parts, by each fixture and its camera; on virtual time.

    `UsageError` where the line has nothing to study.
    """
    return run_virtual(_measure(plan))


async def _measure(plan: GaugePlan) -> list[Feature]:
    line, clock = plan.line, LoopClock(0.0)
    plant = Plant(line, plan.seed, clock)
    devices = make_devices(DeviceHost(line, clock, plant), "virtual", camera=plan.camera)
    found: dict[str, Feature] = {}
    names = plan.inspections or tuple(line.product_description.inspections)
    for fixture, camera in _appraisers(line):
        device = devices[camera]
        if not isinstance(device, Camera):
            raise UsageError(f"'{camera}' is no camera.")
        await device.connect()
        for name in names:
            for part in range(plan.parts):
                _put(plant, plan, fixture, name, part)
                for _ in range(plan.trials):
                    await _look(plan, device, (fixture, camera), name, part, found)
                plant.inventory.take_away("fixture", fixture)
        await device.disconnect()
    return list(found.values())


def _appraisers(line: Line) -> list[tuple[str, str]]:
    """Each fixture with each camera that sees it."""
    cameras = line.cell_description.of_kind("camera")
    found = [(f, c) for f in line.cell_description.of_kind("fixture") for c, spec in cameras.items() if f in spec.sees]
    if not found or not line.product_description.inspections:
        raise UsageError(f"line '{line.name}' has nothing to study: no camera over a fixture, or no inspection.")
    return found


async def _look(
    plan: GaugePlan, camera: Camera, place: tuple[str, str], name: str, part: int, found: dict[str, Feature]
) -> None:
    """Take one image, and note what is measured in it."""
    try:
        inspection = inspection_of(plan.line, name)
        requests = requests_of(plan.line, _variant(plan), name, place[0], SERIAL)
        spec = plan.line.cell_description.devices[place[1]]
        usual_s = spec.exposure_s if isinstance(spec, CameraSpec) else 0.0
        readings, _ = await camera.measure(requests, inspection.exposure_s or usual_s)
    except FaultError as error:
        raise UsageError(f"inspection '{name}' cannot be studied: {error.fault}") from error
    for reading in readings:
        if reading.text:
            continue
        feature = f"{reading.name}.{reading.feature}"
        limits = limits_of(inspection.checks[reading.name])
        entry = found.setdefault(feature, Feature(feature, reading.unit, *limits))
        if math.isfinite(reading.value):
            entry.readings.append((f"part {part + 1}", "/".join(place), reading.value))
        else:
            entry.failed += 1


def _put(plant: Plant, plan: GaugePlan, fixture: str, name: str, part: int) -> None:
    """Put a part of the study into a fixture, as it is when it is inspected; the same one in every fixture."""
    product = plan.line.product_description
    random = Random(f"{plan.seed}:{name}:{part}")
    checks = product.inspections[name].checks
    body_site = plant.bench.layout.recipe().body_site
    sites = [site for site in product.sites if site in _sites_before(plan.line, name)]
    seat = plan.line.cell_description.of_kind("fixture")[fixture].seat_in_cell.pose
    body = product.part_of(product.sites[body_site].item, _variant(plan)) if body_site else ""
    first = plant.inventory.make(body, product.parts[body], "study", Place("fixture", fixture), seat)
    for site in sites:
        if site == body_site:
            continue
        item = product.part_of(product.sites[site].item, _variant(plan))
        own = [check for check in checks.values() if check.site == site]
        made = product.parts[item]
        pose = product.sites[site].part_in_unit.pose @ _scattered(own, random)
        flaws = _scratches(own, made, random)
        content = SERIAL if any(check.kind == "code" for check in own) else ""
        holder = Place("unit", str(first.item_id), site)
        plant.inventory.make(item, made, "study", holder, pose, flaws=flaws, content=content)


def _sites_before(line: Line, inspection: str) -> set[str]:
    """Sites whose parts are there when an inspection is made: those of the operations that come before it."""
    plan = line.product_description.plan
    left = [n for n, operation in plan.items() if operation.parameters.get("inspection") == inspection]
    before: set[str] = set()
    while left:
        name = left.pop()
        if name not in before:
            before.add(name)
            left.extend(plan[name].after)
    checked = {check.site for check in line.product_description.inspections[inspection].checks.values()}
    return checked | {site for site in (plan[name].site for name in before) if site}


def _scattered(checks: list[Check], random: Random) -> Pose:
    """How a part of the study lies beside its nominal place."""
    limits: Mapping[str, float] = {check.kind: limits_of(check)[1] or 0.0 for check in checks}
    sd_m = max(LEAST_SD_M, OF_LIMIT * limits.get("position", 0.0))
    sd_rad = max(LEAST_SD_RAD, OF_LIMIT * limits.get("orientation", 0.0))
    turn = from_rpy(0.0, 0.0, random.gauss(0.0, sd_rad))
    return Pose((random.gauss(0.0, sd_m), random.gauss(0.0, sd_m), 0.0), turn)


def _scratches(checks: list[Check], part: Part, random: Random) -> tuple[Flaw, ...]:
    """A scratch for a part whose surface is checked, where nothing lies on it."""
    limit_m = next((limits_of(check)[1] for check in checks if check.kind == "surface"), None)
    if not limit_m:
        return ()
    length_m, y = random.uniform(0.3, 1.2) * limit_m, 0.6 * min(half_extents(part))
    shade = 0 if sum(part.colour_rgb) > 384 else 255
    red, green, blue = ((channel + shade) // 2 for channel in part.colour_rgb)
    return (Flaw((-length_m / 2, y), (length_m / 2, y), 0.0005, (red, green, blue)),)


def _variant(plan: GaugePlan) -> str:
    return plan.variant or plan.line.product_description.default_variant
