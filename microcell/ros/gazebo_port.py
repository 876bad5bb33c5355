"""Acts on a Gazebo world: by its services, and by topics, which let go of things."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol

from std_msgs.msg import String

from microcell.description.product import Product
from microcell.faults import FaultError
from microcell.gazebo import requests, scheme
from microcell.gazebo.calling import ServiceCaller
from microcell.gazebo.part import Look, item_text
from microcell.gazebo.prints import print_picture
from microcell.gazebo.requests import Request
from microcell.gazebo.standing import Attach, Put, Release, Remove, Spawn, Step
from microcell.geometry import Pose
from microcell.ros.hardware_face import Face

TRIES = 5
BROKEN_S, GIVEN_UP_S, MADE_S = (0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8, 1.6, 1.6), 7.0, 10.0
"""Real time in which Gazebo tells that a joint was broken, at each try and in all, or made; then it is asked again. To be
told to let go while it does so does no harm; a joint is made in the next iteration, however long that takes, and a second
one beside it would burst.
"""


class WorldPort(Protocol):
    """Where steps are done."""

    async def do(self, step: Step) -> None:
        """Do one step; DEVICE_FAILED when the world refuses, DEVICE_SILENT when it does not tell that it has done so.

        A Release that was silent is to be the next step: until then nobody knows whether it comes about.
        """

    async def halt(self) -> None:
        """Let the world's time stand still: what is let go of does not fall before another holds it."""

    async def let_run(self) -> None:
        """Let it go on, when what was done has come about."""


