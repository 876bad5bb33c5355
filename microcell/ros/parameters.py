"""Typed reading of a node's ROS parameters; all are read when it starts, so that nobody may set them later."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from microcell.errors import UsageError

_FIXED = ParameterDescriptor(read_only=True)


def text(node: Node, name: str, default: str = "") -> str:
    """A text parameter."""
    return str(_value(node, name, default))


def flag(node: Node, name: str, default: bool) -> bool:
    """A yes-or-no parameter."""
    return bool(_value(node, name, default))


def integer(node: Node, name: str, default: int) -> int:
    """A whole number."""
    return int(_value(node, name, default))


def number(node: Node, name: str, default: float) -> float:
    """A number."""
    return float(_value(node, name, default))


def names(node: Node, name: str) -> tuple[str, ...]:
    """A list of names, empty when it is not given."""
    return tuple(_value(node, name, Parameter.Type.STRING_ARRAY) or ())


def _value(node: Node, name: str, default: Any) -> Any:
    if node.has_parameter(name):
        return node.get_parameter(name).value
    try:
        return node.declare_parameter(name, default, _FIXED).value
    except InvalidParameterTypeException as error:
        raise UsageError(f"{node.get_name()}: {error}. Give the parameter as its type asks.") from error
