"""What ROS 2's security refuses: a clear text where it is on, and nothing hidden where it is off."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed here")

from microcell.errors import UsageError
from microcell.ros.secured import SWITCH, permitted

REFUSALS = [RuntimeError("failed to create client: no right, at rmw.cpp:1, at rcl.c:2"), ValueError("no\nright")]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["of a service", "of an action"])
def test_where_security_is_on_a_refusal_says_what_to_do(monkeypatch, refusal):
    monkeypatch.setenv(SWITCH, "true")
    said = r"does not give /bench/order to this enclave \(.*no right\)\. Name the enclave"
    with pytest.raises(UsageError, match=said), permitted("/bench/order"):
        raise refusal


@pytest.mark.parametrize("switch", [None, "false"])
def test_where_security_is_off_a_defect_stays_one(monkeypatch, switch):
    monkeypatch.delenv(SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    with pytest.raises(RuntimeError, match="failed to create client"), permitted("/bench/order"):
        raise REFUSALS[0]


@pytest.mark.ros
def test_a_program_without_keys_ends_with_one_clear_text_and_code_1(tmp_path):
    program = (
        "import asyncio, sys; from microcell.ros.runtime import run; sys.exit(run(lambda runtime: asyncio.sleep(0), []))"
    )
    enforced = {SWITCH: "true", "ROS_SECURITY_STRATEGY": "Enforce", "ROS_SECURITY_KEYSTORE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **enforced},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "ROS 2's security does not give a place in the domain to this enclave" in done.stderr
    assert "Traceback" not in done.stderr
