"""Feeds for tests: a client that keeps what it is told, agents, other processes."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from crew_actors.console.feeds import Cursor, Feeds, Scope
from crew_actors.model import RunId, Usage
from crew_actors.runs import Crew
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port
from tests.support import other_owner
from tests.support.crews import crew_in

Json = dict[str, Any]


@asynccontextmanager
async def feeds_in(
    folder: Path, **functions: AgentFunction
) -> AsyncGenerator[tuple[Crew, Feeds]]:
    """Open a crew and its feeds."""
    async with crew_in(folder, **functions) as crew, feeds_of(crew) as feeds:
        yield crew, feeds


@asynccontextmanager
async def feeds_of(crew: Crew, **options: Any) -> AsyncGenerator[Feeds]:
    """Open the feeds of *crew*."""
    feeds = Feeds(crew, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(feeds.serve)
        yield feeds
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class Client:
    """Merges what it is told into what it knows."""

    cursor: Cursor
    known: Json = attrs.field(factory=dict[str, Any])
    frames: list[Json] = attrs.field(factory=list[Json], init=False)

    @classmethod
    async def to(cls, feeds: Feeds, scope: Scope, since: int | None = None) -> "Client":
        """Subscribe to *scope*."""
        cursor = await feeds.subscribe(scope, since)
        client = cls(cursor)
        if cursor.snapshot is not None:
            client.known = json.loads(cursor.snapshot)
            for key, name in (("runs", "run"), ("mailboxes", "name")):
                if key in client.known:
                    client.known[key] = {one[name]: one for one in client.known[key]}
        return client

    async def step(self) -> Json:
        """Wait for the next update, and merge it."""
        base = self.cursor.rev
        frame = json.loads(await self.cursor.next())
        assert frame["base"] == base
        assert frame["rev"] == self.cursor.rev > base
        assert frame["changes"], "an update tells something"
        self.frames.append(frame)
        merge(self.known, frame["changes"])
        changes: Json = frame["changes"]
        return changes

    async def see(self, wanted: Callable[[Json], object], seconds: float = 10) -> None:
        """Follow until what is known is as *wanted*."""
        with trio.move_on_after(seconds):
            while not wanted(self.known):
                await self.step()
            return
        msg = f"not within {seconds} seconds: {json.dumps(self.known)}"
        raise AssertionError(msg)

    async def until(self, key: str, **wanted: object) -> None:
        """Follow until the row at *key* has what is *wanted*."""
        await self.see(
            lambda known: all(known[key].get(k) == v for k, v in wanted.items())
        )

    def close(self) -> None:
        """Leave."""
        self.cursor.close()


def merge(known: Json, changes: Json) -> None:
    """Do what each client does with the changes of an update."""
    for key, change in changes.items():
        if key == "run":
            known[key] = {**known[key], **change}
        elif key in {"runs", "tasks", "mailboxes"}:
            for name, row in change.items():
                if row is None:
                    known[key].pop(name, None)
                else:
                    known[key][name] = {**known[key].get(name, {}), **row}
        elif key in {"events", "letters"}:
            known.setdefault(key, []).extend(change)
        else:
            known[key] = change


@asynccontextmanager
async def reading(
    feeds: Feeds, scope: Scope, since: int | None = None
) -> AsyncGenerator[Client]:
    """Read *scope* for the length of a block."""
    client = await Client.to(feeds, scope, since)
    try:
        yield client
    finally:
        client.close()


class Gate:
    """An agent that says something and goes on when it is let."""

    def __init__(self) -> None:
        self.open = trio.Event()

    async def __call__(self, job: Job, port: Port) -> Outcome:
        await port.progress("at it")
        await self.open.wait()
        await port.usage(Usage(input=3, output=4, cost=0.5))
        return Completed(text="done")


@attrs.frozen
class Other:
    """A process that owns a run."""

    process: trio.Process
    run: RunId

    async def order(self, line: str) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send_all(f"{line}\n".encode())


@asynccontextmanager
async def owner(folder: Path, *tasks: str) -> AsyncGenerator[Other]:
    """Have another process own a run of *tasks*."""
    top = Path(other_owner.__file__).parents[2]
    command = [sys.executable, "-m", "tests.support.other_owner", str(folder), *tasks]
    pipe = subprocess.PIPE
    process = await trio.lowlevel.open_process(
        command, cwd=top, stdin=pipe, stdout=pipe, env=_environment(top)
    )
    try:
        assert process.stdout is not None
        line = b""
        with trio.fail_after(20):
            while not line.endswith(b"\n"):
                more = await process.stdout.receive_some()
                assert more, "it has ended"
                line += more
        yield Other(process, RunId(json.loads(line)["run"]))
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    await stream.aclose()


def _environment(top: Path) -> dict[str, str]:
    paths = (top, *(top / name for name in ("crew_actors", "supervisors", "mailbox")))
    return {"PYTHONPATH": ":".join(map(str, paths)), "PATH": "/usr/bin:/bin"}
