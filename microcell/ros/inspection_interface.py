"""What the server of inspections shows and offers beside its skills: reports, pictures, and inspecting without an order."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rclpy.node import Node
from sensor_msgs.msg import Image

from microcell.description.cell import CameraSpec
from microcell.description.line import Line
from microcell.devices.camera.contract import Camera
from microcell.devices.contract import Device
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.bounded import bounded
from microcell.ros.convert_images import pixels_of
from microcell.ros.convert_inspection import Subject, report_message
from microcell.ros.convert_skills import fault_message, stamp
from microcell.ros.runtime import RosRuntime
from microcell.skills.contract import SkillGoal
from microcell.skills.examining import Examination, summary
from microcell.skills.judging import inspection_of, requests_of
from microcell.vision.photos import as_rgb8
from microcell.vision.results import InspectionReport
from microcell_interfaces.msg import InspectionReport as InspectionReportMsg
from microcell_interfaces.srv import InspectUnit

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, Any]

T = TypeVar("T")

KEPT_REPORTS = 200
MOST_WAITING = 4
"""So many requests may wait for the one that is worked on; further ones are refused."""
AGAIN_RATIOS = (0.8, 1.2)
"""Exposures of further looks while a check is uncertain."""
LONGEST_S = 5.0


@dataclass(frozen=True)
class Wanted:
    """A request that makes sense: what to inspect where, by which camera, and the image if one was sent."""

    inspection: str
    station: str
    subject: Subject
    camera: str
    spec: CameraSpec
    exposure_s: float
    pixels: Pixels | None


class InspectionInterface:
    """Publishers and service of a node that hosts inspections.

    Topics, latched:
        inspections (InspectionReport)      every report, of orders and of who asks; the last 200 are kept
        inspection_image (sensor_msgs/Image) the last picture with what was found drawn into it
    Services: inspect (InspectUnit): inspects what is in a station now, or an image that is sent along. One at a time, and
        `MOST_WAITING` wait. A request that makes no sense gets accepted=false and a message that says why. Nothing moves,
        nothing is written to the journal, and no picture is kept.
    """

    def __init__(self, runtime: RosRuntime, node: Node, line: Line, work: Executor) -> None:
        self._runtime, self._node, self._line, self._work = runtime, node, line, work
        self._reports = node.create_publisher(InspectionReportMsg, names.INSPECTIONS, qos.latched(KEPT_REPORTS))
        self._images = node.create_publisher(Image, names.INSPECTION_IMAGE, qos.latched())
        self._devices: Mapping[str, Device] = {}
        self._one = asyncio.Lock()
        self._waiting = 0
        runtime.create_service(node, InspectUnit, names.INSPECT, bounded(self._inspect))

    def use(self, devices: Mapping[str, Device]) -> None:
        """Inspect with these devices from now on; with none, nothing is inspected."""
        self._devices = devices

    async def show(self, goal: SkillGoal, report: InspectionReport, png: bytes | None) -> None:
        """Publish the report of an order's inspection, and its picture."""
        self._publish(report, Subject(goal.product or self._line.product, goal.variant, goal.unit, True))
        if png is not None:
            self._show_picture(await self._beside(lambda: _decoded(png)))

    # --- offered ---------------------------------------------------------------------------------------------------

    async def _inspect(self, request: Any, response: Any) -> Any:
        try:
            wanted = self._understood(request)
            if self._waiting >= MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} inspections wait already. Ask again when one is done.")
            self._waiting += 1
            try:
                async with self._one:
                    report = await self._examine(wanted)
            finally:
                self._waiting -= 1
        except UsageError as error:
            response.message = str(error)
        except FaultError as error:
            response.message, response.fault = str(error), fault_message(error.fault, self._runtime.clock.epoch_s)
        else:
            response.accepted, response.message = True, f"{report.verdict}: {summary(report)}"
            response.report = self._publish(report, wanted.subject)
        return response

    def _understood(self, request: Any) -> Wanted:
        """The request with its camera; `UsageError` or a fault says what is wrong with it."""
        product = self._line.product_description
        if not self._devices:
            raise UsageError("the inspection server is not active. Ask again when the cell is up.")
        inspection_of(self._line, request.inspection)
        if request.variant and request.variant not in product.variants:
            raise UsageError(f"no variant '{request.variant}'; there are: {', '.join(product.variants)}.")
        camera, spec = self._camera_over(request.station)
        if not 0.0 <= request.exposure <= LONGEST_S or not math.isfinite(request.exposure):
            raise UsageError(f"exposure {request.exposure:g} s is not from 0 to {LONGEST_S:g} s.")
        pixels = as_rgb8(pixels_of(request.image)) if len(request.image.data) else None
        if pixels is not None and pixels.shape[:2] != (spec.height_px, spec.width_px):
            size = f"{request.image.width} x {request.image.height}"
            raise UsageError(f"an image of {size} pixels is none of {camera}, which has {spec.width_px} x {spec.height_px}.")
        subject = Subject(self._line.product, request.variant or product.default_variant, request.unit, False)
        usual_s = product.inspections[request.inspection].exposure_s or spec.exposure_s
        exposure_s = request.exposure or usual_s
        return Wanted(request.inspection, request.station, subject, camera, spec, exposure_s, pixels)

    def _camera_over(self, station: str) -> tuple[str, CameraSpec]:
        cameras = self._line.cell_description.of_kind("camera")
        seen = {s: name for name, spec in cameras.items() if name in self._devices for s in spec.sees}
        fixtures = [s for s in self._line.cell_description.of_kind("fixture") if s in seen]
        if station not in fixtures:
            raise UsageError(f"no camera sees a fixture '{station}'; stations with one: {', '.join(fixtures) or 'none'}.")
        return seen[station], cameras[seen[station]]

    async def _examine(self, wanted: Wanted) -> InspectionReport:
        """Look until every check is certain; an image that was sent is all that there is."""
        requests = requests_of(self._line, wanted.subject.variant, wanted.inspection, wanted.station, wanted.subject.unit)
        inspection = inspection_of(self._line, wanted.inspection)
        examination = Examination(wanted.inspection, inspection, requests, wanted.camera, wanted.spec)
        shown = await self._look(wanted, examination, 1.0)
        for ratio in AGAIN_RATIOS if wanted.pixels is None else ():
            if not examination.uncertain:
                break
            try:
                shown = await self._look(wanted, examination, ratio)
            except FaultError as error:
                if error.fault.code != "CAMERA_UNUSABLE_IMAGE":
                    raise
                examination.saw_nothing(ratio)
        report = replace(examination.report(), note="asked for without an order: no picture is kept")
        title = f"{wanted.subject.unit} {wanted.subject.variant}".strip()
        self._show_picture(await self._beside(lambda: _drawn(shown, examination, report, title)))
        return report

    async def _look(self, wanted: Wanted, examination: Examination, ratio: float) -> Pixels:
        """Measure one image, and return it."""
        pixels = wanted.pixels
        if pixels is None:
            camera = self._devices[wanted.camera]
            if not isinstance(camera, Camera):
                raise UsageError(f"'{wanted.camera}' is no camera.")
            pixels = (await camera.capture(wanted.exposure_s * ratio)).rgb8
        image = pixels
        readings, sha256 = await self._beside(lambda: _measured(image, examination, wanted.camera))
        examination.take(readings, ratio, sha256)
        return image

    # --- shown -----------------------------------------------------------------------------------------------------

    def _publish(self, report: InspectionReport, subject: Subject) -> InspectionReportMsg:
        message = report_message(report, subject, self._now())
        self._reports.publish(message)
        return message

    def _show_picture(self, picture: Pixels) -> None:
        self._images.publish(convert.image_message(picture, "", self._now()))

    def _now(self) -> Any:
        return stamp(self._runtime.clock.epoch_s + self._runtime.clock.now())

    async def _beside(self, call: Callable[[], T]) -> T:
        """Compute beside the event loop, which has to go on listening."""
        return await asyncio.get_running_loop().run_in_executor(self._work, call)


def _measured(pixels: Pixels, examination: Examination, camera: str) -> tuple[Any, str]:
    import numpy as np

    from microcell.vision.measure import measure

    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
    return measure(pixels, examination.spec, examination.requests, camera), digest


def _drawn(pixels: Pixels, examination: Examination, report: InspectionReport, title: str) -> Pixels:
    from microcell.vision.overlay import annotate

    return annotate(pixels, examination.spec, examination.requests, report, title)


def _decoded(png: bytes) -> Pixels:
    import cv2
    import numpy as np

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UsageError("the picture of an inspection cannot be read back.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
