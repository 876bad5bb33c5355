"""What ROS 2's security refuses, told as what a user can mend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from microcell.errors import UsageError

SWITCH = "ROS_SECURITY_ENABLE"


@contextmanager
def permitted(what: str) -> Iterator[None]:
    """Where security is on, make the middleware's refusal to give something a `UsageError`.

    rclpy tells of it with RCLError, which is a RuntimeError, and for actions with ValueError. Without security these are
    defects and stay what they are.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if os.environ.get(SWITCH) != "true":
            raise
        said = " ".join(str(error).partition(", at ")[0].removesuffix(": error not set").split())
        raise UsageError(
            f"ROS 2's security does not give {what} to this enclave ({said}). Name the enclave of a role that may have it "
            "in ROS_SECURITY_ENCLAVE_OVERRIDE, and the folder of its keys in ROS_SECURITY_KEYSTORE; see docs/security.md."
        ) from error
