"""Tests that start ROS 2 nodes: each in a domain of its own, on this machine only, with a bounded time."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed here")
pytest.importorskip("microcell_interfaces", reason="microcell_interfaces is not built: make env")

from domains import own_domain

from microcell.ros.runtime import RosRuntime

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

LIMIT_S = 60.0


def in_ros(test: Callable[..., Awaitable[None]]) -> Any:
    """Run `async def test(runtime, ...fixtures)` in a runtime of its own; `test` is what pytest sees, without runtime."""

    async def within(*args: Any, **fixtures: Any) -> None:
        async with RosRuntime([], own_domain()) as runtime:
            await asyncio.wait_for(test(runtime, *args, **fixtures), LIMIT_S)

    @pytest.mark.ros
    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        asyncio.run(within(*args, **fixtures))

    signature = inspect.signature(test)
    run.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return run
