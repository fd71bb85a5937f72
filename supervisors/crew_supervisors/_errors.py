# SupervisorError
# ├── BadSpec              the spec or an option is wrong; nothing was started
# ├── ChildStartFailed     the child did not come up; nothing of it is left
# ├── ChildExists          the name is taken; choose another, or restart that child
# ├── ChildRunning         the child must be stopped first
# ├── NoSuchChild          there is no child of that name
# ├── TooManyChildren      a dynamic supervisor is full; nothing was started
# ├── RestartLimitReached  a child failed too often; all children are stopped
# ├── FailureEscalated     a child failed in a way that its spec calls too bad; the same
# ├── SupervisorStopped    the supervisor stops or has stopped; it starts nothing
# ├── SupervisorsTooDeep   supervisors are nested too deep; nothing was started
# └── WrongThread          the call came from outside of the trio run; nothing was done
#
# StopErrors (a group)     what children raised while all were stopped
# DeclineStart             is raised by a child that does not want to start
#
# One class for each reaction of the caller. All of them survive pickle.
"""The errors of supervisors."""

from collections.abc import Sequence
from typing import final

from ._checks import SpecProblem


class SupervisorError(Exception):
    """Base of all errors of supervisors."""


@final
class BadSpec(SupervisorError):
    """Specs or options are wrong. Nothing was started.

    ``problems`` holds all of them.
    """

    def __init__(self, problems: tuple[SpecProblem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@final
class ChildStartFailed(SupervisorError):
    """A child ended, or was stopped, before it said that it is up.

    ``__cause__`` is what the child raised, if it raised. Nothing of the child is left,
    unless a `ChildStuck` event says otherwise.
    """

    def __init__(self, child: str, supervisor: str, why: str) -> None:
        super().__init__(child, supervisor, why)
        self.child = child
        self.supervisor = supervisor
        self.why = why

    def __str__(self) -> str:
        return f"child {self.child!r} of {self.supervisor!r} did not start: {self.why}"


@final
class ChildExists(SupervisorError):
    """The supervisor has a child of this name already. The call changed nothing.

    ``running`` tells whether it runs (or is about to), or is only remembered.
    """

    def __init__(self, child: str, supervisor: str, running: bool) -> None:  # noqa: FBT001  # a fact, and pickle passes facts by position
        super().__init__(child, supervisor, running)
        self.child = child
        self.supervisor = supervisor
        self.running = running

    def __str__(self) -> str:
        found = f"{self.supervisor!r} has a child {self.child!r} already"
        if self.running:
            return f"{found}, which runs; stop it, or choose another name"
        return f"{found}, which is stopped; restart or remove it"


@final
class ChildRunning(SupervisorError):
    """The call needs a stopped child, and this one is ``state``. Nothing changed."""

    def __init__(self, child: str, supervisor: str, state: str) -> None:
        super().__init__(child, supervisor, state)
        self.child = child
        self.supervisor = supervisor
        self.state = state

    def __str__(self) -> str:
        found = f"child {self.child!r} of {self.supervisor!r} is {self.state}"
        return f"{found}; stop it first"


@final
class NoSuchChild(SupervisorError):
    """The supervisor has no child of this name. Temporary ones are forgotten."""

    def __init__(self, child: str, supervisor: str) -> None:
        super().__init__(child, supervisor)
        self.child = child
        self.supervisor = supervisor

    def __str__(self) -> str:
        return f"{self.supervisor!r} has no child {self.child!r}; see children()"


@final
class RestartLimitReached(SupervisorError):
    """A child needed one restart more than allowed.

    All children of the supervisor have been stopped, newest first. ``__cause__`` is
    what the child raised; None means that it kept returning.
    """

    def __init__(
        self, child: str, supervisor: str, max_restarts: int, within: float
    ) -> None:
        super().__init__(child, supervisor, max_restarts, within)
        self.child = child
        self.supervisor = supervisor
        self.max_restarts = max_restarts
        self.within = within

    def __str__(self) -> str:
        return (
            f"child {self.child!r} of {self.supervisor!r} needed more than "
            f"{self.max_restarts} restarts within {self.within:g} s; "
            f"see what it raised, or allow more with max_restarts and within"
        )


@final
class FailureEscalated(SupervisorError):
    """A child raised what its spec answers with ``escalate``.

    All children have been stopped, newest first. ``__cause__`` is what it raised. To a
    supervisor above this is a failure, which restarts a transient child spec; reaching a
    restart limit is not.
    """

    def __init__(self, child: str, supervisor: str) -> None:
        super().__init__(child, supervisor)
        self.child = child
        self.supervisor = supervisor

    def __str__(self) -> str:
        return (
            f"child {self.child!r} of {self.supervisor!r} raised what its spec "
            f"escalates; see its cause"
        )


@final
class TooManyChildren(SupervisorError):
    """A dynamic supervisor has ``max_children`` already. Nothing was started."""

    def __init__(self, supervisor: str, max_children: int) -> None:
        super().__init__(supervisor, max_children)
        self.supervisor = supervisor
        self.max_children = max_children

    def __str__(self) -> str:
        return (
            f"{self.supervisor!r} has {self.max_children} children, with those that wait "
            f"for a restart; wait until one has ended, or allow more with max_children"
        )


@final
class WrongThread(SupervisorError):
    """A supervisor was used from outside of its trio run. Nothing was done."""

    def __init__(self, supervisor: str) -> None:
        super().__init__(supervisor)
        self.supervisor = supervisor

    def __str__(self) -> str:
        return (
            f"{self.supervisor!r} was used outside of its trio run; from a thread, use "
            f"trio.from_thread.run(supervisor.stop, name), or run_sync for what does "
            f"not wait"
        )


@final
class StopErrors(ExceptionGroup[Exception]):
    """What children raised while all children were stopped.

    Each error has a note that names its child. There are at most 100; reports have all.
    """

    def derive(self, excs: Sequence[Exception]) -> "StopErrors":  # type: ignore[override]  # its parts stay of this kind  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep the kind in ``split`` and ``except*``."""
        return StopErrors(self.message, excs)


@final
class DeclineStart(Exception):  # an answer of a child, not an error
    """Raised by a child before it is up: it does not want to start, and says why.

    Nobody counts that as a failure. ``start`` returns None, and the child is stopped.
    Raised by a child that is up, it is a failure like any other; a body without
    ``task_status`` is up at once.
    """


@final
class SupervisorStopped(SupervisorError):
    """The supervisor stops, or has stopped. The call changed nothing."""

    def __init__(self, supervisor: str) -> None:
        super().__init__(supervisor)
        self.supervisor = supervisor

    def __str__(self) -> str:
        return f"{self.supervisor!r} is stopping or stopped; it takes no more orders"


@final
class SupervisorsTooDeep(SupervisorError):
    """Supervisors are nested deeper than ``limit``. This one was not started.

    trio itself breaks when some 400 nurseries are nested.
    """

    def __init__(self, supervisor: str, limit: int) -> None:
        super().__init__(supervisor, limit)
        self.supervisor = supervisor
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"supervisor {self.supervisor!r} would be nested deeper than {self.limit} "
            f"supervisors; start it further up, next to one of those around it"
        )
