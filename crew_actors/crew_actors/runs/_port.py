# The port of one attempt: what an agent says becomes events of the run.
#
# Progress is conflated: of what is said within a moment, the last is told. The moment
# is a deadline of the one task that tells it; nothing polls.
"""The way from a running attempt to the actor of its run."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast

import attrs
import trio

from crew_actors.actors import MailboxClosed, MailboxFull, Ref
from crew_actors.errors import UserError
from crew_actors.journal import ArtifactError, ArtifactStore, Journal, JournalIO
from crew_actors.model import (
    AnswerSeen,
    Artifact,
    ArtifactWritten,
    AttemptId,
    HeartbeatChanged,
    Message,
    MessageOutcome,
    PlannedTask,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    Progress,
    TaskEvent,
    Usage,
    UsageReported,
)
from crew_actors.runs._calls import wish_of
from crew_actors.runs._messages import (
    Discarded,
    Report,
    RunMessage,
    Send,
    Sent,
    WarmEnded,
)
from crew_actors.runs._talk import Talk
from crew_actors.runs._words import words
from crew_actors.runs._workspace import PATCH
from crew_actors.runtimes import COST_LIMIT, BadArtifact, NotSent
from crew_supervisors import (
    ChildProcess,
    ChildSpec,
    CpuActivity,
    HeartbeatWatcher,
    Level,
    LevelChange,
    ProcessExit,
    Supervisor,
)

PROGRESS_INTERVAL = 0.25
"""Seconds between two progress events of one attempt, at least."""


class AgentSilent(Exception):
    """An agent gave no sign of life, and does not live. Its attempt is over."""

    def __init__(self, attempt: str, seconds: float) -> None:
        super().__init__(attempt, seconds)
        self.attempt = attempt
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no sign of life for {self.seconds:.0f} seconds"


@attrs.define(eq=False)
class AttemptPort:
    """A `Port` that reports to a run."""

    task: PlannedTask
    attempt: AttemptId
    _run: Ref[RunMessage] = attrs.field(alias="run")
    store: ArtifactStore
    _journal: Journal = attrs.field(alias="journal")
    _clock: Callable[[], float] = attrs.field(alias="clock", default=time.time)
    _question_seconds: float = attrs.field(alias="question_seconds", default=600.0)
    talk: Talk = attrs.field(init=False)
    folder: Path | None = attrs.field(default=None, init=False)
    """The scratch folder of the attempt, once it is made."""
    _process: ChildProcess | None = None
    _warm: ChildProcess | None = attrs.field(default=None, init=False)
    """A process ahead of the attempt, which has not begun."""
    _pending: str | None = None
    _said: trio.Event = attrs.field(factory=trio.Event)
    _watcher: HeartbeatWatcher = attrs.field(init=False)
    _cpu: CpuActivity = attrs.field(factory=CpuActivity, init=False)
    _unsupervised: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """The watch over what is no process."""

    def __attrs_post_init__(self) -> None:
        self._watcher = HeartbeatWatcher(
            name=self.attempt,
            activity=self._works,
            probe=self._lives,
            on_level=self._level,
        )
        self.talk = Talk(
            self.task,
            self.attempt,
            report=self.report,
            give_up=self._report_now,
            clock=self._clock,
            seconds=self._question_seconds,
        )

    @property
    def watcher(self) -> HeartbeatWatcher:
        """The heartbeat watcher of this attempt."""
        return self._watcher

    async def report(self, event: TaskEvent) -> None:
        """Report *event* to the run. Waits while the run is behind."""
        await self.tell(Report(event))

    async def tell(self, message: RunMessage) -> None:
        """Tell the run something. Waits while the run is behind."""
        try:
            await self._run.tell(message)
        except MailboxClosed:
            # The run is being stopped, and with it this attempt, in a moment.
            await trio.sleep_forever()

    def _report_now(self, event: TaskEvent) -> None:
        """Report *event* if there is room for it. Not a checkpoint."""
        with suppress(MailboxClosed, MailboxFull):
            self._run.tell_nowait(Report(event))

    async def progress(self, text: str) -> None:
        """Tell what the agent is doing."""
        self._pending = words(text)
        self._said.set()
        await trio.lowlevel.checkpoint_if_cancelled()

    async def tell_progress(self) -> None:
        """Tell the newest progress whenever there is some; until cancelled."""
        while True:
            await self._said.wait()
            await self.flush()
            await trio.sleep(PROGRESS_INTERVAL)

    async def flush(self) -> None:
        """Tell the progress that has not been told."""
        self._said = trio.Event()
        text = self._pending
        if text is None:
            return
        await self.report(Progress(task=self.task.id, attempt=self.attempt, text=text))
        if (
            self._pending is text
        ):  # told now; a cancelled report would have told nothing
            self._pending = None

    async def usage(self, usage: Usage) -> None:
        """Tell what the agent used up since the last report."""
        if not 0 <= usage.cost <= COST_LIMIT:  # nor is NaN
            usage = attrs.evolve(usage, cost=0.0)
        await self.report(
            UsageReported(task=self.task.id, attempt=self.attempt, usage=usage)
        )

    async def artifact(self, name: str, source: Path) -> Artifact:
        """Keep the file *source*, which lies in the output folder, as an artifact."""
        if name in self._reserved:
            msg = f"artifact {name!r}: the result itself has that name; use another"
            raise BadArtifact(msg)
        try:
            return await self.keep(name, source)
        except (ArtifactError, JournalIO) as error:  # it, or its source, cannot be read
            raise BadArtifact(words(str(error))) from error

    @property
    def _reserved(self) -> set[str]:
        """The names under which the runtime keeps the result.

        One that the step has chosen may be left by the agent as well.
        """
        names = {"data.json", PATCH}
        return names if self.task.output else {*names, "result.md"}

    async def keep(self, name: str, content: bytes | Path) -> Artifact:
        """Keep *content* as an artifact and report it.

        Raises:
          ArtifactError: nothing was kept.
        """
        task, attempt = self.task.id, self.attempt
        artifact = await self.store.write(task, attempt, name, content)
        await self.report(
            ArtifactWritten(task=task, attempt=attempt, artifact=artifact)
        )
        return artifact

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...] = (),
        seconds: float | None = None,
        permission: bool = False,
    ) -> str | None:
        """Ask the people around, and wait for an answer; None if none comes in time."""
        answer = await self.talk.ask(
            text, choices=choices, seconds=seconds, permission=permission
        )
        self.beat()
        return answer

    async def send(self, task: str, text: str) -> tuple[MessageOutcome, str]:
        """Send a message to the agent of another task."""
        if task == self.task.id:
            raise NotSent("that is your own task")
        wish = Send(task=task, kind="message", text=text, by=f"task {self.task.id}")
        try:
            sent = cast("Sent", await wish_of(self._run, wish))
        except UserError as error:
            raise NotSent(str(error)) from error
        return sent.outcome, sent.why

    async def next_message(self) -> Message:
        """Wait for the next message to this attempt."""
        return await self.talk.next_message()

    async def settle_message(
        self, message: str, outcome: MessageOutcome, why: str = ""
    ) -> None:
        """Tell what became of a message that was taken."""
        await self.talk.settle(message, outcome, why)

    async def answer_seen(self) -> None:
        """Tell that the agent has given its final answer."""
        await self.report(AnswerSeen(task=self.task.id, attempt=self.attempt))

    async def process_starts(self, supervisor: Supervisor) -> None:
        """Tell that the agent is about to be a process: its attempt is on disk.

        From now on it is watched by a child of its *supervisor*.
        """
        await self._journal.flush()
        self._unsupervised.cancel()
        await supervisor.start(
            ChildSpec("heartbeat", self._watcher.run, restart="transient")
        )

    async def watch(self) -> None:
        """Watch the signs of life, until cancelled or a supervisor has it done."""
        with self._unsupervised:
            await self._watcher.run()

    async def process_started(self, process: ChildProcess) -> None:
        """Tell that the agent is a process, and which."""
        self._process, self._warm = process, None
        await self.report(
            ProcessStarted(
                task=self.task.id,
                attempt=self.attempt,
                pid=process.pid,
                create_time=process.identity.create_time,
                containment=process.containment,
            )
        )

    async def process_ended(self, process: ChildProcess, how: ProcessExit) -> None:
        """Tell that the process and its tree have ended."""
        self._process = None
        await self.report(
            ProcessEnded(
                task=self.task.id, attempt=self.attempt, pid=process.pid, **_told(how)
            )
        )

    def process_warms(self, process: ChildProcess) -> None:
        """Tell that there is a process ahead of the attempt."""
        self._warm = process

    async def process_discarded(
        self, process: ChildProcess, how: ProcessExit, why: str
    ) -> None:
        """Tell that a process ahead of the attempt has ended, and its tree: unused."""
        self._warm = None
        event = ProcessDiscarded(
            task=self.task.id,
            attempt=self.attempt,
            pid=process.pid,
            why=words(why),
            **_told(how),
        )
        await self.tell(Discarded(event))

    async def settle_warm(self, why: str) -> None:
        """Tell that nothing of the attempt lives, which has not begun."""
        if self._warm is not None:
            await self.process_discarded(self._warm, await self._warm.wait(), why)
        await self.tell(WarmEnded(self.attempt))

    async def settle(self) -> None:
        """Tell what the agent itself had no time to tell, now that it has ended."""
        await self.flush()
        if self._process is not None:
            await self.process_ended(self._process, await self._process.wait())

    async def kill(self) -> None:
        """Stop the agent's process without grace, if it has one."""
        if self._process is not None:
            await self._process.stop(grace=0)

    def beat(self) -> None:
        """Give a sign of life."""
        self._watcher.beat()

    async def _works(self) -> bool:
        if self.talk.waits:  # for a person, who may be slow
            return True
        return self._process is not None and await self._cpu(self._process)

    async def _lives(self) -> bool:
        return self._process is None or await self._process.alive()

    async def _level(self, change: LevelChange) -> None:
        silent_for = change.time - change.last_sign
        await self.report(
            HeartbeatChanged(
                task=self.task.id,
                attempt=self.attempt,
                level=change.level.value,
                silent_for=silent_for,
            )
        )
        if change.level is Level.DEAD:
            raise AgentSilent(self.attempt, silent_for)


class _Told(TypedDict):
    outcome: str
    containment: str
    escalations: tuple[str, ...]
    survivors: tuple[str, ...]
    took: float


def _told(how: ProcessExit) -> _Told:
    """Put the end of a process as events tell it."""
    report = how.report
    return {
        "outcome": how.signal if how.signal is not None else f"exit {how.returncode}",
        "containment": report.containment,
        "escalations": report.escalations,
        "survivors": tuple(str(survivor) for survivor in report.survivors),
        "took": report.took,
    }
