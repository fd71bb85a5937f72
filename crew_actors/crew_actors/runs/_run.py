# The actor of one run: it owns the run's state, and nobody else changes it.
#
# 1. Reports of task actors become events; an event is folded into the state in the
#    moment in which it has its number in the journal. The state decides what to do.
# 2. The run's last event is written when each of its tasks has ended and nothing of
#    them lives. It is on disk before anybody is told.
# 3. Cancelled from outside, the actor stops its tasks and writes down the end of the
#    run, inside of a shield of `LAST_WORDS` seconds; then the cancellation goes on.
"""The run actor."""

import logging
import secrets
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import attrs
import trio

from crew_actors.actors import Actors, Inbox, MailboxClosed, Ref, open_actors
from crew_actors.errors import UserError
from crew_actors.journal import (
    ArtifactStore,
    BadEvent,
    Journal,
    JournalError,
    JournalStuck,
    Lease,
    RunFolder,
    open_journal,
)
from crew_actors.model import (
    AttemptStarted,
    CancelRequested,
    Decision,
    End,
    Event,
    Failure,
    FailureKind,
    Recorded,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunEvent,
    RunFailed,
    RunId,
    RunPlan,
    RunStarted,
    RunStatus,
    TaskCancelled,
    TaskEnding,
    TaskEvent,
    TaskFailed,
    TaskId,
    TaskSkipped,
    advance,
    attempt_id,
    begin,
    decide,
)
from crew_actors.runs._control import Control, control_actor, open_control
from crew_actors.runs._failures import describe, find_cause
from crew_actors.runs._files import write_summary
from crew_actors.runs._inputs import make_job
from crew_actors.runs._messages import (
    Begin,
    Report,
    RunMessage,
    Stop,
    StopTask,
)
from crew_actors.runs._port import AttemptPort
from crew_actors.runs._summary import NAME, summarise, written_summary
from crew_actors.runs._task import task_actor
from crew_actors.runs._view import RunView
from crew_actors.runs._words import words
from crew_actors.runtimes import Runtime
from crew_supervisors import KILL

_log = logging.getLogger("crew_actors.runs")

LAST_WORDS = 5.0
"""Seconds in which a run that is cancelled from outside must be written down."""


@attrs.frozen(kw_only=True)
class RunOrder:
    """What a run actor is started with."""

    plan: RunPlan
    folder: RunFolder
    workspace: Path
    runtimes: Mapping[TaskId, Runtime]
    view: RunView


async def run_actor(inbox: Inbox[RunMessage], order: RunOrder) -> None:
    """Work on one run, from its creation to its end.

    The first message must be `Begin`; it is answered with the error if the run cannot
    be created. Whatever ends the actor, its view has ended when the actor has.
    """
    view = order.view
    try:
        await _work(inbox, order)
    except Exception as error:
        view.error = find_cause(error, UserError) or error
        if not isinstance(view.error, UserError):
            raise  # a defect; whoever waits for the run is told of the others
    finally:
        view.ended.set()


async def _work(inbox: Inbox[RunMessage], order: RunOrder) -> None:
    first = await inbox.receive()
    assert isinstance(first, Begin)
    token = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        try:
            listener, port = await open_control()
            await stack.enter_async_context(listener)
            lease = Lease.mine(now=time.time(), control_port=port, token=token)
            journal = await stack.enter_async_context(
                open_journal(order.folder, lease=lease, create=True)
            )
            work = RunWork(
                ref=inbox.ref,
                order=order,
                journal=journal,
                store=ArtifactStore(order.folder),
            )
            await work.create()
        except (JournalError, OSError) as error:
            first.fail(error)
            return
        first.reply(journal)
        await _until_ended(inbox, work, Control(token, inbox.ref), listener)


async def _until_ended(
    inbox: Inbox[RunMessage],
    work: "RunWork",
    control: Control,
    listener: trio.SocketListener,
) -> None:
    """Work on the run until it has ended, and write down how, whatever ended it."""
    end = End(RunStatus.CANCELLED, "the program that ran it was stopped")
    try:
        async with open_actors(name=f"run/{work.run}", max_restarts=0) as actors:
            await actors.spawn(
                control_actor, control, listener, name="control", stop=KILL
            )
            await work.until_ended(inbox, actors)
    except Exception as error:
        end = End(RunStatus.FAILED, words(f"internal error: {describe(error)}"))
        raise
    finally:
        await work.write_down(end)


