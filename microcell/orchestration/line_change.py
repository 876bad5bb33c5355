"""Changes the line of a running cell: units drained or parked, stations set up by a person, a first article proven."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from microcell import events
from microcell.devices.contract import Device
from microcell.errors import JournalError, UsageError
from microcell.faults import Fault, FaultError
from microcell.orchestration.execution import missing_skills
from microcell.orchestration.feeders import FeederWatch
from microcell.orchestration.limits import check_text
from microcell.orchestration.line_proposal import Proposal, propose
from microcell.orchestration.lines import UNITS, Article, Change, Lines, Phase, Step
from microcell.orchestration.questions import Question
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import SkillPort

log = logging.getLogger(__name__)
DONE, AGAIN, RELEASE = "done", "again", "release"
SET_UP = {DONE: "The station is set up; the cell goes on with the change."}
ARTICLE = {
    AGAIN: "Another first unit is built and must pass.",
    RELEASE: "The line goes on without proof; the journal keeps who said so.",
}
WORKING = ("Execute", "Idle", "Complete")
"""States in which an arm may be moved for the change."""
Until = Callable[[Callable[[], bool]], Awaitable[None]]


class LineChange:
    """At most one change at a time. It is a fold of the journal, so a restarted cell goes on where the other one was.

    `devices` are those that hear when they are set up; `until` waits for a condition, `failed` is told a lost journal.
    `interrupted` are the units with a chain that is to be gone on with first: an earlier program was killed in its midst.
    """

    def __init__(
        self,
        shop: Shop,
        port: SkillPort,
        devices: Mapping[str, Device],
        parts: tuple[Tooling, FeederWatch],
        until: Until,
        wake: Callable[[], None],
        failed: Callable[[JournalError], None],
        interrupted: Callable[[], frozenset[str]],
    ) -> None:
        self._shop, self._port, self._devices, self._interrupted = shop, port, devices, interrupted
        self._tooling, self._feeders = parts
        self._until, self._wake, self._failed = until, wake, failed
        self._task: asyncio.Task[None] | None = None

    @property
    def _lines(self) -> Lines:
        return self._shop.lines

    # what a person asks for

    async def propose(self, lines: Iterable[str], how: str = "drain") -> Proposal:
        """What a change to these lines would be; `UsageError` says why it is not possible now."""
        proposal = self._proposal(lines, how)
        missing = {product: await missing_skills(self._lines.of(product), self._port) for product in proposal.coming}
        if told := [f"nobody offers {', '.join(skills)} for {product}" for product, skills in missing.items() if skills]:
            raise UsageError(f"the cell cannot change: {'; '.join(told)}. Start the skill's server.")
        return proposal

    async def begin(self, lines: Iterable[str], how: str = "drain", by: str = "") -> Change:
        """Begin to change to these lines; `UsageError` says why not. It is in the journal when this returns."""
        check_text("the name of who asks", by)
        names = tuple(lines)
        await self.propose(names, how)
        proposal = self._proposal(names, how)  # the cell went on while servers were asked
        if self._lines.change is not None:
            self._end("unproven", f"another change began before {', '.join(self._lines.articles)} was proven")
        self._shop.record(
            events.LineChangeBegun(
                time_s=self._shop.clock.now(),
                change=f"C-{self._lines.changes + 1:04d}",
                leaving=proposal.leaving,
                coming=proposal.coming,
                to=proposal.to,
                how=how,
                steps=tuple((step.station, step.product, step.text) for step in proposal.steps),
                by=by or "operator",
            )
        )
        self.start()
        self._wake()
        return self._change

    def cancel(self, by: str = "") -> str:
        """Stay with the lines of now; what was done, in words. `UsageError` where something is changed already."""
        check_text("the name of who asks", by)
        change = self._lines.change
        if change is None:
            raise UsageError("no change is under way.")
        if change.irreversible:
            raise UsageError(
                f"{change.number} has changed stations already: {', '.join(filter(None, change.done)) or 'all'}. Let it "
                "end, then change back."
            )
        self._stop_task()
        self._end("cancelled", f"by {by or 'operator'}: nothing was changed")
        self._wake()
        return f"{change.number} is cancelled; the cell makes {', '.join(self._lines.active)}"

    # life

    def start(self) -> None:
        """Go on with the change that is under way, if there is one."""
        if self._lines.change is not None:
            self._stop_task()
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"change {self._change.number}")
            self._task.add_done_callback(_told)

    async def close(self) -> None:
        """Wait for nothing any more; the next start goes on."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # inside

    @property
    def _change(self) -> Change:
        change = self._lines.change
        if change is None:
            raise UsageError("no change is under way.")
        return change

    def _proposal(self, lines: Iterable[str], how: str) -> Proposal:
        """A change as far as it can be told at once; no unit is parked whose part may still be in the hand."""
        proposal = propose(self._shop, lines, how)
        left = [unit.serial for unit in self._units_of(proposal.leaving) if unit.serial in self._interrupted()]
        if how == "park" and left:
            raise UsageError(
                f"the cell cannot change: {', '.join(left)} were interrupted and are to be gone on with first. Let the cell "
                "go on and ask again, or change without --park."
            )
        return proposal

    def _units_of(self, products: tuple[str, ...]) -> list[UnitWork]:
        first = self._lines.line.product
        return [unit for unit in self._shop.units.values() if (unit.product or first) in products]

    def _stop_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        try:
            change = self._change
            if change.phase is Phase.DRAINING:
                await self._until(self._is_at_rest)
                self._step_ended(UNITS, "cell")
            if self._change.phase is Phase.SETTING_UP:
                await self._set_up()
                self._make()
            await asyncio.gather(*(self._prove(product) for product in tuple(self._lines.articles)))
            self._end("completed", self._summary())
        except JournalError as error:
            self._failed(error)
        finally:
            self._wake()

    def _is_at_rest(self) -> bool:
        """Whether the units of the lines that leave are finished, or parked at a safe point."""
        units, interrupted = self._units_of(self._change.leaving), self._interrupted()
        if self._change.how == "park":
            return not any(unit.running or unit.serial in interrupted for unit in units)
        return not units

    async def _set_up(self) -> None:
        """Every step that is left: first the arms' tools, then all stations, in whatever order a person does them."""
        left = self._change.left
        for step in left:
            if not step.product and step.station != UNITS:
                self._step_ended(step.station, "cell", await self._docked(step.station))
        await asyncio.gather(*(self._station(step) for step in left if step.product))

    async def _docked(self, arm: str) -> str:
        """Put a tool away; where that is not possible now it stays, and the dispatcher changes it when it needs another.

        In a cell that is held or suspended no arm moves by itself: somebody may have reached in.
        """
        if (state := self._shop.cell_state) not in WORKING:
            return f"it stays on the flange: the cell is {state}"
        try:
            return await self._tooling.dock(arm)
        except (UsageError, FaultError) as error:
            return f"it stays on the flange: {error}"

    async def _station(self, step: Step) -> None:
        """Have a person set up a station, tell it to the device, and read what it holds."""
        question, detail = (f"{self._change.number}/{step.station}", "STATION_NOT_SET_UP", step.station), step.text
        while True:
            answered = await self._answer(*question, detail, SET_UP)
            try:
                await self._tell(step)
            except FaultError as error:
                self._shop.saw_fault(error.fault)
                detail = f"{step.text}. It was told, and failed: {error.fault}"
                self._ask(*question, detail, SET_UP)
                continue
            self._step_ended(step.station, answered.by)
            if step.station in self._lines.of(step.product).feeders:
                await self._feeders.begin(step.station)
            return

    async def _tell(self, step: Step) -> None:
        device = self._devices.get(step.station)
        if device is not None:
            await device.set_up(step.product)

    def _make(self) -> None:
        change = self._change
        lines = [self._lines.of(product) for product in change.to]
        self._shop.record(
            events.LinesChanged(
                time_s=self._shop.clock.now(),
                change=change.number,
                lines=tuple(line.name for line in lines),
                products=change.to,
                cycles_s=tuple(line.ideal_cycle_s for line in lines),
            )
        )
        self._wake()

    # first articles

    async def _prove(self, product: str) -> None:
        """Wait until the first unit of a product has passed, or a person has released the line."""
        while (article := self._lines.articles.get(product)) is not None:
            if not article.ended:
                await self._until(lambda: self._article_ended(product))
            elif not article.fault:
                self._judge(product, article, "passed", "it passed at the first go")
            else:
                await self._failed_article(product, article)

    def _article_ended(self, product: str) -> bool:
        article = self._lines.articles.get(product)
        return article is None or article.ended

    async def _failed_article(self, product: str, article: Article) -> None:
        about = f"{self._change.number}/{product}/{article.unit}"
        if self._shop.questions.about(about) is None:
            self._judge(product, article, "failed", article.fault)
        detail = f"first {product} after the change, {article.unit}: {article.fault}"
        answer = await self._answer(about, "FIRST_ARTICLE_FAILED", product, detail, ARTICLE)
        verdict = "again" if answer.choice == AGAIN else "released"
        self._judge(product, article, verdict, f"answer of {answer.by} to {answer.question}", answer.by)

    def _judge(self, product: str, article: Article, verdict: str, reason: str, by: str = "") -> None:
        self._shop.record(
            events.FirstArticleJudged(
                time_s=self._shop.clock.now(),
                change=self._change.number,
                product=product,
                unit=article.unit,
                verdict=verdict,
                reason=reason,
                by=by,
            )
        )
        self._wake()

    # questions and facts

    async def _answer(self, about: str, code: str, where: str, detail: str, choices: Mapping[str, str]) -> Question:
        """The answer to a question, which is asked unless an earlier program has asked it."""
        known = self._shop.questions.about(about)
        number = known.question if known is not None else self._ask(about, code, where, detail, choices)
        return await self._shop.questions.answered(number)

    def _ask(self, about: str, code: str, where: str, detail: str, choices: Mapping[str, str]) -> str:
        fault = Fault(code, where, detail)
        return self._shop.questions.ask(fault, detail, choices, operation=about)

    def _step_ended(self, station: str, by: str, reason: str = "") -> None:
        now_s, number = self._shop.clock.now(), self._change.number
        self._shop.record(events.LineChangeStepEnded(time_s=now_s, change=number, station=station, by=by, reason=reason))
        self._wake()

    def _end(self, outcome: str, reason: str) -> None:
        change, now_s = self._change, self._shop.clock.now()
        for question in self._shop.questions.open():
            if question.operation.startswith(f"{change.number}/"):
                self._shop.questions.withdraw(question.question, outcome)
        duration_s = now_s - change.begun_s
        self._shop.record(
            events.LineChangeEnded(time_s=now_s, change=change.number, outcome=outcome, duration_s=duration_s, reason=reason)
        )

    def _summary(self) -> str:
        change = self._change
        told = f"from {', '.join(change.leaving)} to " if change.leaving else "to "
        return f"{told}{', '.join(change.coming)}: {len(change.steps)} steps, {len(change.coming)} first articles"


def _told(task: asyncio.Task[None]) -> None:
    """A mistake of the program itself stops the change where it is; a restart of the orchestrator goes on with it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s failed", task.get_name(), exc_info=error)
