"""Events of a run that has more of them than are kept in memory."""

import json
from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in
from tests.support.feeds import Client, feeds_in, feeds_of, reading
from tests.support.plans import plan, task

from crew_actors.console.feeds import Scope, _events
from crew_actors.journal import read_events
from crew_actors.observe.displays import event_object
from crew_actors.runs import Run
from crew_actors.runtimes import Completed, Job, Outcome, Port


class Talker:
    """An agent that says a lot."""

    def __init__(self) -> None:
        self.go = trio.Event()

    async def __call__(self, job: Job, port: Port) -> Outcome:
        await self.go.wait()
        for n in range(60):
            await port.answer_seen()
            await port.progress(f"{n}")
        return Completed(text="done")


def all_of(run: Run) -> object:
    return json.loads(
        json.dumps([event_object(one) for one in read_events(run.folder)])
    )


async def read_all(client: Client, last: int) -> object:
    await client.see(lambda known: known["events"][-1]["seq"] == last)
    return client.known["events"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_events, "TAIL_EVENTS", 20)
    monkeypatch.setattr(_events, "FRAME_EVENTS", 7)
    monkeypatch.setattr(_events, "OLD_FRAMES", 3)


@pytest.mark.usefixtures("small")
async def test_who_is_far_behind_is_served_from_the_disk_and_misses_nothing(
    folder: Path,
) -> None:
    talker = Talker()
    async with feeds_in(folder, worker=talker) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        async with reading(feeds, Scope("events", run=run.id)) as slow:
            talker.go.set()
            state = await run.wait()
            await trio.sleep(0.2)
            assert await read_all(slow, state.seq) == all_of(run)
            assert all(len(one["changes"]["events"]) <= 7 for one in slow.frames)
            feed = feeds._feeds[Scope("events", run=run.id)]
            assert isinstance(feed, _events.EventsFeed)
            assert (len(feed._tail), len(feed._old)) == (20, 3)


@pytest.mark.usefixtures("small")
async def test_who_comes_later_begins_with_the_first_event(folder: Path) -> None:
    talker = Talker()
    talker.go.set()
    async with crew_in(folder, worker=talker) as crew, feeds_of(crew) as feeds:
        run = await crew.start(plan(task("a")))
        state = await run.wait()
        async with (
            reading(feeds, Scope("events", run=run.id)) as one,
            reading(feeds, Scope("events", run=run.id), since=40) as other,
        ):
            whole = all_of(run)
            assert isinstance(whole, list)
            assert await read_all(one, state.seq) == whole
            assert await read_all(other, state.seq) == whole[40:]


async def test_a_frame_is_full_when_it_has_many_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_events, "FRAME_BYTES", 400)
    talker = Talker()
    talker.go.set()
    async with crew_in(folder, worker=talker) as crew, feeds_of(crew) as feeds:
        run = await crew.start(plan(task("a")))
        state = await run.wait()
        async with reading(feeds, Scope("events", run=run.id)) as client:
            assert len(client.known["events"]) == 1  # the plan is larger than a frame
            assert await read_all(client, state.seq) == all_of(run)
            assert max(len(one["changes"]["events"]) for one in client.frames) < 7


async def test_who_knows_an_event_before_the_feed_does_gets_no_old_ones(
    folder: Path,
) -> None:
    talker = Talker()
    async with feeds_in(folder, worker=talker) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        scope = Scope("events", run=run.id)
        async with reading(feeds, scope):
            feed = feeds._feeds[scope]
            assert isinstance(feed, _events.EventsFeed)
            ahead = feed.rev + 2
            feed._seq = lambda: ahead
            async with reading(feeds, scope, since=ahead) as client:
                assert (client.cursor.snapshot, client.cursor.rev) == (None, ahead)
                talker.go.set()
                await client.step()
                assert client.known["events"][0]["seq"] == ahead + 1
                newest = feed.rev
            # The state may be behind the disk for a moment, where others read.
            feed._seq = lambda: newest - 1
            async with reading(feeds, scope, since=newest) as client:
                assert (client.cursor.snapshot, client.cursor.rev) == (None, newest)
            feed.rev = newest - 1
            async with reading(feeds, scope, since=newest) as client:
                assert (client.cursor.snapshot, client.cursor.rev) == (None, newest)
            feed.rev = newest
            beyond = await feeds.subscribe(scope, since=feed.rev + 1000)
            assert beyond.snapshot is not None
            assert json.loads(beyond.snapshot)["events"][0]["seq"] == 1
            beyond.close()
