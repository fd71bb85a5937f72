"""What can be wrong with a wish to a run. After each of them nothing has changed."""

from collections.abc import Iterable

from crew_actors.errors import UserError


class UnknownTask(UserError):
    """The run has no such task."""

    def __init__(self, name: str, known: tuple[str, ...], nearest: str | None) -> None:
        super().__init__(name, known, nearest)
        self.name = name
        self.known = known
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"there is no task {self.name!r}{hint} (there are: {listed(self.known)})"


class NotWaiting(UserError):
    """Nothing waits for that answer."""

    def __init__(self, what: str, status: str, waiting: tuple[str, ...]) -> None:
        super().__init__(what, status, waiting)
        self.what = what
        self.status = status
        self.waiting = waiting

    def __str__(self) -> str:
        others = (
            f"waiting for an answer: {listed(self.waiting)}"
            if self.waiting
            else "no task of the run waits for an answer"
        )
        return f"{self.what} does not wait, it is {self.status}; {others}"


class TooLate(UserError):
    """The question has waited for too long. Nothing was written down."""

    def __init__(self, run: str, question: str, seconds: float) -> None:
        super().__init__(run, question, seconds)
        self.run = run
        self.question = question
        self.seconds = seconds
        """Since its deadline."""

    def __str__(self) -> str:
        return (
            f"question {self.question} should have been answered "
            f"{self.seconds / 3600:.0f} hours ago; `crew resume {self.run}` lets its "
            "task begin again"
        )


class SeveralWaiting(UserError):
    """More than one task waits: the answer must say for which it is."""

    def __init__(self, waiting: tuple[str, ...]) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def __str__(self) -> str:
        return f"several tasks wait, name one with --task: {listed(self.waiting)}"


class NotAChoice(UserError):
    """The question offers choices, and the answer is none of them."""

    def __init__(self, answer: str, choices: tuple[str, ...]) -> None:
        super().__init__(answer, choices)
        self.answer = answer
        self.choices = choices

    def __str__(self) -> str:
        return f"{self.answer!r} is no choice; answer one of: {listed(self.choices)}"


class TaskEnded(UserError):
    """The task has ended: there is nothing to be stopped or told."""

    def __init__(self, task: str, status: str) -> None:
        super().__init__(task, status)
        self.task = task
        self.status = status

    def __str__(self) -> str:
        return f"task {self.task} has ended: it {self.status}; `crew retry` begins anew"


class NotAtWork(UserError):
    """No agent is at work on the task here: there is nothing to begin anew."""

    def __init__(self, task: str, detail: str) -> None:
        super().__init__(task, detail)
        self.task = task
        self.detail = detail

    def __str__(self) -> str:
        return f"no agent is at work on task {self.task}: it {self.detail}"


class TooManyMessages(UserError):
    """As many messages wait for the task as can. This one was not sent."""

    def __init__(self, task: str, waiting: int) -> None:
        super().__init__(task, waiting)
        self.task = task
        self.waiting = waiting

    def __str__(self) -> str:
        return (
            f"{self.waiting} messages wait for task {self.task} already, and its "
            "agent takes none; nothing was sent"
        )


class NotClaimable(UserError):
    """The task cannot be claimed now, or no task can. Nothing was claimed."""

    def __init__(self, task: str | None, why: str) -> None:
        super().__init__(task, why)
        self.task = task
        """None: any would have done."""
        self.why = why

    def __str__(self) -> str:
        what = "no task" if self.task is None else f"task {self.task}"
        can = "can be claimed" if self.task is None else "cannot be claimed"
        return f"{what} {can}: {self.why}"


