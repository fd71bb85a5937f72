# A model that runs on this machine is a process of the crew: an actor starts it when the
# first agent asks for it, and it ends with the crew. If it ends before that, the next one
# who asks has it started again.
"""Models that run on this machine."""

import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.actors import (
    Actors,
    ActorStopped,
    AskTimeout,
    Inbox,
    MailboxClosed,
    Ref,
)
from crew_actors.llm import NoLocalModel
from crew_actors.runs._failures import find_cause
from crew_mailbox import Request
from crew_supervisors import (
    KILL,
    ChildProcess,
    ProcessError,
    ProcessSpec,
    Rung,
    run_process,
)

START_SECONDS: Final = 120.0
"""Seconds in which the weights must have been read. Those of large models take long."""


@attrs.frozen(eq=False)
class Where(Request[str]):
    """Where is the server? Answered with its address, when it serves."""


@final
@attrs.define(eq=False)
class LocalModels:
    """The models that run on this machine, for one crew."""

    _actors: Actors | None = attrs.field(default=None, init=False)
    _servers: dict[Path, Ref[Where]] = attrs.field(
        factory=dict[Path, Ref[Where]], init=False
    )
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _count: Iterator[int] = attrs.field(factory=count, init=False)

    def live_in(self, actors: Actors) -> None:
        """Let the servers be children of *actors*."""
        self._actors = actors

    async def url(self, weights: Path) -> str:
        """Return the address of the server for *weights*, which is started if need be.

        Raises:
          NoLocalModel: it does not run; the message says why.
        """
        for _ in range(2):  # it may have ended since it was last asked
            server = await self._server(weights)
            try:
                return await server.ask(Where(), timeout=START_SECONDS)
            except (ActorStopped, MailboxClosed):
                if self._servers.get(weights) is server:  # else it is started already
                    del self._servers[weights]
            except AskTimeout as error:
                raise NoLocalModel(f"it does not serve: {error}") from error
        raise NoLocalModel("its server ends as soon as it is started")

    async def _server(self, weights: Path) -> Ref[Where]:
        async with self._lock:
            found = self._servers.get(weights)
            if found is None:
                assert self._actors is not None, "it is set before anybody can ask"
                found = self._servers[weights] = await self._actors.spawn(
                    serve_model,
                    weights,
                    name=f"model/{weights.stem}-{next(self._count)}",
                    restart="temporary",
                    stop=KILL,
                )
            return found


async def serve_model(inbox: Inbox[Where], weights: Path) -> None:
    """Run the server for *weights*, and tell whoever asks where it is.

    Ends when the server does: whoever has asked by then is told why.
    """
    argv = (sys.executable, "-m", "crew_actors.llm.local_server", str(weights))
    spec = ProcessSpec(
        name=f"model/{weights.stem}", argv=argv, ladder=(Rung("SIGTERM", 0.5),)
    )
    why = ""
    try:
        async with trio.open_nursery() as nursery:
            process: ChildProcess = await nursery.start(run_process, spec)
            url = await _url(process)
            nursery.start_soon(_until_ended, process)
            async for request in inbox:
                request.reply(url)
            nursery.cancel_scope.cancel()
    except* (ProcessError, NoLocalModel) as errors:
        cause = find_cause(errors, NoLocalModel) or find_cause(errors, ProcessError)
        why = str(cause)
    while why and inbox.queued:
        (await inbox.receive()).fail(NoLocalModel(why))


async def _url(process: ChildProcess) -> str:
    async for line in process.lines():
        return str(json.loads(line.text)["url"])
    how = await process.wait()
    last = how.stderr_tail.strip().rpartition("\n")[2]
    raise NoLocalModel(f"its server has ended ({how}): {last}")


async def _until_ended(process: ChildProcess) -> None:
    async for _ in process.lines():
        pass  # it has nothing more to say
    raise NoLocalModel(f"its server has ended ({await process.wait()})")
