# The actor of one task: it owns one attempt, from its start to the report of its end.
#
# 1. Run > task > attempt > {agent, heartbeat, process}: each is inside of the next
#    one's scope, so stopping any of them stops what is below it, and waits for it.
#    Processes have a supervisor, and with them their heartbeat watchers. A function
#    is watched in the scope of its attempt.
# 2. The report of the end is the last thing that is said of an attempt, and it is
#    said when nothing of the attempt lives any more.
# 3. Whatever goes wrong in an attempt fails that attempt, never the run: the other
#    tasks go on. Should this actor itself fail, that is a defect, and ends the run.
"""The task actor, and the attempt that it owns."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import attrs
import msgspec
import trio

from crew_actors.actors import Inbox
from crew_actors.journal import ArtifactError, JournalError
from crew_actors.model import (
    Artifact,
    Failure,
    FailureKind,
    ResultStored,
    TaskCancelled,
    TaskCompleted,
    TaskEnding,
    TaskFailed,
    TaskNeedsAttention,
)
from crew_actors.runs._failures import describe, find_cause
from crew_actors.runs._inputs import drop_folder
from crew_actors.runs._messages import (
    BeginAttempt,
    Deliver,
    Discard,
    StopTask,
    TaskMessage,
    TellAnswer,
)
from crew_actors.runs._port import AgentSilent, AttemptPort
from crew_actors.runs._words import last_words, words
from crew_actors.runs._workspace import Workspace
from crew_actors.runtimes import (
    Begins,
    Completed,
    Failed,
    Job,
    NoResult,
    Outcome,
    Runtime,
    WarmRuntime,
    judged,
)
from crew_actors.worktrees import WorktreeError

_log = logging.getLogger("crew_actors.runs")

Prepare = Callable[[], Awaitable[Job]]
"""Makes ready what an attempt needs.

