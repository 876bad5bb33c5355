"""A ROS 2 stack for modular automation cells that assemble, inspect, pack and change their own tools."""

__version__ = "0.1.0"
