"""One run of the controller, as its journal is told of it."""

from __future__ import annotations

from dataclasses import dataclass

import microcell
from microcell.clock import Clock
from microcell.description.line import Line
from microcell.events import JournalOpened


@dataclass(frozen=True)
class Session:
    """What a journal is told about this run of the controller."""

    world: str
    camera: str = "rendered"
    seed: int = 0
    autostart: bool = True


def opened(
    line: Line, clock: Clock, session: Session, epoch: int, tools: tuple[tuple[str, str, int, float, int, str], ...]
) -> JournalOpened:
    """The first event of a run; `tools` are the limits of the tools' lives."""
    return JournalOpened(
        time_s=clock.now(),
        cell=line.cell,
        line=line.name,
        product=line.product,
        world=session.world,
        camera=session.camera,
        seed=session.seed,
        epoch=epoch,
        epoch_s=clock.epoch_s,
        ideal_cycle_s=line.ideal_cycle_s,
        release=microcell.__version__,
        tools=tools,
    )