Raises `ArtifactDamaged`, `WorktreeError` or `OSError` if that cannot be done.
"""


@attrs.frozen(kw_only=True)
class Work:
    """What is to be done in an attempt that begins."""

    prepare: Prepare
    workspace: Workspace


@attrs.frozen(kw_only=True)
class TaskOrder:
    """What the actor of a task is started with."""

    port: AttemptPort
    runtime: Runtime
    work: Work


@attrs.frozen(kw_only=True)
class WarmOrder:
    """What it is started with to make ready an attempt that has not begun."""

    port: AttemptPort
    runtime: WarmRuntime
    early: Prepare
    """Makes the job as far as it is known."""


async def task_actor(inbox: Inbox[TaskMessage], order: TaskOrder | WarmOrder) -> None:
    """Make one attempt at a task, and report how it ended.

    One that is made ready ahead begins with `BeginAttempt`; it can be discarded before.
    """
    port = order.port
    attempt = Attempt(order)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt.listen, inbox)
        await attempt.make()
        nursery.cancel_scope.cancel()
    work = attempt.work
    if work is None:
        await drop_folder(port)
        await port.settle_warm(attempt.why)
        return
    await port.settle()
    ending = await attempt.ending()
    completed = isinstance(ending, TaskCompleted)
    await work.workspace.leave(port, completed=completed)
    await port.report(ending)


@attrs.define(eq=False)
class Attempt:
    """One attempt at a task. Only its task actor calls this."""

    order: TaskOrder | WarmOrder
    work: Work | None = attrs.field(init=False)
    """What is to be done; None before it has begun."""
    _begun: trio.Event = attrs.field(factory=trio.Event, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _watched: bool = attrs.field(default=False, init=False)
    _why: str | None = None
    """Why it is to be stopped, once somebody has asked."""
    _outcome: Outcome | None = None
    """How it ended; None if it was stopped."""

    def __attrs_post_init__(self) -> None:
        self.work = self.order.work if isinstance(self.order, TaskOrder) else None

    @property
    def why(self) -> str:
        """Why it was stopped."""
        return self._why or "it was stopped"

    @property
    def port(self) -> AttemptPort:
        """The way from the attempt to its run."""
        return self.order.port

    async def listen(self, inbox: Inbox[TaskMessage]) -> None:
        """Do what messages ask for: stop the attempt, or tell its agent something."""
        async for message in inbox:
            match message:
                case BeginAttempt(work=work):
                    self.work = work
                    self._begun.set()
                case Discard(why=why):
                    self._why = why
                    self._scope.cancel()
                case StopTask(why=why, now=now):
                    self._why = self._why or why
                    self.port.talk.closed = True
                    self._scope.cancel()
                    if now:
                        await self.port.kill()
                case TellAnswer(question=question, answer=answer):
                    self.port.talk.answered(question, answer)
                case Deliver(message=told):
                    self.port.talk.deliver(told)

    async def make(self) -> None:
        """Run the agent, until it has ended or is stopped."""
        try:
            with self._scope:  # inside: an agent may fail in the moment it is stopped
                outcome = await self._made(self.order)
                self._outcome = judged(self.port.task, outcome)
        except Exception as error:  # noqa: BLE001  # rule 3: it fails this attempt
            self._outcome = Failed(failure=_failure(error))

    async def _made(self, order: TaskOrder | WarmOrder) -> Outcome:
        async with trio.open_nursery() as nursery:
            if isinstance(order, TaskOrder):
                job = await self._begins(nursery)
                outcome = await order.runtime(job, self.port)
            else:
                outcome = await self._warm(order, partial(self._begins, nursery))
            nursery.cancel_scope.cancel()
        return outcome

    async def _warm(self, order: WarmOrder, begins: Begins) -> Outcome:
        """Have the agent ready before the attempt begins; run it then."""
        try:
            early = await order.early()
            return await order.runtime.warm(early, self.port, begins)
        except Exception as error:  # rule 3: whatever it is, it costs the gain, no more
            if self.work is not None:
                raise
            _log.warning(
                "%s was not made ready: %s", self.port.attempt, describe(error)
            )
        return await order.runtime(await begins(), self.port)

    async def _begins(self, nursery: trio.Nursery) -> Job:
        """Wait until the attempt begins, and have it watched; return its job."""
        if self.work is None:
            await self._begun.wait()
        assert self.work is not None
        job = await self.work.prepare()
        if not self._watched:
            self._watched = True
            nursery.start_soon(self.port.watch)
            nursery.start_soon(self.port.tell_progress)
        return job

    async def ending(self) -> TaskEnding:
        """Store what the attempt left, and tell how it ended."""
        task, attempt = self.port.task.id, self.port.attempt
        match self._outcome:
            case None:
                return TaskCancelled(task=task, attempt=attempt, why=self.why)
            case Failed(failure=failure):
                told = attrs.evolve(
                    failure,
                    message=words(failure.message),
                    detail=last_words(failure.detail),
                )
                return TaskFailed(task=task, attempt=attempt, failure=told)
            case NoResult(why=why):
                return TaskNeedsAttention(task=task, attempt=attempt, why=words(why))
            case Completed() as completed:
                return await _completed(self.port, completed)


def _failure(error: Exception) -> Failure:
    silence = find_cause(error, AgentSilent)
    if silence is not None:
        return Failure(kind=FailureKind.TIMEOUT, message=str(silence))
    worktree = find_cause(error, WorktreeError)
    if worktree is not None:
        return Failure(kind=FailureKind.START, message=str(worktree))
    if find_cause(error, JournalError) is not None:
        return Failure(kind=FailureKind.STORAGE, message=describe(error))
    return Failure(kind=FailureKind.CRASH, message=describe(error))


async def _completed(port: AttemptPort, outcome: Completed) -> TaskEnding:
    task, attempt = port.task, port.attempt
    try:
        text = outcome.text.encode("utf-8", "replace")
        encoded = None if outcome.data is None else _encoded(outcome.data)
        result = await port.keep(task.output or "result.md", text)
        data: Artifact | None = None
        if encoded is not None:
            data = await port.keep("data.json", encoded)
    except (ArtifactError, JournalError, NotJson) as error:
        failure = Failure(kind=FailureKind.STORAGE, message=words(str(error)))
        return TaskFailed(task=task.id, attempt=attempt, failure=failure)
    stored = ResultStored(task=task.id, attempt=attempt, result=result, data=data)
    await port.report(stored)
    return TaskCompleted(task=task.id, attempt=attempt, result=result, data=data)


class NotJson(ValueError):
    """The structured part of a result is not something that JSON can hold."""


def _encoded(data: object) -> bytes:
    try:
        return msgspec.json.encode(data)
    except Exception as error:  # a foreign value: anything may be wrong with it
        msg = f"the data of its result cannot be stored as JSON: {describe(error)}"
        raise NotJson(msg) from error
