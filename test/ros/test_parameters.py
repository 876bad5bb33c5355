"""ROS parameters of the cell's nodes."""

import pytest

pytest.importorskip("rclpy")

from in_ros import in_ros
from rclpy.parameter import Parameter

from microcell.errors import UsageError
from microcell.ros import parameters


@in_ros
async def test_a_parameter_is_what_the_start_says_and_cannot_be_set_in_vain_later(runtime):
    told = [Parameter("seed", value=7), Parameter("line", value=5)]
    node = runtime.create_node("node", parameter_overrides=told)
    assert parameters.integer(node, "seed", 0) == parameters.integer(node, "seed", 0) == 7
    assert parameters.names(node, "devices") == ()
    with pytest.raises(UsageError, match="'line' to '5' of type 'INTEGER', expecting type 'STRING'"):
        parameters.text(node, "line")
    (result,) = node.set_parameters([Parameter("seed", value=8)])
    assert not result.successful and "read-only" in result.reason
    assert parameters.integer(node, "seed", 0) == 7