class GazeboPort:
    """A running Gazebo server.

    world       its name
    namespace   the cell's, which the topics are below
    services    calls the server's services, and tells it what to let go of
    folder      where pictures for prints are kept
    """

    def __init__(
        self, face: Face, product: Product, world: str, namespace: str, services: ServiceCaller, folder: Path
    ) -> None:
        self._product = product
        self._world = world
        self._namespace = namespace
        self._services = services
        self._folder = folder
        self._entities: dict[str, int] = {}
        self._listed: frozenset[str] = frozenset()
        self._owed: Release | None = None
        self._owed_was_heard = False
        self._told = {"attached": asyncio.Event(), "detached": asyncio.Event()}
        face.listen(String, scheme.HOLDS, self._on_hold)

    async def do(self, step: Step) -> None:
        """Do one step of `standing.steps`."""
        if isinstance(step, Release):
            await self._let_go(step)
        elif isinstance(step, Remove):
            await self._change(requests.remove(self._world, step.model), step.model, there=False)
            self._entities.pop(step.model, None)  # one that comes anew has another number
        elif isinstance(step, Put):
            await self._order(requests.when_done(requests.put(self._world, step.model, step.pose), self._listed))
        elif isinstance(step, Spawn):
            seen = [(step.item, Pose()), *step.parts]
            looks = [Look(of.part_name, at, print_picture(of, self._folder), of.flaws) for of, at in seen]
            sdf = item_text(step.model, self._product, step.pose, looks, step.rests)
            await self._change(requests.spawn(self._world, sdf), step.model, there=True)
        else:
            await self._attach(step)

    def _on_hold(self, message: String) -> None:
        """A joint was made or broken, in a paused world as well. Only one step is done at a time."""
        if message.data in self._told:
            self._told[message.data].set()

    async def _let_go(self, step: Release) -> None:
        """Return when it has: what is held by two at once would burst as soon as one of them moves.

        What holds nothing says nothing: one that has let go after it was given up is not asked again, and one that is told
        for a second time in vain has done so, and what it told was lost.
        """
        if step != self._owed:
            self._told["detached"].clear()
            self._owed, self._owed_was_heard = step, False
        done, heard = await self._lets_go(self._release(step.holder, step.model))
        if done or (heard and self._owed_was_heard):
            self._owed = None
            return
        self._owed_was_heard = heard
        silent = f"Gazebo does not tell that it has let go of {step.model}"
        raise FaultError("DEVICE_SILENT", step.holder, silent if heard else f"{silent}: nobody listens there")

    async def _lets_go(self, release: str) -> tuple[bool, bool]:
        """Tell it to let go, again and again; whether it tells that it has, and whether somebody listens."""
        loop = asyncio.get_running_loop()
        end_s, heard = loop.time() + GIVEN_UP_S, False
        for number, limit_s in enumerate(BROKEN_S):
            if not self._told["detached"].is_set():
                heard |= await self._services.publish(requests.let_go(release), anew=number > 0)
            if await self._tells("detached", limit_s) or loop.time() > end_s:
                break
        return self._told["detached"].is_set(), heard

    def _release(self, holder: str, model: str) -> str:
        return scheme.topic(self._namespace, scheme.released(holder, model))

    async def _tells(self, what: str, limit_s: float) -> bool:
        """Whether Gazebo tells in time that a joint was "attached" or "detached"."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._told[what].wait(), limit_s)
        return self._told[what].is_set()

    async def learn(self) -> None:
        """Ask for all models that there are, and for all services until they are listed."""
        if scheme.service(self._world, "create") not in self._listed:
            self._listed = await self._services.listed()
        self._entities = dict(requests.models_of(await self.ask(requests.scene(self._world))))

    async def halt(self) -> None:
        await self._order(requests.control(self._world, pause=True))

    async def let_run(self) -> None:
        await self._order(requests.control(self._world, pause=False))

    async def _attach(self, step: Attach) -> None:
        """Have a joint made, once, and return when it is: of two at the same place both would burst.

        Gazebo's answer says that it has heard, and may get lost. Made is what is told on the topic; what is not is let go of
        before it is asked for again.
        """
        entity = await self._entity(step.hold.model)
        release = self._release(step.hold.model, step.model)
        told = scheme.topic(self._namespace, scheme.HOLDS)
        request = requests.attach(self._world, step.hold, entity, step.model, step.link, release, told)
        for _ in range(TRIES):
            self._told["attached"].clear()
            answer = await self._services.call(request)
            if answer is not None:
                self._check(request, answer)
            if await self._tells("attached", MADE_S):
                return
            self._told["detached"].clear()
            await self._lets_go(release)
        raise FaultError("DEVICE_SILENT", step.hold.model, f"Gazebo does not tell that it holds {step.model}")

    async def _entity(self, model: str) -> int:
        """The number of a model; one that was spawned just now is told a little later."""
        for _ in range(TRIES):
            if model not in self._entities:
                await self.learn()
            if model in self._entities:
                return self._entities[model]
        raise FaultError("DEVICE_FAILED", model, "Gazebo's world has no such model")

    async def _order(self, request: Request) -> None:
        self._check(request, await self.ask(request))

    async def _change(self, request: Request, model: str, there: bool) -> None:
        """Have a model come or go; what is so already, after answers that were lost, is refused and no mistake."""
        request = requests.when_done(request, self._listed)
        answer = await self._answered(request)
        if answer is None or not requests.accepted(answer):
            await self.learn()
            if (model in self._entities) is not there:
                self._check(request, answer)

    async def ask(self, request: Request) -> str:
        """Call a service of the world, again when its answer was lost; the printed answer. DEVICE_SILENT when none comes."""
        answer = await self._answered(request)
        if answer is None:
            raise self._silent(request)
        return answer

    async def _answered(self, request: Request) -> str | None:
        """Call a service again and again until an answer comes; None when none does."""
        for _ in range(TRIES):
            answer = await self._services.call(request)
            if answer is not None:
                return answer
        return None

    def _check(self, request: Request, answer: str | None) -> None:
        if answer is None:
            raise self._silent(request)
        if not requests.accepted(answer):
            raise FaultError("DEVICE_FAILED", self._world, f"Gazebo's {request.service} answered '{answer.strip() or 'no'}'")

    def _silent(self, request: Request) -> FaultError:
        return FaultError("DEVICE_SILENT", self._world, f"Gazebo's {request.service} does not answer")