class ClaimOver(UserError):
    """Nobody holds a claim on the task, or not any more. Nothing was changed."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(task, why)
        self.task = task
        self.why = why

    def __str__(self) -> str:
        return (
            f"the claim on task {self.task} is over: {self.why}; "
            "`crew claim` takes a task that waits for a worker"
        )


class WrongToken(UserError):
    """Another one has claimed the task. Nothing was changed."""

    def __init__(self, task: str, owner: str) -> None:
        super().__init__(task, owner)
        self.task = task
        self.owner = owner

    def __str__(self) -> str:
        return (
            f"token: it is not the one of the claim of {self.owner} on task "
            f"{self.task}; give the one that `crew claim` told"
        )


class BadClaim(UserError):
    """What the worker of a task says cannot be. Nothing was changed."""

    def __init__(self, field: str, value: str, way_out: str) -> None:
        super().__init__(field, value, way_out)
        self.field = field
        self.value = value
        self.way_out = way_out

    def __str__(self) -> str:
        what = f"not {self.value}" if self.value else "it is empty"
        return f"{self.field}: {what}; {self.way_out}"


class NestedTooDeep(UserError):
    """An agent of a nested run wants to start a run. Nothing was started."""

    def __init__(self, depth: int, most: int) -> None:
        super().__init__(depth, most)
        self.depth = depth
        self.most = most

    def __str__(self) -> str:
        return (
            f"this would be nested in {self.depth} runs, and {self.most} is the most "
            "(limits.depth): do the work here instead"
        )


class BadParent(UserError):
    """What tells in which run this is cannot be understood. Nothing was started."""

    def __init__(self, variable: str, value: str, why: str) -> None:
        super().__init__(variable, value, why)
        self.variable = variable
        self.value = value
        self.why = why

    def __str__(self) -> str:
        return (
            f"the variable {self.variable} does not tell a run ({self.why}): without "
            "it, the run is nested in none"
        )


class ParentGone(UserError):
    """The run that this is inside of has ended. Nothing was started."""

    def __init__(self, run: str, variable: str) -> None:
        super().__init__(run, variable)
        self.run = run
        self.variable = variable

    def __str__(self) -> str:
        return (
            f"this is inside of run {self.run}, on which nobody works any more; "
            f"without the variable {self.variable} the run is nested in none"
        )


class AttemptOver(UserError):
    """The attempt has ended. No run is started for it."""

    def __init__(self, attempt: str) -> None:
        super().__init__(attempt)
        self.attempt = attempt

    def __str__(self) -> str:
        return f"attempt {self.attempt} is over: no run is started for it"


class TooManySpawns(UserError):
    """The task has started as many runs as it may. Nothing was started."""

    def __init__(self, task: str, most: int) -> None:
        super().__init__(task, most)
        self.task = task
        self.most = most

    def __str__(self) -> str:
        return (
            f"task {self.task} has started {self.most} runs, and more are not allowed "
            "(limits.spawns): do the work here instead"
        )


class TooManyNested(UserError):
    """As many nested runs are at work as may be. Nothing was started."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return (
            f"{self.most} runs are at work inside of this one, and more are not "
            "allowed (limits.nested): wait until one has ended, or do the work here"
        )


class NothingToRetry(UserError):
    """No task was named that could be tried again, or none is there."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"there is nothing to retry: {self.detail}"


class NothingToResume(UserError):
    """Nothing of the run is left to be done. It was not touched."""

    def __init__(self, run: str, status: str, *, retried: bool = False) -> None:
        super().__init__(run, status, retried)
        self.run = run
        self.status = status
        self.retried = retried
        """Whether what had failed was to be done again too."""

    def __str__(self) -> str:
        if self.status == "completed":
            why = "nothing in it is left to be done"
        elif self.retried:
            why = "no task that was meant has failed, been cancelled or been skipped"
        else:
            why = "nothing in it was interrupted; `crew retry` does again what failed"
        return f"run {self.run} is {self.status}: {why}"


class NotAwaitingApproval(UserError):
    """The run does not wait for an approval."""

    def __str__(self) -> str:
        return "the run does not wait for an approval"


def listed(names: Iterable[str], most: int = 12) -> str:
    """List *names*, not more than a person reads."""
    all_of_them = list(names)
    more = len(all_of_them) - most
    shown = ", ".join(all_of_them[:most])
    return f"{shown} and {more} more" if more > 0 else shown
