"""The ROS domain of a benchmark: its own, on this machine only, so that no other benchmark or test is heard in it."""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "test" / "support"))

from domains import process_domain


def take() -> str:
    """Put this process, and those that it starts, into a domain; one that is given by the environment stays."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if "ROS_DOMAIN_ID" not in os.environ:
        os.environ["ROS_DOMAIN_ID"] = str(process_domain())
    return os.environ["ROS_DOMAIN_ID"]
