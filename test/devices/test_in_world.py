"""What drivers and skills are told of a line in a world."""

from __future__ import annotations

import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.description.loader import load_line
from microcell.devices.factory import GAZEBO_REACTION_S, DeviceHost, in_world, make_devices
from microcell.errors import UsageError

LINE = load_line("valve")


def test_in_gazebo_a_force_sensor_stops_the_arm_as_late_as_the_bridge_allows_and_never_sooner_than_described():
    assert in_world(LINE, "gazebo").cell_description.devices["wrist_force"].reaction_s == GAZEBO_REACTION_S
    slow = LINE.cell_description.devices["wrist_force"].model_copy(update={"reaction_s": 0.5})
    devices = {**LINE.cell_description.devices, "wrist_force": slow}
    line = LINE.model_copy(update={"cell_description": LINE.cell_description.model_copy(update={"devices": devices})})
    assert in_world(line, "gazebo").cell_description.devices["wrist_force"].reaction_s == 0.5


def test_in_gazebo_an_arm_gets_dense_points_unless_its_description_says_otherwise():
    arm = LINE.cell_description.devices["arm"]
    assert in_world(LINE, "gazebo").cell_description.devices["arm"].parameters["point_period_s"] < 0.01
    own = arm.model_copy(update={"parameters": {"point_period_s": 0.5}})
    devices = {**LINE.cell_description.devices, "arm": own}
    line = LINE.model_copy(update={"cell_description": LINE.cell_description.model_copy(update={"devices": devices})})
    assert in_world(line, "gazebo").cell_description.devices["arm"].parameters["point_period_s"] == 0.5


def test_every_other_world_has_the_line_as_it_is_described():
    assert all(in_world(LINE, world) is LINE for world in ("virtual", "mock", "real"))


def test_a_world_or_a_device_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match="no world 'moon'; there are: virtual, mock, gazebo, real."):
        in_world(LINE, "moon")

    async def made() -> None:
        make_devices(DeviceHost(LINE, LoopClock(0.0)), "real", ["arm", "nobody"])

    with pytest.raises(UsageError, match="no device 'nobody' in line 'valve'; there are: arm, changer, "):
        run_virtual(made())