@attrs.define(eq=False)
class RunWork:
    """One run at work. Only its actor calls this."""

    ref: Ref[RunMessage]
    order: RunOrder
    journal: Journal
    store: ArtifactStore
    _tasks: dict[TaskId, Ref[StopTask]] = attrs.field(
        factory=dict[TaskId, Ref[StopTask]]
    )
    _told: dict[TaskId, bool] = attrs.field(factory=dict[TaskId, bool])
    """The tasks that were told to stop, and whether at once."""

    @property
    def run(self) -> RunId:
        """The id of the run."""
        return self.order.folder.run

    async def create(self) -> None:
        """Write the first event, durably."""
        created = RunCreated(
            run=self.order.folder.run,
            workspace=str(self.order.workspace),
            plan=self.order.plan,
        )
        self.order.view.state = begin(await self.journal.append(created))
        await self.record(RunStarted())

    async def record(self, event: Event, *, durable: bool = False) -> None:
        """Give *event* its place in the journal and fold it into the state."""
        write = self.journal.append if durable else self.journal.post
        recorded: Recorded = await write(event)
        self.order.view.state = advance(self.order.view.state, recorded)

    async def until_ended(self, inbox: Inbox[RunMessage], actors: Actors) -> None:
        """Work until the run has ended, or its actor is told to stop.

        Its task actors are among *actors*.
        """
        if await self._step(actors):
            return
        async for message in inbox:
            decisive = await self._take(message)
            if decisive and await self._step(actors):
                return

    async def _take(self, message: RunMessage) -> bool:
        """Take in one message. True: it may change what is to be done."""
        match message:
            case Begin():
                message.fail(RuntimeError("the run has begun already"))
                return False
            case Report(event=event):
                return await self._report(event)
            case Stop(why=why, now=now):
                await self.record(CancelRequested(why=words(why)))
                if now:
                    self._stop(list(self._tasks), why, now=True)
                return True

    async def _report(self, event: TaskEvent) -> bool:
        """Take in what happened to a task. Its end is on disk before it has effects."""
        ending = isinstance(event, TaskEnding)
        try:
            await self.record(event, durable=ending)
        except BadEvent as error:
            # An agent in this process said what cannot be stored. It loses its word.
            _log.warning(
                "run %s: %s of %s: %s", self.run, type(event), event.task, error
            )
            if isinstance(event, TaskEnding):
                await self.record(_unstorable(event, error), durable=True)
        return ending

    async def _step(self, actors: Actors) -> bool:
        """Do all that the state asks for now. True: the run has ended."""
        while True:
            decision = decide(self.order.view.state)
            if decision.end is not None:
                await self.end(decision.end)
                return True
            if not await self._carry_out(decision, actors):
                return False

    async def _carry_out(self, decision: Decision, actors: Actors) -> bool:
        """Carry out *decision*. True: it has changed the state."""
        for skip in decision.skip:
            await self.record(TaskSkipped(task=skip.task, why=skip.why))
        for task in decision.start:
            await self._start(task, actors)
        running = [task for task in decision.cancel if task in self._tasks]
        self._stop(running, decision.why, now=False)
        idle = [task for task in decision.cancel if task not in self._tasks]
        for task in idle:
            await self.record(TaskCancelled(task=task, attempt=None, why=decision.why))
        return bool(decision.skip or idle)

    async def _start(self, task: TaskId, actors: Actors) -> None:
        state = self.order.view.state
        planned = state.tasks[task].plan
        attempt = attempt_id(task, state.tasks[task].attempts + 1)
        await self.record(AttemptStarted(task=task, attempt=attempt))
        port = AttemptPort(
            task=planned, attempt=attempt, run=self.ref, store=self.store
        )
        self._tasks[task] = await actors.spawn(
            task_actor,
            port,
            partial(make_job, state, planned, attempt, self.store),
            self.order.runtimes[task],
            self.journal,
            name=f"task/{attempt}",
            stop=KILL,
        )

    def _stop(self, tasks: list[TaskId], why: str, *, now: bool) -> None:
        """Tell task actors to stop; each is told once, and once more to hurry."""
        for task in tasks:
            told = self._told.get(task)
            if told is None or (now and not told):
                self._told[task] = now
                with suppress(MailboxClosed):  # its last report is on its way
                    self._tasks[task].tell_nowait(StopTask(why, now=now))

    async def end(self, end: End) -> None:
        """Write the summary and the last event; it is on disk on return."""
        state = self.order.view.state
        summary = written_summary(state)
        if summary is None:
            text = summarise(state, status=end.status.value, why=end.why)
            summary = await self._summary(text)
        await self.record(_last_event(end, summary), durable=True)

    async def _summary(self, text: str) -> str | None:
        try:
            write = partial(write_summary, self.order.folder, NAME, text)
            await trio.to_thread.run_sync(write)
        except OSError as error:
            _log.warning("run %s: its summary cannot be written: %s", self.run, error)
            return None
        return NAME

    async def write_down(self, end: End) -> None:
        """Write down how the run ends, in `LAST_WORDS` seconds, if it did not yet end.

        Its task actors have ended.
        """
        if self.order.view.state.status.ended:
            return
        limit = trio.current_time() + LAST_WORDS
        with trio.CancelScope(shield=True, deadline=limit) as scope:
            try:
                await self._close(end)
            except JournalError as error:
                self.order.view.error = error
        if scope.cancelled_caught:
            self.order.view.error = JournalStuck(
                self.order.folder.database, f"not within {LAST_WORDS:g} seconds"
            )

    async def _close(self, end: End) -> None:
        for task, state in self.order.view.state.tasks.items():
            if not state.status.terminal:
                await self.record(
                    TaskCancelled(task=task, attempt=state.attempt, why=end.why)
                )
        await self.end(end)


def _unstorable(ending: TaskEnding, error: BadEvent) -> TaskFailed:
    """Make the end of a task that can be stored of one that cannot."""
    failure = Failure(kind=FailureKind.STORAGE, message=words(str(error)))
    attempt = ending.attempt if not isinstance(ending, TaskSkipped) else None
    assert attempt is not None, "what task actors report belongs to an attempt"
    return TaskFailed(task=ending.task, attempt=attempt, failure=failure)


def _last_event(end: End, summary: str | None) -> RunEvent:
    match end.status:
        case RunStatus.COMPLETED:
            return RunCompleted(summary=summary)
        case RunStatus.CANCELLED:
            return RunCancelled(why=end.why, summary=summary)
        case RunStatus.BLOCKED:
            return RunBlocked(why=end.why, summary=summary)
        case _:
            return RunFailed(why=end.why, summary=summary)
