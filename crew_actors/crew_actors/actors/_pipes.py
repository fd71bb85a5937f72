# Jobs that an incarnation runs beside its messages.
#
# 1. A job belongs to the incarnation: it is cancelled with it, and the incarnation has
#    not ended before its jobs have.
# 2. Each job ends as exactly one message. One that the incarnation did not read becomes
#    a dead letter.
# 3. An error of the job is a message too. An error in making the message is a crash of
#    the actor, at its next read.
#
# Jobs are system tasks, so that no nursery is opened for each incarnation. They raise
# nothing, and `end` waits for them.
"""Functions whose result comes as a message."""

import contextvars
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Generic, TypeVar, final

import attrs
import trio

from crew_actors.actors._groups_of_errors import consists_of
from crew_mailbox import Mailbox, MailboxClosed, Notice, Reason

M = TypeVar("M")
R = TypeVar("R")

log: Final = logging.getLogger("crew_actors.actors")


@final
@attrs.define(eq=False)
class Pipes(Generic[M]):
    """The jobs of one incarnation."""

    mailbox: Mailbox[M]
    are_ended: bool = attrs.field(default=False, init=False)
    unread: "dict[Result[M], None]" = attrs.field(
        factory=dict["Result[M]", None], init=False
    )
    _scopes: set[trio.CancelScope] = attrs.field(
        factory=set[trio.CancelScope], init=False
    )
    _idle: trio.Event = attrs.field(factory=trio.Event, init=False)

    def start(
        self,
        work: Callable[[], Awaitable[R]],
        then: Callable[[R], M],
        error: Callable[[Exception], M],
        name: str,
    ) -> None:
        if self.are_ended:
            return  # nobody would read its result, or wait for its end
        scope = trio.CancelScope()
        self._scopes.add(scope)
        trio.lowlevel.spawn_system_task(
            partial(self._run, scope, work, then, error),
            name=f"{self.mailbox.name}/{name}",
            context=contextvars.copy_context(),
        )

    def cancel(self) -> None:
        """Cancel the jobs, and withdraw what was not read: the incarnation has ended."""
        self.are_ended = True
        for scope in self._scopes:
            scope.cancel(reason="its actor has ended, or restarts")
        for result in self.unread:
            self.bury(result.message)
        self.unread.clear()

    async def wait(self) -> None:
        """Wait until all jobs have ended. Shielded: how long is their business."""
        if self._scopes:
            with trio.CancelScope(shield=True):
                await self._idle.wait()

    def bury(self, message: M) -> None:
        box = self.mailbox
        box.dead_letters.record(Reason.UNDELIVERED, message, receiver=box.name)

    async def _run(
        self,
        scope: trio.CancelScope,
        work: Callable[[], Awaitable[R]],
        then: Callable[[R], M],
        error: Callable[[Exception], M],
    ) -> None:
        try:
            with scope:
                await self._run_and_tell(work, then, error)
        finally:
            self._scopes.discard(scope)
            if self.are_ended and not self._scopes:
                self._idle.set()

    async def _run_and_tell(
        self,
        work: Callable[[], Awaitable[R]],
        then: Callable[[R], M],
        error: Callable[[Exception], M],
    ) -> None:
        try:
            try:
                value = await work()
            except Exception as failure:  # noqa: BLE001  it becomes a message
                message = error(failure)
            else:
                message = then(value)
        except BaseException as failure:  # a defect: the actor crashes
            if consists_of(failure, trio.Cancelled):
                raise
            self._crash(failure)
        else:
            self._deliver(message)

    def _deliver(self, message: M) -> None:
        if self.are_ended:
            self.bury(message)
            return
        result = Result(self, message)
        try:
            self.mailbox.send_notice(result)
        except MailboxClosed:
            self.bury(message)
        else:
            self.unread[result] = None

    def _crash(self, failure: BaseException) -> None:
        try:
            if not self.are_ended:
                self.mailbox.send_notice(Crash(self, failure))
                return
        except MailboxClosed:
            pass  # nobody will read it: say it here
        log.error(
            "a job of actor %r failed when the actor had ended",
            self.mailbox.name,
            exc_info=failure,
        )


@final
class Result(Notice[M]):
    """The message that a job became."""

    __slots__ = ("_pipes",)

    def __init__(self, pipes: Pipes[M], message: M) -> None:
        self.message = message
        self._pipes = pipes

    def open(self) -> bool:
        if self._pipes.are_ended:
            return False
        self._pipes.unread.pop(self, None)  # it was taken out if it was stashed
        return True


@final
class Crash(Notice[M]):
    """A bug beside the messages, which the reader has to fail with."""

    __slots__ = ("_failure", "_pipes")

    def __init__(self, pipes: Pipes[M], failure: BaseException) -> None:
        self._pipes = pipes
        self._failure = failure

    def open(self) -> bool:
        if self._pipes.are_ended:
            return False
        raise self._failure
