# A runtime that is played: it does what a run's owner does with each decision, while
# agents report, people wish and time goes on in an order that chance tells. It dies,
# too, and loses what was not on disk. After each event the rules of runs are checked.
"""Runs without a disk, played by chance."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, TypeVar

import attrs
from hypothesis import strategies as st

from crew_actors.model import (
    AnswerSeen,
    ApprovalRequested,
    ArtifactWritten,
    AttemptFailed,
    AttemptId,
    AttemptStarted,
    CancelRequested,
    ClaimExtended,
    ClaimReleased,
    Decision,
    End,
    Event,
    Failure,
    FailureKind,
    HeartbeatChanged,
    Message,
    MessageOutcome,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
    ResultStored,
    RetryAt,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunPlan,
    RunStarted,
    RunState,
    RunStatus,
    Selection,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    TaskState,
    TaskStatus,
    Usage,
    UsageReported,
    advance,
    attempt_id,
    begin,
    claimable_tasks,
    decide,
    due,
    fold,
    new_claim,
    plan_retry,
    requeue,
    resume_plan,
)
from tests.support.plans import RUN, artifact
from tests.support.random_plans import more_tasks
from tests.support.rules import (
    check_change,
    check_decision,
    check_state,
    check_upcoming,
)

T = TypeVar("T")
_KINDS = (FailureKind.EXIT, FailureKind.REPORTED, FailureKind.TIMEOUT)


@attrs.define
class Played:
    """A run at work, and what its owner knows of it."""

    data: st.DataObject
    plan: RunPlan
    events: list[Recorded] = attrs.field(factory=list[Recorded], init=False)
    state: RunState = attrs.field(init=False)
    now: float = attrs.field(default=1000.0, init=False)
    working: dict[TaskId, AttemptId] = attrs.field(
        factory=dict[TaskId, AttemptId], init=False
    )
    """The attempts whose agents live."""
    told: set[TaskId] = attrs.field(factory=set[TaskId], init=False)
    """Those who were told to stop."""
    old: list[TaskEvent] = attrs.field(factory=list[TaskEvent], init=False)
    """What was reported, and may come once more, too late."""
    on_disk: int = attrs.field(default=0, init=False)
    """So many events are not lost when the owner dies."""
    questions: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        created = RunCreated(run=RUN, workspace="/project", plan=self.plan)
        self.events.append(Recorded(1, self.now, created))
        self.state = begin(self.events[0])
        self.sync()
        self.record(RunStarted())

    # What chance tells

    def pick(self, among: Sequence[T]) -> T:
        """Take one of *among*."""
        return self.data.draw(st.sampled_from(among))

    def number(self, least: int, most: int) -> int:
        """Take a number."""
        return self.data.draw(st.integers(least, most))

    # What an owner does

    def record(self, event: Event, *, durable: bool = False) -> None:
        """Fold an event that means something."""
        before = self.state
        self._fold(event)
        assert self.state.dropped == before.dropped, event
        if durable:
            self.sync()

    def record_late(self, event: Event) -> None:
        """Fold an event that comes too late: it changes nothing."""
        before = self.state
        self._fold(event)
        same = attrs.evolve(before, seq=self.state.seq, dropped=before.dropped + 1)
        assert self.state == same, event

    def _fold(self, event: Event) -> None:
        before = self.state
        recorded = Recorded(before.seq + 1, self.now, event)
        self.state = advance(before, recorded)
        self.events.append(recorded)
        check_change(before, event, self.state)
        check_state(self.state)

    def sync(self) -> None:
        """Put on disk what was recorded."""
        self.on_disk = len(self.events)

    def step(self) -> Decision:
        """Do all that the state and the moment ask for; return what is left."""
        for _ in range(200):
            for event in due(self.state, self.now):
                self.record(self._judged(event), durable=True)
            decision = decide(self.state, self.now)
            check_decision(self.state, decision)
            check_upcoming(self.state)
            assert decision == decide(self.state, self.now)
            if decision.end is not None:
                self._end(decision.end)
                return decision
            if not self._carry_out(decision):
                return decision
        msg = "it has always something to do"
        raise AssertionError(msg)

    def _carry_out(self, decision: Decision) -> bool:
        if decision.ask is not None:
            self.record(ApprovalRequested(why=decision.ask), durable=True)
        for skip in decision.skip:
            self.record(TaskSkipped(task=skip.task, why=skip.why))
        for task in decision.start:
            attempt = attempt_id(task, self.state.tasks[task].attempts + 1)
            self.record(AttemptStarted(task=task, attempt=attempt))
            self._hand_over(task, attempt)
            self.working[task] = attempt
        self.told |= {task for task in decision.cancel if task in self.working}
        idle = [task for task in decision.cancel if task not in self.working]
        for task in idle:
            self._cancel(task, decision.why)
        return bool(decision.ask or decision.skip or decision.start or idle)

    def _cancel(self, task: TaskId, why: str) -> None:
        attempt = self.state.tasks[task].attempt
        self.record(TaskCancelled(task=task, attempt=attempt, why=why))

    def _hand_over(self, task: TaskId, attempt: AttemptId) -> None:
        for one in self.state.tasks[task].mail:
            self.record(
                MessageSettled(
                    task=task, attempt=attempt, message=one.id, outcome="delivered"
                )
            )

    def _judged(self, event: Event) -> Event:
        if not isinstance(event, TaskFailed) or self.state.cancelling is not None:
            return event
        if event.task in self.told:
            return event
        retry = plan_retry(
            self.state.tasks[event.task],
            event.failure,
            self.state.plan,
            now=self.now,
            random=0.5,
        )
        if not isinstance(retry, RetryAt):
            return event
        return AttemptFailed(
            task=event.task,
            attempt=event.attempt,
            failure=event.failure,
            retry_at=retry.at,
        )

    def _end(self, end: End) -> None:
        assert not self.working
        if end.status is not RunStatus.BLOCKED:
            for task, one in self.state.tasks.items():
                if not one.status.terminal:
                    self._cancel(task, end.why)
        last: dict[RunStatus, Callable[[], Event]] = {
            RunStatus.COMPLETED: lambda: RunCompleted(summary=None),
            RunStatus.CANCELLED: lambda: RunCancelled(why=end.why),
            RunStatus.BLOCKED: lambda: RunBlocked(why=end.why),
            RunStatus.FAILED: lambda: RunFailed(why=end.why),
        }
        self.record(last[end.status](), durable=True)
        assert self.state.status is end.status

    def die(self) -> None:
        """Lose the agents, and what was not on disk; read the rest again."""
        left = self.number(self.on_disk, len(self.events))
        del self.events[left:]
        self.working.clear()
        self.told.clear()
        self.old.clear()  # they may be of attempts that nobody knows of any more
        found = fold(self.events)
        assert found is not None
        self.state = found
        check_state(self.state)
        self.on_disk = len(self.events)

    def take_up(self, retry: Selection | None = None) -> bool:
        """Take the run up; False if nothing is to be done."""
        events = resume_plan(self.state, "again", retry)
        for event in events:
            self.record(event)
        if events:
            self.sync()
        return bool(events)

    # What agents do

    def report(self, task: TaskId, event: TaskEvent) -> None:
        """Take in what the agent of *task* says."""
        self.sync()  # what began its attempt is on disk before it says a word
        judged = self._judged(event)
        self.record(judged)
        self.old.append(event)
        ends = (
            TaskCompleted,
            TaskNeedsAttention,
            TaskFailed,
            AttemptFailed,
            TaskCancelled,
        )
        if isinstance(judged, (*ends, QuestionAsked)):
            self.sync()
        if isinstance(judged, ends):
            del self.working[task]
            self.told.discard(task)
            if isinstance(judged, TaskCompleted) and task == self.state.plan.adaptive:
                self._expand(task)

    def _expand(self, by: TaskId) -> None:
        if self.number(0, 2) == 0:
            self.record(PlanRefused(by=by, why="unreadable"), durable=True)
        else:
            tasks = more_tasks(len(self.state.tasks) % 2, by)
            self.record(TasksAdded(by=by, tasks=tasks), durable=True)

    def speak(self, task: TaskId) -> None:
        """Let the agent of *task* say something on its way, or end."""
        attempt = self.working[task]
        said = [*self._words(task, attempt), self._question(task, attempt)]
        ends = _ends(task, attempt, self.pick(_KINDS))
        if task not in self.told:
            ends.pop()  # nobody has told it to
            if self.state.tasks[task].status is TaskStatus.WAITING:
                ends.clear()  # it waits for its answer
        self.report(task, self.pick([*said, *ends, *ends, *ends]))

    def _words(self, task: TaskId, attempt: AttemptId) -> list[TaskEvent]:
        both: Both = {"task": task, "attempt": attempt}
        return [
            Progress(**both, text="on it"),
            UsageReported(**both, usage=Usage(input=5, output=10, cost=0.5)),
            HeartbeatChanged(**both, level="warn", silent_for=30.0),
            ProcessStarted(**both, pid=7, create_time=1.0, containment="warden"),
            ProcessEnded(**both, pid=7, outcome="exit 0", containment="warden"),
            ArtifactWritten(**both, artifact=artifact()),
            AnswerSeen(**both),
            ResultStored(**both, result=artifact()),
        ]

    def complete(self, task: TaskId) -> None:
        """Let the agent of *task* end as it should."""
        attempt = self.working[task]
        if task in self.told:
            self.report(task, TaskCancelled(task=task, attempt=attempt, why="told to"))
        else:
            result = artifact()
            done = TaskCompleted(task=task, attempt=attempt, result=result)
            self.report(task, done)

    def _question(self, task: TaskId, attempt: AttemptId) -> QuestionAsked:
        self.questions += 1
        question = Question(
            id=f"q{self.questions}",
            text="which?",
            asked_at=self.now,
            deadline=self.now + self.number(1, 50),
        )
        return QuestionAsked(task=task, attempt=attempt, question=question)

    # What people do

    def wish(self) -> None:
        """Let somebody ask for something that can be granted now."""
        wishes: list[Callable[[], None]] = []
        waiting = list(self.state.of(TaskStatus.WAITING))
        if waiting:
            wishes.append(lambda: self.answer(self.pick(waiting)))
        if self.state.approval == "requested":
            wishes += [self.approve, self._reject]
        free = list(claimable_tasks(self.state, self.now))
        if free:
            wishes.append(lambda: self.claim(self.pick(free)))
        claimed = [one for one in self.state.tasks.values() if one.claim is not None]
        if claimed:
            wishes.append(lambda: self._go_on(self.pick(claimed)))
        wishes += [self._retry, self._send, self._stop_task]
        if self.state.cancelling is None and self.number(0, 5) == 0:
            wishes.append(self._stop)
        self.pick(wishes)()
        self.sync()  # granted

    def answer(self, task: TaskState) -> None:
        """Answer a question of *task*."""
        assert task.attempt is not None
        question = self.pick(task.questions).id
        self.record(
            QuestionAnswered(
                task=task.plan.id,
                attempt=task.attempt,
                question=question,
                answer="yes",
                by="me",
            ),
            durable=True,
        )

    def approve(self) -> None:
        """Agree to the plan."""
        self.record(PlanApproved(by="me"), durable=True)

    def _reject(self) -> None:
        self.record(PlanRejected(by="me", why="no"))

    def claim(self, task: TaskState) -> None:
        """Take a task that is done outside."""
        attempt = attempt_id(task.plan.id, task.attempts + 1)
        claim = new_claim("ann", "token", self.now + self.number(1, 50))
        name = task.plan.id
        self.record(TaskClaimed(task=name, attempt=attempt, claim=claim))
        self._hand_over(name, attempt)
        self.sync()

    def deliver(self, task: TaskState) -> None:
        """Bring the result of a task that is done outside."""
        assert task.attempt is not None
        name, attempt = task.plan.id, task.attempt
        done = TaskCompleted(task=name, attempt=attempt, result=artifact())
        self.record(done, durable=True)

    def _go_on(self, task: TaskState) -> None:
        assert task.attempt is not None
        both: Both = {"task": task.plan.id, "attempt": task.attempt}
        failure = Failure(kind=FailureKind.REPORTED, message="no")
        events: list[TaskEvent] = [
            ClaimExtended(**both, until=self.now + 60.0),
            ClaimReleased(**both, why="too hard"),
            TaskCompleted(**both, result=artifact()),
            TaskFailed(**both, failure=failure),
        ]
        self.record(self._judged(self.pick(events)))

    def _retry(self) -> None:
        if self.state.cancelling is not None:
            return
        some = Selection(tasks=(self.pick(list(self.state.tasks)),))
        for event in requeue(self.state, self.pick([Selection(), some]), "wanted"):
            self.record(event)

    def _send(self) -> None:
        task = self.pick(list(self.state.tasks))
        one = self.state.tasks[task]
        if one.status.terminal:
            return
        message = Message(id=f"m{self.state.seq}", kind="steer", text="x", by="me")
        self.record(MessageSent(task=task, message=message))
        attempt = self.working.get(task)
        outcome: MessageOutcome = "queued" if attempt is None else "delivered"
        self.record(
            MessageSettled(
                task=task, attempt=attempt, message=message.id, outcome=outcome
            )
        )

    def _stop_task(self) -> None:
        task = self.pick(list(self.state.tasks))
        if task in self.working:
            self.told.add(task)
        elif not self.state.tasks[task].status.terminal and self.number(0, 2) == 0:
            self._cancel(task, "not wanted")

    def _stop(self) -> None:
        self.record(CancelRequested(why="enough"))

    def report_late(self) -> None:
        """Let something come that comes too late, or again."""
        late = [each for each in self.old if _is_old(self.state, each)]
        for name, one in self.state.tasks.items():
            if one.status.terminal and one.attempt is not None:
                late += self._words(name, one.attempt)
                late += _ends(name, one.attempt, FailureKind.EXIT)
        if late:
            self.record_late(self.pick(late))

    def report_to_nobody(self) -> None:
        """Let things happen to a run that has ended for good."""
        task = self.pick(list(self.state.tasks))
        for event in (
            CancelRequested(why="x"),
            PlanApproved(by="me"),
            TasksAdded(by=task, tasks=more_tasks(9, task)),
            TaskRequeued(task=task, why="x"),
            RunStarted(),
            RunFailed(why="x"),
        ):
            self.record_late(event)


class Both(TypedDict):
    """Whose word it is."""

    task: TaskId
    attempt: AttemptId


def _ends(task: TaskId, attempt: AttemptId, kind: FailureKind) -> list[TaskEvent]:
    both: Both = {"task": task, "attempt": attempt}
    return [
        TaskCompleted(**both, result=artifact()),
        TaskFailed(**both, failure=Failure(kind=kind, message="no")),
        TaskNeedsAttention(**both, why="no result"),
        TaskCancelled(**both, why="told to"),
    ]


def _is_old(state: RunState, event: TaskEvent) -> bool:
    attempt: object = getattr(event, "attempt", None)
    return attempt is not None and state.tasks[event.task].attempt != attempt


def replay(events: Iterable[Recorded]) -> RunState:
    """Fold *events* from the beginning."""
    state = fold(events)
    assert state is not None
    return state
