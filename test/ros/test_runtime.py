"""The bridge between rclpy and asyncio."""

import asyncio
import os
import signal
import subprocess
import sys
import warnings
from contextlib import suppress

import pytest
from domains import own_domain
from in_ros import in_ros
from rclpy.task import Future
from std_srvs.srv import Trigger

from microcell.composition.processes import REFUSED, START_AGAIN, STARTED_BY
from microcell.ros import responses
from microcell.ros.starter import is_gone

UNSENT = "failed to send response (timeout): client will not receive response"
"""What rclpy warns of where Fast DDS knows a client by halves."""


async def echo(request, response):
    response.success, response.message = True, "here"
    return response


@in_ros
async def test_a_service_is_served_by_a_coroutine(runtime):
    node = runtime.create_node("both")
    runtime.create_service(node, Trigger, "echo", echo)
    answer = await runtime.call(node.create_client(Trigger, "echo"), Trigger.Request(), 10.0)
    assert (answer.success, answer.message) == (True, "here")


@in_ros
async def test_requests_are_served_concurrently(runtime):
    both = asyncio.Event()
    waiting = []

    async def meet(request, response):
        """Answers only when another request is being served, too."""
        waiting.append(request)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return await echo(request, response)

    node = runtime.create_node("both")
    runtime.create_service(node, Trigger, "meet", meet)
    client = node.create_client(Trigger, "meet")
    answers = await asyncio.gather(*(runtime.call(client, Trigger.Request(), 10.0) for _ in range(2)))
    assert [answer.success for answer in answers] == [True, True]


@in_ros
async def test_a_request_that_a_defect_meets_is_answered_and_reported(runtime):
    reported = []
    runtime.loop.set_exception_handler(lambda loop, context: reported.append(context["message"]))

    async def broken(request, response):
        response.success, response.message = True, "half done"
        raise OSError("the disk is full")

    node = runtime.create_node("both")
    runtime.create_service(node, Trigger, "broken", broken)
    answer = await runtime.call(node.create_client(Trigger, "broken"), Trigger.Request(), 10.0)
    assert not answer.success
    assert answer.message == "a defect of this program: OSError: the disk is full. Its log says more."
    assert reported == ["service '/broken' failed"]


@in_ros
async def test_a_client_that_the_middleware_discovers_late_gets_its_response_all_the_same(runtime):
    sent = []

    def late(response, header):
        sent.append(response)
        if len(sent) < 3:
            warnings.warn(UNSENT, RuntimeWarning, stacklevel=1)
        else:
            really(response, header)

    node = runtime.create_node("both")
    service = node.create_service(Trigger, "late", lambda request, response: response)
    really, service.send_response = service.send_response, late
    runtime.defer(service, echo)
    answer = await runtime.call(node.create_client(Trigger, "late"), Trigger.Request(), 10.0)
    assert (answer.message, len(sent)) == ("here", 3)


@in_ros
async def test_a_client_that_is_never_discovered_is_told_of_and_waited_for_no_longer(runtime, monkeypatch):
    monkeypatch.setattr(responses, "SENT_S", 0.1)

    def lost(response, header):
        warnings.warn(UNSENT, RuntimeWarning, stacklevel=1)

    with pytest.warns(RuntimeWarning, match="client will not receive"):
        await responses.send(lost, None, None, lambda: True)


@in_ros
async def test_a_call_without_a_server_ends_in_time(runtime):
    client = runtime.create_node("alone").create_client(Trigger, "nobody")
    with pytest.raises(asyncio.TimeoutError):
        await runtime.call(client, Trigger.Request(), 0.2)


@in_ros
async def test_what_a_call_in_the_executor_raises_reaches_the_caller(runtime):
    def fails():
        raise ValueError("as it should")

    with pytest.raises(ValueError, match="as it should"):
        await runtime.in_executor(fails)
    assert await runtime.in_executor(max, 1, 2) == 2


