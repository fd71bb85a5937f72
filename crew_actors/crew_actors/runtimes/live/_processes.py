# The processes of a live agent: commands and searches. Each is supervised, is on disk
# before it works, and has ended with all that it started before its tool returns.
"""Run a process for a live agent."""

from collections import deque
from typing import Final, final

import attrs
import trio

from crew_actors.model import CommandSpec
from crew_actors.runtimes._job import Job, Port
from crew_actors.runtimes._process import NOT_STARTED, process_spec
from crew_actors.runtimes.live._tool import ToolFailed
from crew_supervisors import (
    ChildProcess,
    ProcessExit,
    Supervisor,
)

HEAD: Final = 8_000
"""Characters of the beginning of what a process says that are told."""

TAIL: Final = 16_000
"""Characters of its end that are told."""

_LINE: Final = 1 << 16


@final
@attrs.define
class Told:
    """What a process has said: its beginning and its end."""

    _head: list[str] = attrs.field(factory=list[str], init=False)
    _tail: deque[str] = attrs.field(factory=deque[str], init=False)
    _headroom: int = attrs.field(default=HEAD, init=False)
    _size: int = attrs.field(default=0, init=False)
    """Characters of the end."""
    _left_out: int = attrs.field(default=0, init=False)
    """Lines between the two."""

    def add(self, line: str) -> None:
        """Take in one line."""
        line = line[:TAIL]
        if self._headroom > len(line) and not self._tail:
            self._head.append(line)
            self._headroom -= len(line) + 1
            return
        self._tail.append(line)
        self._size += len(line) + 1
        while self._size > TAIL and len(self._tail) > 1:
            self._size -= len(self._tail.popleft()) + 1
            self._left_out += 1

    def text(self) -> str:
        """Tell all that is kept."""
        lines = list(self._head)
        if self._left_out:
            lines.append(f"({self._left_out:,} lines are left out here)")
        return "\n".join([*lines, *self._tail])


@final
@attrs.define(eq=False)
class Processes:
    """Runs one process after the other, under the supervisor of one attempt."""

    job: Job
    port: Port
    _supervisor: Supervisor = attrs.field(alias="supervisor")
    _announced: bool = attrs.field(default=False, init=False)

    async def run(
        self, argv: tuple[str, ...], *, seconds: float
    ) -> tuple[str, ProcessExit]:
        """Run *argv* in the workspace; return what it has said, and how it ended.

        Both of its streams are told. Cancelled, its tree is killed at once.

        Raises:
          ToolFailed: it cannot be started.
        """
        try:
            spec = process_spec(
                *(self.job, CommandSpec(argv=argv, timeout=seconds), argv),
                stdin="null",
                max_line=_LINE,
            )
            if not self._announced:
                await self.port.process_starts(self._supervisor)
                self._announced = True
            process = await self._supervisor.start_process(spec)
        except NOT_STARTED as error:
            raise ToolFailed(
                f"it cannot be started: {error.__cause__ or error}"
            ) from error
        told = Told()
        try:
            await self.port.process_started(process)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, process, "stderr", told)
                await self._listen(process, "stdout", told)
            how = await process.wait()
        finally:
            await process.stop(grace=0, reason="its use is over")
        await self.port.process_ended(process, how)
        return told.text(), how

    async def _listen(self, process: ChildProcess, stream: str, told: Told) -> None:
        async for line in process.lines("stderr" if stream == "stderr" else "stdout"):
            self.port.beat()
            told.add(line.text)
