"""One answer to one waiting task."""

from typing import Generic, TypeVar

import attrs
import trio

T = TypeVar("T")


@attrs.define(eq=False)
class Reply(Generic[T]):
    """A place for one answer, which is given once."""

    _answer: T | None = attrs.field(default=None, init=False)
    _error: Exception | None = attrs.field(default=None, init=False)
    _is_given: bool = attrs.field(default=False, init=False)
    _waiting: trio.lowlevel.Task | None = attrs.field(default=None, init=False)

    def give(self, answer: T) -> None:
        """Answer with *answer*."""
        self._answer = answer
        self._wake()

    def fail(self, error: Exception) -> None:
        """Answer by raising *error* where the answer is awaited."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        self._is_given = True
        if self._waiting is not None:
            trio.lowlevel.reschedule(self._waiting)
            self._waiting = None

    async def wait(self) -> T:
        """Return the answer. A checkpoint; an answer that is there is not lost."""
        if self._is_given:
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:

            def abort(_: object) -> trio.lowlevel.Abort:
                self._waiting = None
                return trio.lowlevel.Abort.SUCCEEDED

            self._waiting = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(abort)
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]  # given, and of type T
