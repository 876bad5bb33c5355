"""What takes long in a start: the loop turns meanwhile, time is asked for, and nothing is closed under it."""

import asyncio
import socket
import threading

import pytest

from microcell.ros import slow_start
from microcell.ros.slow_start import beside_the_loop


def test_it_returns_what_the_work_returns_and_asks_for_time_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(slow_start, "MORE_S", 0.04)
    heard = threading.Event()

    def hear() -> bytes:
        told = listener.recv(4096)
        heard.set()
        return told

    async def story() -> tuple[bool, bytes]:
        hearing = asyncio.ensure_future(asyncio.to_thread(hear))
        return await beside_the_loop(lambda: heard.wait(20.0), "reading"), await hearing

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20.0)
        assert asyncio.run(story()) == (True, b"EXTEND_TIMEOUT_USEC=40000\nSTATUS=reading")


def test_cancelled_it_waits_until_the_work_has_ended():
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        may_end.wait(20.0)
        ended.append("work")

    async def story() -> None:
        reading = asyncio.ensure_future(beside_the_loop(work, "reading"))
        await asyncio.to_thread(begun.wait, 20.0)
        reading.cancel()
        asyncio.get_running_loop().call_later(0.05, may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert ended == ["work"]

    asyncio.run(story())
