"""The runs of a project: those at work, those of the past, those that come and go."""

import shutil
from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in, echo, fail
from tests.support.feeds import Gate, feeds_in, feeds_of, reading
from tests.support.plans import plan, task

from crew_actors.console.feeds import FeedEnded, Scope, _runs
from crew_actors.journal import JournalCorrupt, Registry, RunEntry, RunList
from crew_actors.model import Selection

RUNS = Scope("runs")


async def test_runs_of_the_past_are_listed_the_newest_first(folder: Path) -> None:
    async with feeds_in(folder, worker=echo, loser=fail) as (crew, feeds):
        first = await crew.start(plan(task("a")))
        await first.wait()
        second = await crew.start(plan(task("a", role="loser"), task("b", "a")))
        await second.wait()
        async with reading(feeds, RUNS) as client:
            await client.see(
                lambda known: not any(one["partial"] for one in known["runs"].values())
            )
            runs = client.known["runs"]
            assert set(runs) == {first.id, second.id}
            assert runs[first.id]["counts"] == {"completed": 1}
            row = runs[second.id]
            assert row["counts"] == {"failed": 1, "skipped": 1}
            assert (row["status"], row["owner"]) == ("failed", None)
            assert row["ended_at"] >= row["started_at"] >= row["created_at"]
        again = await feeds.subscribe(RUNS)
        assert again.snapshot is not None
        assert again.snapshot.index(second.id.encode()) < again.snapshot.index(
            first.id.encode()
        )
        again.close()


async def test_a_list_is_there_at_once_and_fills_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with crew_in(folder, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    go = trio.Event()
    reads = _runs.RunsFeed._read_one

    async def slowly(self: _runs.RunsFeed, entry: RunEntry) -> None:
        await go.wait()
        await reads(self, entry)

    monkeypatch.setattr(_runs.RunsFeed, "_read_one", slowly)
    async with feeds_in(folder) as (_, feeds), reading(feeds, RUNS) as client:
        row = client.known["runs"][run.id]
        assert (row["partial"], row["status"], row["goal"]) == (True, None, "try it")
        go.set()
        changes = await client.step()
        assert changes["runs"][run.id]["status"] == "completed"
        assert "goal" not in changes["runs"][run.id]


async def test_a_run_that_cannot_be_read_says_why_and_hurts_no_other(
    folder: Path,
) -> None:
    async with feeds_in(folder, worker=echo) as (crew, feeds):
        bad = await crew.start(plan(task("a")))
        await bad.wait()
        good = await crew.start(plan(task("a")))
        await good.wait()
        bad.folder.database.write_bytes(b"no database at all" * 100)
        async with reading(feeds, RUNS) as client:
            await client.see(lambda known: known["runs"][bad.id]["problem"])
            row = client.known["runs"][bad.id]
            assert (row["status"], row["partial"]) == (None, False)
            await client.see(lambda known: not known["runs"][good.id]["partial"])
        with pytest.raises(JournalCorrupt):
            await feeds.subscribe(Scope("run", run=bad.id))


async def test_a_run_that_is_removed_goes_from_the_list_and_ends_its_feeds(
    folder: Path,
) -> None:
    async with feeds_in(folder, worker=echo) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        await run.wait()
        async with (
            reading(feeds, RUNS) as client,
            reading(feeds, Scope("run", run=run.id)) as one,
        ):
            shutil.rmtree(run.folder.path)
            await client.see(lambda known: known["runs"] == {})
            with trio.fail_after(10), pytest.raises(FeedEnded, match="removed"):
                while True:
                    await one.step()


async def test_a_run_that_is_retried_here_goes_on_in_the_list(folder: Path) -> None:
    gate = Gate()
    async with crew_in(folder, worker=fail) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    async with (
        feeds_in(folder, worker=gate) as (crew, feeds),
        reading(feeds, RUNS) as client,
        reading(feeds, Scope("run", run=run.id)) as one,
        reading(feeds, Scope("events", run=run.id)) as events,
    ):
        await client.see(lambda known: known["runs"][run.id]["status"] == "failed")
        await crew.resume(run.folder, retry=Selection())
        await client.see(lambda known: known["runs"][run.id]["owner"])
        await one.until("run", status="running")
        gate.open.set()
        await client.see(lambda known: known["runs"][run.id]["status"] == "completed")
        await one.until("run", status="completed", owner=None)
        await events.see(lambda known: known["events"][-1]["kind"] == "run.completed")
        seqs = [event["seq"] for event in events.known["events"]]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_the_newest_are_shown_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runs, "SHOWN", 2)
    async with (
        feeds_in(folder, worker=echo) as (crew, feeds),
        reading(feeds, RUNS) as client,
    ):
        ids: list[str] = []
        for _ in range(3):
            run = await crew.start(plan(task("a")))
            await run.wait()
            ids.append(run.id)
        await client.see(lambda known: set(known["runs"]) == set(ids[1:]))


async def test_a_list_that_does_not_change_is_not_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runs, "LOOK", 0.05)
    async with feeds_in(folder, worker=echo) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        await run.wait()
        async with reading(feeds, RUNS) as client:
            with trio.move_on_after(0.5):
                while True:
                    await client.step()
            frames = len(client.frames)
            with trio.move_on_after(0.5) as quiet:
                await client.step()
            assert quiet.cancelled_caught, client.frames[frames:]


async def test_nothing_is_looked_at_when_nobody_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    changed = _runs._changed_at

    def look(path: Path) -> float:
        looks.append(path)
        return changed(path)

    monkeypatch.setattr(_runs, "_changed_at", look)
    monkeypatch.setattr(_runs, "LOOK", 0.01)
    monkeypatch.setattr("crew_actors.console.feeds._shared.LINGER", 0.05)
    async with crew_in(folder) as crew, feeds_of(crew) as feeds:
        async with reading(feeds, RUNS):
            await trio.sleep(0.2)
            assert len(looks) > 1
            feed = feeds._feeds[RUNS]
        with trio.fail_after(5), pytest.raises(FeedEnded, match="nobody used it"):
            while True:
                await feed.news.park()
                await feed.up()
        before = len(looks)
        await trio.sleep(0.1)
        assert len(looks) == before


async def test_a_list_of_no_runs_is_empty(folder: Path) -> None:
    async with feeds_in(folder) as (_, feeds), reading(feeds, RUNS) as client:
        assert client.known == {"runs": {}}
        assert RUNS in feeds._feeds


async def test_a_run_of_this_process_stays_listed_when_a_list_is_older_than_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is made in a thread; the run may begin meanwhile."""
    gate = Gate()
    monkeypatch.setattr(_runs, "LOOK", 0.05)
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        async with reading(feeds, RUNS) as client:
            await client.see(lambda known: known["runs"][run.id]["counts"])

            def older(*_: object, **__: object) -> RunList:
                return RunList(runs=())

            monkeypatch.setattr(Registry, "list", older)
            with trio.move_on_after(0.5):
                while True:
                    await client.step()
            assert not client.known["runs"][run.id]["partial"]
            gate.open.set()
