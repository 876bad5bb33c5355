"""The interfaces as the environment has them: built from the files of this checkout, with nothing sourced."""

import importlib
from pathlib import Path

import pytest
from domains import own_domain

INTERFACES = Path(__file__).resolve().parents[2] / "microcell_interfaces"
FILES = sorted(path.relative_to(INTERFACES) for path in INTERFACES.glob("*/*.[msa]*"))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_interface_file_is_a_python_class(file):
    module = importlib.import_module(f"microcell_interfaces.{file.parent}")
    assert hasattr(module, file.stem)


@pytest.mark.ros
def test_a_message_travels_between_two_nodes():
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import DurabilityPolicy, QoSProfile

    from microcell_interfaces.msg import CellState

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=own_domain())
    try:
        speaker = rclpy.create_node("speaker", context=context)
        listener = rclpy.create_node("listener", context=context)
        heard = rclpy.task.Future()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        listener.create_subscription(CellState, "state", heard.set_result, latched)
        speaker.create_publisher(CellState, "state", latched).publish(CellState(cell="bench_1"))
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(listener)

        executor.spin_until_future_complete(heard, timeout_sec=20.0)

        assert heard.done() and heard.result().cell == "bench_1"
    finally:
        rclpy.shutdown(context=context)
