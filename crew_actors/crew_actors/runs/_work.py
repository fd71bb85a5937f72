# One run at work: the owner of its state, and nobody else changes it.
#
# 1. What happens becomes an event; it is folded into the state in the moment in which
#    it has its number in the journal. The state and the moment decide what to do.
# 2. What others rely on is on disk before it has effects and before anybody sees it:
#    the end of an attempt, a question, an answer, a consent. What many tasks report in
#    one moment is put there together.
# 3. An attempt holds a slot of the crew from before its first event until the report
#    of its end, after which nothing of it lives.
"""A run at work."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import attrs

from crew_actors.actors import Actors, Inbox, MailboxClosed, MailboxFull, Ref
from crew_actors.journal import ArtifactStore, BadEvent, Journal
from crew_actors.model import (
    ApprovalRequested,
    AttemptFailed,
    AttemptId,
    AttemptStarted,
    CancelRequested,
    Decision,
    End,
    Event,
    Failure,
    FailureKind,
    Message,
    MessageSettled,
    PlannedTask,
    QuestionAsked,
    QuestionExpired,
    RetryAt,
    RunId,
    RunState,
    RunStatus,
    TaskCancelled,
    TaskEnding,
    TaskEvent,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    TaskRequeued,
    TaskSkipped,
    TaskStatus,
    UsageReported,
    advance,
    attempt_id,
    decide,
    due,
    plan_retry,
)
from crew_actors.runs._expand import expand
from crew_actors.runs._inputs import make_job
from crew_actors.runs._mail import Mail
from crew_actors.runs._messages import (
    Begin,
    Deliver,
    Discarded,
    Report,
    RunMessage,
    SlotFree,
    Stop,
    StopTask,
    TaskMessage,
    TellAnswer,
    Unsettled,
    Wake,
    WarmEnded,
)
from crew_actors.runs._order import RunOrder
from crew_actors.runs._port import AttemptPort
from crew_actors.runs._talk import MESSAGES
from crew_actors.runs._task import TaskOrder, WarmOrder, Work, task_actor
from crew_actors.runs._warm import WarmAttempts
from crew_actors.runs._wishes import grant
from crew_actors.runs._words import words
from crew_actors.runs._workspace import Workspace
from crew_actors.runtimes import runner_of
from crew_supervisors import KILL

_log = logging.getLogger("crew_actors.runs")

DURABLE = (TaskEnding, AttemptFailed, TaskRequeued, QuestionAsked, MessageSettled)
"""What attempts report that is on disk before anything follows from it."""

TOGETHER = 64
"""Messages that are taken in before anything follows from them, if so many wait."""


@attrs.define(eq=False)
class RunWork:
    """One run at work. Only its actor calls this."""

    inbox: Inbox[RunMessage]
    actors: Actors
    order: RunOrder
    journal: Journal
    store: ArtifactStore
    clock: Callable[[], float]
    mail: Mail = attrs.field(factory=Mail)
    _attempts: dict[TaskId, Ref[TaskMessage]] = attrs.field(
        factory=dict[TaskId, Ref[TaskMessage]]
    )
    _told: dict[TaskId, bool] = attrs.field(factory=dict[TaskId, bool])
    """The tasks that were told to stop, and whether at once."""
    warm: WarmAttempts = attrs.field(init=False)
    """Those that have not begun."""
    _anew: dict[TaskId, str] = attrs.field(factory=dict[TaskId, str], init=False)
    """Those of them that are to begin anew, and why."""
    state: RunState = attrs.field(init=False)
    """Where the run stands. Others see it when what must be is on disk."""
    _unsynced: bool = attrs.field(default=False, init=False)
    """Whether something was recorded that is to be on disk first."""
    _settled: list[MessageSettled] = attrs.field(
        factory=list[MessageSettled], init=False
    )
    """What became of messages, to be told when it is on disk."""

    def __attrs_post_init__(self) -> None:
        self.state = self.order.view.state
        self.warm = WarmAttempts(self.order.warm)

    @property
    def run(self) -> RunId:
        """The id of the run."""
        return self.order.folder.run

    async def record(self, event: Event, *, durable: bool = False) -> None:
        """Give *event* its place in the journal and fold it into the state.

        With *durable* it is on disk on return, and can be seen.
        """
        self.state = advance(self.state, await self.journal.post(event))
        if durable:
            await self.commit()

    async def commit(self) -> None:
        """Put on disk what was recorded, and let others see it."""
        self._unsynced = True
        await self.publish()

    async def publish(self) -> None:
        """Let others see the state, when what must be is on disk."""
        if self._unsynced:
            await self.journal.flush()
            self._unsynced = False
        self.order.view.state = self.state
        for event in self._settled:
            self.mail.settled(event)
        self._settled.clear()

    async def until_ended(self) -> End:
        """Work until there is nothing to be done any more; tell how the run ends.

        It is cancelled if its actor is told to stop.
        """
        end = await self._step()
        while end is None:
            try:
                decisive = await self._take_what_waits()
            except MailboxClosed:
                return End(RunStatus.CANCELLED, "the program that ran it was stopped")
            if decisive:
                end = await self._step()
        return end

    async def _take_what_waits(self) -> bool:
        """Take in what waits, or else the next message; then let others see it.

        True: it may change what is to be done.

        Raises:
          MailboxClosed: the actor was told to stop.
        """
        before = self.state
        decisive = await self._take(await self.inbox.receive())
        for _ in range(TOGETHER - 1):
            if not self.inbox.queued:
                break
            decisive |= await self._take(await self.inbox.receive())
        done = self.state.plan.adaptive
        await self.publish()
        if done is not None and _completes(before, self.state, done):
            await expand(self, done)
        return decisive

    def release(self) -> None:
        """Give back what the run holds of its crew. Nothing of the run lives."""
        for _ in self._attempts:
            self.order.slots.give_back()
        self._attempts.clear()
        self.order.slots.forget(self.run)
        self.warm.release(self.run)

    async def _take(self, message: RunMessage) -> bool:
        """Take in one message. True: it may change what is to be done."""
        match message:
            case Report(event=event):
                return await self._report(event)
            case Wake() | SlotFree():
                return True
            case Discarded(event=discarded):
                await self.record(discarded)
            case WarmEnded(attempt=attempt):
                self.warm.ended(attempt)
                return True
            case Stop(why=why, now=now):
                await self.record(CancelRequested(why=words(why)))
                if now:
                    self.stop_attempts(list(self._attempts), why, now=True)
                return True
            case Unsettled(message=settled):
                self.mail.tell(settled, "queued", "the agent has not taken it yet")
            case Begin():
                message.fail(RuntimeError("the run has begun already"))
            case _:
                return await grant(self, message)
        return False

    async def _report(self, event: TaskEvent) -> bool:
        """Take in what happened to a task. True: it may change what is to be done."""
        ending = isinstance(event, TaskEnding)
        taken = self.judged(event)
        if ending:
            self._ended(event.task)
        try:
            await self.record(taken)
        except BadEvent as error:
            # An agent in this process said what cannot be stored. It loses its word.
            _log.warning("run %s: %s: %s", self.run, type(event), error)
            if isinstance(event, TaskEnding):
                await self.record(_unstorable(event, error))
        self._unsynced |= isinstance(taken, DURABLE)
        if isinstance(event, MessageSettled):
            self._settled.append(event)
        return ending or isinstance(event, QuestionAsked | UsageReported)

    def judged(self, event: TaskEvent) -> TaskEvent:
        """Decide whether what ended an attempt ends its task."""
        state = self.state
        anew = self._anew.get(event.task)
        cut = isinstance(event, TaskCancelled | TaskFailed | TaskNeedsAttention)
        if cut and anew is not None and state.cancelling is None:
            return TaskRequeued(task=event.task, why=anew)
        if not isinstance(event, TaskFailed):
            return event
        if state.cancelling is not None or event.task in self._told:
            return event
        retry = plan_retry(
            state.tasks[event.task],
            event.failure,
            state.plan,
            now=self.clock(),
            random=self.order.random(),
        )
        if not isinstance(retry, RetryAt):
            return event
        return AttemptFailed(
            task=event.task,
            attempt=event.attempt,
            failure=event.failure,
            retry_at=retry.at,
        )

    def _ended(self, task: TaskId) -> None:
        """Nothing of the attempt at *task* lives any more."""
        if self._attempts.pop(task, None) is not None:
            self.order.slots.give_back()
        self._told.pop(task, None)
        self._anew.pop(task, None)

    async def _step(self) -> End | None:
        """Do all that the state and the moment ask for; tell how the run is to end."""
        while True:
            now = self.clock()
            events = due(self.state, now)
            for event in events:
                taken = self.judged(event) if isinstance(event, TaskFailed) else event
                await self.record(taken, durable=True)
                if isinstance(event, QuestionExpired):
                    self.tell_answer(event.task, event.question, None)
            decision = decide(self.state, now)
            if decision.end is not None:
                gone = self.warm.discard_all("the run has no more work")
                await self.publish()
                return decision.end if gone else None
            if await self._carry_out(decision):
                continue
            self._sleep_until(decision.wake_at, now)
            await self.warm.keep(self)
            self.order.slots.tell_next()
            await self.publish()
            return None

    def _sleep_until(self, moment: float | None, now: float) -> None:
        if moment is None:
            self.inbox.cancel_timer("wake")
        else:
            self.inbox.once(max(moment - now, 0.0), Wake(), key="wake")

    async def _carry_out(self, decision: Decision) -> bool:
        """Carry out *decision*. True: it has changed the state."""
        if decision.ask is not None:
            await self.record(ApprovalRequested(why=decision.ask), durable=True)
        for skip in decision.skip:
            await self.record(TaskSkipped(task=skip.task, why=skip.why))
        started = [task for task in decision.start if await self._start(task)]
        running = [task for task in decision.cancel if task in self._attempts]
        self.stop_attempts(running, decision.why, now=False)
        idle = [task for task in decision.cancel if task not in self._attempts]
        for task in idle:
            attempt = self.state.tasks[task].attempt
            await self.record(
                TaskCancelled(task=task, attempt=attempt, why=decision.why)
            )
        return bool(decision.ask or decision.skip or idle or started)

    async def _start(self, task: TaskId) -> bool:
        """Begin an attempt at *task*; False if the crew has no slot for it now."""
        attempt = attempt_id(task, self.state.tasks[task].attempts + 1)
        if self.warm.is_going(attempt):
            return False  # until nothing of it lives
        if not self.order.slots.take(self.run, self.tell_of_slot):
            return False
        try:
            planned = self.state.tasks[task].plan
            runtime = self.order.runtime_of(planned)
            before = self.state
            await self.record(AttemptStarted(task=task, attempt=attempt))
            if _reads_prompt(planned) or runtime is not runner_of(planned):
                await self.hand_over(task, attempt)
            port = self.warm.port_of(attempt) or self.port_of(task, attempt)
            workspace = Workspace(before, planned, attempt, self.order.worktrees)
            environ, servers = self.order.environ, self.order.servers
            work = Work(
                prepare=partial(make_job, port, workspace, environ, servers),
                workspace=workspace,
            )
            actor = self.warm.begin(attempt, work)
            if actor is None:
                order = TaskOrder(port=port, runtime=runtime, work=work)
                actor = await self.spawn(order)
            self._attempts[task] = actor
        except BaseException:  # whatever it was: the slot is not used
            self.order.slots.give_back()
            raise
        return True

    def port_of(self, task: TaskId, attempt: AttemptId) -> AttemptPort:
        """Make the port of an attempt at *task*."""
        return AttemptPort(
            task=self.state.tasks[task].plan,
            attempt=attempt,
            run=self.inbox.ref,
            store=self.store,
            journal=self.journal,
            clock=self.clock,
            question_seconds=self.state.plan.limits.question_seconds,
        )

    async def spawn(self, order: TaskOrder | WarmOrder) -> Ref[TaskMessage]:
        """Start the actor of an attempt."""
        return await self.actors.spawn(
            task_actor,
            order,
            name=f"task/{order.port.attempt}",
            capacity=MESSAGES,
            stop=KILL,
        )

    async def hand_over(self, task: TaskId, attempt: AttemptId) -> None:
        """Note that a new attempt finds the messages that waited for one."""
        for message in self.state.tasks[task].mail:
            delivered = MessageSettled(
                task=task, attempt=attempt, message=message.id, outcome="delivered"
            )
            await self.record(delivered)

    def tell_of_slot(self) -> None:
        """Tell the run that it may get a place now. Not a checkpoint."""
        with suppress(MailboxClosed, MailboxFull):
            self.inbox.ref.tell_system(SlotFree())

    def attempt_of(self, task: TaskId) -> Ref[TaskMessage] | None:
        """Return the actor that makes an attempt at *task* now, if one does."""
        return self._attempts.get(task)

    def tell_answer(self, task: TaskId, question: str, answer: str | None) -> None:
        """Let the agent of *task* hear an answer; None: there is none in time."""
        self.tell(task, TellAnswer(question, answer))

    def stop_attempts(self, tasks: list[TaskId], why: str, *, now: bool) -> None:
        """Tell task actors to stop; each is told once, and once more to hurry."""
        for task in tasks:
            told = self._told.get(task)
            if told is None or (now and not told):
                self._told[task] = now
                self.tell(task, StopTask(why, now=now))

    def stop_for_good(self, task: TaskId, why: str) -> None:
        """Tell the actor of *task* to stop, and do not begin anew."""
        self._anew.pop(task, None)
        self.stop_attempts([task], why, now=False)

    def begin_anew(self, task: TaskId, why: str) -> bool:
        """Stop the attempt at *task* to begin another; False if it is stopped for good."""
        if task in self._told and task not in self._anew:
            return False
        self._anew.setdefault(task, why)
        self.stop_attempts([task], why, now=False)
        return True

    def deliver(self, task: TaskId, message: Message) -> None:
        """Hand a message to the actor that makes an attempt at *task* now.

        There is room: no more than `MESSAGES` of a task are unsettled at any time.
        """
        actor = self._attempts.get(task)
        if actor is not None:
            with suppress(MailboxClosed):  # its last report is on its way
                actor.tell_nowait(Deliver(message))

    def tell(self, task: TaskId, message: TaskMessage) -> None:
        """Tell the actor that makes an attempt at *task* now, if one does."""
        actor = self._attempts.get(task)
        if actor is not None:
            with suppress(MailboxClosed):  # its last report is on its way
                actor.tell_system(message)


def _completes(before: RunState, after: RunState, task: TaskId) -> bool:
    """Tell whether *task* has completed from one state to the other."""
    done = TaskStatus.COMPLETED
    return before.tasks[task].status is not done and after.tasks[task].status is done


def _unstorable(ending: TaskEnding, error: BadEvent) -> TaskFailed:
    """Make the end of a task that can be stored of one that cannot."""
    failure = Failure(kind=FailureKind.STORAGE, message=words(str(error)))
    attempt = ending.attempt if not isinstance(ending, TaskSkipped) else None
    assert attempt is not None, "what task actors report belongs to an attempt"
    return TaskFailed(task=ending.task, attempt=attempt, failure=failure)


def _reads_prompt(task: PlannedTask) -> bool:
    """Tell whether the program of *task* is given its prompt, with the messages in it."""
    command = task.command
    return task.runtime != "command" or command is None or command.input != "none"
