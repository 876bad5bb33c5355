"""A command to which an injected fault happens, as its effect sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from microcell.clock import Clock
from microcell.faults import FaultError
from microcell.plant.injection import Happening
from microcell.plant.plant import Plant


class Target(Protocol):
    """The device that a fault happens to. `answers` are its last ones by command."""

    name: str
    spec: Any
    clock: Clock
    answers: dict[str, Any]

    @property
    def plant(self) -> Plant: ...

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True)
class Call:
    """A command to which a fault happens."""

    device: Target
    command: str
    method: Callable[..., Awaitable[Any]]
    arguments: tuple[Any, ...]
    happening: Happening

    @property
    def plant(self) -> Plant:
        return self.device.plant

    @property
    def size(self) -> float:
        """Size of the fault, in the catalogue's unit."""
        return self.happening.size

    @property
    def before(self) -> Any:
        """What the device answered to this command the last time; None where it is not known."""
        return self.device.answers.get(self.command)

    async def run(self, *arguments: Any) -> Any:
        """Carry the command out, with its own arguments or with others."""
        return await self.method(*(arguments or self.arguments))

    async def sleep(self, duration_s: float) -> None:
        """Let cell time pass."""
        await self.device.clock.sleep(duration_s)

    async def not_after_all(self) -> Any:
        """Nothing is there that the fault could happen to: the command runs, and the fault waits for the next one."""
        self.plant.injections.not_after_all(self.happening)
        return await self.run()

    def fault(self, code: str, detail: str) -> FaultError:
        """What the device's own controller tells of the fault."""
        return FaultError(code, self.device.name, detail)


Effect = Callable[[Call], Awaitable[Any]]
