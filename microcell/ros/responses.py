"""Sending a service's response to a client that the middleware has discovered by halves.

A request may arrive before the server has discovered where its client hears responses. Fast DDS then waits for a tenth of a
second, gives up, and the client waits in vain: on a loaded machine, for the first call after a start. rclpy tells of it by a
warning alone, and the response can be sent again (ros2/ros2#1253, ros2/rmw_fastrtps#467).
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable
from typing import Any

UNSENT = "failed to send response (timeout)"
SENT_S = 5.0
"""Real time in which a client that still waits has been discovered wholly."""

AGAIN_S = 0.02


async def send(answer: Callable[[Any, Any], None], response: Any, header: Any, valid: Callable[[], bool]) -> None:
    """Send a response with rclpy's `send_response`, again and again as long as the client is not there wholly.

    Stops when the context is `valid` no more. After `SENT_S` the warning is shown that rclpy gave.
    """
    end_s = time.monotonic() + SENT_S
    while valid():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            answer(response, header)
        unsent = next((str(warning.message) for warning in told if str(warning.message).startswith(UNSENT)), None)
        if unsent is None:
            return
        if time.monotonic() > end_s:
            warnings.warn(unsent, RuntimeWarning, stacklevel=2)
            return
        await asyncio.sleep(AGAIN_S)
