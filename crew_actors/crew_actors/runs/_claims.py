# Tasks that somebody outside does. The rules are those of the model; here they are
# applied, and what comes of them is on disk before anybody is answered.
#
# 1. The token is told once, to whoever has claimed the task, and kept nowhere.
# 2. Whoever has lost the claim changes nothing any more, whatever they bring.
"""Grant what those ask for who do tasks outside."""

import math
import secrets
from typing import TYPE_CHECKING, Final

from crew_actors.journal import ArtifactError, JournalError
from crew_actors.model import (
    ArtifactWritten,
    AttemptId,
    Claim,
    ClaimExtended,
    ClaimReleased,
    Failure,
    FailureKind,
    Message,
    Progress,
    ResultStored,
    RunState,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskState,
    attempt_id,
    claimable_tasks,
    holds_claim,
    new_claim,
    why_unclaimable,
)
from crew_actors.runs._errors import (
    BadClaim,
    ClaimOver,
    NotClaimable,
    WrongToken,
)
from crew_actors.runs._find import find_task
from crew_actors.runs._messages import (
    Claimed,
    ClaimTask,
    ClaimWish,
    ExtendClaim,
    ReleaseClaim,
    Transition,
)
from crew_actors.runs._words import last_words, words

if TYPE_CHECKING:
    from crew_actors.runs._work import RunWork

CLAIM_SECONDS: Final = 600.0
"""Seconds that a claim holds where nobody says otherwise."""

CLAIM_LIMIT: Final = 86_400.0
"""Seconds that a claim can hold, until it is extended."""

RESULT_BYTES: Final = 512 * 1024
"""Bytes that the result of a task done outside may have."""

_TOKEN_BYTES: Final = 18  # 144 bits, in 24 characters
_MOST: Final = 5  # so many tasks are told of that cannot be claimed


async def grant_claim(work: "RunWork", wish: ClaimWish) -> None:
    """Grant what the worker of a task wishes.

    Raises:
      UserError: it does not fit the state. Nothing has changed.
    """
    match wish:
        case ClaimTask():
            await _claim(work, wish)
        case ExtendClaim():
            await _extend(work, wish)
        case ReleaseClaim():
            task, attempt, _ = _held(work, wish.task, wish.token)
            why = words(wish.why)
            released = ClaimReleased(task=task.plan.id, attempt=attempt, why=why)
            await work.record(released, durable=True)
            wish.reply(task.plan.id)
        case Transition():
            await _transition(work, wish)


async def _claim(work: "RunWork", wish: ClaimTask) -> None:
    now = work.clock()
    seconds = _lease(wish.seconds)
    owner = words(wish.owner).strip()
    if not owner:
        raise BadClaim("owner", wish.owner, "say who does the task")
    task = _wanted(work, wish.task, now)
    planned = task.plan
    attempt = attempt_id(planned.id, task.attempts + 1)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    claim = new_claim(owner, token, now + seconds)
    mail = task.mail
    await work.record(TaskClaimed(task=planned.id, attempt=attempt, claim=claim))
    await work.hand_over(planned.id, attempt)
    await work.commit()
    wish.reply(_claimed(task, attempt, claim, token, mail))


def _claimed(
    task: TaskState,
    attempt: AttemptId,
    claim: Claim,
    token: str,
    mail: tuple[Message, ...],
) -> Claimed:
    return Claimed(
        task=task.plan.id,
        attempt=attempt,
        owner=claim.owner,
        token=token,
        until=claim.until,
        messages=mail,
    )


def _wanted(work: "RunWork", name: str | None, now: float) -> TaskState:
    """Find the task to be claimed.

    Raises:
      NotClaimable: it cannot be, or none can.
      UnknownTask: there is no such task.
    """
    state = work.state
    if name is None:
        found = next(claimable_tasks(state, now), None)
        if found is None:
            raise NotClaimable(None, _why_none(state, now))
        return found
    task = find_task(state, name)
    why = why_unclaimable(state, task, now)
    if why is not None:
        raise NotClaimable(task.plan.id, why)
    return task


