"""Inspections in ROS: reports and pictures as topics, and a service for who asks without an order."""

import asyncio
import json
import math

import numpy as np
import pytest
from in_ros import in_ros
from sensor_msgs.msg import Image
from served_skills import LINE, Lease, SkillGoal, ignore, served

from microcell.devices.camera.contract import Frame
from microcell.plant.items import Place
from microcell.ros import convert, convert_images, names, qos
from microcell.ros.convert_inspection import Subject, report_message
from microcell.ros.convert_skills import result_message, result_of, stamp
from microcell.skills.contract import Outcome, SkillResult
from microcell.skills.examining import Examination
from microcell.skills.judging import inspection_of, requests_of
from microcell.vision.requests import Reading
from microcell_interfaces.msg import InspectionReport
from microcell_interfaces.srv import InspectUnit

CAMERA = LINE.cell_description.devices["camera_1"]
GREY = np.full((CAMERA.height_px, CAMERA.width_px, 3), 90, np.uint8)


class Listener:
    """Hears the latched topics, as who comes late does."""

    def __init__(self, runtime):
        self.node = runtime.create_node("listener")
        self.reports, self.images = [], []
        self.node.create_subscription(InspectionReport, names.INSPECTIONS, self.reports.append, qos.latched(200))
        self.node.create_subscription(Image, names.INSPECTION_IMAGE, self.images.append, qos.latched())
        self.client = self.node.create_client(InspectUnit, names.INSPECT)
        self.runtime = runtime

    async def ask(self, **request):
        return await self.runtime.call(self.client, InspectUnit.Request(**request), 20.0)

    async def heard(self, what, count=1):
        while len(what) < count:
            await asyncio.sleep(0.02)
        return what


def asked(**changes):
    return {"inspection": "open", "station": "fixture_1", "unit": "VLV-1", **changes}


def photo(pixels, **changes):
    message = convert.image_message(pixels, "camera_1_optical_frame", stamp(1.0))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@in_ros
async def test_who_asks_gets_a_report_that_is_also_published_with_its_picture(runtime):
    async with served(runtime, ["inspection"]):
        listener = Listener(runtime)
        answer = await listener.ask(**asked())
        assert answer.accepted, answer.message
        report = answer.report
        assert answer.message.startswith("rework: failed: membrane_present") or answer.message.startswith("scrap: failed: ")
        assert (report.product, report.variant, report.unit, report.of_order) == ("valve", "adult", "VLV-1", False)
        assert (report.station, report.camera, report.inspection) == ("fixture_1", "camera_1", "open")
        presence = report.checks[0]
        assert (presence.check, presence.measurements[0].lower_limit) == ("membrane_present", 0.6)
        assert presence.measurements[0].value < 0.1
        assert presence.findings[0].centre.x == pytest.approx(0.48, abs=0.001)
        assert len(report.image_sha256) == 64
        assert report.evidence_sha256 == ""
        assert report.note == "asked for without an order: no picture is kept"
        heard = (await listener.heard(listener.reports))[0]
        assert (heard.stamp, heard.image_sha256, heard.verdict) == (report.stamp, report.image_sha256, report.verdict)
        picture = convert_images.pixels_of((await listener.heard(listener.images))[0])
        assert picture.shape[1] > 900
        assert picture.std() > 20


@in_ros
async def test_an_image_that_is_sent_along_is_judged_instead_of_taking_one(runtime):
    async with served(runtime, ["inspection"]) as cell:
        listener = Listener(runtime)
        frame: Frame = await cell.devices["camera_1"].capture(CAMERA.exposure_s)
        answer = await listener.ask(**asked(image=photo(frame.pixels)))
        assert (answer.accepted, answer.report.looks) == (True, 1)
        again = await listener.ask(**asked(image=photo(frame.pixels)))
        assert again.report.image_sha256 == answer.report.image_sha256


