# What a program of Python holds of a run: it asks the actor of the run, and reads
# what the actor shows. It keeps nothing itself.
"""The handle of a run."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast, final

import attrs

from crew_actors.actors import MailboxClosed, MailboxFull, Ref
from crew_actors.journal import Journal, RunFolder
from crew_actors.model import MessageKind, Recorded, RunId, RunState, TaskId
from crew_actors.runs._calls import wish_of
from crew_actors.runs._looks import Look, look_at
from crew_actors.runs._messages import (
    Approve,
    CancelTask,
    Claimed,
    ClaimEnd,
    ClaimTask,
    ExtendClaim,
    Reject,
    ReleaseClaim,
    Respond,
    RestartTask,
    Retry,
    RunMessage,
    Send,
    Sent,
    Stop,
    Transition,
)
from crew_actors.runs._view import RunEvents, RunView


@final
@attrs.frozen(eq=False)
class Run:
    """A run of this crew."""

    folder: RunFolder
    _ref: Ref[RunMessage]
    _view: RunView
    _journal: Journal

    @property
    def id(self) -> RunId:
        """The id under which it can be found, also when this process is gone."""
        return self.folder.run

    @property
    def state(self) -> RunState:
        """Where the run stands now. Immutable; ask again for a newer one."""
        return self._view.state

    @property
    def ended(self) -> bool:
        """Whether nobody works on it here any more: `state` does not change again."""
        return self._view.ended.is_set()

    async def newer(self, seq: int) -> RunState:
        """Wait until `state` holds more than event number *seq*, or has `ended`.

        Returns the newest state. A checkpoint when it waits.
        """
        await self._view.caught_up(seq + 1)
        return self._view.state

    def events(self, since: int = 0) -> AsyncIterator[Recorded]:
        """Iterate over the events after number *since*: those that are, then live.

        Each event comes exactly once, in order, and is then on disk and in `state`;
        the iteration ends after the run's last one. A slow reader slows nobody.
        """
        return RunEvents(self._view, self._journal.events(since))

    def look(self) -> Look | None:
        """Look at the actors of the run, or at what they have left when it has ended.

        None before the first of them is there. Not a checkpoint.
        """
        actors = self._view.actors
        return None if actors is None else look_at(actors)

    async def page(self, since: int, limit: int = 256) -> list[Recorded]:
        """Wait for events after number *since*; return those, *limit* at most.

        They are on disk. Empty when the run has ended and there is none. Always a
        checkpoint. A cancelled call takes nothing.

        Raises:
          JournalError: the journal broke, or cannot be read.
        """
        return await self._journal.page(since, limit)

    async def wait(self) -> RunState:
        """Wait until the run has ended; its last event is then on disk.

        Cancelling this call leaves the run alone.

        Raises:
          JournalError: the run could not be written any more and was stopped.
          BaseException: the run's actor failed, which is a defect.
        """
        await self._view.ended.wait()
        if self._view.error is not None:
            raise self._view.error
        return self._view.state

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Ask the run to stop; `wait` tells when it has.

        The first reason counts, later ones change nothing. With *now* the agents get
        no grace, also if a graceful stop is on its way. Not a checkpoint.
        """
        # Ended already, or as many requests on their way as there can be.
        with suppress(MailboxClosed, MailboxFull):
            self._ref.tell_system(Stop(why, now=now))

    # Each of the following is a checkpoint, and its effect is on disk on return. A
    # call that is cancelled may have had its effect. Each raises `UserError` when the
    # run has ended, or when what is asked for does not fit its state.

    async def respond(
        self,
        answer: str,
        *,
        task: str | None = None,
        question: str | None = None,
        by: str = "python",
    ) -> TaskId:
        """Answer a question, by default the oldest of the only task that waits.

        Returns the task, which goes on at once.

        Raises:
          NotWaiting: nothing waits for that answer.
          SeveralWaiting: *task* must be given.
          NotAChoice: the question offers choices, and *answer* is none of them.
          UnknownTask: there is no such task.
        """
        wish = Respond(task=task, question=question, answer=answer, by=by)
        return cast("TaskId", await wish_of(self._ref, wish))

    async def send(
        self, task: str, text: str, *, kind: MessageKind = "message", by: str = "python"
    ) -> Sent:
        """Send a message to the agent of *task*; tell what became of it.

        It waits up to `SETTLE_SECONDS` for the agent to take it. What is queued is
        found by the agent later, or by its next attempt.

        Raises:
          TaskEnded: nobody would read it.
          UnknownTask: there is no such task.
        """
        wish = Send(task=task, kind=kind, text=text, by=by)
        return cast("Sent", await wish_of(self._ref, wish))

    async def retry(
        self, *tasks: str, why: str = "asked to retry"
    ) -> tuple[TaskId, ...]:
        """Queue *tasks* again, and what depends on them; all that failed, if none.

        Raises:
          NothingToRetry: none of them has ended.
          UnknownTask: there is no such task.
        """
        found = await wish_of(self._ref, Retry(tasks=tasks, why=why))
        return cast("tuple[TaskId, ...]", found)

    async def cancel_task(self, task: str, why: str) -> None:
        """Stop one task. What depends on it is skipped.

        Raises:
          TaskEnded: there is nothing to stop.
          UnknownTask: there is no such task.
        """
        await wish_of(self._ref, CancelTask(task=task, why=why))

    async def restart_task(self, task: str, why: str) -> None:
        """Stop the agent that is at work on *task*, and begin a new attempt at it.

        What depends on the task waits for the new attempt. Returns when the agent is
        told to stop; should it complete before it hears that, its result stands.

        Raises:
          NotAtWork: no agent is at work on it here, or it is being stopped.
          UnknownTask: there is no such task.
        """
        await wish_of(self._ref, RestartTask(task=task, why=why))

    async def approve(self, *, by: str = "python") -> None:
        """Agree to the plan: tasks that write may begin.

        Raises:
          NotAwaitingApproval: nobody was asked.
        """
        await wish_of(self._ref, Approve(by=by))

    async def reject(self, why: str = "", *, by: str = "python") -> None:
        """Refuse the plan: the run is cancelled.

        Raises:
          NotAwaitingApproval: nobody was asked.
        """
        await wish_of(self._ref, Reject(by=by, why=why))

    async def claim(
        self, task: str | None = None, *, owner: str, seconds: float | None = None
    ) -> Claimed:
        """Take a task of an agent with `runtime: external`; without *task*, the first.

        The claim holds *seconds*, `CLAIM_SECONDS` if not given, and is extended by
        `extend`; after that the attempt fails, and is made again as any other. The
        token is told here only.

        Raises:
          NotClaimable: it cannot be claimed now, or no task can.
          BadClaim: *owner* is empty, or *seconds* are not from 1 to `CLAIM_LIMIT`.
          UnknownTask: there is no such task.
        """
        wish = ClaimTask(task=task, owner=owner, seconds=seconds)
        return cast("Claimed", await wish_of(self._ref, wish))

    async def extend(
        self,
        task: str,
        token: str,
        *,
        seconds: float | None = None,
        progress: str = "",
    ) -> Claimed:
        """Go on with a claimed task, for *seconds* from now; tell its *progress*.

        Returns the claim, with what people have told the agent of the task meanwhile.

        Raises:
          ClaimOver: nobody holds a claim on it, or not any more.
          WrongToken: somebody else does.
          BadClaim: *seconds* are not from 1 to `CLAIM_LIMIT`.
          UnknownTask: there is no such task.
        """
        wish = ExtendClaim(task=task, token=token, seconds=seconds, progress=progress)
        return cast("Claimed", await wish_of(self._ref, wish))

    async def release(self, task: str, token: str, why: str = "") -> None:
        """Give a claimed task back: others can claim it at once. It counts as no try.

        Raises:
          ClaimOver: nobody holds a claim on it, or not any more.
          WrongToken: somebody else does.
          UnknownTask: there is no such task.
        """
        await wish_of(self._ref, ReleaseClaim(task=task, token=token, why=why))

    async def transition(
        self,
        task: str,
        token: str,
        status: ClaimEnd,
        *,
        result: str = "",
        why: str = "",
    ) -> None:
        """End a claimed task: `completed` with its *result*, or `failed`, and *why*.

        Raises:
          BadClaim: it completes without a result, or with one of more than
            `RESULT_BYTES`, or that cannot be stored.
          ClaimOver: nobody holds a claim on it, or not any more.
          WrongToken: somebody else does.
          UnknownTask: there is no such task.
        """
        wish = Transition(task=task, token=token, status=status, result=result, why=why)
        await wish_of(self._ref, wish)
