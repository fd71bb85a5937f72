"""Clients that read a run when they like: all of them know the same in the end."""

import json
import random
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.feeds import Client, feeds_in, merge
from tests.support.plans import plan, task

from crew_actors.console.feeds import Feeds, Scope
from crew_actors.model import Failure, FailureKind, Limits, RetryPolicy, Usage
from crew_actors.runtimes import Completed, Failed, Job, Outcome, Port

CLIENTS = 8


class Whim:
    """An agent that does this and that, and fails now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    async def __call__(self, job: Job, port: Port) -> Outcome:
        for n in range(self.random.randrange(4)):
            await port.progress(f"step {n}")
            await port.usage(Usage(input=n))
            await trio.sleep(self.random.random() / 5)
        if self.random.random() < 0.4:
            failure = Failure(kind=FailureKind.EXIT, message="not this time")
            return Failed(failure=failure)
        return Completed(text="done")


async def read(feeds: Feeds, scope: Scope, seed: int, ends: trio.Event) -> Client:
    """Read at random, leave and come back, with the revision or without."""
    rng = random.Random(seed)
    client = await Client.to(feeds, scope)
    while not ends.is_set():
        await trio.sleep(rng.random() * 0.4)
        with trio.move_on_after(rng.choice((0, 0.01, 0.2))):
            for _ in range(rng.randrange(4)):
                await client.step()
        if rng.random() < 0.2:
            client.close()
            await trio.sleep(rng.random() * 0.2)
            client = await again(feeds, scope, client)
    while client.cursor.rev < client.cursor._feed.rev:
        await client.step()
    client.close()
    return client


async def again(feeds: Feeds, scope: Scope, left: Client) -> Client:
    """Come back as a page does: with what it has."""
    client = await Client.to(feeds, scope, since=left.cursor.rev)
    if client.cursor.snapshot is None:
        client.known = left.known
    elif scope.kind == "events":
        known: Any = json.loads(json.dumps(left.known))
        merge(known, client.known)
        client.known = known
    return client


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["run", "events"])
async def test_whoever_reads_when_knows_the_same_in_the_end(
    folder: Path, seed: int, kind: str
) -> None:
    tasks = [task(f"t{n}", *([f"t{n - 3}"] if n > 2 else [])) for n in range(9)]
    the_plan = plan(*tasks, limits=Limits(attempts=2))
    quick = attrs.evolve(the_plan, retry=RetryPolicy(first=0.1))
    clients: list[Client] = []
    ends = trio.Event()
    async with feeds_in(folder, worker=Whim(seed)) as (crew, feeds):
        run = await crew.start(quick)
        scope = Scope(kind, run=run.id)

        async def keep(number: int) -> None:
            clients.append(await read(feeds, scope, seed * 100 + number, ends))

        async with trio.open_nursery() as nursery:
            for number in range(CLIENTS):
                nursery.start_soon(keep, number)
            state = await run.wait()
            newest = await Client.to(feeds, scope)
            if kind == "run":
                await newest.until("run", owner=None)
            else:
                await newest.see(lambda known: known["events"][-1]["seq"] == state.seq)
                seqs = [event["seq"] for event in newest.known["events"]]
                assert seqs == list(range(1, state.seq + 1))
            ends.set()
        newest.close()
    assert len(clients) == CLIENTS
    for client in clients:
        assert client.known == newest.known