@in_ros
async def test_a_future_that_is_completed_in_another_thread_is_awaited(runtime):
    future = Future()
    runtime.loop.call_later(0.05, lambda: runtime.executor.create_task(future.set_result, "done"))
    assert await runtime.wait(future, 10.0) == "done"


@in_ros
async def test_a_failing_callback_is_reported_and_the_executor_goes_on(runtime):
    reported = asyncio.Event()
    seen = []

    def note(loop, context):
        seen.append(str(context.get("exception")))
        reported.set()

    runtime.loop.set_exception_handler(note)
    runtime.executor.create_task(lambda: 1 / 0)
    await asyncio.wait_for(reported.wait(), 10.0)
    assert "division by zero" in seen[0]
    assert await runtime.in_executor(lambda: "still there") == "still there"


PROGRAM = """
import asyncio, sys
from microcell.errors import RefusedStartError, StartAgainError, UsageError
from microcell.ros.runtime import run

async def main(runtime):
    runtime.create_node("stopped")
    print("running", flush=True)
    if "wrong" in sys.argv:
        raise UsageError("the line is wrong: mend it")
    if "cut_off" in sys.argv:
        raise StartAgainError("half of it is not there")
    if "in_vain" in sys.argv:
        raise RefusedStartError("that world is gone")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        print("left safely", flush=True)

sys.exit(run(main, []))
"""


CLEANING = """
import asyncio, sys
from microcell.errors import MicrocellError
from microcell.ros.runtime import run, to_its_end

async def main(runtime):
    async def clean():
        print("cleaning", flush=True)
        await asyncio.sleep(1.0)
        print("clean", flush=True)

    try:
        raise MicrocellError("the bridge has ended")
    finally:
        await to_its_end(clean())

sys.exit(run(main, []))
"""


def start(program: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ROS_DOMAIN_ID": str(own_domain())},
    )


@pytest.mark.ros
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_program_in_order_with_code_0_and_no_stack_trace(number):
    process = start(PROGRAM)
    assert process.stdout.readline() == "running\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "left safely\n", "")


@pytest.mark.ros
def test_who_asks_again_and_again_does_not_kill_a_process_that_is_ending():
    process = start(PROGRAM.replace("run(main, [])", "run(main, [], then_ends=True)"))
    assert process.stdout.readline() == "running\n"
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.002)
    assert (process.returncode, *process.communicate()) == (0, "left safely\n", "")


@pytest.mark.ros
def test_a_users_mistake_is_one_clear_text_and_code_1():
    process = start(PROGRAM, "wrong")
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (1, "the line is wrong: mend it\n")


@pytest.mark.ros
def test_a_program_that_only_a_new_start_can_help_asks_for_one():
    process = start(PROGRAM, "cut_off")
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (START_AGAIN, "half of it is not there\n")


@pytest.mark.ros
def test_a_program_that_no_new_start_can_help_says_so():
    process = start(PROGRAM, "in_vain")
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (REFUSED, "that world is gone\n")


@pytest.mark.ros
def test_a_signal_does_not_interrupt_the_cleanup_of_a_program_that_ends_by_itself():
    process = start(CLEANING)
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (1, "clean\n", "the bridge has ended\n")


STARTER = f"""
import os, subprocess, sys

subprocess.run([sys.executable, *sys.argv[1:]], env={{**os.environ, "{STARTED_BY}": str(os.getpid())}})
"""


@pytest.mark.ros
def test_a_program_leaves_in_order_when_the_one_that_started_it_is_killed():
    process = start(STARTER, "-c", PROGRAM)
    assert process.stdout.readline() == "running\n"
    process.kill()
    output, errors = process.communicate(timeout=30)
    assert (output, errors) == ("left safely\n", "")


def test_a_program_that_was_started_by_hand_misses_nobody(monkeypatch):
    monkeypatch.delenv(STARTED_BY, raising=False)
    assert not is_gone()
    monkeypatch.setenv(STARTED_BY, str(os.getppid()))
    assert not is_gone()
    monkeypatch.setenv(STARTED_BY, str(os.getpid()))
    assert is_gone()
