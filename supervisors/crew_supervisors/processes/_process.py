# The handle of one running process. It asks; `_life.py` does.
"""What the owner of a process can do with it."""

import math
from typing import Final, final

import trio

from crew_supervisors.processes._life import CANCEL_GRACE, Life
from crew_supervisors.processes._line_stream import LineStream
from crew_supervisors.processes._output import StreamName
from crew_supervisors.processes._report import (
    ContainmentKind,
    ExitReason,
    ProcessExit,
    ProcessIdentity,
    StopReport,
)
from crew_supervisors.processes._scan import is_alive
from crew_supervisors.processes._spec import ProcessSpec

QUIET: Final = 0.8  # seconds of silence; agents that end by themselves take less
FINISH_WITHIN: Final = 5.0
KILL_RESERVE: Final = 0.1  # seconds kept of a caller's deadline for the kill itself


@final
class ChildProcess:
    """A process that runs, or has run. Made by `run_process` only."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._streams: dict[StreamName, LineStream] = {}

    @property
    def name(self) -> str:
        """The name in its spec."""
        return self.spec.name

    @property
    def spec(self) -> ProcessSpec:
        """What it was started from."""
        return self._life.spec

    @property
    def pid(self) -> int:
        """The program's own number."""
        return self.identity.pid

    @property
    def identity(self) -> ProcessIdentity:
        """Its number and create time."""
        return self._life.host.identity

    @property
    def containment(self) -> ContainmentKind:
        """What holds its tree now."""
        return self._life.host.kind

    def __repr__(self) -> str:
        return f"<ChildProcess {self.name!r} pid={self.pid} {self.containment}>"

    def lines(self, stream: StreamName = "stdout") -> LineStream:
        """Return the lines of *stream*, the same object at each call.

        Not a checkpoint.

        Raises:
          ValueError: the spec gives this stream to the tail.
        """
        output = self._life.outputs[stream]
        if stream not in self._streams:
            if output.mode != "lines":
                raise ValueError(
                    f"{stream} of process {self.name!r} is kept as a tail only: "
                    f'give {stream}="lines" in its spec'
                )
            self._streams[stream] = LineStream(output)
        return self._streams[stream]

    def tail(self, stream: StreamName = "stderr") -> str:
        """Return the end of what *stream* has said. Not a checkpoint."""
        return self._life.outputs[stream].tail()

    def dropped(self, stream: StreamName = "stdout") -> int:
        """Return how many bytes of too long lines were dropped."""
        return self._life.outputs[stream].dropped

    def replaced(self, stream: StreamName = "stdout") -> int:
        """Return how many characters stand for bytes that are not UTF-8."""
        return self._life.outputs[stream].replaced

    async def send_line(self, text: str) -> None:
        """Write *text* and a line end to stdin. See `send_bytes`."""
        await self.send_bytes(text.encode() + b"\n")

    async def send_bytes(self, data: bytes) -> None:
        """Write *data* to stdin; senders are served one after the other.

        Waits as long as the program does not read: the deadline is the caller's. A
        checkpoint. Cancelled while it wrote: a part may be written, so this stdin
        takes nothing more. The program is not stopped by any of it.

        Raises:
          StdinClosed: *data* did not arrive, and nothing sent later can.
        """
        await self._life.input.send(data)

    async def close_stdin(self) -> None:
        """Let the program read the end of its input. Idempotent; a checkpoint.

        Waits for the sends before it, as long as the program does not read them: the
        deadline is the caller's. `stop` waits for none.
        """
        await self._life.input.close()

    def beat(self) -> None:
        """Count as output for the limit on silence: the program is right to be silent.

        Not a checkpoint.
        """
        self._life.beat()

    async def wait(self) -> ProcessExit:
        """Wait until the process and its tree have ended; a checkpoint.

        Cancelled: only the waiting ends.
        """
        await self._life.ended.wait()
        assert self._life.exit is not None  # ended without one only by our own fault
        return self._life.exit

    async def stop(
        self, *, grace: float | None = None, reason: str = "stop"
    ) -> StopReport:
        """Stop the process and everything below it. Idempotent.

        Goes up the ladder of the spec, then kills the tree and verifies that nothing
        is left. *grace*: at most that many seconds before the kill. A surrounding
        deadline, or a stop that was asked for with less grace, shortens it further.
        Concurrent calls share one stop; the first reason counts. A checkpoint.

        Shielded: it returns, with the report, after the sum of the graces, 200 ms
        and the 12 seconds that a kill may take at most. A cancellation that comes
        meanwhile leaves it 200 ms of grace and is delivered afterwards.
        """
        left = math.inf if grace is None else max(0.0, grace)
        return await self._end("stopped", reason, left)

    async def finish(
        self,
        *,
        quiet: float = QUIET,
        within: float = FINISH_WITHIN,
        reason: str = "finished",
    ) -> StopReport:
        """End a process that has given its answer, and need not exit to be done.

        It may exit by itself until it has said nothing for *quiet* seconds; then it is
        stopped as by `stop`, and SIGKILL comes *within* seconds of the call, or earlier by
        the ladder. That end is a success, whatever signal it took: `ProcessExit.reason` is
        ``finished``. A program that exits by itself has ``exited``, and its status counts.
        From the call on, the deadlines of its spec fire no more. A checkpoint.

        Shielded and cancelled as `stop` is.
        """
        deadline = trio.current_time() + max(0.0, within)
        try:
            with trio.move_on_at(deadline):
                await self._life.linger(quiet)
        except trio.Cancelled:
            pass  # trio delivers it again, at the next checkpoint
        left = max(0.0, deadline - trio.current_time())
        return await self._end("finished", reason, left)

    async def _end(self, reason: ExitReason, words: str, left: float) -> StopReport:
        deadline = trio.current_effective_deadline()
        if deadline > trio.current_time():  # not cancelled yet
            until = max(0.0, deadline - trio.current_time() - KILL_RESERVE)
            self._life.ask(reason, words, min(left, until))
            try:
                await self._life.stopped.wait()
            except trio.Cancelled:
                left = CANCEL_GRACE  # trio delivers it again, at the next checkpoint
        await self._life.end(reason, words, min(left, CANCEL_GRACE))
        assert self._life.report is not None  # as in wait()
        return self._life.report

    async def alive(self) -> bool:
        """Look whether the program itself lives; a suspended one does. A checkpoint."""
        await trio.lowlevel.checkpoint()
        return not self._life.host.exited.is_set() and is_alive(self.identity)
