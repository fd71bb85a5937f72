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


class NothingToRetry(UserError):
    """No task was named that could be tried again, or none is there."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"there is nothing to retry: {self.detail}"


class NothingToResume(UserError):
    """Nothing of the run is left to be done. It was not touched."""

    def __init__(self, run: str, status: str) -> None:
        super().__init__(run, status)
        self.run = run
        self.status = status

    def __str__(self) -> str:
        return (
            f"run {self.run} is {self.status}, and nothing in it was interrupted; "
            "`crew retry` does again what failed"
        )


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