def _why_none(state: RunState, now: float) -> str:
    outside = [
        f"{name}: {why_unclaimable(state, task, now)}"
        for name, task in state.tasks.items()
        if task.plan.external and not task.status.terminal
    ]
    return "; ".join(outside[:_MOST]) or "none that is open has `runtime: external`"


async def _extend(work: "RunWork", wish: ExtendClaim) -> None:
    task, attempt, claim = _held(work, wish.task, wish.token)
    until = work.clock() + _lease(wish.seconds)
    mail = task.mail
    await work.record(ClaimExtended(task=task.plan.id, attempt=attempt, until=until))
    if wish.progress:
        text = words(wish.progress)
        await work.record(Progress(task=task.plan.id, attempt=attempt, text=text))
    await work.hand_over(task.plan.id, attempt)
    await work.commit()
    held = work.state.tasks[task.plan.id].claim or claim
    wish.reply(_claimed(task, attempt, held, wish.token, mail))


async def _transition(work: "RunWork", wish: Transition) -> None:
    task, attempt, _ = _held(work, wish.task, wish.token)
    if wish.status == "failed":
        why = words(wish.why) or "its worker gave no reason"
        failure = Failure(
            kind=FailureKind.REPORTED, message=why, detail=last_words(wish.result)
        )
        failed = TaskFailed(task=task.plan.id, attempt=attempt, failure=failure)
        await work.record(work.judged(failed), durable=True)
    else:
        await _complete(work, task, attempt, wish.result)
    wish.reply(task.plan.id)


async def _complete(
    work: "RunWork", task: TaskState, attempt: AttemptId, text: str
) -> None:
    """Store the result, and note that the task has completed.

    Raises:
      BadClaim: there is no result, or it cannot be stored.
    """
    planned = task.plan
    if not text.strip():
        raise BadClaim("result", "", "a task completes with what it has come to")
    raw = text.encode("utf-8", "replace")
    if len(raw) > RESULT_BYTES:
        size = f"{len(raw):,} bytes"
        way_out = f"at most {RESULT_BYTES:,} are taken; name a file that holds the rest"
        raise BadClaim("result", size, way_out)
    name = planned.output or "result.md"
    try:
        result = await work.store.write(planned.id, attempt, name, raw)
    except (ArtifactError, JournalError) as error:
        raise BadClaim("result", name, f"it cannot be stored: {error}") from error
    written = ArtifactWritten(task=planned.id, attempt=attempt, artifact=result)
    await work.record(written)
    await work.record(ResultStored(task=planned.id, attempt=attempt, result=result))
    completed = TaskCompleted(task=planned.id, attempt=attempt, result=result)
    await work.record(completed, durable=True)


def _held(work: "RunWork", name: str, token: str) -> tuple[TaskState, AttemptId, Claim]:
    """Find the task *name*, which the holder of *token* has claimed.

    Raises:
      UnknownTask: there is no such task.
      ClaimOver: nobody has claimed it, or not any more.
      WrongToken: somebody else has.
    """
    task = find_task(work.state, name)
    claim, attempt = task.claim, task.attempt
    if claim is None or attempt is None:
        raise ClaimOver(task.plan.id, f"the task is {task.status.value}")
    if not holds_claim(claim, token):
        raise WrongToken(task.plan.id, claim.owner)
    late = work.clock() - claim.until
    if late >= 0:
        raise ClaimOver(task.plan.id, f"it should have been extended {late:.0f} s ago")
    return task, attempt, claim


def _lease(seconds: float | None) -> float:
    """Check how long a claim is to hold.

    Raises:
      BadClaim: it cannot hold so long.
    """
    if seconds is None:
        return CLAIM_SECONDS
    if not (math.isfinite(seconds) and 1 <= seconds <= CLAIM_LIMIT):
        way_out = f"take 1 to {CLAIM_LIMIT:,.0f} seconds, and extend the claim in time"
        raise BadClaim("lease", f"{seconds:g}", way_out)
    return seconds
