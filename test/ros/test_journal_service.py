"""A running cell's journal is rotated on request."""

import asyncio

from in_ros import in_ros
from std_srvs.srv import Trigger

from microcell.events import StateChanged
from microcell.records.journal import Journal
from microcell.records.verifying import verify
from microcell.ros import names
from microcell.ros.journal_service import JournalService


def append(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.append(StateChanged(time_s=0.0, state="Execute", reason=""))


async def ask(runtime, node):
    client = node.create_client(Trigger, names.ROTATE_JOURNAL)
    return await runtime.call(client, Trigger.Request(), 30.0)


@in_ros
async def test_a_journal_is_rotated_while_it_is_written(runtime, tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        append(journal, 20)
        JournalService(runtime, runtime.create_node("orchestrator"), journal)
        asked = asyncio.ensure_future(ask(runtime, runtime.create_node("client")))
        while not asked.done():
            append(journal, 1)
            await asyncio.sleep(0.005)
        answer = await asked
        last = journal.segment().before.sequence
        assert (answer.success, answer.message) == (True, f"written so far: {tmp_path}/j.1-{last}")
        append(journal, 3)
        assert (verify(journal).broken, verify(journal).head) == (None, journal.head())
        assert last >= 20


@in_ros
async def test_a_journal_that_cannot_be_rotated_says_why(runtime, tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        JournalService(runtime, runtime.create_node("orchestrator"), journal)
        answer = await ask(runtime, runtime.create_node("client"))
        assert (answer.success, answer.message) == (
            False, f"{tmp_path}/j holds nothing since the last rotation: rotate again when it does"
        )  # fmt: skip