@in_ros
async def test_requests_that_make_no_sense_are_refused_with_the_reason(runtime):
    wrong = [
        (asked(inspection="opened"), "'opened'; there are: open, closed"),
        (asked(station="nest_1"), "no camera sees a fixture 'nest_1'; stations with one: fixture_1, fixture_2."),
        (asked(variant="giant"), "no variant 'giant'; there are: adult, child, infant."),
        (asked(exposure=math.nan), "exposure nan s is not from 0 to 5 s."),
        (asked(exposure=-1.0), "exposure -1 s is not from 0 to 5 s."),
        (asked(unit="x" * 5000), "unit is too long"),
        (asked(unit="VLV\x1b[2J"), "unit"),
        (asked(image=photo(GREY[:10, :10])), "an image of 10 x 10 pixels is none of camera_1, which has 1280 x 960."),
        (asked(image=photo(GREY, encoding="jpeg")), "the encoding 'jpeg'"),
        (asked(image=photo(GREY, width=4_000_000)), "bytes for an image of 4000000 x 960"),
        (asked(image=photo(GREY * 0)), "CAMERA_UNUSABLE_IMAGE"),
    ]
    async with served(runtime, ["inspection"]):
        listener = Listener(runtime)
        for request, reason in wrong:
            answer = await listener.ask(**request)
            assert not answer.accepted
            assert reason in answer.message
        assert answer.fault.code == "CAMERA_UNUSABLE_IMAGE"
        assert listener.reports == []


@in_ros
async def test_a_crowd_is_served_one_by_one_and_bounded(runtime):
    async with served(runtime, ["inspection"]):
        listener = Listener(runtime)
        answers = await asyncio.gather(*(listener.ask(**asked()) for _ in range(12)))
        refused = [answer.message for answer in answers if not answer.accepted]
        assert 4 <= sum(answer.accepted for answer in answers) < 12
        assert set(refused) == {"4 inspections wait already. Ask again when one is done."}


@in_ros
async def test_a_server_that_is_not_active_says_so(runtime):
    async with served(runtime, ["inspection"], active=False):
        answer = await Listener(runtime).ask(**asked())
        assert answer.message == "the inspection server is not active. Ask again when the cell is up."


@in_ros
async def test_the_inspections_of_orders_are_published_too(runtime):
    async with served(runtime, ["inspection"]) as cell:
        listener = Listener(runtime)
        seat = LINE.cell_description.devices["fixture_1"].seat_in_cell.pose
        cell.devices["fixture_1"].plant.inventory.make(
            "body", LINE.product_description.parts["body"], "lot", Place("fixture", "fixture_1"), seat
        )
        lease = Lease("test", {"fixture": "fixture_1", "camera": "camera_1"})
        goal = SkillGoal("inspect", "VLV-1", "adult", "inspect_open", "1.1", {"inspection": "open"}, lease)
        result = await cell.port.execute(goal, ignore)
        assert result.outcome is Outcome.REJECTED, result.message
        report = (await listener.heard(listener.reports))[0]
        assert (report.of_order, report.unit, report.verdict) == (True, "VLV-1", result.disposition)
        assert report.evidence_sha256 == result.inspection.evidence_sha256 != ""
        assert (await listener.heard(listener.images))[0].encoding == "rgb8"


def examined():
    requests = requests_of(LINE, "adult", "open", "fixture_1", "VLV-1")
    examination = Examination("open", inspection_of(LINE, "open"), requests, "camera_1", CAMERA)
    readings = [Reading(r.name, r.kind, math.nan if r.kind == "position" else 0.5, "1") for r in requests]
    examination.take(readings, 1.0, "a" * 64)
    return examination.report()


def test_a_report_crosses_the_network_with_its_result():
    result = SkillResult(Outcome.REJECTED, "failed", inspection=examined())
    message = result_message(result, 0.0)
    assert json.loads(message.data_json)["inspection"]["checks"][1]["measurements"][0]["value"] is None
    back = result_of(message, 0.0).inspection
    assert back.looks == result.inspection.looks
    assert [check.findings for check in back.checks] == [check.findings for check in result.inspection.checks]


def test_what_is_not_known_is_nan_in_the_message():
    message = report_message(examined(), Subject("valve", "adult", "VLV-1", True), stamp(2.0))
    place = message.checks[1]
    assert place.note == "uncertain after 1 look: it could not be measured"
    assert math.isnan(place.measurements[0].value)
    assert math.isnan(place.findings[0].centre.z)
